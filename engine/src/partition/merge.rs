//! Several runs made into one, a leaf at a time, so that memory is bounded whatever a day or a site holds.
//!
//! Every run is read once, in order. Scans of one place in the order (an import's have no seqs) stay in
//! the order of their runs, which is the order in which the runs were made.

use crate::error::EngineError;
use crate::index::directory::Directory;
use crate::index::postings::{LEAF_SCANS_MAX, Leaf, Scratch};
use crate::index::rows::FullPosting;
use crate::partition::run::Run;
use crate::partition::write::RunWriter;
use crate::store::Store;

/// Hands all scans of `runs` to the writer. `is_stopped` is asked now and then.
pub(crate) fn merge_runs(
    store: &Store,
    runs: &[&Run],
    writer: &mut RunWriter<'_, '_>,
    is_stopped: impl Fn() -> bool,
) -> Result<(), EngineError> {
    let mut cursors = Vec::with_capacity(runs.len());
    for run in runs {
        let mut cursor = Cursor {
            run,
            directory: run.directory(store)?,
            leaves: run.sweep_postings(store, 0..u32::MAX)?,
            next_leaf: 0,
            site: 0,
            rows: Vec::new(),
            place: 0,
            scratch: Scratch::default(),
        };
        cursor.load()?;
        cursors.push(cursor);
    }
    let mut leaf: Vec<FullPosting> = Vec::with_capacity(LEAF_SCANS_MAX);
    let mut site = 0;
    while let Some((first, bound)) = next_stretch(&cursors) {
        let cursor = &mut cursors[first];
        if cursor.site != site || leaf.len() == LEAF_SCANS_MAX {
            write(writer, site, &mut leaf)?;
            site = cursor.site;
            if is_stopped() {
                return Err(EngineError::Stopped);
            }
        }
        cursor.take(bound, &mut leaf)?;
    }
    write(writer, site, &mut leaf)
}

fn write(writer: &mut RunWriter<'_, '_>, site: u32, leaf: &mut Vec<FullPosting>) -> Result<(), EngineError> {
    if !leaf.is_empty() {
        writer.leaf(site, leaf)?;
        leaf.clear();
    }
    Ok(())
}

/// Where a scan belongs among all: site, then order within it, then run.
type Place = (u32, (i64, u32, u64), usize);

/// The cursor with the smallest place, and the place of the next smallest: up to there its rows follow
/// each other.
fn next_stretch<I>(cursors: &[Cursor<'_, I>]) -> Option<(usize, Option<Place>)>
where
    I: Iterator<Item = Result<Box<[u8]>, EngineError>>,
{
    let (mut smallest, mut second): (Option<Place>, Option<Place>) = (None, None);
    for (i, cursor) in cursors.iter().enumerate() {
        let Some(row) = cursor.rows.get(cursor.place) else { continue };
        let place = (cursor.site, row.order(), i);
        if smallest.is_none_or(|smallest| place < smallest) {
            second = smallest.replace(place);
        } else if second.is_none_or(|second| place < second) {
            second = Some(place);
        }
    }
    smallest.map(|(_, _, i)| (i, second))
}

/// One run, a leaf of it decoded.
struct Cursor<'r, I> {
    run: &'r Run,
    directory: &'r Directory,
    leaves: I,
    next_leaf: u32,
    site: u32,
    rows: Vec<FullPosting>,
    place: usize,
    scratch: Scratch,
}

impl<I: Iterator<Item = Result<Box<[u8]>, EngineError>>> Cursor<'_, I> {
    /// Moves rows that come before `bound` into the leaf, as far as it has room.
    fn take(&mut self, bound: Option<Place>, leaf: &mut Vec<FullPosting>) -> Result<(), EngineError> {
        let room = LEAF_SCANS_MAX - leaf.len();
        let rest = &self.rows[self.place..];
        let rest = &rest[..rest.len().min(room)];
        let count = match bound {
            // The first row comes before `bound`, be it only by its run.
            Some((site, order, _)) if site == self.site => {
                rest.partition_point(|row| row.order() < order).max(1)
            }
            _ => rest.len(),
        };
        leaf.extend_from_slice(&rest[..count]);
        self.place += count;
        if self.place == self.rows.len() { self.load() } else { Ok(()) }
    }

    /// Decodes the next leaf; at the end there are no rows.
    fn load(&mut self) -> Result<(), EngineError> {
        self.rows.clear();
        self.place = 0;
        let Some(bytes) = self.leaves.next() else {
            let is_whole = self.next_leaf == self.directory.len();
            return if is_whole { Ok(()) } else { Err(self.run.corrupt("the number of posting leaves")) };
        };
        let damaged = || self.run.corrupt(&format!("posting leaf {}", self.next_leaf));
        let bytes = bytes?;
        let leaf = Leaf::parse(&bytes).ok_or_else(damaged)?;
        leaf.read_full(&mut self.scratch, &mut self.rows).ok_or_else(damaged)?;
        self.site = self.directory.site_of(self.next_leaf).ok_or_else(damaged)?;
        self.next_leaf += 1;
        Ok(())
    }
}
