//! The scans near given scans: for each site, the given scans' windows joined into stretches, and every
//! stretch read once in time order.

use parking_lot::Mutex;
use truyvet_schemas::TimeMs;

use super::explained::Way;
use super::inside::changes;
use super::parallel::on_all_processors;
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

/// Given subjects' scans.
pub(crate) struct OwnScans {
    /// In order.
    pub(crate) scans: Vec<Own>,
    /// Whether any was an `in` or an `out`.
    pub(crate) goes_inside: bool,
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
    view.asking.enter(Way::Sweep);
    let mut postings = Vec::new();
    for own in own.chunk_by(near(window_ms)) {
        read_stretch(view, own, interval, window_ms, &mut postings)?;
        visit(&Stretch { site: own[0].site, own, postings: &postings });
    }
    Ok(())
}

/// The same on all processors, in any order.
pub(crate) fn sweep_wide(
    view: &View<'_>,
    own: &[Own],
    interval: Interval,
    window_ms: i64,
    visit: impl Fn(&Stretch<'_>) + Sync,
) -> Result<(), TraceError> {
    view.asking.enter(Way::Sweep);
    let stretches: Vec<&[Own]> = own.chunk_by(near(window_ms)).collect();
    on_all_processors(stretches.len(), STRETCHES_AT_ONCE, Vec::new, |i, postings| {
        let own = stretches[i];
        read_stretch(view, own, interval, window_ms, postings)?;
        visit(&Stretch { site: own[0].site, own, postings });
        Ok(())
    })
}

fn near(window_ms: i64) -> impl Fn(&Own, &Own) -> bool {
    move |a, b| a.site == b.site && b.at_ms - a.at_ms <= window_ms.saturating_mul(2)
}

fn read_stretch(
    view: &View<'_>,
    own: &[Own],
    interval: Interval,
    window_ms: i64,
    out: &mut Vec<Posting>,
) -> Result<(), TraceError> {
    debug_assert!(own.is_sorted());
    let (first, last) = (own[0], own[own.len() - 1]);
    let from = first.at_ms.saturating_sub(window_ms).max(interval.from().get());
    let to = last.at_ms.saturating_add(window_ms).saturating_add(1).min(interval.to().get());
    view.postings(first.site, from, to, out)
}

/// The scans of the subjects `ids`, whose ranks are their places, each from its own time on.
pub(crate) fn own_scans(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    from: impl Fn(usize) -> TimeMs + Sync,
) -> Result<OwnScans, TraceError> {
    // Neighbours' trails lie together.
    let mut ranked: Vec<(u32, u32)> = ids.iter().copied().zip(0..).collect();
    ranked.sort_unstable();
    let sorted: Vec<u32> = ranked.iter().map(|(id, _)| *id).collect();
    let found = Mutex::new(OwnScans { scans: Vec::new(), goes_inside: false });
    let pieces: Vec<&[u32]> = sorted.chunks(SUBJECTS_AT_ONCE).collect();
    on_all_processors(
        pieces.len(),
        1,
        || (),
        |piece, ()| {
            let (mut own, mut goes_inside) = (Vec::new(), false);
            let start = piece * SUBJECTS_AT_ONCE;
            view.trails(pieces[piece], interval, |place, row, _| {
                let rank = ranked[start + place].1;
                if row.at_ms >= from(rank as usize).get() {
                    own.push(Own { site: row.site, at_ms: row.at_ms, rank });
                    goes_inside |= changes(row.flags);
                }
            })?;
            let mut found = found.lock();
            found.scans.append(&mut own);
            found.goes_inside |= goes_inside;
            Ok(())
        },
    )?;
    let mut own = found.into_inner();
    own.scans.sort_unstable();
    Ok(own)
}

/// Given scans from which on a sweep is worth a second thread.
pub(crate) const WIDE_SCANS: usize = 256;

/// Subjects whose trails a thread reads before it takes more.
const SUBJECTS_AT_ONCE: usize = 512;

/// Stretches that a thread takes at once: neighbours are at one site.
const STRETCHES_AT_ONCE: usize = 64;
