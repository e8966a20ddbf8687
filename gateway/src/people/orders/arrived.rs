//! Quarantine of those who have arrived from abroad, ordered with the arrival.

use truyvet_engine::registry::{Asked, Crossed, DeclarationRecord, NewOrder, RegistryError, Whither};
use truyvet_schemas::TimeMs;
use truyvet_schemas::arrival::{Crossing, Quarantine};
use truyvet_schemas::quarantine::OrderReason;

use super::super::{People, act};

impl People {
    /// Orders quarantine for who has arrived from abroad, where the arrival says; once for each arrival, and
    /// nothing where that is over already. It holds from a day after the landing, since the way there leads past
    /// checkpoints, and moves nobody who stays elsewhere as a contact or a case.
    ///
    /// # Errors
    /// The store fails; the same again goes on.
    pub(in super::super) fn order_for_arrival(
        &self,
        record: &DeclarationRecord,
        crossing: &Crossing,
        by: &str,
        now: TimeMs,
    ) -> Result<(), RegistryError> {
        let Quarantine { facility, home, until } = &crossing.quarantine;
        if *until <= now.get() {
            return Ok(());
        }
        let area = facility.as_ref().and_then(|site| self.site_area(site));
        let place = match (facility, &area, home) {
            (Some(site), Some(area), _) => Whither::Facility { site, area },
            (_, _, Some(home)) => Whither::At(home),
            _ => Whither::Home,
        };
        let (arrival, there_by) = (record.declaration.to_string(), crossing.arrived_at + WAY_THERE_MS);
        let new = NewOrder {
            place,
            reason: OrderReason::Abroad,
            from: if there_by < *until { there_by } else { crossing.arrived_at },
            until: *until,
            permitted: std::slice::from_ref(&crossing.site),
            origin: None,
            yields: true,
            area_today: &|code: &str| self.area_today(code, now),
            request: Some(Asked { key: &format!("arrival|{arrival}"), content: &arrival }),
        };
        // Somebody else may have ordered it already.
        if let Ok(made) = self.registry.order(record.subject, &new, act(now, by, "order.make", "-"))? {
            self.follow_made(&made);
        }
        Ok(())
    }

    /// Orders what arrivals lack since a stop came between the arrival, or that somebody verified it, and the
    /// order; for a start. Those entered before `since` had theirs.
    pub(in super::super) fn order_for_arrivals_since(
        &self,
        since: TimeMs,
        stops: impl Fn() -> bool,
    ) -> Result<(), RegistryError> {
        let mut ordered = Ok(());
        let read = self.registry.arrivals_since(since, |Crossed { record, crossing, differs, .. }| {
            if differs.is_empty() {
                let order = self.order_for_arrival(record, crossing, SERVER, TimeMs::now());
                // What is damaged of one keeps nobody else from being ordered.
                if ordered.is_ok() {
                    ordered = order;
                }
            }
            !stops()
        });
        ordered.and(read)
    }
}

/// How long the way from the border to the place of quarantine may take.
const WAY_THERE_MS: i64 = 24 * 3_600_000;
/// In whose name the server does what a stop kept it from.
const SERVER: &str = "server";
