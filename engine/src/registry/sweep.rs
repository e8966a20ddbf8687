//! Takes away what time has ended: sessions, entries of the watch list, the list of trips under way, that of
//! passes that were taken back and have expired since, requests of visitors at venues, and what hooks know of
//! journeys long over. What was declared and done stays.

use truyvet_schemas::TimeMs;

use super::writer::Changes;
use super::{Registry, RegistryError, keys, watch};

impl Registry {
    /// Takes away what is over at `now`, and tells how much that was.
    ///
    /// # Errors
    /// The store fails; what was not reached goes the next time.
    pub fn sweep(&self, now: TimeMs) -> Result<usize, RegistryError> {
        let mut swept = 0;
        for tag in [keys::Tag::Session, keys::Tag::Revoked, keys::Tag::TripOpen, keys::Tag::Visit] {
            while self.sweep_expired(tag, now, &mut swept)? {}
        }
        while self.sweep_watch_list(now, &mut swept)? {}
        Ok(swept + self.forget_told(TimeMs::new(now.get() - TOLD_MS))?)
    }

    /// Sweeps a stretch of a list whose keys begin with the second in which each is over. Whether there may
    /// be more.
    fn sweep_expired(&self, tag: keys::Tag, now: TimeMs, swept: &mut usize) -> Result<bool, RegistryError> {
        let now_s = u32::try_from(now.get() / 1_000).unwrap_or_default();
        let (tag, mut deletes) = ([tag as u8], Vec::new());
        for entry in self.table.scan(&tag, &tag).take(SWEPT_AT_ONCE) {
            let (key, _) = entry?;
            if keys::over_at_s(&key).is_none_or(|over_at_s| over_at_s > now_s) {
                break;
            }
            deletes.push(key.to_vec());
        }
        self.delete(deletes, swept)
    }

    /// Sweeps entries of the watch list, while nobody can prolong one. Whether there may be more.
    fn sweep_watch_list(&self, now: TimeMs, swept: &mut usize) -> Result<bool, RegistryError> {
        let _alone = self.all_finding();
        let (tag, mut deletes) = ([keys::Tag::Watched as u8], Vec::new());
        for entry in self.table.scan(&tag, &tag) {
            let (key, bytes) = entry?;
            if watch::read(&bytes)?.until <= now.get() {
                deletes.push(key.to_vec());
            }
            if deletes.len() == SWEPT_AT_ONCE {
                break;
            }
        }
        self.delete(deletes, swept)
    }

    fn delete(&self, deletes: Vec<Vec<u8>>, swept: &mut usize) -> Result<bool, RegistryError> {
        let count = deletes.len();
        if count > 0 {
            self.writer.write(Changes { deletes, ..Changes::default() })?;
        }
        *swept += count;
        Ok(count == SWEPT_AT_ONCE)
    }
}

const SWEPT_AT_ONCE: usize = 1_000;

/// How long it is known what hooks were told: no journey takes longer.
const TOLD_MS: i64 = 40 * 86_400_000;
