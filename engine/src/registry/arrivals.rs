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

use super::audit::Act;
use super::people::{Declared, Declaring, Found, Holder, Request, opened};
use super::records::{DeclarationRecord, DeclarationState};
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
    /// from elsewhere: of the same person, on the same carriage, with nothing else.
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
        if let Some(number) = request.map_or(Ok(None), |request| self.made_before(request))? {
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
        if let Some(before) = self.same_arrival(declaration, crossing, found.subject, state)? {
            return self.arrived_already(before);
        }
        let home = known.as_ref().unwrap_or(&declaration.person).home().area.clone();
        let (declaring, mut changes) = (Declaring { state, ..how.declaring }, Changes::default());
        let is_verified = state == DeclarationState::Verified;
        match known {
            None => self.put_person(&declaration.person, &found, &mut changes),
            Some(known) if is_verified && !differs.is_empty() => {
                self.put_person(&as_found(known, &declaration.person), &found, &mut changes);
            }
            Some(_) => {}
        }
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
        let declared = Declared { record, pass, is_new_person: found.is_new };
        Ok(Arrived { declared, home, was_there: false })
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
        // Spellings are no news.
        Ok(if known.differs(&declared).is_empty() { known } else { as_found(known, &declared) })
    }

    /// The arrival of the same person on the same carriage, where this one would add nothing to it.
    fn same_arrival(
        &self,
        declaration: &Declaration,
        crossing: &Crossing,
        subject: SubjectCode,
        state: DeclarationState,
    ) -> Result<Option<u64>, RegistryError> {
        let Some(carriage) = self.carriage_index(&crossing.carriage) else { return Ok(None) };
        let Some(number) = self.table.get(&keys::crossing_on(carriage, subject))? else { return Ok(None) };
        let number = number_of(&number)?;
        let Some(before) = self.read_arrival(number)? else { return Ok(None) };
        let is_known_as_well = before.record.state == state || state == DeclarationState::Unverified;
        let is_same = before.crossing == *crossing
            && before.declaration.health == declaration.health
            && before.declaration.person.differs(&declaration.person).is_empty();
        Ok((is_same && is_known_as_well).then_some(number))
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
        let Some(crossing) = self.crossing(number)? else { return Ok(None) };
        let Some((record, declaration)) = self.read_declaration(number)? else { return Ok(None) };
        let mut differs = Vec::new();
        if record.state == DeclarationState::Unverified {
            let (own, sealed) = self.open_person(record.subject)?.ok_or_else(|| damaged("a person"))?;
            let known: Person = opened(&own, &sealed, &place_of(record.subject), "a person")?;
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
        Ok(Arrived { declared, home: known.home().area.clone(), was_there: true })
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
        permanent: known.permanent,
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
