//! Trips held against a slow and obvious twin, with reopening, crashes and rotation.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{SubjectCode, UnixSeconds};
use truyvet_schemas::person::{Document, DocumentKind};
use truyvet_schemas::vehicle::{Aboard, Checklist, DepotCheck, Trip, tidy_aboard};

use super::tests::{NOW, Place};
use super::*;

const HOUR_MS: i64 = 3_600_000;
const PLATES: [&str; 3] = ["51F-123.45", "29C-1234", "AB-123-CD"];
const ROUTES: [&[&str]; 3] = [&["P1"], &["P1", "P2"], &["P2", "P3"]];

fn aboard(numbers: &[u8]) -> Vec<Aboard> {
    let one = |(i, number): (usize, &u8)| {
        let json = serde_json::json!({"duty": if i == 0 { "driver" } else { "crew" }, "name": format!("Lái {number}"),
            "birth_date": "1980", "sex": "male", "document": document(*number)});
        serde_json::from_value(json).expect("as the contract has it")
    };
    tidy_aboard(numbers.iter().enumerate().map(one).collect())
}

fn document(number: u8) -> Document {
    Document { kind: DocumentKind::CitizenId, number: format!("0010800{number:05}"), country: None }.tidied()
}

fn trip(plate: usize, route: usize, numbers: &[u8], now: i64) -> Trip {
    let json = serde_json::json!({
        "vehicle": {"plate": PLATES[plate], "kind": "truck", "operator": "Vận tải Một", "seats": 10},
        "depot": format!("D{route}"), "route": ROUTES[route], "departs_at": now, "until": now + 9 * HOUR_MS,
        "cargo": {"kind": "food"}, "aboard": aboard(numbers),
    });
    serde_json::from_value::<Trip>(json).expect("as the contract has it").tidied()
}

fn act(at: i64) -> Act {
    let text = |text: &str| text.to_owned();
    Act { at, actor: text("mai"), action: text("trip"), object: text("-"), result: text("ok") }
}

fn declare(registry: &Registry, trip: &Trip, now: i64, key: &str) -> Result<TripDeclared, RegistryError> {
    let how = DeclaringTrip {
        issued: UnixSeconds::new((now / 1_000) as u32),
        phone: Some("+84901234567"),
        elsewhere: "W1",
        request: Some(key),
    };
    registry.declare_trip(trip, how, act(now))
}

fn all_checked() -> Checklist {
    Checklist { checks: DepotCheck::ALL.to_vec(), remark: Some("Niêm phong 7".to_owned()) }
}

#[derive(Clone, Debug)]
enum Step {
    Declare { plate: usize, route: usize, aboard: BTreeSet<u8> },
    Repeat(usize),
    Seal(usize),
    Refuse(usize),
    End(usize),
    Change { trip: usize, aboard: BTreeSet<u8> },
    Wait(i64),
    Rotate,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let people = || proptest::collection::btree_set(0u8..6, 1..4);
    prop_oneof![
        5 => (0usize..3, 0usize..3, people())
            .prop_map(|(plate, route, aboard)| Step::Declare { plate, route, aboard }),
        1 => (0usize..6).prop_map(Step::Repeat),
        4 => (0usize..6).prop_map(Step::Seal),
        1 => (0usize..6).prop_map(Step::Refuse),
        1 => (0usize..6).prop_map(Step::End),
        4 => (0usize..6, people()).prop_map(|(trip, aboard)| Step::Change { trip, aboard }),
        2 => (0i64..4).prop_map(Step::Wait),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// A trip as the twin knows it.
struct Known {
    made: TripDeclared,
    sent: Trip,
    key: String,
    decided: TripState,
    /// From when on, and the documents' numbers.
    manifests: Vec<(i64, Vec<u8>)>,
}

impl Known {
    fn state(&self, now: i64) -> TripState {
        let is_late = self.sent.until <= now && self.decided != TripState::Refused;
        if is_late { TripState::Over } else { self.decided }
    }

    /// Searched from the last one down.
    fn aboard_at(&self, at: i64) -> &[u8] {
        let holds = self.manifests.iter().rev().find(|(from, _)| *from <= at);
        &holds.unwrap_or(&self.manifests[0]).1
    }
}

struct Twin {
    now: i64,
    trips: Vec<Known>,
    people: BTreeMap<u8, SubjectCode>,
    vehicles: BTreeMap<usize, SubjectCode>,
    acts: u64,
}

impl Twin {
    fn declare(&mut self, registry: &Registry, plate: usize, route: usize, numbers: &[u8]) {
        let (sent, key) = (trip(plate, route, numbers, self.now), self.trips.len().to_string());
        let made = declare(registry, &sent, self.now, &key).expect("whole");
        let unknown = numbers.iter().filter(|number| !self.people.contains_key(number)).count();
        let is_new = !self.vehicles.contains_key(&plate);
        assert_eq!(made.newcomers.len(), unknown + usize::from(is_new));
        assert_eq!(*self.vehicles.entry(plate).or_insert(made.record.vehicle), made.record.vehicle);
        let manifests = vec![(self.now, numbers.to_vec())];
        self.trips.push(Known { made, sent, key, decided: TripState::Declared, manifests });
        self.acts += 1;
        self.learn(registry, numbers);
    }

    /// Everyone aboard is one person, found by the document from now on.
    fn learn(&mut self, registry: &Registry, numbers: &[u8]) {
        for number in numbers {
            let holder = registry.holder(&document(*number)).expect("whole").expect("known");
            assert_eq!(*self.people.entry(*number).or_insert(holder), holder);
        }
    }

    fn repeat(&self, registry: &Registry, at: usize) {
        let Some(known) = self.trips.get(at) else { return };
        let again = declare(registry, &known.sent, self.now, &known.key).expect("the same");
        assert_eq!((again.record.trip, again.newcomers), (known.made.record.trip, Vec::new()));
        let mut other = known.sent.clone();
        other.until += 1;
        assert!(matches!(declare(registry, &other, self.now, &known.key), Err(RegistryError::KeyReused)));
    }

    fn decide(&mut self, registry: &Registry, at: usize, decision: TripState) {
        let (now, list) = (self.now, all_checked());
        let Some(known) = self.trips.get_mut(at) else { return };
        let (trip, before) = (known.made.record.trip, known.state(now));
        let (done, needed) = match decision {
            TripState::Sealed => (registry.seal_trip(trip, &list, act(now)), TripState::Declared),
            TripState::Refused => (registry.refuse_trip(trip, &list, act(now)), TripState::Declared),
            _ => (registry.end_trip(trip, act(now)), TripState::Sealed),
        };
        if before != needed {
            assert!(matches!(done, Err(RegistryError::TripState)));
            return;
        }
        assert_eq!(done.expect("whole").decided, decision);
        known.decided = decision;
        self.acts += 1;
    }

    fn change(&mut self, registry: &Registry, at: usize, numbers: &[u8]) {
        let now = self.now;
        let Some(known) = self.trips.get_mut(at) else { return };
        let changed = registry.change_aboard(known.made.record.trip, &aboard(numbers), "W1", act(now));
        if !matches!(known.state(now), TripState::Declared | TripState::Sealed) {
            assert!(matches!(changed, Err(RegistryError::TripState)));
            return;
        }
        let (_, manifest, _) = changed.expect("whole");
        let last = known.manifests.last().expect("one at least").0;
        assert_eq!(manifest.from, now.max(last + 1), "it begins when it is written");
        known.manifests.push((manifest.from, numbers.to_vec()));
        self.acts += 1;
        self.learn(registry, numbers);
    }

    fn codes(&self, numbers: &[u8]) -> Vec<SubjectCode> {
        numbers.iter().map(|number| self.people[number]).collect()
    }

    fn check(&mut self, registry: &Registry) {
        for known in &self.trips {
            let number = known.made.record.trip;
            let whole = registry.trip(number, act(self.now)).expect("whole").expect("known");
            self.acts += 1;
            assert_eq!(whole.trip, known.sent);
            assert_eq!(whole.record.state(TimeMs::new(self.now)), known.state(self.now));
            assert_eq!(whole.decided.is_some(), known.decided != TripState::Declared);
            let pass = registry.pass(known.made.pass.pass).expect("whole").expect("issued");
            assert!(pass.is_vehicle && pass.declaration == number);
            let has_left = matches!(known.decided, TripState::Sealed | TripState::Over);
            let is_back = matches!(known.decided, TripState::Refused | TripState::Over);
            assert_eq!((pass.is_registered, pass.revoked.is_some()), (has_left, is_back));
            for at in known.manifests.iter().flat_map(|(from, _)| from - 1..from + 2) {
                let expected = self.codes(known.aboard_at(at));
                assert_eq!(registry.aboard_at(number, TimeMs::new(at)).expect("whole"), expected);
                assert_eq!(whole.manifest_at(TimeMs::new(at)).subjects(), expected);
            }
        }
        self.check_lists(registry);
        let tip = registry.verify_audit().expect("whole").expect("unbroken");
        assert_eq!(tip.seq, self.acts, "every act is in the log once");
    }

    fn check_lists(&self, registry: &Registry) {
        let newest = |wanted: &dyn Fn(&Known) -> bool| -> Vec<u64> {
            let trips = self.trips.iter().rev().filter(|known| wanted(known));
            trips.map(|known| known.made.record.trip).collect()
        };
        for (number, subject) in &self.people {
            let was_aboard =
                |known: &Known| known.manifests.iter().any(|(_, aboard)| aboard.contains(number));
            assert_eq!(registry.trips_of(*subject, None, 99).expect("whole"), newest(&was_aboard));
        }
        for (plate, subject) in &self.vehicles {
            assert_eq!(registry.vehicle(PLATES[*plate]).expect("whole"), Some(*subject));
            let is_its = |known: &Known| known.sent.vehicle.plate == PLATES[*plate];
            assert_eq!(registry.trips_of(*subject, None, 99).expect("whole"), newest(&is_its));
        }
        for area in ["P1", "P2", "P3"] {
            let found = registry.trips_at(&[TripPlace::Area(area)], None, 99).expect("whole");
            assert_eq!(found, newest(&|known| known.sent.route.iter().any(|own| own == area)));
            let page = registry.trips_at(&[TripPlace::Area(area)], found.first().copied(), 1).expect("whole");
            assert_eq!(page, found.get(1).into_iter().copied().collect::<Vec<_>>());
        }
        assert_eq!(registry.trips_at(&[TripPlace::Area("W1")], None, 99).expect("whole"), newest(&|_| true));
        let at_depot = registry.trips_at(&[TripPlace::Depot("D1")], None, 99).expect("whole");
        assert_eq!(at_depot, newest(&|known| known.sent.depot == "D1"));
        let mut under_way = BTreeMap::new();
        let each = |record: &TripRecord, aboard| under_way.insert(record.trip, aboard).is_none();
        registry.trips_under_way(TimeMs::new(self.now), each).expect("whole");
        let sealed = self.trips.iter().filter(|known| known.state(self.now) == TripState::Sealed);
        let expected = sealed.map(|known| (known.made.record.trip, self.codes(known.aboard_at(self.now))));
        assert_eq!(under_way, expected.collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn trips_agree_with_their_naive_twin(steps in proptest::collection::vec(step(), 1..28)) {
        let (mut place, vehicles) = (Place::new(), BTreeMap::new());
        let mut twin = Twin { now: NOW, trips: Vec::new(), people: BTreeMap::new(), vehicles, acts: 0 };
        for step in steps {
            let listed = |numbers: BTreeSet<u8>| numbers.into_iter().collect::<Vec<_>>();
            match step {
                Step::Declare { plate, route, aboard } => {
                    twin.declare(place.registry(), plate, route, &listed(aboard));
                }
                Step::Repeat(at) => twin.repeat(place.registry(), at),
                Step::Seal(at) => twin.decide(place.registry(), at, TripState::Sealed),
                Step::Refuse(at) => twin.decide(place.registry(), at, TripState::Refused),
                Step::End(at) => twin.decide(place.registry(), at, TripState::Over),
                Step::Change { trip, aboard } => twin.change(place.registry(), trip, &listed(aboard)),
                // Short, or long enough that trips are over.
                Step::Wait(3) => twin.now += 5 * HOUR_MS,
                Step::Wait(ms) => twin.now += ms,
                Step::Reopen => place.reopen(),
                Step::Crash => place.crash(),
                Step::Rotate => {
                    let rewrapped = place.registry().rotate_master(act(twin.now)).expect("room");
                    prop_assert_eq!(rewrapped, (twin.people.len() + twin.vehicles.len()) as u64);
                    twin.acts += 1;
                }
            }
        }
        twin.check(place.registry());
        place.reopen();
        twin.check(place.registry());
    }
}

#[test]
fn sixty_aboard_are_kept_in_one_write_and_those_who_declare_later_are_the_same_people() {
    let place = Place::new();
    let numbers: Vec<u8> = (0..60).collect();
    let mut coach = trip(0, 0, &numbers, NOW);
    coach.vehicle.seats = 60;
    assert_eq!(coach.check(NOW), []);
    let made = declare(place.registry(), &coach, NOW, "k").expect("whole");
    assert_eq!(made.newcomers.len(), 61);
    let aboard = place.registry().aboard_at(made.record.trip, TimeMs::new(NOW)).expect("whole");
    assert_eq!(aboard.len(), 60);
    let again = declare(place.registry(), &trip(1, 1, &[59, 3], NOW), NOW, "l").expect("whole");
    assert_eq!(again.record.driver, aboard[59], "by the document, whatever the vehicle");
    assert_eq!(place.registry().verify_audit().expect("whole").map(|tip| tip.seq), Ok(2));
}

#[test]
fn those_aboard_change_a_bounded_number_of_times_and_never_backwards() {
    let place = Place::new();
    let registry = place.registry();
    let number = declare(registry, &trip(0, 0, &[1], NOW), NOW, "k").expect("whole").record.trip;
    let change = |at| registry.change_aboard(number, &aboard(&[2]), "W1", act(at));
    let (_, manifest, _) = change(NOW - HOUR_MS).expect("whole");
    assert_eq!(manifest.from, NOW + 1, "a clock that was set back rewrites nothing");
    for _ in 2..MANIFESTS_MAX {
        change(NOW + 5).expect("room");
    }
    assert!(matches!(change(NOW + 5), Err(RegistryError::TooManyManifests)));
    let unknown = registry.change_aboard(number + 1, &aboard(&[2]), "W1", act(NOW));
    assert!(matches!(unknown, Err(RegistryError::UnknownTrip)));
}

#[test]
fn what_is_over_leaves_the_list_of_trips_under_way() {
    let place = Place::new();
    let registry = place.registry();
    let number = declare(registry, &trip(0, 0, &[1], NOW), NOW, "k").expect("whole").record.trip;
    registry.seal_trip(number, &all_checked(), act(NOW)).expect("declared");
    let under_way = |at| {
        let mut found = 0;
        registry
            .trips_under_way(TimeMs::new(at), |_, _| {
                found += 1;
                true
            })
            .expect("whole");
        found
    };
    let later = NOW + 10 * HOUR_MS;
    assert_eq!((under_way(NOW), under_way(later)), (1, 0));
    assert_eq!(registry.sweep(TimeMs::new(NOW)).expect("room"), 0);
    assert_eq!(registry.sweep(TimeMs::new(later)).expect("room"), 1);
    assert_eq!(under_way(NOW), 0);
    let whole = registry.whole_trip(number).expect("whole").expect("what was declared stays");
    assert_eq!(whole.decided.map(|decided| decided.checklist), Some(all_checked()));
}
