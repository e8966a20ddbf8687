//! The registry held against a slow and obvious twin, with reopening, crashes, rotation and two at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use proptest::prelude::*;
use tempfile::TempDir;
use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::{PassId, SubjectCode, UnixSeconds};
use truyvet_schemas::person::{Document, DocumentKind};

use super::*;

pub(super) const NOW: i64 = 1_629_400_000_000;

pub(super) struct Place {
    dir: TempDir,
    registry: Option<Registry>,
}

impl Place {
    pub(super) fn new() -> Self {
        let mut place = Self { dir: tempfile::tempdir().expect("a temporary folder"), registry: None };
        place.reopen();
        place
    }

    pub(super) fn reopen(&mut self) {
        self.registry = None;
        let opened =
            Registry::open(&self.dir.path().join("registry"), &self.dir.path().join("keys"), 8 << 20);
        self.registry = Some(opened.expect("its own keys"));
    }

    /// As if the process had been killed: what is on disk at this moment is all that is left.
    pub(super) fn crash(&mut self) {
        let left = tempfile::tempdir().expect("a temporary folder");
        for folder in ["registry", "keys"] {
            copy_at_one_moment(&self.dir.path().join(folder), &left.path().join(folder));
        }
        self.registry = None;
        self.dir = left;
        self.reopen();
    }

    pub(super) fn registry(&self) -> &Registry {
        self.registry.as_ref().expect("open")
    }
}

/// The store may be removing files meanwhile: copies anew until nothing came, went or grew.
fn copy_at_one_moment(from: &Path, to: &Path) {
    let files = || -> BTreeSet<(OsString, u64)> {
        let entries = std::fs::read_dir(from).expect("readable").flatten();
        let files = entries.filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?.len())));
        files.filter(|(name, _)| name != "LOG").collect()
    };
    for _ in 0..1_000 {
        std::fs::create_dir(to).expect("a new folder");
        let before = files();
        let copied = before.iter().all(|(name, _)| std::fs::copy(from.join(name), to.join(name)).is_ok());
        if copied && files() == before {
            return;
        }
        std::fs::remove_dir_all(to).expect("its own");
    }
    panic!("the store never rests");
}

fn document(number: u8) -> Document {
    Document { kind: DocumentKind::CitizenId, number: format!("0010900{number:05}"), country: None }.tidied()
}

pub(super) fn declaration(name: &str, documents: &[u8]) -> Declaration {
    let documents: Vec<_> = documents.iter().map(|number| document(*number)).collect();
    let json = serde_json::json!({
        "person": {"name": name, "birth_date": "1990", "sex": "male", "documents": documents,
            "permanent": {"area": "W1"}},
        "journey": {"from": "W1", "to": "W2", "departs_at": NOW, "purpose": "work"},
        "health": {"exposure": "none", "vaccine_doses": 2},
    });
    serde_json::from_value::<Declaration>(json).expect("as the contract has it").tidied()
}

pub(super) fn act(action: &str) -> Act {
    let text = |text: &str| text.to_owned();
    Act { at: NOW, actor: text("mai"), action: text(action), object: text("-"), result: text("ok") }
}

fn declare(registry: &Registry, declaration: &Declaration) -> Result<Declared, RegistryError> {
    request(registry, declaration, None)
}

fn request(
    registry: &Registry,
    declaration: &Declaration,
    key: Option<&str>,
) -> Result<Declared, RegistryError> {
    let now_s = (NOW / 1_000) as u32;
    let how = Declaring {
        state: DeclarationState::Verified,
        issued: UnixSeconds::new(now_s),
        valid_until: UnixSeconds::new(now_s + 259_200),
        phone: "+84901234567",
        request: key,
        entered_by: None,
    };
    registry.declare(declaration, how, act("declaration.make"))
}

#[derive(Clone, Debug)]
enum Step {
    Declare { name: u8, documents: Vec<u8> },
    Repeat(usize),
    Revoke(usize),
    Read(usize),
    Arrive(usize),
    Rotate,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..4, proptest::collection::vec(0u8..6, 1..3))
            .prop_map(|(name, documents)| Step::Declare { name, documents }),
        2 => (0usize..20).prop_map(Step::Repeat),
        2 => (0usize..20).prop_map(Step::Revoke),
        2 => (0usize..20).prop_map(Step::Read),
        2 => (0usize..20).prop_map(Step::Arrive),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// People as sets of documents, declarations as they were sent.
#[derive(Default)]
struct Twin {
    people: Vec<(SubjectCode, BTreeSet<u8>)>,
    declared: Vec<(Declared, Declaration)>,
    revoked: BTreeSet<PassId>,
    arrived: BTreeSet<u64>,
    acts: u64,
}

impl Twin {
    fn declare(&mut self, registry: &Registry, name: u8, documents: &[u8]) {
        let sent = declaration(&format!("Người {name}"), documents);
        let known: Vec<usize> = (0..self.people.len())
            .filter(|i| documents.iter().any(|document| self.people[*i].1.contains(document)))
            .collect();
        let declared = request(registry, &sent, Some(&self.declared.len().to_string()));
        if known.len() > 1 {
            assert!(matches!(declared, Err(RegistryError::TwoPeople)));
            return;
        }
        let declared = declared.expect("one person's documents");
        let subject = declared.record.subject;
        assert_eq!(declared.is_new_person, known.is_empty());
        let last = self.declared.last().map(|(last, _)| last.record.declaration);
        assert!(last < Some(declared.record.declaration), "numbers rise, all made in one millisecond");
        match known.first() {
            Some(person) => {
                assert_eq!(self.people[*person].0, subject);
                self.people[*person].1.extend(documents);
            }
            None => {
                assert!(self.people.iter().all(|(other, _)| *other != subject));
                self.people.push((subject, documents.iter().copied().collect()));
            }
        }
        let named = |other: &&(Declared, Declaration)| other.1.person.name == sent.person.name;
        let namesakes: BTreeSet<_> =
            self.declared.iter().filter(named).map(|other| other.0.record.subject).collect();
        let told = registry.namesakes(subject, &sent.person).expect("whole");
        let told: BTreeSet<_> = told.into_iter().chain([subject]).collect();
        assert_eq!(told, namesakes.into_iter().chain([subject]).collect());
        self.declared.push((declared, sent));
        self.acts += 1;
    }

    fn repeat(&self, registry: &Registry, at: usize) {
        let Some((declared, sent)) = self.declared.get(at) else { return };
        let again = request(registry, sent, Some(&at.to_string())).expect("the same");
        assert_eq!(again.record, declared.record);
        let mut other = sent.clone();
        other.health.vaccine_doses = 3;
        let other = request(registry, &other, Some(&at.to_string()));
        assert!(matches!(other, Err(RegistryError::KeyReused)));
    }

    fn revoke(&mut self, registry: &Registry, at: usize) {
        let Some((declared, _)) = self.declared.get(at) else { return };
        let record = registry.revoke(declared.pass.pass, "case", act("pass.revoke")).expect("a known pass");
        assert!(record.revoked.is_some());
        self.revoked.insert(record.pass);
        self.acts += 1;
    }

    fn read(&mut self, registry: &Registry, at: usize) {
        let Some((declared, sent)) = self.declared.get(at) else { return };
        let read = registry.declaration(declared.record.declaration, act("declaration.read"));
        assert_eq!(read.expect("whole"), Some((declared.record.clone(), sent.clone())));
        self.acts += 1;
    }

    fn arrive(&mut self, registry: &Registry, at: usize) {
        let Some((declared, _)) = self.declared.get(at) else { return };
        let number = declared.record.declaration;
        assert_eq!(registry.arrived(number, act("arrival")).expect("known").at, NOW);
        self.acts += u64::from(self.arrived.insert(number));
    }

    fn check(&mut self, registry: &Registry) {
        self.check_journeys(registry);
        for number in 0..6 {
            let holder = self.people.iter().find(|(_, documents)| documents.contains(&number));
            let found = registry.holder(&document(number)).expect("whole");
            assert_eq!(found, holder.map(|(subject, _)| *subject));
        }
        for (subject, _) in &self.people {
            let own = |declared: &&(Declared, Declaration)| declared.0.record.subject == *subject;
            let mut expected: Vec<_> =
                self.declared.iter().filter(own).map(|own| own.0.record.clone()).collect();
            expected.sort_by_key(|record| std::cmp::Reverse(record.declaration));
            assert_eq!(registry.declarations_of(*subject, None, 100).expect("whole"), expected);
            for at in 1..expected.len() {
                let before = Some(expected[at - 1].declaration);
                let page = registry.declarations_of(*subject, before, 1).expect("whole");
                assert_eq!(page, expected[at..=at]);
            }
            let person = registry.person(*subject, act("person.read")).expect("whole").expect("known");
            self.acts += 1;
            let last = self.declared.iter().rfind(own).map(|last| &last.1.person);
            assert_eq!(Some(&person), last);
        }
        let revoked: BTreeSet<_> =
            registry.revoked(TimeMs::new(NOW), 100).expect("whole").into_iter().collect();
        assert_eq!(revoked, self.revoked);
        assert_eq!(registry.revoked(TimeMs::new(NOW + 4 * 86_400_000), 100).expect("whole"), []);
        let tip = registry.verify_audit().expect("whole").expect("unbroken");
        assert_eq!(tip.seq, self.acts, "every act is in the log once");
    }

    /// Every journey leads from W1 to W2, and each end is told of all, the newest first.
    fn check_journeys(&self, registry: &Registry) {
        let mut expected: Vec<u64> =
            self.declared.iter().map(|(declared, _)| declared.record.declaration).collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        for (area, side) in [("W1", Side::Leaving), ("W2", Side::Coming)] {
            let told = registry.travelling(&[area], None, 100).expect("whole");
            assert!(told.iter().all(|journey| journey.side == side && journey.leg.to == "W2"));
            let numbers: Vec<u64> = told.iter().map(|journey| journey.record.declaration).collect();
            assert_eq!(numbers, expected);
            let has_arrived = |number: &&u64| registry.arrival(**number).expect("whole").is_some();
            let arrived: BTreeSet<u64> = numbers.iter().filter(has_arrived).copied().collect();
            assert_eq!(arrived, self.arrived);
            let rest =
                expected.first().map(|first| registry.travelling(&[area], Some(*first), 100).expect("whole"));
            assert_eq!(rest.map_or(0, |rest| rest.len()), expected.len().saturating_sub(1));
        }
        let both = registry.travelling(&["W2", "W1"], None, 100).expect("whole");
        assert!(both.iter().all(|journey| journey.side == Side::Within));
        assert_eq!(both.len(), expected.len(), "each once");
        assert_eq!(
            registry.travelling(&["W"], None, 9).expect("whole"),
            [],
            "no area's name begins another's"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_registry_agrees_with_its_naive_twin(steps in proptest::collection::vec(step(), 1..24)) {
        let (mut place, mut twin) = (Place::new(), Twin::default());
        for step in steps {
            match step {
                Step::Declare { name, documents } => twin.declare(place.registry(), name, &documents),
                Step::Repeat(at) => twin.repeat(place.registry(), at),
                Step::Revoke(at) => twin.revoke(place.registry(), at),
                Step::Read(at) => twin.read(place.registry(), at),
                Step::Arrive(at) => twin.arrive(place.registry(), at),
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
fn two_declarations_at_once_make_one_person() {
    let place = Place::new();
    let sent: BTreeMap<u8, Declaration> = (0..8).map(|i| (i, declaration("An", &[i % 2, 2]))).collect();
    let subjects: BTreeSet<SubjectCode> = std::thread::scope(|scope| {
        let registry = place.registry();
        let one = |sent| scope.spawn(move || declare(registry, sent).expect("kept").record.subject);
        let threads: Vec<_> = sent.values().map(one).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(subjects.len(), 1);
    assert_eq!(place.registry().verify_audit().expect("whole").map(|tip| tip.seq), Ok(8));
}

#[test]
fn nothing_personal_lies_open_on_disk() {
    let mut place = Place::new();
    let mut secret = declaration("Tran Thi Bi Mat", &[77]);
    secret.journey.to = "KHU-VUC-KIN".to_owned();
    declare(place.registry(), &secret).expect("kept");
    let number = document(77).number;
    let (url, signs) = ("https://xa.example/truyvet", "whsec_Ym93IG93IG93IG93IG93IG93");
    let hook = NewHook { area: "W1".to_owned(), url: url.to_owned(), secret: signs.to_owned() };
    place.registry().add_hook(hook, act("hook.add")).expect("room");
    place.reopen();
    let mut files = vec![place.dir.path().join("registry")];
    let mut bytes_read = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).expect("readable").flatten().map(|entry| entry.path()));
            continue;
        }
        let bytes = std::fs::read(&path).expect("readable");
        bytes_read += bytes.len();
        for secret in ["Bi Mat", &number, "KHU-VUC-KIN", url, signs] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{path:?}: {secret}"
            );
        }
    }
    assert!(bytes_read > 500, "the declaration is among it");
}

#[test]
fn without_its_own_keys_a_registry_is_not_opened() {
    let mut place = Place::new();
    declare(place.registry(), &declaration("An", &[1])).expect("kept");
    place.registry = None;
    let (dir, keys) = (place.dir.path().join("registry"), place.dir.path().join("keys"));
    let open = |keys: &Path| Registry::open(&dir, keys, 8 << 20).map(drop);
    let foreign = |opened| matches!(opened, Err(RegistryError::Vault(VaultError::Foreign { .. })));
    let other = Place::new();
    assert!(foreign(open(&other.dir.path().join("keys"))), "another's keys");
    let master = keys.join("master-0001.key");
    let own = std::fs::read(&master).expect("it is there");
    std::fs::copy(other.dir.path().join("keys/master-0001.key"), &master).expect("copied");
    assert!(foreign(open(&keys)), "another's master key");
    std::fs::write(&master, own).expect("a writable file");
    assert!(open(&keys).is_ok());
    place.reopen();
    place.registry().rotate_master(act("keys.rotate")).expect("room");
    place.registry = None;
    let newest = keys.join("master-0002.key");
    let own = std::fs::read(&newest).expect("it was made");
    std::fs::remove_file(&newest).expect("a copy of before the rotation has none");
    assert!(foreign(open(&keys)), "an outdated copy of the keys");
    std::fs::write(&newest, own).expect("a writable file");
    assert!(open(&keys).is_ok());
    std::fs::remove_file(keys.join("index.key")).expect("it is there");
    assert!(foreign(open(&keys)), "no key for the indexes");
}

fn account(name: &str) -> Account {
    Account {
        account: name.to_owned(),
        name: "Trần Thị Mai".to_owned(),
        role: Role::Officer,
        site: Some("C1".to_owned()),
        area: None,
        password_hash: "$argon2id$...".to_owned(),
        generation: 1,
        is_disabled: false,
    }
}

#[test]
fn accounts_are_kept_through_rotation_and_reopening() {
    let mut place = Place::new();
    for name in ["b", "a", "ab"] {
        place.registry().put_account(&account(name), act("account.put")).expect("room");
    }
    assert_eq!(place.registry().rotate_master(act("keys.rotate")).expect("room"), 3);
    let changed = Account { is_disabled: true, ..account("a") };
    place.registry().put_account(&changed, act("account.put")).expect("room");
    place.reopen();
    let names = |after: &str, limit| -> Vec<String> {
        let listed = place.registry().accounts(after, limit).expect("whole");
        listed.into_iter().map(|account| account.account).collect()
    };
    assert_eq!(
        (names("", 9), names("", 1), names("a", 9)),
        (
            vec!["a".to_owned(), "ab".to_owned(), "b".to_owned()],
            vec!["a".to_owned()],
            vec!["ab".to_owned(), "b".to_owned()],
        )
    );
    assert_eq!(place.registry().account("a").expect("whole"), Some(changed));
    assert_eq!(place.registry().account("c").expect("whole"), None);
}

#[test]
fn a_session_holds_until_its_time_and_for_its_token_alone() {
    let mut place = Place::new();
    let session = |bearer, expires_at| Session { bearer, begun_at: NOW, expires_at };
    let citizen = Bearer::Citizen { document: document(7), phone: "+84901234567".to_owned() };
    let (long, short) = (
        session(citizen, NOW + 100_000),
        session(Bearer::Account { account: "mai".to_owned(), generation: 1 }, NOW + 10_000),
    );
    let begin = |place: &Place, session| place.registry().begin_session(session, act("session.begin"));
    let (kept, ended) = (begin(&place, &long).expect("room"), begin(&place, &short).expect("room"));
    place.reopen();
    let found = |token: &str, at: i64| place.registry().session(token, TimeMs::new(at)).expect("whole");
    assert_eq!(found(&kept, NOW + 99_000), Some(long));
    assert_eq!(found(&kept, NOW + 100_000), None, "its time is over");
    assert_eq!(found(&ended, NOW), Some(short));
    let mut guessed = kept.clone().into_bytes();
    guessed[70] ^= 1;
    for other in ["", "x", &kept[..70], &String::from_utf8(guessed).expect("still text")] {
        assert_eq!(found(other, NOW), None, "{other}");
    }
    // Dated later by its bearer, it is another's token.
    assert_eq!(found(&format!("ffffffff{}", &kept[8..]), NOW), None);
    place.registry().end_session(&ended, act("session.end")).expect("room");
    assert_eq!(found(&ended, NOW), None);
    assert!(found(&kept, NOW).is_some(), "the other's goes on");
}

#[test]
fn the_watch_list_holds_who_is_on_it_until_their_time() {
    let place = Place::new();
    let (one, other) = (SubjectCode::new([1; 10]), SubjectCode::new([2; 10]));
    let watched = |subject, until| Watched {
        subject,
        reason: "quarantine".to_owned(),
        by: "mai".to_owned(),
        at: NOW,
        until,
    };
    for entry in [watched(one, NOW + 5), watched(other, NOW + 9)] {
        place.registry().watch(&entry, act("watch.add")).expect("room");
    }
    let list = |at| -> Vec<SubjectCode> {
        let list = place.registry().watch_list(None, TimeMs::new(at), 9).expect("whole");
        list.into_iter().map(|watched| watched.subject).collect()
    };
    assert_eq!((list(NOW), list(NOW + 5), list(NOW + 9)), (vec![one, other], vec![other], vec![]));
    let behind = |after| place.registry().watch_list(Some(after), TimeMs::new(NOW), 9).expect("whole").len();
    assert_eq!((behind(one), behind(other)), (1, 0));
    assert!(place.registry().watched(one, TimeMs::new(NOW)).expect("whole").is_some());
    assert!(place.registry().watched(one, TimeMs::new(NOW + 5)).expect("whole").is_none());
    place.registry().unwatch(other, act("watch.end")).expect("room");
    assert_eq!(list(NOW), vec![one]);
}

#[test]
fn what_time_has_ended_is_taken_away_and_nothing_else() {
    let place = Place::new();
    let registry = place.registry();
    let declared = |name, number| declare(registry, &declaration(name, &[number])).expect("kept").record;
    let (an, binh) = (declared("An", 1), declared("Bình", 2));
    let days = |days: i64| TimeMs::new(NOW + days * 86_400_000);
    for (record, until) in [(&an, days(1)), (&binh, days(9))] {
        registry.revoke(record.pass, "error", act("pass.revoke")).expect("issued");
        let reason = "quarantine".to_owned();
        let (subject, by, until) = (record.subject, "mai".to_owned(), until.get());
        let watched = Watched { subject, reason, by, at: NOW, until };
        registry.watch(&watched, act("watch.add")).expect("room");
        let bearer = Bearer::Account { account: "mai".to_owned(), generation: 1 };
        let session = Session { bearer, begun_at: NOW, expires_at: until };
        registry.begin_session(&session, act("session.begin")).expect("room");
    }
    let left = || {
        let (long_ago, limit) = (TimeMs::new(0), 9);
        let watched = registry.watch_list(None, long_ago, limit).expect("whole").len();
        (watched, registry.revoked(long_ago, limit).expect("whole").len())
    };
    assert_eq!((registry.sweep(TimeMs::new(NOW)).expect("room"), left()), (0, (2, 2)));
    // One entry and one session; passes are good for three days.
    assert_eq!((registry.sweep(days(2)).expect("room"), left()), (2, (1, 2)));
    assert_eq!((registry.sweep(days(4)).expect("room"), left()), (2, (1, 0)));
    let revoked = registry.pass(an.pass).expect("whole").expect("issued").revoked;
    assert!(revoked.is_some(), "what was done stays");
}

#[test]
fn the_newest_journeys_of_many_areas_are_told_whichever_areas_they_are_of() {
    let place = Place::new();
    let registry = place.registry();
    let areas = ["W1", "W2", "W3", "W4"];
    let mut newest = Vec::new();
    for at in 0..12_usize {
        let mut declaration = declaration("An", &[1]);
        declaration.journey.from = areas[at * 7 % 4].to_owned();
        declaration.journey.to = areas[at * at % 3].to_owned();
        let (from, to) = (declaration.journey.from.clone(), declaration.journey.to.clone());
        let number = declare(registry, &declaration).expect("kept").record.declaration;
        newest.insert(0, (number, from, to));
    }
    for asked in [&areas[..1], &areas[1..3], &areas[..]] {
        let expected: Vec<(u64, Side)> = newest
            .iter()
            .filter_map(|(number, from, to)| {
                let [leaves, comes] = [from, to].map(|end| asked.contains(&end.as_str()));
                let side = match (leaves, comes) {
                    (true, true) => Side::Within,
                    (true, false) => Side::Leaving,
                    (false, true) => Side::Coming,
                    (false, false) => return None,
                };
                Some((*number, side))
            })
            .collect();
        for limit in 1..=13 {
            let told = registry.travelling(asked, None, limit).expect("whole");
            let told: Vec<_> = told.iter().map(|told| (told.record.declaration, told.side)).collect();
            assert_eq!(told, expected[..limit.min(expected.len())], "{asked:?}, {limit}");
        }
    }
}

#[test]
fn what_nobody_verified_changes_nothing_of_a_known_person() {
    let place = Place::new();
    let registry = place.registry();
    let own = declare(registry, &declaration("An", &[1])).expect("kept").record;
    let unverified = |name: &str, documents: &[u8]| {
        let how = Declaring {
            state: DeclarationState::Unverified,
            issued: UnixSeconds::new(1),
            valid_until: UnixSeconds::new(2),
            phone: "+84900000000",
            request: None,
            entered_by: None,
        };
        registry.declare(&declaration(name, documents), how, act("declaration.make")).expect("kept").record
    };
    let claimed = unverified("Somebody", &[1, 2]);
    assert_eq!(claimed.subject, own.subject, "one document is one person's");
    let name = || registry.person(own.subject, act("person.read")).expect("whole").expect("known").name;
    assert_eq!(name(), "An", "the person stays as known");
    assert_eq!(registry.holder(&document(2)).expect("whole"), None, "and gets no document by it");
    let verified = registry.verified(claimed.declaration, act("declaration.verify")).expect("known");
    assert_eq!(verified.state, DeclarationState::Verified);
    assert_eq!(
        (name().as_str(), registry.holder(&document(2)).expect("whole")),
        ("Somebody", Some(own.subject))
    );
    let told = |area| registry.travelling(&[area], None, 9).expect("whole").len();
    assert_eq!((told("W1"), told("W2")), (2, 2), "the wards are told of what is verified");
    let unsure = unverified("Unsure", &[5]);
    assert_eq!(told("W2"), 2, "and of nothing else");
    let arrived = registry.arrived(unsure.declaration, act("arrival"));
    assert!(matches!(arrived, Err(RegistryError::UnknownDeclaration)));
    // A document that somebody only claimed gives way to its owner's verified ones.
    let thief = unverified("Thief", &[8, 9]);
    let owner = declare(registry, &declaration("Lan", &[7])).expect("kept").record;
    let both = declare(registry, &declaration("Lan", &[7, 8])).expect("nobody keeps her out").record;
    assert_eq!(both.subject, owner.subject);
    assert_eq!(registry.holder(&document(8)).expect("whole"), Some(owner.subject));
    assert_eq!(registry.holder(&document(9)).expect("whole"), Some(thief.subject), "he keeps his own");
    // And the claim is verified no more, once its owner's is.
    let verified = registry.verified(thief.declaration, act("declaration.verify"));
    assert!(matches!(verified, Err(RegistryError::TwoPeople)));
}

#[test]
fn arrivals_of_other_milliseconds_do_not_wait_for_each_other() {
    let place = Place::new();
    let registry = place.registry();
    let at = |ms: i64| Act { at: NOW + ms, ..act("declaration.make") };
    let how = Declaring {
        state: DeclarationState::Verified,
        issued: UnixSeconds::new(1),
        valid_until: UnixSeconds::new(2),
        phone: "",
        request: None,
        entered_by: None,
    };
    let declared: Vec<u64> = (0..8)
        .map(|ms| registry.declare(&declaration("An", &[1]), how, at(ms)).expect("kept").record.declaration)
        .collect();
    // As an arrival holds it that waits for its sync.
    let held = registry.finding_at(people::lock_of(declared[0]));
    let arrive = |number: &u64| registry.arrived(*number, act("arrival.note")).expect("verified");
    std::thread::scope(|scope| {
        let (arrived, all) = std::sync::mpsc::channel();
        scope.spawn(move || {
            declared[1..].iter().for_each(|number| drop(arrive(number)));
            arrived.send(()).ok();
        });
        let in_time = all.recv_timeout(std::time::Duration::from_secs(20));
        drop(held); // or the others would wait for ever where they share it
        in_time.expect("they have locks of their own");
    });
}
