//! Quarantine orders held against a slow and obvious twin, with reopening, crashes and rotation.

use std::collections::BTreeMap;

use proptest::prelude::*;
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{SubjectCode, UnixSeconds};
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
            area_today: &area_today,
            request: Some(super::Asked { key: &self.key, content }),
        }
    }
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
    entries: u32,
}

struct Twin {
    now: i64,
    people: Vec<SubjectCode>,
    orders: Vec<Known>,
    sent: Vec<Sent>,
    /// By request and person.
    made: BTreeMap<(String, u8), u64>,
    acts: u64,
}

impl Twin {
    /// Code number `PEOPLE` is nobody's.
    fn code(&self, whom: u8) -> String {
        self.people.get(usize::from(whom)).map_or_else(|| "nobody".to_owned(), ToString::to_string)
    }

    fn order(&mut self, registry: &Registry, sent: &Sent) {
        let (now, codes) = (self.now, sent.whom.iter().map(|whom| self.code(*whom)).collect::<Vec<_>>());
        let tried = registry.order_all(&codes, &sent.new_order("c"), &act(now), true).expect("whole");
        let found = registry.order_all(&codes, &sent.new_order("c"), &act(now), false).expect("whole");
        assert_eq!((tried.made.len(), &tried.not_ordered), (found.made.len(), &found.not_ordered));
        let (mut made, mut again, mut not, mut seen) = (Vec::new(), 0, Vec::new(), Vec::new());
        for whom in &sent.whom {
            if seen.contains(whom) {
                continue;
            }
            seen.push(*whom);
            if self.made.contains_key(&(sent.key.clone(), *whom)) {
                again += 1;
            } else if *whom == PEOPLE {
                not.push((self.code(*whom), NotOrdered::NoRecord));
            } else {
                match self.expect(sent, *whom) {
                    Ok(known) => made.push(known),
                    Err(why) => not.push((self.code(*whom), why)),
                }
            }
        }
        assert_eq!((found.made_before, &found.not_ordered), (again, &not));
        assert_eq!(found.made.len(), made.len());
        for ((record, area), mut known) in found.made.into_iter().zip(made) {
            assert_eq!((record.from, record.until, area.as_str()), (known.from, known.until, known.area));
            known.number = record.order;
            self.keep(known, Some(&sent.key));
        }
    }

    fn expect(&self, sent: &Sent, whom: u8) -> Result<Known, NotOrdered> {
        let own = || self.orders.iter().filter(move |known| known.whom == whom);
        let standing: Vec<&Known> = own().filter(|known| known.over_at > self.now).collect();
        let is_there = |known: &&&Known| !sent.in_facility || known.site == Some("F1");
        let covering = standing
            .iter()
            .filter(is_there)
            .any(|known| known.ended.is_none() && sent.until - known.until < 12 * HOUR_MS);
        if covering {
            return Err(NotOrdered::AlreadyOrdered);
        }
        let home = match HOMES[usize::from(whom)] {
            "W0" => "W1",
            home => home,
        };
        let (area, site) = match standing.last() {
            _ if sent.in_facility => ("W2", Some("F1")),
            Some(newest) => (newest.area, newest.site),
            None if home == "XX" => return Err(NotOrdered::Abroad),
            None => (home, None),
        };
        let mut from = sent.from;
        for known in own().filter(|known| known.over_at <= self.now) {
            from = from.max(known.over_at);
        }
        if !standing.is_empty() {
            from = from.max(self.now);
        }
        let (until, over_at) = (sent.until, sent.until);
        Ok(Known { number: 0, whom, area, site, from, until, over_at, ended: None, entries: 0 })
    }

    /// Ends those that stand, at the beginning of the new one.
    fn keep(&mut self, new: Known, key: Option<&str>) {
        let now = self.now;
        for known in self.orders.iter_mut().filter(|known| known.whom == new.whom && known.over_at > now) {
            if new.from < known.over_at {
                (known.over_at, known.ended) = (new.from, Some(Ending::Replaced));
            }
        }
        if let Some(key) = key {
            self.made.insert((key.to_owned(), new.whom), new.number);
        }
        self.orders.push(new);
        self.acts += 1;
    }

    fn repeat(&mut self, registry: &Registry, at: usize) {
        let Some(sent) = self.sent.get(at).cloned() else { return };
        self.order(registry, &sent);
        let made = sent.whom.iter().find(|whom| self.made.contains_key(&(sent.key.clone(), **whom)));
        if let Some(whom) = made {
            let other = registry.order_all(&[self.code(*whom)], &sent.new_order("d"), &act(self.now), false);
            assert!(matches!(other, Err(RegistryError::KeyReused)));
        }
    }

    fn end(&mut self, registry: &Registry, at: usize) {
        let now = self.now;
        let Some(known) = self.orders.get_mut(at) else { return };
        let ended = registry.end_order(known.number, EndReason::Lifted, Some("nhầm"), act(now));
        if known.over_at <= now || known.ended.is_some() {
            assert!(matches!(ended, Err(RegistryError::OrderOver)));
            return;
        }
        assert_eq!(ended.expect("whole").end_note.as_deref(), Some("nhầm"));
        (known.over_at, known.ended) = (now, Some(Ending::Lifted));
        self.acts += 1;
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
        if known.over_at <= self.now || known.ended.is_some() {
            assert!(matches!(moved, Err(RegistryError::OrderOver)));
            return;
        }
        let number = moved.expect("whole").record.order;
        let (area, site) = if is_home { ("W1", None) } else { ("W2", Some("F2")) };
        let from = known.from.max(self.now);
        self.keep(
            Known { number, area, site, from, entries: 0, ended: None, over_at: known.until, ..known },
            None,
        );
    }

    fn write(&mut self, registry: &Registry, at: usize) {
        let now = self.now;
        let Some(known) = self.orders.get_mut(at) else { return };
        let written = registry.write_diary(known.number, entry(now), act(now));
        if known.over_at <= now {
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
        let mut place = Place::new();
        let people = settle(place.registry());
        let acts = people.len() as u64;
        let mut twin =
            Twin { now: NOW, people, orders: Vec::new(), sent: Vec::new(), made: BTreeMap::new(), acts };
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
        ordered.map(|whole| whole.place.area).map_err(|refusal| refusal.why)
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
    let first = registry.order_all(&codes[..2], &order.new_order("c"), &act(NOW), false).expect("whole");
    let all = registry.order_all(&codes, &order.new_order("c"), &act(NOW + 5), false).expect("whole");
    assert_eq!((first.made.len(), all.made_before, all.made.len()), (2, 2, 2));
    assert_eq!(all.not_ordered, [(codes[4].clone(), NotOrdered::Abroad)]);
    let again = registry.order_all(&codes, &order.new_order("c"), &act(NOW + 9), false).expect("whole");
    assert_eq!((again.made_before, again.made.len()), (4, 0));
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
        area_today: &area_today,
        request: None,
    };
    let facility = Whither::Facility { site: "F1", area: "W2" };
    let whole = registry.order(people[4], &order(facility), act(NOW)).expect("whole").expect("it is allowed");
    let broken = |site: &str, at| whole.is_broken_by(site, at);
    assert!(broken("C1", NOW) && broken("C1", NOW + DAY_MS - 1));
    assert!(!broken("C1", NOW - 1) && !broken("C1", NOW + DAY_MS));
    assert!(!broken("F1", NOW) && !broken("BV", NOW));
    let ended =
        registry.end_order(whole.record.order, EndReason::Completed, None, act(NOW + 10)).expect("whole");
    assert!(ended.is_broken_by("C1", NOW + 9) && !ended.is_broken_by("C1", NOW + 10));
    let at_home =
        registry.order(people[0], &order(Whither::Home), act(NOW)).expect("whole").expect("at home");
    assert!(at_home.is_broken_by("F1", NOW) && !at_home.is_broken_by("BV", NOW));
    assert_eq!(
        registry.order(people[0], &order(Whither::Home), act(NOW)).expect("whole"),
        Err(Refusal { why: NotOrdered::AlreadyOrdered, standing: Some(at_home.record.order) })
    );
}
