//! Whether backups can be restored: every file is there, in its full length, with its checksum.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::io;
use super::{BackupError, Backups, Progress, Watch};
use crate::store::BackupStore;

impl Backups {
    /// Reads every file of a backup, or of all of them, and compares its checksum; tells how many bytes
    /// that was. A file that several share is read once.
    ///
    /// # Errors
    /// A backup is damaged: the first that is, with the file. Or the directory cannot be read.
    pub fn verify(&self, number: Option<u32>, watch: &Watch<'_>) -> Result<u64, BackupError> {
        let _lock = self.lock_shared()?;
        let store = BackupStore::open(&self.store())?;
        let asked = match number {
            Some(number) => vec![self.find(&store, Some(number))?],
            None => self.all(&store)?,
        };
        let mut files: BTreeMap<PathBuf, (u32, u32)> = BTreeMap::new();
        for backup in asked.iter().map(|facts| facts.number) {
            let damaged =
                |error: crate::EngineError| BackupError::Damaged { backup, what: error.to_string() };
            store.check(backup).map_err(damaged)?;
            let listed = store.checksums(backup).map_err(damaged)?;
            files.extend(listed.into_iter().map(|(path, crc)| (path, (crc, backup))));
        }
        let backups: Vec<u32> = asked.iter().map(|facts| facts.number).collect();
        self.registry_files(&backups, &mut files)?;
        let length = |path: &PathBuf| path.metadata().map_or(0, |found| found.len());
        let bytes_total = files.keys().map(length).sum();
        let mut bytes = 0;
        for (path, (crc, backup)) in &files {
            let mut read = |more| {
                bytes += more;
                watch(Progress { bytes, bytes_total });
            };
            if checksum(path, &mut read)? != *crc {
                let what = format!("{} does not have its checksum", path.display());
                return Err(BackupError::Damaged { backup: *backup, what });
            }
        }
        Ok(bytes)
    }

    /// The files of the registry's backups that belong to these.
    fn registry_files(
        &self,
        backups: &[u32],
        files: &mut BTreeMap<PathBuf, (u32, u32)>,
    ) -> Result<(), BackupError> {
        let named: Vec<(u32, u32)> = backups
            .iter()
            .filter_map(|backup| self.registry_of(*backup).map(|registry| (*backup, registry)))
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        let store = BackupStore::open(&self.registries())?;
        for (backup, registry) in named {
            let what = |error: crate::EngineError| format!("its registry: {error}");
            let damaged = |error| BackupError::Damaged { backup, what: what(error) };
            store.check(registry).map_err(damaged)?;
            let listed = store.checksums(registry).map_err(damaged)?;
            files.extend(listed.into_iter().map(|(path, crc)| (path, (crc, backup))));
        }
        Ok(())
    }

    fn all(&self, store: &BackupStore) -> Result<Vec<crate::store::BackupFacts>, BackupError> {
        if let Some(backup) = store.damaged().first() {
            let what = "a file is missing or too short".to_owned();
            return Err(BackupError::Damaged { backup: *backup, what });
        }
        match store.list() {
            list if list.is_empty() => Err(BackupError::NoBackup(self.dir.clone())),
            list => Ok(list),
        }
    }
}

fn checksum(path: &Path, read: &mut dyn FnMut(u64)) -> Result<u32, BackupError> {
    let mut file = File::open(path).map_err(io(path))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut crc = 0;
    loop {
        let count = file.read(&mut buffer).map_err(io(path))?;
        if count == 0 {
            return Ok(crc);
        }
        crc = crc32c::crc32c_append(crc, &buffer[..count]);
        read(count as u64);
    }
}

const BUFFER_BYTES: usize = 4 << 20;
