//! A subject's trail.

use smol_str::SmolStr;

use super::answer::{TrailAnswer, TrailScan};
use super::explained::Way;
use super::question::Trail;
use super::view::View;
use crate::engine::Engine;
use crate::error::TraceError;
use crate::index::rows::{TrailRow, flags};

impl Engine {
    /// The subject's scans in time order; ties by site's code, then device, then seq.
    ///
    /// # Errors
    /// The store fails.
    pub fn trail(&self, question: &Trail) -> Result<TrailAnswer, TraceError> {
        let view = View::new(self);
        let incomplete = view.incomplete(question.interval);
        let Some(subject) = view.subject(&question.subject) else {
            let unknown = vec![question.subject.clone()];
            return Ok(TrailAnswer { unknown, incomplete, ..TrailAnswer::default() });
        };
        let mut rows = Vec::new();
        view.trail(subject, question.interval, &mut rows)?;
        for ties in rows.chunk_by_mut(|a, b| (a.at_ms, a.site) == (b.at_ms, b.site)) {
            view.order_ties(subject, ties)?;
        }
        view.asking.enter(Way::Telling);
        let mut scans: Vec<TrailScan> = rows.iter().map(|row| told(&view, row)).collect();
        scans.sort_by(|a, b| (a.at, &a.site).cmp(&(b.at, &b.site)));
        Ok(TrailAnswer { scans, unknown: Vec::new(), incomplete })
    }
}

fn told(view: &View<'_>, row: &TrailRow) -> TrailScan {
    TrailScan {
        at: row.at_ms,
        site: view.site_code(row.site),
        direction: SmolStr::new_static(flags::direction(row.flags).as_str()),
        verdict: SmolStr::new_static(flags::verdict(row.flags).as_str()),
    }
}
