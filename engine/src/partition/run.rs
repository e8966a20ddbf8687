//! A run, open for reading.

use std::sync::{Arc, OnceLock};

use crate::error::EngineError;
use crate::index::keys;
use crate::index::postings::{Directory, Leaf};
use crate::index::rollups::Rollup;
use crate::index::rows::{FullPosting, Posting, TrailRow};
use crate::index::trails;
use crate::partition::manifest::RunEntry;
use crate::store::{Family, Store};

/// Sorted scans in a partition's family. Its directory is read at the first question.
pub(crate) struct Run {
    pub(crate) entry: RunEntry,
    family: Arc<Family>,
    directory: OnceLock<Directory>,
}

impl Run {
    pub(crate) fn new(entry: RunEntry, family: Arc<Family>) -> Self {
        Self { entry, family, directory: OnceLock::new() }
    }

    pub(crate) fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        self.entry.min_ms < to_ms && from_ms <= self.entry.max_ms
    }

    /// Appends the site's scans with `from_ms <= at < to_ms`, in time order.
    pub(crate) fn postings(
        &self,
        store: &Store,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<Posting>,
    ) -> Result<(), EngineError> {
        self.leaves(store, site, from_ms, to_ms, |leaf| leaf.read(from_ms, to_ms, out))
    }

    /// Appends the site's scans with `from_ms <= at < to_ms` and where they came from, in time order.
    pub(crate) fn full_postings(
        &self,
        store: &Store,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<FullPosting>,
    ) -> Result<(), EngineError> {
        self.leaves(store, site, from_ms, to_ms, |leaf| leaf.read_full(from_ms, to_ms, out))
    }

    fn leaves(
        &self,
        store: &Store,
        site: u32,
        from_ms: i64,
        to_ms: i64,
        mut read: impl FnMut(Leaf<'_>),
    ) -> Result<(), EngineError> {
        if !self.overlaps(from_ms, to_ms) {
            return Ok(());
        }
        for leaf in self.directory(store)?.leaves(site, from_ms, to_ms) {
            let key = keys::posting(self.entry.number, site, leaf);
            let sound = store.read(self.family.name(), &key, |bytes| Leaf::parse(bytes).map(&mut read))?;
            sound.flatten().ok_or_else(|| self.corrupt("postings"))?;
        }
        Ok(())
    }

    /// Appends the subject's scans with `from_ms <= at < to_ms`, in time order.
    pub(crate) fn trail(
        &self,
        store: &Store,
        subject: u32,
        from_ms: i64,
        to_ms: i64,
        out: &mut Vec<TrailRow>,
    ) -> Result<(), EngineError> {
        if !self.overlaps(from_ms, to_ms) {
            return Ok(());
        }
        let key = keys::trail(self.entry.number, subject >> self.entry.group_shift);
        let read = |bytes: &[u8]| trails::Leaf::parse(bytes)?.read(subject, from_ms, to_ms, out);
        match store.read(self.family.name(), &key, read)? {
            Some(None) => Err(self.corrupt("trails")),
            Some(Some(())) | None => Ok(()),
        }
    }

    /// The area's rollup of a day, where the run has rollups: empty for an area without a scan then.
    pub(crate) fn rollup(&self, store: &Store, area: u32, day: i32) -> Result<Rollup, EngineError> {
        let key = keys::rollup(self.entry.number, area, day);
        match store.read(self.family.name(), &key, Rollup::parse)? {
            Some(rollup) => rollup.ok_or_else(|| self.corrupt("rollups")),
            None => Ok(Rollup::default()),
        }
    }

    /// All trail rows in order of subjects, a leaf at a time.
    pub(crate) fn trail_leaves<'s>(
        &'s self,
        store: &'s Store,
    ) -> Result<impl Iterator<Item = Result<Vec<(u32, TrailRow)>, EngineError>> + use<'s>, EngineError> {
        let (from, to) = keys::trail_bounds(self.entry.number);
        let entries = store.sweep(self.family.name(), &from, &to)?;
        Ok(entries.map(|entry| {
            let (_, value) = entry?;
            let mut rows = Vec::new();
            let read = trails::Leaf::parse(&value).and_then(|leaf| leaf.read_all(&mut rows));
            read.ok_or_else(|| self.corrupt("trails"))?;
            Ok(rows)
        }))
    }

    /// What the run's postings hold.
    pub(crate) fn directory(&self, store: &Store) -> Result<&Directory, EngineError> {
        if let Some(directory) = self.directory.get() {
            return Ok(directory);
        }
        let key = keys::directory(self.entry.number);
        let read = store.read(self.family.name(), &key, Directory::parse)?;
        let directory = read.flatten().ok_or_else(|| self.corrupt("the directory"))?;
        Ok(self.directory.get_or_init(|| directory))
    }

    fn corrupt(&self, part: &str) -> EngineError {
        let what = format!("{part} of run {} in {}", self.entry.number, self.family.name());
        EngineError::Corrupt { what }
    }
}
