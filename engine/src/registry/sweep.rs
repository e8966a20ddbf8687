//! Takes away what time has ended: sessions, entries of the watch list, the lists of trips under way and of
//! quarantine that is not over, that of passes that were taken back and have expired since, requests of visitors
//! at venues, and what hooks know of journeys long over. What was declared and done stays.

use truyvet_schemas::TimeMs;

use super::writer::Changes;
use super::{Registry, RegistryError, keys, watch};

impl Registry {
    /// Takes away what is over at `now`, and tells how much that was, but for what hooks knew.
    ///
    /// # Errors
    /// The store fails; what was not reached goes the next time.
    pub fn sweep(&self, now: TimeMs) -> Result<usize, RegistryError> {
        let mut swept = 0;
        for tag in [
            keys::Tag::Session,
            keys::Tag::Revoked,
            keys::Tag::TripOpen,
            keys::Tag::OrderOpen,
            keys::Tag::Visit,
        ] {
            while self.sweep_expired(tag, now, &mut swept)? {}
        }
        self.sweep_watch_list(now, &mut swept)?;
        self.forget_told(TimeMs::new(now.get() - TOLD_MS))?;
        Ok(swept)
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

    /// Sweeps entries of the watch list, a stretch at a time, so that nobody waits for the whole list.
    fn sweep_watch_list(&self, now: TimeMs, swept: &mut usize) -> Result<(), RegistryError> {
        let tag = [keys::Tag::Watched as u8];
        let mut start = tag.to_vec();
        loop {
            let mut over = Vec::new();
            for entry in self.table.scan(&tag, &start) {
                let (key, bytes) = entry?;
                if watch::read(&bytes)?.until <= now.get() {
                    over.push(key.to_vec());
                }
                if over.len() == SWEPT_AT_ONCE {
                    break;
                }
            }
            let Some(last) = over.last() else { return Ok(()) };
            start.clone_from(last);
            self.sweep_watched(over, now, swept)?;
        }
    }

    /// Deletes those of these entries that are over, while nobody can prolong one.
    fn sweep_watched(&self, keys: Vec<Vec<u8>>, now: TimeMs, swept: &mut usize) -> Result<(), RegistryError> {
        let _alone = self.all_finding();
        let mut deletes = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(bytes) = self.table.get(&key)?
                && watch::read(&bytes)?.until <= now.get()
            {
                deletes.push(key);
            }
        }
        self.delete(deletes, swept)?;
        Ok(())
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

/// How long it is known what hooks were told: no journey takes longer, from a month before it begins to a week
/// after its pass.
const TOLD_MS: i64 = 80 * 86_400_000;
