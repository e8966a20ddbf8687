//! Declarations that officials enter from paper, for people without a telephone of their own at hand.
//!
//! Whom an official may enter:
//! - **Ward and health officials**: whoever lives in their area, or travels from it or to it. The same people
//!   whom they may look up.
//! - **Officers**: whoever stands before them at their site, wherever they come from and go to. A checkpoint
//!   lies on the way of journeys that neither begin nor end there, and its officer compares documents and
//!   verifies declarations of all who pass already.

use truyvet_engine::registry::{Account, DeclarationRecord, DeclarationState, RegistryError, Role};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::Declaration;

use super::declaring::{DeclareError, Keeping, Made};
use super::quota::TooMany;
use super::{People, act, act_with};

/// How an official enters a declaration.
#[derive(Clone, Copy, Debug)]
pub struct OnPaper<'a> {
    /// Who enters it.
    pub account: &'a Account,
    /// The citizen's telephone, in the form in which it is compared.
    pub phone: Option<&'a str>,
    /// Whether the official has compared it with the document.
    pub document_seen: bool,
    /// Go on although the register or the document's own number says something else.
    pub accept_mismatches: bool,
    /// Names the request: the same one, sent again, makes nothing new.
    pub request: Option<&'a str>,
}

/// A declaration that was entered.
#[derive(Clone, Debug)]
pub struct Entered {
    /// The declaration and its pass.
    pub made: Made,
    /// Whether the same request had entered it before.
    pub was_there: bool,
}

/// Why a declaration was not entered.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// Have an official of one of the journey's areas enter it.
    #[error(
        "this person neither lives in your area nor travels from it or to it; an official of one of these \
         areas, or the officer of a checkpoint, can enter the declaration"
    )]
    OutOfReach,
    /// Have an official of that border enter it.
    #[error(
        "arrivals are entered by officers of the border site itself, or by health officials of its area; have \
         one of them enter it"
    )]
    OtherBorder,
    /// As the inner error says.
    #[error(transparent)]
    Declare(#[from] DeclareError),
}

impl From<RegistryError> for PaperError {
    fn from(error: RegistryError) -> Self {
        Self::Declare(error.into())
    }
}

impl From<TooMany> for PaperError {
    fn from(error: TooMany) -> Self {
        Self::Declare(error.into())
    }
}

impl People {
    /// Whether an official may enter this declaration from paper: see the head of this module.
    pub fn may_enter(&self, account: &Account, declaration: &Declaration) -> bool {
        if account.role == Role::Officer {
            return account.site.is_some();
        }
        let person = &declaration.person;
        let residences = [Some(&person.permanent), person.present.as_ref(), person.temporary.as_ref()];
        let mut areas = residences.into_iter().flatten().map(|residence| &residence.area);
        let journey = [&declaration.journey.from, &declaration.journey.to];
        areas.any(|area| self.reaches_area(area, account))
            || journey.into_iter().any(|area| self.reaches_area(area, account))
    }

    /// What would keep a declaration, which is tidied, from being entered, as far as that can be told without
    /// asking the register.
    ///
    /// # Errors
    /// The official may not enter it at all.
    pub fn check_paper(
        &self,
        declaration: &Declaration,
        account: &Account,
        accept_mismatches: bool,
        now: TimeMs,
    ) -> Result<Vec<Flaw>, PaperError> {
        let (mut flaws, mismatches) = self.check_whole(declaration, now);
        if flaws.is_empty() && !self.may_enter(account, declaration) {
            return Err(PaperError::OutOfReach);
        }
        flaws.extend(mismatches.into_iter().filter(|_| !accept_mismatches));
        Ok(flaws)
    }

    /// Keeps what a citizen declared on paper, and issues a pass for it. The same request again gives the same
    /// answer.
    ///
    /// It is verified where the official has the document seen, or where the register agrees; where it is sent
    /// again, from the moment on that an official has the document seen.
    ///
    /// # Errors
    /// Nothing is kept then; the error says what to do.
    pub fn declare_on_paper(
        &self,
        declaration: Declaration,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Entered, PaperError> {
        let (declaration, who) = (declaration.tidied(), how.account.account.as_str());
        let before = how.request.map(|request| self.registry.declared_before(&declaration, request));
        if let Some(before) = before.transpose()?.flatten()
            && self.may_enter(how.account, &declaration)
        {
            let record = self.seen_since(before.record, how, now)?;
            let pass = self.view(&declaration, &record, &before.pass);
            let made = Made { pass, record, mismatches: Vec::new() };
            return Ok(Entered { made, was_there: true });
        }
        let (flaws, mut mismatches) = self.check_whole(&declaration, now);
        if !flaws.is_empty() {
            return Err(DeclareError::Invalid(flaws).into());
        }
        if !self.may_enter(how.account, &declaration) {
            self.registry.note(act_with(now, who, "declaration.make", "-", "refused"))?;
            return Err(PaperError::OutOfReach);
        }
        self.quota.take(&format!("paper|{who}"), self.config.paper_a_day, now)?;
        let agrees = self.compare(&declaration.person, &mut mismatches) && mismatches.is_empty();
        if !mismatches.is_empty() && !how.accept_mismatches {
            // As with citizens: nobody asks the register about whomever they like for long.
            self.quota.take(&format!("paper disagrees|{who}"), DISAGREED_A_DAY, now)?;
            self.registry.note(act_with(now, who, "declaration.make", "-", "disagrees"))?;
            return Err(DeclareError::Disagrees(mismatches).into());
        }
        let is_right = how.document_seen || agrees;
        let state = if is_right { DeclarationState::Verified } else { DeclarationState::Unverified };
        let phone = how.phone.unwrap_or_default();
        let keeping = Keeping { state, phone, request: how.request, entered_by: Some(who) };
        let (record, pass) = self.keep(&declaration, keeping, now)?;
        let made = Made { pass: self.view(&declaration, &record, &pass), record, mismatches };
        Ok(Entered { made, was_there: false })
    }

    /// A declaration that is sent again: verified, where the official has the document seen by now.
    fn seen_since(
        &self,
        record: DeclarationRecord,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<DeclarationRecord, RegistryError> {
        if !how.document_seen || record.state == DeclarationState::Verified {
            return Ok(record);
        }
        let (who, number) = (how.account.account.as_str(), record.declaration);
        let act = act(now, who, "declaration.verify", &number.to_string());
        let record = self.registry.verified_on_paper(number, who, act)?;
        self.has_become_verified(&record, who, now)?;
        Ok(record)
    }

    /// Declarations that an official entered from paper at `since` or later, unix milliseconds, without what is
    /// personal; the newest first, at most `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub fn entered(
        &self,
        account: &Account,
        since: i64,
        limit: usize,
    ) -> Result<Vec<DeclarationRecord>, RegistryError> {
        let mut records = Vec::new();
        for number in self.registry.entered_by(&account.account, None, limit)? {
            let Some(record) = self.registry.declaration_record(number)? else { continue };
            if record.made_at < since {
                break;
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// Declarations of one official in a day that the register contradicts. A table of 50,000 rows has some
/// hundred mistyped ones.
pub(super) const DISAGREED_A_DAY: u32 = 2_000;
