//! Which partition a day belongs to, and which partitions should become one. Pure.
//!
//! A nation's day is a partition; a sparse history of years is a few. Spans never overlap, and their
//! number stays below `PARTITIONS_MAX`, because the store rewrites its list of families whenever one
//! comes or goes.

use truyvet_schemas::time::MS_PER_DAY;

/// Days since 1970, `from <= day < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) from: i32,
    pub(crate) to: i32,
}

impl Span {
    pub(crate) fn of_day(day: i32) -> Self {
        Self { from: day, to: day.saturating_add(1) }
    }

    pub(crate) fn contains(self, day: i32) -> bool {
        self.from <= day && day < self.to
    }

    /// The days of this span that lie wholly within `from_ms..to_ms`; empty ones begin at its start.
    pub(crate) fn whole_days(self, from_ms: i64, to_ms: i64) -> Self {
        let first = from_ms.saturating_add(MS_PER_DAY - 1).div_euclid(MS_PER_DAY);
        let from = first.clamp(i64::from(self.from), i64::from(self.to)) as i32;
        let end = to_ms.div_euclid(MS_PER_DAY).clamp(i64::from(self.from), i64::from(self.to)) as i32;
        Self { from, to: end.max(from) }
    }

    /// Whether the span is a few days, as where much is scanned, and not months of a sparse history.
    pub(crate) fn is_dense(self) -> bool {
        self.to - self.from <= DENSE_DAYS_MAX
    }

    /// First instant, unix milliseconds.
    pub(crate) fn start_ms(self) -> i64 {
        i64::from(self.from) * MS_PER_DAY
    }

    /// First instant after, unix milliseconds.
    pub(crate) fn end_ms(self) -> i64 {
        i64::from(self.to) * MS_PER_DAY
    }
}

/// The UTC day of an instant.
pub(crate) fn day_of(at_ms: i64) -> i32 {
    at_ms.div_euclid(MS_PER_DAY) as i32
}

/// Spans for the days that lie in none of `existing`; both in order of days, `days` with their number
/// of scans. `today` and later days stay alone: they will grow.
pub(crate) fn new_spans(existing: &[Span], days: &[(i32, u64)], today: i32) -> Vec<Span> {
    let uncovered: Vec<(i32, u64)> =
        days.iter().copied().filter(|(day, _)| !existing.iter().any(|span| span.contains(*day))).collect();
    let places = SPANS_MAX.saturating_sub(existing.len()).max(SPANS_AT_ONCE_MIN);
    let mut scans_max = SPAN_SCANS;
    loop {
        let spans = pack(existing, &uncovered, today, scans_max);
        let alone = uncovered.iter().filter(|(day, _)| *day >= today).count();
        if spans.len() <= places.max(alone + 1) || scans_max > u64::MAX / 4 {
            return spans;
        }
        scans_max *= 2;
    }
}

fn pack(existing: &[Span], days: &[(i32, u64)], today: i32, scans_max: u64) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut scans_in_last = 0;
    for (day, scans) in days {
        let alone = Span::of_day(*day);
        let joined = spans.last().map(|last| Span { from: last.from, to: day + 1 }).filter(|joined| {
            let free = existing.iter().all(|span| span.to <= joined.from || span.from >= joined.to);
            free && *day < today && scans_in_last + scans <= scans_max
        });
        match (spans.last_mut(), joined) {
            (Some(last), Some(joined)) => {
                *last = joined;
                scans_in_last += scans;
            }
            _ => {
                spans.push(alone);
                scans_in_last = *scans;
            }
        }
    }
    spans
}

/// A partition, as far as a merge looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) span: Span,
    /// Of each kind in the order in which they were made.
    pub(crate) runs: Vec<RunSize>,
}

/// A run, as far as a merge looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunSize {
    pub(crate) number: u32,
    pub(crate) scans: u64,
    pub(crate) imported: bool,
    /// Whether it has no rollups, or those of a former tree of areas, where today's would have some.
    pub(crate) lacks_rollups: bool,
}

/// Which runs should become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// All of these neighbouring partitions, which become one with one run of each kind.
    Whole(std::ops::Range<usize>),
    /// These of a partition, which are of one kind and follow each other.
    Part { partition: usize, runs: Vec<u32> },
}

/// What to merge next, nothing when all is well: one merge, or of closed days as many as may be sealed at once.
/// With `seal`, closed days become one run of each kind, with the rollups of today's areas; without, and from
/// `today` on, runs are merged when `runs_max` of a size have come together.
pub(crate) fn next_merges(
    partitions: &[Candidate],
    today: i32,
    runs_max: usize,
    seal: bool,
    at_once: usize,
) -> Vec<Merge> {
    let closed = |p: &Candidate| p.span.to <= today;
    let scans = |p: &Candidate| p.runs.iter().map(|run| run.scans).sum::<u64>();
    let joinable = |i: &usize| closed(&partitions[*i]) && closed(&partitions[i + 1]);
    let joint = |i: &usize| scans(&partitions[*i]) + scans(&partitions[i + 1]);
    let cheapest = (0..partitions.len().saturating_sub(1)).filter(joinable).min_by_key(joint);
    if let Some(i) = cheapest {
        let crowded = partitions.len() > SPANS_MAX;
        if crowded || (seal && joint(&i) <= SPAN_SCANS) {
            return vec![Merge::Whole(i..i + 2)];
        }
    }
    let lacks_rollups = |p: &Candidate| p.runs.iter().any(|run| run.lacks_rollups);
    let is_unsealed = |p: &Candidate| lacks_rollups(p) || kinds(p).iter().any(|runs| runs.len() > 1);
    let unsealed =
        (0..partitions.len()).filter(|i| seal && closed(&partitions[*i]) && is_unsealed(&partitions[*i]));
    let sealed: Vec<Merge> = unsealed.take(at_once).map(|i| Merge::Whole(i..i + 1)).collect();
    if !sealed.is_empty() {
        return sealed;
    }
    let part = |(partition, candidate): (usize, &Candidate)| {
        let runs = kinds(candidate).into_iter().find_map(|runs| alike(&runs, runs_max))?;
        Some(Merge::Part { partition, runs })
    };
    partitions.iter().enumerate().find_map(part).into_iter().collect()
}

fn kinds(candidate: &Candidate) -> [Vec<RunSize>; 2] {
    [false, true].map(|kind| candidate.runs.iter().copied().filter(|run| run.imported == kind).collect())
}

/// The newest runs, once `runs_max` or more of them are of one order of size or below and the largest has
/// at most half of their scans: so a scan is written anew only when its run becomes much larger.
fn alike(runs: &[RunSize], runs_max: usize) -> Option<Vec<u32>> {
    let order = |run: &RunSize| run.scans.max(1).ilog2() / 3;
    let mut orders: Vec<u32> = runs.iter().map(order).collect();
    orders.sort_unstable();
    orders.dedup();
    orders.into_iter().find_map(|limit| {
        let older = runs.iter().rposition(|run| order(run) > limit).map_or(0, |last| last + 1);
        let newest = &runs[older..];
        let scans = newest.iter().map(|run| run.scans);
        let is_worth_it = scans.clone().max().unwrap_or(0) <= scans.sum::<u64>() / 2;
        (newest.len() >= runs_max && is_worth_it).then(|| newest.iter().map(|run| run.number).collect())
    })
}

/// Scans up to which neighbouring sparse days share a partition.
const SPAN_SCANS: u64 = 1_000_000;

/// Most partitions before the smallest neighbours are merged. With two segments of the journal, the
/// base families, and a partition being replaced this stays below 60.
pub(crate) const SPANS_MAX: usize = 48;

const _: () = assert!(SPANS_MAX < 60);

/// Longest span that is worth rollups: below a scan every few seconds they only repeat the postings.
const DENSE_DAYS_MAX: i32 = 7;

/// Even when crowded, rows in the gaps between partitions need a few spans at once.
const SPANS_AT_ONCE_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i32, to: i32) -> Span {
        Span { from, to }
    }

    #[test]
    fn a_sparse_decade_is_one_span_and_a_nations_days_are_one_each() {
        let sparse: Vec<_> = (0..3_650).map(|day| (day, 5)).collect();
        assert_eq!(new_spans(&[], &sparse, 10_000), [span(0, 3_650)]);
        let dense: Vec<_> = (0..14).map(|day| (day, 5_000_000)).collect();
        assert_eq!(new_spans(&[], &dense, 10_000).len(), 14);
    }

    #[test]
    fn a_dense_decade_stays_below_the_limit() {
        let dense: Vec<_> = (0..3_650).map(|day| (day, 5_000_000)).collect();
        let spans = new_spans(&[], &dense, 10_000);
        assert!(spans.len() <= SPANS_MAX, "{}", spans.len());
    }

    #[test]
    fn today_stays_alone_and_existing_spans_are_not_crossed() {
        assert_eq!(new_spans(&[], &[(5, 1), (6, 1), (7, 1)], 7), [span(5, 7), span(7, 8)]);
        assert_eq!(new_spans(&[span(6, 8)], &[(5, 1), (6, 1), (9, 1)], 20), [span(5, 6), span(9, 10)]);
    }

    fn candidate(from: i32, sizes: &[u64]) -> Candidate {
        let size = |(number, scans): (u32, &u64)| RunSize {
            number,
            scans: *scans,
            imported: false,
            lacks_rollups: false,
        };
        Candidate { span: span(from, from + 1), runs: (0..).zip(sizes).map(size).collect() }
    }

    fn next_merge(partitions: &[Candidate], runs_max: usize, seal: bool) -> Option<Merge> {
        let merges = next_merges(partitions, 4, runs_max, seal, 2);
        assert!(merges.len() <= 1, "{merges:?}");
        merges.into_iter().next()
    }

    #[test]
    fn small_closed_neighbours_are_merged_when_sealing() {
        let p = candidate;
        let partitions = [p(1, &[5_000_000]), p(2, &[10]), p(3, &[10]), p(4, &[10])];
        assert_eq!(next_merge(&partitions, 8, true), Some(Merge::Whole(1..3)));
        assert_eq!(next_merge(&partitions, 8, false), None);
        assert_eq!(next_merge(&[p(1, &[5_000_000, 9])], 8, true), Some(Merge::Whole(0..1)));
        assert_eq!(next_merge(&[p(4, &[5_000_000, 9])], 8, true), None);
    }

    #[test]
    fn as_many_closed_days_are_sealed_at_once_as_may_be() {
        let unsealed = |day| candidate(day, &[5_000_000, 5_000_000]);
        let partitions = [unsealed(1), candidate(2, &[5_000_000]), unsealed(3), unsealed(4), unsealed(5)];
        let whole = |i: usize| Merge::Whole(i..i + 1);
        assert_eq!(next_merges(&partitions, 5, 8, true, 2), [whole(0), whole(2)]);
        assert_eq!(next_merges(&partitions, 5, 8, true, 9), [whole(0), whole(2), whole(3)]);
        assert_eq!(next_merges(&partitions, 5, 8, false, 9), []);
    }

    #[test]
    fn runs_of_a_size_are_merged_and_larger_ones_left_alone() {
        let part = |sizes: &[u64]| next_merge(&[candidate(4, sizes)], 3, false);
        assert_eq!(part(&[4_000_000; 2]), None);
        assert_eq!(part(&[4_000_000; 3]), Some(Merge::Part { partition: 0, runs: vec![0, 1, 2] }));
        let runs = vec![1, 2, 3];
        assert_eq!(part(&[90_000_000, 4_000_000, 9, 4_000_000]), Some(Merge::Part { partition: 0, runs }));
        assert_eq!(part(&[90_000_000, 4_000_000, 9]), None);
    }

    #[test]
    fn kinds_are_never_mixed() {
        let mut mixed = candidate(4, &[10; 5]);
        (0..5).for_each(|i| mixed.runs[i].imported = i % 2 == 0);
        let runs = vec![0, 2, 4];
        assert_eq!(next_merge(&[mixed], 3, false), Some(Merge::Part { partition: 0, runs }));
    }

    proptest::proptest! {
        #[test]
        fn every_day_has_one_span(days in proptest::collection::btree_map(0i32..200, 1u64..2_000_000, 0..60), cut in 0i32..200) {
            let days: Vec<_> = days.into_iter().collect();
            let existing = [span(cut, cut + 10)];
            let spans = new_spans(&existing, &days, 190);
            for (day, _) in days {
                let covering = spans.iter().chain(&existing).filter(|span| span.contains(day)).count();
                proptest::prop_assert_eq!(covering, 1);
            }
        }
    }
}
