//! The journal: batches in the order in which they became durable, until they are in a run.
//!
//! Shaped like a log: append, be told the position once it is durable, replay. A segment is a family
//! of the store and holds what one live table holds; when the table is in runs, the segment is dropped
//! whole. A device's high-water mark is in the same write as its batch, so both are there or neither.
//!
//! Invariants: a position is never used twice, even if its write failed (the store may still find the
//! failed one after a crash): its upper half is the number of its segment, and every start begins a new
//! one. Segments below the manifest's `first_segment` are obsolete.

pub(crate) mod record;

use std::sync::Arc;

use crate::error::EngineError;
use crate::index::keys::{self, MetaTag};
use crate::store::{Base, Changes, Handle, Kind, Store};

/// The open end of the journal. One thread appends.
pub(crate) struct Journal {
    store: Arc<Store>,
    segment: Segment,
    next_position: u64,
}

/// A family that holds, or is to hold, the batches of one live table.
pub(crate) struct Segment {
    pub(crate) number: u32,
    family: Handle,
}

impl Segment {
    pub(crate) fn create(store: &Store, number: u32) -> Result<Self, EngineError> {
        Ok(Self { number, family: store.create_family(Kind::Journal, number)? })
    }
}

impl Journal {
    /// Appends to this segment, which is behind all others and empty.
    pub(crate) fn start(store: Arc<Store>, segment: Segment) -> Self {
        let next_position = first_position(segment.number);
        Self { store, segment, next_position }
    }

    /// Begins a group of appends that become durable together.
    pub(crate) fn group(&mut self) -> Group<'_> {
        let changes = self.store.changes();
        Group { changes, family: &self.segment.family, next_position: &mut self.next_position }
    }

    /// Goes on in the next segment.
    pub(crate) fn rotate(&mut self, next: Segment) {
        debug_assert!(self.segment.number < next.number, "segments are replayed in order of their numbers");
        self.next_position = first_position(next.number);
        self.segment = next;
    }
}

fn first_position(segment: u32) -> u64 {
    u64::from(segment) << 32
}

/// Appends that become durable together.
pub(crate) struct Group<'j> {
    changes: Changes<'j>,
    family: &'j Handle,
    next_position: &'j mut u64,
}

impl Group<'_> {
    /// Adds a record and its device's new high-water mark; tells its position.
    pub(crate) fn append(&mut self, record: &[u8], device: u32, last_seq: u64) -> u64 {
        let position = *self.next_position;
        *self.next_position += 1;
        self.changes.put_in(self.family, &keys::position(position), record);
        self.changes.put(Base::Meta, &keys::meta(MetaTag::Mark, device), &last_seq.to_be_bytes());
        position
    }

    /// Adds scans that are lost.
    pub(crate) fn note_lost(&mut self, device: u32, first_seq: u64, lost: &[u8]) {
        self.changes.put(Base::Meta, &keys::lost(device, first_seq), lost);
    }

    /// Adds a refused scan.
    pub(crate) fn keep_aside(&mut self, position: u64, index: u32, letter: &[u8]) {
        self.changes.put(Base::DeadLetters, &keys::dead_letter(position, index), letter);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.changes.bytes()
    }

    /// Returns when all of it is on disk.
    pub(crate) fn commit(self) -> Result<(), EngineError> {
        self.changes.commit()
    }
}

/// Segments that are there, in order, each with its family.
pub(crate) fn segments(store: &Store) -> Result<Vec<(u32, String)>, EngineError> {
    let families = store.families(Kind::Journal)?.into_iter();
    Ok(families.filter_map(|family| Some((Kind::Journal.number(&family)?, family))).collect())
}

/// Hands every record of a segment to `apply`, in order, and tells how many there are.
pub(crate) fn replay(
    store: &Store,
    family: &Handle,
    mut apply: impl FnMut(&[u8]) -> Result<(), EngineError>,
) -> Result<u64, EngineError> {
    let mut records = 0;
    for entry in store.sweep(family, &[], &[u8::MAX; 9]) {
        let (_, record) = entry?;
        apply(&record)?;
        records += 1;
    }
    Ok(records)
}
