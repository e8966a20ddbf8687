//! A data directory from a backup.
//!
//! ```text
//! DIR/RESTORING (locked) -> DIR/engine/ -> the files beside it -> DIR/FORMAT -> RESTORING goes
//! ```
//!
//! Until `FORMAT` is there, which is written last, the directory is none that can be opened, and
//! restoring into it again begins anew. Whatever is in it then was put there by the restore.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::{damaged_or_full, full_if_no_space, io};
use super::{
    Backup, BackupError, Backups, Watch, check_room, holds_nothing, make_private, sync_upwards, watched,
};
use crate::data_dir::{FORMAT_FILE, RESTORING_FILE, STORE_FOLDER, check_format, write_durably};
use crate::store::{BackupStore, BesideFile, take_beside};

impl Backups {
    /// Makes `to`, which must be new or empty, the data directory that was backed up: by the backup with
    /// this number, or by the newest.
    ///
    /// # Errors
    /// There is no such backup, it is damaged, `to` is not empty, or the disk is full or fails. Restoring
    /// into the same directory again begins anew.
    pub fn restore(&self, number: Option<u32>, to: &Path, watch: &Watch<'_>) -> Result<Backup, BackupError> {
        let _lock = self.lock_shared()?;
        let mut store = BackupStore::open(&self.store())?;
        let facts = self.find(&store, number)?;
        let target = Target::begin(to)?;
        check_room(to, facts.bytes)?;
        let engine = to.join(STORE_FOLDER);
        let restored = watched(to, facts.bytes, watch, || store.restore(facts.number, &engine));
        restored.map_err(damaged_or_full(facts.number, to))?;
        let mut beside = take_beside(&engine).map_err(full_if_no_space(to))?;
        self.restore_registry(facts.number, &mut beside, to)?;
        target.finish(&beside)?;
        Ok(facts.into())
    }
}

/// A directory that is being restored into.
struct Target {
    dir: PathBuf,
    _lock: File,
}

impl Target {
    fn begin(dir: &Path) -> Result<Self, BackupError> {
        let marker = dir.join(RESTORING_FILE);
        make_private(dir)?;
        let is_unfinished = marker.exists() && !dir.join(FORMAT_FILE).exists();
        if !is_unfinished && !holds_nothing(dir)? {
            return Err(BackupError::NotEmpty(dir.to_owned()));
        }
        let lock = File::create(&marker).map_err(io(&marker))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| BackupError::InUse(dir.to_owned()))?;
        sync_dir(dir)?;
        for entry in std::fs::read_dir(dir).map_err(io(dir))?.flatten() {
            let name = entry.file_name();
            if name != RESTORING_FILE && name != "lost+found" {
                remove(&entry.path())?;
            }
        }
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// Makes it a data directory.
    fn finish(self, beside: &[BesideFile]) -> Result<(), BackupError> {
        let (format, others): (Vec<_>, Vec<_>) = beside.iter().partition(|file| file.name == FORMAT_FILE);
        let format = format.first().map(|file| file.bytes.as_slice()).unwrap_or_default();
        check_format(&self.dir, &String::from_utf8_lossy(format))?;
        others.into_iter().try_for_each(|file| self.put(file))?;
        let dir = std::path::absolute(&self.dir).map_err(io(&self.dir))?;
        sync_upwards(&dir);
        let path = self.dir.join(FORMAT_FILE);
        write_durably(&self.dir, &path, format).map_err(io(&path))?;
        remove(&self.dir.join(RESTORING_FILE))
    }

    /// Writes a file beside the store, readable to its owner alone.
    fn put(&self, file: &BesideFile) -> Result<(), BackupError> {
        let name = Path::new(&file.name);
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            let what = "a backup: a file lies outside the data directory".to_owned();
            return Err(crate::EngineError::Corrupt { what }.into());
        }
        let path = self.dir.join(name);
        let folder = path.parent().unwrap_or(&self.dir);
        make_private(folder)?;
        let write = || {
            let mut out = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
            out.write_all(&file.bytes)?;
            out.sync_all()
        };
        write().map_err(io(&path))?;
        sync_dir(folder)
    }
}

fn remove(path: &Path) -> Result<(), BackupError> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.map_err(io(path))
}

fn sync_dir(dir: &Path) -> Result<(), BackupError> {
    File::open(dir).and_then(|open| open.sync_all()).map_err(io(dir))
}
