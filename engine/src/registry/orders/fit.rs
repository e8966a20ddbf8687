//! Where a new order goes among those that stand, which lie apart in time. Pure.
//!
//! ```text
//! standing   |--- home ---|        |---- facility ----|
//! home, new        |======|+++++++++|                      the gap alone; the facility stays as it was planned
//! elsewhere        |++++++++++++++++++++++++++++++++++|    in the place of both, as long as the last of them
//! ```
//! No instant that was held is free afterwards, whatever the new order says.

use truyvet_schemas::quarantine::{OrderReason, PlaceKind};

use super::{NewOrder, OrderRecord, Whither, WholeOrder};

/// When a new order holds.
pub(super) struct Span<'a> {
    pub(super) from: i64,
    pub(super) until: i64,
    /// The one whose place it takes, or that it follows, where that goes for the new one.
    pub(super) goes_on: Option<&'a WholeOrder>,
}

/// When a new order that may begin here holds; or the number of the one that makes it needless. `standing` are
/// not over; each holds for some time, and no two at once.
pub(super) fn fit<'a>(new: &NewOrder<'_>, standing: &'a [WholeOrder], begins: i64) -> Result<Span<'a>, u64> {
    let (held_until, last) = held_from(new, standing, begins);
    if let Some(last) = last.filter(|_| is_as_long(held_until, new)) {
        return Err(last.record.order);
    }
    let from = match last {
        Some(last) if stays(last, new) => held_until,
        Some(last) => begins.max(last.record.from),
        None => begins,
    };
    let planned = standing.iter().filter(|known| {
        let begins = known.record.from;
        let goes_on = || is_as_long(held_from(new, standing, begins).0, new);
        (held_until..new.until).contains(&begins) && goes_for(known, new) && goes_on()
    });
    let until = planned.map(|known| known.record.from).min().unwrap_or_else(|| {
        let replaced = standing.iter().filter(|known| known.record.overlaps(from, new.until));
        replaced.map(|known| known.record.over_at()).fold(new.until, i64::max)
    });
    debug_assert!(from < until);
    Ok(Span { from, until, goes_on: last })
}

/// Until when orders that go for the new one hold without a gap from an instant on, and the last of them.
fn held_from<'a>(new: &NewOrder<'_>, standing: &'a [WholeOrder], from: i64) -> (i64, Option<&'a WholeOrder>) {
    let (mut until, mut last) = (from, None);
    while let Some(next) = standing.iter().find(|known| goes_for(known, new) && known.record.holds_at(until))
    {
        (until, last) = (next.record.over_at(), Some(next));
    }
    (until, last)
}

/// Whether an order that stands does for the new one while it holds.
fn goes_for(standing: &WholeOrder, new: &NewOrder<'_>) -> bool {
    let is_there = match new.place {
        Whither::Home => true,
        Whither::At(home) => {
            standing.place.kind == PlaceKind::Home
                && standing.place.area == home.area
                && standing.place.address == home.address
        }
        Whither::Facility { site, .. } => standing.place.site.as_deref() == Some(site),
    };
    is_there || stays(standing, new)
}

/// Whether the new order gives way to one that stands, wherever that is to be kept.
fn stays(standing: &WholeOrder, new: &NewOrder<'_>) -> bool {
    new.yields && standing.record.reason != OrderReason::Abroad
}

fn is_as_long(held_until: i64, new: &NewOrder<'_>) -> bool {
    new.until.saturating_sub(held_until) < PROLONGS_MS
}

impl OrderRecord {
    /// Whether it holds at some instant of these.
    pub(super) fn overlaps(&self, from: i64, until: i64) -> bool {
        self.from < until && from < self.over_at()
    }
}

/// What ends less than half a day later is no longer order: the same one, given again the same day.
const PROLONGS_MS: i64 = 12 * 3_600_000;
