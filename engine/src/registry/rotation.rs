//! A new master key, and everybody's own key, and each vehicle's, wrapped with it.

use super::audit::Act;
use super::records::{join_person, split_person};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};

impl Registry {
    /// Makes a new master key, and wraps everybody's own key with it. Going on after a stop is starting
    /// again. Tells how many keys were wrapped anew.
    ///
    /// # Errors
    /// The key cannot be made, or the store fails; what was not reached keeps the key before.
    pub fn rotate_master(&self, act: Act) -> Result<u64, RegistryError> {
        self.vault.write().rotate()?;
        // First of all: from now on a copy of the keys without the new one is told at the start.
        let place = keys::vault_mark();
        let mark = self.vault.read().mark(&place);
        self.writer.write(Changes { puts: vec![(place, mark)], ..Changes::default() })?;
        let mut rewrapped = 0;
        for tag in [keys::Tag::Person, keys::Tag::Vehicle, keys::Tag::Account, keys::Tag::Hook] {
            let mut start = vec![tag as u8];
            while let Some(last) = self.rewrap_from(tag, &start, &mut rewrapped)? {
                start = last;
                start.push(0); // the next key there can be
            }
        }
        self.note(act)?;
        Ok(rewrapped)
    }

    /// Wraps a stretch of keys anew in one write, and tells the last of them.
    fn rewrap_from(
        &self,
        tag: keys::Tag,
        start: &[u8],
        rewrapped: &mut u64,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        // What a declaration wrote at the same time would be overwritten with what was there before.
        let _alone = (self.all_finding(), self.hooks.lock());
        let vault = self.vault.read();
        let tag = [tag as u8];
        let (mut changes, mut last) = (Changes::default(), None);
        for entry in self.table.scan(&tag, start).take(REWRAPPED_AT_ONCE) {
            let (place, bytes) = entry?;
            let (wrapped, sealed) = split_person(&bytes).ok_or_else(|| damaged("a person"))?;
            let anew = vault.rewrap(&wrapped, &place).map_err(|_| damaged("a person's key"))?;
            if let Some(anew) = anew {
                changes.puts.push((place.to_vec(), join_person(&anew, sealed)));
            }
            last = Some(place.to_vec());
        }
        *rewrapped += changes.puts.len() as u64;
        self.writer.write(changes)?;
        Ok(last)
    }
}

/// Keys wrapped anew in one write, while nobody can declare: some milliseconds.
const REWRAPPED_AT_ONCE: usize = 1_000;
