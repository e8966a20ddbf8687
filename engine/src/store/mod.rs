//! The store: the only place that names RocksDB.
//!
//! Small things that change (meta, subjects, dead letters) have a family each. Every segment of the
//! journal and every partition has a family of its own, never compacted and dropped whole: forgetting
//! a segment costs nothing, even where its memory was never written to a file.

mod backup;
pub(crate) mod cache;
mod family;
mod files;
mod handle;
mod log_file;
mod old_logs;
mod salvage;
pub(crate) mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, ColumnFamilyDescriptor, DB, DBCompressionType,
    DataBlockIndexType, Direction, FlushOptions, IteratorMode, Options, ReadOptions, SstFileWriter,
    WriteBatch, WriteOptions,
};

pub use backup::BesideFile;
pub(crate) use backup::{BackupFacts, BackupStore, take_beside};
pub(crate) use family::{Family, Reaper, Unread};
pub(crate) use handle::Handle;

use crate::config::EngineConfig;
use crate::error::{EngineError, OpenError};
use crate::index::keys;
use crate::memory::Memory;
use cache::{Block, BlockCache, Meter, Part};

/// The families that always exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// Manifest, marks, devices, sites, areas.
    Meta,
    /// Codes of subjects.
    Subjects,
    /// Refused scans.
    DeadLetters,
}

impl Base {
    const ALL: [Self; 3] = [Self::Meta, Self::Subjects, Self::DeadLetters];

    fn name(self) -> &'static str {
        match self {
            Self::Meta => rocksdb::DEFAULT_COLUMN_FAMILY_NAME,
            Self::Subjects => "subjects",
            Self::DeadLetters => "dead-letters",
        }
    }
}

/// What a family that comes and goes is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A segment of the journal: batches not yet in a run.
    Journal,
    /// A partition: runs.
    Partition,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Journal => "journal-",
            Self::Partition => "partition-",
        }
    }

    fn of(family: &str) -> Option<Self> {
        [Self::Journal, Self::Partition].into_iter().find(|kind| family.starts_with(kind.prefix()))
    }

    /// Name of the family with this number; names sort as numbers do.
    pub(crate) fn family(self, number: u32) -> String {
        format!("{}{number:010}", self.prefix())
    }

    /// The number in a name made by [`Kind::family`].
    pub(crate) fn number(self, family: &str) -> Option<u32> {
        family.strip_prefix(self.prefix())?.parse().ok()
    }
}

/// An open store.
pub(crate) struct Store {
    db: Arc<DB>,
    /// In the order of [`Base::ALL`].
    base: [Handle; 3],
    scratch: PathBuf,
    blocks: BlockCache,
    cache: Cache,
    journal_bytes: usize,
    writer_bytes: usize,
    given_up: Vec<(u32, PathBuf)>,
    gate: backup::Gate,
}

impl Store {
    /// Opens or creates the store in `dir`. Sorted files are made in `dir`'s neighbour `scratch`,
    /// which is emptied: what is left there belongs to no run. Runs whose files cannot be read are given
    /// up.
    pub(crate) fn open(
        dir: &Path,
        scratch: &Path,
        config: &EngineConfig,
        memory: &Memory,
    ) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: scratch.to_owned(), source };
        std::fs::remove_dir_all(scratch).or_else(ignore_absent).map_err(io)?;
        std::fs::create_dir_all(scratch).map_err(io)?;
        let cache = Cache::new_hyper_clock_cache(memory.base_cache(), 0);
        let options = database_options(config, memory);
        let mut existing = Vec::new();
        if salvage::find(dir)? {
            salvage::check_logs(dir)?;
            existing = DB::list_cf(&options, dir).map_err(EngineError::from)?;
        }
        let (journal_bytes, writer_bytes) = (memory.journal(), memory.writer());
        let families = || {
            let base = Base::ALL.iter();
            let base = base.map(|base| ColumnFamilyDescriptor::new(base.name(), base_options(&cache)));
            let transient = existing.iter().filter_map(|name| Some((name, Kind::of(name)?)));
            let options =
                |(name, kind)| ColumnFamilyDescriptor::new(name, kind_options(kind, &cache, journal_bytes));
            base.chain(transient.map(options)).collect()
        };
        let (db, given_up) = salvage::open(dir, &options, families)?;
        let db = Arc::new(db);
        let find = |base: Base| Handle::find(&db, base.name().to_owned());
        let base = [find(Base::Meta)?, find(Base::Subjects)?, find(Base::DeadLetters)?];
        let blocks = BlockCache::new(memory.block_cache(0) as usize);
        let (scratch, gate) = (scratch.to_owned(), backup::Gate::default());
        Ok(Self { db, base, scratch, blocks, cache, journal_bytes, writer_bytes, given_up, gate })
    }

    pub(crate) fn get(&self, base: Base, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.db.get_cf(self.base(base), key)?)
    }

    /// The entries from `start` on whose keys begin with `prefix`, in key order.
    pub(crate) fn scan<'s>(
        &'s self,
        base: Base,
        prefix: &'s [u8],
        start: &[u8],
    ) -> impl Iterator<Item = Result<Entry, EngineError>> + use<'s> {
        let mode = IteratorMode::From(start, Direction::Forward);
        beginning_with(prefix, self.db.iterator_cf(self.base(base), mode))
    }

    /// The last entries of a family, newest first.
    pub(crate) fn scan_backward(&self, base: Base) -> impl Iterator<Item = Result<Entry, EngineError>> {
        self.db.iterator_cf(self.base(base), IteratorMode::End).map(|entry| entry.map_err(EngineError::from))
    }

    pub(crate) fn changes(&self) -> Changes<'_> {
        Changes { store: self, batch: WriteBatch::default() }
    }

    /// The families of a kind, in order of their numbers.
    pub(crate) fn families(&self, kind: Kind) -> Result<Vec<String>, EngineError> {
        let mut names = DB::list_cf(&Options::default(), self.db.path())?;
        names.retain(|name| Kind::of(name) == Some(kind));
        names.sort_unstable();
        Ok(names)
    }

    pub(crate) fn create_family(&self, kind: Kind, number: u32) -> Result<Handle, EngineError> {
        let name = kind.family(number);
        let _open = self.gate.pass();
        self.db.create_cf(&name, &kind_options(kind, &self.cache, self.journal_bytes))?;
        self.find_family(name)
    }

    pub(crate) fn find_family(&self, name: String) -> Result<Handle, EngineError> {
        Handle::find(&self.db, name)
    }

    pub(crate) fn drop_family(&self, name: &str) -> Result<(), EngineError> {
        let _open = self.gate.pass();
        Ok(self.db.drop_cf(name)?)
    }

    /// Removes the file of a run from a family that has others. Nobody reads it any more.
    pub(crate) fn drop_run(&self, family: &str, run: u32) -> Result<(), EngineError> {
        let (from, to) = keys::run_bounds(run);
        let _open = self.gate.pass();
        let family = self.find_family(family.to_owned())?;
        Ok(self.db.delete_file_in_range_cf(family.get(), from, to)?)
    }

    /// Has a new log begun. The one before goes once what is in it is in files, or dropped; a segment that
    /// had to be written to a file for it would be written twice.
    pub(crate) fn begin_log(&self) -> Result<(), EngineError> {
        let mut options = FlushOptions::default();
        options.set_wait(false);
        // The smallest family that every log has something of.
        Ok(self.db.flush_cf_opt(self.base(Base::Meta), &options)?)
    }

    /// The runs whose files lie in partitions' families, each with its family.
    pub(crate) fn stored_runs(&self) -> Result<Vec<(String, u32)>, EngineError> {
        let files = self.db.live_files()?;
        let runs = files.into_iter().filter_map(|file| {
            let run = keys::run_of(&file.start_key?)?;
            (Kind::of(&file.column_family_name) == Some(Kind::Partition))
                .then_some((file.column_family_name, run))
        });
        Ok(runs.collect())
    }

    /// Bytes that one sort of a run's writer may hold.
    pub(crate) fn writer_bytes(&self) -> usize {
        self.writer_bytes
    }

    /// Where files are made before they belong to a family.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Makes a file of sorted entries for [`Store::ingest`].
    pub(crate) fn write_sorted_file<T>(
        &self,
        name: &str,
        fill: impl FnOnce(&mut SortedFile<'_>) -> Result<T, EngineError>,
    ) -> Result<Sorted<T>, EngineError> {
        let path = self.scratch.join(name);
        let options = partition_options();
        let writer = SstFileWriter::create(&options);
        writer.open(&path)?;
        let mut file = SortedFile { writer };
        let filled = fill(&mut file)?;
        file.writer.finish()?;
        let (bytes, digest) = digest_of(&path).map_err(|error| EngineError::Store(error.to_string()))?;
        Ok(Sorted { path, bytes, digest, filled })
    }

    /// Moves finished files into a family; their keys must not overlap any there.
    pub(crate) fn ingest(&self, family: &str, files: &[PathBuf]) -> Result<(), EngineError> {
        let mut options = rocksdb::IngestExternalFileOptions::default();
        options.set_move_files(true);
        options.set_allow_global_seqno(true);
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let family = self.find_family(family.to_owned())?;
        let _open = self.gate.pass();
        Ok(self.db.ingest_external_file_cf_opts(family.get(), &options, files)?)
    }

    /// Hands the value of `key` in a partition's family to `read`, without copying it.
    pub(crate) fn read<T>(
        &self,
        family: &Handle,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, EngineError> {
        let value = self.db.get_pinned_cf(family.get(), key)?;
        Ok(value.map(|value| read(&value)))
    }

    /// The block of a partition's family with this key, from the cache where it is there.
    pub(crate) fn read_cached(
        &self,
        meter: &Meter,
        family: &Handle,
        part: Part,
        run: u32,
        number: u32,
        key: &[u8],
    ) -> Result<Option<Block>, EngineError> {
        if let Some(block) = self.blocks.get(part, run, number) {
            return Ok(Some(block));
        }
        let read = self.read(family, key, |bytes| (bytes.len(), Block::parse(part, bytes)))?;
        meter.missed(read.as_ref().map_or(0, |(bytes, _)| *bytes));
        let parsed = match read {
            Some((_, parsed)) => parsed,
            None if matches!(part, Part::Rollup(_)) => Some(Block::Absent),
            None => return Ok(None),
        };
        let damaged =
            || EngineError::Corrupt { what: format!("{part:?} {number} of run {run} in {}", family.name()) };
        let block = parsed.ok_or_else(damaged)?;
        self.blocks.insert(part, run, number, block.clone());
        Ok(Some(block))
    }

    /// The blocks that were read.
    pub(crate) fn blocks(&self) -> &BlockCache {
        &self.blocks
    }

    /// The entries of a partition's family from `from` up to and including `to`, in key order, read
    /// past the cache: for merges, which touch everything once.
    pub(crate) fn sweep<'s>(
        &'s self,
        family: &Handle,
        from: &[u8],
        to: &[u8],
    ) -> impl Iterator<Item = Result<Entry, EngineError>> + use<'s> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(SWEEP_READAHEAD_BYTES);
        let to = to.to_vec();
        let mode = IteratorMode::From(from, Direction::Forward);
        self.db
            .iterator_cf_opt(family.get(), options, mode)
            .take_while(move |entry| entry.as_ref().map_or(true, |(key, _)| **key <= *to))
            .map(|entry| entry.map_err(EngineError::from))
    }

    /// About how many entries a base family holds.
    pub(crate) fn entries(&self, base: Base) -> u64 {
        let value = self.db.property_int_value_cf(self.base(base), "rocksdb.estimate-num-keys");
        value.ok().flatten().unwrap_or(0)
    }

    fn base(&self, base: Base) -> &Arc<BoundColumnFamily<'_>> {
        self.base[base as usize].get()
    }
}

pub(crate) type Entry = (Box<[u8]>, Box<[u8]>);

/// Changes to the base families that are made together or not at all.
pub(crate) struct Changes<'s> {
    store: &'s Store,
    batch: WriteBatch,
}

impl Changes<'_> {
    pub(crate) fn put(&mut self, base: Base, key: &[u8], value: &[u8]) {
        self.batch.put_cf(self.store.base(base), key, value);
    }

    pub(crate) fn put_in(&mut self, family: &Handle, key: &[u8], value: &[u8]) {
        self.batch.put_cf(family.get(), key, value);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.batch.size_in_bytes()
    }

    /// Makes the changes, and returns when they are on disk.
    pub(crate) fn commit(self) -> Result<(), EngineError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.store.db.write_opt(self.batch, &options)?)
    }

    /// Makes the changes; they are on disk with the next commit.
    pub(crate) fn write(self) -> Result<(), EngineError> {
        Ok(self.store.db.write_opt(self.batch, &WriteOptions::default())?)
    }
}

/// A finished file of sorted entries, and what filling it told.
pub(crate) struct Sorted<T> {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// BLAKE3, hexadecimal.
    pub(crate) digest: String,
    pub(crate) filled: T,
}

/// A file that is being filled, in ascending order of keys.
pub(crate) struct SortedFile<'a> {
    writer: SstFileWriter<'a>,
}

impl SortedFile<'_> {
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        Ok(self.writer.put(key, value)?)
    }
}

/// The first entries, as long as their keys begin with `prefix`.
fn beginning_with(
    prefix: &[u8],
    entries: impl Iterator<Item = Result<Entry, rocksdb::Error>>,
) -> impl Iterator<Item = Result<Entry, EngineError>> {
    entries
        .take_while(move |entry| entry.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
        .map(|entry| entry.map_err(EngineError::from))
}

/// Size and BLAKE3 digest of a file.
pub(crate) fn digest_of(path: &Path) -> std::io::Result<(u64, String)> {
    let mut digest = blake3::Hasher::new();
    let bytes = std::io::copy(&mut std::fs::File::open(path)?, &mut digest)?;
    Ok((bytes, digest.finalize().to_hex().to_string()))
}

fn ignore_absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn database_options(config: &EngineConfig, memory: &Memory) -> Options {
    let mut options = common_options();
    options.create_missing_column_families(true);
    // An idle family would otherwise keep the log from being cut.
    options.set_max_total_wal_size(config.wal_bytes_max);
    options.set_wal_ttl_seconds(u64::MAX); // moved aside: `old_logs` removes them
    options.set_db_write_buffer_size(memory.journal());
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(1 << 20);
    options.set_wal_bytes_per_sync(1 << 20);
    options.set_max_open_files(1_024);
    options
}

/// What every store of ours is opened with.
fn common_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(16 << 20);
    // A torn tail of the log was never acknowledged; damage before it is.
    options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::TolerateCorruptedTailRecords);
    options
}

fn base_options(cache: &Cache) -> Options {
    let mut options = Options::default();
    options.set_block_based_table_factory(&block_options(cache));
    // Codes are letters and digits: their statistics save a third, where repetition saves nothing.
    options.set_compression_type(DBCompressionType::Zstd);
    options.set_write_buffer_size(16 << 20);
    options
}

fn kind_options(kind: Kind, cache: &Cache, journal_bytes: usize) -> Options {
    match kind {
        Kind::Journal => journal_options(cache, journal_bytes),
        Kind::Partition => partition_options(),
    }
}

fn journal_options(cache: &Cache, journal_bytes: usize) -> Options {
    let mut options = Options::default();
    options.set_block_based_table_factory(&block_options(cache));
    options.set_compression_type(DBCompressionType::None);
    options.set_disable_auto_compactions(true);
    // A segment is usually dropped before it fills its buffer, and then never written twice.
    options.set_write_buffer_size(journal_bytes / 2);
    options.set_max_write_buffer_number(4);
    options
}

fn partition_options() -> Options {
    let mut options = Options::default();
    let mut block = BlockBasedOptions::default();
    block.disable_cache(); // leaves have a cache of their own
    block.set_block_size(8 << 10);
    block.set_format_version(5);
    // Every leaf is read by its exact key, and a file's index is small: about 3 bytes a thousand scans.
    block.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    options.set_block_based_table_factory(&block);
    options.set_compression_type(DBCompressionType::None); // leaves are packed already
    options.set_disable_auto_compactions(true);
    options.set_write_buffer_size(1 << 20); // nothing is ever put here one by one
    options.set_bytes_per_sync(1 << 20); // the last sync of a large file would hold up the log's
    options
}

fn block_options(cache: &Cache) -> BlockBasedOptions {
    let mut block = BlockBasedOptions::default();
    block.set_block_cache(cache);
    block.set_block_size(8 << 10);
    block.set_format_version(5);
    block.set_cache_index_and_filter_blocks(true);
    block.set_pin_l0_filter_and_index_blocks_in_cache(true);
    block
}

const SWEEP_READAHEAD_BYTES: usize = 2 << 20;
