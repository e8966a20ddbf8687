//! A run's parts: each parses, is in order, and agrees with the others and with the manifest.

use super::report::At;
use super::rollups::Rollups;
use super::trails::{self, Sum};
use super::{Checker, at_run};
use crate::error::EngineError;
use crate::index::directory::Directory;
use crate::index::keys;
use crate::index::postings::{Leaf, Scratch};
use crate::index::rows::FullPosting;
use crate::partition::plan::{Span, day_of};
use crate::partition::run::Run;

pub(super) fn check(checker: &mut Checker<'_>, span: Span, run: &Run) -> Result<(), EngineError> {
    let at = at_run(span, run);
    let store = &checker.shared.store;
    // From the disk, not the copy that questions use.
    let read = run.read(store, &keys::directory(run.entry.number), Directory::parse);
    let directory = match read {
        Ok(Some(Some(directory))) => directory,
        Ok(_) => {
            checker.damage("directory", at, "missing or unreadable; nothing else of the run was checked");
            return Ok(());
        }
        Err(error) => {
            checker.damage("directory", at, error);
            return Ok(());
        }
    };
    if directory.scans() != run.entry.scans {
        let what = format!("{} scans, the manifest has {}", directory.scans(), run.entry.scans);
        checker.damage("directory", at, what);
    }
    let areas = checker.shared.catalog.site_areas();
    let mut rollups = Rollups::new(run, &areas);
    let postings = check_postings(checker, span, run, &directory, &mut rollups)?;
    let trails_sum = trails::check(checker, at, run)?;
    if let (Some(postings), Some(trails)) = (postings, trails_sum) {
        if postings != trails {
            let (found, needed) = (trails.pointers(), postings.pointers());
            let what = format!("{found} pointers do not lead to the {needed} places of the postings");
            checker.damage("trails", at, what);
        }
        // With a leaf missing they could not agree.
        rollups.check(checker, at, run)?;
    }
    Ok(())
}

/// Checks all posting leaves; tells where trails must point, if none is damaged.
fn check_postings(
    checker: &mut Checker<'_>,
    span: Span,
    run: &Run,
    directory: &Directory,
    rollups: &mut Rollups<'_>,
) -> Result<Option<Sum>, EngineError> {
    let mut reader = LeafReader::default();
    let mut sum = Sum::default();
    let (mut min_ms, mut max_ms, mut is_whole) = (i64::MAX, i64::MIN, true);
    let mut last_site = None;
    for (site, leaves) in directory.sites() {
        let at = at_run(span, run);
        if last_site.is_some_and(|last| last >= site) || leaves.is_empty() {
            checker.damage("directory", at, format!("site {site} is out of order, or has no leaf"));
        }
        if site as usize >= checker.shared.catalog.sites.read().len() {
            checker.damage("directory", at, format!("site {site} is not known"));
        }
        last_site = Some(site);
        let mut last_order = None;
        for leaf in leaves {
            let at = At { leaf: Some(leaf), ..at };
            let bytes = match reader.read(checker, run, leaf) {
                Ok(bytes) => bytes,
                Err(what) => {
                    checker.damage("postings", at, what);
                    is_whole = false;
                    continue;
                }
            };
            let rows = &reader.rows;
            if let Some(what) = wrong(rows, span, directory, leaf, last_order) {
                checker.damage("postings", at, what);
            }
            last_order = rows.last().map(FullPosting::order);
            min_ms = min_ms.min(rows[0].at_ms);
            max_ms = max_ms.max(rows[rows.len() - 1].at_ms);
            sum.add_leaf(leaf, rows);
            check_names(checker, at, rows);
            rollups.add(site, rows);
            checker.report.posting_leaves += 1;
            checker.report.scans += rows.len() as u64;
            checker.advance(bytes)?;
        }
    }
    if is_whole && (min_ms, max_ms) != (run.entry.min_ms, run.entry.max_ms) {
        checker.damage("postings", at_run(span, run), "the first or last scan is not the manifest's");
    }
    Ok(is_whole.then_some(sum))
}

/// Reads posting leaves whole; keeps its memory between them.
#[derive(Default)]
pub(super) struct LeafReader {
    pub(super) rows: Vec<FullPosting>,
    scratch: Scratch,
}

impl LeafReader {
    /// Replaces the rows, and tells how many bytes the leaf has, or what is wrong with it.
    pub(super) fn read(&mut self, checker: &Checker<'_>, run: &Run, leaf: u32) -> Result<u64, String> {
        self.rows.clear();
        let key = keys::posting(run.entry.number, leaf);
        let read = run.read(&checker.shared.store, &key, |bytes| {
            Leaf::parse(bytes)?.read_full(&mut self.scratch, &mut self.rows)?;
            Some(bytes.len() as u64)
        });
        match read {
            Ok(Some(Some(bytes))) => Ok(bytes),
            Ok(Some(None)) => Err("it cannot be decoded".into()),
            Ok(None) => Err("it is missing".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What is wrong with a leaf's rows beside the directory, if anything is.
fn wrong(
    rows: &[FullPosting],
    span: Span,
    directory: &Directory,
    leaf: u32,
    last_order: Option<(i64, u32, u64)>,
) -> Option<&'static str> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Some("it is empty") };
    if rows.len() as u64 != directory.scans_of(leaf) {
        return Some("its number of scans is not the directory's");
    }
    if Some((first.at_ms, last.at_ms)) != directory.times_of(leaf) {
        return Some("its first or last time is not the directory's");
    }
    if !rows.is_sorted_by_key(FullPosting::order) || last_order.is_some_and(|last| last > first.order()) {
        return Some("its scans are out of order");
    }
    let within = span.contains(day_of(first.at_ms)) && span.contains(day_of(last.at_ms));
    (!within).then_some("its scans are of other days than the partition's")
}

/// Subjects have codes, devices are known.
fn check_names(checker: &mut Checker<'_>, at: At<'_>, rows: &[FullPosting]) {
    let catalog = &checker.shared.catalog;
    let nameless = {
        let subjects = catalog.subjects.read();
        rows.iter().find(|row| subjects.code(row.subject).is_empty()).map(|row| row.subject)
    };
    let mut by_device = rows.chunk_by(|a, b| a.device == b.device).map(|rows| rows[0].device);
    let stranger = by_device.find(|device| catalog.devices.state(*device).is_none());
    if let Some(subject) = nameless {
        checker.damage("subjects", at, format!("subject {subject} has no code"));
    }
    if let Some(device) = stranger {
        checker.damage("postings", At { device: Some(device), ..at }, "the device is not known");
    }
}
