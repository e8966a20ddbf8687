//! Quarantine orders: made one by one or for thousands, replaced, ended, with a diary.
//!
//! ```text
//! subjects, terms -> plan of each: whose home? an order already? -> one write for each 500, with its acts
//! made --until, or an official--> over
//!   +-- another in its place: moved, or for longer; it ends where that begins
//! ```
//! - At any instant one order of a subject holds at most: a new one ends those that still stand.
//! - What is planned is a value ([`Planned`]): trying it out is planning without writing.
//! - A request that comes again makes nothing twice, and goes on where it was interrupted: what it made of a
//!   subject is written with it.
//! - Nothing here says who broke an order: that is found in the trail whenever it is asked.
//! - Places are sealed with the person's key and found by blind indexes; whoever orders by codes learns no name.

mod look;
mod records;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::{Person, Residence};
use truyvet_schemas::quarantine::{DiaryEntry, EndReason, OrderPlace, OrderReason, PlaceKind};
use truyvet_schemas::utoipa::{self, ToSchema};

use super::audit::Act;
use super::people::{Request, opened};
use super::records::join;
use super::vault::{Secret, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, keys, place_of};
use crate::catalog::json;
use records::{Kept, Written};

pub use look::OpenOrder;
pub use records::{DiaryRecord, Ending, OrderEnd, OrderRecord, OrderState, WholeOrder};

/// What is to be ordered, whoever it is for.
pub struct NewOrder<'a> {
    /// Where.
    pub place: Whither<'a>,
    /// Why.
    pub reason: OrderReason,
    /// From here on, unix milliseconds.
    pub from: i64,
    /// Before this instant, unix milliseconds.
    pub until: i64,
    /// Codes of sites that one may be seen at all the same.
    pub permitted: &'a [String],
    /// The question that led to it.
    pub origin: Option<&'a str>,
    /// The area of today in which a home's area lies; none where it is no area of the country.
    pub area_today: &'a dyn Fn(&str) -> Option<String>,
    /// Names the request: the same one, sent again, makes nothing twice.
    pub request: Option<Asked<'a>>,
}

/// A request that may come again.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its key, and who sent it.
    pub key: &'a str,
    /// What it asks, as it was sent.
    pub content: &'a str,
}

/// Where somebody is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whither<'a> {
    /// At home: where each is known to live now. Who is in a facility already stays there.
    Home,
    /// At this home.
    At(&'a Residence),
    /// In a facility.
    Facility {
        /// Code of its site.
        site: &'a str,
        /// Code of the area that it lies in.
        area: &'a str,
    },
}

/// Why nothing was ordered for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotOrdered {
    /// Nobody is known by this code: of an import, or never declared.
    NoRecord,
    /// There is no home in the country; a facility can be ordered.
    Abroad,
    /// An order that covers this one stands already.
    AlreadyOrdered,
    /// It is a vehicle.
    Vehicle,
}

/// What became of an order for one.
pub type Ordered = Result<WholeOrder, Refusal>;

/// Why nothing was ordered, with the order that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: NotOrdered,
    /// Number of the order that stands already.
    pub standing: Option<u64>,
}

/// What became of an order for many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedAll {
    /// Made now; planned, where nothing was to be written.
    pub made: Vec<(OrderRecord, String)>,
    /// Made by the same request before: how many.
    pub made_before: usize,
    /// For whom nothing was ordered, in the order of the request.
    pub not_ordered: Vec<(String, NotOrdered)>,
}

/// What is to be done about one subject.
enum Planned {
    Make(Box<Making>),
    MadeBefore(u64),
    Not(Refusal),
}

/// An order that can be made.
struct Making {
    record: OrderRecord,
    kept: Kept,
    own: Secret,
    /// Orders that still stand, which end where it begins.
    ends: Vec<WholeOrder>,
    request: Option<Request>,
}

impl Registry {
    /// Orders quarantine for one subject, in the name of the act's actor and at its time; the act's object
    /// becomes the order's number. Returns when it is on disk.
    ///
    /// # Errors
    /// The request was used for something else, or the store fails; nothing is ordered then.
    pub fn order(
        &self,
        subject: SubjectCode,
        new: &NewOrder<'_>,
        act: Act,
    ) -> Result<Ordered, RegistryError> {
        let _alone = self.orders.lock();
        Ok(match self.plan(&subject.to_string(), new, &act)? {
            Planned::Not(refusal) => Err(refusal),
            Planned::MadeBefore(number) => {
                Ok(self.whole_order(number)?.ok_or(RegistryError::UnknownOrder)?)
            }
            Planned::Make(making) => {
                let mut changes = Changes::default();
                let whole = whole(&making);
                self.put(*making, &act, &mut changes);
                self.writer.write(changes)?;
                self.lists_changed();
                Ok(whole)
            }
        })
    }

    /// Orders quarantine for these codes, each once, whatever they are codes of; 500 in a write, each with an
    /// act. `is_tried`: nothing is written. Interrupted, the same request goes on.
    ///
    /// # Errors
    /// The request was used for something else, or the store fails; what was written before stays.
    pub fn order_all(
        &self,
        subjects: &[String],
        new: &NewOrder<'_>,
        act: &Act,
        is_tried: bool,
    ) -> Result<OrderedAll, RegistryError> {
        let (mut all, mut known) = (OrderedAll::default(), HashSet::new());
        let distinct: Vec<&String> =
            subjects.iter().filter(|subject| known.insert(subject.as_str())).collect();
        for chunk in distinct.chunks(ORDERED_AT_ONCE) {
            let _alone = self.orders.lock();
            let mut changes = Changes::default();
            for subject in chunk {
                match self.plan(subject, new, act)? {
                    Planned::Not(refusal) => all.not_ordered.push(((*subject).clone(), refusal.why)),
                    Planned::MadeBefore(_) => all.made_before += 1,
                    Planned::Make(making) => {
                        all.made.push((making.record.clone(), making.kept.place.area.clone()));
                        self.put(*making, act, &mut changes);
                    }
                }
            }
            if !is_tried && !changes.acts.is_empty() {
                self.writer.write(changes)?;
                self.lists_changed();
            }
        }
        Ok(all)
    }

    /// Ends an order before its time, in the name of the act's actor and at its time.
    ///
    /// # Errors
    /// There is no such order, it is over, or the store fails.
    pub fn end_order(
        &self,
        order: u64,
        reason: EndReason,
        note: Option<&str>,
        act: Act,
    ) -> Result<WholeOrder, RegistryError> {
        let _alone = self.orders.lock();
        let (mut whole, own) = self.unended_order(order, act.at)?;
        let how = match reason {
            EndReason::Completed => Ending::Completed,
            EndReason::Lifted => Ending::Lifted,
        };
        let mut changes = Changes::default();
        let end = OrderEnd { at: act.at, by: act.actor.clone(), how, next: None };
        whole.end_note = note.map(str::to_owned);
        put_end(&mut whole, end, &own, &mut changes);
        changes.acts.push(act);
        self.writer.write(changes)?;
        self.lists_changed();
        Ok(whole)
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
        let (before, own) = self.unended_order(order, act.at)?;
        let newest = self.newest_of(before.record.subject)?;
        let ends = newest.into_iter().filter(|known| known.record.over_at() > act.at).collect();
        let record = OrderRecord {
            order: self.declaration_number(TimeMs::new(act.at)),
            kind: place.kind,
            from: act.at.max(before.record.from),
            by: act.actor.clone(),
            made_at: act.at,
            ended: None,
            ..before.record
        };
        let kept = Kept { place, permitted, origin: before.origin, end_note: None };
        let making = Making { record, kept, own, ends, request: None };
        let (moved, mut changes) = (whole(&making), Changes::default());
        self.put(making, &act, &mut changes);
        self.writer.write(changes)?;
        self.lists_changed();
        Ok(moved)
    }

    /// Writes an entry, tidied and checked, into the diary of an order that is not over, in the name of the
    /// act's actor and at its time.
    ///
    /// # Errors
    /// There is no such order, it is over, its diary is full, or the store fails.
    pub fn write_diary(&self, order: u64, entry: DiaryEntry, act: Act) -> Result<DiaryRecord, RegistryError> {
        let _alone = self.orders.lock();
        let (_, own) = self.standing_order(order, act.at)?;
        let number = self.diary_entries(order)? + 1;
        if number > DIARY_MAX {
            return Err(RegistryError::DiaryFull);
        }
        let place = keys::diary_entry(order, number);
        let written = Written { number, at: act.at, by: act.actor.clone() };
        let sealed = seal(&own, &json(&entry), &place);
        let puts = vec![(place, join(&written, &sealed))];
        let record = DiaryRecord { number, written_at: act.at, by: written.by, entry };
        self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?;
        Ok(record)
    }

    /// Decides about one, and changes nothing.
    fn plan(&self, subject: &str, new: &NewOrder<'_>, act: &Act) -> Result<Planned, RegistryError> {
        let not = |why| Ok(Planned::Not(Refusal { why, standing: None }));
        let Ok(code) = subject.parse::<SubjectCode>() else { return not(NotOrdered::NoRecord) };
        let request = new.request.map(|asked| self.order_request(asked, code));
        if let Some(number) = request.map_or(Ok(None), |request| self.made_before(request))? {
            return Ok(Planned::MadeBefore(number));
        }
        let Some((own, sealed)) = self.open_person(code)? else {
            let is_vehicle = self.table.get(&keys::vehicle(code))?.is_some();
            return not(if is_vehicle { NotOrdered::Vehicle } else { NotOrdered::NoRecord });
        };
        let newest = self.newest_of(code)?;
        let (ends, over): (Vec<_>, Vec<_>) =
            newest.into_iter().partition(|known| known.record.over_at() > act.at);
        if let Some(standing) = ends.iter().find(|standing| covers(standing, new)) {
            let standing = Some(standing.record.order);
            return Ok(Planned::Not(Refusal { why: NotOrdered::AlreadyOrdered, standing }));
        }
        let person: Person = opened(&own, &sealed, &place_of(code), "a person")?;
        let Some(place) = place_for(new, &person, ends.first()) else { return not(NotOrdered::Abroad) };
        // What held in the past stays as it was.
        let free_from = over.iter().map(|known| known.record.over_at());
        let free_from = free_from.chain(ends.first().map(|_| act.at)).max().unwrap_or(new.from);
        let record = OrderRecord {
            order: self.declaration_number(TimeMs::new(act.at)),
            subject: code,
            kind: place.kind,
            reason: new.reason,
            from: new.from.max(free_from),
            until: new.until,
            by: act.actor.clone(),
            made_at: act.at,
            ended: None,
        };
        let origin = new.origin.map(str::to_owned);
        let kept = Kept { place, permitted: new.permitted.to_vec(), origin, end_note: None };
        Ok(Planned::Make(Box::new(Making { record, kept, own, ends, request })))
    }

    /// What is written of an order, with its act.
    fn put(&self, making: Making, act: &Act, changes: &mut Changes) {
        let Making { record, kept, own, ends, request } = making;
        for mut before in ends.into_iter().filter(|before| record.from < before.record.over_at()) {
            let at = record.from;
            let end = OrderEnd { at, by: act.actor.clone(), how: Ending::Replaced, next: Some(record.order) };
            put_end(&mut before, end, &own, changes);
        }
        put_order(&record, &kept, &own, changes);
        changes.puts.push((keys::order_of(record.subject, record.order), Vec::new()));
        let area = self.area_index(&kept.place.area);
        changes.puts.push((keys::order_at(area, record.order), Vec::new()));
        changes.puts.extend(request.map(|request| request.made(record.order)));
        changes.acts.push(Act { object: record.order.to_string(), ..act.clone() });
    }

    fn order_request(&self, asked: Asked<'_>, subject: SubjectCode) -> Request {
        let vault = self.vault.read();
        Request {
            key: vault.blind("order-request", &format!("{subject}|{}", asked.key)),
            content: vault.blind("order-content", asked.content),
        }
    }
}

/// Whether an order that stands makes a new one needless.
fn covers(standing: &WholeOrder, new: &NewOrder<'_>) -> bool {
    let is_there = match new.place {
        Whither::Home => true,
        Whither::At(home) => {
            standing.place.kind == PlaceKind::Home
                && standing.place.area == home.area
                && standing.place.address == home.address
        }
        Whither::Facility { site, .. } => standing.place.site.as_deref() == Some(site),
    };
    let is_as_long = new.until.saturating_sub(standing.record.until) < PROLONGS_MS;
    is_there && standing.record.ended.is_none() && is_as_long
}

/// Where this person is to stay; none where there is no home in the country.
fn place_for(new: &NewOrder<'_>, person: &Person, standing: Option<&WholeOrder>) -> Option<OrderPlace> {
    let home = match new.place {
        Whither::Facility { site, area } => {
            let (area, site) = (area.to_owned(), Some(site.to_owned()));
            return Some(OrderPlace { kind: PlaceKind::Facility, area, address: None, site });
        }
        Whither::Home => match standing {
            Some(standing) => return Some(standing.place.clone()),
            None => person.home(),
        },
        Whither::At(home) => home,
    };
    let area = (new.area_today)(&home.area)?;
    Some(OrderPlace { kind: PlaceKind::Home, area, address: home.address.clone(), site: None })
}

fn whole(making: &Making) -> WholeOrder {
    let Kept { place, permitted, origin, end_note } = making.kept.clone();
    WholeOrder { record: making.record.clone(), place, permitted, origin, end_note }
}

fn put_end(whole: &mut WholeOrder, end: OrderEnd, own: &Secret, changes: &mut Changes) {
    let before = open_key(&whole.record);
    whole.record.ended = Some(end);
    // Deletes come after puts: in the same second it is the same key.
    if before != open_key(&whole.record) {
        changes.deletes.push(before);
    }
    let WholeOrder { record, place, permitted, origin, end_note } = whole.clone();
    put_order(&record, &Kept { place, permitted, origin, end_note }, own, changes);
}

fn put_order(record: &OrderRecord, kept: &Kept, own: &Secret, changes: &mut Changes) {
    let place = keys::order(record.order);
    let sealed = seal(own, &json(kept), &place);
    changes.puts.push((place, join(record, &sealed)));
    let (from, over_at) = (record.from.to_be_bytes(), record.over_at().to_be_bytes());
    let open = [record.subject.bytes().as_slice(), &from, &over_at].concat();
    changes.puts.push((open_key(record), open));
}

fn open_key(record: &OrderRecord) -> Vec<u8> {
    let over_at_s = u32::try_from(record.over_at().max(0).saturating_add(999) / 1_000).unwrap_or(u32::MAX);
    keys::order_open(over_at_s, record.order)
}

/// What ends less than half a day later is no longer order: the same one, given again the same day.
const PROLONGS_MS: i64 = 12 * 3_600_000;

/// Orders in one write: some 500 kilobytes, while no other order can be made.
const ORDERED_AT_ONCE: usize = 500;

/// Entries of one diary: several a day for as long as an order lasts.
pub const DIARY_MAX: u32 = 1_000;
