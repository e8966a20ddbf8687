//! What is taken of a batch. Pure: the same batch, mark, time and rules give the same verdict.

use truyvet_schemas::limits::TIME_MS_RANGE;
use truyvet_schemas::time::MS_PER_DAY;
use truyvet_schemas::wire::{BatchView, Reason, ScanView};

/// What counts for every batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) clock_skew_ms: i64,
    /// 0: for ever.
    pub(crate) retention_days: u32,
}

/// What counts for this batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// Last seq of the device that was taken.
    pub(crate) last_seq: u64,
    pub(crate) received_at_ms: i64,
    /// First instant at which the device no longer belonged to the batch's site; `None` when it never
    /// did.
    pub(crate) site_until_ms: Option<i64>,
}

/// What is taken of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All but the first `skip` scans, which are there already, and the refused ones.
    Take { skip: u32, refused: Vec<(u32, Reason)> },
    /// No scans: those from this seq on are lost, and the device goes on behind them.
    Lost { first_seq: u64 },
    /// Nothing: all of it is there already.
    Repeat,
    /// Nothing: this seq must come first.
    Gap { expected_seq: u64 },
}

/// Judges a batch. `is_known_or_has_room` says whether a code may still be given an id.
pub(crate) fn judge(
    batch: &BatchView<'_>,
    context: Context,
    rules: Rules,
    is_known_or_has_room: impl Fn(&[u8]) -> bool,
) -> Verdict {
    let expected_seq = context.last_seq.saturating_add(1);
    let Some(last) = batch.last_seq() else { return Verdict::Gap { expected_seq } };
    if batch.first_seq > expected_seq {
        return Verdict::Gap { expected_seq };
    }
    if last < expected_seq {
        return Verdict::Repeat;
    }
    if batch.lost > 0 {
        return Verdict::Lost { first_seq: expected_seq };
    }
    let skip = (expected_seq - batch.first_seq) as u32;
    let bounds = TimeBounds::new(context, rules);
    let refused = (0u32..)
        .zip(batch.scans())
        .skip(skip as usize)
        .filter_map(|(index, scan)| {
            let at_ms = batch.base.get() + i64::from(scan.offset_ms);
            let reason = judge_scan(&scan, at_ms, &bounds, &is_known_or_has_room)?;
            Some((index, reason))
        })
        .collect();
    Verdict::Take { skip, refused }
}

struct TimeBounds {
    earliest_ms: i64,
    latest_ms: i64,
    site_until_ms: Option<i64>,
}

impl TimeBounds {
    fn new(context: Context, rules: Rules) -> Self {
        let now = context.received_at_ms;
        let retention_ms = i64::from(rules.retention_days) * MS_PER_DAY;
        let earliest_ms = if retention_ms == 0 { i64::MIN } else { now.saturating_sub(retention_ms) };
        Self {
            earliest_ms: earliest_ms.max(TIME_MS_RANGE.start),
            latest_ms: now.saturating_add(rules.clock_skew_ms).min(TIME_MS_RANGE.end - 1),
            site_until_ms: context.site_until_ms,
        }
    }
}

fn judge_scan(
    scan: &ScanView<'_>,
    at_ms: i64,
    bounds: &TimeBounds,
    is_known_or_has_room: &impl Fn(&[u8]) -> bool,
) -> Option<Reason> {
    if bounds.site_until_ms.is_none_or(|until| at_ms >= until) {
        return Some(Reason::WrongSite);
    }
    if at_ms > bounds.latest_ms {
        return Some(Reason::TimeInFuture);
    }
    if at_ms < bounds.earliest_ms {
        return Some(Reason::TimeBeforeRetention);
    }
    if scan.code.is_empty() || !(scan.code.is_ascii() || str::from_utf8(scan.code).is_ok()) {
        return Some(Reason::BadCode);
    }
    (!is_known_or_has_room(scan.code)).then_some(Reason::SubjectLimit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use truyvet_schemas::wire::{BatchFacts, encode_batch, encode_lost};
    use truyvet_schemas::{Direction, Scan, TimeMs, Verdict as Officer};

    const NOW: i64 = 1_700_000_000_000;
    const RULES: Rules = Rules { clock_skew_ms: 1_000, retention_days: 10 };
    const CONTEXT: Context = Context { last_seq: 0, received_at_ms: NOW, site_until_ms: Some(i64::MAX) };

    fn verdict(first_seq: u64, scans: &[(&str, i64)], context: Context) -> Verdict {
        let scans: Vec<Scan> = scans
            .iter()
            .map(|(subject, at)| Scan {
                subject: (*subject).into(),
                at: TimeMs::new(*at),
                direction: Direction::Pass,
                verdict: Officer::Passed,
            })
            .collect();
        let facts = BatchFacts { device: 1, site: "s", first_seq, sent_at: TimeMs::new(NOW) };
        let (bytes, _) = encode_batch(facts, &scans).expect("fits");
        judge(&BatchView::parse(&bytes).expect("just made"), context, RULES, |code| code != b"new")
    }

    #[test]
    fn seqs_are_taken_once_and_without_gaps() {
        let three = [("a", NOW), ("b", NOW), ("c", NOW)];
        let at = |last_seq| Context { last_seq, ..CONTEXT };
        assert_eq!(verdict(1, &three, at(0)), Verdict::Take { skip: 0, refused: vec![] });
        assert_eq!(verdict(1, &three, at(2)), Verdict::Take { skip: 2, refused: vec![] });
        assert_eq!(verdict(1, &three, at(3)), Verdict::Repeat);
        assert_eq!(verdict(6, &three, at(3)), Verdict::Gap { expected_seq: 4 });
        assert_eq!(verdict(0, &three, at(3)), Verdict::Gap { expected_seq: 4 });
        assert_eq!(verdict(u64::MAX, &three, at(u64::MAX - 2)), Verdict::Gap { expected_seq: u64::MAX - 1 });
    }

    #[test]
    fn only_what_was_never_taken_is_lost() {
        let lost = |first_seq, lost, last_seq| {
            let facts = BatchFacts { device: 1, site: "s", first_seq, sent_at: TimeMs::new(NOW) };
            let bytes = encode_lost(facts, lost);
            let context = Context { last_seq, ..CONTEXT };
            judge(&BatchView::parse(&bytes).expect("just made"), context, RULES, |_| true)
        };
        assert_eq!(lost(5, 10, 4), Verdict::Lost { first_seq: 5 });
        assert_eq!(lost(5, 10, 8), Verdict::Lost { first_seq: 9 });
        assert_eq!(lost(5, 10, 14), Verdict::Repeat);
        assert_eq!(lost(5, 10, 3), Verdict::Gap { expected_seq: 4 });
        assert_eq!(lost(5, u64::MAX, 4), Verdict::Gap { expected_seq: 5 });
    }

    #[test]
    fn each_scan_is_judged_by_its_time_code_and_site() {
        let day = MS_PER_DAY;
        let scans = [
            ("a", NOW + 1_000),
            ("a", NOW + 1_001),
            ("a", NOW - 10 * day),
            ("a", NOW - 10 * day - 1),
            ("", NOW),
            ("new", NOW),
        ];
        let refused = vec![
            (1, Reason::TimeInFuture),
            (3, Reason::TimeBeforeRetention),
            (4, Reason::BadCode),
            (5, Reason::SubjectLimit),
        ];
        assert_eq!(verdict(1, &scans, CONTEXT), Verdict::Take { skip: 0, refused });
        let moved = Context { site_until_ms: Some(NOW), ..CONTEXT };
        let refused = vec![(1, Reason::WrongSite)];
        assert_eq!(verdict(1, &[("a", NOW - 1), ("a", NOW)], moved), Verdict::Take { skip: 0, refused });
        let never = Context { site_until_ms: None, ..CONTEXT };
        let refused = vec![(0, Reason::WrongSite)];
        assert_eq!(verdict(1, &[("a", NOW)], never), Verdict::Take { skip: 0, refused });
    }
}
