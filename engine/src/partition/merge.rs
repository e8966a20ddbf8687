//! Several runs made into one, a site and a group at a time, so that memory is bounded by the largest
//! site and not by the day.

use std::collections::BTreeSet;
use std::iter::Peekable;

use crate::error::EngineError;
use crate::index::rollups::Areas;
use crate::index::rows::{FullPosting, TrailRow};
use crate::index::trails;
use crate::partition::run::Run;
use crate::partition::write::{NewRun, RunWriter};
use crate::store::Store;

/// Writes all scans of `runs` as run `number`; `ids_end` is above every subject's id. With
/// `areas`, the run gets rollups for them.
pub(crate) fn merge_runs(
    store: &Store,
    number: u32,
    runs: &[&Run],
    ids_end: u32,
    areas: Option<&Areas>,
    imported: bool,
) -> Result<NewRun, EngineError> {
    let scans: u64 = runs.iter().map(|run| run.entry.scans).sum();
    let shift = trails::choose_shift(scans, u64::from(ids_end));
    let (file, entry) = store.write_sorted_file(&format!("run-{number}"), |file| {
        let mut writer = RunWriter::new(file, number, shift, areas);
        merge_postings(store, &mut writer, runs)?;
        merge_trails(store, &mut writer, runs)?;
        writer.finish(imported)
    })?;
    assert_eq!(entry.scans, scans, "a merge keeps every scan");
    Ok(NewRun { entry, file })
}

fn merge_postings(store: &Store, writer: &mut RunWriter<'_, '_>, runs: &[&Run]) -> Result<(), EngineError> {
    let mut sites = BTreeSet::new();
    for run in runs {
        sites.extend(run.directory(store)?.sites().map(|(site, _)| site));
    }
    let mut rows: Vec<FullPosting> = Vec::new();
    for site in sites {
        rows.clear();
        for run in runs {
            run.full_postings(store, site, i64::MIN, i64::MAX, &mut rows)?;
        }
        writer.site(site, &mut rows)?;
    }
    Ok(())
}

fn merge_trails(store: &Store, writer: &mut RunWriter<'_, '_>, runs: &[&Run]) -> Result<(), EngineError> {
    let mut cursors = Vec::with_capacity(runs.len());
    for run in runs {
        let leaves = run.trail_leaves(store)?;
        cursors.push(Cursor { rows: Flatten::new(leaves).peekable() });
    }
    let mut group: Vec<(u32, TrailRow)> = Vec::new();
    loop {
        let mut next_subject = None;
        for cursor in &mut cursors {
            let subject = cursor.subject()?;
            next_subject = [next_subject, subject].into_iter().flatten().min();
        }
        let Some(subject) = next_subject else { return Ok(()) };
        let last = subject >> writer.shift() << writer.shift() | ((1 << writer.shift()) - 1);
        group.clear();
        for cursor in &mut cursors {
            cursor.take_through(last, &mut group)?;
        }
        writer.group(&mut group)?;
    }
}

/// One run's trail rows, in order of subjects.
struct Cursor<I: Iterator<Item = Result<(u32, TrailRow), EngineError>>> {
    rows: Peekable<I>,
}

impl<I: Iterator<Item = Result<(u32, TrailRow), EngineError>>> Cursor<I> {
    fn subject(&mut self) -> Result<Option<u32>, EngineError> {
        match self.rows.next_if(Result::is_err) {
            Some(Err(error)) => Err(error),
            _ => Ok(self.rows.peek().and_then(|row| row.as_ref().ok()).map(|(subject, _)| *subject)),
        }
    }

    fn take_through(&mut self, last: u32, out: &mut Vec<(u32, TrailRow)>) -> Result<(), EngineError> {
        while let Some(row) =
            self.rows.next_if(|row| row.as_ref().map_or(true, |(subject, _)| *subject <= last))
        {
            out.push(row?);
        }
        Ok(())
    }
}

/// Rows out of leaves of rows, errors passed on.
struct Flatten<I> {
    leaves: I,
    rows: std::vec::IntoIter<(u32, TrailRow)>,
}

impl<I> Flatten<I> {
    fn new(leaves: I) -> Self {
        Self { leaves, rows: Vec::new().into_iter() }
    }
}

impl<I: Iterator<Item = Result<Vec<(u32, TrailRow)>, EngineError>>> Iterator for Flatten<I> {
    type Item = Result<(u32, TrailRow), EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.leaves.next()? {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
