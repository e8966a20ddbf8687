//! The registry held against a slow and obvious twin, with reopening, crashes, rotation and two at once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tempfile::TempDir;
use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::{PassId, SubjectCode, UnixSeconds};
use truyvet_schemas::person::{Document, DocumentKind};

use super::*;

const NOW: i64 = 1_629_400_000_000;

struct Place {
    dir: TempDir,
    registry: Option<Registry>,
}

impl Place {
    fn new() -> Self {
        let mut place = Self { dir: tempfile::tempdir().expect("a temporary folder"), registry: None };
        place.reopen();
        place
    }

    fn reopen(&mut self) {
        self.registry = None;
        let opened =
            Registry::open(&self.dir.path().join("registry"), &self.dir.path().join("keys"), 8 << 20);
        self.registry = Some(opened.expect("its own keys"));
    }

    /// As if the process had been killed: what is on disk at this moment is all that is left.
    fn crash(&mut self) {
        let left = tempfile::tempdir().expect("a temporary folder");
        for folder in ["registry", "keys"] {
            let (from, to) = (self.dir.path().join(folder), left.path().join(folder));
            std::fs::create_dir(&to).expect("a new folder");
            for entry in std::fs::read_dir(from).expect("readable").flatten() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
            }
        }
        self.registry = None;
        self.dir = left;
        self.reopen();
    }

    fn registry(&self) -> &Registry {
        self.registry.as_ref().expect("open")
    }
}

fn document(number: u8) -> Document {
    Document { kind: DocumentKind::CitizenId, number: format!("0010900{number:05}"), country: None }.tidied()
}

fn declaration(name: &str, documents: &[u8]) -> Declaration {
    let documents: Vec<_> = documents.iter().map(|number| document(*number)).collect();
    let json = serde_json::json!({
        "person": {"name": name, "birth_date": "1990", "sex": "male", "documents": documents,
            "permanent": {"area": "W1"}},
        "journey": {"from": "W1", "to": "W2", "departs_at": NOW, "purpose": "work"},
        "health": {"exposure": "none", "vaccine_doses": 2},
    });
    serde_json::from_value::<Declaration>(json).expect("as the contract has it").tidied()
}

fn act(action: &str) -> Act {
    let text = |text: &str| text.to_owned();
    Act { at: NOW, actor: text("mai"), action: text(action), object: text("-"), result: text("ok") }
}

fn declare(registry: &Registry, declaration: &Declaration) -> Result<Declared, RegistryError> {
    let now_s = (NOW / 1_000) as u32;
    let pass = NewPass { issued: UnixSeconds::new(now_s), valid_until: UnixSeconds::new(now_s + 259_200) };
    registry.declare(declaration, DeclarationState::Verified, pass, act("declaration.make"))
}

#[derive(Clone, Debug)]
enum Step {
    Declare { name: u8, documents: Vec<u8> },
    Revoke(usize),
    Read(usize),
    Rotate,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..4, proptest::collection::vec(0u8..6, 1..3))
            .prop_map(|(name, documents)| Step::Declare { name, documents }),
        2 => (0usize..20).prop_map(Step::Revoke),
        2 => (0usize..20).prop_map(Step::Read),
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
    acts: u64,
}

impl Twin {
    fn declare(&mut self, registry: &Registry, name: u8, documents: &[u8]) {
        let sent = declaration(&format!("Người {name}"), documents);
        let known: Vec<usize> = (0..self.people.len())
            .filter(|i| documents.iter().any(|document| self.people[*i].1.contains(document)))
            .collect();
        let declared = declare(registry, &sent);
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
        let told: BTreeSet<_> = declared.namesakes.iter().copied().chain([subject]).collect();
        assert_eq!(told, namesakes.into_iter().chain([subject]).collect());
        self.declared.push((declared, sent));
        self.acts += 1;
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

    fn check(&mut self, registry: &Registry) {
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
            assert_eq!(registry.declarations_of(*subject, 100).expect("whole"), expected);
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
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_registry_agrees_with_its_naive_twin(steps in proptest::collection::vec(step(), 1..24)) {
        let (mut place, mut twin) = (Place::new(), Twin::default());
        for step in steps {
            match step {
                Step::Declare { name, documents } => twin.declare(place.registry(), name, &documents),
                Step::Revoke(at) => twin.revoke(place.registry(), at),
                Step::Read(at) => twin.read(place.registry(), at),
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
    declare(place.registry(), &declaration("Tran Thi Bi Mat", &[77])).expect("kept");
    let number = document(77).number;
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
        for secret in ["Bi Mat", &number, "W1"] {
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
    std::fs::remove_file(keys.join("index.key")).expect("it is there");
    assert!(foreign(open(&keys)), "no key for the indexes");
}
