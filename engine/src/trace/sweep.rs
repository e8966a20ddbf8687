//! The scans near given scans: for each site, the given scans' windows joined into stretches, and every
//! stretch read once in time order.

use truyvet_schemas::TimeMs;

use super::explained::Way;
use super::question::Interval;
use super::view::View;
use crate::error::TraceError;
use crate::index::rows::Posting;

/// A given scan: where and when, and of whom. Ordered by site, then time, then rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Own {
    pub(crate) site: u32,
    pub(crate) at_ms: i64,
    /// Place of the subject's code among all given ones.
    pub(crate) rank: u32,
}

/// A stretch of time at a site, with the given scans whose windows make it up.
pub(crate) struct Stretch<'a> {
    pub(crate) site: u32,
    pub(crate) own: &'a [Own],
    /// Everybody's scans in it, in time order.
    pub(crate) postings: &'a [Posting],
}

/// Hands every stretch to `visit`. `own` is in order.
pub(crate) fn sweep(
    view: &View<'_>,
    own: &[Own],
    interval: Interval,
    window_ms: i64,
    mut visit: impl FnMut(&Stretch<'_>),
) -> Result<(), TraceError> {
    debug_assert!(own.is_sorted());
    view.asking.enter(Way::Sweep);
    let mut postings = Vec::new();
    let near = |a: &Own, b: &Own| a.site == b.site && b.at_ms - a.at_ms <= window_ms.saturating_mul(2);
    for own in own.chunk_by(near) {
        let (first, last) = (own[0], own[own.len() - 1]);
        let from = first.at_ms.saturating_sub(window_ms).max(interval.from().get());
        let to = last.at_ms.saturating_add(window_ms).saturating_add(1).min(interval.to().get());
        view.postings(first.site, from, to, &mut postings)?;
        visit(&Stretch { site: first.site, own, postings: &postings });
    }
    Ok(())
}

/// The scans of the subjects `ids`, whose ranks are their places, each from its own time on. In order.
pub(crate) fn own_scans(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    from: impl Fn(usize) -> TimeMs,
) -> Result<Vec<Own>, TraceError> {
    // Neighbours' trails lie together.
    let mut ranked: Vec<(u32, u32)> = ids.iter().copied().zip(0..).collect();
    ranked.sort_unstable();
    let sorted: Vec<u32> = ranked.iter().map(|(id, _)| *id).collect();
    let mut own = Vec::new();
    view.trails(&sorted, interval, |place, row| {
        let rank = ranked[place].1;
        if row.at_ms >= from(rank as usize).get() {
            own.push(Own { site: row.site, at_ms: row.at_ms, rank });
        }
    })?;
    own.sort_unstable();
    Ok(own)
}
