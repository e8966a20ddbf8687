//! A pass at a checkpoint: what was read, what the registry says of it, what to compare with the document.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use truyvet_engine::registry::{Account, DeclarationRecord, DeclarationState, PassRecord, RegistryError};
use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::{Declaration, Exposure, Symptom, Test, Vehicle};
use truyvet_schemas::pass::{PassError, PassId, SubjectCode, read};
use truyvet_schemas::person::{Document, DocumentKind, Sex, folded_name, tidy_text};
use utoipa::ToSchema;

use super::areas::AreaName;
use super::declaring::PassView;
use super::live::Happened;
use super::vehicles::TripShown;
use super::{People, act, act_with};

/// What an officer holds in hand.
#[derive(Clone)]
pub enum Asked {
    /// What a QR code said.
    Token(String),
    /// The number of a pass, typed.
    Pass(PassId),
    /// What the QR code of a chip citizen card said.
    Card(Card),
    /// A document's number, typed.
    Document(Document),
}

/// The QR code of Vietnam's chip citizen card:
/// `number|old number|name|birth ddmmyyyy|sex|residence|issued ddmmyyyy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    number: String,
    old_number: Option<String>,
    name: String,
    birth_date: String,
    sex: Option<Sex>,
}

/// What the officer is to do, by one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Let through.
    Valid,
    /// No longer valid: a new declaration is needed.
    Expired,
    /// Not valid yet: look at the clock.
    NotYetValid,
    /// Taken back.
    Revoked,
    /// Nobody has found the declaration to be right: compare it with the document.
    NotVerified,
    /// The vehicle was not checked at its depot yet.
    NotSealed,
    /// On the watch list: hold.
    Watch,
    /// Under an order of quarantine that is to be kept elsewhere.
    Quarantine,
    /// No pass of this system, or none that is known.
    Unknown,
}

/// What is found about what an officer holds.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct Checked {
    /// What to do.
    pub verdict: Verdict,
    /// Why, as a word: of PASS.md for a token, of whoever revoked or watches for a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<PassView>,
    /// What was declared, to be compared with the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    /// What was declared of a vehicle, and who is aboard now, to be compared with what stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub vehicle: Option<Box<TripShown>>,
    /// Whether the vehicle is where its route does not lead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub off_route: bool,
    /// Fields in which the card differs from what was declared; for a card alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<&'static str>,
}

/// What was declared.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[allow(missing_docs, reason = "each is the declaration's field of this name")]
pub struct Facts {
    pub name: String,
    pub birth_date: String,
    pub sex: Sex,
    pub nationality: String,
    pub document_kind: DocumentKind,
    pub document_number: String,
    pub home: AreaName,
    pub residence_text: String,
    pub from: AreaName,
    pub to: AreaName,
    pub departs_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<Vehicle>,
    pub companions: Vec<Companion>,
    pub symptoms: Vec<Symptom>,
    pub exposure: Exposure,
    pub vaccine_doses: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    #[schema(value_type = String)]
    pub state: DeclarationState,
    pub declaration: String,
    pub subject: String,
}

/// Who travels along, as declared.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = DeclaredCompanion)]
#[allow(missing_docs, reason = "each is the declaration's field of this name")]
pub struct Companion {
    pub name: String,
    pub birth_date: String,
}

impl Checked {
    fn unknown(reason: &str) -> Self {
        let reason = Some(reason.to_owned());
        Self {
            verdict: Verdict::Unknown,
            reason,
            pass: None,
            facts: None,
            vehicle: None,
            off_route: false,
            differs: Vec::new(),
        }
    }
}

impl People {
    /// Checks what an officer holds. The look at what was declared is in the audit log before it is told.
    ///
    /// # Errors
    /// The store fails.
    pub fn check(&self, asked: &Asked, officer: &Account, now: TimeMs) -> Result<Checked, RegistryError> {
        match asked {
            Asked::Token(token) => self.check_token(token, officer, now),
            Asked::Pass(pass) => self.check_pass(*pass, None, officer, now),
            Asked::Document(document) => match self.holder(std::slice::from_ref(document))? {
                Some(holder) => self.check_holder(holder, officer, now),
                None => self.nobody(officer, now),
            },
            Asked::Card(card) => {
                let Some(holder) = self.holder(&card.documents())? else {
                    return self.nobody(officer, now);
                };
                let mut checked = self.check_holder(holder, officer, now)?;
                checked.differs = checked.facts.as_ref().map(|facts| card.differs(facts)).unwrap_or_default();
                Ok(checked)
            }
        }
    }

    /// A look that found nobody is a look all the same.
    fn nobody(&self, officer: &Account, now: TimeMs) -> Result<Checked, RegistryError> {
        self.registry.note(act_with(now, &officer.account, "declaration.check", "-", "unknown"))?;
        Ok(Checked::unknown(NO_DECLARATION))
    }

    /// Notes that the officer compared a declaration, checked a moment ago, with the document in hand.
    ///
    /// # Errors
    /// The officer has not checked it, its documents belong to two people, or the store fails.
    pub fn verified(&self, declaration: u64, officer: &Account, now: TimeMs) -> Result<(), RegistryError> {
        if !self.recent.has(officer, declaration, now) {
            return Err(RegistryError::UnknownDeclaration);
        }
        let act = act(now, &officer.account, "declaration.verify", &declaration.to_string());
        let record = self.registry.verified(declaration, act)?;
        self.has_become_verified(&record, &officer.account, now)
    }

    /// From now on the journey is told of, and who has arrived from abroad is to stay in quarantine.
    pub(super) fn has_become_verified(
        &self,
        record: &DeclarationRecord,
        by: &str,
        now: TimeMs,
    ) -> Result<(), RegistryError> {
        self.follow(&[record.subject]);
        self.live.happened(Happened::Declared(record.declaration));
        match self.registry.crossing(record.declaration)? {
            Some(crossing) => self.order_for_arrival(record, &crossing, by, now),
            None => Ok(()),
        }
    }

    fn check_token(&self, token: &str, officer: &Account, now: TimeMs) -> Result<Checked, RegistryError> {
        let read = match read(token) {
            Ok(read) => read,
            Err(error) => return Ok(Checked::unknown(error.as_str())),
        };
        let skew = Duration::from_millis(self.config.clock_skew_ms);
        match read.verify(&self.issuer.public(), now, skew) {
            Ok(pass) => self.check_pass(pass.id, Some(pass.subject), officer, now),
            // Signed by the issuer all the same: what was declared may be told.
            Err(PassError::Expired { .. } | PassError::NotYetValid { .. }) => {
                self.check_pass(read.id(), None, officer, now)
            }
            Err(error) => Ok(Checked::unknown(error.as_str())),
        }
    }

    /// `subject`: whom the token is for, where there is one.
    fn check_pass(
        &self,
        pass: PassId,
        subject: Option<SubjectCode>,
        officer: &Account,
        now: TimeMs,
    ) -> Result<Checked, RegistryError> {
        let known = self.registry.pass(pass)?;
        let known = known.filter(|known| subject.is_none_or(|subject| subject == known.subject));
        let Some(known) = known else { return Ok(Checked::unknown("unknown_pass")) };
        if known.is_vehicle {
            return self.check_vehicle(&known, officer, now);
        }
        let look = act(now, &officer.account, "declaration.check", &pass.to_string());
        let Some((record, declaration)) = self.registry.declaration(known.declaration, look)? else {
            return Ok(Checked::unknown("unknown_pass"));
        };
        self.recent.put(officer, record.declaration, now);
        let (verdict, reason) = self.verdict(&known, verdict_of(&record), officer, now)?;
        Ok(Checked {
            verdict,
            reason,
            pass: Some(self.view(&declaration, &record, &known)),
            facts: Some(self.facts(&declaration, &record)),
            vehicle: None,
            off_route: false,
            differs: Vec::new(),
        })
    }

    /// The holder's pass that is valid now; or else one that is not verified; or else the newest.
    fn check_holder(
        &self,
        holder: SubjectCode,
        officer: &Account,
        now: TimeMs,
    ) -> Result<Checked, RegistryError> {
        let (mut newest, mut unverified) = (None, None);
        for record in self.registry.declarations_of(holder, None, PASSES_LOOKED_AT)? {
            let Some(pass) = self.registry.pass(record.pass)? else { continue };
            let (verdict, _) = self.verdict(&pass, verdict_of(&record), officer, now)?;
            match verdict {
                Verdict::Valid | Verdict::Watch | Verdict::Quarantine => {
                    return self.check_pass(pass.pass, None, officer, now);
                }
                Verdict::NotVerified => unverified = unverified.or(Some(pass.pass)),
                _ => newest = newest.or(Some(pass.pass)),
            }
        }
        match unverified.or(newest) {
            Some(pass) => self.check_pass(pass, None, officer, now),
            None => self.without_pass(holder, officer, now),
        }
    }

    /// Somebody who is known, from a vehicle's manifest, and has never declared: may be watched, or under an order,
    /// all the same.
    fn without_pass(
        &self,
        holder: SubjectCode,
        officer: &Account,
        now: TimeMs,
    ) -> Result<Checked, RegistryError> {
        let watched = self.registry.watched(holder, now)?;
        let (verdict, reason) = match watched {
            Some(watched) => (Verdict::Watch, Some(watched.reason)),
            None if self.is_kept_from(holder, officer.site.as_deref(), now)? => (Verdict::Quarantine, None),
            None => (Verdict::Unknown, Some(NO_DECLARATION.to_owned())),
        };
        let result = if verdict == Verdict::Unknown { "unknown" } else { "ok" };
        let (who, object) = (officer.account.as_str(), holder.to_string());
        self.registry.note(act_with(now, who, "declaration.check", &object, result))?;
        Ok(Checked { verdict, reason, ..Checked::unknown(NO_DECLARATION) })
    }

    /// A vehicle's pass stands for everyone aboard: who of them is watched holds the vehicle.
    fn check_vehicle(
        &self,
        pass: &PassRecord,
        officer: &Account,
        now: TimeMs,
    ) -> Result<Checked, RegistryError> {
        let look = act(now, &officer.account, "trip.check", &pass.pass.to_string());
        let Some(whole) = self.registry.trip(pass.declaration, look)? else {
            return Ok(Checked::unknown("unknown_pass"));
        };
        self.recent.put(officer, whole.record.trip, now);
        let own = if pass.is_registered { Verdict::Valid } else { Verdict::NotSealed };
        let (mut verdict, mut reason) = self.verdict(pass, own, officer, now)?;
        for subject in whole.manifest_at(now).subjects() {
            let is_free = !matches!(verdict, Verdict::Watch | Verdict::Quarantine);
            if is_free && self.is_kept_from(subject, officer.site.as_deref(), now)? {
                (verdict, reason) = (Verdict::Quarantine, None);
            }
            let watched = self.registry.watched(subject, now)?.filter(|_| verdict != Verdict::Watch);
            if let Some(watched) = watched {
                (verdict, reason) = (Verdict::Watch, Some(watched.reason));
            }
        }
        let shown = self.show_trip(&whole, pass, now);
        Ok(Checked {
            verdict,
            reason,
            pass: Some(shown.pass.clone()),
            facts: None,
            off_route: officer.site.as_ref().is_some_and(|site| self.is_off_route(&whole.trip, site)),
            vehicle: Some(Box::new(shown)),
            differs: Vec::new(),
        })
    }

    /// The strictest first; `own` where nothing speaks against the pass itself.
    fn verdict(
        &self,
        pass: &PassRecord,
        own: Verdict,
        officer: &Account,
        now: TimeMs,
    ) -> Result<(Verdict, Option<String>), RegistryError> {
        let skew_s = self.config.clock_skew_ms.div_ceil(1_000);
        let now_s = now.get().div_euclid(1_000);
        if let Some(watched) = self.registry.watched(pass.subject, now)? {
            return Ok((Verdict::Watch, Some(watched.reason)));
        }
        if self.is_kept_from(pass.subject, officer.site.as_deref(), now)? {
            return Ok((Verdict::Quarantine, None));
        }
        Ok(match &pass.revoked {
            Some(revoked) => (Verdict::Revoked, Some(revoked.reason.clone())),
            None if now_s >= i64::from(pass.valid_until_s) => (Verdict::Expired, None),
            None if now_s + skew_s.cast_signed() < i64::from(pass.issued_s) => (Verdict::NotYetValid, None),
            None => (own, None),
        })
    }

    fn holder(&self, documents: &[Document]) -> Result<Option<SubjectCode>, RegistryError> {
        for document in documents {
            if let Some(holder) = self.registry.holder(document)? {
                return Ok(Some(holder));
            }
        }
        Ok(None)
    }

    fn facts(&self, declaration: &Declaration, record: &DeclarationRecord) -> Facts {
        let (person, journey, health) = (&declaration.person, &declaration.journey, &declaration.health);
        let document = &person.documents[0]; // one at least, or it was not kept
        let home = person.home();
        let name = self.areas.name(&home.area);
        let parts = [home.address.clone().unwrap_or_default(), name.name.clone(), name.path.clone()];
        let told: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Facts {
            name: person.name.clone(),
            birth_date: person.birth_date.clone(),
            sex: person.sex,
            nationality: person.nationality.clone(),
            document_kind: document.kind,
            document_number: document.number.clone(),
            residence_text: told.join(", "),
            home: name,
            from: self.areas.name(&journey.from),
            to: self.areas.name(&journey.to),
            departs_at: journey.departs_at,
            vehicle: journey.vehicle.clone(),
            companions: declaration
                .companions
                .iter()
                .map(|with| Companion { name: with.name.clone(), birth_date: with.birth_date.clone() })
                .collect(),
            symptoms: health.symptoms.clone(),
            exposure: health.exposure,
            vaccine_doses: health.vaccine_doses,
            test: health.test,
            state: record.state,
            declaration: record.declaration.to_string(),
            subject: record.subject.to_string(),
        }
    }
}

fn verdict_of(record: &DeclarationRecord) -> Verdict {
    match record.state {
        DeclarationState::Verified => Verdict::Valid,
        DeclarationState::Unverified => Verdict::NotVerified,
    }
}

impl Card {
    /// Reads what the card's QR code says; none for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.trim().split('|').map(str::trim).collect();
        let [number, old_number, name, birth, sex, ..] = fields.as_slice() else { return None };
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(number, 12) || !is_number(birth, 8) || name.is_empty() {
            return None;
        }
        Some(Self {
            number: (*number).to_owned(),
            old_number: is_number(old_number, 9).then(|| (*old_number).to_owned()),
            name: tidy_text(name),
            birth_date: format!("{}-{}-{}", &birth[4..], &birth[2..4], &birth[..2]),
            sex: match folded_name(sex).as_str() {
                "nam" => Some(Sex::Male),
                "nu" => Some(Sex::Female),
                _ => None,
            },
        })
    }

    fn documents(&self) -> Vec<Document> {
        let document =
            |kind, number: &str| Document { kind, number: number.to_owned(), country: None }.tidied();
        let old = self.old_number.as_deref().map(|number| document(DocumentKind::OldId, number));
        [document(DocumentKind::CitizenId, &self.number)].into_iter().chain(old).collect()
    }

    /// In what the card is not as declared.
    fn differs(&self, facts: &Facts) -> Vec<&'static str> {
        let same_birth = self.birth_date.starts_with(&facts.birth_date);
        let pairs = [
            ("name", folded_name(&self.name) == folded_name(&facts.name)),
            ("birth_date", same_birth),
            ("sex", self.sex.is_none_or(|sex| sex == facts.sex)),
        ];
        pairs.into_iter().filter_map(|(field, same)| (!same).then_some(field)).collect()
    }
}

/// What each officer has checked a moment ago: declarations and trips, by number.
#[derive(Default)]
pub(super) struct RecentChecks(Mutex<HashMap<String, VecDeque<Look>>>);

struct Look {
    number: u64,
    at: TimeMs,
    /// What the account was then: moved, disabled or with a new password it has nothing before it any more.
    site: Option<String>,
    generation: u64,
}

impl RecentChecks {
    fn put(&self, officer: &Account, number: u64, now: TimeMs) {
        let mut all = self.0.lock();
        let recent = all.entry(officer.account.clone()).or_default();
        recent.retain(|look| look.number != number && look.is_recent(now));
        if recent.len() == RECENT_MAX {
            recent.pop_front();
        }
        let (site, generation) = (officer.site.clone(), officer.generation);
        recent.push_back(Look { number, at: now, site, generation });
    }

    pub(super) fn has(&self, officer: &Account, number: u64, now: TimeMs) -> bool {
        let is_theirs = |look: &Look| look.site == officer.site && look.generation == officer.generation;
        let is_it = |look: &Look| look.number == number && look.is_recent(now) && is_theirs(look);
        self.0.lock().get(&officer.account).is_some_and(|recent| recent.iter().any(is_it))
    }
}

impl Look {
    fn is_recent(&self, now: TimeMs) -> bool {
        (0..RECENT_MS).contains(&(now.get() - self.at.get()))
    }
}

/// Why nothing is found of somebody.
const NO_DECLARATION: &str = "no_declaration";

/// Checks of one officer: some minutes of a long queue.
const RECENT_MAX: usize = 100;

/// How long what was scanned stands before the officer: longer than any talk at a barrier, and shorter than a
/// shift.
const RECENT_MS: i64 = 15 * 60_000;

/// Passes of one holder that are looked at for one that is good.
const PASSES_LOOKED_AT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_card_is_read_and_nothing_else_is() {
        let card = Card::parse("001090012345|012345678|NGUYỄN VĂN AN|02031990|Nam|Phố Huế, Hà Nội|01012021");
        let card = card.expect("as the cards have it");
        assert_eq!((card.birth_date.as_str(), card.sex), ("1990-03-02", Some(Sex::Male)));
        assert_eq!(card.documents().len(), 2);
        let young = Card::parse("001304000001||Trần Mai|01012004|Nữ||").expect("without an old number");
        assert_eq!((young.old_number, young.sex), (None, Some(Sex::Female)));
        for other in ["", "TVP1:AAAA", "a|b|c|d|e|f|g", "001090012345|x", "00109001234|1|A|02031990|Nam|x|y"]
        {
            assert_eq!(Card::parse(other), None, "{other}");
        }
    }
}
