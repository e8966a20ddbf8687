//! The registry's part of a backup: a store of its own, backed up before the engine's, whose backup says
//! which of the registry's belongs to it.

use std::path::{Path, PathBuf};

use super::error::{damaged_or_full, full_if_no_space, io};
use super::{BackupError, Backups};
use crate::data_dir::write_durably;
use crate::registry::{REGISTRY_FOLDER, RegistryStore};
use crate::store::{BackupFacts, BackupStore, BesideFile};

impl Backups {
    /// Adds a backup of the registry, and gives its number with the file that says it.
    pub(super) fn add_registry(&self, registry: &RegistryStore) -> Result<(u32, BesideFile), BackupError> {
        let full = full_if_no_space(&self.dir);
        let mut target = BackupStore::open(&self.registries())?;
        let number = registry.back_up(&mut target).map_err(full)?;
        let file = BesideFile { name: NUMBER_FILE.to_owned(), bytes: number.to_string().into_bytes() };
        Ok((number, file))
    }

    /// Notes which of the registry's backups belongs to this one, for those who delete and verify.
    pub(super) fn note_registry(&self, backup: u32, registry: u32) -> Result<(), BackupError> {
        let path = self.note(backup);
        write_durably(&self.registries(), &path, format!("{registry}\n").as_bytes()).map_err(io(&path))
    }

    /// Deletes the registry's backups that belong to none of these any more. Where one has no note, since
    /// its own making was cut short, none is deleted.
    pub(super) fn keep_registries(&self, kept: &[BackupFacts]) -> Result<(), BackupError> {
        if !self.registries().is_dir() {
            return Ok(());
        }
        let noted: Option<Vec<u32>> = kept.iter().map(|facts| self.registry_of(facts.number)).collect();
        let Some(oldest) = noted.and_then(|noted| noted.into_iter().min()) else { return Ok(()) };
        let mut registries = BackupStore::open(&self.registries())?;
        let needed = registries.list().iter().filter(|facts| facts.number >= oldest).count();
        registries.keep(needed)?;
        let is_kept = |backup: u32| kept.iter().any(|facts| facts.number == backup);
        for entry in std::fs::read_dir(self.registries()).map_err(io(&self.registries()))?.flatten() {
            let name = entry.file_name();
            let backup = name.to_str().and_then(|name| name.strip_prefix(NOTE)?.parse().ok());
            if backup.is_some_and(|backup| !is_kept(backup)) {
                std::fs::remove_file(entry.path()).map_err(io(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// The registry's backup that belongs to this one, where it is noted.
    pub(super) fn registry_of(&self, backup: u32) -> Option<u32> {
        std::fs::read_to_string(self.note(backup)).ok()?.trim().parse().ok()
    }

    fn note(&self, backup: u32) -> PathBuf {
        self.registries().join(format!("{NOTE}{backup}"))
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

/// What the name of a note begins with; the number of its backup follows.
const NOTE: &str = "of-";
