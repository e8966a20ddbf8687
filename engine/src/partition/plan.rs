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
        let alone = Span { from: *day, to: day + 1 };
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

/// What a merge looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) span: Span,
    pub(crate) scans: u64,
    pub(crate) runs: usize,
}

/// The neighbours that should become one partition with one run (of each kind), as a range of
/// `partitions`; `None` when all is well. Days from `today` on are left open unless they have more
/// than `runs_max` runs.
pub(crate) fn next_merge(
    partitions: &[Candidate],
    today: i32,
    runs_max: usize,
    seal: bool,
) -> Option<std::ops::Range<usize>> {
    let closed = |p: &Candidate| p.span.to <= today;
    if let Some(i) = partitions.iter().position(|p| p.runs > runs_max) {
        return Some(i..i + 1);
    }
    let joinable = |i: &usize| {
        let (a, b) = (&partitions[*i], &partitions[i + 1]);
        closed(a) && closed(b)
    };
    let joint = |i: &usize| partitions[*i].scans + partitions[i + 1].scans;
    let cheapest = (0..partitions.len().saturating_sub(1)).filter(joinable).min_by_key(joint);
    if let Some(i) = cheapest {
        let crowded = partitions.len() > SPANS_MAX;
        if crowded || (seal && joint(&i) <= SPAN_SCANS) {
            return Some(i..i + 2);
        }
    }
    let unsealed = partitions.iter().position(|p| seal && closed(p) && p.runs > 1);
    unsealed.map(|i| i..i + 1)
}

/// Scans up to which neighbouring sparse days share a partition.
const SPAN_SCANS: u64 = 1_000_000;

/// Most partitions before the smallest neighbours are merged. With two segments of the journal, the
/// base families, and a partition being replaced this stays below 60.
pub(crate) const SPANS_MAX: usize = 48;

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

    #[test]
    fn small_closed_neighbours_are_merged_when_sealing() {
        let p = |from, scans, runs| Candidate { span: span(from, from + 1), scans, runs };
        let partitions = [p(1, 5_000_000, 1), p(2, 10, 1), p(3, 10, 1), p(4, 10, 1)];
        assert_eq!(next_merge(&partitions, 4, 12, true), Some(1..3));
        assert_eq!(next_merge(&partitions, 4, 12, false), None);
        assert_eq!(next_merge(&[p(1, 5_000_000, 3)], 4, 12, true), Some(0..1));
        assert_eq!(next_merge(&[p(4, 5_000_000, 13)], 4, 12, false), Some(0..1));
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
