//! Whose records a caller reaches: citizens their own, officials those of their area's people.
//!
//! Anybody may declare with anybody's document, and officials enter whom they like. So whose area somebody is
//! of is told by what was verified or sealed, and to no account by what it entered itself: of that it sees
//! what it entered, and no more.

use truyvet_engine::registry::{Account, DeclarationRecord, PassRecord, RegistryError};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{PassId, SubjectCode};
use truyvet_schemas::person::{self, Document};
use utoipa::ToSchema;

use super::{People, act, act_with};

/// A person as an official sees them.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = FoundPerson)]
pub struct Person {
    /// The subject's code, by which the engine knows the person.
    pub subject: String,
    /// Who it is.
    pub person: person::Person,
    /// Codes of others of the same name, birth date and sex, who may be the same person with another
    /// document.
    pub namesakes: Vec<String>,
    /// Declarations, the newest first.
    pub declarations: Vec<Declared>,
}

/// A declaration as officials see it listed.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct Declared {
    /// Its number.
    pub declaration: String,
    /// `verified` or `unverified`.
    pub state: String,
    /// Unix milliseconds.
    pub made_at: i64,
    /// Number of its pass.
    pub pass: String,
    /// Unix milliseconds; the pass is no longer valid at it.
    pub valid_until: i64,
    /// Whether the pass was taken back.
    pub revoked: bool,
}

impl People {
    /// What was declared with this document and this phone before the declaration of this number, the newest
    /// first; at most `limit`. Another's phone does not reach it, whatever document it names.
    ///
    /// # Errors
    /// The store fails.
    pub fn own_declarations(
        &self,
        document: &Document,
        phone: &str,
        mut before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeclarationRecord>, RegistryError> {
        let Some(holder) = self.registry.holder(document)? else { return Ok(Vec::new()) };
        let (phone, mut own) = (self.registry.phone_index(phone), Vec::new());
        while own.len() < limit {
            let all = self.registry.declarations_of(holder, before, limit)?;
            let Some(last) = all.last() else { break };
            before = Some(last.declaration);
            own.extend(all.into_iter().filter(|record| record.phone == phone));
        }
        own.truncate(limit);
        Ok(own)
    }

    /// The declaration that a pass was issued for, where it was made with this document and this phone.
    ///
    /// # Errors
    /// The store fails.
    pub fn own_pass(
        &self,
        document: &Document,
        phone: &str,
        pass: PassId,
    ) -> Result<Option<DeclarationRecord>, RegistryError> {
        let (holder, pass) = (self.registry.holder(document)?, self.registry.pass(pass)?);
        let Some(pass) = pass.filter(|pass| holder == Some(pass.subject)) else { return Ok(None) };
        let phone = self.registry.phone_index(phone);
        let record = self.registry.declaration_record(pass.declaration)?;
        Ok(record.filter(|record| record.phone == phone))
    }

    /// Whether an official's area is one that the subject lives in or travels from or to, as was verified, or
    /// one that a sealed trip of a vehicle, with the subject aboard, begins in or names in its route, or one where
    /// the subject is to stay in quarantine. What this official entered, wrote or ordered is left out. Those of
    /// the nation reach everybody: whatever is declared leads nobody there who was not there.
    ///
    /// # Errors
    /// The store fails.
    pub fn is_in_reach(&self, subject: SubjectCode, account: &Account) -> Result<bool, RegistryError> {
        let within = account.area.as_ref().filter(|area| !self.areas.is_nation(area));
        let Some(within) = within else { return Ok(true) };
        let is_own = |area: &String| self.areas.is_within(area, within);
        let areas = self.registry.areas_of(subject, &account.account, DECLARATIONS_LOOKED_AT)?;
        Ok(areas.iter().any(is_own)
            || self.trip_areas_of(subject, &account.account)?.iter().any(is_own)
            || self.order_areas_of(subject, &account.account, TimeMs::now())?.iter().any(is_own))
    }

    /// Whether an official may take a pass back: of whom they reach, and that of what they entered themselves.
    ///
    /// # Errors
    /// The store fails.
    pub fn may_revoke(&self, pass: &PassRecord, account: &Account) -> Result<bool, RegistryError> {
        Ok(self.is_in_reach(pass.subject, account)?
            || (!pass.is_vehicle && self.registry.has_entered(&account.account, pass.declaration)?))
    }

    /// Whether an area is the official's or lies within it.
    pub fn reaches_area(&self, area: &str, account: &Account) -> bool {
        account.area.as_ref().is_none_or(|within| self.areas.is_within(area, within))
    }

    /// Who a subject is, for an official who reaches them; or else what the official entered of them. The look,
    /// granted or refused, is in the audit log before it is answered.
    ///
    /// # Errors
    /// The store fails.
    pub fn find_person(
        &self,
        subject: SubjectCode,
        account: &Account,
        now: TimeMs,
    ) -> Result<Option<Person>, RegistryError> {
        if !self.is_in_reach(subject, account)? {
            return self.find_entered(subject, account, now);
        }
        let look = act(now, &account.account, "person.read", &subject.to_string());
        let Some(person) = self.registry.person(subject, look)? else { return Ok(None) };
        let namesakes = self.registry.namesakes(subject, &person)?;
        let namesakes = namesakes.iter().map(ToString::to_string).collect();
        let declarations = self.registry.declarations_of(subject, None, DECLARATIONS_LOOKED_AT)?;
        let declarations = self.listed(declarations)?;
        Ok(Some(Person { subject: subject.to_string(), person, namesakes, declarations }))
    }

    /// What the official entered of somebody, as it was entered: nothing that anybody else knows of them.
    fn find_entered(
        &self,
        subject: SubjectCode,
        account: &Account,
        now: TimeMs,
    ) -> Result<Option<Person>, RegistryError> {
        let (who, object) = (account.account.as_str(), subject.to_string());
        let entered = self.registry.entered_of(subject, who, DECLARATIONS_LOOKED_AT)?;
        let Some(newest) = entered.first() else {
            self.registry.note(act_with(now, who, "person.read", &object, "refused"))?;
            return Ok(None);
        };
        let look = act(now, who, "declaration.read", &newest.pass.to_string());
        let Some((_, declaration)) = self.registry.declaration(newest.declaration, look)? else {
            return Ok(None);
        };
        let (person, declarations) = (declaration.person, self.listed(entered)?);
        Ok(Some(Person { subject: object, person, namesakes: Vec::new(), declarations }))
    }

    fn listed(&self, records: Vec<DeclarationRecord>) -> Result<Vec<Declared>, RegistryError> {
        let mut declarations = Vec::new();
        for record in records {
            let Some(pass) = self.registry.pass(record.pass)? else { continue };
            declarations.push(Declared {
                declaration: record.declaration.to_string(),
                state: record.state.as_str().to_owned(),
                made_at: record.made_at,
                pass: record.pass.to_string(),
                valid_until: i64::from(pass.valid_until_s) * 1_000,
                revoked: pass.revoked.is_some(),
            });
        }
        Ok(declarations)
    }
}

/// Newest declarations that say where a person lives and travels, and that are told of one.
const DECLARATIONS_LOOKED_AT: usize = 20;
