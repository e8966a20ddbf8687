//! Who is inside a site, as its scans tell in order of time.
//!
//! ```text
//! in ... in ... out        one stay, from the first `in` to the `out`
//! in ............          nobody scanned them out: it ends `longest` after the last `in`
//! ```
//! - A further `in` before a stay has ended goes on with it, and it is seen again: `longest` counts from there.
//! - An `out` ends the stay that has begun before; one without a stay is none, nor is a `pass`.
//! - What an officer refused changes nothing. Of one instant an `out` counts before an `in`, so that nobody's
//!   next stay is lost.

use std::collections::VecDeque;
use std::convert::Infallible;

use hashbrown::HashMap;
use truyvet_schemas::{Direction, Verdict};

use super::view::View;
use crate::error::TraceError;
use crate::index::rows::{Posting, flags};

/// Somebody inside a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) subject: u32,
    pub(super) from_ms: i64,
    /// May lie behind what was asked about.
    pub(super) to_ms: i64,
}

/// What happens at a site. Of one instant ends come before begins.
pub(super) enum Event {
    /// A stay began then.
    Began(i64),
    /// A stay has ended.
    Ended(Stay),
}

/// Hands over, in order of time, what happens at a site up to `to_ms`, and then the ends of the stays that have not
/// ended by then, as if nobody scanned out any more. It begins early enough to know who is inside at `from_ms`; a
/// stay that began before may have begun still earlier than told.
pub(super) fn site_events(
    view: &View<'_>,
    site: u32,
    (from_ms, to_ms): (i64, i64),
    longest_ms: i64,
    mut visit: impl FnMut(Event) -> Result<(), TraceError>,
) -> Result<(), TraceError> {
    let mut inside = Inside::new(longest_ms);
    let mut postings = Vec::new();
    for (from_ms, to_ms) in view.slabs(site, from_ms.saturating_sub(longest_ms), to_ms, SLAB_SCANS_MAX)? {
        view.postings(site, from_ms, to_ms, &mut postings)?;
        inside.read(&mut postings, &mut visit)?;
    }
    inside.end(&mut visit)
}

/// Hands over the stays that scans of one site make. The scans are in order of time.
pub(super) fn each_stay(postings: &mut Vec<Posting>, longest_ms: i64, mut visit: impl FnMut(Stay)) {
    let mut told = |event| {
        if let Event::Ended(stay) = event {
            visit(stay);
        }
        Ok::<_, Infallible>(())
    };
    let mut inside = Inside::new(longest_ms);
    let Ok(()) = inside.read(postings, &mut told).and_then(|()| inside.end(&mut told));
}

/// Who is inside.
struct Inside {
    longest_ms: i64,
    open: HashMap<u32, Open>,
    /// When those inside are out unless they are seen again or scanned out before, the earliest first.
    forgotten: VecDeque<(i64, u32)>,
}

/// A stay that has not ended yet.
struct Open {
    from_ms: i64,
    /// When it ends if nothing more is heard.
    ends_ms: i64,
}

impl Inside {
    fn new(longest_ms: i64) -> Self {
        Self { longest_ms, open: HashMap::new(), forgotten: VecDeque::new() }
    }

    /// Scans in order of time, none before those read already.
    fn read<E>(
        &mut self,
        postings: &mut Vec<Posting>,
        visit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        postings.retain(|posting| changes(posting.flags));
        for instant in postings.chunk_by_mut(|a, b| a.at_ms == b.at_ms) {
            instant.sort_unstable_by_key(|posting| flags::direction(posting.flags) == Direction::In);
            self.forget(instant[0].at_ms, visit)?;
            for Posting { at_ms, subject, flags } in instant {
                match flags::direction(*flags) {
                    Direction::Out => self.scan_out(*subject, *at_ms, visit)?,
                    _ => self.scan_in(*subject, *at_ms, visit)?,
                }
            }
        }
        Ok(())
    }

    fn scan_out<E>(
        &mut self,
        subject: u32,
        at_ms: i64,
        visit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.open.remove(&subject) {
            Some(Open { from_ms, .. }) => visit(Event::Ended(Stay { subject, from_ms, to_ms: at_ms })),
            None => Ok(()),
        }
    }

    fn scan_in<E>(
        &mut self,
        subject: u32,
        at_ms: i64,
        visit: &mut impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let ends_ms = at_ms.saturating_add(self.longest_ms);
        self.forgotten.push_back((ends_ms, subject));
        match self.open.get_mut(&subject) {
            Some(open) => open.ends_ms = ends_ms,
            None => {
                self.open.insert(subject, Open { from_ms: at_ms, ends_ms });
                visit(Event::Began(at_ms))?;
            }
        }
        Ok(())
    }

    /// Ends the stays of which nothing was heard for too long by then.
    fn forget<E>(&mut self, at_ms: i64, visit: &mut impl FnMut(Event) -> Result<(), E>) -> Result<(), E> {
        while let Some((to_ms, subject)) = self.forgotten.front().copied().filter(|(end, _)| *end <= at_ms) {
            self.forgotten.pop_front();
            // Whoever was seen again, or has left since, has another end.
            if self.open.get(&subject).is_some_and(|open| open.ends_ms == to_ms)
                && let Some(Open { from_ms, .. }) = self.open.remove(&subject)
            {
                visit(Event::Ended(Stay { subject, from_ms, to_ms }))?;
            }
        }
        Ok(())
    }

    fn end<E>(mut self, visit: &mut impl FnMut(Event) -> Result<(), E>) -> Result<(), E> {
        self.forget(i64::MAX, visit)
    }
}

/// Whether a scan tells who is inside.
pub(super) fn changes(flags: u8) -> bool {
    flags::direction(flags) != Direction::Pass && flags::verdict(flags) != Verdict::Refused
}

/// Some 4 MB of scans.
const SLAB_SCANS_MAX: u64 = 1 << 18;

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
        each_stay(&mut postings, longest * HOUR_MS, |Stay { subject, from_ms, to_ms }| {
            stays.push((subject, from_ms / HOUR_MS, to_ms / HOUR_MS));
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
    fn what_happens_is_told_in_order_of_time_piece_by_piece_too() {
        let posting = |at_ms, subject, direction: Direction| Posting {
            at_ms,
            subject,
            flags: flags::pack(direction as u8, Verdict::Passed as u8),
        };
        let mut pieces = [
            vec![posting(0, 1, Direction::In), posting(3, 2, Direction::In)],
            vec![posting(9, 1, Direction::In), posting(15, 3, Direction::In), posting(15, 1, Direction::Out)],
        ];
        let (mut inside, mut told) = (Inside::new(10), Vec::new());
        let mut tell = |event| {
            told.push(match event {
                Event::Began(at) => (at, 'b'),
                Event::Ended(stay) => (stay.to_ms, 'e'),
            });
            Ok::<_, TraceError>(())
        };
        for piece in &mut pieces {
            inside.read(piece, &mut tell).expect("nothing refuses");
        }
        inside.end(&mut tell).expect("nothing refuses");
        assert_eq!(told, [(0, 'b'), (3, 'b'), (13, 'e'), (15, 'e'), (15, 'b'), (25, 'e')]);
    }
}
