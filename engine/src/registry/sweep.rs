//! Takes away what time has ended: sessions, entries of the watch list, and the list of passes that were
//! taken back and have expired since. What was declared and done stays.

use truyvet_schemas::TimeMs;

use super::writer::Changes;
use super::{Registry, RegistryError, keys, watch};

impl Registry {
    /// Takes away what is over at `now`, and tells how much that was.
    ///
    /// # Errors
    /// The store fails; what was not reached goes the next time.
    pub fn sweep(&self, now: TimeMs) -> Result<usize, RegistryError> {
        let mut swept = self.sweep_watch_list(now)?;
        for tag in [keys::Tag::Session, keys::Tag::Revoked] {
            swept += self.sweep_expired(tag, now)?;
        }
        Ok(swept)
    }

    /// The keys of such a list begin with the second in which each is over.
    fn sweep_expired(&self, tag: keys::Tag, now: TimeMs) -> Result<usize, RegistryError> {
        let now_s = u32::try_from(now.get() / 1_000).unwrap_or_default();
        let (tag, mut swept) = ([tag as u8], 0);
        loop {
            let mut deletes = Vec::new();
            for entry in self.table.scan(&tag, &tag).take(SWEPT_AT_ONCE) {
                let (key, _) = entry?;
                if keys::over_at_s(&key).is_none_or(|over_at_s| over_at_s > now_s) {
                    break;
                }
                deletes.push(key.to_vec());
            }
            swept += deletes.len();
            let is_last = deletes.len() < SWEPT_AT_ONCE;
            if !deletes.is_empty() {
                self.writer.write(Changes { deletes, ..Changes::default() })?;
            }
            if is_last {
                return Ok(swept);
            }
        }
    }

    /// Each entry is looked at again under the lock of its subject: it may have been prolonged meanwhile.
    fn sweep_watch_list(&self, now: TimeMs) -> Result<usize, RegistryError> {
        let (tag, mut swept) = ([keys::Tag::Watched as u8], 0);
        for entry in self.table.scan(&tag, &tag) {
            let (key, bytes) = entry?;
            let ended = watch::read(&bytes)?;
            if now.get() < ended.until {
                continue;
            }
            let _alone = self.finding_of(ended.subject);
            if self.watched(ended.subject, now)?.is_none() {
                self.writer.write(Changes { deletes: vec![key.to_vec()], ..Changes::default() })?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

const SWEPT_AT_ONCE: usize = 1_000;
