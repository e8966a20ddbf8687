//! Quarantine orders: made one by one or for thousands, replaced, ended, with a diary.
//!
//! ```text
//! subjects, terms -> plan of each: whose home? an order already? -> one write for each 500, with its acts
//! made --until, or an official--> over
//!   +-- another in its place: moved, or for longer; it ends where that begins
//! ```
//! - At any instant one order of a subject holds at most: a new one ends those that it overlaps, and lasts at
//!   least as long as they would have (`fit.rs`). So nothing but an end makes a quarantine shorter.
//! - What is planned is a value ([`Planned`]): trying it out is planning without writing.
//! - A request that comes again makes nothing twice, and goes on where it was interrupted: what became of it for
//!   a subject, an order or that one stood, is written.
//! - Nothing here says who broke an order: that is found in the trail whenever it is asked.
//! - Places are sealed with the person's key and found by blind indexes; whoever orders by codes learns no name.

mod change;
mod diary;
mod fit;
mod look;
mod records;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::{Person, Residence};
use truyvet_schemas::quarantine::{OrderPlace, OrderReason, PlaceKind};
use truyvet_schemas::utoipa::{self, ToSchema};

use super::audit::Act;
use super::people::{Request, opened};
use super::records::join;
use super::vault::{Secret, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, keys, place_of};
use crate::catalog::json;
use crate::error::EngineError;
use fit::{Span, fit};
use records::Kept;

pub use change::Ended;
pub use diary::DIARY_MAX;
pub use look::OpenOrder;
pub use records::{DiaryRecord, Ending, Left, OrderEnd, OrderRecord, OrderState, WholeOrder};

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
    /// Whether it moves nobody who stays elsewhere for another reason: it holds before and after that alone.
    pub yields: bool,
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
    /// What is kept of this person cannot be read.
    Damaged,
}

/// What became of an order for one.
pub type Ordered = Result<Made, Refusal>;

/// An order that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The order.
    pub whole: WholeOrder,
    /// Codes of the areas in which others end with it.
    pub left: Vec<String>,
}

/// Why nothing was ordered, with the order that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: NotOrdered,
    /// Number of the order that stands already.
    pub standing: Option<u64>,
}

/// What became of an order for many, or for some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedAll {
    /// Made now, each with the area where it is to be kept; planned, where nothing was to be written.
    pub made: Vec<(OrderRecord, String)>,
    /// Made by the same request before: whose, and the area.
    pub made_before: Vec<(SubjectCode, String)>,
    /// Codes of the areas in which others end with them.
    pub left: Vec<String>,
    /// For whom nothing was ordered, in the order of the request.
    pub not_ordered: Vec<(String, NotOrdered)>,
}

/// What is to be done about one subject.
enum Planned {
    Make(Box<Making>),
    MadeBefore(u64),
    /// With what is to be written, so that the same request is refused again whatever stands then.
    Not(Refusal, Option<(Vec<u8>, Vec<u8>)>),
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

/// What a request leaves behind, of one subject: that it made an order, or that one stood already.
#[derive(Clone, Copy)]
struct Marks {
    made: Request,
    refused: Request,
}

impl Registry {
    /// Orders quarantine for one subject, in the name of the act's actor and at its time; the act's object
    /// becomes the order's number. Returns when it is on disk.
    ///
    /// # Errors
    /// What is to be ordered is over already, the request was used for something else, or the store fails; nothing
    /// is ordered then.
    pub fn order(
        &self,
        subject: SubjectCode,
        new: &NewOrder<'_>,
        act: Act,
    ) -> Result<Ordered, RegistryError> {
        let _alone = self.orders.lock();
        let mut changes = Changes::default();
        let ordered = match self.plan(&subject.to_string(), new, &act)? {
            Planned::MadeBefore(number) => {
                let whole = self.whole_order(number)?.ok_or(RegistryError::UnknownOrder)?;
                return Ok(Ok(Made { whole, left: Vec::new() }));
            }
            Planned::Not(refusal, mark) => {
                changes.puts.extend(mark);
                Err(refusal)
            }
            Planned::Make(making) => {
                let made = Made { whole: whole(&making), left: making.left() };
                self.put(*making, &act, &mut changes);
                Ok(made)
            }
        };
        self.write_orders(changes)?;
        Ok(ordered)
    }

    /// Orders quarantine for these codes, each once, whatever they are codes of; 500 in a write, each with an
    /// act, and `done` is told of each write once it is on disk. `is_tried`: nothing is written. Interrupted, the
    /// same request goes on.
    ///
    /// # Errors
    /// What is to be ordered is over already, the request was used for something else, or the store fails; what
    /// `done` was told of stays.
    pub fn order_all(
        &self,
        subjects: &[String],
        new: &NewOrder<'_>,
        act: &Act,
        is_tried: bool,
        mut done: impl FnMut(OrderedAll),
    ) -> Result<(), RegistryError> {
        let mut known = HashSet::new();
        let distinct: Vec<&String> =
            subjects.iter().filter(|subject| known.insert(subject.as_str())).collect();
        for chunk in distinct.chunks(ORDERED_AT_ONCE) {
            let _alone = self.orders.lock();
            let (mut all, mut changes) = (OrderedAll::default(), Changes::default());
            for subject in chunk {
                self.order_among(subject, new, act, &mut all, &mut changes)?;
            }
            if !is_tried {
                self.write_orders(changes)?;
            }
            done(all);
        }
        Ok(())
    }

    /// One of many: what is damaged of one keeps nobody else from being ordered.
    fn order_among(
        &self,
        subject: &str,
        new: &NewOrder<'_>,
        act: &Act,
        all: &mut OrderedAll,
        changes: &mut Changes,
    ) -> Result<(), RegistryError> {
        match self.order_next(subject, new, act, all, changes) {
            Err(RegistryError::Engine(error @ EngineError::Corrupt { .. })) => {
                tracing::error!(%error, "no quarantine is ordered for somebody");
                all.not_ordered.push((subject.to_owned(), NotOrdered::Damaged));
                Ok(())
            }
            done => done,
        }
    }

    fn order_next(
        &self,
        subject: &str,
        new: &NewOrder<'_>,
        act: &Act,
        all: &mut OrderedAll,
        changes: &mut Changes,
    ) -> Result<(), RegistryError> {
        match self.plan(subject, new, act)? {
            Planned::Not(refusal, mark) => {
                changes.puts.extend(mark);
                all.not_ordered.push((subject.to_owned(), refusal.why));
            }
            Planned::MadeBefore(number) => {
                let whole = self.whole_order(number)?.ok_or(RegistryError::UnknownOrder)?;
                all.made_before.push((whole.record.subject, whole.place.area));
            }
            Planned::Make(making) => {
                all.made.push((making.record.clone(), making.kept.place.area.clone()));
                all.left.extend(making.left());
                self.put(*making, act, changes);
            }
        }
        Ok(())
    }

    /// Decides about one, and changes nothing.
    fn plan(&self, subject: &str, new: &NewOrder<'_>, act: &Act) -> Result<Planned, RegistryError> {
        let not = |why| Ok(Planned::Not(Refusal { why, standing: None }, None));
        let Ok(code) = subject.parse::<SubjectCode>() else { return not(NotOrdered::NoRecord) };
        let marks = new.request.map(|asked| self.order_marks(asked, code));
        if let Some(planned) = marks.map_or(Ok(None), |marks| self.planned_before(marks))? {
            return Ok(planned);
        }
        if new.until <= new.from.max(act.at) {
            return Err(RegistryError::OrderOver);
        }
        let Some((own, sealed)) = self.open_person(code)? else {
            let is_vehicle = self.table.get(&keys::vehicle(code))?.is_some();
            return not(if is_vehicle { NotOrdered::Vehicle } else { NotOrdered::NoRecord });
        };
        let (mut standing, over): (Vec<_>, Vec<_>) =
            self.newest_of(code)?.into_iter().partition(|known| known.record.over_at() > act.at);
        standing.retain(|known| known.record.from < known.record.over_at());
        // What held in the past stays as it was.
        let free_from = over.iter().map(|known| known.record.over_at());
        let free_from = free_from.chain(standing.first().map(|_| act.at)).max().unwrap_or(new.from);
        let Span { from, until, goes_on } = match fit(new, &standing, new.from.max(free_from)) {
            Ok(span) => span,
            Err(standing) => {
                let refusal = Refusal { why: NotOrdered::AlreadyOrdered, standing: Some(standing) };
                return Ok(Planned::Not(refusal, marks.map(|marks| marks.refused.made(standing))));
            }
        };
        let person: Person = opened(&own, &sealed, &place_of(code), "a person")?;
        let Some(place) = place_for(new, &person, goes_on) else { return not(NotOrdered::Abroad) };
        let record = OrderRecord {
            order: self.declaration_number(TimeMs::new(act.at)),
            subject: code,
            kind: place.kind,
            reason: new.reason,
            from,
            until,
            by: act.actor.clone(),
            made_at: act.at,
            ended: None,
        };
        standing.retain(|known| known.record.overlaps(from, until));
        let (left, origin) = (left_behind(&standing, &place, from), new.origin.map(str::to_owned));
        let kept = Kept { place, permitted: new.permitted.to_vec(), left, origin, end_note: None };
        let request = marks.map(|marks| marks.made);
        Ok(Planned::Make(Box::new(Making { record, kept, own, ends: standing, request })))
    }

    /// What the same request was answered before.
    fn planned_before(&self, marks: Marks) -> Result<Option<Planned>, RegistryError> {
        if let Some(number) = self.made_before(marks.made)? {
            return Ok(Some(Planned::MadeBefore(number)));
        }
        let refused = |number| Refusal { why: NotOrdered::AlreadyOrdered, standing: Some(number) };
        Ok(self.made_before(marks.refused)?.map(|number| Planned::Not(refused(number), None)))
    }

    /// What is written of an order, with its act, and one for each that ends with it.
    fn put(&self, making: Making, act: &Act, changes: &mut Changes) {
        let Making { record, kept, own, ends, request } = making;
        for mut before in ends {
            let (at, next) = (record.from, Some(record.order));
            let end = OrderEnd { at, by: act.actor.clone(), how: Ending::Replaced, next };
            put_end(&mut before, Some(end), &own, changes);
            changes.acts.push(act_about(&before, "order.replaced", act));
        }
        put_order(&record, &kept, &own, changes);
        changes.puts.push((keys::order_of(record.subject, record.order), Vec::new()));
        let area = self.area_index(&kept.place.area);
        changes.puts.push((keys::order_at(area, record.order), Vec::new()));
        changes.puts.extend(request.map(|request| request.made(record.order)));
        changes.acts.push(Act { object: record.order.to_string(), ..act.clone() });
    }

    fn write_orders(&self, changes: Changes) -> Result<(), RegistryError> {
        if changes.puts.is_empty() {
            return Ok(());
        }
        self.writer.write(changes)?;
        self.lists_changed();
        Ok(())
    }

    fn order_marks(&self, asked: Asked<'_>, subject: SubjectCode) -> Marks {
        let vault = self.vault.read();
        let (whose, content) =
            (format!("{subject}|{}", asked.key), vault.blind("order-content", asked.content));
        let [made, refused] = ["order-request", "order-refused"]
            .map(|what| Request { key: vault.blind(what, &whose), content });
        Marks { made, refused }
    }
}

impl Making {
    fn left(&self) -> Vec<String> {
        self.ends.iter().map(|known| known.place.area.clone()).collect()
    }
}

/// Where this person is to stay; none where there is no home in the country.
fn place_for(new: &NewOrder<'_>, person: &Person, goes_on: Option<&WholeOrder>) -> Option<OrderPlace> {
    let home = match new.place {
        Whither::Facility { site, area } => {
            let (area, site) = (area.to_owned(), Some(site.to_owned()));
            return Some(OrderPlace { kind: PlaceKind::Facility, area, address: None, site });
        }
        Whither::Home => match goes_on {
            Some(goes_on) => return Some(goes_on.place.clone()),
            None => person.home(),
        },
        Whither::At(home) => home,
    };
    let area = (new.area_today)(&home.area)?;
    Some(OrderPlace { kind: PlaceKind::Home, area, address: home.address.clone(), site: None })
}

/// Facilities that one leaves for another place: one may be seen there a while longer.
fn left_behind(ends: &[WholeOrder], place: &OrderPlace, from: i64) -> Vec<Left> {
    let begun = ends.iter().filter(|known| known.record.from <= from);
    let own = begun.clone().filter_map(|known| known.place.site.clone());
    let own = own.map(|site| Left { site, until: from.saturating_add(WAY_THERE_MS) });
    let before = begun.flat_map(|known| known.left.iter().cloned());
    let elsewhere = |left: &Left| place.site.as_ref() != Some(&left.site) && left.until > from;
    own.chain(before).filter(elsewhere).collect()
}

fn act_about(known: &WholeOrder, action: &str, act: &Act) -> Act {
    Act { action: action.to_owned(), object: known.record.order.to_string(), ..act.clone() }
}

fn whole(making: &Making) -> WholeOrder {
    let Kept { place, permitted, left, origin, end_note } = making.kept.clone();
    WholeOrder { record: making.record.clone(), place, permitted, left, origin, end_note }
}

/// How it ends before its time; none where it does not any more.
fn put_end(whole: &mut WholeOrder, end: Option<OrderEnd>, own: &Secret, changes: &mut Changes) {
    let before = open_key(&whole.record);
    whole.record.ended = end;
    // Deletes come after puts: in the same second it is the same key.
    if before != open_key(&whole.record) {
        changes.deletes.push(before);
    }
    let WholeOrder { record, place, permitted, left, origin, end_note } = whole.clone();
    put_order(&record, &Kept { place, permitted, left, origin, end_note }, own, changes);
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

/// How long one who is moved may still be seen where they were: scanned out there, fetched later that day. Scans
/// anywhere else, also on the way, show as ever.
const WAY_THERE_MS: i64 = 24 * 3_600_000;

/// Orders in one write: some 500 kilobytes, while no other order can be made.
const ORDERED_AT_ONCE: usize = 500;
