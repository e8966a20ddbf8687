//! Doors to single layers for `truyvet-benches`. No part of the interface: nothing else uses it.
//!
//! ```text
//! pack .. read_trail_leaf   columns and leaves of the sealed form, one behind the other in a buffer
//! LiveScans                 a live table and the hand that fills it
//! OpenJournal               a journal without an engine above it
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::config::EngineConfig;
use crate::error::{EngineError, OpenError};
use crate::index::ids::{self, Ids};
use crate::index::packed::Packed;
use crate::index::rows::{Posting, TrailRow};
use crate::index::times::Times;
use crate::index::{packed, times, trails};
use crate::journal::{Journal, Segment, record};
use crate::live::{Appender, BlockFacts, LiveTable};
use crate::memory::Memory;
use crate::store::Store;

/// Scans of a posting leaf.
pub const LEAF_SCANS_MAX: usize = crate::index::postings::LEAF_SCANS_MAX;

/// Appends a bit-packed column.
pub fn pack(values: impl Iterator<Item = u64> + Clone, out: &mut Vec<u8>) {
    packed::pack(values, out);
}

/// Takes a column of `len` entries from the front and hands them over; `None` when it is damaged.
#[inline]
pub fn unpack(bytes: &mut &[u8], len: usize, entry: impl FnMut(u64)) -> Option<()> {
    let column = Packed::take(bytes, len)?;
    (0..len).map(|i| column.get(i)).for_each(entry);
    Some(())
}

/// Appends ids, which ascend without repeats.
pub fn write_ids(ids: &[u32], out: &mut Vec<u8>) {
    ids::write_ids(ids, out);
}

/// Takes `len` ids from the front and appends them to `out`; `None` when they are damaged.
pub fn read_ids(bytes: &mut &[u8], len: usize, out: &mut Vec<u32>) -> Option<()> {
    Ids::take(bytes, len)?.read(out);
    Some(())
}

/// Appends times, which ascend.
pub fn write_times(at_ms: &[i64], out: &mut Vec<u8>) {
    times::write_times(at_ms, out);
}

/// Takes `len` times from the front and appends them to `out`; `None` when they are damaged.
pub fn read_times(bytes: &mut &[u8], len: usize, out: &mut Vec<i64>) -> Option<()> {
    Times::take(bytes, len)?.read(0..len, out);
    Some(())
}

/// Appends a number.
pub fn write_varint(value: u64, out: &mut Vec<u8>) {
    packed::write_varint(value, out);
}

/// Takes a number from the front; `None` when it is damaged.
#[inline]
pub fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    packed::read_varint(bytes)
}

/// Ends a buffer of columns.
pub fn pad(out: &mut Vec<u8>) {
    packed::pad(out);
}

/// By how many bits of their id subjects are grouped in trail leaves.
pub fn trail_shift(scans: u64, ids_end: u64) -> u8 {
    trails::choose_shift(scans, ids_end)
}

/// A trail leaf of pointers: subject, posting leaf, place in it; by subject, then leaf, one for both.
pub fn trail_leaf(pointers: impl Iterator<Item = (u32, u32, u16)>) -> Vec<u8> {
    let pointer = |(subject, leaf, place)| trails::Pointer { subject, leaf, place };
    trails::encode_leaf(&pointers.map(pointer).collect::<Vec<_>>())
}

/// Hands over the pointers of a trail leaf; `None` when it is damaged.
pub fn read_trail_leaf(bytes: &[u8], mut pointer: impl FnMut((u32, u32, u16))) -> Option<()> {
    let mut pointers = Vec::new();
    trails::Leaf::parse(bytes)?.read_all(&mut pointers)?;
    pointers.into_iter().for_each(|p| pointer((p.subject, p.leaf, p.place)));
    Some(())
}

/// A live table without an engine around it.
pub struct LiveScans {
    table: Arc<LiveTable>,
    appender: Appender,
}

impl LiveScans {
    /// With room for so many scans and batches.
    pub fn new(scans_max: usize, batches_max: usize) -> Self {
        let (table, appender) = LiveTable::new(scans_max, batches_max);
        Self { table, appender }
    }

    /// Appends a batch of a site; its scans follow each other by a millisecond.
    pub fn append(&mut self, site: u32, base_ms: i64, subjects: &[u32]) {
        let facts = BlockFacts { site, device: site, base_ms, first_seq: 1 };
        self.appender.touch(subjects);
        self.appender.append(facts, (0..).zip(subjects).map(|(offset_ms, subject)| (*subject, offset_ms, 0)));
    }

    /// Number of scans of a site in an interval, each of them read.
    pub fn at_site(&self, site: u32, from_ms: i64, to_ms: i64) -> usize {
        let mut postings: Vec<Posting> = Vec::new();
        self.table.postings(site, from_ms, to_ms, &mut postings);
        postings.len()
    }

    /// Number of scans of a subject, each of them read.
    pub fn of_subject(&self, subject: u32) -> usize {
        let mut trail: Vec<TrailRow> = Vec::new();
        self.table.trail(subject, i64::MIN, i64::MAX, &mut trail);
        trail.len()
    }
}

/// A journal without an engine above it.
pub struct OpenJournal {
    journal: Journal,
}

impl OpenJournal {
    /// A new one in an empty directory.
    ///
    /// # Errors
    /// The store fails.
    pub fn create(dir: &Path) -> Result<Self, OpenError> {
        let config = EngineConfig::default();
        let store = Store::open(&dir.join("engine"), &dir.join("scratch"), &config, &Memory::of(&config))?;
        let segment = Segment::create(&store, 1)?;
        Ok(Self { journal: Journal::start(Arc::new(store), segment) })
    }

    /// Appends batches, one of each device, and returns when all of them are on disk.
    ///
    /// # Errors
    /// The store fails.
    pub fn commit<'b>(&mut self, batches: impl Iterator<Item = &'b [u8]>) -> Result<(), EngineError> {
        let mut group = self.journal.group();
        let mut bytes = Vec::new();
        for (device, batch) in (1..).zip(batches) {
            record::Record {
                device,
                site: device,
                received_at_ms: 0,
                skip: 0,
                refused: record::Refused::Decided(&[]),
                signature: &[0; 64],
                batch,
            }
            .encode(&mut bytes);
            group.append(&bytes, device, 1);
        }
        group.commit()
    }
}
