//! The registry's part of a backup: a store of its own, backed up before the engine's, whose backup says
//! which of the registry's belongs to it.

use std::path::{Path, PathBuf};

use super::error::{damaged_or_full, full_if_no_space};
use super::{BackupError, Backups};
use crate::registry::RegistryStore;
use crate::store::{BackupFacts, BackupStore, BesideFile};

impl Backups {
    /// Adds a backup of the registry, and gives the file that says which it is.
    pub(super) fn add_registry(&self, registry: &RegistryStore) -> Result<BesideFile, BackupError> {
        let full = full_if_no_space(&self.dir);
        let mut target = BackupStore::open(&self.registries())?;
        let number = registry.back_up(&mut target).map_err(full)?;
        Ok(BesideFile { name: NUMBER_FILE.to_owned(), bytes: number.to_string().into_bytes() })
    }

    /// Deletes the registry's backups that belong to none any more. Its own was made before each backup, in
    /// the same turn: the newest that is not newer than the oldest backup is still needed.
    pub(super) fn keep_registries(&self, oldest: Option<&BackupFacts>) -> Result<(), BackupError> {
        let Some(oldest) = oldest.filter(|_| self.registries().is_dir()) else { return Ok(()) };
        let mut registries = BackupStore::open(&self.registries())?;
        let later = registries.list().iter().filter(|facts| facts.at_ms >= oldest.at_ms).count();
        Ok(registries.keep(later + 1)?)
    }

    /// Makes the registry of a data directory as it was, if the backup has one; `beside` loses the file
    /// that says so.
    pub(super) fn restore_registry(
        &self,
        backup: u32,
        beside: &mut Vec<BesideFile>,
        to: &Path,
    ) -> Result<(), BackupError> {
        let Some(at) = beside.iter().position(|file| file.name == NUMBER_FILE) else { return Ok(()) };
        let number = beside.remove(at).bytes;
        let number = std::str::from_utf8(&number).ok().and_then(|number| number.parse().ok());
        let damaged = || BackupError::Damaged { backup, what: "the number of its registry".to_owned() };
        let mut registries = BackupStore::open(&self.registries())?;
        let restored = registries.restore(number.ok_or_else(damaged)?, &to.join(REGISTRY_FOLDER));
        restored.map_err(damaged_or_full(backup, to))
    }

    /// Where the registry's backups are.
    pub(super) fn registries(&self) -> PathBuf {
        self.dir.join(REGISTRY_FOLDER)
    }
}

/// Stands in a backup of the engine's store, and in no data directory.
const NUMBER_FILE: &str = "registry.backup";

/// The registry's store, in a data directory and among backups.
pub(crate) const REGISTRY_FOLDER: &str = "registry";
