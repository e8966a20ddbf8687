//! A declaration on its way: tidied, checked, held against the register, kept, and turned into a pass.

use truyvet_areas::citizen_id::{CitizenIdError, CitizenIdFacts, citizen_id_facts};
use truyvet_engine::registry::{
    DeclarationRecord, DeclarationState, Declared, Declaring, PassRecord, RegistryError,
};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Flaw, Wrong};
use truyvet_schemas::declaration::{DEPARTS_WITHIN_DAYS, Declaration};
use truyvet_schemas::pass::{AreaNumber, Pass, PassFlags, UnixSeconds};
use truyvet_schemas::person::{Document, DocumentKind, Person, Residence};
use truyvet_schemas::time::MS_PER_DAY;
use utoipa::ToSchema;

use super::homes::Traveller;
use super::live::Happened;
use super::quota::TooMany;
use super::register::Comparison;
use super::{People, act, act_with};

/// What goes with a declaration that is whole.
pub(super) struct Keeping<'a> {
    pub(super) state: DeclarationState,
    /// Empty where there is none.
    pub(super) phone: &'a str,
    pub(super) request: Option<&'a str>,
    /// The official who enters it from paper.
    pub(super) entered_by: Option<&'a str>,
}

/// A declaration that was kept.
#[derive(Clone, Debug)]
pub struct Made {
    /// The declaration without what is personal.
    pub record: DeclarationRecord,
    /// Its pass.
    pub pass: PassView,
    /// Fields that the register, or the document's own number, contradicts.
    pub mismatches: Vec<Flaw>,
}

/// A pass as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct PassView {
    /// Its number, as people read and type it.
    pub pass: String,
    /// What the QR code carries.
    pub token: String,
    /// Unix milliseconds.
    pub issued_at: i64,
    /// Unix milliseconds; no longer valid at it.
    pub valid_until: i64,
    /// Whether it was taken back.
    pub revoked: bool,
    /// Whether the declaration was found to be right when the pass was issued.
    pub registered: bool,
}

/// Why a declaration was not kept.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// Correct the fields.
    #[error("some fields are not as they must be; correct those named")]
    Invalid(Vec<Flaw>),
    /// Correct the fields, or send it again with `accept_unverified`.
    #[error(
        "some fields are not as the register has them; correct them, or send the declaration again with \
         `accept_unverified`: an officer will compare it with the document then"
    )]
    Disagrees(Vec<Flaw>),
    /// Ask for a code with the document that is declared with.
    #[error("none of the documents is the one that the code was asked for; ask for a code with one of them")]
    NotYours,
    /// Come back tomorrow.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl People {
    /// Keeps a citizen's declaration and issues a pass for it. The same request again gives the same
    /// answer.
    ///
    /// # Errors
    /// Nothing is kept then; the error says what to do.
    pub fn declare(
        &self,
        (document, phone): (&Document, &str),
        declaration: Declaration,
        accept_unverified: bool,
        request: Option<&str>,
        now: TimeMs,
    ) -> Result<Made, DeclareError> {
        let declaration = declaration.tidied();
        let is_own = declaration.person.documents.contains(document);
        let request_of_own = request.filter(|_| is_own);
        let before = request_of_own.map(|request| self.registry.declared_before(&declaration, request));
        if let Some(before) = before.transpose()?.flatten() {
            let pass = self.view(&declaration, &before.record, &before.pass);
            return Ok(Made { pass, record: before.record, mismatches: Vec::new() });
        }
        let (flaws, mut mismatches) = self.check_whole(&declaration, now);
        if !flaws.is_empty() {
            return Err(DeclareError::Invalid(flaws));
        }
        if !is_own {
            return Err(DeclareError::NotYours);
        }
        self.quota.take(&format!("declare|{phone}"), self.config.declarations_a_day, now)?;
        // A register asked often enough tells about anybody: tries are few, and each is written down.
        let agrees = self.compare(&declaration.person, &mut mismatches) && mismatches.is_empty();
        if !mismatches.is_empty() && !accept_unverified {
            self.quota.take(&format!("disagree|{phone}"), DISAGREED_A_DAY, now)?;
            self.registry.note(act_with(now, "citizen", "declaration.make", "-", "disagrees"))?;
            return Err(DeclareError::Disagrees(mismatches));
        }
        let state = if agrees { DeclarationState::Verified } else { DeclarationState::Unverified };
        let keeping = Keeping { state, phone, request, entered_by: None };
        let (record, pass) = self.keep(&declaration, keeping, now)?;
        Ok(Made { pass: self.view(&declaration, &record, &pass), record, mismatches })
    }

    /// A pass as its holder sees it. Its token is made anew, the same each time.
    pub fn view(&self, declaration: &Declaration, record: &DeclarationRecord, pass: &PassRecord) -> PassView {
        let registered = pass.is_registered;
        let token = self.issuer.issue(&Pass {
            key_id: 0, // the issuer puts in that of the pass's time
            id: pass.pass,
            subject: record.subject,
            issued: UnixSeconds::new(pass.issued_s),
            valid_until: UnixSeconds::new(pass.valid_until_s),
            flags: PassFlags {
                registered,
                vehicle: false, // a person's pass, whatever the person drives
                companions: !declaration.companions.is_empty(),
            },
            home: self.area_number(&declaration.person.home().area),
            destination: self.area_number(&declaration.journey.to),
        });
        PassView {
            pass: pass.pass.to_string(),
            token,
            issued_at: i64::from(pass.issued_s) * 1_000,
            valid_until: i64::from(pass.valid_until_s) * 1_000,
            revoked: pass.revoked.is_some(),
            registered,
        }
    }

    /// What is wrong with a declaration, and in what it contradicts its documents' numbers.
    pub(super) fn check_whole(&self, declaration: &Declaration, now: TimeMs) -> (Vec<Flaw>, Vec<Flaw>) {
        let mut flaws = declaration.check(now.get());
        flaws.extend(self.check_areas(declaration, now.get()));
        let (wrong, mismatches) = check_numbers(&declaration.person);
        flaws.extend(wrong);
        (flaws, mismatches)
    }

    pub(super) fn keep(
        &self,
        declaration: &Declaration,
        keeping: Keeping<'_>,
        now: TimeMs,
    ) -> Result<(DeclarationRecord, PassRecord), RegistryError> {
        let actor = keeping.entered_by.unwrap_or("citizen");
        let how = self.declaring(&keeping, declaration.journey.departs_at, now);
        let declared = self.registry.declare(declaration, how, act(now, actor, "declaration.make", "-"))?;
        self.tell_of(&declared, &declaration.person.home().area);
        Ok((declared.record, declared.pass))
    }

    /// How the registry is to keep it. The pass holds from now on, since people may leave earlier, and its hours
    /// count from the journey on.
    pub(super) fn declaring<'a>(&self, keeping: &Keeping<'a>, departs_at: i64, now: TimeMs) -> Declaring<'a> {
        let Keeping { state, phone, request, entered_by } = *keeping;
        let seconds = |at| UnixSeconds::of(at).unwrap_or(UnixSeconds::new(u32::MAX));
        let begins = TimeMs::new(now.get().max(departs_at));
        let valid_until = seconds(begins).get().saturating_add(self.config.pass_hours * 3_600);
        let valid_until = UnixSeconds::new(valid_until);
        Declaring { state, issued: seconds(now), valid_until, phone, request, entered_by }
    }

    /// The engine learns of somebody new, and the wards of a verified journey.
    pub(super) fn tell_of(&self, declared: &Declared, home: &str) {
        let is_followed = declared.record.state == DeclarationState::Verified;
        if declared.is_new_person || is_followed {
            let (subject, home) = (declared.record.subject.to_string(), home.to_owned());
            self.homes.tell(Traveller { subject, home, is_followed });
        }
        if is_followed {
            self.live.happened(Happened::Declared(declared.record.declaration));
        }
    }

    /// A pass that holds at `now` or later was issued for a declaration of this instant or later: the journey
    /// may have been declared long before it begins, and the pass holds for its hours from then on.
    pub(super) fn holding_since(&self, now: TimeMs) -> TimeMs {
        let hours = i64::from(self.config.pass_hours);
        TimeMs::new(now.get() - DEPARTS_WITHIN_DAYS * MS_PER_DAY - hours * 3_600_000)
    }

    pub(super) fn area_number(&self, code: &str) -> Option<AreaNumber> {
        self.engine.catalog().area_number(code).and_then(AreaNumber::new)
    }

    /// Every place named must be one of today's.
    fn check_areas(&self, declaration: &Declaration, at_ms: i64) -> Vec<Flaw> {
        let person = &declaration.person;
        let area = |residence: &Residence| residence.area.clone();
        let places = [
            ("person.permanent.area", Some(area(&person.permanent))),
            ("person.present.area", person.present.as_ref().map(area)),
            ("person.temporary.area", person.temporary.as_ref().map(area)),
            ("journey.from", Some(declaration.journey.from.clone())),
            ("journey.to", Some(declaration.journey.to.clone())),
        ];
        let flaw = |(field, code): (&str, Option<String>)| {
            let code = code.filter(|code| !code.is_empty())?; // told as missing already
            self.areas.wrong(&code, at_ms).map(|code| Flaw { field: field.to_owned(), code })
        };
        places.into_iter().filter_map(flaw).collect()
    }

    /// Whether the register has the person as declared under every document; what it has otherwise is added
    /// to `mismatches`.
    pub(super) fn compare(&self, person: &Person, mismatches: &mut Vec<Flaw>) -> bool {
        let mut agrees = true;
        for document in &person.documents {
            let compared = self.register.compare(document, person);
            agrees &= compared == Comparison::Agrees;
            mismatches.extend(flaws_of(compared, person, document));
        }
        mismatches.sort_by(|a, b| a.field.cmp(&b.field));
        mismatches.dedup();
        agrees
    }
}

/// Declarations with one phone in a day that the register contradicts.
const DISAGREED_A_DAY: u32 = 10;

fn flaws_of(compared: Comparison, person: &Person, document: &Document) -> Vec<Flaw> {
    match compared {
        Comparison::Agrees | Comparison::Silent => Vec::new(),
        Comparison::Differs(fields) => {
            let flaw = |field| Flaw { field: format!("person.{field}"), code: Wrong::Disagrees };
            fields.into_iter().map(flaw).collect()
        }
        Comparison::Unknown => {
            let at = person.documents.iter().position(|own| own == document).unwrap_or_default();
            vec![Flaw { field: format!("person.documents[{at}].number"), code: Wrong::Unknown }]
        }
    }
}

/// What citizen ids say by themselves: what cannot be, and what contradicts the declaration.
fn check_numbers(person: &Person) -> (Vec<Flaw>, Vec<Flaw>) {
    let (mut wrong, mut mismatches) = (Vec::new(), Vec::new());
    for (at, document) in person.documents.iter().enumerate() {
        let is_home = document.country.as_deref().is_none_or(|country| country == "VN");
        if document.kind != DocumentKind::CitizenId || !is_home {
            continue;
        }
        let number = |code| Flaw { field: format!("person.documents[{at}].number"), code };
        match citizen_id_facts(&document.number) {
            Ok(facts) => mismatches.extend(contradictions(&facts, person)),
            Err(CitizenIdError::RegisteredAbroad) => mismatches.push(number(Wrong::Disagrees)),
            Err(CitizenIdError::UnknownProvince | CitizenIdError::FutureCentury) => {
                wrong.push(number(Wrong::Unknown));
            }
            Err(CitizenIdError::NotTwelveDigits) => {} // told as its form already
        }
    }
    (wrong, mismatches)
}

fn contradictions(facts: &CitizenIdFacts, person: &Person) -> Vec<Flaw> {
    let disagrees = |field: &str| Flaw { field: format!("person.{field}"), code: Wrong::Disagrees };
    let year = person.birth_date.get(..4).and_then(|year| year.parse().ok());
    let mut flaws = Vec::new();
    if facts.sex != person.sex {
        flaws.push(disagrees("sex"));
    }
    if year != Some(facts.birth_year) {
        flaws.push(disagrees("birth_date"));
    }
    flaws
}
