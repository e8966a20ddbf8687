//! A run, open for reading.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::EngineError;
use crate::index::directory::Directory;
use crate::index::keys;
use crate::index::postings;
use crate::index::rollups::Rollup;
use crate::index::trails::{self, Pointer};
use crate::partition::manifest::RunEntry;
use crate::store::cache::{Block, Meter, Part};
use crate::store::{Entry, Family, Store};

/// Sorted scans in a family. Its directory is read at the first question.
pub(crate) struct Run {
    pub(crate) entry: RunEntry,
    pub(crate) family: Arc<Family>,
    directory: OnceLock<Directory>,
    doomed: AtomicBool,
}

impl Run {
    pub(crate) fn new(entry: RunEntry, family: Arc<Family>) -> Self {
        Self { entry, family, directory: OnceLock::new(), doomed: AtomicBool::new(false) }
    }

    /// The run's file goes when the last reader lets go. The manifest must not name it any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }

    pub(crate) fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        self.entry.min_ms < to_ms && from_ms <= self.entry.max_ms
    }

    /// What the run's postings hold.
    pub(crate) fn directory(&self, store: &Store) -> Result<&Directory, EngineError> {
        if let Some(directory) = self.directory.get() {
            return Ok(directory);
        }
        let key = keys::directory(self.entry.number);
        let read = self.read(store, &key, Directory::parse)?;
        let directory = read.flatten().ok_or_else(|| self.corrupt("the directory"))?;
        Ok(self.directory.get_or_init(|| directory))
    }

    /// Bytes of memory that the directory takes, once it was read.
    pub(crate) fn directory_bytes(&self) -> usize {
        self.directory.get().map_or(0, Directory::bytes)
    }

    /// The leaves of `site` that may hold scans with `from_ms <= at < to_ms`.
    pub(crate) fn leaves_of(
        &self,
        store: &Store,
        site: u32,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<std::ops::Range<u32>, EngineError> {
        if !self.overlaps(from_ms, to_ms) {
            return Ok(0..0);
        }
        Ok(self.directory(store)?.leaves(site, from_ms, to_ms))
    }

    /// Hands a posting leaf to `read`, which tells `None` when it is damaged.
    pub(crate) fn posting_leaf<T>(
        &self,
        store: &Store,
        meter: &Meter,
        leaf: u32,
        read: impl FnOnce(postings::Leaf<'_>) -> Option<T>,
    ) -> Result<T, EngineError> {
        self.read_posting_block(leaf, &self.posting_block(store, meter, leaf)?, read)
    }

    /// A posting leaf as it lies in the cache.
    pub(crate) fn posting_block(
        &self,
        store: &Store,
        meter: &Meter,
        leaf: u32,
    ) -> Result<Block, EngineError> {
        let key = keys::posting(self.entry.number, leaf);
        let number = self.entry.number;
        let block = store.read_cached(meter, self.family.handle()?, Part::Posting, number, leaf, &key)?;
        block.ok_or_else(|| self.corrupt(&format!("posting leaf {leaf}")))
    }

    /// Hands the leaf in a block to `read`, which tells `None` when it is damaged.
    pub(crate) fn read_posting_block<T>(
        &self,
        leaf: u32,
        block: &Block,
        read: impl FnOnce(postings::Leaf<'_>) -> Option<T>,
    ) -> Result<T, EngineError> {
        let done = block.bytes().and_then(postings::Leaf::parse).and_then(read);
        done.ok_or_else(|| self.corrupt(&format!("posting leaf {leaf}")))
    }

    /// The same past the cache, without a copy; tells the leaf's bytes.
    pub(crate) fn posting_leaf_once(
        &self,
        store: &Store,
        leaf: u32,
        read: impl FnOnce(postings::Leaf<'_>) -> Option<()>,
    ) -> Result<usize, EngineError> {
        let key = keys::posting(self.entry.number, leaf);
        let done = self
            .read(store, &key, |bytes| postings::Leaf::parse(bytes).and_then(read).map(|()| bytes.len()))?;
        done.flatten().ok_or_else(|| self.corrupt(&format!("posting leaf {leaf}")))
    }

    /// The trail leaf of the subject's group, as it lies in the cache; `None` when the group has no scan.
    pub(crate) fn trail_block(
        &self,
        store: &Store,
        meter: &Meter,
        subject: u32,
    ) -> Result<Option<Block>, EngineError> {
        let group = subject >> self.entry.group_shift;
        let key = keys::trail(self.entry.number, group);
        store.read_cached(meter, self.family.handle()?, Part::Trail, self.entry.number, group, &key)
    }

    /// Appends pointers to the subject's scans, by leaf and place.
    pub(crate) fn read_trail_block(
        &self,
        subject: u32,
        block: &Block,
        out: &mut Vec<Pointer>,
    ) -> Result<(), EngineError> {
        let leaf = block.bytes().and_then(trails::Leaf::parse);
        let group = subject >> self.entry.group_shift;
        leaf.and_then(|leaf| leaf.read(subject, out))
            .ok_or_else(|| self.corrupt(&format!("trail leaf {group}")))
    }

    /// Hands the area's rollup of a day to `read`, and tells whether there is one.
    pub(crate) fn rollup(
        &self,
        store: &Store,
        meter: &Meter,
        area: u32,
        day: i32,
        read: impl FnOnce(&Rollup),
    ) -> Result<bool, EngineError> {
        let key = keys::rollup(self.entry.number, area, day);
        let (part, number) = (Part::Rollup(day), self.entry.number);
        match store.read_cached(meter, self.family.handle()?, part, number, area, &key)? {
            Some(Block::Rollup(rollup)) => {
                read(&rollup);
                Ok(true)
            }
            Some(Block::Bytes(_)) => Err(self.corrupt(&format!("the rollup of area {area}"))),
            Some(Block::Absent) | None => Ok(false),
        }
    }

    /// All posting leaves in order, as bytes, read past the cache.
    pub(crate) fn sweep_postings<'s>(
        &'s self,
        store: &'s Store,
        leaves: std::ops::Range<u32>,
    ) -> Result<impl Iterator<Item = Result<Box<[u8]>, EngineError>> + use<'s>, EngineError> {
        let (from, to) = keys::posting_bounds(self.entry.number, leaves);
        Ok(self.sweep(store, &from, &to)?.map(|entry| Ok(entry?.1)))
    }

    /// Hands the value of a key to `read`, past the cache and without a copy.
    pub(crate) fn read<T>(
        &self,
        store: &Store,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, EngineError> {
        store.read(self.family.handle()?, key, read)
    }

    /// The entries from one key up to and including another, read past the cache.
    pub(crate) fn sweep<'s>(
        &self,
        store: &'s Store,
        from: &[u8],
        to: &[u8],
    ) -> Result<impl Iterator<Item = Result<Entry, EngineError>> + use<'s>, EngineError> {
        Ok(store.sweep(self.family.handle()?, from, to))
    }

    pub(crate) fn corrupt(&self, part: &str) -> EngineError {
        let what = format!("{part} of run {} in {}", self.entry.number, self.family.name());
        EngineError::Corrupt { what }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if *self.doomed.get_mut() {
            self.family.forget_run(self.entry.number);
        }
    }
}
