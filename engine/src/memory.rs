//! Where the engine's memory goes: one setting, `memory_bytes`, and what follows from it.
//!
//! ```text
//! memory_bytes = live tables      two: one fills while the other is written
//!              + writing          rows of the table that is written, and what three writers sort
//!              + journal          the store's write buffers, for two segments
//!              + store cache      catalog, marks, dead letters
//!              + importing        rows of two steps, and writing them    while it goes on
//!              + subjects         codes, and their chains in live tables   grows
//!              + directories      of the runs that were read               grows
//!              + block cache      what is left
//! ```
//!
//! The first four are bounded by settings and known at the start. Imports, and what grows, are looked at by
//! the keeper, after each of its jobs and when it is idle, and taken off the block cache, down to
//! `CACHE_BYTES_MIN`. What a question holds while it is answered comes on top; lists and passes have limits
//! of their own (`trace`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;
use truyvet_schemas::utoipa::{self, ToSchema};

use crate::config::EngineConfig;
use crate::index::rows::FullPosting;
use crate::sealer::MERGES_AT_ONCE;
use crate::shared::Shared;

/// Bytes by what they are for.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    live_tables: u64,
    writing: u64,
    journal: u64,
    base_cache: u64,
    /// What one sort of a run's writer may hold.
    writer: u64,
    /// Rows of a step of an import.
    import_rows: u64,
    /// What an import takes.
    import: u64,
    /// Imports that are going on.
    imports: AtomicU64,
    is_over_told: AtomicBool,
}

impl Memory {
    pub(crate) fn of(config: &EngineConfig) -> Self {
        Self::within(config.memory_bytes, config.live_scans_max as u64)
    }

    fn within(limit: u64, live_scans_max: u64) -> Self {
        let import_rows = (limit / IMPORT_SHARE).clamp(IMPORT_ROWS_MIN, IMPORT_ROWS_MAX);
        let writer = (limit / WRITER_SHARE).clamp(MIB, WRITER_BYTES_MAX);
        Self {
            limit,
            live_tables: 2 * (LIVE_TABLE_BYTES + live_scans_max * LIVE_SCAN_BYTES),
            writing: live_scans_max * WRITTEN_SCAN_BYTES + SORTS * writer,
            journal: (2 * live_scans_max * JOURNAL_SCAN_BYTES).max(JOURNAL_BYTES_MIN),
            base_cache: (limit / BASE_CACHE_SHARE).clamp(MIB, BASE_CACHE_BYTES_MAX),
            writer,
            import_rows,
            import: 2 * import_rows * IMPORTED_SCAN_BYTES
                + import_rows.saturating_sub(live_scans_max) * WRITTEN_SCAN_BYTES,
            imports: AtomicU64::new(0),
            is_over_told: AtomicBool::new(false),
        }
    }

    /// Whether there is room for everything.
    ///
    /// # Errors
    /// Says what needs how much.
    pub(crate) fn check(&self, live_scans_max: usize) -> Result<(), String> {
        if self.limit >= self.least() {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(MIB);
        Err(format!(
            "memory_bytes = {} is too little: with live_scans_max = {live_scans_max}, live tables take {} MiB, \
             writing {}, an import {}, the journal {}, the store's cache {}, and blocks {} at least; give at \
             least {}, or lower live_scans_max",
            self.limit,
            mib(self.live_tables),
            mib(self.writing),
            mib(self.import),
            mib(self.journal),
            mib(self.base_cache),
            mib(CACHE_BYTES_MIN),
            least(live_scans_max as u64),
        ))
    }

    /// Bytes for blocks, beside so many that have grown.
    pub(crate) fn block_cache(&self, grown: u64) -> u64 {
        self.limit.saturating_sub(self.fixed() + grown).max(CACHE_BYTES_MIN)
    }

    /// Bytes of the store's write buffers together.
    pub(crate) fn journal(&self) -> usize {
        self.journal as usize
    }

    /// Bytes of the store's own cache.
    pub(crate) fn base_cache(&self) -> usize {
        self.base_cache as usize
    }

    /// Bytes that one sort of a run's writer may hold.
    pub(crate) fn writer(&self) -> usize {
        self.writer as usize
    }

    /// Rows of a step of an import.
    pub(crate) fn import_rows(&self) -> usize {
        self.import_rows as usize
    }

    fn fixed(&self) -> u64 {
        self.live_tables + self.writing + self.journal + self.base_cache
    }

    fn importing(&self) -> u64 {
        self.imports.load(Ordering::Relaxed) * self.import
    }

    fn least(&self) -> u64 {
        self.fixed() + self.import + CACHE_BYTES_MIN
    }
}

/// The least `memory_bytes` with which the engine works: shares of it grow with it, so step by step.
fn least(live_scans_max: u64) -> u64 {
    let mut bytes = 0;
    loop {
        let needed = Memory::within(bytes, live_scans_max).least();
        if needed <= bytes {
            return bytes;
        }
        bytes = needed.next_multiple_of(MIB);
    }
}

/// Where the engine's memory goes, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MemoryStatus {
    /// The setting `memory_bytes`.
    pub limit_bytes: u64,
    /// Set aside for scans in memory that are in no run yet.
    pub live_tables_bytes: u64,
    /// Set aside for writing and merging runs.
    pub writing_bytes: u64,
    /// Set aside for the rows of imports that are going on.
    pub importing_bytes: u64,
    /// Set aside for the store's write buffers.
    pub journal_bytes: u64,
    /// Set aside for the store's own cache.
    pub store_cache_bytes: u64,
    /// In use for codes of subjects and their chains in live tables.
    pub subjects_bytes: u64,
    /// In use for directories of runs that were read.
    pub directories_bytes: u64,
    /// What is left for blocks read from disk.
    pub block_cache_bytes: u64,
    /// Of this, in use.
    pub block_cache_used_bytes: u64,
}

impl Shared {
    /// Where the memory goes now.
    pub(crate) fn memory_status(&self) -> MemoryStatus {
        let blocks = self.store.blocks();
        MemoryStatus {
            limit_bytes: self.memory.limit,
            live_tables_bytes: self.memory.live_tables,
            writing_bytes: self.memory.writing,
            importing_bytes: self.memory.importing(),
            journal_bytes: self.memory.journal,
            store_cache_bytes: self.memory.base_cache,
            subjects_bytes: self.subjects_bytes(),
            directories_bytes: self.directories_bytes(),
            block_cache_bytes: blocks.capacity(),
            block_cache_used_bytes: blocks.bytes(),
        }
    }

    /// Gives the block cache what is left beside what has grown.
    pub(crate) fn fit_block_cache(&self) {
        let grown = self.memory.importing() + self.subjects_bytes() + self.directories_bytes();
        let bytes = self.memory.block_cache(grown);
        let blocks = self.store.blocks();
        if blocks.capacity().abs_diff(bytes) >= CACHE_STEP_BYTES {
            blocks.set_bytes(bytes as usize);
        }
        let is_over = self.memory.fixed() + grown + CACHE_BYTES_MIN > self.memory.limit;
        if is_over && !self.memory.is_over_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(grown, "subjects, directories and imports have outgrown `memory_bytes`; raise it");
        }
    }

    fn subjects_bytes(&self) -> u64 {
        let subjects = self.catalog.subjects.read();
        subjects.memory_bytes() as u64 + u64::from(subjects.ids_end()) * CHAIN_BYTES
    }

    fn directories_bytes(&self) -> u64 {
        let state = self.state.load();
        let runs = state.partitions.iter().flat_map(|partition| &partition.runs);
        runs.map(|run| run.directory_bytes() as u64).sum()
    }
}

/// What an import takes, off the block cache for as long as this lives.
pub(crate) struct ImportMemory(Arc<Shared>);

impl ImportMemory {
    pub(crate) fn take(shared: Arc<Shared>) -> Self {
        shared.memory.imports.fetch_add(1, Ordering::Relaxed);
        shared.fit_block_cache();
        Self(shared)
    }
}

impl Drop for ImportMemory {
    fn drop(&mut self) {
        self.0.memory.imports.fetch_sub(1, Ordering::Relaxed);
    }
}

const MIB: u64 = 1 << 20;

/// A live table's columns: 17 bytes a scan, 52 a block, and a block for each 16 scans.
const LIVE_SCAN_BYTES: u64 = 17 + 52_u64.div_ceil(16);
/// What an empty live table has: room past its limit, and its chains' lists of chunks, 1.5 MB each.
const LIVE_TABLE_BYTES: u64 = 4 * MIB;
/// A subject's links in two live tables.
const CHAIN_BYTES: u64 = 2 * 4;
/// A row that is written: 29 bytes of columns, 4 of its place in its partition, 8 of its place by site
/// and as many while that is sorted, and its posting, where one site has all.
const WRITTEN_SCAN_BYTES: u64 = 29 + 4 + 8 + 8 + size_of::<FullPosting>() as u64;
/// Rows of an import have no seq.
const IMPORTED_SCAN_BYTES: u64 = 21;
/// A row of a step for each 512 bytes: a quarter of all, most of it while it is written.
const IMPORT_SHARE: u64 = 512;
const IMPORT_ROWS_MIN: u64 = 100_000;
/// A nation's day.
const IMPORT_ROWS_MAX: u64 = 12_000_000;
/// A batch of 50 scans as it was signed, with its key.
const JOURNAL_SCAN_BYTES: u64 = 40;
/// Changes of the catalog pass through the same buffers.
const JOURNAL_BYTES_MIN: u64 = 16 * MIB;
/// Catalog, marks and dead letters are read at starts and now and then.
const BASE_CACHE_BYTES_MAX: u64 = 16 * MIB;
const BASE_CACHE_SHARE: u64 = 128;
/// The keeper and each merge sort a column of subjects and the pointers to them.
const SORTS: u64 = 2 * (1 + MERGES_AT_ONCE as u64);
/// Sixteen million subjects, or the pointers to five million scans: a nation's day in a dozen passes.
const WRITER_BYTES_MAX: u64 = 64 * MIB;
const WRITER_SHARE: u64 = 32;
/// Blocks of a few questions.
const CACHE_BYTES_MIN: u64 = 16 * MIB;
/// By less than this the cache is not fitted.
const CACHE_STEP_BYTES: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_is_refused_with_what_would_do() {
        for live_scans_max in [10_000, 1_000_000, 4_000_000, 1 << 30] {
            let config = EngineConfig { live_scans_max, ..EngineConfig::default() };
            let least = least(live_scans_max as u64);
            let with = |memory_bytes| EngineConfig { memory_bytes, ..config.clone() }.validate();
            assert_eq!(with(least), Ok(()));
            let said = with(least - MIB).expect_err("too little");
            assert!(said.starts_with("memory_bytes = "), "{said}");
            assert!(
                said.contains("live tables take") && said.contains(&format!("at least {least}")),
                "{said}"
            );
        }
    }

    #[test]
    fn blocks_get_what_is_left_and_never_nothing() {
        let memory = Memory::of(&EngineConfig::default());
        let all = memory.block_cache(0);
        assert_eq!(memory.fixed() + all, EngineConfig::default().memory_bytes);
        assert!(all > 700 * MIB, "{all}");
        assert_eq!(memory.block_cache(100 * MIB), all - 100 * MIB);
        assert_eq!(memory.block_cache(u64::MAX / 2), CACHE_BYTES_MIN);
    }
}
