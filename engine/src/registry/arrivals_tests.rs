//! Arrivals held against a slow and obvious twin, with reopening, crashes, rotation and officers who confirm.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use truyvet_schemas::arrival::{Arrival, Carriage, CarriageKind, Crossing};
use truyvet_schemas::pass::{SubjectCode, UnixSeconds};
use truyvet_schemas::person::{Document, Person};
use truyvet_schemas::spelling::is_same_name;

use super::tests::{NOW, Place, act};
use super::*;

const DAY_MS: i64 = 86_400_000;
const PASSPORTS: u8 = 3;

/// One person as somebody spells them: the first three are one and the same, each of the others differs in one
/// field.
const SPELLINGS: [(&str, &str, &str); 6] = [
    ("Nguyễn Văn An", "1990-03-02", "male"),
    ("NGUYEN VAN AN", "1990", "other"),
    ("VANAN, Nguyen", "1990-03-02", "male"),
    ("Nguyễn Văn Anh", "1990-03-02", "male"),
    ("Nguyễn Văn An", "1990-02-03", "male"),
    ("Nguyễn Văn An", "1990-03-02", "female"),
];

fn arrival(passport: u8, spelling: usize, flight: u8, seat: u8) -> Arrival {
    let (name, birth_date, sex) = SPELLINGS[spelling];
    let carriage = match flight {
        0 => serde_json::json!({"kind": "on_foot", "date": "2021-08-19"}),
        _ => serde_json::json!({"kind": "flight", "number": format!("VN{flight}"), "date": "2021-08-19"}),
    };
    let json = serde_json::json!({
        "traveller": {"name": name, "birth_date": birth_date, "sex": sex, "nationality": "VNM",
            "passport": {"number": format!("C100000{passport}"), "country": "VNM"}},
        "crossing": {"site": format!("SB{}", seat % 2), "arrived_at": NOW, "from": "KOR", "carriage": carriage,
            "seat": format!("{seat}A"), "quarantine": {"facility": "CL1", "until": NOW + 14 * DAY_MS}},
    });
    serde_json::from_value::<Arrival>(json).expect("as the contract has it").tidied()
}

fn passport(number: u8) -> Document {
    arrival(number, 0, 0, 0).document()
}

fn how(state: DeclarationState, insists: bool, request: &str) -> Arriving<'_> {
    let now_s = (NOW / 1_000) as u32;
    let declaring = Declaring {
        state,
        issued: UnixSeconds::new(now_s),
        valid_until: UnixSeconds::new(now_s + 259_200),
        phone: "",
        request: Some(request),
        entered_by: Some("mai"),
    };
    Arriving { declaring, insists }
}

fn arrive(
    registry: &Registry,
    sent: &Arrival,
    state: DeclarationState,
    insists: bool,
    request: &str,
) -> Result<Arrived, RegistryError> {
    let declaration = sent.declaration("W1", "W2");
    registry.arrive(&declaration, &sent.crossing, how(state, insists, request), act("arrival.enter"))
}

#[derive(Clone, Debug)]
enum Step {
    Arrive { passport: u8, spelling: usize, flight: u8, seat: u8, is_seen: bool, insists: bool },
    Repeat(usize),
    Confirm(usize),
    Rotate,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let arrive = (0..PASSPORTS, 0usize..6, 0u8..3, 0u8..3, any::<bool>(), any::<bool>());
    prop_oneof![
        9 => arrive.prop_map(|(passport, spelling, flight, seat, is_seen, insists)| Step::Arrive {
            passport, spelling, flight, seat, is_seen, insists
        }),
        2 => (0usize..16).prop_map(Step::Repeat),
        3 => (0usize..16).prop_map(Step::Confirm),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// A person as the twin knows them.
struct Known {
    subject: SubjectCode,
    spelling: usize,
    is_verified: bool,
}

/// An arrival as the twin knows it.
struct Kept {
    made: Arrived,
    sent: Arrival,
    passport: u8,
    spelling: usize,
    state: DeclarationState,
    request: String,
}

#[derive(Default)]
struct Twin {
    people: BTreeMap<u8, Known>,
    kept: Vec<Kept>,
    requests: u32,
    acts: u64,
}

/// Fields in which two spellings differ, told from the table alone.
fn differs(one: usize, other: usize) -> Vec<&'static str> {
    let fields = [(3, "name"), (4, "birth_date"), (5, "sex")];
    let is_in = |spelling: usize| spelling == one || spelling == other;
    if one == other {
        return Vec::new();
    }
    // The second tells neither day nor sex, so it differs in neither; the day of the fourth is of that year.
    let silent = |field: &str| (one == 1 || other == 1) && field != "name";
    let fields = fields.into_iter().filter(|(spelling, field)| is_in(*spelling) && !silent(field));
    fields.map(|(_, field)| field).collect()
}

impl Twin {
    fn arrive(
        &mut self,
        registry: &Registry,
        (passport, spelling): (u8, usize),
        (flight, seat): (u8, u8),
        is_seen: bool,
        insists: bool,
    ) {
        let sent = arrival(passport, spelling, flight, seat);
        let asked = if is_seen { DeclarationState::Verified } else { DeclarationState::Unverified };
        self.requests += 1;
        let request = self.requests.to_string();
        let known = self.people.get(&passport);
        let fields = known.map_or_else(Vec::new, |known| differs(known.spelling, spelling));
        assert_eq!(registry.known_otherwise(&sent.person()).expect("whole"), fields);
        let made = arrive(registry, &sent, asked, insists, &request);
        if !fields.is_empty() && !insists {
            assert!(matches!(made, Err(RegistryError::OtherPerson(told)) if told == fields));
            return;
        }
        let made = made.expect("whole");
        let is_doubtful = !fields.is_empty() && known.is_some_and(|known| known.is_verified);
        let state = if is_doubtful { DeclarationState::Unverified } else { asked };
        let same = |kept: &&Kept| {
            kept.passport == passport
                && kept.sent.crossing.carriage == sent.crossing.carriage
                && sent.crossing.carriage.kind != CarriageKind::OnFoot
        };
        let before = self.kept.iter().rposition(|kept| same(&kept)).filter(|before| {
            let before = &self.kept[*before];
            before.sent.crossing == sent.crossing && differs(before.spelling, spelling).is_empty()
        });
        assert_eq!(made.was_there, before.is_some());
        if let Some(before) = before {
            self.is_there(before, &made, state);
            return;
        }
        let record = &made.declared.record;
        assert_eq!(
            (record.state, made.declared.pass.is_registered),
            (state, state == DeclarationState::Verified)
        );
        assert_eq!(made.declared.is_new_person, known.is_none());
        let is_verified = state == DeclarationState::Verified;
        let subject = record.subject;
        let known = self.people.entry(passport).or_insert(Known { subject, spelling, is_verified });
        assert_eq!(known.subject, subject, "one passport is one person");
        if is_verified {
            known.found_as(spelling);
        }
        self.kept.push(Kept { made, sent, passport, spelling, state, request });
        self.acts += 1;
    }

    /// What was there is verified from the moment on that somebody has the passport seen.
    fn is_there(&mut self, at: usize, made: &Arrived, state: DeclarationState) {
        let before = &mut self.kept[at];
        assert_eq!(made.declared.record.declaration, before.made.declared.record.declaration);
        let is_news = state == DeclarationState::Verified && before.state != state;
        assert_eq!(made.has_become_verified, is_news);
        if is_news {
            before.state = state;
            let known = self.people.get_mut(&before.passport).expect("known");
            known.found_as(before.spelling);
            self.acts += 1;
        }
    }

    fn repeat(&self, registry: &Registry, at: usize) {
        let Some(kept) = self.kept.get(at) else { return };
        let again = arrive(registry, &kept.sent, kept.state, true, &kept.request).expect("the same");
        assert!(again.was_there);
        assert_eq!(again.declared.record.declaration, kept.made.declared.record.declaration);
        let mut other = kept.sent.clone();
        other.crossing.seat = Some("99Z".to_owned());
        let other = arrive(registry, &other, kept.state, true, &kept.request);
        assert!(matches!(other, Err(RegistryError::KeyReused)));
    }

    /// An officer has the passport in hand.
    fn confirm(&mut self, registry: &Registry, at: usize) {
        let Some(kept) = self.kept.get_mut(at) else { return };
        registry.verified(kept.made.declared.record.declaration, act("declaration.verify")).expect("kept");
        kept.state = DeclarationState::Verified;
        let known = self.people.get_mut(&kept.passport).expect("known");
        known.found_as(kept.spelling);
        self.acts += 1;
    }

    fn check(&mut self, registry: &Registry) {
        for number in 0..PASSPORTS {
            let holder = registry.holder(&passport(number)).expect("whole");
            assert_eq!(holder, self.people.get(&number).map(|known| known.subject));
        }
        for (number, known) in &self.people {
            let person = registry.person(known.subject, act("person.read")).expect("whole").expect("known");
            self.acts += 1;
            assert_is(&person, known.spelling);
            assert_eq!(person.documents, [passport(*number)]);
            let theirs = self.numbers(|kept| kept.passport == *number);
            assert_eq!(registry.arrivals_of(known.subject, None, 99).expect("whole"), theirs);
        }
        for site in ["SB0", "SB1"] {
            let there = self.numbers(|kept| kept.sent.crossing.site == site);
            assert_eq!(registry.arrivals_at(site, None, 99).expect("whole"), there);
            let page = registry.arrivals_at(site, there.first().copied(), 1).expect("whole");
            assert_eq!(page, there.get(1).into_iter().copied().collect::<Vec<_>>());
        }
        assert!(registry.arrivals_at("SB", None, 99).expect("whole").is_empty(), "another site's");
        for flight in 0..3 {
            let carriage = arrival(0, 0, flight, 0).crossing.carriage;
            let found =
                registry.arrivals_on(&carriage).expect("whole").into_iter().collect::<BTreeSet<u64>>();
            assert_eq!(found, self.last_on(&carriage));
        }
        self.check_read(registry);
        let tip = registry.verify_audit().expect("whole").expect("unbroken");
        assert_eq!(tip.seq, self.acts, "every act is in the log once");
    }

    fn check_read(&mut self, registry: &Registry) {
        let numbers: Vec<u64> = self.kept.iter().map(|kept| kept.made.declared.record.declaration).collect();
        let read = registry.arrivals(&numbers, act("arrivals.read")).expect("whole");
        self.acts += 1;
        assert_eq!(read.len(), self.kept.len());
        for (read, kept) in read.iter().zip(&self.kept) {
            assert_eq!((&read.crossing, read.record.state), (&kept.sent.crossing, kept.state));
            let is_open = kept.state == DeclarationState::Unverified;
            let known = self.people[&kept.passport].spelling;
            let expected = if is_open { differs(known, kept.spelling) } else { Vec::new() };
            assert_eq!(read.differs, expected);
        }
        let coming = registry.travelling(&["W2"], None, 99).expect("whole");
        let coming: Vec<u64> = coming.iter().map(|journey| journey.record.declaration).collect();
        let verified = self.numbers(|kept| kept.state == DeclarationState::Verified);
        assert_eq!(coming, verified, "the ward hears of those that are verified");
    }

    /// The newest first.
    fn numbers(&self, wanted: impl Fn(&Kept) -> bool) -> Vec<u64> {
        let wanted = self.kept.iter().rev().filter(|kept| wanted(kept));
        wanted.map(|kept| kept.made.declared.record.declaration).collect()
    }

    fn last_on(&self, carriage: &Carriage) -> BTreeSet<u64> {
        let is_on =
            |kept: &&Kept| kept.sent.crossing.carriage == *carriage && carriage.kind != CarriageKind::OnFoot;
        let on = self.kept.iter().filter(is_on);
        let last: BTreeMap<u8, u64> =
            on.map(|kept| (kept.passport, kept.made.declared.record.declaration)).collect();
        last.into_values().collect()
    }
}

impl Known {
    fn found_as(&mut self, spelling: usize) {
        if !differs(self.spelling, spelling).is_empty() {
            self.spelling = spelling;
        }
        self.is_verified = true;
    }
}

fn assert_is(person: &Person, spelling: usize) {
    let (name, birth_date, _) = SPELLINGS[spelling];
    assert!(is_same_name(&person.name, name), "spelling {spelling}");
    assert_eq!(person.birth_date, birth_date);
    assert!(!person.permanent.is_told(), "where they live nobody has said");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn arrivals_agree_with_their_naive_twin(steps in proptest::collection::vec(step(), 1..28)) {
        let (mut place, mut twin) = (Place::new(), Twin::default());
        for step in steps {
            match step {
                Step::Arrive { passport, spelling, flight, seat, is_seen, insists } => {
                    twin.arrive(place.registry(), (passport, spelling), (flight, seat), is_seen, insists);
                }
                Step::Repeat(at) => twin.repeat(place.registry(), at),
                Step::Confirm(at) => twin.confirm(place.registry(), at),
                Step::Reopen => place.reopen(),
                Step::Crash => place.crash(),
                Step::Rotate => {
                    let rewrapped = place.registry().rotate_master(act("keys.rotate")).expect("room");
                    prop_assert_eq!(rewrapped, twin.people.len() as u64);
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
fn a_passport_known_under_another_spelling_is_one_person_who_is_not_changed() {
    let place = Place::new();
    let registry = place.registry();
    let first = arrive(registry, &arrival(1, 0, 1, 1), DeclarationState::Verified, false, "1").expect("new");
    for (spelling, request) in [(1, "2"), (2, "3")] {
        let sent = arrival(1, spelling, 2, spelling as u8);
        let again =
            arrive(registry, &sent, DeclarationState::Verified, false, request).expect("the same name");
        assert_eq!(again.declared.record.subject, first.declared.record.subject);
        assert_eq!(again.declared.record.state, DeclarationState::Verified);
    }
    let subject = first.declared.record.subject;
    let known = registry.person(subject, act("person.read")).expect("whole").expect("known");
    assert_eq!(known.name, "Nguyễn Văn An", "as it was known first");
}

#[test]
fn another_birth_date_is_kept_aside_until_an_officer_has_confirmed_it() {
    let place = Place::new();
    let registry = place.registry();
    arrive(registry, &arrival(1, 0, 1, 1), DeclarationState::Verified, false, "1").expect("new");
    let other = arrival(1, 4, 2, 1);
    let refused = arrive(registry, &other, DeclarationState::Verified, false, "2");
    assert!(matches!(refused, Err(RegistryError::OtherPerson(fields)) if fields == ["birth_date"]));
    let aside = arrive(registry, &other, DeclarationState::Verified, true, "2").expect("insisted on");
    let (record, pass) = (aside.declared.record, aside.declared.pass);
    assert_eq!((record.state, pass.is_registered), (DeclarationState::Unverified, false));
    let born = || {
        let known = registry.person(record.subject, act("person.read")).expect("whole").expect("known");
        known.birth_date
    };
    assert_eq!(born(), "1990-03-02", "nobody has verified the other");
    registry.verified(record.declaration, act("declaration.verify")).expect("kept");
    assert_eq!(born(), "1990-02-03");
}

#[test]
fn a_citizens_home_and_other_documents_stay_when_the_passport_arrives() {
    let place = Place::new();
    let registry = place.registry();
    let mut declared = super::tests::declaration("Nguyễn Văn An", &[7]);
    declared.person.birth_date = "1990-03-02".to_owned();
    declared.person.documents.push(passport(1));
    declared.person.documents.sort();
    let before =
        Declaring { request: None, entered_by: None, ..how(DeclarationState::Verified, false, "").declaring };
    registry.declare(&declared, before, act("declaration.make")).expect("new");
    let arrived =
        arrive(registry, &arrival(1, 3, 1, 1), DeclarationState::Verified, true, "1").expect("insisted");
    registry.verified(arrived.declared.record.declaration, act("declaration.verify")).expect("kept");
    let subject = arrived.declared.record.subject;
    let known = registry.person(subject, act("person.read")).expect("whole").expect("known");
    assert_eq!((known.name.as_str(), known.permanent.area.as_str()), ("Nguyễn Văn Anh", "W1"));
    assert_eq!(known.documents, declared.person.documents);
}

#[test]
fn two_at_once_make_one_person_and_one_arrival() {
    let place = Place::new();
    let registry = place.registry();
    let made: Vec<Arrived> = std::thread::scope(|scope| {
        let one = |at: usize| {
            scope.spawn(move || {
                let sent = arrival(1, at % 3, 1, 1);
                arrive(registry, &sent, DeclarationState::Unverified, false, &at.to_string()).expect("kept")
            })
        };
        let threads: Vec<_> = (0..8).map(one).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(made.iter().filter(|made| !made.was_there).count(), 1);
    let passes: BTreeSet<_> = made.iter().map(|made| made.declared.pass.pass).collect();
    assert_eq!(passes.len(), 1);
    let Crossing { carriage, .. } = arrival(1, 0, 1, 1).crossing;
    assert_eq!(registry.arrivals_on(&carriage).expect("whole").len(), 1);
}

#[test]
fn the_same_arrival_at_another_hour_is_kept_once_and_one_of_another_day_is_another() {
    let place = Place::new();
    let registry = place.registry();
    let at = |hours: i64, days: i64, request: &str| {
        let mut sent = arrival(1, 0, 1, 1);
        sent.crossing.arrived_at += hours * 3_600_000;
        sent.crossing.quarantine.until += hours * 3_600_000 + days * DAY_MS;
        arrive(registry, &sent, DeclarationState::Verified, false, request)
            .expect("the same person")
            .was_there
    };
    assert!(!at(0, 0, "1"));
    assert!(at(5, 0, "2") && at(-23, 0, "3"), "whoever sends the list again types another minute");
    assert!(!at(0, 1, "4"), "a day more in quarantine is news");
    assert!(!at(24, -1, "5"));
}

#[test]
fn a_passport_seen_at_the_second_sending_verifies_the_first() {
    let place = Place::new();
    let registry = place.registry();
    for request in ["1", "2"] {
        let sent = arrival(1, 0, 1, if request == "1" { 1 } else { 2 });
        let first = arrive(registry, &sent, DeclarationState::Unverified, false, request)
            .expect("kept")
            .declared
            .record;
        // The same request, and another one that says the same.
        let key = if request == "1" { "1" } else { "3" };
        let again = arrive(registry, &sent, DeclarationState::Verified, false, key).expect("the same");
        assert_eq!(
            (again.was_there, again.has_become_verified, again.declared.record.state),
            (true, true, DeclarationState::Verified)
        );
        assert_eq!(again.declared.record.declaration, first.declaration);
    }
}

#[test]
fn a_home_that_is_told_later_is_known_from_then_on_and_stays() {
    let place = Place::new();
    let registry = place.registry();
    let home = |flight: u8, home: Option<&str>| {
        let mut sent = arrival(1, 0, flight, 1);
        sent.traveller.home = home.map(str::to_owned);
        let made =
            arrive(registry, &sent, DeclarationState::Verified, false, &flight.to_string()).expect("kept");
        registry.home_of(made.declared.record.subject).expect("whole").expect("known")
    };
    assert!(!home(1, None).is_told(), "a facility is nobody's home");
    assert_eq!(home(2, Some("W1")).area, "W1");
    assert_eq!(home(3, Some("W9")).area, "W1", "where a known person lives no arrival says");
}
