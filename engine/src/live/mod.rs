//! The live table: scans in memory that are in no run yet.
//!
//! Append-only columns of atomics, allocated once and filled from the front by one writer; readers
//! take no lock and never wait. A batch is a block; blocks of one site and scans of one subject are
//! chained backwards:
//!
//! ```text
//! scans    subject | offset_ms | flags | block | previous scan of the subject
//! blocks   site | start | base_ms | min_ms | max_ms | device | first_seq | previous block of the site
//! newest   of each site: block; of each subject: scan
//! ```
//!
//! Invariants: a reader looks only at blocks below the published count that it saw first, and follows
//! a chain past anything newer; a block is published after all its columns are written. Links are
//! stored plus one, so that zeroed memory means "none".

mod columns;

use std::sync::atomic::{AtomicUsize, Ordering};

use columns::{Chunked, Column8, Column32, Column64};

use crate::index::rows::{FullPosting, Posting, Rows, TrailRow};

/// Scans in memory. Filled through its [`Appender`].
pub(crate) struct LiveTable {
    scans: Scans,
    blocks: Blocks,
    newest_block: Chunked,
    newest_scan: Chunked,
    published_blocks: AtomicUsize,
}

struct Scans {
    subject: Column32,
    offset_ms: Column32,
    flags: Column8,
    block: Column32,
    previous: Column32,
}

struct Blocks {
    site: Column32,
    start: Column32,
    end: Column32,
    device: Column32,
    previous: Column32,
    base_ms: Column64,
    min_ms: Column64,
    max_ms: Column64,
    first_seq: Column64,
}

/// What the scans of a block have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockFacts {
    pub(crate) site: u32,
    pub(crate) device: u32,
    pub(crate) base_ms: i64,
    pub(crate) first_seq: u64,
}

impl LiveTable {
    /// An empty table and the one handle that fills it.
    pub(crate) fn new(scans_max: usize, blocks_max: usize) -> (std::sync::Arc<Self>, Appender) {
        let table = std::sync::Arc::new(Self {
            scans: Scans {
                subject: Column32::new(scans_max),
                offset_ms: Column32::new(scans_max),
                flags: Column8::new(scans_max),
                block: Column32::new(scans_max),
                previous: Column32::new(scans_max),
            },
            blocks: Blocks {
                site: Column32::new(blocks_max),
                start: Column32::new(blocks_max),
                end: Column32::new(blocks_max),
                device: Column32::new(blocks_max),
                previous: Column32::new(blocks_max),
                base_ms: Column64::new(blocks_max),
                min_ms: Column64::new(blocks_max),
                max_ms: Column64::new(blocks_max),
                first_seq: Column64::new(blocks_max),
            },
            newest_block: Chunked::new(),
            newest_scan: Chunked::new(),
            published_blocks: AtomicUsize::new(0),
        });
        let appender = Appender { table: table.clone(), scans: 0, blocks: 0 };
        (table, appender)
    }

    /// Number of scans.
    pub(crate) fn len(&self) -> usize {
        self.scans_of(self.published()).end
    }

    /// Whether the site has scans.
    pub(crate) fn has_site(&self, site: u32) -> bool {
        link(self.newest_block.get(site)).is_some()
    }

    /// Appends the site's scans with `from_ms <= at < to_ms`, in no order.
    pub(crate) fn postings(&self, site: u32, from_ms: i64, to_ms: i64, out: &mut Vec<Posting>) {
        self.visit(site, from_ms, to_ms, |_, i, at_ms| {
            out.push(Posting { at_ms, subject: self.scans.subject.get(i), flags: self.scans.flags.get(i) });
        });
    }

    /// Appends the site's scans with `from_ms <= at < to_ms` and where they came from, in no order.
    pub(crate) fn full_postings(&self, site: u32, from_ms: i64, to_ms: i64, out: &mut Vec<FullPosting>) {
        self.visit(site, from_ms, to_ms, |block, i, at_ms| {
            let start = self.blocks.start.get(block) as usize;
            out.push(FullPosting {
                at_ms,
                subject: self.scans.subject.get(i),
                flags: self.scans.flags.get(i),
                device: self.blocks.device.get(block),
                seq: self.blocks.first_seq.get(block) + (i - start) as u64,
            });
        });
    }

    /// Appends the subject's scans with `from_ms <= at < to_ms`, in no order.
    pub(crate) fn trail(&self, subject: u32, from_ms: i64, to_ms: i64, out: &mut Vec<TrailRow>) {
        let scans = self.len();
        let mut next = self.newest_scan.get(subject);
        while let Some(i) = link(next) {
            next = self.scans.previous.get(i);
            if i >= scans {
                continue;
            }
            let block = self.scans.block.get(i) as usize;
            let at_ms = self.at_ms(block, i);
            if (from_ms..to_ms).contains(&at_ms) {
                out.push(TrailRow {
                    at_ms,
                    site: self.blocks.site.get(block),
                    flags: self.scans.flags.get(i),
                });
            }
        }
    }

    /// Every scan, in the order of arrival.
    pub(crate) fn rows(&self) -> Rows {
        let blocks = self.published();
        let mut rows = Rows::with_capacity(self.scans_of(blocks).end);
        for block in 0..blocks {
            let (site, device) = (self.blocks.site.get(block), self.blocks.device.get(block));
            let first_seq = self.blocks.first_seq.get(block);
            for (n, i) in self.block_scans(block).enumerate() {
                rows.at_ms.push(self.at_ms(block, i));
                rows.subject.push(self.scans.subject.get(i));
                rows.site.push(site);
                rows.flags.push(self.scans.flags.get(i));
                rows.device.push(device);
                rows.seq.push(first_seq + n as u64);
            }
        }
        rows
    }

    /// Hands over the seqs of every block: device, first seq, number of scans.
    pub(crate) fn seqs(&self, mut block: impl FnMut(u32, u64, u64)) {
        for i in 0..self.published() {
            block(self.blocks.device.get(i), self.blocks.first_seq.get(i), self.block_scans(i).len() as u64);
        }
    }

    fn visit(&self, site: u32, from_ms: i64, to_ms: i64, mut scan: impl FnMut(usize, usize, i64)) {
        let published = self.published();
        let mut next = self.newest_block.get(site);
        while let Some(block) = link(next) {
            next = self.blocks.previous.get(block);
            let min_ms = self.blocks.min_ms.get(block) as i64;
            let max_ms = self.blocks.max_ms.get(block) as i64;
            if block >= published || max_ms < from_ms || min_ms >= to_ms {
                continue;
            }
            for i in self.block_scans(block) {
                let at_ms = self.at_ms(block, i);
                if (from_ms..to_ms).contains(&at_ms) {
                    scan(block, i, at_ms);
                }
            }
        }
    }

    fn published(&self) -> usize {
        self.published_blocks.load(Ordering::Acquire)
    }

    fn scans_of(&self, published: usize) -> std::ops::Range<usize> {
        0..published.checked_sub(1).map_or(0, |last| self.blocks.end.get(last) as usize)
    }

    fn block_scans(&self, block: usize) -> std::ops::Range<usize> {
        self.blocks.start.get(block) as usize..self.blocks.end.get(block) as usize
    }

    fn at_ms(&self, block: usize, i: usize) -> i64 {
        self.blocks.base_ms.get(block) as i64 + i64::from(self.scans.offset_ms.get(i))
    }
}

/// The one writer of a [`LiveTable`].
pub(crate) struct Appender {
    table: std::sync::Arc<LiveTable>,
    scans: usize,
    blocks: usize,
}

impl Appender {
    /// Whether this many scans in this many blocks still have a place.
    pub(crate) fn has_room(&self, scans: usize, blocks: usize) -> bool {
        let table = &self.table;
        self.blocks + blocks <= table.blocks.site.len() && self.scans + scans <= table.scans.subject.len()
    }

    /// Brings the ends of these subjects' chains into the caches, before [`Appender::append`] needs them
    /// one by one: here the waits for memory overlap. A batch's are 256 KiB at most, a line each.
    pub(crate) fn touch(&self, subjects: &[u32]) {
        let newest = &self.table.newest_scan;
        std::hint::black_box(subjects.iter().fold(0, |all, subject| all ^ newest.get(*subject)));
    }

    /// Appends a block and publishes it. `scans` gives subject, offset and flags, in order of seq.
    ///
    /// # Panics
    /// When the table has no room; see [`Appender::has_room`].
    pub(crate) fn append(&mut self, facts: BlockFacts, scans: impl Iterator<Item = (u32, u32, u8)>) {
        let table = &*self.table;
        let (block, start) = (self.blocks, self.scans);
        let (mut min, mut max) = (u32::MAX, 0);
        for (subject, offset_ms, flags) in scans {
            let i = self.scans;
            min = min.min(offset_ms);
            max = max.max(offset_ms);
            table.scans.subject.set(i, subject);
            table.scans.offset_ms.set(i, offset_ms);
            table.scans.flags.set(i, flags);
            table.scans.block.set(i, block as u32);
            // The link back is there before a reader can find the scan: see `Chunked::publish`.
            table.scans.previous.set(i, table.newest_scan.get(subject));
            table.newest_scan.publish(subject, i as u32 + 1);
            self.scans += 1;
        }
        if self.scans == start {
            return;
        }
        let blocks = &table.blocks;
        blocks.site.set(block, facts.site);
        blocks.start.set(block, start as u32);
        blocks.end.set(block, self.scans as u32);
        blocks.device.set(block, facts.device);
        blocks.base_ms.set(block, facts.base_ms as u64);
        blocks.min_ms.set(block, (facts.base_ms + i64::from(min)) as u64);
        blocks.max_ms.set(block, (facts.base_ms + i64::from(max)) as u64);
        blocks.first_seq.set(block, facts.first_seq);
        blocks.previous.set(block, table.newest_block.get(facts.site));
        table.newest_block.publish(facts.site, block as u32 + 1);
        self.blocks += 1;
        table.published_blocks.store(self.blocks, Ordering::Release);
    }
}

fn link(stored: u32) -> Option<usize> {
    stored.checked_sub(1).map(|i| i as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: BlockFacts = BlockFacts { site: 3, device: 9, base_ms: 1_000, first_seq: 50 };

    #[test]
    fn scans_are_found_by_site_and_by_subject() {
        let (table, mut appender) = LiveTable::new(100, 10);
        appender.append(FACTS, [(7, 0, 0), (8, 5, 1), (7, 10, 0)].into_iter());
        appender.append(BlockFacts { site: 4, base_ms: 2_000, ..FACTS }, [(7, 0, 2)].into_iter());
        let mut trail = Vec::new();
        table.trail(7, 0, 2_000, &mut trail);
        trail.sort_unstable();
        let row = |at_ms, site, flags| TrailRow { at_ms, site, flags };
        assert_eq!(trail, [row(1_000, 3, 0), row(1_010, 3, 0)]);
        let mut postings = Vec::new();
        table.full_postings(3, 1_001, 1_010, &mut postings);
        assert_eq!(postings, [FullPosting { at_ms: 1_005, subject: 8, flags: 1, device: 9, seq: 51 }]);
        assert_eq!((table.len(), table.rows().seq), (4, vec![50, 51, 52, 50]));
    }

    #[test]
    fn room_is_bounded_in_scans_and_blocks() {
        let (_, mut appender) = LiveTable::new(5, 2);
        assert!(appender.has_room(5, 2) && !appender.has_room(6, 1) && !appender.has_room(1, 3));
        appender.append(FACTS, [(1, 0, 0)].into_iter());
        appender.append(FACTS, [(1, 0, 0)].into_iter());
        assert!(!appender.has_room(1, 1));
    }
}
