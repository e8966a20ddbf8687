//! The newest of several lists, each of which tells the newest first.

use std::collections::BTreeMap;

use super::{Registry, RegistryError, damaged, keys};
use crate::error::EngineError;
use crate::store::Entry;

/// The newest numbers of the lists that were taken, each once, with a value.
pub(super) struct Newest<T> {
    limit: usize,
    kept: BTreeMap<u64, T>,
}

impl<T> Newest<T> {
    /// Keeps at most so many.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: BTreeMap::new() }
    }

    /// Takes a list, and reads it no further than it counts. `value` makes that of an entry, of what is kept under
    /// the same number and the entry's own.
    pub(super) fn take(
        &mut self,
        entries: impl Iterator<Item = Result<Entry, EngineError>>,
        value: impl Fn(Option<&T>, &[u8]) -> Result<T, EngineError>,
    ) -> Result<(), RegistryError> {
        for entry in entries.take(self.limit) {
            let (key, bytes) = entry?;
            let number = keys::newest_first(&key).ok_or_else(|| damaged("a list of numbers"))?;
            // What is older than all that are kept was never among the newest, or is no more.
            let is_older = self.kept.first_key_value().is_some_and(|(oldest, _)| number < *oldest);
            if self.kept.len() == self.limit && is_older {
                break;
            }
            let made = value(self.kept.get(&number), &bytes)?;
            self.kept.insert(number, made);
            if self.kept.len() > self.limit {
                self.kept.pop_first();
            }
        }
        Ok(())
    }

    /// The newest first.
    pub(super) fn into_numbers(self) -> impl Iterator<Item = (u64, T)> {
        self.kept.into_iter().rev()
    }
}

impl Registry {
    /// The newest numbers of several lists (what their keys begin with, and where to begin); at most `limit`.
    pub(super) fn newest_numbers(
        &self,
        lists: impl IntoIterator<Item = (keys::Key, keys::Key)>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let mut newest = Newest::new(limit);
        for (prefix, start) in lists {
            newest.take(self.table.scan(&prefix, &start), |_, _| Ok(()))?;
        }
        Ok(newest.into_numbers().map(|(number, ())| number).collect())
    }
}
