//! One moment of the engine, as a question sees it: live tables and runs read as one.

use std::sync::Arc;

use roaring::RoaringBitmap;
use truyvet_schemas::TimeMs;

use super::question::Interval;
use crate::error::EngineError;
use crate::index::rollups::Rollup;
use crate::index::rows::{FullPosting, Posting, TrailRow};
use crate::partition::Partition;
use crate::partition::plan::Span;
use crate::shared::{Shared, State};

/// Every scan that was visible when the question came. Partitions stay for as long as it is held.
pub(crate) struct View<'e> {
    pub(crate) shared: &'e Shared,
    state: Arc<State>,
}

impl<'e> View<'e> {
    pub(crate) fn new(shared: &'e Shared) -> Self {
        Self { shared, state: shared.state.load_full() }
    }

    /// Replaces `out` with the site's scans with `from_ms <= at < to_ms`, in time order.
    pub(crate) fn postings(
        &self,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<Posting>,
    ) -> Result<(), EngineError> {
        out.clear();
        for partition in self.partitions(from_ms, to_ms) {
            for run in &partition.runs {
                run.postings(&self.shared.store, site, from_ms, to_ms, out)?;
            }
        }
        self.state.tables.iter().for_each(|table| table.postings(site, from_ms, to_ms, out));
        if !out.is_sorted_by_key(|posting| posting.at_ms) {
            out.sort_by_key(|posting| posting.at_ms);
        }
        Ok(())
    }

    /// Replaces `out` with the site's scans at the very instant `at_ms`, and where they came from.
    fn full_postings_at(&self, site: u32, at_ms: i64, out: &mut Vec<FullPosting>) -> Result<(), EngineError> {
        out.clear();
        for partition in self.partitions(at_ms, at_ms + 1) {
            for run in &partition.runs {
                run.full_postings(&self.shared.store, site, at_ms, at_ms + 1, out)?;
            }
        }
        self.state.tables.iter().for_each(|table| table.full_postings(site, at_ms, at_ms + 1, out));
        Ok(())
    }

    /// The distinct subjects of an area's sites, and their scans: whole days from rollups where runs
    /// have them for today's tree, the rest from postings.
    pub(crate) fn area_rollup(
        &self,
        area: u32,
        sites: &[u32],
        tree: u64,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Rollup, EngineError> {
        let mut sum = Rollup::default();
        let mut postings = Vec::new();
        for partition in self.partitions(from_ms, to_ms) {
            for run in &partition.runs {
                let whole = if run.entry.rollup_tree == Some(tree) {
                    partition.span.whole_days(from_ms, to_ms)
                } else {
                    Span { from: partition.span.from, to: partition.span.from }
                };
                for day in whole.from..whole.to {
                    sum.add(&run.rollup(&self.shared.store, area, day)?);
                }
                for (from_ms, to_ms) in
                    [(from_ms, whole.start_ms().min(to_ms)), (whole.end_ms().max(from_ms), to_ms)]
                {
                    for site in sites {
                        postings.clear();
                        run.postings(&self.shared.store, *site, from_ms, to_ms, &mut postings)?;
                        add_postings(&mut sum, &postings);
                    }
                }
            }
        }
        for (table, site) in
            self.state.tables.iter().flat_map(|table| sites.iter().map(move |site| (table, site)))
        {
            postings.clear();
            table.postings(*site, from_ms, to_ms, &mut postings);
            add_postings(&mut sum, &postings);
        }
        Ok(sum)
    }

    /// Replaces `out` with the subject's scans in the interval, in order of time and site number.
    pub(crate) fn trail(
        &self,
        subject: u32,
        interval: Interval,
        out: &mut Vec<TrailRow>,
    ) -> Result<(), EngineError> {
        out.clear();
        let (from_ms, to_ms) = (interval.from().get(), interval.to().get());
        for partition in self.partitions(from_ms, to_ms) {
            for run in &partition.runs {
                run.trail(&self.shared.store, subject, from_ms, to_ms, out)?;
            }
        }
        self.state.tables.iter().for_each(|table| table.trail(subject, from_ms, to_ms, out));
        out.sort_by_key(|row| (row.at_ms, row.site));
        Ok(())
    }

    /// Puts the scans of one subject at one site and instant in order of device and seq. `rows` are
    /// such scans; only their flags may differ, so mostly there is nothing to do.
    pub(crate) fn order_ties(&self, subject: u32, rows: &mut [TrailRow]) -> Result<(), EngineError> {
        if rows.iter().all(|row| row.flags == rows[0].flags) {
            return Ok(());
        }
        let mut there = Vec::new();
        self.full_postings_at(rows[0].site, rows[0].at_ms, &mut there)?;
        there.retain(|posting| posting.subject == subject);
        there.sort_unstable_by_key(|posting| (posting.device, posting.seq));
        rows.iter_mut().zip(there).for_each(|(row, posting)| row.flags = posting.flags);
        Ok(())
    }

    pub(crate) fn subject(&self, code: &str) -> Option<u32> {
        self.shared.catalog.subjects.read().find(code.as_bytes())
    }

    pub(crate) fn site(&self, code: &str) -> Option<u32> {
        self.shared.catalog.sites.read().find(code)
    }

    /// Codes of subjects, a few thousand under one lock, so that arriving scans are not held up.
    pub(crate) fn subject_codes(&self, ids: &[u32]) -> Vec<String> {
        let mut codes = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CODES_AT_ONCE) {
            let subjects = self.shared.catalog.subjects.read();
            codes.extend(chunk.iter().map(|id| subjects.code(*id).to_owned()));
        }
        codes
    }

    pub(crate) fn site_code(&self, site: u32) -> String {
        self.shared.catalog.sites.read().code(site).to_owned()
    }

    fn partitions(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Arc<Partition>> {
        let start = self.state.partitions.partition_point(|p| p.span.end_ms() <= from_ms);
        self.state.partitions[start..].iter().take_while(move |p| p.span.start_ms() < to_ms)
    }
}

/// Adds scans to distinct subjects and their number of scans.
pub(crate) fn add_postings(sum: &mut Rollup, postings: &[Posting]) {
    let mut ids: Vec<u32> = postings.iter().map(|posting| posting.subject).collect();
    ids.sort_unstable();
    ids.dedup();
    sum.scans += postings.len() as u64;
    sum.subjects |= RoaringBitmap::from_sorted_iter(ids).expect("sorted and without repeats");
}

/// The interval cut to what starts at `from` at the earliest.
pub(crate) fn not_before(interval: Interval, from: TimeMs) -> Interval {
    let from = from.clamp(interval.from(), interval.to());
    Interval::new(from, interval.to()).unwrap_or(interval)
}

/// Asked codes, each once in code order, split into known ids and the unknown.
pub(crate) struct Asked {
    pub(crate) ids: Vec<u32>,
    pub(crate) unknown: Vec<String>,
}

impl Asked {
    pub(crate) fn new<'c>(
        codes: impl Iterator<Item = &'c String>,
        find: impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let codes: std::collections::BTreeSet<&String> = codes.collect();
        let mut asked = Self { ids: Vec::with_capacity(codes.len()), unknown: Vec::new() };
        for code in codes {
            match find(code) {
                Some(id) => asked.ids.push(id),
                None => asked.unknown.push(code.clone()),
            }
        }
        asked
    }
}

const CODES_AT_ONCE: usize = 4_096;
