//! Trails read: subjects' scans, whose times stand only in the postings.
//!
//! ```text
//! runs x subjects -> trail leaves -> pointers -> posting leaves -> scans
//! ```
//!
//! Each leaf lies somewhere else in memory. So leaves are taken in rounds: what the first lines of one wait
//! for memory, those of the whole round wait at the same time.

use std::ops::Range;
use std::sync::Arc;

use super::explained::Way;
use super::question::Interval;
use super::view::View;
use crate::error::TraceError;
use crate::index::directory::Directory;
use crate::index::postings::Leaf;
use crate::index::rows::TrailRow;
use crate::index::trails::Pointer;
use crate::partition::plan::Span;
use crate::partition::run::Run;
use crate::store::cache::Block;

impl View<'_> {
    /// Replaces `out` with the subject's scans in the interval, in order of time and site number.
    pub(crate) fn trail(
        &self,
        subject: u32,
        interval: Interval,
        out: &mut Vec<TrailRow>,
    ) -> Result<(), TraceError> {
        out.clear();
        self.trails(&[subject], interval, |_, row, _| out.push(row))?;
        out.sort_by_key(|row| (row.at_ms, row.site));
        Ok(())
    }

    /// Hands over the scans of subjects in the interval, in no order, each with the subject's place among
    /// `subjects`, and with the leaf where it lies if it is in a run. Each posting leaf is looked at once
    /// for a few thousand subjects.
    pub(crate) fn trails(
        &self,
        subjects: &[u32],
        interval: Interval,
        mut scan: impl FnMut(usize, TrailRow, Option<&Here<'_>>),
    ) -> Result<(), TraceError> {
        self.asking.enter(Way::Trails);
        let sources = self.sources(interval)?;
        let (mut pointers, mut rows) = (Vec::new(), Vec::new());
        for (start, subjects) in (0..).step_by(SUBJECTS_AT_ONCE).zip(subjects.chunks(SUBJECTS_AT_ONCE)) {
            let leaves = self.pointed_at(&sources, subjects, interval, &mut pointers)?;
            for round in leaves.chunks(ROUND) {
                self.follow(&sources, round, &pointers, interval, |place, row, here| {
                    scan(start + place, row, Some(here));
                })?;
            }
            self.asking.spend_live((subjects.len() * self.state.tables.len()) as u64)?;
            let (from_ms, to_ms) = (interval.from().get(), interval.to().get());
            for (place, subject) in (start..).zip(subjects) {
                self.state.tables.iter().for_each(|table| table.trail(*subject, from_ms, to_ms, &mut rows));
                rows.drain(..).for_each(|row| scan(place, row, None));
            }
        }
        Ok(())
    }

    /// Puts the scans of one subject at one site and instant in order of device and seq. `rows` are
    /// such scans; only their flags may differ, so mostly there is nothing to do.
    pub(crate) fn order_ties(&self, subject: u32, rows: &mut [TrailRow]) -> Result<(), TraceError> {
        if rows.iter().all(|row| row.flags == rows[0].flags) {
            return Ok(());
        }
        let mut there = Vec::new();
        self.full_postings_at(rows[0].site, rows[0].at_ms, &mut there)?;
        there.retain(|posting| posting.subject == subject);
        there.sort_by_key(|posting| (posting.device, posting.seq));
        rows.iter_mut().zip(there).for_each(|(row, posting)| row.flags = posting.flags);
        Ok(())
    }

    fn sources(&self, interval: Interval) -> Result<Vec<Source<'_>>, TraceError> {
        let (from_ms, to_ms) = (interval.from().get(), interval.to().get());
        let mut sources = Vec::new();
        for (first, partition) in self.placed(from_ms, to_ms) {
            let sole = (partition.runs.len() == 1).then_some(partition.span);
            for (place, run) in (first..).zip(&partition.runs).filter(|(_, run)| run.overlaps(from_ms, to_ms))
            {
                self.touch(place);
                sources.push(Source { run, directory: run.directory(&self.shared.store)?, sole });
            }
        }
        Ok(sources)
    }

    /// The posting leaves with scans of subjects, source by source; the pointers into them are put into
    /// `pointers`, and bear the subject's place instead of the subject.
    fn pointed_at(
        &self,
        sources: &[Source<'_>],
        subjects: &[u32],
        interval: Interval,
        pointers: &mut Vec<(usize, Pointer)>,
    ) -> Result<Vec<Pointed>, TraceError> {
        pointers.clear();
        let (meter, store) = (self.asking.meter(), &self.shared.store);
        let trails =
            (0..sources.len()).flat_map(|source| (0..subjects.len()).map(move |place| (source, place)));
        let mut trails = trails.peekable();
        let mut found = Vec::new();
        while trails.peek().is_some() {
            let mut round: [Option<(usize, usize, Block)>; ROUND] = Default::default();
            for ((source, place), slot) in trails.by_ref().take(ROUND).zip(&mut round) {
                self.asking.spend_trail()?;
                let block = sources[source].run.trail_block(store, meter, subjects[place])?;
                *slot = block.map(|block| (source, place, block));
            }
            touch(round.iter().flatten().map(|(_, _, block)| block));
            for (source, place, block) in round.iter().flatten() {
                found.clear();
                sources[*source].run.read_trail_block(subjects[*place], block, &mut found)?;
                let of_place = |pointer: &Pointer| Pointer { subject: *place as u32, ..*pointer };
                pointers.extend(found.iter().map(|pointer| (*source, of_place(pointer))));
            }
        }
        if subjects.len() > 1 {
            pointers.sort_unstable_by_key(|(source, pointer)| (*source, pointer.leaf, pointer.place));
        }
        self.leaves_of(sources, pointers, interval)
    }

    fn leaves_of(
        &self,
        sources: &[Source<'_>],
        pointers: &[(usize, Pointer)],
        interval: Interval,
    ) -> Result<Vec<Pointed>, TraceError> {
        let mut leaves = Vec::with_capacity(pointers.len());
        let mut start = 0;
        for of_leaf in pointers.chunk_by(|a, b| (a.0, a.1.leaf) == (b.0, b.1.leaf)) {
            let (source, Pointer { leaf: number, .. }) = of_leaf[0];
            let pointers = start..start + of_leaf.len();
            start = pointers.end;
            let Source { run, directory, .. } = sources[source];
            let found = directory.times_of(number).zip(directory.site_of(number));
            let ((first, last), site) = found.ok_or_else(|| run.corrupt("a trail's pointer"))?;
            if interval.from().get() <= last && first < interval.to().get() {
                leaves.push(Pointed { source, number, site, pointers });
            }
        }
        Ok(leaves)
    }

    /// Hands over the scans that the pointers to a round of leaves lead to, as far as they lie in the interval.
    fn follow(
        &self,
        sources: &[Source<'_>],
        leaves: &[Pointed],
        pointers: &[(usize, Pointer)],
        interval: Interval,
        mut scan: impl FnMut(usize, TrailRow, &Here<'_>),
    ) -> Result<(), TraceError> {
        let (from_ms, to_ms) = (interval.from().get(), interval.to().get());
        let mut round: [Option<Block>; ROUND] = Default::default();
        for (pointed, slot) in leaves.iter().zip(&mut round) {
            self.asking.spend_leaf()?;
            let run = sources[pointed.source].run;
            *slot = Some(run.posting_block(&self.shared.store, self.asking.meter(), pointed.number)?);
        }
        touch(round.iter().flatten());
        for (pointed, block) in leaves.iter().zip(round.iter().flatten()) {
            let source = &sources[pointed.source];
            let site = pointed.site;
            source.run.read_posting_block(pointed.number, block, |leaf| {
                let here = Here { view: self, leaf, source, number: pointed.number, site };
                for (_, pointer) in &pointers[pointed.pointers.clone()] {
                    leaf.scans_of(usize::from(pointer.place), |at_ms, flags| {
                        if from_ms <= at_ms && at_ms < to_ms {
                            scan(pointer.subject as usize, TrailRow { at_ms, site, flags }, &here);
                        }
                    })?;
                }
                Some(())
            })?;
        }
        Ok(())
    }
}

/// A run that the question touches.
#[derive(Clone, Copy)]
struct Source<'v> {
    run: &'v Arc<Run>,
    directory: &'v Directory,
    /// Days of the partition, if it has no other run.
    sole: Option<Span>,
}

/// A posting leaf that pointers lead to.
struct Pointed {
    /// Place of its run among the sources.
    source: usize,
    number: u32,
    site: u32,
    pointers: Range<usize>,
}

/// The leaf where a scan lies, while it is at hand.
pub(crate) struct Here<'l> {
    view: &'l View<'l>,
    leaf: Leaf<'l>,
    source: &'l Source<'l>,
    number: u32,
    site: u32,
}

impl Here<'_> {
    /// Number of distinct subjects at the site, if this leaf alone knows it.
    pub(crate) fn count_distinct(&self, from_ms: i64, to_ms: i64) -> Option<u64> {
        self.source.sole.filter(|days| days.start_ms() <= from_ms && to_ms <= days.end_ms())?;
        let leaves = self.source.directory.leaves(self.site, from_ms, to_ms);
        let is_live = self.view.state.tables.iter().any(|table| table.has_site(self.site));
        let is_alone = leaves == (self.number..self.number + 1) && !is_live;
        is_alone.then(|| self.leaf.count_distinct(self.leaf.range(from_ms, to_ms)))
    }
}

/// Reads a byte of each line of the leaves, in no order that the processor would have to wait for.
fn touch<'b>(blocks: impl Iterator<Item = &'b Block>) {
    let lines = blocks.filter_map(Block::bytes).flat_map(|bytes| bytes.iter().step_by(LINE_BYTES));
    std::hint::black_box(lines.fold(0, |all, byte| all ^ byte));
}

/// Leaves of a round.
const ROUND: usize = 16;

/// Bytes that come from memory at once.
const LINE_BYTES: usize = 64;

/// Subjects whose pointers are in memory at once.
const SUBJECTS_AT_ONCE: usize = 4_096;
