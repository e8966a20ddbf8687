//! Arrivals at the border: each is a declaration of the way from there to the place of quarantine, with the
//! crossing beside it. So passes, verdicts at checkpoints and notices to wards are those of every declaration.
//!
//! ```text
//! passport -> known? --no---------------------------------------> a new person
//!               |                                                      |
//!              yes: the same name, birth date and sex? --yes---------> kept, once for each carriage
//!                     |                                                ^
//!                     no: told -> insisted on? -> kept unverified, until an officer has compared it
//! ```
//! - The passport decides who it is: a person is one subject, in whatever spelling.
//! - What nobody verified changes nothing of a known person, and an arrival never changes where a known person
//!   lives.
//! - Who came on one flight is found by it. Sites and carriages stand in keys as blind indexes.

use truyvet_schemas::TimeMs;
use truyvet_schemas::arrival::{Carriage, Crossing};
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::{Document, Person};
use truyvet_schemas::time::MS_PER_DAY;

use super::audit::Act;
use super::people::{Declared, Declaring, Found, Holder, Request, first_declaration_at, opened};
use super::records::{DeclarationRecord, DeclarationState, split_declaration};
use super::vault::{Blind, Secret, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys, place_of};
use crate::catalog::json;
use crate::error::EngineError;
use crate::store::Entry;

/// How an arrival is to be kept, and its pass.
#[derive(Clone, Copy, Debug)]
pub struct Arriving<'a> {
    /// As for every declaration. Verified: somebody has compared it with the passport.
    pub declaring: Declaring<'a>,
    /// Keep it, unverified, although the passport is known with another name, birth date or sex.
    pub insists: bool,
}

/// An arrival that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its declaration and pass.
    pub declared: Declared,
    /// Code of the area where the person is at home, as far as is known now.
    pub home: String,
    /// Whether it was there already: nothing was added.
    pub was_there: bool,
    /// Whether what was there was not verified before this.
    pub has_become_verified: bool,
}

/// An arrival as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossed {
    /// The declaration without what is personal.
    pub record: DeclarationRecord,
    /// The declaration.
    pub declaration: Declaration,
    /// Where and on what they came, and where they stay.
    pub crossing: Crossing,
    /// Fields in which it differs from what is known of the person, until somebody has verified it.
    pub differs: Vec<&'static str>,
}

impl Registry {
    /// Keeps an arrival, which is tidied and checked, and issues the number of a pass for it. Returns when all,
    /// and the act, are on disk. The same arrival of the same request is kept once; and so is one that is known
    /// from elsewhere: of the same person, on the same carriage, with nothing else but a time that differs by less
    /// than a day. What was there is verified from the moment on that it is sent as verified.
    ///
    /// # Errors
    /// The passport is known with another name, birth date or sex, and that was not insisted on; the key was
    /// used for something else; or the store fails. Nothing is kept then.
    pub fn arrive(
        &self,
        declaration: &Declaration,
        crossing: &Crossing,
        how: Arriving<'_>,
        mut act: Act,
    ) -> Result<Arrived, RegistryError> {
        let documents = self.blinds(&declaration.person.documents);
        let _finding = self.finding(&documents);
        let request = how.declaring.request.map(|key| self.arrival_request(key, declaration, crossing));
        let made = request.map_or(Ok(None), |request| self.made_before(request))?;
        if let Some(number) = made.filter(|_| how.declaring.state == DeclarationState::Unverified) {
            return self.arrived_already(number);
        }
        let found = self.find_or_make(&documents)?;
        let known = if found.is_new { None } else { self.known(&found)? };
        let differs = known.as_ref().map_or_else(Vec::new, |known| known.differs(&declaration.person));
        if !differs.is_empty() && !how.insists {
            return Err(RegistryError::OtherPerson(differs));
        }
        // What somebody verified of a person is contradicted by nobody without another look.
        let is_known_well = self.verified_holder(&documents)?.is_some();
        let is_doubtful = !differs.is_empty() && is_known_well;
        let state = if is_doubtful { DeclarationState::Unverified } else { how.declaring.state };
        let declaring = Declaring { state, ..how.declaring };
        if let Some(before) = made.map_or_else(
            || self.same_arrival(declaration, crossing, found.subject),
            |number| Ok(Some(number)),
        )? {
            return self.arrived_again(before, declaring, act);
        }
        let (is_verified, mut changes) = (state == DeclarationState::Verified, Changes::default());
        self.put_arrived(known.as_ref(), declaration, &found, is_verified, &mut changes);
        if found.is_new || is_verified {
            let holder = Holder { subject: found.subject, is_verified };
            self.put_documents(&documents, holder, &mut changes)?;
        }
        let at = TimeMs::new(act.at);
        let (record, pass) = self.put_declaration(declaration, &found, declaring, at, &mut changes)?;
        self.put_crossing(&record, crossing, &found.key, &mut changes);
        changes.puts.extend(request.map(|request| request.made(record.declaration)));
        act.object = record.pass.to_string();
        changes.acts.push(act);
        self.writer.write(changes)?;
        let home = known.as_ref().unwrap_or(&declaration.person).home().area.clone();
        let declared = Declared { record, pass, is_new_person: found.is_new };
        Ok(Arrived { declared, home, was_there: false, has_become_verified: false })
    }

    /// Who has arrived: somebody new, or somebody known of whom this tells more.
    fn put_arrived(
        &self,
        known: Option<&Person>,
        declaration: &Declaration,
        found: &Found,
        is_verified: bool,
        changes: &mut Changes,
    ) {
        let Some(known) = known else { return self.put_person(&declaration.person, found, changes) };
        if let Some(person) = known_better(known, &declaration.person).filter(|_| is_verified) {
            self.put_person(&person, found, changes);
        }
    }

    /// An arrival that is there already: verified, where it is sent as such by now.
    fn arrived_again(
        &self,
        number: u64,
        declaring: Declaring<'_>,
        act: Act,
    ) -> Result<Arrived, RegistryError> {
        let record = self.declaration_record(number)?.ok_or_else(|| damaged("a request"))?;
        let has_become_verified =
            declaring.state == DeclarationState::Verified && record.state != declaring.state;
        if has_become_verified {
            let (action, object) = ("declaration.verify".to_owned(), number.to_string());
            self.verify_found(number, declaring.entered_by, Act { action, object, ..act })?;
        }
        Ok(Arrived { has_become_verified, ..self.arrived_already(number)? })
    }

    /// What the same request made before, if it was made.
    ///
    /// # Errors
    /// The key was used for something else, or the store fails.
    pub fn arrived_before(
        &self,
        declaration: &Declaration,
        crossing: &Crossing,
        request: &str,
    ) -> Result<Option<Arrived>, RegistryError> {
        let made = self.made_before(self.arrival_request(request, declaration, crossing))?;
        made.map(|number| self.arrived_already(number)).transpose()
    }

    /// In what somebody with this document is known otherwise; nothing where nobody is known by it. To tell an
    /// official beforehand: no act goes with it, since it tells names of fields alone.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn known_otherwise(&self, person: &Person) -> Result<Vec<&'static str>, RegistryError> {
        for document in self.blinds(&person.documents) {
            if let Some(holder) = self.holder_of(document)? {
                let (own, sealed) = self.open_person(holder.subject)?.ok_or_else(|| damaged("a person"))?;
                let known: Person = opened(&own, &sealed, &place_of(holder.subject), "a person")?;
                return Ok(known.differs(person));
            }
        }
        Ok(Vec::new())
    }

    /// Numbers of the arrivals at a site before the one of this number, the newest first; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals_at(
        &self,
        site: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let (site, last) = (self.border_site_index(site), before.map_or(u64::MAX, |it| it.saturating_sub(1)));
        self.newest_numbers(
            [(keys::crossings_at(site), keys::crossing_at(site, last))],
            limit.min(BORDER_PAGE_MAX),
        )
    }

    /// Numbers of the arrivals of a subject before the one of this number, the newest first; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals_of(
        &self,
        subject: SubjectCode,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        self.newest_numbers(
            [(keys::crossings_of(subject), keys::crossing_of(subject, last))],
            limit.min(BORDER_PAGE_MAX),
        )
    }

    /// Numbers of the arrivals on a carriage, which is tidied: the last of each who came on it, in no order; at
    /// most [`CARRIAGE_MAX`]. None on foot.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals_on(&self, carriage: &Carriage) -> Result<Vec<u64>, RegistryError> {
        let Some(carriage) = self.carriage_index(carriage) else { return Ok(Vec::new()) };
        let prefix = keys::crossings_on(carriage);
        let number = |entry: Result<Entry, EngineError>| Ok(number_of(&entry?.1)?);
        self.table.scan(&prefix, &prefix).take(CARRIAGE_MAX).map(number).collect()
    }

    /// Some arrivals; the one act for all is on disk before any is handed out. What is no arrival is left out.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals(&self, numbers: &[u64], act: Act) -> Result<Vec<Crossed>, RegistryError> {
        self.note(act)?;
        numbers.iter().filter_map(|number| self.read_arrival(*number).transpose()).collect()
    }

    /// Where and on what somebody came, to decide who may look at it: no act goes with it. None where the
    /// declaration is no arrival.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn crossing(&self, number: u64) -> Result<Option<Crossing>, RegistryError> {
        let Some(record) = self.declaration_record(number)? else { return Ok(None) };
        let Some(bytes) = self.table.get(&keys::crossing(number))? else { return Ok(None) };
        let (own, _) = self.open_person(record.subject)?.ok_or_else(|| damaged("a person"))?;
        opened(&own, &bytes, &keys::crossing(number), "an arrival").map(Some)
    }

    /// The person as an officer found them who compared this declaration with the document: of an arrival, what
    /// the passport says and what was known besides.
    pub(super) fn person_as_found(
        &self,
        declaration: u64,
        subject: SubjectCode,
        declared: Person,
    ) -> Result<Person, RegistryError> {
        if self.table.get(&keys::crossing(declaration))?.is_none() {
            return Ok(declared);
        }
        let (own, sealed) = self.open_person(subject)?.ok_or_else(|| damaged("a person"))?;
        let known: Person = opened(&own, &sealed, &place_of(subject), "a person")?;
        Ok(known_better(&known, &declared).unwrap_or(known))
    }

    /// Arrivals entered at `since` or later, and whether nobody else is known by the passport, as long as `each`
    /// wants more. To order what they lack: no act goes with it.
    ///
    /// # Errors
    /// The store fails, or what it has of one is damaged: of all others it is told.
    pub fn arrivals_since(
        &self,
        since: TimeMs,
        mut each: impl FnMut(&Crossed) -> bool,
    ) -> Result<(), RegistryError> {
        let (tag, start) = ([keys::Tag::Crossing as u8], keys::crossing(first_declaration_at(since)));
        let mut read = Ok(());
        for entry in self.table.scan(&tag, &start) {
            let number = keys::number(keys::Tag::Crossing, &entry?.0);
            match self.read_arrival(number.ok_or_else(|| damaged("an arrival"))?) {
                Ok(Some(crossed)) if !each(&crossed) => break,
                Ok(_) => {}
                Err(error) => read = read.and(Err(error)),
            }
        }
        read
    }

    /// The arrival of the same person on the same carriage, where this one would add nothing to it. The hour of a
    /// landing, and of the end that is counted from it, is told differently by everybody who types it.
    fn same_arrival(
        &self,
        declaration: &Declaration,
        crossing: &Crossing,
        subject: SubjectCode,
    ) -> Result<Option<u64>, RegistryError> {
        let Some(carriage) = self.carriage_index(&crossing.carriage) else { return Ok(None) };
        let Some(number) = self.table.get(&keys::crossing_on(carriage, subject))? else { return Ok(None) };
        let number = number_of(&number)?;
        let Some(before) = self.read_arrival(number)? else { return Ok(None) };
        let person = &before.declaration.person;
        let is_same = is_same_crossing(&before.crossing, crossing)
            && before.declaration.health == declaration.health
            && person.documents == declaration.person.documents
            && person.differs(&declaration.person).is_empty();
        Ok(is_same.then_some(number))
    }

    fn put_crossing(
        &self,
        record: &DeclarationRecord,
        crossing: &Crossing,
        own: &Secret,
        changes: &mut Changes,
    ) {
        let (number, subject) = (record.declaration, record.subject);
        let place = keys::crossing(number);
        let sealed = seal(own, &json(crossing), &place);
        changes.puts.push((place, sealed));
        let site = self.border_site_index(&crossing.site);
        changes.puts.push((keys::crossing_at(site, number), Vec::new()));
        changes.puts.push((keys::crossing_of(subject, number), Vec::new()));
        if let Some(carriage) = self.carriage_index(&crossing.carriage) {
            changes.puts.push((keys::crossing_on(carriage, subject), number.to_be_bytes().to_vec()));
        }
    }

    fn read_arrival(&self, number: u64) -> Result<Option<Crossed>, RegistryError> {
        let (of_crossing, of_declaration) = (keys::crossing(number), keys::declaration(number));
        let Some(crossing) = self.table.get(&of_crossing)? else { return Ok(None) };
        let Some(bytes) = self.table.get(&of_declaration)? else { return Ok(None) };
        let (record, sealed) = split_declaration(&bytes).ok_or_else(|| damaged("a declaration"))?;
        let (own, person) = self.open_person(record.subject)?.ok_or_else(|| damaged("a person"))?;
        let crossing = opened(&own, &crossing, &of_crossing, "an arrival")?;
        let declaration: Declaration = opened(&own, sealed, &of_declaration, "a declaration")?;
        let mut differs = Vec::new();
        if record.state == DeclarationState::Unverified {
            let known: Person = opened(&own, &person, &place_of(record.subject), "a person")?;
            differs = known.differs(&declaration.person);
        }
        Ok(Some(Crossed { record, declaration, crossing, differs }))
    }

    fn arrived_already(&self, number: u64) -> Result<Arrived, RegistryError> {
        let damage = || damaged("a request");
        let record = self.declaration_record(number)?.ok_or_else(damage)?;
        let pass = self.pass(record.pass)?.ok_or_else(damage)?;
        let (own, sealed) = self.open_person(record.subject)?.ok_or_else(damage)?;
        let known: Person = opened(&own, &sealed, &place_of(record.subject), "a person")?;
        let declared = Declared { record, pass, is_new_person: false };
        let home = known.home().area.clone();
        Ok(Arrived { declared, home, was_there: true, has_become_verified: false })
    }

    fn known(&self, found: &Found) -> Result<Option<Person>, RegistryError> {
        let Some((_, sealed)) = self.open_person(found.subject)? else { return Ok(None) };
        opened(&found.key, &sealed, &place_of(found.subject), "a person").map(Some)
    }

    fn arrival_request(&self, key: &str, declaration: &Declaration, crossing: &Crossing) -> Request {
        let documents = self.blinds(&declaration.person.documents);
        self.request_for("arrival-request", key, &documents, &(declaration, crossing))
    }

    fn blinds(&self, documents: &[Document]) -> Vec<Blind> {
        documents.iter().map(|document| self.blind(document)).collect()
    }

    fn border_site_index(&self, site: &str) -> Blind {
        self.vault.read().blind("site", site)
    }

    fn carriage_index(&self, carriage: &Carriage) -> Option<Blind> {
        carriage.key().map(|key| self.vault.read().blind("carriage", &key))
    }
}

/// A known person with what a passport that somebody compared tells besides; none where it tells nothing new:
/// spellings are no news, and a home is one only where none was known.
fn known_better(known: &Person, found: &Person) -> Option<Person> {
    if !known.differs(found).is_empty() {
        return Some(as_found(known.clone(), found));
    }
    let has_home = !known.home().is_told() && found.permanent.is_told();
    has_home.then(|| Person { permanent: found.permanent.clone(), ..known.clone() })
}

/// Whether both say the same of one crossing, but for the hour.
fn is_same_crossing(one: &Crossing, other: &Crossing) -> bool {
    let mut timed_alike = one.clone();
    (timed_alike.arrived_at, timed_alike.quarantine.until) = (other.arrived_at, other.quarantine.until);
    timed_alike == *other
        && one.arrived_at.abs_diff(other.arrived_at) < MS_PER_DAY.unsigned_abs()
        && one.quarantine.until.abs_diff(other.quarantine.until) < MS_PER_DAY.unsigned_abs()
}

/// Who it is as the passport says, and where and with what other documents the person was known.
fn as_found(known: Person, found: &Person) -> Person {
    let mut documents = [known.documents, found.documents.clone()].concat();
    documents.sort();
    documents.dedup();
    Person {
        name: found.name.clone(),
        birth_date: found.birth_date.clone(),
        sex: found.sex,
        nationality: found.nationality.clone(),
        documents,
        permanent: if known.permanent.is_told() { known.permanent } else { found.permanent.clone() },
        present: known.present,
        temporary: known.temporary,
    }
}

fn number_of(bytes: &[u8]) -> Result<u64, EngineError> {
    let number = bytes.try_into().map(u64::from_be_bytes);
    number.map_err(|_| damaged("those who came on a carriage"))
}

/// Most arrivals listed at once.
pub const BORDER_PAGE_MAX: usize = 1_000;

/// Most people of one carriage that are told: a flight has 850 seats, the largest ships have 9,000 aboard.
pub const CARRIAGE_MAX: usize = 10_000;
