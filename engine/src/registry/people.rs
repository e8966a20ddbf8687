//! Declarations and the people who make them.

use std::sync::atomic::Ordering;

use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::{PassId, SubjectCode, UnixSeconds};
use truyvet_schemas::person::{Document, Person, folded_name};

use super::audit::Act;
use super::records::{
    DeclarationRecord, DeclarationState, PassRecord, join_declaration, join_person, split_declaration,
    split_person,
};
use super::vault::{Blind, Secret, open, random, random_key, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys, place_of};
use crate::catalog::json;

/// The pass to be issued with a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPass {
    /// It is valid from here on.
    pub issued: UnixSeconds,
    /// It is valid before this instant.
    pub valid_until: UnixSeconds,
}

/// A declaration that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The declaration.
    pub record: DeclarationRecord,
    /// Its pass, to be signed.
    pub pass: PassRecord,
    /// Whether the person was not known before.
    pub is_new_person: bool,
    /// Others of the same name, birth date and sex, who may be the same person with another document.
    pub namesakes: Vec<SubjectCode>,
}

/// A person in the store, open.
struct Found {
    subject: SubjectCode,
    key: Secret,
    is_new: bool,
}

impl Registry {
    /// Keeps a declaration, which is tidied and checked, and issues the number of a pass for it. Returns
    /// when both, and the act, are on disk.
    ///
    /// # Errors
    /// The documents belong to different people, or the store fails; nothing is kept then.
    pub fn declare(
        &self,
        declaration: &Declaration,
        state: DeclarationState,
        pass: NewPass,
        mut act: Act,
    ) -> Result<Declared, RegistryError> {
        let person = &declaration.person;
        let blinds: Vec<Blind> = person.documents.iter().map(|document| self.blind(document)).collect();
        let _finding = self.finding(&blinds);
        let mut changes = Changes::default();
        let found = self.find_or_make(&blinds)?;
        let namesakes = self.put_person(person, &blinds, &found, &mut changes)?;
        let number = self.declaration_number(TimeMs::new(act.at));
        let record = DeclarationRecord {
            declaration: number,
            subject: found.subject,
            made_at: act.at,
            state,
            pass: self.unused_pass()?,
        };
        let issued = PassRecord {
            pass: record.pass,
            subject: found.subject,
            declaration: number,
            issued_s: pass.issued.get(),
            valid_until_s: pass.valid_until.get(),
            revoked: None,
        };
        let key = keys::declaration(number);
        let sealed = seal(&found.key, &json(declaration), &key);
        changes.puts.push((key, join_declaration(&record, &sealed)));
        changes.puts.push((keys::declaration_of(found.subject, number), Vec::new()));
        changes.puts.push((keys::pass(record.pass), json(&issued)));
        act.object = record.pass.to_string();
        changes.acts.push(act);
        self.writer.write(changes)?;
        Ok(Declared { record, pass: issued, is_new_person: found.is_new, namesakes })
    }

    /// Who has this document, tidied.
    ///
    /// # Errors
    /// The store fails.
    pub fn holder(&self, document: &Document) -> Result<Option<SubjectCode>, RegistryError> {
        self.subject_of(self.blind(document))
    }

    /// A person's own data; the act is on disk before it is handed out.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn person(&self, subject: SubjectCode, act: Act) -> Result<Option<Person>, RegistryError> {
        let Some((key, sealed)) = self.open_person(subject)? else { return Ok(None) };
        self.note(act)?;
        let plain = open(&key, &sealed, &place_of(subject)).map_err(|_| damaged("a person"))?;
        Ok(Some(serde_json::from_slice(&plain).map_err(|_| damaged("a person"))?))
    }

    /// A declaration; the act is on disk before it is handed out.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declaration(
        &self,
        number: u64,
        act: Act,
    ) -> Result<Option<(DeclarationRecord, Declaration)>, RegistryError> {
        let key = keys::declaration(number);
        let Some(bytes) = self.table.get(&key)? else { return Ok(None) };
        let damage = || damaged("a declaration");
        let (record, sealed) = split_declaration(&bytes).ok_or_else(damage)?;
        let (own, _) = self.open_person(record.subject)?.ok_or_else(damage)?;
        self.note(act)?;
        let plain = open(&own, sealed, &key).map_err(|_| damage())?;
        Ok(Some((record, serde_json::from_slice(&plain).map_err(|_| damage())?)))
    }

    /// Declarations of a subject, the newest first, without what is personal; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declarations_of(
        &self,
        subject: SubjectCode,
        limit: usize,
    ) -> Result<Vec<DeclarationRecord>, RegistryError> {
        let prefix = keys::declarations_of(subject);
        let mut records = Vec::new();
        for entry in self.table.scan(&prefix, &prefix).take(limit) {
            let (key, _) = entry?;
            let number = key.last_chunk().ok_or_else(|| damaged("a list of declarations"))?;
            let number = !u64::from_be_bytes(*number);
            let bytes = self.table.get(&keys::declaration(number))?;
            let record = bytes.as_deref().and_then(split_declaration).map(|(record, _)| record);
            records.push(record.ok_or_else(|| damaged("a declaration"))?);
        }
        Ok(records)
    }

    /// Makes a new master key, and wraps everybody's own key with it. Going on after a stop is starting
    /// again. Tells how many keys were wrapped anew.
    ///
    /// # Errors
    /// The key cannot be made, or the store fails; what was not reached keeps the key before.
    pub fn rotate_master(&self, act: Act) -> Result<u64, RegistryError> {
        self.vault.write().rotate()?;
        let (mut start, mut rewrapped) = (vec![keys::Tag::Person as u8], 0);
        while let Some(last) = self.rewrap_from(&start, &mut rewrapped)? {
            start = last;
            start.push(0); // the next key there can be
        }
        self.note(act)?;
        Ok(rewrapped)
    }

    /// Wraps a stretch of people's keys anew in one write, and tells the last of them.
    fn rewrap_from(&self, start: &[u8], rewrapped: &mut u64) -> Result<Option<Vec<u8>>, RegistryError> {
        // What a declaration wrote at the same time would be overwritten with what was there before.
        let _alone: Vec<_> = self.finding.iter().map(|lock| lock.lock()).collect();
        let vault = self.vault.read();
        let tag = [keys::Tag::Person as u8];
        let (mut changes, mut last) = (Changes::default(), None);
        for entry in self.table.scan(&tag, start).take(REWRAPPED_AT_ONCE) {
            let (place, bytes) = entry?;
            let (wrapped, sealed) = split_person(&bytes).ok_or_else(|| damaged("a person"))?;
            let anew = vault.rewrap(&wrapped, &place).map_err(|_| damaged("a person's key"))?;
            if let Some(anew) = anew {
                changes.puts.push((place.to_vec(), join_person(&anew, sealed)));
            }
            last = Some(place.to_vec());
        }
        *rewrapped += changes.puts.len() as u64;
        self.writer.write(changes)?;
        Ok(last)
    }

    /// A number above all that were given: two declarations never share one, whatever the clock says.
    fn declaration_number(&self, at: TimeMs) -> u64 {
        let by_clock = (at.get().max(0) as u64) << COUNT_BITS;
        let next = |last: u64| by_clock.max(last + 1);
        let last =
            self.last_declaration.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        last.map_or_else(next, next)
    }

    /// A number by chance, so that nobody guesses another's, that no pass has yet.
    fn unused_pass(&self) -> Result<PassId, RegistryError> {
        loop {
            let pass = PassId::new(u64::from_be_bytes(random()));
            if self.pass(pass)?.is_none() {
                return Ok(pass);
            }
        }
    }

    fn blind(&self, document: &Document) -> Blind {
        let country = document.country.as_deref().unwrap_or_default();
        self.vault.read().blind(document.kind.as_str(), &format!("{country}|{}", document.number))
    }

    fn subject_of(&self, document: Blind) -> Result<Option<SubjectCode>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::document(document))? else { return Ok(None) };
        let bytes = bytes.try_into().map_err(|_| damaged("a document"))?;
        Ok(Some(SubjectCode::new(bytes)))
    }

    /// The one whom any of the documents finds, or somebody new.
    fn find_or_make(&self, documents: &[Blind]) -> Result<Found, RegistryError> {
        let mut known = None;
        for document in documents {
            let found = self.subject_of(*document)?;
            if known.is_some() && found.is_some() && known != found {
                return Err(RegistryError::TwoPeople);
            }
            known = known.or(found);
        }
        let Some(subject) = known else {
            let key = random_key();
            return Ok(Found { subject: SubjectCode::new(random()), key, is_new: true });
        };
        let (key, _) = self.open_person(subject)?.ok_or_else(|| damaged("a person"))?;
        Ok(Found { subject, key, is_new: false })
    }

    /// A person's own key, and the facts that are sealed with it.
    fn open_person(&self, subject: SubjectCode) -> Result<Option<(Secret, Vec<u8>)>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::person(subject))? else { return Ok(None) };
        let (wrapped, sealed) = split_person(&bytes).ok_or_else(|| damaged("a person"))?;
        let key = self.vault.read().unwrap(&wrapped, &place_of(subject));
        Ok(Some((key.map_err(|_| damaged("a person's key"))?, sealed.to_vec())))
    }

    /// Keeps the person as declared now, found by all documents; tells who has the same name.
    fn put_person(
        &self,
        person: &Person,
        documents: &[Blind],
        found: &Found,
        changes: &mut Changes,
    ) -> Result<Vec<SubjectCode>, RegistryError> {
        let place = place_of(found.subject);
        let wrapped = self.vault.read().wrap(&found.key, &place);
        let sealed = seal(&found.key, &json(person), &place);
        changes.puts.push((place, join_person(&wrapped, &sealed)));
        for document in documents {
            changes.puts.push((keys::document(*document), found.subject.bytes().to_vec()));
        }
        let who = format!("{}|{}|{:?}", folded_name(&person.name), person.birth_date, person.sex);
        let name = self.vault.read().blind("name", &who);
        changes.puts.push((keys::namesake(name, found.subject), Vec::new()));
        let prefix = keys::namesakes(name);
        let mut others = Vec::new();
        for entry in self.table.scan(&prefix, &prefix).take(NAMESAKES_MAX) {
            let (key, _) = entry?;
            let other = SubjectCode::new(*key.last_chunk().ok_or_else(|| damaged("a name"))?);
            others.extend((other != found.subject).then_some(other));
        }
        Ok(others)
    }
}

/// The lower bits of a declaration's number count those of a millisecond, and of a clock set back.
const COUNT_BITS: u32 = 20;

/// Keys wrapped anew in one write, while nobody can declare: some milliseconds.
const REWRAPPED_AT_ONCE: usize = 1_000;

/// Most namesakes that are told.
const NAMESAKES_MAX: usize = 20;
