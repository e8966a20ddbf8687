//! The store's files as the file system has them, for verification.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Kind, Store, salvage};
use crate::error::EngineError;
use crate::index::keys;

/// How a file is.
pub(super) enum FileOnDisk {
    Whole,
    /// What is wrong with it.
    Not(String),
    /// It could not be looked at.
    Unknown(io::Error),
}

/// Whether a file is there with all its bytes.
pub(super) fn state_of(path: &Path, bytes: u64) -> FileOnDisk {
    match std::fs::metadata(path) {
        Ok(found) if found.len() == bytes => FileOnDisk::Whole,
        Ok(found) => FileOnDisk::Not(format!("{} bytes instead of {bytes}", found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileOnDisk::Not("missing".into()),
        Err(error) => FileOnDisk::Unknown(error),
    }
}

impl Store {
    /// Runs whose files could not be read when the store was opened, and the files.
    pub(crate) fn given_up(&self) -> &[(u32, PathBuf)] {
        &self.given_up
    }

    /// The file of every run.
    pub(crate) fn run_files(&self) -> Result<HashMap<u32, PathBuf>, EngineError> {
        let files = self.db.live_files()?.into_iter();
        let runs = files.filter(|file| Kind::of(&file.column_family_name) == Some(Kind::Partition));
        let run = |file: rocksdb::LiveFile| Some((keys::run_of(&file.start_key?)?, self.path_of(&file.name)));
        Ok(runs.filter_map(run).collect())
    }

    /// Files other than those of runs that are not there with all their bytes, and logs with a damaged
    /// record; each with what is wrong.
    pub(crate) fn damaged_files(&self) -> Result<Vec<(PathBuf, String)>, EngineError> {
        let files = self.db.live_files()?.into_iter();
        let others = files.filter(|file| Kind::of(&file.column_family_name) != Some(Kind::Partition));
        let mut damaged: Vec<(PathBuf, String)> = others
            .filter_map(|file| {
                let path = self.path_of(&file.name);
                match state_of(&path, file.size as u64) {
                    FileOnDisk::Whole => None,
                    FileOnDisk::Not(what) => Some((path, what)),
                    FileOnDisk::Unknown(error) => Some((path, error.to_string())),
                }
            })
            .collect();
        damaged.extend(salvage::damaged_log(self.db.path()));
        Ok(damaged)
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.db.path().join(name.trim_start_matches('/'))
    }
}
