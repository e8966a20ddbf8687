//! A store of small records that change one by one: the registry's. Beside the engine's own store, since
//! it is read and written quite differently: single keys, found by a filter, nothing dropped by the day.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Direction, IteratorMode, Options, WriteBatch,
    WriteOptions,
};

use super::Entry;
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
        self.db
            .iterator(IteratorMode::From(start, Direction::Forward))
            .take_while(move |entry| entry.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
            .map(|entry| entry.map_err(EngineError::from))
    }

    /// The last entry whose key begins with `prefix` and is not behind `last`.
    pub(crate) fn last(&self, prefix: &[u8], last: &[u8]) -> Result<Option<Entry>, EngineError> {
        let entry = self.db.iterator(IteratorMode::From(last, Direction::Reverse)).next().transpose()?;
        Ok(entry.filter(|(key, _)| key.starts_with(prefix)))
    }

    /// Makes all changes or none, and returns when they are on disk.
    pub(crate) fn commit(&self, puts: &[(Vec<u8>, Vec<u8>)], deletes: &[Vec<u8>]) -> Result<(), EngineError> {
        let mut batch = WriteBatch::default();
        puts.iter().for_each(|(key, value)| batch.put(key, value));
        deletes.iter().for_each(|key| batch.delete(key));
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.db.write_opt(batch, &options)?)
    }
}

fn options(cache_bytes: usize) -> Options {
    let mut block = BlockBasedOptions::default();
    block.set_block_cache(&Cache::new_hyper_clock_cache(cache_bytes, 0));
    block.set_format_version(5);
    block.set_bloom_filter(10.0, false);
    block.set_cache_index_and_filter_blocks(true);
    block.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&block);
    options.set_compression_type(DBCompressionType::None); // what is sealed does not shrink
    options.set_write_buffer_size(32 << 20);
    options.set_max_total_wal_size(128 << 20);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(16 << 20);
    options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::TolerateCorruptedTailRecords);
    options
}
