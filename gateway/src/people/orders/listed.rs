//! Orders listed and shown, each with what broke it.

use std::collections::BTreeSet;

use truyvet_engine::registry::{Account, OrderState, RegistryError, WholeOrder};
use truyvet_engine::{Incomplete, Interval, Passage, Trail, TrailAnswer, TrailScan};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::Document;

use super::super::{Caller, People, act};
use super::shown::{EndShown, EntryShown};
use super::{ORDERS_LOOKED_AT, OrderError, OrderRow, OrderShown, OrderWord, OrdersAsked, OrdersFound};

impl People {
    /// Orders that are to be kept in an area, which must be within the official's. The look is in the audit log
    /// before it is answered.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn orders_in(
        &self,
        asked: &OrdersAsked,
        account: &Account,
        now: TimeMs,
    ) -> Result<OrdersFound, OrderError> {
        self.registry.note(act(now, &account.account, "orders.read", &asked.area))?;
        let areas = self.areas.all_within(&asked.area);
        let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
        let (mut found, mut before) = (OrdersFound::default(), asked.before);
        // Those of other states are passed over, and so many that the answer comes soon.
        for _ in 0..PAGES_MAX {
            let numbers = self.registry.orders_at(&areas, before, PAGE)?;
            let is_last = numbers.len() < PAGE;
            for number in numbers {
                if found.orders.len() == asked.limit {
                    found.next = before;
                    return Ok(found);
                }
                before = Some(number);
                let Some(whole) = self.registry.whole_order(number)? else { continue };
                let is_over = whole.record.state(now) == OrderState::Ended;
                if asked.state.is_some_and(|wanted| !wanted.may_be(is_over)) {
                    continue;
                }
                let row = self.order_row(&whole, now)?;
                found.orders.extend(asked.state.is_none_or(|wanted| wanted.is(&row)).then_some(row));
            }
            if is_last {
                return Ok(found);
            }
        }
        found.next = before;
        Ok(found)
    }

    /// A citizen's own orders, the newest first: of the document's holder, whose phone somebody has verified.
    /// The look is in the audit log.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn own_orders(
        &self,
        document: &Document,
        phone: &str,
        now: TimeMs,
    ) -> Result<Vec<OrderShown>, OrderError> {
        self.registry.note(act(now, "citizen", "orders.read", "-"))?;
        let Some(subject) = self.own_subject(document, phone)? else { return Ok(Vec::new()) };
        let mut shown = Vec::new();
        for number in self.registry.orders_of(subject, None, ORDERS_LOOKED_AT)? {
            shown.push(self.show_order(number, For::Subject, now)?);
        }
        Ok(shown)
    }

    /// An order with its diary as they are now, the look at which has been noted.
    pub(super) fn show_order(&self, order: u64, whom: For, now: TimeMs) -> Result<OrderShown, OrderError> {
        let whole = self.registry.whole_order(order)?.ok_or(OrderError::Unknown)?;
        let broken = self.breaches(&whole)?;
        let row = self.row_of(&whole, &broken, now)?;
        let is_reached = whom != For::Orderer;
        let diary = if is_reached { self.registry.diary(order)? } else { Vec::new() };
        let told = if is_reached { BREACHES_MAX } else { 0 };
        Ok(OrderShown {
            row,
            address: whole.place.address.filter(|_| is_reached),
            permitted: whole.permitted.iter().map(|site| self.facility(site)).collect(),
            origin: whole.origin.filter(|_| whom != For::Subject),
            diary: diary.into_iter().map(EntryShown::from).collect(),
            broken_by: broken.scans.into_iter().take(told).map(|scan| self.last_passage(scan)).collect(),
        })
    }

    pub(in super::super) fn order_row(
        &self,
        whole: &WholeOrder,
        now: TimeMs,
    ) -> Result<OrderRow, OrderError> {
        self.row_of(whole, &self.breaches(whole)?, now)
    }

    fn row_of(&self, whole: &WholeOrder, broken: &Breaches, now: TimeMs) -> Result<OrderRow, OrderError> {
        let Breaches { scans: breaches, incomplete } = broken;
        let record = &whole.record;
        let state = match record.state(now) {
            OrderState::Ended => OrderWord::Ended,
            _ if !breaches.is_empty() => OrderWord::Breached,
            OrderState::Planned => OrderWord::Planned,
            OrderState::Open => OrderWord::Open,
        };
        let ended = record.ended.as_ref().map(|end| EndShown {
            at: end.at,
            by: end.by.clone(),
            how: end.how,
            next: end.next.map(|next| next.to_string()),
            note: whole.end_note.clone(),
        });
        Ok(OrderRow {
            order: record.order.to_string(),
            subject: record.subject.to_string(),
            state,
            kind: whole.place.kind,
            area: self.areas.name(&whole.place.area),
            site_name: whole.place.site.as_deref().map(|site| self.site_name(site)),
            site: whole.place.site.clone(),
            reason: record.reason,
            from: record.from,
            until: record.over_at(),
            ended,
            by: record.by.clone(),
            made_at: record.made_at,
            breaches: breaches.len(),
            last_breach: breaches.last().map(|scan| self.last_passage(scan.clone())),
            incomplete: incomplete.clone(),
            entries: self.registry.diary_entries(record.order)?,
        })
    }

    /// Numbers of the orders that these passages break, each once.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub(in super::super) fn broken_by(&self, passages: &[Passage]) -> Result<BTreeSet<u64>, RegistryError> {
        let mut broken = BTreeSet::new();
        for Passage { subject, site, at, .. } in passages {
            let Ok(subject) = subject.parse::<SubjectCode>() else { continue };
            let order = self.registry.order_at(subject, *at)?;
            let order = order.filter(|order| order.is_broken_by(site, at.get()));
            broken.extend(order.map(|order| order.record.order));
        }
        Ok(broken)
    }

    fn breaches(&self, whole: &WholeOrder) -> Result<Breaches, OrderError> {
        let record = &whole.record;
        let Ok(interval) = Interval::new(TimeMs::new(record.from), TimeMs::new(record.over_at())) else {
            return Ok(Breaches::default()); // ended before it began
        };
        let trail = Trail { subject: record.subject.to_string(), interval };
        let TrailAnswer { mut scans, incomplete, .. } = self.engine.trail(&trail)?;
        scans.retain(|scan| whole.is_broken_by(&scan.site, scan.at));
        Ok(Breaches { scans, incomplete })
    }
}

/// Who is told of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Officials of the area where it is to be kept.
    Keeper,
    /// Who made it for another area: neither address nor diary, nor where somebody was seen.
    Orderer,
    /// Whom it is for: not what question led to it.
    Subject,
}

impl For {
    /// Of those who reach the order.
    pub(super) fn of(by: &Caller) -> Self {
        if matches!(by, Caller::Citizen { .. }) { Self::Subject } else { Self::Keeper }
    }
}

/// What breaks an order, as far as scans have come in.
#[derive(Default)]
struct Breaches {
    /// In order of time.
    scans: Vec<TrailScan>,
    /// Days of which scans are gone.
    incomplete: Vec<Incomplete>,
}

/// Scans elsewhere that are told of one order.
const BREACHES_MAX: usize = 100;
/// Orders that are read at once, and how often for one answer.
const PAGE: usize = 100;
const PAGES_MAX: usize = 20;
