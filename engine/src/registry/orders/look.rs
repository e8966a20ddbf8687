//! Orders looked up: by number, by subject, by area, and those that are not over.

use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::{Person, Residence};

use super::super::people::opened;
use super::super::records::split;
use super::super::vault::Secret;
use super::super::{Registry, RegistryError, damaged, keys, place_of};
use super::records::{Kept, OrderRecord, OrderState, WholeOrder};

/// An order that is not over, as the list of them has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Code of whom it is for.
    pub subject: SubjectCode,
    /// It holds from here on, unix milliseconds.
    pub from: i64,
    /// It is over here, unix milliseconds.
    pub over_at: i64,
}

impl OpenOrder {
    /// Whether it holds at an instant.
    pub fn holds_at(&self, at: TimeMs) -> bool {
        (self.from..self.over_at).contains(&at.get())
    }
}

impl Registry {
    /// An order. No act goes with it: whoever hands it out notes the look first ([`Registry::note`]).
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn whole_order(&self, order: u64) -> Result<Option<WholeOrder>, RegistryError> {
        Ok(self.opened_order(order)?.map(|(whole, _)| whole))
    }

    /// Numbers of the orders of a subject before the one of this number, the newest first; at most `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub fn orders_of(
        &self,
        subject: SubjectCode,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        self.newest_numbers([(keys::orders_of(subject), keys::order_of(subject, last))], limit)
    }

    /// Numbers of the orders that are to be kept in these areas, before the one of this number, the newest
    /// first; at most `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub fn orders_at(
        &self,
        areas: &[&str],
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        let areas = areas.iter().map(|area| self.area_index(area));
        self.newest_numbers(areas.map(|area| (keys::orders_at(area), keys::order_at(area, last))), limit)
    }

    /// The order that holds for a subject at an instant, of the newest that there are.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn order_at(&self, subject: SubjectCode, at: TimeMs) -> Result<Option<WholeOrder>, RegistryError> {
        Ok(self.newest_of(subject)?.into_iter().find(|whole| whole.record.holds_at(at.get())))
    }

    /// Orders that are not over at `now`, the first to be over first, until `each` has enough.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn open_orders(
        &self,
        now: TimeMs,
        mut each: impl FnMut(OpenOrder) -> bool,
    ) -> Result<(), RegistryError> {
        let now_s = u32::try_from(now.get() / 1_000).unwrap_or_default();
        let (tag, start) = ([keys::Tag::OrderOpen as u8], keys::orders_open_from(now_s));
        for entry in self.table.scan(&tag, &start) {
            let (_, value) = entry?;
            let open = open_order(&value).ok_or_else(|| damaged("the list of orders"))?;
            if open.over_at > now.get() && !each(open) {
                break;
            }
        }
        Ok(())
    }

    /// Where a person is at home now, to have them stay there; none where nobody is known by this code.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn home_of(&self, subject: SubjectCode) -> Result<Option<Residence>, RegistryError> {
        let Some((own, sealed)) = self.open_person(subject)? else { return Ok(None) };
        let person: Person = opened(&own, &sealed, &place_of(subject), "a person")?;
        Ok(Some(person.home().clone()))
    }

    /// The newest orders of a subject, the newest first: those that stand are among them.
    pub(super) fn newest_of(&self, subject: SubjectCode) -> Result<Vec<WholeOrder>, RegistryError> {
        let newest = self.orders_of(subject, None, ORDERS_LOOKED_AT)?.into_iter();
        let open = |number| Ok(self.whole_order(number)?.ok_or_else(|| damaged("a list of orders"))?);
        newest.map(open).collect()
    }

    /// An order that holds now or later, with the person's key.
    pub(super) fn standing_order(
        &self,
        order: u64,
        at_ms: i64,
    ) -> Result<(WholeOrder, Secret), RegistryError> {
        let (whole, own) = self.opened_order(order)?.ok_or(RegistryError::UnknownOrder)?;
        match whole.record.state(TimeMs::new(at_ms)) {
            OrderState::Ended => Err(RegistryError::OrderOver),
            OrderState::Planned | OrderState::Open => Ok((whole, own)),
        }
    }

    pub(super) fn opened_order(&self, order: u64) -> Result<Option<(WholeOrder, Secret)>, RegistryError> {
        let place = keys::order(order);
        let Some(bytes) = self.table.get(&place)? else { return Ok(None) };
        let (record, sealed) = split::<OrderRecord>(&bytes).ok_or_else(|| damaged("an order"))?;
        let (own, _) = self.open_person(record.subject)?.ok_or_else(|| damaged("a person"))?;
        let Kept { place, permitted, left, origin, end_note } = opened(&own, sealed, &place, "an order")?;
        Ok(Some((WholeOrder { record, place, permitted, left, origin, end_note }, own)))
    }
}

/// `subject | from, ms | over at, ms`.
fn open_order(value: &[u8]) -> Option<OpenOrder> {
    let (subject, times) = value.split_first_chunk::<{ SubjectCode::BYTES }>()?;
    let (from, over_at) = times.split_first_chunk::<8>()?;
    let over_at = i64::from_be_bytes(over_at.try_into().ok()?);
    Some(OpenOrder { subject: SubjectCode::new(*subject), from: i64::from_be_bytes(*from), over_at })
}

/// Newest orders of one subject that are looked at: those that stand are always the newest.
const ORDERS_LOOKED_AT: usize = 20;
