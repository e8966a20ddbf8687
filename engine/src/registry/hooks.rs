//! Hooks: addresses outside that are told of journeys from and to an area. Which there are, what each is still
//! to be told, and what it knows.
//!
//! ```text
//! hook, declaration -> due    something happened to the journey that the hook does not know
//!                   -> told   how far the journey was when the hook took it
//! ```
//! What is due is a journey, not what happened to it: it is told as it is then, however much happened
//! meanwhile. So nothing grows with a hook that does not answer but with the journeys of its area.

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;

use super::audit::Act;
use super::people::first_declaration_at;
use super::records::{join_person, split_person};
use super::vault::{open, random, random_key, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;
use crate::error::EngineError;
use crate::store::Entry;

/// A hook as it is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHook {
    /// Code of the area whose journeys are told.
    pub area: String,
    /// Where to.
    pub url: String,
    /// What its messages are signed with.
    pub secret: String,
}

/// An address outside that is told of journeys from and to an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its number, never given twice.
    pub number: u64,
    /// Code of the area, with all below it.
    pub area: String,
    /// Where to.
    pub url: String,
    /// What its messages are signed with.
    pub secret: String,
    /// The account that made it.
    pub by: String,
    /// When, unix milliseconds.
    pub at: i64,
}

/// A journey that a hook is to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The hook's number.
    pub hook: u64,
    /// Number of the declaration.
    pub declaration: u64,
    /// Another one whenever something else happens.
    mark: [u8; MARK_BYTES],
}

/// How far a journey was when a hook took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Checks on the way.
    pub passages: usize,
    /// Whether its holder had arrived.
    pub arrived: bool,
    /// Whether the pass was taken back.
    pub revoked: bool,
}

impl Registry {
    /// Makes a hook.
    ///
    /// # Errors
    /// There are too many, or the store fails.
    pub fn add_hook(&self, new: NewHook, act: Act) -> Result<Hook, RegistryError> {
        let _alone = self.hooks.lock();
        let known = self.hooks(None, HOOKS_MAX)?;
        if known.len() == HOOKS_MAX {
            return Err(RegistryError::TooManyHooks);
        }
        let NewHook { area, url, secret } = new;
        // By the time, so that no hook is taken for one that was removed.
        let number = known.last().map_or(0, |last| last.number + 1).max(act.at.max(0) as u64);
        let hook = Hook { number, area, url, secret, by: act.actor.clone(), at: act.at };
        let (place, own) = (keys::hook(number), random_key());
        let wrapped = self.vault.read().wrap(&own, &place);
        let sealed = seal(&own, &json(&hook), &place);
        let puts = vec![(place, join_person(&wrapped, &sealed))];
        self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?;
        Ok(hook)
    }

    /// Removes a hook, with all that was due to it.
    ///
    /// # Errors
    /// There is no such hook, or the store fails.
    pub fn remove_hook(&self, number: u64, act: Act) -> Result<(), RegistryError> {
        let _alone = self.hooks.lock();
        let place = keys::hook(number);
        self.table.get(&place)?.ok_or(RegistryError::UnknownHook)?;
        let ranges = keys::all_of_hook(number, u64::MAX).into();
        Ok(self.writer.write(Changes {
            deletes: vec![place],
            ranges,
            acts: vec![act],
            ..Changes::default()
        })?)
    }

    /// Hooks behind the one of this number, by number; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or one is damaged.
    pub fn hooks(&self, after: Option<u64>, limit: usize) -> Result<Vec<Hook>, RegistryError> {
        let (tag, start) =
            ([keys::Tag::Hook as u8], keys::hook(after.map_or(0, |after| after.saturating_add(1))));
        self.table.scan(&tag, &start).take(limit).map(|entry| self.open_hook(&entry?)).collect()
    }

    /// Notes that hooks (first) are to be told of journeys (second). Hooks that are no more are passed over.
    ///
    /// # Errors
    /// The store fails.
    pub fn put_due(&self, due: &[(u64, u64)]) -> Result<(), RegistryError> {
        let _alone = self.hooks.lock();
        let mark: [u8; MARK_BYTES] = random();
        let mut puts = Vec::with_capacity(due.len());
        for (hook, declaration) in due {
            if self.table.get(&keys::hook(*hook))?.is_some() {
                puts.push((keys::hook_due(*hook, *declaration), mark.to_vec()));
            }
        }
        if puts.is_empty() {
            return Ok(());
        }
        Ok(self.writer.write(Changes { puts, ..Changes::default() })?)
    }

    /// Of what a hook is to be told, the journeys declared after the one of this number, the oldest first; at
    /// most `limit`.
    ///
    /// # Errors
    /// The store fails, or an entry is damaged.
    pub fn due(&self, hook: u64, after: u64, limit: usize) -> Result<Vec<Due>, RegistryError> {
        let prefix = keys::of_hook(keys::Tag::HookDue, hook);
        let start = keys::hook_due(hook, after.saturating_add(1));
        let due = |entry: Result<Entry, EngineError>| {
            let (key, mark) = entry?;
            let declaration = key.last_chunk().copied().map(u64::from_be_bytes);
            let mark = mark.as_ref().try_into().ok();
            let due = declaration.zip(mark).map(|(declaration, mark)| Due { hook, declaration, mark });
            due.ok_or_else(|| damaged("what is due to a hook").into())
        };
        self.table.scan(&prefix, &start).take(limit).map(due).collect()
    }

    /// Notes what a hook has taken: it is due no more, unless something else has happened since it was read.
    /// A journey that there is nothing to tell of goes without `Told`.
    ///
    /// # Errors
    /// The store fails.
    pub fn settle(&self, taken: &[(Due, Option<Told>)]) -> Result<(), RegistryError> {
        let _alone = self.hooks.lock();
        let mut changes = Changes::default();
        for (Due { hook, declaration, mark }, told) in taken {
            if self.table.get(&keys::hook(*hook))?.is_none() {
                continue;
            }
            if let Some(told) = told {
                changes.puts.push((keys::hook_told(*hook, *declaration), json(told)));
            }
            let place = keys::hook_due(*hook, *declaration);
            if self.table.get(&place)?.is_some_and(|now| now == mark.as_slice()) {
                changes.deletes.push(place);
            }
        }
        Ok(self.writer.write(changes)?)
    }

    /// What a hook knows of a journey.
    ///
    /// # Errors
    /// The store fails, or the entry is damaged.
    pub fn told(&self, hook: u64, declaration: u64) -> Result<Option<Told>, RegistryError> {
        let bytes = self.table.get(&keys::hook_told(hook, declaration))?;
        let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes).map_err(|_| damaged("what a hook knows"));
        Ok(bytes.map(read).transpose()?)
    }

    /// Forgets what hooks know, and are to be told, of journeys that were declared before an instant.
    ///
    /// # Errors
    /// The store fails; what was not reached goes the next time.
    pub fn forget_told(&self, before: TimeMs) -> Result<(), RegistryError> {
        for Hook { number, .. } in self.hooks(None, HOOKS_MAX)? {
            let mut ranges = Vec::from(keys::all_of_hook(number, first_declaration_at(before)));
            // A range of nothing would still have to be passed over by whoever reads there.
            ranges.retain(|(from, to)| {
                let first = self.table.scan(&from[..keys::OF_HOOK_BYTES], from).next();
                first.is_some_and(|entry| entry.is_ok_and(|(key, _)| *key < **to))
            });
            if !ranges.is_empty() {
                let _alone = self.hooks.lock();
                self.writer.write(Changes { ranges, ..Changes::default() })?;
            }
        }
        Ok(())
    }

    fn open_hook(&self, (place, bytes): &Entry) -> Result<Hook, RegistryError> {
        let damage = || damaged("a hook");
        let (wrapped, sealed) = split_person(bytes).ok_or_else(damage)?;
        let own = self.vault.read().unwrap(&wrapped, place).map_err(|_| damage())?;
        let plain = open(&own, sealed, place).map_err(|_| damage())?;
        Ok(serde_json::from_slice(&plain).map_err(|_| damage())?)
    }
}

/// One for each ward of a nation, and as many again.
pub const HOOKS_MAX: usize = 20_000;

const MARK_BYTES: usize = 8;
