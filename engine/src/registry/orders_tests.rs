//! Quarantine orders held against a slow and obvious twin, with reopening, crashes and rotation.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{SubjectCode, UnixSeconds};
use truyvet_schemas::person::Residence;
use truyvet_schemas::quarantine::{DiaryEntry, EndReason, OrderPlace, OrderReason, PlaceKind};
use truyvet_schemas::vehicle::Trip;

use super::tests::{NOW, Place, declaration};
use super::*;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const PEOPLE: u8 = 5;
/// The last of these lives where no area of the country is.
const HOMES: [&str; PEOPLE as usize] = ["W1", "W1", "W2", "W0", "XX"];

fn act(at: i64) -> Act {
    let text = |text: &str| text.to_owned();
    Act { at, actor: text("mai"), action: text("order"), object: text("-"), result: text("ok") }
}

/// `W0` was merged into `W1`.
fn area_today(code: &str) -> Option<String> {
    match code {
        "W0" => Some("W1".to_owned()),
        "XX" => None,
        code => Some(code.to_owned()),
    }
}

fn settle(registry: &Registry) -> Vec<SubjectCode> {
    let declared = |number: u8| {
        let mut sent = declaration("Mai", &[number]);
        sent.person.permanent.area = HOMES[usize::from(number)].to_owned();
        let now_s = (NOW / 1_000) as u32;
        let how = Declaring {
            state: DeclarationState::Verified,
            issued: UnixSeconds::new(now_s),
            valid_until: UnixSeconds::new(now_s + 1),
            phone: "",
            request: None,
            entered_by: None,
        };
        registry.declare(&sent, how, act(NOW)).expect("room").record.subject
    };
    (0..PEOPLE).map(declared).collect()
}

#[derive(Clone, Debug)]
struct Sent {
    whom: Vec<u8>,
    in_facility: bool,
    from: i64,
    until: i64,
    key: String,
}

impl Sent {
    fn new_order<'a>(&'a self, content: &'a str) -> NewOrder<'a> {
        NewOrder {
            place: match self.in_facility {
                true => Whither::Facility { site: "F1", area: "W2" },
                false => Whither::Home,
            },
            reason: OrderReason::Contact,
            from: self.from,
            until: self.until,
            permitted: &[],
            origin: Some("contacts of X"),
            yields: false,
            area_today: &area_today,
            request: Some(super::Asked { key: &self.key, content }),
        }
    }
}

/// All that became of it.
fn order_all(
    registry: &Registry,
    codes: &[String],
    new: &NewOrder<'_>,
    now: i64,
    is_tried: bool,
) -> Result<OrderedAll, RegistryError> {
    let mut found = OrderedAll::default();
    registry.order_all(codes, new, &act(now), is_tried, |mut all| {
        found.made.append(&mut all.made);
        found.made_before.append(&mut all.made_before);
        found.left.append(&mut all.left);
        found.not_ordered.append(&mut all.not_ordered);
    })?;
    Ok(found)
}

#[derive(Clone, Debug)]
enum Step {
    Order { whom: Vec<u8>, in_facility: bool, from_h: i64, days: i64 },
    Repeat(usize),
    End(usize),
    Move { order: usize, home: bool },
    Write(usize),
    Wait(i64),
    Sweep,
    Rotate,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let whom = proptest::collection::vec(0u8..PEOPLE + 1, 1..5);
    prop_oneof![
        6 => (whom, any::<bool>(), -50i64..50, 1i64..5).prop_map(|(whom, in_facility, from_h, days)| {
            Step::Order { whom, in_facility, from_h, days }
        }),
        2 => (0usize..9).prop_map(Step::Repeat),
        2 => (0usize..12).prop_map(Step::End),
        2 => (0usize..12, any::<bool>()).prop_map(|(order, home)| Step::Move { order, home }),
        2 => (0usize..12).prop_map(Step::Write),
        4 => (1i64..60).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

#[derive(Clone, Debug)]
struct Known {
    number: u64,
    whom: u8,
    area: &'static str,
    site: Option<&'static str>,
    from: i64,
    until: i64,
    over_at: i64,
    ended: Option<Ending>,
    /// The order that goes on in its place.
    next: Option<u64>,
    entries: u32,
}

impl Known {
    fn holds_at(&self, at: i64) -> bool {
        (self.from..self.over_at).contains(&at)
    }

    /// Whether it holds now or later.
    fn stands(&self, now: i64) -> bool {
        self.over_at > now.max(self.from)
    }
}

struct Twin {
    now: i64,
    people: Vec<SubjectCode>,
    orders: Vec<Known>,
    sent: Vec<Sent>,
    /// By request and person.
    made: BTreeMap<(String, u8), u64>,
    /// For whom a request found an order already.
    refused: BTreeSet<(String, u8)>,
    acts: u64,
}

impl Twin {
    /// Code number `PEOPLE` is nobody's.
    fn code(&self, whom: u8) -> String {
        self.people.get(usize::from(whom)).map_or_else(|| "nobody".to_owned(), ToString::to_string)
    }

    fn order(&mut self, registry: &Registry, sent: &Sent) {
        let (now, codes) = (self.now, sent.whom.iter().map(|whom| self.code(*whom)).collect::<Vec<_>>());
        let is_new = |whom: &u8| {
            let mark = (sent.key.clone(), *whom);
            *whom != PEOPLE && !self.made.contains_key(&mark) && !self.refused.contains(&mark)
        };
        if sent.until <= now && sent.whom.iter().any(is_new) {
            let over = order_all(registry, &codes, &sent.new_order("c"), now, false);
            assert!(matches!(over, Err(RegistryError::OrderOver)));
            return;
        }
        let tried = order_all(registry, &codes, &sent.new_order("c"), now, true).expect("whole");
        let found = order_all(registry, &codes, &sent.new_order("c"), now, false).expect("whole");
        assert_eq!((tried.made.len(), &tried.not_ordered), (found.made.len(), &found.not_ordered));
        let (mut made, mut again, mut not, mut seen) = (Vec::new(), 0, Vec::new(), Vec::new());
        for whom in &sent.whom {
            if seen.contains(whom) {
                continue;
            }
            seen.push(*whom);
            let mark = (sent.key.clone(), *whom);
            if self.made.contains_key(&mark) {
                again += 1;
            } else if self.refused.contains(&mark) {
                not.push((self.code(*whom), NotOrdered::AlreadyOrdered));
            } else if *whom == PEOPLE {
                not.push((self.code(*whom), NotOrdered::NoRecord));
            } else {
                match self.expect(sent, *whom) {
                    Ok(known) => made.push(known),
                    Err(why) => {
                        not.push((self.code(*whom), why));
                        self.refused.extend((why == NotOrdered::AlreadyOrdered).then_some(mark));
                    }
                }
            }
        }
        assert_eq!((found.made_before.len(), &found.not_ordered), (again, &not));
        assert_eq!(found.made.len(), made.len());
        for ((record, area), mut known) in found.made.into_iter().zip(made) {
            assert_eq!((record.from, record.until, area.as_str()), (known.from, known.until, known.area));
            known.number = record.order;
            self.keep(known, Some(&sent.key));
        }
    }

    /// Hour by hour: what is there already, what is planned there, what it stands in the place of.
    fn expect(&self, sent: &Sent, whom: u8) -> Result<Known, NotOrdered> {
        let own = || self.orders.iter().filter(move |known| known.whom == whom);
        let standing: Vec<&Known> = own().filter(|known| known.stands(self.now)).collect();
        let there = |at: i64| {
            let is_there = |known: &&&Known| !sent.in_facility || known.site == Some("F1");
            standing.iter().filter(is_there).find(|known| known.holds_at(at)).copied()
        };
        let held_from = |mut at: i64| {
            while there(at).is_some() {
                at += HOUR_MS;
            }
            at
        };
        let lasts = |until: i64| sent.until - until < 12 * HOUR_MS;
        let mut begins = sent.from;
        for known in own().filter(|known| known.over_at <= self.now) {
            begins = begins.max(known.over_at);
        }
        if !standing.is_empty() {
            begins = begins.max(self.now);
        }
        let held_until = held_from(begins);
        if held_until > begins && lasts(held_until) {
            return Err(NotOrdered::AlreadyOrdered);
        }
        let last = there(held_until - HOUR_MS).filter(|_| held_until > begins);
        let from = last.map_or(begins, |last| begins.max(last.from));
        let hours = (0..).map(|hour| held_until + hour * HOUR_MS).take_while(|at| *at < sent.until);
        let planned = hours.into_iter().find(|at| there(*at).is_some() && lasts(held_from(*at)));
        let replaced = standing.iter().filter(|known| known.from < sent.until && from < known.over_at);
        let longest = replaced.map(|known| known.over_at).fold(sent.until, i64::max);
        let until = planned.unwrap_or(longest);
        let home = match HOMES[usize::from(whom)] {
            "W0" => "W1",
            home => home,
        };
        let (area, site) = match last {
            _ if sent.in_facility => ("W2", Some("F1")),
            Some(last) => (last.area, last.site),
            None if home == "XX" => return Err(NotOrdered::Abroad),
            None => (home, None),
        };
        let over_at = until;
        Ok(Known { number: 0, whom, area, site, from, until, over_at, ended: None, next: None, entries: 0 })
    }

    /// Ends those that hold then, at the beginning of the new one.
    fn keep(&mut self, new: Known, key: Option<&str>) {
        let (now, held) = (self.now, self.held(new.whom));
        let overlap = |known: &Known| new.from < known.over_at && known.from < new.over_at;
        for known in self.orders.iter_mut().filter(|known| known.whom == new.whom && known.stands(now)) {
            if overlap(known) {
                (known.over_at, known.ended, known.next) =
                    (new.from, Some(Ending::Replaced), Some(new.number));
                self.acts += 1;
            }
        }
        if let Some(key) = key {
            self.made.insert((key.to_owned(), new.whom), new.number);
        }
        let whom = new.whom;
        self.orders.push(new);
        self.acts += 1;
        let holds = self.held(whom);
        assert!(held.is_subset(&holds), "no order makes a quarantine shorter");
    }

    /// Hours of quarantine that are still to come.
    fn held(&self, whom: u8) -> BTreeSet<i64> {
        let standing = self.orders.iter().filter(|known| known.whom == whom && known.stands(self.now));
        let hours = |known: &Known| {
            let hours = (known.over_at - known.from) / HOUR_MS;
            let from = known.from;
            (0..hours).map(move |hour| from + hour * HOUR_MS)
        };
        standing.flat_map(hours).filter(|at| *at >= self.now).collect()
    }

    fn repeat(&mut self, registry: &Registry, at: usize) {
        let Some(sent) = self.sent.get(at).cloned() else { return };
        self.order(registry, &sent);
        let made = sent.whom.iter().find(|whom| self.made.contains_key(&(sent.key.clone(), **whom)));
        if let Some(whom) = made {
            let other = order_all(registry, &[self.code(*whom)], &sent.new_order("d"), self.now, false);
            assert!(matches!(other, Err(RegistryError::KeyReused)));
        }
    }

    fn end(&mut self, registry: &Registry, at: usize) {
        let now = self.now;
        let Some(known) = self.orders.get_mut(at) else { return };
        let ended = registry.end_order(known.number, EndReason::Lifted, Some("nhầm"), act(now));
        if !known.stands(now) {
            assert!(matches!(ended, Err(RegistryError::OrderOver)));
            return;
        }
        let ended = ended.expect("whole");
        assert_eq!(ended.whole.end_note.as_deref(), Some("nhầm"));
        (known.over_at, known.ended, known.next) = (now, Some(Ending::Lifted), None);
        self.acts += 1;
        let (number, has_begun) = (known.number, known.from <= now);
        let resumed = if has_begun { Vec::new() } else { self.resume(number) };
        let found: BTreeSet<u64> = ended.resumed.iter().map(|whole| whole.record.order).collect();
        assert_eq!(found, resumed.into_iter().collect());
    }

    /// As if an order had never been: what it cut goes on until what begins after it, or its own end, unless
    /// another holds by then.
    fn resume(&mut self, never: u64) -> Vec<u64> {
        let gave_way: Vec<usize> =
            (0..self.orders.len()).filter(|at| self.orders[*at].next == Some(never)).collect();
        for at in &gave_way {
            let known = &mut self.orders[*at];
            (known.over_at, known.ended, known.next) = (known.until, None, None);
        }
        let covering = |known: &Known| {
            let mut others =
                (0..self.orders.len()).filter(|at| !gave_way.contains(at)).map(|at| &self.orders[at]);
            let holds = |other: &&Known| {
                other.whom == known.whom && other.stands(self.now) && other.holds_at(known.from)
            };
            others.find(holds).map(|other| (other.from, other.number))
        };
        let covered: Vec<_> = gave_way.iter().map(|at| covering(&self.orders[*at])).collect();
        for (at, covered) in gave_way.iter().zip(&covered) {
            if let Some((from, number)) = covered {
                let cut = &mut self.orders[*at];
                (cut.over_at, cut.ended, cut.next) = (*from, Some(Ending::Replaced), Some(*number));
            }
        }
        let mut goes_on = Vec::new();
        for (at, _) in gave_way.iter().zip(covered).filter(|(_, covered)| covered.is_none()) {
            let known = self.orders[*at].clone();
            goes_on.push(known.number);
            let after = self.orders.iter().filter(|other| {
                other.whom == known.whom
                    && (other.from, other.number) > (known.from, known.number)
                    && other.stands(self.now)
            });
            let first = after.map(|other| (other.from, other.number)).min();
            if let Some((from, number)) = first.filter(|(from, _)| *from < known.until) {
                let cut = &mut self.orders[*at];
                (cut.over_at, cut.ended, cut.next) = (from, Some(Ending::Replaced), Some(number));
            }
        }
        self.acts += gave_way.len() as u64;
        goes_on
    }

    fn change_place(&mut self, registry: &Registry, at: usize, is_home: bool) {
        let Some(known) = self.orders.get(at).cloned() else { return };
        let place = match is_home {
            true => OrderPlace { kind: PlaceKind::Home, area: "W1".to_owned(), address: None, site: None },
            false => OrderPlace {
                kind: PlaceKind::Facility,
                area: "W2".to_owned(),
                address: None,
                site: Some("F2".to_owned()),
            },
        };
        let moved = registry.move_order(known.number, place, Vec::new(), act(self.now));
        if !known.stands(self.now) {
            assert!(matches!(moved, Err(RegistryError::OrderOver)));
            return;
        }
        let number = moved.expect("whole").record.order;
        let (area, site) = if is_home { ("W1", None) } else { ("W2", Some("F2")) };
        let from = known.from.max(self.now);
        self.keep(Known { number, area, site, from, entries: 0, ..known }, None);
    }

    fn write(&mut self, registry: &Registry, at: usize) {
        let now = self.now;
        let Some(known) = self.orders.get_mut(at) else { return };
        let written = registry.write_diary(known.number, entry(now), None, act(now));
        if !known.stands(now) {
            assert!(matches!(written, Err(RegistryError::OrderOver)));
            return;
        }
        known.entries += 1;
        assert_eq!(written.expect("whole").number, known.entries);
        self.acts += 1;
    }

    fn check(&self, registry: &Registry) {
        for known in &self.orders {
            let whole = registry.whole_order(known.number).expect("whole").expect("known");
            let record = &whole.record;
            assert_eq!(
                (record.from, record.until, record.over_at()),
                (known.from, known.until, known.over_at)
            );
            assert_eq!(record.ended.as_ref().map(|end| end.how), known.ended);
            assert_eq!((whole.place.area.as_str(), whole.place.site.as_deref()), (known.area, known.site));
            assert_eq!(registry.diary_entries(known.number).expect("whole"), known.entries);
            let diary = registry.diary(known.number).expect("whole");
            assert_eq!(diary.len(), known.entries as usize);
            assert!(diary.iter().all(|written| written.entry == entry(written.written_at)));
        }
        self.check_lists(registry);
        let tip = registry.verify_audit().expect("whole").expect("unbroken");
        assert_eq!(tip.seq, self.acts, "every act is in the log once");
    }

    fn check_lists(&self, registry: &Registry) {
        let newest = |wanted: &dyn Fn(&Known) -> bool| -> Vec<u64> {
            let mut numbers: Vec<u64> =
                self.orders.iter().filter(|known| wanted(known)).map(|known| known.number).collect();
            numbers.sort_unstable_by(|a, b| b.cmp(a));
            numbers
        };
        for (whom, subject) in self.people.iter().enumerate() {
            let is_theirs = |known: &Known| usize::from(known.whom) == whom;
            assert_eq!(registry.orders_of(*subject, None, 99).expect("whole"), newest(&is_theirs));
            for at in self.instants() {
                let holds = |known: &&Known| is_theirs(known) && (known.from..known.over_at).contains(&at);
                let expected: Vec<u64> = self.orders.iter().filter(holds).map(|known| known.number).collect();
                assert!(expected.len() <= 1, "one at a time");
                let found = registry.order_at(*subject, TimeMs::new(at)).expect("whole");
                assert_eq!(found.map(|whole| whole.record.order), expected.first().copied());
            }
        }
        for area in ["W1", "W2", "XX"] {
            let found = registry.orders_at(&[area], None, 99).expect("whole");
            assert_eq!(found, newest(&|known| known.area == area));
            let page = registry.orders_at(&[area], found.first().copied(), 1).expect("whole");
            assert_eq!(page, found.get(1).into_iter().copied().collect::<Vec<_>>());
        }
        let mut open = Vec::new();
        let each = |order: OpenOrder| {
            open.push((order.subject.bytes(), order.from, order.over_at));
            true
        };
        registry.open_orders(TimeMs::new(self.now), each).expect("whole");
        let standing = self.orders.iter().filter(|known| known.over_at > self.now);
        let entry = |known: &Known| (self.people[usize::from(known.whom)].bytes(), known.from, known.over_at);
        let mut expected: Vec<_> = standing.map(entry).collect();
        open.sort_unstable();
        expected.sort_unstable();
        assert_eq!(open, expected);
    }

    /// Where something begins or ends, and beside it; the newest few, of which a subject has no more.
    fn instants(&self) -> Vec<i64> {
        let ends = self.orders.iter().flat_map(|known| [known.from, known.over_at]);
        ends.flat_map(|at| [at - 1, at]).collect()
    }
}

fn entry(now: i64) -> DiaryEntry {
    let json = serde_json::json!({"temperature_c": 36.8, "symptoms": ["cough"], "note": "Mệt"});
    serde_json::from_value::<DiaryEntry>(json).expect("as the contract has it").tidied(now)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn orders_agree_with_their_naive_twin(steps in proptest::collection::vec(step(), 1..20)) {
        agree(steps);
    }
}

#[test]
fn what_gave_way_to_an_order_that_never_began_gives_way_to_what_took_its_place() {
    let order = |in_facility, from_h, days| Step::Order { whom: vec![2], in_facility, from_h, days };
    let mut steps = vec![order(false, 37, 1), order(true, 1, 2), order(false, 2, 3), Step::End(1)];
    agree(steps.clone());
    // That one never begins either: the first goes on.
    steps.push(Step::End(2));
    agree(steps);
}

fn agree(steps: Vec<Step>) {
    let mut place = Place::new();
    let people = settle(place.registry());
    let acts = people.len() as u64;
    let (made, refused) = (BTreeMap::new(), BTreeSet::new());
    let mut twin = Twin { now: NOW, people, orders: Vec::new(), sent: Vec::new(), made, refused, acts };
    for step in steps {
        match step {
            Step::Order { whom, in_facility, from_h, days } => {
                let from = twin.now + from_h * HOUR_MS;
                let until = from.max(twin.now) + days * DAY_MS;
                let sent = Sent { whom, in_facility, from, until, key: twin.sent.len().to_string() };
                twin.order(place.registry(), &sent);
                twin.sent.push(sent);
            }
            Step::Repeat(at) => twin.repeat(place.registry(), at),
            Step::End(at) => twin.end(place.registry(), at),
            Step::Move { order, home } => twin.change_place(place.registry(), order, home),
            Step::Write(at) => twin.write(place.registry(), at),
            Step::Wait(hours) => twin.now += hours * HOUR_MS,
            Step::Sweep => {
                place.registry().sweep(TimeMs::new(twin.now)).expect("room");
            }
            Step::Rotate => {
                place.registry().rotate_master(act(twin.now)).expect("room");
                twin.acts += 1;
            }
            Step::Reopen => place.reopen(),
            Step::Crash => place.crash(),
        }
    }
    twin.check(place.registry());
    place.reopen();
    twin.check(place.registry());
}

fn sent(whom: &[u8], until: i64) -> Sent {
    Sent { whom: whom.to_vec(), in_facility: false, from: NOW, until, key: "k".to_owned() }
}

#[test]
fn a_vehicle_is_told_from_somebody_who_is_not_known() {
    let place = Place::new();
    let registry = place.registry();
    let json = serde_json::json!({
        "vehicle": {"plate": "51F-123.45", "kind": "truck", "operator": "Một", "seats": 3},
        "depot": "D1", "route": ["P1"], "departs_at": NOW, "until": NOW + HOUR_MS, "cargo": {"kind": "food"},
        "aboard": [{"duty": "driver", "name": "An", "birth_date": "1980", "sex": "male",
            "document": {"kind": "citizen_id", "number": "001080000001"}}],
    });
    let trip = serde_json::from_value::<Trip>(json).expect("as the contract has it").tidied();
    let how = DeclaringTrip { issued: UnixSeconds::new(0), phone: None, elsewhere: "W1", request: None };
    let made = registry.declare_trip(&trip, how, act(NOW)).expect("whole").record;
    let order = sent(&[], NOW + DAY_MS);
    let why = |subject| {
        let ordered = registry.order(subject, &order.new_order("c"), act(NOW)).expect("whole");
        ordered.map(|made| made.whole.place.area).map_err(|refusal| refusal.why)
    };
    assert_eq!(why(made.vehicle), Err(NotOrdered::Vehicle));
    assert_eq!(why(SubjectCode::new([9; 10])), Err(NotOrdered::NoRecord));
    assert_eq!(why(made.driver), Ok("W1".to_owned()), "who was aboard is a person");
}

#[test]
fn a_request_that_was_interrupted_goes_on_and_makes_nothing_twice() {
    let place = Place::new();
    let registry = place.registry();
    let people = settle(registry);
    let codes: Vec<String> = people.iter().map(ToString::to_string).collect();
    let order = sent(&[], NOW + DAY_MS);
    // Of the whole list two were written when it broke off.
    let first = order_all(registry, &codes[..2], &order.new_order("c"), NOW, false).expect("whole");
    let all = order_all(registry, &codes, &order.new_order("c"), NOW + 5, false).expect("whole");
    assert_eq!((first.made.len(), all.made.len()), (2, 2));
    let before = [(people[0], "W1".to_owned()), (people[1], "W1".to_owned())];
    assert_eq!(all.made_before, before, "whose they are is told again: nobody may have heard of them");
    assert_eq!(all.not_ordered, [(codes[4].clone(), NotOrdered::Abroad)]);
    let again = order_all(registry, &codes, &order.new_order("c"), NOW + 9, false).expect("whole");
    assert_eq!((again.made_before.len(), again.made.len()), (4, 0));
    assert_eq!(registry.orders_of(people[0], None, 9).expect("whole").len(), 1);
}

#[test]
fn only_scans_elsewhere_while_it_holds_break_an_order() {
    let place = Place::new();
    let registry = place.registry();
    let people = settle(registry);
    let permitted = ["BV".to_owned()];
    let order = |whither| NewOrder {
        place: whither,
        reason: OrderReason::Case,
        from: NOW,
        until: NOW + DAY_MS,
        permitted: &permitted,
        origin: None,
        yields: false,
        area_today: &area_today,
        request: None,
    };
    let facility = Whither::Facility { site: "F1", area: "W2" };
    let whole =
        registry.order(people[4], &order(facility), act(NOW)).expect("whole").expect("it is allowed").whole;
    let broken = |site: &str, at| whole.is_broken_by(site, at);
    assert!(broken("C1", NOW) && broken("C1", NOW + DAY_MS - 1));
    assert!(!broken("C1", NOW - 1) && !broken("C1", NOW + DAY_MS));
    assert!(!broken("F1", NOW) && !broken("BV", NOW));
    let ended = registry
        .end_order(whole.record.order, EndReason::Completed, None, act(NOW + 10))
        .expect("whole")
        .whole;
    assert!(ended.is_broken_by("C1", NOW + 9) && !ended.is_broken_by("C1", NOW + 10));
    let at_home =
        registry.order(people[0], &order(Whither::Home), act(NOW)).expect("whole").expect("at home").whole;
    assert!(at_home.is_broken_by("F1", NOW) && !at_home.is_broken_by("BV", NOW));
    assert_eq!(
        registry.order(people[0], &order(Whither::Home), act(NOW)).expect("whole"),
        Err(Refusal { why: NotOrdered::AlreadyOrdered, standing: Some(at_home.record.order) })
    );
}

/// An order without a request, so many days from now on.
fn days(place: Whither<'_>, from: i64, until: i64) -> NewOrder<'_> {
    NewOrder {
        place,
        reason: OrderReason::Contact,
        from: NOW + from * DAY_MS,
        until: NOW + until * DAY_MS,
        permitted: &[],
        origin: None,
        yields: false,
        area_today: &area_today,
        request: None,
    }
}

const fn facility(site: &str) -> Whither<'_> {
    Whither::Facility { site, area: "W2" }
}

fn ordered(registry: &Registry, subject: SubjectCode, new: &NewOrder<'_>, day: i64) -> WholeOrder {
    let made = registry.order(subject, new, act(NOW + day * DAY_MS)).expect("whole");
    made.expect("it is allowed").whole
}

/// Where somebody is to be on each of these days: the facility's site, or the home's area.
fn places(registry: &Registry, subject: SubjectCode, days: std::ops::Range<i64>) -> Vec<String> {
    let at = |day: i64| registry.order_at(subject, TimeMs::new(NOW + day * DAY_MS)).expect("whole");
    let place = |whole: WholeOrder| whole.place.site.unwrap_or(whole.place.area);
    days.map(|day| at(day).map_or_else(|| "-".to_owned(), place)).collect()
}

#[test]
fn a_new_order_of_another_place_never_makes_a_quarantine_shorter() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    ordered(registry, subject, &days(facility("F2"), 0, 5), 0);
    let over = registry.order(subject, &days(facility("CL1"), -3, 1), act(NOW + DAY_MS));
    assert!(matches!(over, Err(RegistryError::OrderOver)), "what is over is not ordered");
    let elsewhere = Residence { area: "W1".to_owned(), address: Some("12 Hàng Bạc".to_owned()) };
    let moved = ordered(registry, subject, &days(Whither::At(&elsewhere), 1, 3), 1);
    assert_eq!(moved.record.until, NOW + 5 * DAY_MS, "as long as the one before");
    assert_eq!(places(registry, subject, 0..6), ["F2", "W1", "W1", "W1", "W1", "-"]);
}

#[test]
fn an_arrival_moves_nobody_out_of_what_was_ordered_for_another_reason() {
    let place = Place::new();
    let registry = place.registry();
    let people = settle(registry);
    let arrival = |from, until| NewOrder {
        yields: true,
        reason: OrderReason::Abroad,
        ..days(facility("CL1"), from, until)
    };
    ordered(registry, people[0], &days(facility("F2"), 0, 5), 0);
    let refused = registry.order(people[0], &arrival(-4, 4), act(NOW + DAY_MS)).expect("whole");
    assert_eq!(refused.map_err(|refusal| refusal.why), Err(NotOrdered::AlreadyOrdered));
    ordered(registry, people[0], &arrival(-4, 7), 1);
    assert_eq!(places(registry, people[0], 3..8), ["F2", "F2", "CL1", "CL1", "-"], "behind the other");
    ordered(registry, people[1], &arrival(0, 4), 0);
    let other = NewOrder { place: facility("CL2"), ..arrival(0, 4) };
    ordered(registry, people[1], &other, 1);
    assert_eq!(places(registry, people[1], 0..5), ["CL1", "CL2", "CL2", "CL2", "-"], "what was mistyped");
}

#[test]
fn what_is_planned_does_for_nobody_before_it_begins() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    ordered(registry, subject, &days(facility("F1"), 3, 8), 0);
    let home = ordered(registry, subject, &days(Whither::Home, 0, 8), 0);
    assert_eq!(home.record.until, NOW + 3 * DAY_MS);
    assert_eq!(places(registry, subject, 0..5), ["W1", "W1", "W1", "F1", "F1"]);
    let again = registry.order(subject, &days(Whither::Home, 0, 8), act(NOW)).expect("whole");
    assert_eq!(again.map_err(|refusal| refusal.why), Err(NotOrdered::AlreadyOrdered), "one after the other");
}

#[test]
fn what_gave_way_to_an_order_that_never_began_goes_on() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    let end = |order: u64, day: i64| {
        registry
            .end_order(order, EndReason::Lifted, None, act(NOW + day * DAY_MS))
            .expect("it stands")
            .resumed
    };
    let home = ordered(registry, subject, &days(Whither::Home, 0, 6), 0);
    let full = ordered(registry, subject, &days(facility("F1"), 2, 6), 0);
    assert_eq!(places(registry, subject, 1..4), ["W1", "F1", "F1"]);
    let resumed = end(full.record.order, 1);
    assert_eq!(resumed.iter().map(|whole| whole.record.order).collect::<Vec<_>>(), [home.record.order]);
    assert_eq!(places(registry, subject, 1..7), ["W1", "W1", "W1", "W1", "W1", "-"]);
    // The same again, and now the first of the two is lifted: the facility stays planned.
    ordered(registry, subject, &days(facility("F1"), 2, 6), 1);
    assert!(end(home.record.order, 1).is_empty(), "it has begun");
    assert_eq!(places(registry, subject, 1..4), ["-", "F1", "F1"]);
}

#[test]
fn who_is_moved_while_something_else_is_planned_is_moved_until_then() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    let home = ordered(registry, subject, &days(Whither::Home, 0, 6), 0);
    let planned = ordered(registry, subject, &days(facility("F1"), 3, 6), 0);
    let there = OrderPlace {
        kind: PlaceKind::Facility,
        area: "W2".to_owned(),
        address: None,
        site: Some("F2".to_owned()),
    };
    registry.move_order(home.record.order, there, Vec::new(), act(NOW + DAY_MS)).expect("it stands");
    assert_eq!(places(registry, subject, 0..5), ["W1", "F2", "F2", "F1", "F1"]);
    registry
        .end_order(planned.record.order, EndReason::Lifted, None, act(NOW + 2 * DAY_MS))
        .expect("planned");
    assert_eq!(places(registry, subject, 2..7), ["F2", "F2", "F2", "F2", "-"]);
}

#[test]
fn who_is_moved_may_be_seen_leaving_and_nowhere_else_on_the_way() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    let first = ordered(registry, subject, &days(facility("F1"), 0, 6), 0);
    let there = |site: &str| OrderPlace {
        kind: PlaceKind::Facility,
        area: "W2".to_owned(),
        address: None,
        site: Some(site.to_owned()),
    };
    let at = NOW + DAY_MS;
    let full = registry.move_order(first.record.order, there("F2"), Vec::new(), act(at)).expect("it stands");
    let moved =
        registry.move_order(full.record.order, there("F3"), Vec::new(), act(at + 1)).expect("it stands");
    let broken = |site: &str, at| moved.is_broken_by(site, at);
    assert!(!broken("F1", at + HOUR_MS) && !broken("F2", at + HOUR_MS) && !broken("F3", at + HOUR_MS));
    assert!(broken("C1", at + HOUR_MS), "anywhere else");
    assert!(broken("F1", at + 25 * HOUR_MS), "nobody leaves for days");
    assert_eq!(registry.whole_order(moved.record.order).expect("whole"), Some(moved));
}

#[test]
fn a_request_that_found_an_order_orders_nothing_once_that_is_lifted() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    let order = sent(&[], NOW + 2 * DAY_MS);
    let standing = ordered(registry, subject, &days(facility("F1"), 0, 2), 0).record.order;
    let refusal = Err(Refusal { why: NotOrdered::AlreadyOrdered, standing: Some(standing) });
    let again = |at| registry.order(subject, &order.new_order("c"), act(at)).expect("whole");
    assert_eq!(again(NOW), refusal);
    registry.end_order(standing, EndReason::Lifted, None, act(NOW + 1)).expect("it stands");
    assert_eq!(again(NOW + 2), refusal, "the same request is answered the same");
    assert!(registry.order_at(subject, TimeMs::new(NOW + 2)).expect("whole").is_none());
}

#[test]
fn what_is_damaged_of_one_keeps_nobody_else_from_being_ordered() {
    let place = Place::new();
    let registry = place.registry();
    let people = settle(registry);
    let codes: Vec<String> = people[..3].iter().map(ToString::to_string).collect();
    let mut bytes = registry.table.get(&place_of(people[1])).expect("readable").expect("known");
    *bytes.last_mut().expect("bytes") ^= 1;
    registry.table.write(&[(place_of(people[1]), bytes)], &[], &[]).expect("room");
    let order = sent(&[], NOW + DAY_MS);
    let found = order_all(registry, &codes, &order.new_order("c"), NOW, false).expect("for the others");
    assert_eq!(found.made.len(), 2);
    assert_eq!(found.not_ordered, [(codes[1].clone(), NotOrdered::Damaged)]);
}

#[test]
fn each_write_of_many_orders_is_told_although_a_later_one_fails() {
    let place = Place::new();
    let registry = place.registry();
    let people = settle(registry);
    let (subject, far) = (people[0], people[2]);
    let (order, nobody) = (sent(&[], NOW + DAY_MS), SubjectCode::new([9; 10]));
    let other = sent(&[], NOW + 2 * DAY_MS);
    registry.order(far, &other.new_order("other"), act(NOW)).expect("whole").expect("new");
    // The last of so many has used the key for something else.
    let filling = (0..499).map(|number| format!("{nobody}{number}"));
    let codes: Vec<String> =
        [subject.to_string()].into_iter().chain(filling).chain([far.to_string()]).collect();
    let mut told = Vec::new();
    let failed = registry.order_all(&codes, &order.new_order("c"), &act(NOW), false, |all| {
        told.extend(all.made.into_iter().map(|(record, _)| record.subject));
    });
    assert!(matches!(failed, Err(RegistryError::KeyReused)));
    assert_eq!(told, [subject], "what is on disk is told");
}

#[test]
fn whom_an_order_takes_from_an_area_that_area_is_told_and_the_log_has_it() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    let home = ordered(registry, subject, &days(Whither::Home, 0, 5), 0).record.order;
    let made = registry.order(subject, &days(facility("F1"), 1, 5), act(NOW)).expect("whole").expect("new");
    assert_eq!(made.left, ["W1"]);
    let log = registry.audit(1, 99).expect("whole");
    let replaced: Vec<&str> = log
        .iter()
        .filter(|entry| entry.act.action == "order.replaced")
        .map(|entry| entry.act.object.as_str())
        .collect();
    assert_eq!(replaced, [home.to_string()]);
}

#[test]
fn an_entry_is_written_once_and_late_where_it_was_so_while_the_order_held() {
    let place = Place::new();
    let registry = place.registry();
    let subject = settle(registry)[0];
    let order = ordered(registry, subject, &days(Whither::Home, 0, 2), 0).record.order;
    let write = |at: i64, now: i64, key: Option<&str>| {
        let request = key.map(|key| super::Asked { key, content: "e" });
        let written =
            registry.write_diary(order, entry(NOW + at * HOUR_MS), request, act(NOW + now * HOUR_MS));
        written.map(|entry| entry.number)
    };
    assert_eq!(write(1, 1, Some("k")).expect("it holds"), 1);
    assert_eq!(write(2, 2, Some("k")).expect("the same"), 1, "an answer that was lost");
    assert_eq!(write(3, 3, Some("l")).expect("it holds"), 2);
    assert!(matches!(write(50, 50, None), Err(RegistryError::OrderOver)), "nothing was ordered then");
    assert_eq!(write(40, 50, None).expect("on paper, typed in later"), 3);
    assert!(matches!(write(40, 48 + 14 * 24, None), Err(RegistryError::OrderOver)), "too late");
    assert_eq!(registry.diary_entries(order).expect("whole"), 3);
}
