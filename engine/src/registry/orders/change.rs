//! Orders that stand are ended before their time, or moved elsewhere.

use truyvet_schemas::TimeMs;
use truyvet_schemas::quarantine::{EndReason, OrderPlace};

use super::super::audit::Act;
use super::super::vault::Secret;
use super::super::writer::Changes;
use super::super::{Registry, RegistryError};
use super::records::{Ending, Kept, OrderEnd, OrderRecord, WholeOrder};
use super::{Making, act_about, left_behind, put_end, whole};

/// An order that was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The order.
    pub whole: WholeOrder,
    /// Those that go on, since it never began in their place.
    pub resumed: Vec<WholeOrder>,
}

impl Registry {
    /// Ends an order before its time, in the name of the act's actor and at its time. One that has not begun
    /// never was: what it stood in the place of goes on, each with an act.
    ///
    /// # Errors
    /// There is no such order, it is over, or the store fails.
    pub fn end_order(
        &self,
        order: u64,
        reason: EndReason,
        note: Option<&str>,
        act: Act,
    ) -> Result<Ended, RegistryError> {
        let _alone = self.orders.lock();
        let (mut whole, own) = self.standing_order(order, act.at)?;
        let how = match reason {
            EndReason::Completed => Ending::Completed,
            EndReason::Lifted => Ending::Lifted,
        };
        let mut changes = Changes::default();
        let end = OrderEnd { at: act.at, by: act.actor.clone(), how, next: None };
        whole.end_note = note.map(str::to_owned);
        put_end(&mut whole, Some(end), &own, &mut changes);
        let has_begun = whole.record.from <= act.at;
        let resumed =
            if has_begun { Vec::new() } else { self.resume(&whole.record, &own, &act, &mut changes)? };
        changes.acts.push(act);
        self.write_orders(changes)?;
        Ok(Ended { whole, resumed })
    }

    /// Has somebody stay elsewhere from now on: another order in the place of this one, until the same instant.
    ///
    /// # Errors
    /// There is no such order, it is over, or the store fails.
    pub fn move_order(
        &self,
        order: u64,
        place: OrderPlace,
        permitted: Vec<String>,
        act: Act,
    ) -> Result<WholeOrder, RegistryError> {
        let _alone = self.orders.lock();
        let (before, own) = self.standing_order(order, act.at)?;
        let (from, origin) = (act.at.max(before.record.from), before.origin.clone());
        // What was to follow the one follows the other.
        let record = OrderRecord {
            order: self.declaration_number(TimeMs::new(act.at)),
            kind: place.kind,
            from,
            by: act.actor.clone(),
            made_at: act.at,
            ..before.record.clone()
        };
        let left = left_behind(std::slice::from_ref(&before), &place, from);
        let kept = Kept { place, permitted, left, origin, end_note: None };
        let making = Making { record, kept, own, ends: vec![before], request: None };
        let (moved, mut changes) = (whole(&making), Changes::default());
        self.put(making, &act, &mut changes);
        self.write_orders(changes)?;
        Ok(moved)
    }

    /// What gave way to an order that ended before it began goes on, as if that had never been; or gives way to
    /// what has since taken that one's place. Tells those that go on.
    fn resume(
        &self,
        never: &OrderRecord,
        own: &Secret,
        act: &Act,
        changes: &mut Changes,
    ) -> Result<Vec<WholeOrder>, RegistryError> {
        let gave_way =
            |known: &OrderRecord| known.ended.as_ref().is_some_and(|end| end.next == Some(never.order));
        let mut standing = self.newest_of(never.subject)?;
        standing.retain(|WholeOrder { record, .. }| {
            record.order != never.order
                && record.over_at() > act.at
                && (record.from < record.over_at() || gave_way(record))
        });
        standing.sort_by_key(|known| (known.record.from, known.record.order));
        let others = standing.iter().map(|known| known.record.clone()).filter(|other| !gave_way(other));
        let others: Vec<OrderRecord> = others.collect();
        let (mut resumed, mut after) = (Vec::new(), None);
        for mut known in standing.into_iter().rev() {
            let begins = (known.record.from, known.record.order);
            if gave_way(&known.record) {
                let covering = others.iter().find(|other| other.holds_at(begins.0));
                let covering = covering.map(|other| (other.from, other.order));
                let next = covering.or(after).filter(|(from, _)| *from < known.record.until);
                let end = next.map(|(at, next)| OrderEnd {
                    at,
                    by: act.actor.clone(),
                    how: Ending::Replaced,
                    next: Some(next),
                });
                put_end(&mut known, end, own, changes);
                if covering.is_some() {
                    changes.acts.push(act_about(&known, "order.replaced", act));
                    continue;
                }
                changes.acts.push(act_about(&known, "order.resumed", act));
                resumed.push(known);
            }
            after = Some(begins);
        }
        Ok(resumed)
    }
}
