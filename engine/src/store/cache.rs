//! Leaves and rollups that were read, kept as they lie on disk or parsed, up to a number of bytes.
//!
//! A hit costs a tenth of a read through the store: no look-up of the family, no search in an index, no
//! checksum, no copy. The store keeps no cache of its own for the same files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::index::rollups::Rollup;

/// Which part of a run a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Posting,
    Trail,
    /// Of a day.
    Rollup(i32),
}

/// A value of a run, shared with the cache.
#[derive(Clone)]
pub(crate) enum Block {
    /// A leaf, read in place.
    Bytes(Arc<[u8]>),
    /// Parsed, because unions of bitmaps need it whole.
    Rollup(Arc<Rollup>),
    /// The run has no such rollup.
    Absent,
}

impl Block {
    /// `None` when the bytes are damaged.
    pub(crate) fn parse(part: Part, bytes: &[u8]) -> Option<Self> {
        match part {
            Part::Posting | Part::Trail => Some(Self::Bytes(bytes.into())),
            Part::Rollup(_) => Rollup::parse(bytes).map(|rollup| Self::Rollup(Arc::new(rollup))),
        }
    }

    /// A leaf's bytes.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Rollup(_) | Self::Absent => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Rollup(rollup) => rollup.size(),
            Self::Absent => 0,
        }
    }
}

/// Part, run, and the leaf, group or area.
type Key = (Part, u32, u32);

/// Blocks by their keys.
pub(crate) struct BlockCache {
    blocks: Cache<Key, Block, Weigh, DefaultHashBuilder>,
}

impl BlockCache {
    pub(crate) fn new(bytes: usize) -> Self {
        let (items, hasher) = (bytes / BLOCK_BYTES_USUAL, DefaultHashBuilder::default());
        Self { blocks: Cache::with(items, bytes as u64, Weigh, hasher, DefaultLifecycle::default()) }
    }

    pub(crate) fn get(&self, part: Part, run: u32, number: u32) -> Option<Block> {
        self.blocks.get(&(part, run, number))
    }

    pub(crate) fn insert(&self, part: Part, run: u32, number: u32, block: Block) {
        self.blocks.insert((part, run, number), block);
    }

    /// Bytes in use.
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.weight()
    }

    /// Bytes that may be in use.
    pub(crate) fn capacity(&self) -> u64 {
        self.blocks.capacity()
    }

    /// Most bytes.
    pub(crate) fn set_bytes(&self, bytes: usize) {
        self.blocks.set_capacity(bytes as u64);
    }
}

/// Counts what a question does not find in the cache.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    misses: AtomicU64,
    passed: AtomicU64,
    bytes: AtomicU64,
}

impl Meter {
    /// A block was read into the cache.
    pub(crate) fn missed(&self, bytes: usize) {
        self.misses.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Blocks were read beside the cache.
    pub(crate) fn passed(&self, blocks: u64, bytes: u64) {
        self.passed.fetch_add(blocks, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Misses, blocks beside the cache, and the bytes of both.
    pub(crate) fn read(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.misses), read(&self.passed), read(&self.bytes))
    }
}

#[derive(Clone)]
struct Weigh;

impl Weighter<Key, Block> for Weigh {
    fn weight(&self, _: &Key, block: &Block) -> u64 {
        (block.size() + ENTRY_BYTES) as u64
    }
}

/// What an entry takes beside its block.
const ENTRY_BYTES: usize = 96;

/// A posting leaf has three or four thousand bytes, a trail leaf one.
const BLOCK_BYTES_USUAL: usize = 2_048;
