//! Days of which scans are gone, and why: so that an answer says which days it does not cover, and a
//! verification tells what was dropped from what was lost.

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::utoipa::{self, ToSchema};

use crate::error::EngineError;
use crate::index::keys;
use crate::partition::manifest::{Manifest, RunEntry};
use crate::partition::plan::{Span, day_of};
use crate::store::{Base, Store};

/// Why scans are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = IncompleteWhy)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// By retention, or because an operator asked.
    Dropped,
    /// Their file was missing or could not be read.
    Lost,
}

/// Stretches of days of which scans are gone. Those that touch and are alike are one, so there are never
/// more than there are days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Gaps(Vec<Gap>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Gap {
    from_day: i32,
    to_day: i32,
    why: Why,
    /// Imported scans, or those of devices.
    imported: bool,
    scans: u64,
}

impl Gaps {
    /// Notes that a run is gone, and for which days.
    pub(crate) fn note(&mut self, span: Span, why: Why, run: &RunEntry) {
        let imported = run.imported;
        let mut new = Gap { from_day: span.from, to_day: span.to, why, imported, scans: run.scans };
        self.0.retain(|gap| {
            let is_alike = (gap.why, gap.imported) == (why, imported);
            let touches = gap.from_day <= new.to_day && new.from_day <= gap.to_day;
            if is_alike && touches {
                new.from_day = new.from_day.min(gap.from_day);
                new.to_day = new.to_day.max(gap.to_day);
                new.scans += gap.scans;
            }
            !(is_alike && touches)
        });
        self.0.push(new);
        self.0.sort_by_key(|gap| (gap.from_day, gap.why, gap.imported));
    }

    /// The stretches of days that the interval touches, whole, in order.
    pub(crate) fn within(&self, from_ms: i64, to_ms: i64) -> Vec<(Span, Why)> {
        let days = |gap: &Gap| (gap.why, Span { from: gap.from_day, to: gap.to_day });
        let mut found: Vec<(Why, Span)> = self.0.iter().map(days).collect();
        found.sort_unstable();
        let mut joined: Vec<(Span, Why)> = Vec::new();
        for (why, span) in found {
            match joined.last_mut() {
                Some((last, of)) if *of == why && span.from <= last.to => last.to = last.to.max(span.to),
                _ => joined.push((span, why)),
            }
        }
        joined.retain(|(span, _)| from_ms < to_ms && span.start_ms() < to_ms && from_ms < span.end_ms());
        joined.sort_unstable();
        joined
    }

    /// Number of devices' scans that are gone.
    pub(crate) fn device_scans(&self) -> u64 {
        self.0.iter().filter(|gap| !gap.imported).map(|gap| gap.scans).sum()
    }
}

/// Takes runs out of the manifest whose files the store does not have, and notes their days as lost.
pub(crate) fn note_lost(store: &Store, manifest: &mut Manifest) -> Result<(), EngineError> {
    let stored: Vec<u32> = store.stored_runs()?.into_iter().map(|(_, run)| run).collect();
    let mut is_changed = false;
    let Manifest { partitions, gaps, .. } = manifest;
    for run in partitions.iter_mut().flat_map(|p| p.runs.extract_if(.., |r| !stored.contains(&r.number))) {
        let days = Span { from: day_of(run.min_ms), to: day_of(run.max_ms) + 1 };
        let (from, to) = (TimeMs::new(days.start_ms()), TimeMs::new(days.end_ms()));
        let files = store.given_up().iter().filter(|(number, _)| *number == run.number);
        let file = files.map(|(_, path)| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let (number, scans) = (run.number, run.scans);
        tracing::error!(
            run = number, %file, %from, %to, scans,
            "the file of a run is missing or cannot be read: its scans are lost; restore a backup that has them"
        );
        gaps.note(days, Why::Lost, &run);
        is_changed = true;
    }
    if !is_changed {
        return Ok(());
    }
    partitions.retain(|partition| !partition.runs.is_empty());
    let mut changes = store.changes();
    changes.put(Base::Meta, &keys::MANIFEST, &manifest.to_bytes());
    changes.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(imported: bool) -> RunEntry {
        RunEntry {
            number: 1,
            family: 1,
            scans: 10,
            min_ms: 0,
            max_ms: 0,
            group_shift: 0,
            imported,
            rollup_tree: None,
            part_bytes: Default::default(),
            file_bytes: 0,
            file_digest: String::new(),
        }
    }

    #[test]
    fn days_that_touch_are_one_stretch_and_are_told_whole() {
        let span = |from, to| Span { from, to };
        let mut gaps = Gaps::default();
        for (from, to, why, imported) in [
            (5, 6, Why::Dropped, false),
            (8, 9, Why::Dropped, false),
            (6, 7, Why::Dropped, false),
            (7, 8, Why::Dropped, true),
            (8, 9, Why::Lost, false),
        ] {
            gaps.note(span(from, to), why, &run(imported));
        }
        assert_eq!(gaps.0.len(), 4);
        let day = |n: i64| n * 86_400_000;
        let told = [(span(5, 9), Why::Dropped), (span(8, 9), Why::Lost)];
        assert_eq!(gaps.within(day(0), day(20)), told);
        assert_eq!(gaps.within(day(8), day(20)), [(span(5, 9), Why::Dropped), (span(8, 9), Why::Lost)]);
        assert_eq!(gaps.within(day(0), day(5)), []);
        assert_eq!(gaps.within(day(5), day(5)), []);
        assert_eq!(gaps.device_scans(), 40);
    }
}
