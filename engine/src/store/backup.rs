//! Backups of the store, with RocksDB's own backup engine.
//!
//! The backup engine is not given the store itself but a *snapshot* of it: a directory of hard links,
//! opened as a store of its own. For two reasons:
//!
//! - Given the open store, it first lists the files and only then looks how long the log is. A family
//!   that begins in between, or a file that is moved into one, is missing in such a backup, while what
//!   the log says of it is there: a mark without its batch, a manifest without its run. Here nothing
//!   begins, ends or is moved in while the links are made (`Gate`), which takes milliseconds.
//! - It keeps every file and every log from being deleted until the last byte is copied. The links do
//!   that for the files and for logs that are no longer written; nothing holds the others.
//!
//! ```text
//! flush -> gate closes -> hard links, tail of the log -> gate opens -> opened, small files put in
//!       -> backup engine: copies what no backup has yet -> one small file per backup, renamed last
//! ```
//!
//! What lies beside the store (identity, format) is in the snapshot as entries of a family of its own,
//! so a backup is whole or not there, all of it at once.

use std::path::{Path, PathBuf};

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
use rocksdb::backup::{BackupEngine, BackupEngineOptions, RestoreOptions};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{Cache, ColumnFamilyDescriptor, DB, Env, ErrorKind, FlushOptions, IteratorMode, Options};

use super::{Base, Kind, Store, base_options, ignore_absent, kind_options};
use crate::error::EngineError;

/// A small file that belongs to a backup, beside the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideFile {
    /// Path below the data directory, such as `tls/authority.pem`.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Keeps families and files in place for the moment in which a snapshot is made.
#[derive(Default)]
pub(super) struct Gate {
    families: RwLock<()>,
    turn: Mutex<()>,
}

impl Gate {
    /// To be held while a family begins or ends, files are moved into one, or a log is cut.
    pub(super) fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.families.read()
    }
}

/// The right to make a snapshot: there is one directory for it.
pub(crate) type Turn<'s> = MutexGuard<'s, ()>;

impl Store {
    /// `None` while somebody else has the turn.
    pub(crate) fn snapshot_turn(&self) -> Option<Turn<'_>> {
        self.gate.turn.try_lock()
    }

    /// Bytes that [`Store::snapshot`] writes, about: what is in no file yet.
    pub(crate) fn unflushed_bytes(&self) -> u64 {
        let bytes = |family: &String| {
            let handle = self.db.cf_handle(family)?;
            self.db.property_int_value_cf(&handle, "rocksdb.cur-size-all-mem-tables").ok().flatten()
        };
        self.changing_families().unwrap_or_default().iter().filter_map(bytes).sum()
    }

    /// The store as it is now: everything that was written before, and of what is written meanwhile
    /// all up to some moment.
    pub(crate) fn snapshot<'s>(&'s self, turn: Turn<'s>) -> Result<Snapshot<'s>, EngineError> {
        let dir = self.scratch.join("snapshot");
        remove(&dir)?;
        // Without the gate, since it takes as long as the disk needs; what comes after it is in the log.
        self.flush_families()?;
        let mut snapshot = Snapshot { db: None, dir, _turn: turn };
        {
            let _closed = self.gate.families.write();
            Checkpoint::new(&self.db)?.create_checkpoint_with_log_size(&snapshot.dir, NEVER_FLUSH)?;
        }
        snapshot.db = Some(open_whole(&snapshot.dir, &self.cache)?);
        Ok(snapshot)
    }

    fn flush_families(&self) -> Result<(), EngineError> {
        let options = FlushOptions::default();
        for family in self.changing_families()? {
            // A segment of the journal may be dropped meanwhile.
            let Some(handle) = self.db.cf_handle(&family) else { continue };
            match self.db.flush_cf_opt(&handle, &options) {
                Err(error) if error.kind() == ErrorKind::ColumnFamilyDropped => {}
                flushed => flushed?,
            }
        }
        Ok(())
    }

    /// The families that are written to: partitions only have files moved in.
    fn changing_families(&self) -> Result<Vec<String>, EngineError> {
        let mut families = self.families(Kind::Journal)?;
        families.extend(Base::ALL.iter().map(|base| base.name().to_owned()));
        Ok(families)
    }
}

/// A store's state at one moment, as a store of its own; gone when dropped.
pub(crate) struct Snapshot<'s> {
    db: Option<DB>,
    dir: PathBuf,
    _turn: Turn<'s>,
}

impl Snapshot<'_> {
    /// Puts small files in, to be found again by [`take_beside`].
    pub(crate) fn put_beside(&self, files: &[BesideFile]) -> Result<(), EngineError> {
        let db = self.db();
        db.create_cf(BESIDE, &Options::default())?;
        let family = db.cf_handle(BESIDE).expect("just created");
        files.iter().try_for_each(|file| Ok(db.put_cf(&family, &file.name, &file.bytes)?))
    }

    /// Bytes of its files that are not in `dir` yet, which holds backups.
    pub(crate) fn bytes_not_in(&self, dir: &Path) -> std::io::Result<u64> {
        let known = shared_files(dir)?;
        let mut bytes = 0;
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let size = entry.metadata()?.len();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_known = |stem: &str| known.binary_search(&(stem.to_owned(), size)).is_ok();
            if !name.strip_suffix(TABLE_SUFFIX).is_some_and(is_known) {
                bytes += size;
            }
        }
        Ok(bytes)
    }

    fn db(&self) -> &DB {
        self.db.as_ref().expect("opened as soon as it was made, and closed when dropped")
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        drop(self.db.take());
        if let Err(error) = remove(&self.dir) {
            tracing::warn!(%error, "a backup's snapshot holds space until the next backup or start");
        }
    }
}

/// Takes what [`Snapshot::put_beside`] put in out of a restored store.
pub(crate) fn take_beside(dir: &Path) -> Result<Vec<BesideFile>, EngineError> {
    let db = open_whole(dir, &Cache::new_lru_cache(RESTORED_CACHE_BYTES))?;
    let missing =
        || EngineError::Corrupt { what: "the backup: what lies beside the store is missing".into() };
    let family = db.cf_handle(BESIDE).ok_or_else(missing)?;
    let mut files = Vec::new();
    for entry in db.iterator_cf(&family, IteratorMode::Start) {
        let (name, bytes) = entry?;
        let name = String::from_utf8(name.into_vec()).map_err(|_| missing())?;
        files.push(BesideFile { name, bytes: bytes.into_vec() });
    }
    drop(family);
    db.drop_cf(BESIDE)?;
    Ok(files)
}

/// A directory of backups, as RocksDB's backup engine sees it.
pub(crate) struct BackupStore {
    engine: BackupEngine,
    dir: PathBuf,
    /// Of the backups that were there when it was opened, good or not, in order.
    numbers: Vec<u32>,
}

/// What is known of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackupFacts {
    pub(crate) number: u32,
    /// When it was begun.
    pub(crate) at_ms: i64,
    /// Bytes of all its files; it shares most of them with others.
    pub(crate) bytes: u64,
}

impl BackupStore {
    pub(crate) fn open(dir: &Path) -> Result<Self, EngineError> {
        let named = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        let entries = std::fs::read_dir(dir.join(META)).into_iter().flatten().flatten();
        let mut numbers: Vec<u32> = entries.filter_map(named).collect();
        numbers.sort_unstable();
        let options = BackupEngineOptions::new(dir)?;
        Ok(Self { engine: BackupEngine::open(&options, &Env::new()?)?, dir: dir.to_owned(), numbers })
    }

    /// Finished backups, the oldest first.
    pub(crate) fn list(&self) -> Vec<BackupFacts> {
        let facts = |info: rocksdb::backup::BackupEngineInfo| BackupFacts {
            number: info.backup_id,
            at_ms: info.timestamp * 1_000,
            bytes: info.size,
        };
        let mut list: Vec<_> = self.engine.get_backup_info().into_iter().map(facts).collect();
        list.sort_unstable_by_key(|facts| facts.number);
        list
    }

    /// Numbers of backups that were finished once and lack a file now.
    pub(crate) fn damaged(&self) -> Vec<u32> {
        let good = self.list();
        let is_damaged = |number: &u32| good.iter().all(|facts| facts.number != *number);
        // Another process may have deleted it since.
        let is_there = |number: &u32| self.meta(*number).exists();
        self.numbers.iter().copied().filter(|number| is_damaged(number) && is_there(number)).collect()
    }

    /// Adds a backup. After a failure those before are as they were.
    pub(crate) fn add(&mut self, snapshot: &Snapshot<'_>) -> Result<(), EngineError> {
        // The small files that were put in are flushed with it.
        Ok(self.engine.create_new_backup_flush(snapshot.db(), true)?)
    }

    /// Adds a backup of another open store, and tells its number.
    pub(super) fn add_store(&mut self, db: &DB) -> Result<u32, EngineError> {
        self.engine.create_new_backup_flush(db, true)?;
        let made = self.list().pop().map(|facts| facts.number);
        made.ok_or_else(|| EngineError::Store("the backup just made is not listed".to_owned()))
    }

    /// Deletes all but the newest, and what unfinished backups have left behind.
    pub(crate) fn keep(&mut self, newest: usize) -> Result<(), EngineError> {
        Ok(self.engine.purge_old_backups(newest.min(u32::MAX as usize))?)
    }

    /// Whether each file of a backup is there, in its full length.
    pub(crate) fn check(&self, number: u32) -> Result<(), EngineError> {
        Ok(self.engine.verify_backup(number)?)
    }

    /// Makes `to` the store that was backed up. Every file's checksum is compared on the way.
    pub(crate) fn restore(&mut self, number: u32, to: &Path) -> Result<(), EngineError> {
        Ok(self.engine.restore_from_backup(to, to, &RestoreOptions::default(), number)?)
    }

    /// The files of a backup with the CRC-32C that each must have.
    ///
    /// Read from the backup's own list, a text: two numbers (time, sequence), at times a line
    /// `metadata ...`, the number of files, then `PATH crc32 NUMBER` for each.
    pub(crate) fn checksums(&self, number: u32) -> Result<Vec<(PathBuf, u32)>, EngineError> {
        let path = self.meta(number);
        let unreadable = || EngineError::Corrupt { what: format!("the backup's list {}", path.display()) };
        let text = std::fs::read_to_string(&path).map_err(|_| unreadable())?;
        let mut lines = text.lines().skip(2).skip_while(|line| line.starts_with("metadata "));
        let count: usize = lines.next().and_then(|line| line.parse().ok()).ok_or_else(unreadable)?;
        let file = |line: &str| {
            let (name, crc) = line.split_once(" crc32 ")?;
            Some((self.dir.join(name), crc.parse().ok()?))
        };
        let files: Option<Vec<_>> = lines.map(file).collect();
        files.filter(|files| files.len() == count).ok_or_else(unreadable)
    }

    fn meta(&self, number: u32) -> PathBuf {
        self.dir.join(META).join(number.to_string())
    }
}

/// Opens a store with all its families, and lets none of its files be rewritten.
fn open_whole(dir: &Path, cache: &Cache) -> Result<DB, EngineError> {
    let mut options = Options::default();
    options.set_max_open_files(256);
    options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::TolerateCorruptedTailRecords);
    let families = DB::list_cf(&options, dir)?.into_iter().map(|name| {
        let mut options = match Kind::of(&name) {
            Some(kind) => kind_options(kind, cache, BUFFER_BYTES),
            None => base_options(cache),
        };
        options.set_disable_auto_compactions(true);
        ColumnFamilyDescriptor::new(name, options)
    });
    let families: Vec<_> = families.collect();
    Ok(DB::open_cf_descriptors(&options, dir, families)?)
}

/// Number and size of the tables that some backup has, in order: `NUMBER_sSESSION_SIZE.sst`.
fn shared_files(dir: &Path) -> std::io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    let entries = match std::fs::read_dir(dir.join("shared_checksum")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let parts = name.strip_suffix(TABLE_SUFFIX).and_then(|stem| stem.split_once('_'));
        let Some((number, rest)) = parts else { continue };
        let size = rest.rsplit_once('_').and_then(|(_, size)| size.parse().ok());
        files.extend(size.map(|size| (number.to_owned(), size)));
    }
    files.sort_unstable();
    Ok(files)
}

fn remove(dir: &Path) -> Result<(), EngineError> {
    std::fs::remove_dir_all(dir).or_else(ignore_absent).map_err(|error| EngineError::Store(error.to_string()))
}

/// The family of a snapshot that holds what lies beside the store.
const BESIDE: &str = "beside";

/// The folder with each backup's list of files, named by its number.
const META: &str = "meta";

const TABLE_SUFFIX: &str = ".sst";

/// The length of the log above which RocksDB would flush inside the gate.
const NEVER_FLUSH: u64 = u64::MAX;

/// A snapshot and a restored store hold in memory what the log's tail holds, until that is in files.
const BUFFER_BYTES: usize = 16 << 20;

/// A restored store is only opened to take the small files out.
const RESTORED_CACHE_BYTES: usize = 8 << 20;
