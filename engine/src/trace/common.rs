//! Where many of the given subjects were.

use std::cmp::Reverse;

use super::answer::{Cell, CommonAnswer};
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
        let mut cells = Vec::with_capacity(counted.len());
        for Counted { site, start, given } in counted {
            let all = count_all(&view, site, start, question.interval, cell_ms)?;
            let site = view.site_code(site);
            cells.push(Cell { site, from: start, to: start.saturating_add(cell_ms), given, all });
        }
        let order = |cell: &Cell| (Reverse(cell.given), cell.all, cell.from);
        cells.sort_unstable_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.site.cmp(&b.site)));
        cells.truncate(question.top);
        let incomplete = view.incomplete(question.interval);
        Ok(CommonAnswer { cells, unknown: asked.unknown, incomplete })
    }
}

/// A cell and its number of given subjects.
struct Counted {
    site: u32,
    start: i64,
    given: u64,
}

fn count_given(
    view: &View<'_>,
    ids: &[u32],
    interval: Interval,
    cell_ms: i64,
) -> Result<Vec<Counted>, TraceError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable(); // neighbours' trails lie together
    let mut seen: Vec<(u32, i64, u32)> = Vec::new();
    let cell = |at: i64| at.div_euclid(cell_ms).saturating_mul(cell_ms);
    view.trails(&sorted, interval, |place, row| seen.push((row.site, cell(row.at_ms), place as u32)))?;
    seen.sort_unstable();
    seen.dedup();
    let cells = seen.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    Ok(cells.map(|cell| Counted { site: cell[0].0, start: cell[0].1, given: cell.len() as u64 }).collect())
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

fn count_all(
    view: &View<'_>,
    site: u32,
    start: i64,
    interval: Interval,
    cell_ms: i64,
) -> Result<u64, TraceError> {
    let from = start.max(interval.from().get());
    let to = start.saturating_add(cell_ms).min(interval.to().get());
    let mut postings = Vec::new();
    view.postings(site, from, to, &mut postings)?;
    let mut subjects: Vec<u32> = postings.iter().map(|posting| posting.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    Ok(subjects.len() as u64)
}
