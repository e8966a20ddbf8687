//! The watch list: whom checkpoints hold, and why. It names subjects by their codes alone.

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;

use super::audit::Act;
use super::records::text;
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;

/// A subject whom checkpoints are to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Whom.
    #[serde(with = "text")]
    pub subject: SubjectCode,
    /// A word, such as `quarantine`; no text about the person.
    pub reason: String,
    /// The account that asked for it.
    pub by: String,
    /// Unix milliseconds.
    pub at: i64,
    /// Unix milliseconds; no longer at it.
    pub until: i64,
}

impl Registry {
    /// Puts a subject on the watch list, or changes why and until when.
    ///
    /// # Errors
    /// The store fails.
    pub fn watch(&self, watched: &Watched, act: Act) -> Result<(), RegistryError> {
        let _alone = self.finding_of(watched.subject);
        let puts = vec![(keys::watched(watched.subject), json(watched))];
        self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?;
        self.lists_changed();
        Ok(())
    }

    /// Takes a subject off the watch list.
    ///
    /// # Errors
    /// The store fails.
    pub fn unwatch(&self, subject: SubjectCode, act: Act) -> Result<(), RegistryError> {
        let deletes = vec![keys::watched(subject)];
        self.writer.write(Changes { deletes, acts: vec![act], ..Changes::default() })?;
        self.lists_changed();
        Ok(())
    }

    /// Whether and why a subject is to be held now.
    ///
    /// # Errors
    /// The store fails, or the entry is damaged.
    pub fn watched(&self, subject: SubjectCode, now: TimeMs) -> Result<Option<Watched>, RegistryError> {
        let bytes = self.table.get(&keys::watched(subject))?;
        let watched = bytes.map(|bytes| read(&bytes)).transpose()?;
        Ok(watched.filter(|watched| now.get() < watched.until))
    }

    /// The watch list behind a subject, as it holds now, in the order of codes; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or an entry is damaged.
    pub fn watch_list(
        &self,
        after: Option<SubjectCode>,
        now: TimeMs,
        limit: usize,
    ) -> Result<Vec<Watched>, RegistryError> {
        let tag = [keys::Tag::Watched as u8];
        // The least key behind that of a subject.
        let start = after.map_or(tag.to_vec(), |after| [keys::watched(after), vec![0]].concat());
        let all = self.table.scan(&tag, &start).map(|entry| read(&entry?.1));
        let holds = |watched: &Result<Watched, RegistryError>| {
            watched.as_ref().map_or(true, |watched| now.get() < watched.until)
        };
        all.filter(holds).take(limit).collect()
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Watched, RegistryError> {
    Ok(serde_json::from_slice(bytes).map_err(|_| damaged("the watch list"))?)
}
