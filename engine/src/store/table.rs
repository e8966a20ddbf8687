//! A store of small records that change one by one: the registry's. Beside the engine's own store, since
//! it is read and written quite differently: single keys, found by a filter, nothing dropped by the day.

use std::path::Path;

use rocksdb::{Cache, DB, DBCompressionType, Direction, IteratorMode, Options, WriteBatch, WriteOptions};

use super::{BackupStore, Entry, beginning_with, block_options, common_options};
use crate::error::EngineError;

/// An open store.
pub(crate) struct Table {
    db: DB,
}

impl Table {
    /// Opens or creates it; `cache_bytes` are for blocks, filters and indexes.
    pub(crate) fn open(dir: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        Ok(Self { db: DB::open(&options(cache_bytes), dir)? })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.db.get(key)?)
    }

    /// The entries from `start` on whose keys begin with `prefix`, in key order.
    pub(crate) fn scan<'s>(
        &'s self,
        prefix: &'s [u8],
        start: &[u8],
    ) -> impl Iterator<Item = Result<Entry, EngineError>> + use<'s> {
        let mode = IteratorMode::From(start, Direction::Forward);
        beginning_with(prefix, self.db.iterator(mode))
    }

    /// The last entry whose key begins with `prefix` and is not behind `last`.
    pub(crate) fn last(&self, prefix: &[u8], last: &[u8]) -> Result<Option<Entry>, EngineError> {
        let mode = IteratorMode::From(last, Direction::Reverse);
        beginning_with(prefix, self.db.iterator(mode)).next().transpose()
    }

    /// Puts, deletes keys, and deletes all keys from the first of each pair up to the second: all or nothing.
    /// Returns when it is on disk.
    pub(crate) fn write(
        &self,
        puts: &[(Vec<u8>, Vec<u8>)],
        deletes: &[Vec<u8>],
        ranges: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), EngineError> {
        let mut batch = WriteBatch::default();
        puts.iter().for_each(|(key, value)| batch.put(key, value));
        deletes.iter().for_each(|key| batch.delete(key));
        ranges.iter().for_each(|(from, to)| batch.delete_range(from, to));
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.db.write_opt(batch, &options)?)
    }
}

impl Table {
    /// Adds a backup of what is in it now, and tells its number. There is one family and nothing is moved
    /// in, so the store itself can be handed to the backup engine (see `backup`).
    pub(crate) fn back_up(&self, target: &mut BackupStore) -> Result<u32, EngineError> {
        target.add_store(&self.db)
    }
}

fn options(cache_bytes: usize) -> Options {
    let mut block = block_options(&Cache::new_hyper_clock_cache(cache_bytes, 0));
    block.set_bloom_filter(10.0, false); // most look-ups of a new person's documents find nothing
    let mut options = common_options();
    options.set_block_based_table_factory(&block);
    options.set_compression_type(DBCompressionType::None); // what is sealed does not shrink
    options.set_write_buffer_size(4 << 20); // as much is set aside for the log on disk
    options.set_max_total_wal_size(128 << 20);
    options.set_max_open_files(256);
    options
}
