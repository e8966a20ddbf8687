//! Declarations and the people who make them.

use std::sync::atomic::Ordering;

use serde::Serialize;
use serde::de::DeserializeOwned;
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

/// How a declaration is to be kept, and its pass.
#[derive(Clone, Copy, Debug)]
pub struct Declaring<'a> {
    /// How far it was compared.
    pub state: DeclarationState,
    /// The pass is valid from here on.
    pub issued: UnixSeconds,
    /// The pass is valid before this instant.
    pub valid_until: UnixSeconds,
    /// The phone that it is made with; empty where there is none.
    pub phone: &'a str,
    /// Names the request: the same one, sent again, makes nothing new.
    pub request: Option<&'a str>,
    /// The account of the official who enters it from paper; none where citizens declare themselves.
    pub entered_by: Option<&'a str>,
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
}

/// Whose a document is, and how sure that is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) subject: SubjectCode,
    /// Somebody who knows better found it so; otherwise it was only declared.
    pub(super) is_verified: bool,
}

/// A person in the store, open.
pub(super) struct Found {
    pub(super) subject: SubjectCode,
    pub(super) key: Secret,
    pub(super) is_new: bool,
}

/// A request that may come again, and what it asks, neither readable.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) key: Blind,
    pub(super) content: Blind,
}

impl Request {
    /// What is written with what it made.
    pub(super) fn made(self, number: u64) -> (Vec<u8>, Vec<u8>) {
        let made = [self.content.bytes().as_slice(), &number.to_be_bytes()].concat();
        (keys::request(self.key), made)
    }
}

impl Registry {
    /// Keeps a declaration, which is tidied and checked, and issues the number of a pass for it. Returns
    /// when both, and the act, are on disk. The same declaration of the same request is kept once.
    ///
    /// # Errors
    /// The documents belong to different people, the key was used for another declaration, or the store
    /// fails; nothing is kept then.
    pub fn declare(
        &self,
        declaration: &Declaration,
        how: Declaring<'_>,
        mut act: Act,
    ) -> Result<Declared, RegistryError> {
        let person = &declaration.person;
        let blinds: Vec<Blind> = person.documents.iter().map(|document| self.blind(document)).collect();
        let _finding = self.finding(&blinds);
        let request = how.request.map(|key| self.request(key, &blinds, declaration));
        if let Some(declared) = request.map_or(Ok(None), |request| self.already_declared(request))? {
            return Ok(declared);
        }
        let mut changes = Changes::default();
        let found = self.find_or_make(&blinds)?;
        // Anybody may have declared it: a known person stays as known until somebody has verified it.
        let is_verified = how.state == DeclarationState::Verified;
        if found.is_new || is_verified {
            self.put_person(person, &found, &mut changes);
            self.put_documents(&blinds, Holder { subject: found.subject, is_verified }, &mut changes)?;
        }
        let (record, pass) =
            self.put_declaration(declaration, &found, how, TimeMs::new(act.at), &mut changes)?;
        changes.puts.extend(request.map(|request| request.made(record.declaration)));
        act.object = record.pass.to_string();
        changes.acts.push(act);
        self.writer.write(changes)?;
        Ok(Declared { record, pass, is_new_person: found.is_new })
    }

    /// Notes that a declaration was found to be right, by an officer with the document in hand. From now on
    /// the person is as declared there, found by all its documents.
    ///
    /// # Errors
    /// There is no such declaration, its documents belong to two people, or the store fails.
    pub fn verified(&self, number: u64, act: Act) -> Result<DeclarationRecord, RegistryError> {
        self.verify(number, None, act)
    }

    /// Notes the same of what was entered from paper, in the name of this account: to it the declaration tells
    /// no more of the person than what it entered itself.
    ///
    /// # Errors
    /// As for [`Registry::verified`].
    pub fn verified_on_paper(
        &self,
        number: u64,
        account: &str,
        act: Act,
    ) -> Result<DeclarationRecord, RegistryError> {
        self.verify(number, Some(account), act)
    }

    fn verify(
        &self,
        number: u64,
        on_paper: Option<&str>,
        act: Act,
    ) -> Result<DeclarationRecord, RegistryError> {
        let (_, declaration) = self.read_declaration(number)?.ok_or(RegistryError::UnknownDeclaration)?;
        let documents = declaration.person.documents;
        let blinds: Vec<Blind> = documents.iter().map(|document| self.blind(document)).collect();
        let _finding = self.finding(&blinds);
        self.verify_found(number, on_paper, act)
    }

    /// The same, where all whom the documents find are held.
    pub(super) fn verify_found(
        &self,
        number: u64,
        on_paper: Option<&str>,
        act: Act,
    ) -> Result<DeclarationRecord, RegistryError> {
        let key = keys::declaration(number);
        let bytes = self.table.get(&key)?.ok_or(RegistryError::UnknownDeclaration)?;
        let (mut record, sealed) = split_declaration(&bytes).ok_or_else(|| damaged("a declaration"))?;
        let (own, _) = self.open_person(record.subject)?.ok_or_else(|| damaged("a person"))?;
        let Declaration { person, journey, .. } = opened(&own, sealed, &key, "a declaration")?;
        let blinds: Vec<Blind> = person.documents.iter().map(|document| self.blind(document)).collect();
        if self.verified_holder(&blinds)?.is_some_and(|holder| holder != record.subject) {
            return Err(RegistryError::TwoPeople);
        }
        record.state = DeclarationState::Verified;
        let person = self.person_as_found(number, record.subject, person)?;
        let puts = self.travelling_marks(number, &journey).into();
        let mut changes = Changes { puts, acts: vec![act], ..Changes::default() };
        let found = Found { subject: record.subject, key: own, is_new: false };
        self.put_person(&person, &found, &mut changes);
        self.put_documents(&blinds, Holder { subject: found.subject, is_verified: true }, &mut changes)?;
        changes.puts.push((key, join_declaration(&record, sealed)));
        changes.puts.extend(on_paper.map(|account| self.entered_mark(account, number)));
        self.writer.write(changes)?;
        Ok(record)
    }

    /// A declaration without what is personal in it.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declaration_record(&self, number: u64) -> Result<Option<DeclarationRecord>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::declaration(number))? else { return Ok(None) };
        let (record, _) = split_declaration(&bytes).ok_or_else(|| damaged("a declaration"))?;
        Ok(Some(record))
    }

    /// The blind index of a phone, as in [`DeclarationRecord::phone`].
    pub fn phone_index(&self, phone: &str) -> String {
        data_encoding::HEXLOWER.encode(&self.vault.read().blind("phone", phone).bytes())
    }

    /// Who has this document, tidied.
    ///
    /// # Errors
    /// The store fails.
    pub fn holder(&self, document: &Document) -> Result<Option<SubjectCode>, RegistryError> {
        Ok(self.holder_of(self.blind(document))?.map(|holder| holder.subject))
    }

    /// Others of this name, birth date and sex, who may be the same person with another document; at most
    /// sixteen.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn namesakes(
        &self,
        subject: SubjectCode,
        person: &Person,
    ) -> Result<Vec<SubjectCode>, RegistryError> {
        let prefix = keys::namesakes(self.name_index(person));
        let mut others = Vec::new();
        for entry in self.table.scan(&prefix, &prefix).take(NAMESAKES_MAX) {
            let (key, _) = entry?;
            let other = SubjectCode::new(*key.last_chunk().ok_or_else(|| damaged("a name"))?);
            others.extend((other != subject).then_some(other));
        }
        Ok(others)
    }

    /// A person's own data; the act is on disk before it is handed out.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn person(&self, subject: SubjectCode, act: Act) -> Result<Option<Person>, RegistryError> {
        let Some((key, sealed)) = self.open_person(subject)? else { return Ok(None) };
        self.note(act)?;
        opened(&key, &sealed, &place_of(subject), "a person").map(Some)
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
        self.note(act)?;
        self.read_declaration(number)
    }

    pub(super) fn read_declaration(
        &self,
        number: u64,
    ) -> Result<Option<(DeclarationRecord, Declaration)>, RegistryError> {
        let key = keys::declaration(number);
        let Some(bytes) = self.table.get(&key)? else { return Ok(None) };
        let damage = || damaged("a declaration");
        let (record, sealed) = split_declaration(&bytes).ok_or_else(damage)?;
        let (own, _) = self.open_person(record.subject)?.ok_or_else(damage)?;
        Ok(Some((record, opened(&own, sealed, &key, "a declaration")?)))
    }

    /// Declarations of a subject before the one of this number, the newest first, without what is personal;
    /// at most `limit`.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declarations_of(
        &self,
        subject: SubjectCode,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeclarationRecord>, RegistryError> {
        let prefix = keys::declarations_of(subject);
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        let mut records = Vec::new();
        for entry in self.table.scan(&prefix, &keys::declaration_of(subject, last)).take(limit) {
            let (key, _) = entry?;
            let number = key.last_chunk().ok_or_else(|| damaged("a list of declarations"))?;
            let number = !u64::from_be_bytes(*number);
            let bytes = self.table.get(&keys::declaration(number))?;
            let record = bytes.as_deref().and_then(split_declaration).map(|(record, _)| record);
            records.push(record.ok_or_else(|| damaged("a declaration"))?);
        }
        Ok(records)
    }

    /// A number above all that were given: two declarations never share one, whatever the clock says.
    pub(super) fn declaration_number(&self, at: TimeMs) -> u64 {
        let by_clock = first_declaration_at(at);
        let next = |last: u64| by_clock.max(last + 1);
        let last =
            self.last_declaration.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        last.map_or_else(next, next)
    }

    /// A number by chance, so that nobody guesses another's, that no pass has yet.
    pub(super) fn unused_pass(&self) -> Result<PassId, RegistryError> {
        loop {
            let pass = PassId::new(u64::from_be_bytes(random()));
            if self.pass(pass)?.is_none() {
                return Ok(pass);
            }
        }
    }

    /// A declaration, its pass, and what leads to both; what is written of the person goes apart.
    pub(super) fn put_declaration(
        &self,
        declaration: &Declaration,
        found: &Found,
        how: Declaring<'_>,
        at: TimeMs,
        changes: &mut Changes,
    ) -> Result<(DeclarationRecord, PassRecord), RegistryError> {
        let number = self.declaration_number(at);
        let is_verified = how.state == DeclarationState::Verified;
        let record = DeclarationRecord {
            declaration: number,
            subject: found.subject,
            made_at: at.get(),
            state: how.state,
            pass: self.unused_pass()?,
            phone: self.phone_index(how.phone),
        };
        if is_verified {
            changes.puts.extend(self.travelling_marks(number, &declaration.journey));
        }
        let issued = PassRecord {
            pass: record.pass,
            subject: found.subject,
            declaration: number,
            is_vehicle: false,
            issued_s: how.issued.get(),
            valid_until_s: how.valid_until.get(),
            is_registered: is_verified,
            revoked: None,
        };
        let key = keys::declaration(number);
        let sealed = seal(&found.key, &json(declaration), &key);
        changes.puts.push((key, join_declaration(&record, &sealed)));
        changes.puts.push((keys::declaration_of(found.subject, number), Vec::new()));
        changes.puts.push((keys::pass(record.pass), json(&issued)));
        changes.puts.extend(how.entered_by.map(|account| self.entered_mark(account, number)));
        Ok((record, issued))
    }

    fn request(&self, key: &str, documents: &[Blind], declaration: &Declaration) -> Request {
        self.request_for("request", key, documents, declaration)
    }

    /// What a request for such a thing asks, of whoever has these documents.
    pub(super) fn request_for(
        &self,
        what: &str,
        key: &str,
        documents: &[Blind],
        content: &impl Serialize,
    ) -> Request {
        let vault = self.vault.read();
        let whose: String =
            documents.iter().map(|blind| data_encoding::HEXLOWER.encode(&blind.bytes())).collect();
        let content = String::from_utf8(json(content)).expect("JSON is text");
        Request {
            key: vault.blind(what, &format!("{whose}|{key}")),
            content: vault.blind("content", &content),
        }
    }

    /// Number of what the same request made before.
    ///
    /// # Errors
    /// The key was used for something else, or the store fails.
    pub(super) fn made_before(&self, request: Request) -> Result<Option<u64>, RegistryError> {
        let Some(made) = self.table.get(&keys::request(request.key))? else { return Ok(None) };
        let damage = || damaged("a request");
        let (content, number) = made.split_first_chunk::<16>().ok_or_else(damage)?;
        if *content != request.content.bytes() {
            return Err(RegistryError::KeyReused);
        }
        Ok(Some(u64::from_be_bytes(number.try_into().map_err(|_| damage())?)))
    }

    fn already_declared(&self, request: Request) -> Result<Option<Declared>, RegistryError> {
        let Some(number) = self.made_before(request)? else { return Ok(None) };
        let damage = || damaged("a request");
        let record = self.declaration_record(number)?.ok_or_else(damage)?;
        let pass = self.pass(record.pass)?.ok_or_else(damage)?;
        Ok(Some(Declared { record, pass, is_new_person: false }))
    }

    pub(super) fn blind(&self, document: &Document) -> Blind {
        let country = document.country.as_deref().unwrap_or_default();
        self.vault.read().blind(document.kind.as_str(), &format!("{country}|{}", document.number))
    }

    fn name_index(&self, person: &Person) -> Blind {
        let who = format!("{}|{}|{:?}", folded_name(&person.name), person.birth_date, person.sex);
        self.vault.read().blind("name", &who)
    }

    pub(super) fn holder_of(&self, document: Blind) -> Result<Option<Holder>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::document(document))? else { return Ok(None) };
        let damage = || damaged("a document");
        let (subject, rest) = bytes.split_first_chunk().ok_or_else(damage)?;
        let is_verified = match rest {
            [0] => false,
            [1] => true,
            _ => return Err(damage().into()),
        };
        Ok(Some(Holder { subject: SubjectCode::new(*subject), is_verified }))
    }

    /// What the same request made before, if it was made: see [`Declaring::request`].
    ///
    /// # Errors
    /// The key was used for another declaration, or the store fails.
    pub fn declared_before(
        &self,
        declaration: &Declaration,
        request: &str,
    ) -> Result<Option<Declared>, RegistryError> {
        let documents = &declaration.person.documents;
        let blinds: Vec<Blind> = documents.iter().map(|document| self.blind(document)).collect();
        self.already_declared(self.request(request, &blinds, declaration))
    }

    /// Some declarations; the one act for all is on disk before any is handed out. What is not there is
    /// left out.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declarations(
        &self,
        records: &[DeclarationRecord],
        act: Act,
    ) -> Result<Vec<(DeclarationRecord, Declaration)>, RegistryError> {
        self.note(act)?;
        let read = |record: &DeclarationRecord| self.read_declaration(record.declaration).transpose();
        records.iter().filter_map(read).collect()
    }

    /// The one whom the documents find, or somebody new. What was only declared of a document gives way to
    /// what somebody verified of another: nobody can claim a document to keep its owner out.
    pub(super) fn find_or_make(&self, documents: &[Blind]) -> Result<Found, RegistryError> {
        let mut known = self.verified_holder(documents)?;
        for document in documents {
            known = known.or(self.holder_of(*document)?.map(|holder| holder.subject));
        }
        let Some(subject) = known else {
            let key = random_key();
            return Ok(Found { subject: SubjectCode::new(random()), key, is_new: true });
        };
        let (key, _) = self.open_person(subject)?.ok_or_else(|| damaged("a person"))?;
        Ok(Found { subject, key, is_new: false })
    }

    /// The one person to whom somebody verified that any of the documents belong.
    pub(super) fn verified_holder(&self, documents: &[Blind]) -> Result<Option<SubjectCode>, RegistryError> {
        let mut verified = None;
        for document in documents {
            let holder = self.holder_of(*document)?.filter(|holder| holder.is_verified);
            let holder = holder.map(|holder| holder.subject);
            if verified.is_some() && holder.is_some() && verified != holder {
                return Err(RegistryError::TwoPeople);
            }
            verified = verified.or(holder);
        }
        Ok(verified)
    }

    /// A person's own key, and the facts that are sealed with it.
    pub(crate) fn open_person(
        &self,
        subject: SubjectCode,
    ) -> Result<Option<(Secret, Vec<u8>)>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::person(subject))? else { return Ok(None) };
        let (wrapped, sealed) = split_person(&bytes).ok_or_else(|| damaged("a person"))?;
        let key = self.vault.read().unwrap(&wrapped, &place_of(subject));
        Ok(Some((key.map_err(|_| damaged("a person's key"))?, sealed.to_vec())))
    }

    /// Keeps the person as declared now.
    pub(super) fn put_person(&self, person: &Person, found: &Found, changes: &mut Changes) {
        let place = place_of(found.subject);
        let wrapped = self.vault.read().wrap(&found.key, &place);
        let sealed = seal(&found.key, &json(person), &place);
        changes.puts.push((place, join_person(&wrapped, &sealed)));
        changes.puts.push((keys::namesake(self.name_index(person), found.subject), Vec::new()));
    }

    /// From now on the documents find this holder; what was only declared takes none that is another's.
    pub(super) fn put_documents(
        &self,
        documents: &[Blind],
        holder: Holder,
        changes: &mut Changes,
    ) -> Result<(), RegistryError> {
        for document in documents {
            if holder.is_verified || self.holder_of(*document)?.is_none() {
                let value = [holder.subject.bytes().as_slice(), &[u8::from(holder.is_verified)]].concat();
                changes.puts.push((keys::document(*document), value));
            }
        }
        Ok(())
    }
}

/// What was sealed with a person's own key.
pub(crate) fn opened<T: DeserializeOwned>(
    own: &Secret,
    sealed: &[u8],
    place: &[u8],
    what: &str,
) -> Result<T, RegistryError> {
    let plain = open(own, sealed, place).map_err(|_| damaged(what))?;
    Ok(serde_json::from_slice(&plain).map_err(|_| damaged(what))?)
}

/// The least number that a declaration of this instant can have.
pub fn first_declaration_at(at: TimeMs) -> u64 {
    (at.get().max(0) as u64) << COUNT_BITS
}

/// Which of the locks a declaration or a trip has: the lower bits of nearly all numbers are the same.
pub(super) fn lock_of(number: u64) -> usize {
    (number ^ (number >> COUNT_BITS)) as usize
}

/// The lower bits of a declaration's number count those of a millisecond, and of a clock set back.
const COUNT_BITS: u32 = 20;

/// Most namesakes that are told.
const NAMESAKES_MAX: usize = 20;
