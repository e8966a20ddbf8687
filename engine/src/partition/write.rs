//! Sorted scans made into a run's file: posting leaves as they come, then trails, rollups, directory.
//!
//! ```text
//! leaves, site by site -> posting leaves -> file
//!         of each scan its subject -> column, in memory or spilled
//! column, once a pass: pointers of a range of groups -> trail leaves -> file
//! ```
//!
//! Trails are made by passes over the column of subjects, as many as [`Store::writer_bytes`] asks
//! for, so that memory is bounded however large the day is.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

use tempfile::SpooledTempFile;

use crate::error::EngineError;
use crate::index::directory::Directory;
use crate::index::keys;
use crate::index::postings::{LEAF_SCANS_MAX, LeafEncoder};
use crate::index::rollups::{self, Areas};
use crate::index::rows::{FullPosting, Rows};
use crate::index::trails::{self, Pointer};
use crate::partition::manifest::{PartBytes, RunEntry};
use crate::store::{SortedFile, Store};

/// A finished run that no manifest names yet.
#[derive(Debug)]
pub(crate) struct NewRun {
    pub(crate) entry: RunEntry,
    pub(crate) file: PathBuf,
}

/// What a run is to be.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'p> {
    pub(crate) number: u32,
    /// The family that it goes to.
    pub(crate) family: u32,
    pub(crate) imported: bool,
    /// About how many scans.
    pub(crate) scans: u64,
    /// One above the highest subject.
    pub(crate) ids_end: u32,
    /// Areas that get rollups.
    pub(crate) areas: Option<&'p Areas>,
}

/// Writes a run; `fill` hands over its leaves.
pub(crate) fn write_run(
    store: &Store,
    plan: Plan<'_>,
    fill: impl FnOnce(&mut RunWriter<'_, '_>) -> Result<(), EngineError>,
) -> Result<NewRun, EngineError> {
    let sorted = store.write_sorted_file(&format!("run-{}", plan.number), |file| {
        let mut writer = RunWriter::new(file, plan, store);
        fill(&mut writer)?;
        writer.finish()
    })?;
    let entry = RunEntry { file_bytes: sorted.bytes, file_digest: sorted.digest, ..sorted.filled };
    Ok(NewRun { entry, file: sorted.path })
}

/// Hands over the rows at `picked`, which are in order of arrival.
pub(crate) fn write_rows(
    writer: &mut RunWriter<'_, '_>,
    rows: &Rows,
    picked: &[u32],
) -> Result<(), EngineError> {
    let mut order: Vec<(u32, u32)> = picked.iter().map(|i| (rows.site[*i as usize], *i)).collect();
    radsort::sort_by_key(&mut order, |(site, _)| *site);
    let mut of_site: Vec<FullPosting> = Vec::new();
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        of_site.clear();
        of_site.extend(group.iter().map(|(_, i)| rows.posting(*i as usize)));
        if !of_site.is_sorted_by_key(FullPosting::order) {
            of_site.sort_by_key(FullPosting::order);
        }
        for leaf in of_site.chunks(LEAF_SCANS_MAX) {
            writer.leaf(group[0].0, leaf)?;
        }
    }
    Ok(())
}

/// Writes a run's entries in the order of their keys.
pub(crate) struct RunWriter<'f, 'a> {
    file: &'f mut SortedFile<'a>,
    plan: Plan<'f>,
    shift: u8,
    encoder: LeafEncoder,
    directory: Directory,
    min_ms: i64,
    max_ms: i64,
    subjects: SubjectColumn,
    rollups: Option<rollups::Builder<'f>>,
    bytes: PartBytes,
}

impl<'f, 'a> RunWriter<'f, 'a> {
    fn new(file: &'f mut SortedFile<'a>, plan: Plan<'f>, store: &Store) -> Self {
        let shift = trails::choose_shift(plan.scans, u64::from(plan.ids_end));
        Self {
            file,
            plan,
            shift,
            encoder: LeafEncoder::default(),
            directory: Directory::default(),
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            subjects: SubjectColumn::new(store, shift),
            rollups: plan.areas.map(rollups::Builder::new),
            bytes: PartBytes::default(),
        }
    }

    /// Writes the next leaf: scans of one site, in order. Sites ascend.
    pub(crate) fn leaf(&mut self, site: u32, rows: &[FullPosting]) -> Result<(), EngineError> {
        self.min_ms = self.min_ms.min(rows[0].at_ms);
        self.max_ms = self.max_ms.max(rows[rows.len() - 1].at_ms);
        let number = self.directory.push(site, rows);
        if let Some(rollups) = &mut self.rollups {
            rollups.add(site, rows);
        }
        self.subjects.push(rows)?;
        let bytes = self.encoder.encode(rows, !self.plan.imported);
        self.bytes.postings += bytes.len() as u64;
        self.file.put(&keys::posting(self.plan.number, number), &bytes)
    }

    /// Writes the trails, the rollups and the directory.
    fn finish(mut self) -> Result<RunEntry, EngineError> {
        self.subjects.finish()?;
        let mut groups = 0..0;
        while let Some(next) = self.subjects.next_pass(groups.end) {
            self.write_trails(next.clone())?;
            groups = next;
        }
        let rollup_tree = self.write_rollups()?;
        self.file.put(&keys::directory(self.plan.number), &self.directory.encode())?;
        Ok(RunEntry {
            number: self.plan.number,
            family: self.plan.family,
            scans: self.directory.scans(),
            min_ms: self.min_ms,
            max_ms: self.max_ms,
            group_shift: self.shift,
            imported: self.plan.imported,
            rollup_tree,
            part_bytes: self.bytes,
            file_bytes: 0,
            file_digest: String::new(),
        })
    }

    /// Writes the trails of a range of groups: every scan's pointer goes to its group's place, then each
    /// group is put in order of subjects.
    fn write_trails(&mut self, groups: std::ops::Range<usize>) -> Result<(), EngineError> {
        let counts = &self.subjects.group_counts[groups.clone()];
        let mut ends = Vec::with_capacity(counts.len());
        let mut total = 0;
        for count in counts {
            ends.push(total);
            total += *count as usize;
        }
        let mut pointers = vec![Pointer::default(); total];
        let shift = self.shift;
        self.subjects.read(&self.directory, |pointer| {
            let group = (pointer.subject >> shift) as usize;
            if groups.contains(&group) {
                let end = &mut ends[group - groups.start];
                pointers[*end] = pointer;
                *end += 1;
            }
        })?;
        let mut start = 0;
        let mut firsts = Vec::new();
        for (group, end) in groups.zip(ends) {
            let of_group = &mut pointers[start..end];
            start = end;
            if !of_group.is_empty() {
                // Stable: a subject's stay in the order of the postings, so the first of a leaf comes first.
                of_group.sort_by_key(|pointer| pointer.subject);
                firsts.clear();
                firsts.extend_from_slice(of_group);
                firsts.dedup_by_key(|pointer| (pointer.subject, pointer.leaf));
                let bytes = trails::encode_leaf(&firsts);
                self.bytes.trails += bytes.len() as u64;
                self.file.put(&keys::trail(self.plan.number, group as u32), &bytes)?;
            }
        }
        Ok(())
    }

    fn write_rollups(&mut self) -> Result<Option<u64>, EngineError> {
        let Some(rollups) = self.rollups.take() else { return Ok(None) };
        for ((area, day), bytes) in rollups.finish() {
            self.bytes.rollups += bytes.len() as u64;
            self.file.put(&keys::rollup(self.plan.number, area, day), &bytes)?;
        }
        Ok(self.plan.areas.map(|areas| areas.tree))
    }
}

/// The subject of every scan, in the order of the postings; past a number of bytes in a file.
struct SubjectColumn {
    shift: u8,
    writer: Option<BufWriter<SpooledTempFile>>,
    file: Option<SpooledTempFile>,
    group_counts: Vec<u32>,
    pointers_max: usize,
}

impl SubjectColumn {
    fn new(store: &Store, shift: u8) -> Self {
        let file = SpooledTempFile::new_in(store.writer_bytes(), store.scratch());
        let writer = Some(BufWriter::with_capacity(LEAF_SCANS_MAX * 16, file));
        let pointers_max = store.writer_bytes() / size_of::<Pointer>();
        Self { shift, writer, file: None, group_counts: Vec::new(), pointers_max }
    }

    fn push(&mut self, rows: &[FullPosting]) -> Result<(), EngineError> {
        let writer = self.writer.as_mut().expect("pushed to before it is finished");
        for row in rows {
            let group = (row.subject >> self.shift) as usize;
            if group >= self.group_counts.len() {
                self.group_counts.resize(group + 1, 0);
            }
            self.group_counts[group] += 1;
            writer.write_all(&row.subject.to_le_bytes()).map_err(spill_failed)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        let writer = self.writer.take().expect("finished once");
        self.file = Some(writer.into_inner().map_err(|error| spill_failed(error.into_error()))?);
        Ok(())
    }

    /// The groups of the next pass, from group `start` on: as many as fit, and one at least.
    fn next_pass(&self, start: usize) -> Option<std::ops::Range<usize>> {
        let mut pointers = 0;
        let fits = |count: &&u32| {
            let is_first = pointers == 0;
            pointers += **count as usize;
            is_first || pointers <= self.pointers_max
        };
        let groups = self.group_counts[start..].iter().take_while(fits).count();
        (groups > 0).then(|| start..start + groups)
    }

    /// Hands over a pointer to every scan, in the order of the postings.
    fn read(&mut self, directory: &Directory, mut pointer: impl FnMut(Pointer)) -> Result<(), EngineError> {
        let file = self.file.as_mut().expect("finished before it is read");
        file.rewind().map_err(spill_failed)?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut bytes = [0; LEAF_SCANS_MAX * 4];
        for (leaf, count) in (0u32..).zip(directory.counts()) {
            let bytes = &mut bytes[..*count as usize * 4];
            reader.read_exact(bytes).map_err(spill_failed)?;
            let (subjects, _) = bytes.as_chunks::<4>();
            for (place, subject) in (0u16..).zip(subjects) {
                pointer(Pointer { subject: u32::from_le_bytes(*subject), leaf, place });
            }
        }
        Ok(())
    }
}

fn spill_failed(error: io::Error) -> EngineError {
    EngineError::Store(format!("a temporary file of subjects: {error}; free space on the data directory"))
}
