//! One moment of the engine, as a question sees it: live tables and runs read as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::answer::{Code, Incomplete};
use super::asking::Asking;
use super::by_code::CODES_AT_ONCE;
use super::distinct::Distinct;
use super::explained::Way;
use super::question::Interval;
use crate::engine::Engine;
use crate::error::TraceError;
use crate::index::postings::{Leaf, Scratch};
use crate::index::rollups::Areas;
use crate::index::rows::{FullPosting, Posting};
use crate::partition::Partition;
use crate::partition::plan::Span;
use crate::partition::run::Run;
use crate::shared::{Shared, State};

/// Every scan that was visible when the question came. Runs stay for as long as it is held.
pub(crate) struct View<'e> {
    pub(crate) shared: &'e Shared,
    pub(crate) asking: &'e Asking,
    pub(super) state: Arc<State>,
    /// Of each partition, the place of its first run among all runs.
    first_runs: Vec<usize>,
    /// Which runs were read.
    touched: Vec<AtomicBool>,
}

impl<'e> View<'e> {
    pub(crate) fn new(engine: &'e Engine) -> Self {
        let shared = engine.shared();
        let state = shared.state.load_full();
        let mut runs = 0;
        let mut first_runs = Vec::with_capacity(state.partitions.len());
        for partition in &state.partitions {
            first_runs.push(runs);
            runs += partition.runs.len();
        }
        let touched = std::iter::repeat_with(AtomicBool::default).take(runs).collect();
        engine.asking().begin();
        Self { shared, asking: engine.asking(), state, first_runs, touched }
    }

    /// Replaces `out` with the site's scans with `from_ms <= at < to_ms`, in time order.
    pub(crate) fn postings(
        &self,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<Posting>,
    ) -> Result<(), TraceError> {
        out.clear();
        for run in self.runs(from_ms, to_ms) {
            self.run_postings(run, site, from_ms, to_ms, out)?;
        }
        self.live_postings(site, from_ms, to_ms, out)?;
        if !out.is_sorted_by_key(|posting| posting.at_ms) {
            out.sort_by_key(|posting| posting.at_ms);
        }
        Ok(())
    }

    /// The same, for passes that read everything once: what is read is not kept in the cache.
    pub(crate) fn postings_once(
        &self,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<Posting>,
    ) -> Result<(), TraceError> {
        out.clear();
        let store = &self.shared.store;
        let mut scratch = Scratch::default();
        let (mut leaves, mut bytes) = (0, 0);
        for run in self.runs(from_ms, to_ms) {
            for number in run.leaves_of(store, site, from_ms, to_ms)? {
                self.asking.spend_leaf()?;
                leaves += 1;
                bytes += run.posting_leaf_once(store, number, |leaf| {
                    leaf.read_range(leaf.range(from_ms, to_ms), &mut scratch, out)
                })?;
            }
        }
        self.asking.meter().passed(leaves, bytes as u64);
        self.live_postings(site, from_ms, to_ms, out)?;
        if !out.is_sorted_by_key(|posting| posting.at_ms) {
            out.sort_by_key(|posting| posting.at_ms);
        }
        Ok(())
    }

    /// The interval cut where partitions begin and end, and further where a piece would have more than
    /// `scans_max` scans of the site; pieces without a scan are left out.
    pub(crate) fn slabs(
        &self,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        scans_max: u64,
    ) -> Result<Vec<(i64, i64)>, TraceError> {
        let mut slabs = Vec::new();
        let mut cut = from_ms;
        let spans = self.partitions(from_ms, to_ms).map(|p| (p.span.start_ms(), p.span.end_ms()));
        for (start, end) in spans.chain(std::iter::once((to_ms, to_ms))) {
            for (from, to) in [(cut, start.clamp(cut, to_ms)), (start.max(cut), end.min(to_ms))] {
                if from < to {
                    self.cut_slab(site, from, to, scans_max, &mut slabs)?;
                }
                cut = cut.max(to);
            }
        }
        Ok(slabs)
    }

    fn cut_slab(
        &self,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        scans_max: u64,
        out: &mut Vec<(i64, i64)>,
    ) -> Result<(), TraceError> {
        let store = &self.shared.store;
        let mut scans: u64 = 0;
        for run in self.runs(from_ms, to_ms) {
            for leaf in run.leaves_of(store, site, from_ms, to_ms)? {
                scans += run.directory(store)?.scans_of(leaf);
            }
        }
        let is_live = self.state.tables.iter().any(|table| table.has_site(site));
        if scans == 0 && !is_live {
            return Ok(());
        }
        let pieces = (scans / scans_max + 1) as i64;
        let length = (to_ms.saturating_sub(from_ms) / pieces).max(1);
        let mut from = from_ms;
        while from < to_ms {
            let to =
                if to_ms.saturating_sub(from) < length.saturating_mul(2) { to_ms } else { from + length };
            out.push((from, to));
            from = to;
        }
        Ok(())
    }

    /// One above the highest subject.
    pub(crate) fn ids_end(&self) -> u32 {
        self.shared.catalog.subjects.read().ids_end()
    }

    fn run_postings(
        &self,
        run: &Run,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<Posting>,
    ) -> Result<(), TraceError> {
        let store = &self.shared.store;
        for leaf in run.leaves_of(store, site, from_ms, to_ms)? {
            self.asking.spend_leaf()?;
            run.posting_leaf(store, self.asking.meter(), leaf, |leaf| leaf.read(from_ms, to_ms, out))?;
        }
        Ok(())
    }

    /// Replaces `out` with the site's scans at the very instant `at_ms`, and where they came from; those
    /// of an import in the order of its rows.
    pub(super) fn full_postings_at(
        &self,
        site: u32,
        at_ms: i64,
        out: &mut Vec<FullPosting>,
    ) -> Result<(), TraceError> {
        out.clear();
        let store = &self.shared.store;
        for run in self.runs(at_ms, at_ms + 1) {
            for leaf in run.leaves_of(store, site, at_ms, at_ms + 1)? {
                self.asking.spend_leaf()?;
                run.posting_leaf(store, self.asking.meter(), leaf, |leaf| {
                    leaf.read_full(&mut Default::default(), out)
                })?;
            }
        }
        out.retain(|posting| posting.at_ms == at_ms);
        self.state.tables.iter().for_each(|table| table.full_postings(site, at_ms, at_ms + 1, out));
        Ok(())
    }

    /// The distinct subjects of sites, and their scans. Where the sites are those of an area, whole days
    /// come from its rollups, as far as runs have them for today's tree.
    pub(crate) fn distinct(
        &self,
        sites: &[u32],
        area: Option<Rolled>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Distinct, TraceError> {
        let mut sum = Distinct::new(self.ids_end());
        for (first, partition) in self.placed(from_ms, to_ms) {
            for (place, run) in (first..).zip(&partition.runs) {
                self.touch(place);
                let area = area.filter(|area| run.entry.rollup_tree == Some(area.tree));
                let whole = partition.span.whole_days(from_ms, to_ms);
                // Stretches without a rollup: before and after the whole days, and days that have none.
                let mut rest = from_ms;
                for day in whole.from..whole.to {
                    let Some(area) = area else { break };
                    self.asking.enter(Way::Rollups);
                    self.asking.spend_rollup()?;
                    let day_span = Span::of_day(day);
                    let meter = self.asking.meter();
                    let add = |rollup: &_| sum.add_rollup(rollup);
                    if run.rollup(&self.shared.store, meter, area.area, day, add)? {
                        self.add_distinct(run, sites, rest, day_span.start_ms(), &mut sum)?;
                        rest = day_span.end_ms();
                    }
                }
                self.add_distinct(run, sites, rest, to_ms, &mut sum)?;
            }
        }
        let mut postings = Vec::new();
        for table in &self.state.tables {
            for site in sites {
                if table.has_site(*site) {
                    self.asking.spend_live(1)?;
                    postings.clear();
                    table.postings(*site, from_ms, to_ms, &mut postings);
                    sum.add_postings(&postings);
                }
            }
        }
        Ok(sum)
    }

    /// Number of distinct subjects at a site. Mostly their scans lie in one leaf, which is counted as it is.
    pub(crate) fn count_distinct(&self, site: u32, from_ms: i64, to_ms: i64) -> Result<u64, TraceError> {
        let store = &self.shared.store;
        let mut leaves = Vec::new();
        for run in self.runs(from_ms, to_ms) {
            leaves.extend(run.leaves_of(store, site, from_ms, to_ms)?.map(|leaf| (run, leaf)));
        }
        let is_live = self.state.tables.iter().any(|table| table.has_site(site));
        match leaves.as_slice() {
            [] if !is_live => Ok(0),
            [(run, leaf)] if !is_live => {
                self.asking.spend_leaf()?;
                let count = |leaf: Leaf<'_>| Some(leaf.count_distinct(leaf.range(from_ms, to_ms)));
                Ok(run.posting_leaf(store, self.asking.meter(), *leaf, count)?)
            }
            _ => Ok(self.distinct(&[site], None, from_ms, to_ms)?.into_bitmap().len()),
        }
    }

    /// Adds a run's part: of a leaf that lies within the interval only the list of its subjects is read.
    fn add_distinct(
        &self,
        run: &Run,
        sites: &[u32],
        from_ms: i64,
        to_ms: i64,
        sum: &mut Distinct,
    ) -> Result<(), TraceError> {
        if from_ms >= to_ms || !run.overlaps(from_ms, to_ms) {
            return Ok(());
        }
        self.asking.enter(Way::Leaves);
        let store = &self.shared.store;
        let directory = run.directory(store)?;
        let mut postings = Vec::new();
        for site in sites {
            for number in directory.leaves(*site, from_ms, to_ms) {
                self.asking.spend_leaf()?;
                let is_within =
                    directory.times_of(number).is_some_and(|(first, last)| from_ms <= first && last < to_ms);
                run.posting_leaf(store, self.asking.meter(), number, |leaf| {
                    if is_within {
                        sum.add_leaf(&leaf);
                        return Some(());
                    }
                    postings.clear();
                    leaf.read(from_ms, to_ms, &mut postings)?;
                    sum.add_postings(&postings);
                    Some(())
                })?;
            }
        }
        Ok(())
    }

    pub(crate) fn subject(&self, code: &str) -> Option<u32> {
        self.shared.catalog.subjects.read().find(code.as_bytes())
    }

    pub(crate) fn site(&self, code: &str) -> Option<u32> {
        self.shared.catalog.sites.read().find(code)
    }

    /// Codes of subjects, a few thousand under one lock, so that arriving scans are not held up.
    pub(crate) fn subject_codes(&self, ids: &[u32]) -> Vec<Code> {
        self.asking.enter(Way::Telling);
        let mut codes = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CODES_AT_ONCE) {
            let subjects = self.shared.catalog.subjects.read();
            subjects.read_codes(chunk, |code| codes.push(Code::new(code)));
        }
        codes
    }

    pub(crate) fn site_code(&self, site: u32) -> Code {
        Code::new(self.shared.catalog.sites.read().code(site))
    }

    /// Codes of sites, in their order.
    pub(crate) fn site_codes_of(&self, numbers: impl Iterator<Item = u32>) -> Vec<Code> {
        let sites = self.shared.catalog.sites.read();
        numbers.map(|site| Code::new(sites.code(site))).collect()
    }

    /// Codes of all sites, by number.
    pub(crate) fn site_codes(&self) -> Vec<Code> {
        let sites = self.shared.catalog.sites.read();
        (0..sites.len() as u32).map(|site| Code::new(sites.code(site))).collect()
    }

    /// The runs of the partitions that the interval touches.
    pub(crate) fn runs(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Arc<Run>> {
        let placed = self.placed(from_ms, to_ms).flat_map(|(first, p)| (first..).zip(&p.runs));
        placed.filter(move |(_, run)| run.overlaps(from_ms, to_ms)).map(|(place, run)| {
            self.touch(place);
            run
        })
    }

    /// The days that the interval touches of which scans are gone.
    pub(crate) fn incomplete(&self, interval: Interval) -> Vec<Incomplete> {
        let gaps = self.state.gaps.within(interval.from().get(), interval.to().get());
        let told = |(days, why): (Span, _)| Incomplete { from: days.start_ms(), to: days.end_ms(), why };
        gaps.into_iter().map(told).collect()
    }

    fn partitions(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Arc<Partition>> {
        self.placed(from_ms, to_ms).map(|(_, partition)| partition)
    }

    /// The partitions that the interval touches, each with its first run's place among all runs.
    pub(super) fn placed(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (usize, &Arc<Partition>)> {
        let start = self.state.partitions.partition_point(|p| p.span.end_ms() <= from_ms);
        let placed = self.first_runs[start..].iter().copied().zip(&self.state.partitions[start..]);
        placed.take_while(move |(_, p)| p.span.start_ms() < to_ms)
    }

    pub(super) fn touch(&self, run: usize) {
        // Looked at first: threads that only read share the line.
        if !self.touched[run].load(Ordering::Relaxed) {
            self.touched[run].store(true, Ordering::Relaxed);
        }
    }

    fn live_postings(
        &self,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<Posting>,
    ) -> Result<(), TraceError> {
        for table in self.state.tables.iter().filter(|table| table.has_site(site)) {
            self.asking.spend_live(1)?;
            table.postings(site, from_ms, to_ms, out);
        }
        Ok(())
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let (mut partitions, mut runs) = (0, 0);
        for (first, partition) in self.first_runs.iter().zip(&self.state.partitions) {
            let touched = &self.touched[*first..*first + partition.runs.len()];
            let touched = touched.iter().filter(|run| run.load(Ordering::Relaxed)).count() as u64;
            runs += touched;
            partitions += u64::from(touched > 0);
        }
        self.asking.count_touched(partitions, runs);
    }
}

/// An area that may have rollups, and the state of the tree for which they hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rolled {
    pub(crate) area: u32,
    pub(crate) tree: u64,
}

impl Rolled {
    /// The area, if it has rollups.
    pub(crate) fn of(areas: &Areas, area: u32) -> Option<Self> {
        areas.has_rollups(area).then_some(Self { area, tree: areas.tree })
    }
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
