//! Stays: who was inside a site at the same time as whom, and how many were inside when.
//!
//! - Two stays meet where they overlap, within the question's interval, for as long as is asked at least.
//! - Nothing grows with the interval but the answer: scans are read a piece at a time ([`super::inside`]).

use std::cmp::Reverse;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use truyvet_schemas::{Direction, TimeMs};

use super::answer::{Code, MetInside, OccupancyAnswer, OccupancyCell, StayTold, StaysAnswer};
use super::asking::Asking;
use super::explained::Way;
use super::inside::{Event, Stay, changes, each_stay, site_events};
use super::question::{Interval, OVERLAP_DEFAULT, Occupancy, Stays};
use super::view::{Asked, View};
use crate::engine::Engine;
use crate::error::TraceError;
use crate::index::rows::{Posting, flags};

impl Engine {
    /// The stays of subjects, and everybody else who was inside with one of them.
    ///
    /// # Errors
    /// The store fails.
    pub fn stays(&self, question: &Stays) -> Result<StaysAnswer, TraceError> {
        let view = View::new(self);
        let asked = Asked::new(question.subjects.iter(), |code| view.subject(code));
        let longest_ms = longest_ms(&view, question.longest);
        let own = own_stays(&view, &asked.ids, question.interval, longest_ms)?;
        let met = met_inside(&view, &asked.ids, &own, question.overlap, longest_ms)?;
        let incomplete = view.incomplete(seen_in(question.interval, longest_ms));
        Ok(StaysAnswer { stays: told(&view, &own), met, unknown: asked.unknown, incomplete })
    }

    /// How many were inside a site, cell by cell.
    ///
    /// # Errors
    /// The store fails.
    pub fn occupancy(&self, question: &Occupancy) -> Result<OccupancyAnswer, TraceError> {
        let view = View::new(self);
        let longest_ms = longest_ms(&view, question.longest);
        let incomplete = view.incomplete(seen_in(question.interval, longest_ms));
        let capacity = self.catalog().site(&question.site).and_then(|site| site.capacity);
        let Some(site) = view.site(&question.site) else {
            let unknown = vec![question.site.clone()];
            return Ok(OccupancyAnswer { unknown, incomplete, ..OccupancyAnswer::default() });
        };
        view.asking.enter(Way::Postings);
        let mut cells = Cells::new(question);
        let (from, to) = (question.interval.from().get(), question.interval.to().get());
        site_events(&view, site, (from, to), longest_ms, |event| {
            match event {
                Event::Began(at_ms) => cells.begin(at_ms),
                Event::Ended(stay) => cells.end(stay.to_ms),
            }
            Ok(())
        })?;
        Ok(OccupancyAnswer { capacity, cells: cells.told(), unknown: Vec::new(), incomplete })
    }

    /// Since when a subject has been inside a site at this instant; none where it is not inside. A stay that was
    /// seen again and again may have begun earlier than told.
    ///
    /// # Errors
    /// The store fails.
    pub fn inside_since(&self, subject: &str, site: &str, at: TimeMs) -> Result<Option<TimeMs>, TraceError> {
        let view = View::new(self);
        let (Some(subject), Some(site)) = (view.subject(subject), view.site(site)) else { return Ok(None) };
        let (at_ms, longest_ms) = (at.get(), longest_ms(&view, None));
        let mut scans = Vec::new();
        view.trails(&[subject], seen_in(instant(at), longest_ms), |_, row, _| {
            let scan = Posting { at_ms: row.at_ms, subject, flags: row.flags };
            scans.extend((row.site == site).then_some(scan));
        })?;
        scans.sort_by_key(|scan| scan.at_ms);
        let mut since = None;
        each_stay(&mut scans, longest_ms, |Stay { from_ms, to_ms, .. }| {
            if from_ms <= at_ms && at_ms < to_ms {
                since = Some(TimeMs::new(from_ms));
            }
        });
        Ok(since)
    }

    /// Whether a site has a scan of a subject at exactly this instant and in this direction.
    ///
    /// # Errors
    /// The store fails.
    pub fn has_scan(
        &self,
        subject: &str,
        site: &str,
        at: TimeMs,
        direction: Direction,
    ) -> Result<bool, TraceError> {
        let view = View::new(self);
        let (Some(subject), Some(site)) = (view.subject(subject), view.site(site)) else { return Ok(false) };
        let mut is_there = false;
        view.trails(&[subject], instant(at), |_, row, _| {
            is_there |= row.site == site && flags::direction(row.flags) == direction;
        })?;
        Ok(is_there)
    }
}

/// The time whose scans make the stays of an interval: whoever was seen earlier is out by then.
fn seen_in(interval: Interval, longest_ms: i64) -> Interval {
    let before = TimeMs::new(interval.from().get().saturating_sub(longest_ms));
    Interval::new(before, interval.to()).unwrap_or(interval)
}

fn instant(at: TimeMs) -> Interval {
    let next = TimeMs::new(at.get().saturating_add(1));
    Interval::new(at, next).expect("the next instant is not before")
}

fn longest_ms(view: &View<'_>, longest: Option<Duration>) -> i64 {
    let longest = longest.unwrap_or(Duration::from_millis(view.shared.config.stay_longest_ms));
    i64::try_from(longest.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// Everybody else who was inside a site at the same time as one of these. `goes_inside`: whether they are known to
/// have scans in the interval that tell who is inside; nearly nobody else has them, and they are looked for.
pub(super) fn inside_with(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    mut goes_inside: bool,
) -> Result<Vec<MetInside>, TraceError> {
    let longest_ms = longest_ms(view, None);
    if !goes_inside {
        let before = Interval::new(seen_in(interval, longest_ms).from(), interval.from()).unwrap_or(interval);
        view.trails(ids, before, |_, row, _| goes_inside |= changes(row.flags))?;
    }
    if !goes_inside {
        return Ok(Vec::new());
    }
    let own = own_stays(view, ids, interval, longest_ms)?;
    met_inside(view, ids, &own, OVERLAP_DEFAULT, longest_ms)
}

// ---- who was inside with whom --------------------------------------------------------------------

/// A stay of one of the given subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OwnStay {
    site: u32,
    from_ms: i64,
    to_ms: i64,
    subject: u32,
}

/// Given subjects' own stays, cut to the interval, by site and begin.
fn own_stays(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    longest_ms: i64,
) -> Result<Vec<OwnStay>, TraceError> {
    let (from, to) = (interval.from().get(), interval.to().get());
    let mut scans: HashMap<u32, Vec<Posting>> = HashMap::new();
    view.trails(ids, seen_in(interval, longest_ms), |place, row, _| {
        let scan = Posting { at_ms: row.at_ms, subject: ids[place], flags: row.flags };
        scans.entry(row.site).or_default().push(scan);
    })?;
    let mut own = Vec::new();
    for (site, mut postings) in scans {
        postings.sort_by_key(|posting| posting.at_ms);
        each_stay(&mut postings, longest_ms, |Stay { subject, from_ms, to_ms }| {
            let stay = OwnStay { site, from_ms: from_ms.max(from), to_ms: to_ms.min(to), subject };
            own.extend((stay.from_ms < stay.to_ms).then_some(stay));
        });
    }
    own.sort_unstable();
    Ok(own)
}

/// Everybody else who was inside with one of the given, by overlap downwards.
fn met_inside(
    view: &View<'_>,
    ids: &[u32],
    own: &[OwnStay],
    overlap: Duration,
    longest_ms: i64,
) -> Result<Vec<MetInside>, TraceError> {
    let given: HashSet<u32> = ids.iter().copied().collect();
    let mut met = Meetings::new(view.asking, overlap);
    view.asking.enter(Way::Sweep);
    for own in stretches(own) {
        let stretch = Stretch::new(own);
        let (from, to) = (own[0].from_ms, stretch.end_ms());
        site_events(view, own[0].site, (from, to), longest_ms, |event| match event {
            Event::Ended(other) if !given.contains(&other.subject) => met.add(&stretch, &other),
            _ => Ok(()),
        })?;
    }
    Ok(ordered(view, &met.of))
}

/// Own stays at one site that overlap or touch, together: what lies between is not read.
fn stretches(own: &[OwnStay]) -> impl Iterator<Item = &[OwnStay]> {
    let mut rest = own;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut end = first.to_ms;
        let more = rest.iter().take_while(|stay| {
            let joins = stay.site == first.site && stay.from_ms <= end;
            end = end.max(stay.to_ms);
            joins
        });
        let (stretch, behind) = rest.split_at(more.count());
        rest = behind;
        Some(stretch)
    })
}

/// Own stays by begin, and of each the latest end up to there.
struct Stretch<'o> {
    own: &'o [OwnStay],
    latest_ms: Vec<i64>,
}

impl<'o> Stretch<'o> {
    fn new(own: &'o [OwnStay]) -> Self {
        let latest = own.iter().scan(i64::MIN, |latest, stay| {
            *latest = stay.to_ms.max(*latest);
            Some(*latest)
        });
        Self { own, latest_ms: latest.collect() }
    }

    fn end_ms(&self) -> i64 {
        self.latest_ms.last().copied().unwrap_or_default()
    }

    /// All that may overlap a stay: those before have ended by then, those behind begin later.
    fn near(&self, other: &Stay) -> &'o [OwnStay] {
        let start = self.latest_ms.partition_point(|latest| *latest <= other.from_ms);
        let end = self.own.partition_point(|own| own.from_ms < other.to_ms);
        &self.own[start.min(end)..end]
    }
}

/// Whom the given were inside with.
struct Meetings<'a> {
    asking: &'a Asking,
    at_least_ms: i64,
    /// Pairs that were looked at.
    pairs: usize,
    of: HashMap<u32, Met>,
}

/// All overlaps with one subject.
struct Met {
    overlaps: u64,
    overlap_ms: i64,
    longest_ms: i64,
    first: i64,
    last: i64,
}

impl<'a> Meetings<'a> {
    fn new(asking: &'a Asking, at_least: Duration) -> Self {
        Self { asking, at_least_ms: (at_least.as_millis() as i64).max(1), pairs: 0, of: HashMap::new() }
    }

    /// Adds up what somebody's stay has in common with the given ones.
    fn add(&mut self, stretch: &Stretch<'_>, other: &Stay) -> Result<(), TraceError> {
        let near = stretch.near(other);
        self.pairs += near.len();
        if self.pairs >= LOOK_EVERY_PAIRS {
            self.pairs = 0;
            self.asking.look()?;
        }
        for own in near {
            let (from, to) = (own.from_ms.max(other.from_ms), own.to_ms.min(other.to_ms));
            let overlap_ms = to - from;
            if overlap_ms < self.at_least_ms {
                continue;
            }
            self.of
                .entry(other.subject)
                .and_modify(|met| {
                    met.overlaps += 1;
                    met.overlap_ms += overlap_ms;
                    met.longest_ms = met.longest_ms.max(overlap_ms);
                    met.first = met.first.min(from);
                    met.last = met.last.max(to);
                })
                .or_insert(Met { overlaps: 1, overlap_ms, longest_ms: overlap_ms, first: from, last: to });
        }
        Ok(())
    }
}

fn told(view: &View<'_>, own: &[OwnStay]) -> Vec<StayTold> {
    let subjects = view.subject_codes(&own.iter().map(|stay| stay.subject).collect::<Vec<_>>());
    let tell = |(stay, subject): (&OwnStay, Code)| StayTold {
        subject,
        site: view.site_code(stay.site),
        from: stay.from_ms,
        to: stay.to_ms,
    };
    let mut told: Vec<StayTold> = own.iter().zip(subjects).map(tell).collect();
    told.sort_by(|a, b| (a.from, &a.site, &a.subject).cmp(&(b.from, &b.site, &b.subject)));
    told
}

fn ordered(view: &View<'_>, met: &HashMap<u32, Met>) -> Vec<MetInside> {
    let ids: Vec<u32> = met.keys().copied().collect();
    let tell = |(id, subject): (&u32, Code)| {
        let Met { overlaps, overlap_ms, longest_ms, first, last } = met[id];
        MetInside { subject, overlaps, overlap_ms, longest_ms, first, last }
    };
    let mut told: Vec<MetInside> = ids.iter().zip(view.subject_codes(&ids)).map(tell).collect();
    told.sort_by(|a, b| (Reverse(a.overlap_ms), &a.subject).cmp(&(Reverse(b.overlap_ms), &b.subject)));
    told
}

// ---- how many were inside ------------------------------------------------------------------------

/// Counts cell by cell what happens in order of time. Cells begin at whole multiples of their length; the first
/// and the last are cut to the interval.
struct Cells {
    from_ms: i64,
    to_ms: i64,
    cell_ms: i64,
    cells: Vec<OccupancyCell>,
    /// The cell that is being counted; none before the interval has begun.
    open: OccupancyCell,
    inside: u64,
}

impl Cells {
    fn new(question: &Occupancy) -> Self {
        let (from_ms, to_ms) = (question.interval.from().get(), question.interval.to().get());
        let cell_ms = question.cell_ms();
        let mut cells =
            Self { from_ms, to_ms, cell_ms, cells: Vec::new(), open: OccupancyCell::default(), inside: 0 };
        cells.open = cells.cell(from_ms);
        cells
    }

    fn cell(&self, from: i64) -> OccupancyCell {
        let end = (from.div_euclid(self.cell_ms) + 1).saturating_mul(self.cell_ms);
        OccupancyCell { from, to: end.min(self.to_ms), ..OccupancyCell::default() }
    }

    fn begin(&mut self, at_ms: i64) {
        if at_ms >= self.to_ms {
            return;
        }
        self.go_to(at_ms);
        self.inside += 1;
        if at_ms >= self.from_ms {
            self.open.entered += 1;
            self.see_most();
        }
    }

    fn end(&mut self, at_ms: i64) {
        if at_ms >= self.to_ms {
            return;
        }
        self.go_to(at_ms);
        // Who leaves as a cell begins makes room for who comes: they were not inside in it.
        if at_ms > self.open.from {
            self.see_most();
        }
        self.inside -= 1;
        self.open.left += u64::from(at_ms >= self.from_ms);
    }

    /// Tells the cells that are over by then.
    fn go_to(&mut self, at_ms: i64) {
        while at_ms >= self.open.to {
            self.close();
        }
    }

    fn close(&mut self) {
        self.see_most();
        let next = self.cell(self.open.to);
        let done = std::mem::replace(&mut self.open, next);
        self.cells.push(OccupancyCell { inside: self.inside, ..done });
    }

    fn see_most(&mut self) {
        self.open.most = self.open.most.max(self.inside);
    }

    fn told(mut self) -> Vec<OccupancyCell> {
        while self.open.from < self.to_ms {
            self.close();
        }
        self.cells
    }
}

/// Pairs of stays between two looks at the clock: some tenths of a millisecond.
const LOOK_EVERY_PAIRS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_stays_that_do_not_touch_are_read_apart() {
        let stay = |site, from_ms, to_ms| OwnStay { site, from_ms, to_ms, subject: 1 };
        let own = [stay(1, 0, 5), stay(1, 1, 9), stay(1, 9, 10), stay(1, 11, 12), stay(2, 11, 12)];
        let lengths: Vec<usize> = stretches(&own).map(<[OwnStay]>::len).collect();
        assert_eq!(lengths, [3, 1, 1]);
    }

    #[test]
    fn near_are_all_own_stays_that_overlap_and_few_others() {
        let own = |from_ms, to_ms| OwnStay { site: 1, from_ms, to_ms, subject: 1 };
        let all = [own(0, 3), own(1, 20), own(4, 5), own(6, 9), own(19, 30)];
        let stretch = Stretch::new(&all);
        let near = |from_ms, to_ms| stretch.near(&Stay { subject: 2, from_ms, to_ms });
        assert_eq!(stretch.end_ms(), 30);
        assert_eq!(near(0, 1), &all[..1]);
        assert_eq!(near(3, 4), &all[1..2], "the first has ended, the third begins later");
        assert_eq!(near(20, 40), &all[4..]);
        assert_eq!(near(30, 40), &[]);
    }

    #[test]
    fn a_question_with_endless_pairs_is_stopped_too() {
        let own: Vec<OwnStay> =
            (0..1_000).map(|subject| OwnStay { site: 1, from_ms: 0, to_ms: 10, subject }).collect();
        let (stretch, asking) = (Stretch::new(&own), Asking::unlimited());
        asking.stop();
        let mut met = Meetings::new(&asking, Duration::from_millis(1));
        let other = Stay { subject: 7, from_ms: 0, to_ms: 10 };
        let ended = (0..100).try_for_each(|_| met.add(&stretch, &other));
        assert!(matches!(ended, Err(TraceError::Stopped)));
    }
}
