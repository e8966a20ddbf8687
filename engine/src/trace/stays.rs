//! Stays: who was inside a site at the same time as whom, and how many were inside when.
//!
//! ```text
//! in ... in ... out        one stay, from the first `in` to the `out`
//! in ............          nobody scanned them out: it ends `longest` after the last `in`
//! ```
//! - A further `in` before a stay has ended goes on with it, and it is seen again: `longest` counts from there.
//! - An `out` ends the stay that has begun before; one without a stay is none, nor is a `pass`.
//! - What an officer refused changes nothing. Of one instant an `out` counts before an `in`, so that nobody's
//!   next stay is lost.
//! - Two stays meet where they overlap, within the question's interval, for as long as is asked at least.

use std::cmp::Reverse;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use truyvet_schemas::{Direction, TimeMs, Verdict};

use super::answer::{MetInside, OccupancyAnswer, OccupancyCell, StayTold, StaysAnswer};
use super::explained::Way;
use super::question::{Interval, Occupancy, Stays};
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
        let longest_ms = longest_ms(question.longest);
        let own = own_stays(&view, &asked.ids, question.interval, longest_ms)?;
        let given: HashSet<u32> = asked.ids.iter().copied().collect();
        let overlap_ms = (question.overlap.as_millis() as i64).max(1);
        let mut met: HashMap<u32, Met> = HashMap::new();
        view.asking.enter(Way::Sweep);
        for own in stretches(&own) {
            let (from, to) = (own[0].from_ms, own.iter().map(|stay| stay.to_ms).max().unwrap_or_default());
            site_stays(&view, own[0].site, from, to, longest_ms, |other| {
                if !given.contains(&other.subject) {
                    add_overlaps(own, &other, overlap_ms, &mut met);
                }
            })?;
        }
        Ok(StaysAnswer {
            stays: told(&view, &own),
            met: ordered(&view, &met),
            unknown: asked.unknown,
            incomplete: view.incomplete(seen_in(question.interval, longest_ms)),
        })
    }

    /// How many were inside a site, cell by cell.
    ///
    /// # Errors
    /// The store fails.
    pub fn occupancy(&self, question: &Occupancy) -> Result<OccupancyAnswer, TraceError> {
        let view = View::new(self);
        let longest_ms = longest_ms(question.longest);
        let incomplete = view.incomplete(seen_in(question.interval, longest_ms));
        let capacity = self.catalog().site(&question.site).and_then(|site| site.capacity);
        let Some(site) = view.site(&question.site) else {
            let unknown = vec![question.site.clone()];
            return Ok(OccupancyAnswer { unknown, incomplete, ..OccupancyAnswer::default() });
        };
        let (from, to) = (question.interval.from().get(), question.interval.to().get());
        view.asking.enter(Way::Postings);
        let mut stays = Vec::new();
        site_stays(&view, site, from, to, longest_ms, |stay| stays.push((stay.from_ms, stay.to_ms)))?;
        let cells = cells(&stays, question);
        Ok(OccupancyAnswer { capacity, cells, unknown: Vec::new(), incomplete })
    }

    /// Since when a subject has been inside a site at this instant; none where it is not inside. A stay that was
    /// seen again and again may have begun earlier than told.
    ///
    /// # Errors
    /// The store fails.
    pub fn inside_since(
        &self,
        subject: &str,
        site: &str,
        at: TimeMs,
        longest: Duration,
    ) -> Result<Option<TimeMs>, TraceError> {
        let view = View::new(self);
        let (Some(subject), Some(site)) = (view.subject(subject), view.site(site)) else { return Ok(None) };
        let (at_ms, longest_ms) = (at.get(), longest_ms(longest));
        let mut scans = Vec::new();
        view.trails(&[subject], seen_in(instant(at), longest_ms), |_, row, _| {
            let scan = Posting { at_ms: row.at_ms, subject, flags: row.flags };
            scans.extend((row.site == site).then_some(scan));
        })?;
        scans.sort_by_key(|scan| scan.at_ms);
        let mut since = None;
        each_stay(&mut scans, longest_ms, |_, from_ms, to_ms| {
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

/// Somebody inside a site; `to_ms` may lie behind what was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stay {
    site: u32,
    from_ms: i64,
    to_ms: i64,
    subject: u32,
}

/// A stay that has not ended yet.
struct Open {
    from_ms: i64,
    seen_ms: i64,
}

/// Hands over every stay at a site that has a part in [`from_ms`, `to_ms`), in no order. One that began
/// before may have begun still earlier than told, and one that has not ended by then ends as if nobody scanned
/// out any more.
fn site_stays(
    view: &View<'_>,
    site: u32,
    from_ms: i64,
    to_ms: i64,
    longest_ms: i64,
    mut visit: impl FnMut(Stay),
) -> Result<(), TraceError> {
    let mut postings = Vec::new();
    view.postings(site, from_ms.saturating_sub(longest_ms), to_ms, &mut postings)?;
    each_stay(&mut postings, longest_ms, |subject, start_ms, end_ms| {
        if end_ms > from_ms && start_ms < to_ms {
            visit(Stay { site, from_ms: start_ms, to_ms: end_ms, subject });
        }
    });
    Ok(())
}

/// Hands over the stays that scans of one site make: subject, begin, end. The scans are in order of time.
fn each_stay(postings: &mut Vec<Posting>, longest_ms: i64, mut visit: impl FnMut(u32, i64, i64)) {
    postings.retain(|posting| changes(posting.flags));
    for instant in postings.chunk_by_mut(|a, b| a.at_ms == b.at_ms) {
        instant.sort_unstable_by_key(|posting| flags::direction(posting.flags) == Direction::In);
    }
    let mut inside: HashMap<u32, Open> = HashMap::new();
    for Posting { at_ms, subject, flags } in postings {
        let ends = |open: &Open| open.seen_ms.saturating_add(longest_ms);
        if flags::direction(*flags) == Direction::Out {
            if let Some(open) = inside.remove(subject) {
                visit(*subject, open.from_ms, ends(&open).min(*at_ms));
            }
            continue;
        }
        let open = inside.entry(*subject).or_insert(Open { from_ms: *at_ms, seen_ms: *at_ms });
        if ends(open) <= *at_ms {
            visit(*subject, open.from_ms, ends(open));
            open.from_ms = *at_ms;
        }
        open.seen_ms = *at_ms;
    }
    inside.into_iter().for_each(|(subject, open)| {
        visit(subject, open.from_ms, open.seen_ms.saturating_add(longest_ms));
    });
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

fn longest_ms(longest: Duration) -> i64 {
    i64::try_from(longest.as_millis()).unwrap_or(i64::MAX).max(1)
}

fn changes(flags: u8) -> bool {
    flags::direction(flags) != Direction::Pass && flags::verdict(flags) != Verdict::Refused
}

/// Given subjects' own stays, cut to the interval, by site and begin.
fn own_stays(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    longest_ms: i64,
) -> Result<Vec<Stay>, TraceError> {
    let (from_ms, to_ms) = (interval.from().get(), interval.to().get());
    let seen = seen_in(interval, longest_ms);
    let mut scans: HashMap<u32, Vec<Posting>> = HashMap::new();
    view.trails(ids, seen, |place, row, _| {
        let scan = Posting { at_ms: row.at_ms, subject: ids[place], flags: row.flags };
        scans.entry(row.site).or_default().push(scan);
    })?;
    let mut own = Vec::new();
    for (site, mut postings) in scans {
        postings.sort_by_key(|posting| posting.at_ms);
        each_stay(&mut postings, longest_ms, |subject, start_ms, end_ms| {
            let stay = Stay { site, from_ms: start_ms.max(from_ms), to_ms: end_ms.min(to_ms), subject };
            own.extend((stay.from_ms < stay.to_ms).then_some(stay));
        });
    }
    own.sort_unstable();
    Ok(own)
}

/// Own stays at one site that overlap or touch, together: what lies between is not read.
fn stretches(own: &[Stay]) -> impl Iterator<Item = &[Stay]> {
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

/// All overlaps with one subject.
struct Met {
    overlaps: u64,
    overlap_ms: i64,
    longest_ms: i64,
    first: i64,
    last: i64,
}

/// Adds up what somebody's stay has in common with the given ones of its stretch.
fn add_overlaps(own: &[Stay], other: &Stay, at_least_ms: i64, met: &mut HashMap<u32, Met>) {
    for own in own.iter().take_while(|own| own.from_ms < other.to_ms) {
        let (from, to) = (own.from_ms.max(other.from_ms), own.to_ms.min(other.to_ms));
        let overlap_ms = to - from;
        if overlap_ms < at_least_ms {
            continue;
        }
        met.entry(other.subject)
            .and_modify(|met| {
                met.overlaps += 1;
                met.overlap_ms += overlap_ms;
                met.longest_ms = met.longest_ms.max(overlap_ms);
                met.first = met.first.min(from);
                met.last = met.last.max(to);
            })
            .or_insert(Met { overlaps: 1, overlap_ms, longest_ms: overlap_ms, first: from, last: to });
    }
}

fn told(view: &View<'_>, own: &[Stay]) -> Vec<StayTold> {
    let subjects = view.subject_codes(&own.iter().map(|stay| stay.subject).collect::<Vec<_>>());
    let tell = |(stay, subject): (&Stay, String)| StayTold {
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
    let tell = |(id, subject): (&u32, String)| {
        let Met { overlaps, overlap_ms, longest_ms, first, last } = met[id];
        MetInside { subject, overlaps, overlap_ms, longest_ms, first, last }
    };
    let mut told: Vec<MetInside> = ids.iter().zip(view.subject_codes(&ids)).map(tell).collect();
    told.sort_by(|a, b| (Reverse(a.overlap_ms), &a.subject).cmp(&(Reverse(b.overlap_ms), &b.subject)));
    told
}

/// Counts cell by cell. Cells begin at whole multiples of their length; the first and the last are cut to the
/// interval.
fn cells(stays: &[(i64, i64)], question: &Occupancy) -> Vec<OccupancyCell> {
    let (from, to) = (question.interval.from().get(), question.interval.to().get());
    let cell_ms = (question.cell.as_millis() as i64).max(1);
    let mut begins: Vec<i64> = stays.iter().map(|(start, _)| *start).collect();
    let mut ends: Vec<i64> = stays.iter().map(|(_, end)| *end).collect();
    begins.sort_unstable();
    ends.sort_unstable();
    let (mut begun, mut ended) = (begins.partition_point(|at| *at < from), 0);
    let (mut cells, mut start) = (Vec::new(), from);
    while start < to && cells.len() < OCCUPANCY_CELLS_MAX {
        let end = ((start.div_euclid(cell_ms) + 1).saturating_mul(cell_ms)).min(to);
        let before = (begun, ended);
        // Who leaves at an instant makes room for who comes at it.
        ended += ends[ended..].partition_point(|at| *at <= start);
        let mut most = begun - ended;
        loop {
            let next = |all: &[i64], at: usize| all.get(at).copied().filter(|at| *at < end);
            match (next(&begins, begun), next(&ends, ended)) {
                (None, None) => break,
                (Some(begin), Some(out)) if begin < out => begun += 1,
                (Some(_), None) => begun += 1,
                (_, Some(_)) => ended += 1,
            }
            most = most.max(begun - ended);
        }
        let (entered, left) = ((begun - before.0) as u64, (ended - before.1) as u64);
        let (most, inside) = (most as u64, (begun - ended) as u64);
        cells.push(OccupancyCell { from: start, to: end, entered, left, most, inside });
        start = end;
    }
    cells
}

/// Cells of an answer: a year of hours.
pub const OCCUPANCY_CELLS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// Scans as (hour, subject, direction); stays as (subject, from, to), in hours.
    fn stays(scans: &[(i64, u32, Direction)], longest: i64) -> Vec<(u32, i64, i64)> {
        let posting = |(hour, subject, direction): &(i64, u32, Direction)| Posting {
            at_ms: hour * HOUR_MS,
            subject: *subject,
            flags: flags::pack(*direction as u8, Verdict::Passed as u8),
        };
        let mut postings: Vec<Posting> = scans.iter().map(posting).collect();
        let mut stays = Vec::new();
        each_stay(&mut postings, longest * HOUR_MS, |subject, from, to| {
            stays.push((subject, from / HOUR_MS, to / HOUR_MS));
        });
        stays.sort_unstable();
        stays
    }

    #[test]
    fn a_stay_lasts_from_in_to_out_and_ends_by_itself_where_nobody_scans_out() {
        use Direction::{In, Out, Pass};
        assert_eq!(stays(&[(1, 7, In), (3, 7, Out)], 12), [(7, 1, 3)]);
        assert_eq!(stays(&[(1, 7, In)], 12), [(7, 1, 13)], "nobody scanned out");
        assert_eq!(stays(&[(1, 7, In), (20, 7, Out)], 12), [(7, 1, 13)], "too late to be of that stay");
        assert_eq!(stays(&[(1, 7, In), (8, 7, In), (15, 7, Out)], 12), [(7, 1, 15)], "seen again meanwhile");
        assert_eq!(stays(&[(1, 7, In), (13, 7, In)], 12), [(7, 1, 13), (7, 13, 25)]);
        assert_eq!(stays(&[(1, 7, Out), (2, 7, Pass), (3, 7, Out)], 12), [], "nobody came in");
        assert_eq!(stays(&[(1, 7, In), (4, 7, In), (4, 7, Out)], 12), [(7, 1, 4), (7, 4, 16)]);
        assert_eq!(stays(&[(1, 7, In), (2, 8, In), (3, 7, Out)], 12), [(7, 1, 3), (8, 2, 14)]);
    }

    #[test]
    fn own_stays_that_do_not_touch_are_read_apart() {
        let stay = |site, from_ms, to_ms| Stay { site, from_ms, to_ms, subject: 1 };
        let own = [stay(1, 0, 5), stay(1, 1, 9), stay(1, 9, 10), stay(1, 11, 12), stay(2, 11, 12)];
        let lengths: Vec<usize> = stretches(&own).map(<[Stay]>::len).collect();
        assert_eq!(lengths, [3, 1, 1]);
    }
}
