//! Rows made into a run: sorted by site and time for the postings, by subject and time for the trails.

use std::path::PathBuf;

use crate::error::EngineError;
use crate::index::keys;
use crate::index::postings::{self, Directory, LEAF_SCANS_MAX};
use crate::index::rollups::{self, Areas};
use crate::index::rows::{FullPosting, Rows, TrailRow};
use crate::index::trails;
use crate::partition::manifest::RunEntry;
use crate::store::{SortedFile, Store};

/// A finished run that no manifest names yet.
#[derive(Debug)]
pub(crate) struct NewRun {
    pub(crate) entry: RunEntry,
    pub(crate) file: PathBuf,
}

/// Writes the rows at `picked` as run `number`.
pub(crate) fn write_run(
    store: &Store,
    number: u32,
    rows: &Rows,
    picked: &[u32],
    imported: bool,
) -> Result<NewRun, EngineError> {
    let shift = trails::choose_shift(picked.len() as u64, ids_end(rows, picked));
    let (file, entry) = store.write_sorted_file(&format!("run-{number}"), |file| {
        let mut writer = RunWriter::new(file, number, shift, None);
        write_postings(&mut writer, rows, picked)?;
        write_trails(&mut writer, rows, picked)?;
        writer.finish(imported)
    })?;
    Ok(NewRun { entry, file })
}

fn ids_end(rows: &Rows, picked: &[u32]) -> u64 {
    picked.iter().map(|i| u64::from(rows.subject[*i as usize]) + 1).max().unwrap_or(0)
}

fn write_postings(writer: &mut RunWriter<'_, '_>, rows: &Rows, picked: &[u32]) -> Result<(), EngineError> {
    let order = order_by(&rows.site, picked);
    let mut site_rows: Vec<FullPosting> = Vec::new();
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        site_rows.clear();
        site_rows.extend(group.iter().map(|(_, i)| posting(rows, *i as usize)));
        writer.site(group[0].0, &mut site_rows)?;
    }
    Ok(())
}

fn write_trails(writer: &mut RunWriter<'_, '_>, rows: &Rows, picked: &[u32]) -> Result<(), EngineError> {
    let order = order_by(&rows.subject, picked);
    let shift = writer.shift;
    let mut group_rows: Vec<(u32, TrailRow)> = Vec::new();
    for group in order.chunk_by(|a, b| a.0 >> shift == b.0 >> shift) {
        group_rows.clear();
        group_rows.extend(group.iter().map(|(subject, i)| (*subject, trail_row(rows, *i as usize))));
        writer.group(&mut group_rows)?;
    }
    Ok(())
}

/// The picked rows as (value of the column, row), by value, rows of one value in their own order.
fn order_by(column: &[u32], picked: &[u32]) -> Vec<(u32, u32)> {
    let mut order: Vec<(u32, u32)> = picked.iter().map(|i| (column[*i as usize], *i)).collect();
    radsort::sort_by_key(&mut order, |(value, _)| *value);
    order
}

fn posting(rows: &Rows, i: usize) -> FullPosting {
    FullPosting {
        at_ms: rows.at_ms[i],
        subject: rows.subject[i],
        flags: rows.flags[i],
        device: rows.device[i],
        seq: rows.seq[i],
    }
}

fn trail_row(rows: &Rows, i: usize) -> TrailRow {
    TrailRow { at_ms: rows.at_ms[i], site: rows.site[i], flags: rows.flags[i] }
}

/// Writes a run's entries in the order of their keys: every site, then every group, then the
/// rest.
pub(crate) struct RunWriter<'f, 'a> {
    file: &'f mut SortedFile<'a>,
    number: u32,
    shift: u8,
    directory: Directory,
    min_ms: i64,
    max_ms: i64,
    trail_rows: u64,
    rollups: Option<rollups::Builder<'f>>,
}

impl<'f, 'a> RunWriter<'f, 'a> {
    /// With `areas`, the run gets rollups for them.
    pub(crate) fn new(
        file: &'f mut SortedFile<'a>,
        number: u32,
        shift: u8,
        areas: Option<&'f Areas>,
    ) -> Self {
        Self {
            file,
            number,
            shift,
            directory: Directory::default(),
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            trail_rows: 0,
            rollups: areas.map(rollups::Builder::new),
        }
    }

    pub(crate) fn shift(&self) -> u8 {
        self.shift
    }

    /// Writes all scans of the next site; sites ascend. Sorts them by time.
    pub(crate) fn site(&mut self, site: u32, rows: &mut [FullPosting]) -> Result<(), EngineError> {
        if !rows.is_sorted_by_key(|row| row.at_ms) {
            rows.sort_by_key(|row| row.at_ms);
        }
        if let Some(rollups) = &mut self.rollups {
            rollups.add_site(site, rows);
        }
        for (n, leaf) in rows.chunks(LEAF_SCANS_MAX).enumerate() {
            self.min_ms = self.min_ms.min(leaf[0].at_ms);
            self.max_ms = self.max_ms.max(leaf[leaf.len() - 1].at_ms);
            self.directory.push(site, leaf);
            let key = keys::posting(self.number, site, n as u32);
            self.file.put(&key, &postings::encode_leaf(leaf))?;
        }
        Ok(())
    }

    /// Writes all scans of the next group of subjects; groups ascend. Sorts them by subject and time.
    pub(crate) fn group(&mut self, rows: &mut [(u32, TrailRow)]) -> Result<(), EngineError> {
        let Some((subject, _)) = rows.first() else { return Ok(()) };
        let key = keys::trail(self.number, subject >> self.shift);
        if !rows.is_sorted_by_key(|(subject, row)| (*subject, row.at_ms)) {
            rows.sort_by_key(|(subject, row)| (*subject, row.at_ms));
        }
        self.trail_rows += rows.len() as u64;
        self.file.put(&key, &trails::encode_leaf(rows))
    }

    /// Writes the rollups and the directory.
    pub(crate) fn finish(mut self, imported: bool) -> Result<RunEntry, EngineError> {
        let scans = self.directory.scans();
        assert_eq!(scans, self.trail_rows, "postings and trails of a run hold the same scans");
        let rollup_tree = self.write_rollups()?;
        self.file.put(&keys::directory(self.number), &self.directory.encode())?;
        Ok(RunEntry {
            number: self.number,
            scans,
            min_ms: self.min_ms,
            max_ms: self.max_ms,
            group_shift: self.shift,
            imported,
            rollup_tree,
        })
    }

    fn write_rollups(&mut self) -> Result<Option<u64>, EngineError> {
        let Some(rollups) = self.rollups.take() else { return Ok(None) };
        let (tree, rollups) = rollups.finish();
        for ((area, day), rollup) in rollups {
            self.file.put(&keys::rollup(self.number, area, day), &rollup.encode())?;
        }
        Ok(Some(tree))
    }
}
