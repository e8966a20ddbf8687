//! Where many of the given subjects were.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::answer::{Cell, CommonAnswer};
use super::explained::Way;
use super::parallel::on_all_processors;
use super::question::{Common, Interval};
use super::view::{Asked, View};
use crate::engine::Engine;
use crate::error::TraceError;

impl Engine {
    /// The cells of site and time by the number of distinct given subjects.
    ///
    /// # Errors
    /// The cell has no length, or the store fails.
    pub fn common(&self, question: &Common) -> Result<CommonAnswer, TraceError> {
        let cell_ms = question.cell.as_millis() as i64;
        if cell_ms <= 0 {
            return Err(TraceError::Question("a cell must be at least a millisecond long".into()));
        }
        let view = View::new(self);
        let asked = Asked::new(question.subjects.iter(), |code| view.subject(code));
        let mut counted = count_given(&view, &asked.ids, question.interval, cell_ms)?;
        keep_top(&mut counted, question.top);
        view.asking.enter(Way::Postings);
        count_all(&view, &mut counted, question.interval, cell_ms)?;
        let key = |cell: Counted| (Reverse(cell.given), cell.all, cell.start, cell.site);
        let mut ordered: Vec<_> = counted.into_iter().map(key).collect();
        ordered.sort_unstable();
        // Those alike in all but the site stand by its code, so all that are like the last are wanted.
        if let Some((given, all, start, _)) =
            question.top.checked_sub(1).and_then(|last| ordered.get(last)).copied()
        {
            ordered.truncate(ordered.partition_point(|cell| (cell.0, cell.1, cell.2) <= (given, all, start)));
        }
        let sites = view.site_codes_of(ordered.iter().map(|cell| cell.3));
        let tell = |((Reverse(given), all, from, _), site)| Cell {
            site,
            from,
            to: cell_ms.saturating_add(from),
            given,
            all,
        };
        let mut cells: Vec<Cell> = ordered.into_iter().zip(sites).map(tell).collect();
        let order = |cell: &Cell| (Reverse(cell.given), cell.all, cell.from);
        cells.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.site.cmp(&b.site)));
        cells.truncate(question.top);
        let incomplete = view.incomplete(question.interval);
        Ok(CommonAnswer { cells, unknown: asked.unknown, incomplete })
    }
}

/// A cell, its number of given subjects, and of all, if that is known.
struct Counted {
    site: u32,
    start: i64,
    given: u64,
    all: u64,
}

/// The part of a cell that lies in the interval.
fn within(interval: Interval, start: i64, cell_ms: i64) -> (i64, i64) {
    let end = start.saturating_add(cell_ms);
    (start.max(interval.from().get()), end.min(interval.to().get()))
}

fn count_given(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    cell_ms: i64,
) -> Result<Vec<Counted>, TraceError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable(); // neighbours' trails lie together
    let cell = |at: i64| at.div_euclid(cell_ms).saturating_mul(cell_ms);
    let pieces: Vec<&[u32]> = sorted.chunks(SUBJECTS_AT_ONCE).collect();
    let found = Mutex::new(Vec::new());
    on_all_processors(
        pieces.len(),
        1,
        || (),
        |piece, ()| {
            let mut seen: Vec<(u32, i64, u32, u64)> = Vec::new();
            let start = piece * SUBJECTS_AT_ONCE;
            view.trails(pieces[piece], interval, |place, row, here| {
                let (from, to) = within(interval, cell(row.at_ms), cell_ms);
                // Counted while the leaf is at hand: to come back to it costs four times as much.
                let all = here.and_then(|here| here.count_distinct(from, to)).unwrap_or(UNKNOWN);
                seen.push((row.site, cell(row.at_ms), (start + place) as u32, all));
            })?;
            found.lock().append(&mut seen);
            Ok(())
        },
    )?;
    let mut seen = found.into_inner();
    seen.sort_unstable();
    seen.dedup_by_key(|seen| (seen.0, seen.1, seen.2));
    let cells = seen.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    let counted = |cell: &[(u32, i64, u32, u64)]| {
        let (site, start, _, all) = cell[0];
        Counted { site, start, given: cell.len() as u64, all }
    };
    Ok(cells.map(counted).collect())
}

/// Counts all subjects of the cells where that is not known yet.
fn count_all(
    view: &View<'_>,
    counted: &mut [Counted],
    interval: Interval,
    cell_ms: i64,
) -> Result<(), TraceError> {
    let mut open: Vec<&mut Counted> = counted.iter_mut().filter(|cell| cell.all == UNKNOWN).collect();
    let alls: Vec<AtomicU64> = open.iter().map(|_| AtomicU64::new(0)).collect();
    let places: Vec<(u32, i64)> = open.iter().map(|cell| (cell.site, cell.start)).collect();
    on_all_processors(
        places.len(),
        CELLS_AT_ONCE,
        || (),
        |i, ()| {
            let (site, start) = places[i];
            let (from, to) = within(interval, start, cell_ms);
            alls[i].store(view.count_distinct(site, from, to)?, Ordering::Relaxed);
            Ok(())
        },
    )?;
    open.iter_mut().zip(alls).for_each(|(cell, all)| cell.all = all.into_inner());
    Ok(())
}

/// Keeps every cell that may be among the first `top`: all with at least as many given subjects as the
/// last of them.
fn keep_top(counted: &mut Vec<Counted>, top: usize) {
    if top == 0 {
        return counted.clear();
    }
    if counted.len() > top {
        counted.select_nth_unstable_by_key(top - 1, |cell| Reverse(cell.given));
        let least = counted[top - 1].given;
        counted.retain(|cell| cell.given >= least);
    }
}

/// Subjects whose trails a thread reads at once: few enough that the processors share a hundred evenly.
const SUBJECTS_AT_ONCE: usize = 16;

/// Cells that a thread counts at once: a thread is worth it from some hundred cells on.
const CELLS_AT_ONCE: usize = 128;

/// No cell with a scan has so many subjects.
const UNKNOWN: u64 = u64::MAX;
