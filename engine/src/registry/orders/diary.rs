//! Diaries of orders: how somebody in quarantine is, day by day.

use truyvet_schemas::TimeMs;
use truyvet_schemas::quarantine::{DiaryEntry, WRITTEN_WITHIN_MS};

use super::super::audit::Act;
use super::super::people::{Request, opened};
use super::super::records::{join, split};
use super::super::vault::seal;
use super::super::writer::Changes;
use super::super::{Registry, RegistryError, damaged, keys};
use super::Asked;
use super::records::{DiaryRecord, OrderRecord, OrderState, Written};
use crate::catalog::json;
use crate::error::EngineError;
use crate::store::Entry;

impl Registry {
    /// Writes an entry, tidied and checked, into the diary of an order, in the name of the act's actor and at its
    /// time; once, however often the same request comes. Of an order that is over only what was so while it held,
    /// as late as any entry may be written.
    ///
    /// # Errors
    /// There is no such order, it is over, its diary is full, the request was used for something else, or the
    /// store fails.
    pub fn write_diary(
        &self,
        order: u64,
        entry: DiaryEntry,
        request: Option<Asked<'_>>,
        act: Act,
    ) -> Result<DiaryRecord, RegistryError> {
        let _alone = self.orders.lock();
        if let Some(number) = request.map_or(Ok(None), |asked| self.diary_entry_of(order, asked))? {
            let entry = self.diary(order)?.into_iter().find(|entry| entry.number == number);
            return Ok(entry.ok_or_else(|| damaged("a request"))?);
        }
        let (whole, own) = self.opened_order(order)?.ok_or(RegistryError::UnknownOrder)?;
        if !whole.record.takes_entry(entry.at.unwrap_or(act.at), act.at) {
            return Err(RegistryError::OrderOver);
        }
        let number = self.diary_entries(order)? + 1;
        if number > DIARY_MAX {
            return Err(RegistryError::DiaryFull);
        }
        let place = keys::diary_entry(order, number);
        let written = Written { number, at: act.at, by: act.actor.clone() };
        let sealed = seal(&own, &json(&entry), &place);
        let mut puts = vec![(place, join(&written, &sealed))];
        puts.extend(request.map(|asked| self.diary_request(order, asked).made(number.into())));
        let record = DiaryRecord { number, written_at: act.at, by: written.by, entry };
        self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?;
        Ok(record)
    }

    /// Number of the entry that the same request wrote before.
    ///
    /// # Errors
    /// The request was used for something else, or the store fails.
    pub fn diary_entry_of(&self, order: u64, asked: Asked<'_>) -> Result<Option<u32>, RegistryError> {
        let written = self.made_before(self.diary_request(order, asked))?;
        Ok(written.map(u32::try_from).transpose().map_err(|_| damaged("a request"))?)
    }

    /// The diary of an order, the first entry first. No act goes with it: whoever hands it out notes the look
    /// first.
    ///
    /// # Errors
    /// There is no such order, the store fails, or what it has is damaged.
    pub fn diary(&self, order: u64) -> Result<Vec<DiaryRecord>, RegistryError> {
        let (_, own) = self.opened_order(order)?.ok_or(RegistryError::UnknownOrder)?;
        let prefix = keys::diary(order);
        let read = |entry: Result<Entry, EngineError>| {
            let (place, bytes) = entry?;
            let (written, sealed) = split::<Written>(&bytes).ok_or_else(|| damaged("a diary"))?;
            let entry = opened(&own, sealed, &place, "a diary")?;
            let Written { number, at: written_at, by } = written;
            Ok(DiaryRecord { number, written_at, by, entry })
        };
        self.table.scan(&prefix, &prefix).map(read).collect()
    }

    /// How many entries the diary of an order has.
    ///
    /// # Errors
    /// The store fails.
    pub fn diary_entries(&self, order: u64) -> Result<u32, RegistryError> {
        let last = self.table.last(&keys::diary(order), &keys::diary_entry(order, u32::MAX))?;
        let number = |(key, _): Entry| key.last_chunk().copied().map(u32::from_be_bytes);
        Ok(last.map_or(Some(0), number).ok_or_else(|| damaged("a diary"))?)
    }

    fn diary_request(&self, order: u64, asked: Asked<'_>) -> Request {
        let vault = self.vault.read();
        Request {
            key: vault.blind("diary-request", &format!("{order}|{}", asked.key)),
            content: vault.blind("diary-content", asked.content),
        }
    }
}

impl OrderRecord {
    /// Whether its diary takes what was so at `at`, written now.
    fn takes_entry(&self, at: i64, now: i64) -> bool {
        let is_over = self.state(TimeMs::new(now)) == OrderState::Ended;
        let is_late = now >= self.over_at().saturating_add(WRITTEN_WITHIN_MS);
        !is_over || (!is_late && self.holds_at(at))
    }
}

/// Entries of one diary: several a day for as long as an order lasts.
pub const DIARY_MAX: u32 = 1_000;
