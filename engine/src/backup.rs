//! Backups of a data directory, and data directories from backups.
//!
//! ```text
//! DIR/BACKUPS      number of this layout, as text
//! DIR/LOCK         held exclusively by who adds or deletes backups, shared by who reads them
//! DIR/store/       RocksDB's: meta/N names backup N's files, private/N/ and shared_checksum/ hold them
//! DIR/registry/    the same for the registry; its numbers are its own, and each backup of the store says
//!                  beside itself which of them belongs to it
//! ```
//!
//! A backup is there when `store/meta/N` is: it is renamed into place after all else is on disk. A table
//! that an earlier backup has is not copied again. Both directions may be killed at any moment: what an
//! unfinished backup left behind is deleted by the next one, and an unfinished restore is no data
//! directory (see `restore`).

mod error;
mod registry;
mod restore;
mod verify;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use truyvet_schemas::utoipa::{self, ToSchema};

pub use error::BackupError;

use crate::data_dir::{FORMAT_FILE, NEW_EXTENSION, write_durably};
use crate::engine::Engine;
use crate::registry::RegistryStore;
use crate::store::{BackupFacts, BackupStore, BesideFile};
use error::{full_if_no_space, io};

/// A finished backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// Its number, from 1 upwards.
    pub backup: u32,
    /// When it was begun, unix milliseconds: everything acknowledged by then is in it.
    pub at: i64,
    /// Bytes of all its files; most of them are shared with other backups.
    pub bytes: u64,
    /// Whether a file is missing or cut short: it cannot be restored.
    pub damaged: bool,
}

/// How far a backup, a check or a restore is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub bytes: u64,
    /// Bytes to do, about.
    pub bytes_total: u64,
}

/// Is told the progress, from a thread of its own.
pub type Watch<'a> = dyn Fn(Progress) + Sync + 'a;

impl Engine {
    /// Adds a backup of everything acknowledged so far to the directory `dir`, which is made where it is
    /// new. Scans are taken and questions answered meanwhile.
    ///
    /// # Errors
    /// Another backup is being made, `dir` holds other things, or a disk is full or fails. Earlier
    /// backups stay as they were.
    pub fn backup(
        &self,
        dir: &Path,
        mut beside: Beside<'_>,
        watch: &Watch<'_>,
    ) -> Result<Backup, BackupError> {
        let store = &self.shared().store;
        let turn = store.snapshot_turn().ok_or(BackupError::Running)?;
        let dir = apart(dir, self.dir())?;
        let backups = Backups::make(&dir)?;
        let _lock = backups.lock_alone()?;
        check_room(self.dir(), store.unflushed_bytes())?;
        let format = self.dir().join(FORMAT_FILE);
        let bytes = std::fs::read(&format).map_err(io(&format))?;
        beside.files.push(BesideFile { name: FORMAT_FILE.to_owned(), bytes });
        let registry = beside.registry.map(|registry| backups.add_registry(registry)).transpose()?;
        let registry = registry.map(|(number, file)| {
            beside.files.push(file);
            number
        });
        let mut target = BackupStore::open(&backups.store())?;
        target.keep(usize::MAX)?;
        let snapshot = store.snapshot(turn).map_err(full_if_no_space(self.dir()))?;
        snapshot.put_beside(&beside.files).map_err(full_if_no_space(self.dir()))?;
        let bytes_total = snapshot.bytes_not_in(&backups.store()).map_err(io(&backups.store()))?;
        check_room(&dir, bytes_total)?;
        let added = watched(&dir, bytes_total, watch, || target.add(&snapshot));
        added.map_err(full_if_no_space(&dir))?;
        sync_upwards(&backups.store());
        let made = target.list().pop().ok_or(BackupError::NoBackup(dir))?;
        if let Some(registry) = registry {
            backups.note_registry(made.number, registry)?;
        }
        tracing::info!(backup = made.number, bytes = made.bytes, "backup made");
        Ok(made.into())
    }
}

/// What belongs to a backup and is not the engine's own.
#[derive(Default)]
pub struct Beside<'a> {
    /// Small files of the data directory.
    pub files: Vec<BesideFile>,
    /// The registry, where there is one.
    pub registry: Option<&'a RegistryStore>,
}

/// A directory of backups.
#[derive(Clone, Debug)]
pub struct Backups {
    dir: PathBuf,
}

impl Backups {
    /// The backups in this directory.
    ///
    /// # Errors
    /// It holds none, or those of a newer version.
    pub fn at(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(MARKER);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::NoBackup(dir.to_owned()));
            }
            read => read.map_err(io(&path))?,
        };
        match text.trim().parse::<u32>() {
            Ok(found) if found <= LAYOUT => Ok(Self { dir: dir.to_owned() }),
            Ok(found) => Err(BackupError::NewerVersion { dir: dir.to_owned(), found, known: LAYOUT }),
            Err(_) => Err(BackupError::Foreign(dir.to_owned())),
        }
    }

    /// The same, made where there is nothing.
    fn make(dir: &Path) -> Result<Self, BackupError> {
        make_private(dir)?;
        match Self::at(dir) {
            Err(BackupError::NoBackup(_)) if holds_nothing(dir)? => {
                let path = dir.join(MARKER);
                write_durably(dir, &path, format!("{LAYOUT}\n").as_bytes()).map_err(io(&path))?;
                Ok(Self { dir: dir.to_owned() })
            }
            Err(BackupError::NoBackup(_)) => Err(BackupError::Foreign(dir.to_owned())),
            known => known,
        }
    }

    /// Finished backups, the oldest first; damaged ones too.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self) -> Result<Vec<Backup>, BackupError> {
        let store = BackupStore::open(&self.store())?;
        let damaged =
            store.damaged().into_iter().map(|backup| Backup { backup, at: 0, bytes: 0, damaged: true });
        let mut list: Vec<Backup> = store.list().into_iter().map(Backup::from).chain(damaged).collect();
        list.sort_unstable_by_key(|backup| backup.backup);
        Ok(list)
    }

    /// Deletes all backups but the newest ones, and tells how many those were.
    ///
    /// # Errors
    /// None would be left, somebody else works in the directory, or it cannot be written.
    pub fn keep(&self, newest: usize) -> Result<usize, BackupError> {
        if newest == 0 {
            return Err(BackupError::KeepNone);
        }
        let _lock = self.lock_alone()?;
        let mut store = BackupStore::open(&self.store())?;
        let before = store.list().len();
        store.keep(newest)?;
        let left = store.list();
        self.keep_registries(&left)?;
        Ok(before - left.len())
    }

    /// The backup with this number, or the newest.
    fn find(&self, store: &BackupStore, number: Option<u32>) -> Result<BackupFacts, BackupError> {
        let mut list = store.list();
        match number {
            None => list.pop().ok_or_else(|| BackupError::NoBackup(self.dir.clone())),
            Some(number) => {
                let found = list.iter().find(|facts| facts.number == number).copied();
                found.ok_or_else(|| BackupError::Unknown { dir: self.dir.clone(), backup: number })
            }
        }
    }

    /// For who adds or deletes backups.
    fn lock_alone(&self) -> Result<File, BackupError> {
        let path = self.dir.join(LOCK);
        let opened = File::options().write(true).create(true).truncate(false).open(&path);
        self.locked(opened.map_err(io(&path))?, FlockOperation::NonBlockingLockExclusive)
    }

    /// For who reads backups, perhaps on a disk that takes no writes.
    fn lock_shared(&self) -> Result<File, BackupError> {
        let path = self.dir.join(LOCK);
        let opened = File::open(&path).map_err(io(&path))?;
        self.locked(opened, FlockOperation::NonBlockingLockShared)
    }

    fn locked(&self, lock: File, how: FlockOperation) -> Result<File, BackupError> {
        flock(&lock, how).map_err(|_| BackupError::InUse(self.dir.clone()))?;
        Ok(lock)
    }

    fn store(&self) -> PathBuf {
        self.dir.join("store")
    }
}

impl From<BackupFacts> for Backup {
    fn from(facts: BackupFacts) -> Self {
        Self { backup: facts.number, at: facts.at_ms, bytes: facts.bytes, damaged: false }
    }
}

/// The directory's whole path. A backup within the data directory would be lost with it.
fn apart(dir: &Path, data: &Path) -> Result<PathBuf, BackupError> {
    let whole = |path: &Path| std::path::absolute(path).map_err(io(path));
    let (dir, data) = (whole(dir)?, whole(data)?);
    // What is there may be reached by a link.
    let there = dir.ancestors().find_map(|path| path.canonicalize().ok());
    let data = data.canonicalize().unwrap_or(data);
    let within = there.is_some_and(|there| there.starts_with(&data)) || data.starts_with(&dir);
    if within { Err(BackupError::Within { dir, data }) } else { Ok(dir) }
}

/// Makes a directory that only its owner may enter: it will hold keys and codes.
fn make_private(dir: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir))
}

/// Puts a directory's name on disk, and those of the directories above that were made with it.
fn sync_upwards(dir: &Path) {
    // Those above are often others' and not to be read: they were there before.
    dir.ancestors().skip(1).for_each(|above| drop(File::open(above).and_then(|open| open.sync_all())));
}

/// Whether there is nothing in a directory but what a file system, or a start cut short, left there.
fn holds_nothing(dir: &Path) -> Result<bool, BackupError> {
    let mut entries = std::fs::read_dir(dir).map_err(io(dir))?.flatten();
    let cut_short = Path::new(MARKER).with_extension(NEW_EXTENSION);
    Ok(entries.all(|entry| entry.file_name() == "lost+found" || entry.file_name() == *cut_short))
}

/// Whether so many bytes fit, and what is written beside them.
fn check_room(dir: &Path, bytes: u64) -> Result<(), BackupError> {
    let Ok(found) = rustix::fs::statvfs(dir) else { return Ok(()) };
    let free_bytes = found.f_bavail.saturating_mul(found.f_frsize);
    let needed_bytes = bytes.saturating_add(ROOM_BESIDE_BYTES);
    if free_bytes >= needed_bytes {
        return Ok(());
    }
    Err(BackupError::Full { dir: dir.to_owned(), needed_bytes, free_bytes })
}

/// Does `work`, and tells meanwhile how many bytes it has added below `dir`.
fn watched<T>(dir: &Path, bytes_total: u64, watch: &Watch<'_>, work: impl FnOnce() -> T) -> T {
    let before = bytes_below(dir);
    let (working, waits) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = 0;
            loop {
                watch(Progress { bytes, bytes_total });
                if waits.recv_timeout(WATCH_EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                bytes = bytes_below(dir).saturating_sub(before).min(bytes_total);
            }
        });
        let done = work();
        drop(working);
        done
    })
}

fn bytes_below(dir: &Path) -> u64 {
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    std::fs::read_dir(dir).map_or(0, |entries| entries.flatten().map(bytes).sum())
}

const MARKER: &str = "BACKUPS";
const LOCK: &str = "LOCK";

/// Version of the layout of a directory of backups.
const LAYOUT: u32 = 1;

/// The store's lists of files, and its small files: a few megabytes each.
const ROOM_BESIDE_BYTES: u64 = 16 << 20;

const WATCH_EVERY: Duration = Duration::from_millis(200);
