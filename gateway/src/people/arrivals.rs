//! Arrivals at the border: entered by officials there one by one, or as lists of passengers; found by site, by
//! carriage and by passport.
//!
//! ```text
//! checked, site and place of quarantine known? -> may the official enter there? -> register (of this nation's
//! passports) -> registry: known under another name? -> pass, wards told
//! ```
//! Officers enter at their own site, health officials at the sites of their area. Whoever may see an arrival
//! reaches the site, or the place of quarantine.

use std::collections::BTreeSet;

use truyvet_engine::registry::{
    Account, Arrived, Arriving, CARRIAGE_MAX, Crossed, DeclarationRecord, DeclarationState, RegistryError,
    Role,
};
use truyvet_schemas::TimeMs;
use truyvet_schemas::arrival::{Arrival, Carriage, Crossing, Landing, by_seat};
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use truyvet_schemas::declaration::{Declaration, Test};
use truyvet_schemas::person::{Document, Sex};
use utoipa::ToSchema;

use super::declaring::{DeclareError, Keeping, Made};
use super::paper::{DISAGREED_A_DAY, Entered, OnPaper, PaperError};
use super::quota::TooMany;
use super::{FACILITY_KINDS, People, act, act_with};

/// An arrival as officials see it listed.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct ArrivalShown {
    /// Number of its declaration.
    pub declaration: String,
    /// Code of the subject, as trace answers have it.
    pub subject: String,
    /// Whether somebody has compared it with the passport.
    #[schema(value_type = String, example = "verified")]
    pub state: DeclarationState,
    /// Fields in which it differs from what is known of the person: to be confirmed by an officer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<&'static str>,
    /// When it was entered, unix milliseconds.
    pub entered_at: i64,
    /// Number of its pass.
    pub pass: String,
    /// When the pass ends, unix milliseconds.
    pub valid_until: i64,
    /// Whether the pass was taken back.
    pub revoked: bool,
    /// Who it is, as the passport has it.
    pub name: String,
    /// `YYYY-MM-DD`, or `YYYY`.
    pub birth_date: String,
    /// Sex.
    pub sex: Sex,
    /// ISO 3166 in two letters.
    pub nationality: String,
    /// Who issued the passport, ISO 3166 in two letters.
    pub passport_country: String,
    /// The last four characters of its number.
    pub passport_last4: String,
    /// Where and on what they came, and where they stay.
    pub crossing: Crossing,
    /// What the site is called.
    pub site_name: String,
    /// What the place of quarantine is called: the facility, or the home's area.
    pub quarantine_name: String,
    /// The last test.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub test: Option<Test>,
}

/// A page of arrivals.
#[derive(Clone, Debug, Default)]
pub struct ArrivalsFound {
    /// Of a carriage by seat, of a site the newest first.
    pub arrivals: Vec<ArrivalShown>,
    /// Where it goes on; none at the end.
    pub next: Option<u64>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What [`ArrivalsFound::next`] said.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Where an arrival leads from and to.
struct Way {
    from: String,
    to: String,
}

impl People {
    /// What is wrong with what all who came on one carriage have in common, which is tidied.
    ///
    /// # Errors
    /// The official may not enter arrivals there.
    pub fn check_landing(
        &self,
        landing: &Landing,
        account: &Account,
        now: TimeMs,
    ) -> Result<Vec<Flaw>, PaperError> {
        let mut check = Check::default();
        landing.check(&mut check, now.get());
        let area = self.area_of_site(&landing.site, &BORDER_KINDS);
        check.that(area.is_some() || landing.site.is_empty(), "site", Wrong::Unknown);
        match area {
            Some(area) if !may_enter_at(account, &landing.site, || self.reaches_area(&area, account)) => {
                Err(PaperError::OtherBorder)
            }
            _ => Ok(check.flaws()),
        }
    }

    /// What would keep an arrival, which is tidied, from being entered, as far as that can be told without
    /// asking the register. That somebody is known otherwise by the passport is told as often as when it is entered.
    ///
    /// # Errors
    /// The official may not enter arrivals there, or has been told too often.
    pub fn check_arrival(
        &self,
        arrival: &Arrival,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Vec<Flaw>, PaperError> {
        let way = match self.way_of(arrival, now) {
            Ok(way) => way,
            Err(flaws) => return Ok(flaws),
        };
        self.may_enter_there(arrival, &way, how.account)?;
        if how.accept_mismatches {
            return Ok(Vec::new());
        }
        let known = self.registry.known_otherwise(&arrival.person())?;
        if !known.is_empty() {
            self.take_disagreement(&how.account.account, now)?;
        }
        Ok(flaws_of(known))
    }

    /// Keeps an arrival and issues a pass for the way to the place of quarantine. The same request again gives
    /// the same answer, and so does the same arrival entered elsewhere; what was there is verified from the moment
    /// on that an official has the passport seen.
    ///
    /// It is verified where the official has the passport seen or the register agrees; but never where somebody
    /// who was verified before is known otherwise by this passport: that is kept aside until an officer has
    /// compared it.
    ///
    /// # Errors
    /// Nothing is kept then; the error says what to do.
    pub fn enter_arrival(
        &self,
        arrival: Arrival,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Entered, PaperError> {
        let (arrival, who) = (arrival.tidied(), how.account.account.as_str());
        let way = match self.way_of(&arrival, now) {
            Ok(way) => way,
            Err(flaws) => return Err(DeclareError::Invalid(flaws).into()),
        };
        if let Err(refused) = self.may_enter_there(&arrival, &way, how.account) {
            self.registry.note(act_with(now, who, "arrival.enter", "-", "refused"))?;
            return Err(refused);
        }
        let declaration = arrival.declaration(&way.from, &way.to);
        if let Some(before) = self.arrived_before(&declaration, &arrival.crossing, how)? {
            self.order_for(&before.declared.record, &declaration, &arrival.crossing, how.account, now)?;
            return Ok(self.entered_arrival(&declaration, before, Vec::new()));
        }
        self.quota.take(&format!("paper|{who}"), self.config.paper_a_day, now)?;
        let (mismatches, agrees) = self.mismatches(&declaration)?;
        if !mismatches.is_empty() && !how.accept_mismatches {
            return Err(self.disagrees(mismatches, who, now));
        }
        let is_right = how.document_seen || agrees;
        let state = if is_right { DeclarationState::Verified } else { DeclarationState::Unverified };
        let phone = arrival.traveller.phone.as_deref().unwrap_or_default();
        let keeping = Keeping { state, phone, request: how.request, entered_by: Some(who) };
        let declaring = self.declaring(&keeping, declaration.journey.departs_at, now);
        let arriving = Arriving { declaring, insists: how.accept_mismatches };
        let enter = act(now, who, "arrival.enter", "-");
        let arrived = match self.registry.arrive(&declaration, &arrival.crossing, arriving, enter) {
            Err(RegistryError::OtherPerson(fields)) => {
                return Err(self.disagrees(flaws_of(fields), who, now));
            }
            arrived => arrived?,
        };
        if !arrived.was_there || arrived.has_become_verified {
            self.tell_of(&arrived.declared, self.neighbourhood(&arrived.home, &way.to));
        }
        self.order_for(&arrived.declared.record, &declaration, &arrival.crossing, how.account, now)?;
        Ok(self.entered_arrival(&declaration, arrived, mismatches))
    }

    /// What the same request made before; none where this one says more: that the passport was seen.
    fn arrived_before(
        &self,
        declaration: &Declaration,
        crossing: &Crossing,
        how: &OnPaper<'_>,
    ) -> Result<Option<Arrived>, RegistryError> {
        let Some(request) = how.request else { return Ok(None) };
        let before = self.registry.arrived_before(declaration, crossing, request)?;
        let is_news = |state| how.document_seen && state == DeclarationState::Unverified;
        Ok(before.filter(|before| !is_news(before.declared.record.state)))
    }

    /// What the register or the registry has otherwise, and whether the register agrees.
    fn mismatches(&self, declaration: &Declaration) -> Result<(Vec<Flaw>, bool), RegistryError> {
        let (mut mismatches, agrees) = self.compare_passport(declaration);
        mismatches.extend(flaws_of(self.registry.known_otherwise(&declaration.person)?));
        mismatches.sort_by(|one, other| one.field.cmp(&other.field));
        mismatches.dedup();
        Ok((mismatches, agrees))
    }

    /// Near whom somebody is to the engine: at home, or else where they go.
    fn neighbourhood<'a>(&self, home: &'a str, to: &'a str) -> &'a str {
        if self.area_number(home).is_some() { home } else { to }
    }

    /// Orders quarantine for who has arrived; not yet where somebody else is known by this passport, until an
    /// officer has compared it. Also of an arrival that is sent again: a stop may have come in between.
    fn order_for(
        &self,
        record: &DeclarationRecord,
        declaration: &Declaration,
        crossing: &Crossing,
        account: &Account,
        now: TimeMs,
    ) -> Result<(), RegistryError> {
        let is_sure = record.state == DeclarationState::Verified
            || self.registry.known_otherwise(&declaration.person)?.is_empty();
        if is_sure { self.order_for_arrival(record, crossing, &account.account, now) } else { Ok(()) }
    }

    /// Arrivals at a site of the border, the newest first. The look is in the audit log before it is answered.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals_at(
        &self,
        site: &str,
        part: Part,
        account: &Account,
        now: TimeMs,
    ) -> Result<ArrivalsFound, RegistryError> {
        let numbers = self.registry.arrivals_at(site, part.after, part.limit + 1)?;
        let is_more = numbers.len() > part.limit;
        let numbers = &numbers[..numbers.len().min(part.limit)];
        let look = act(now, &account.account, "arrivals.read", site);
        let found = self.registry.arrivals(numbers, look)?;
        let arrivals = found.into_iter().map(|crossed| self.arrival_shown(crossed));
        let next = numbers.last().copied().filter(|_| is_more);
        Ok(ArrivalsFound { arrivals: arrivals.collect::<Result<_, _>>()?, next })
    }

    /// Who came on a carriage, by seat, as far as the official reaches them; each once, as entered last. The
    /// look is in the audit log before it is answered.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals_on(
        &self,
        carriage: &Carriage,
        part: Part,
        account: &Account,
        now: TimeMs,
    ) -> Result<ArrivalsFound, RegistryError> {
        let look = act(now, &account.account, "arrivals.read", &carriage_name(carriage));
        let found = self.reached_on(carriage, account)?;
        let from = part.after.and_then(|after| usize::try_from(after).ok()).unwrap_or_default();
        let end = from.saturating_add(part.limit);
        let next = (end < found.len()).then_some(end as u64);
        let page: Vec<u64> = found.into_iter().skip(from).take(part.limit).collect();
        let page = self.registry.arrivals(&page, look)?.into_iter();
        let arrivals = page.map(|crossed| self.arrival_shown(crossed)).collect::<Result<_, _>>()?;
        Ok(ArrivalsFound { arrivals, next })
    }

    /// Numbers of the declarations of those who came on a carriage, by seat, as far as the official reaches them.
    /// That they are looked up to be printed is in the audit log.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declarations_on(
        &self,
        carriage: &Carriage,
        account: &Account,
        now: TimeMs,
    ) -> Result<Vec<u64>, RegistryError> {
        self.registry.note(act(now, &account.account, "arrivals.print", &carriage_name(carriage)))?;
        self.reached_on(carriage, account)
    }

    /// The newest arrivals of whoever has this passport, as far as the official reaches them. The look is in
    /// the audit log.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrivals_of(
        &self,
        passport: &Document,
        account: &Account,
        now: TimeMs,
    ) -> Result<Vec<ArrivalShown>, RegistryError> {
        let holder = self.registry.holder(passport)?;
        let object = holder.map_or_else(|| "-".to_owned(), |holder| holder.to_string());
        let look = act(now, &account.account, "arrivals.read", &object);
        let numbers = holder.map(|holder| self.registry.arrivals_of(holder, None, ARRIVALS_LOOKED_AT));
        let found = self.registry.arrivals(&numbers.transpose()?.unwrap_or_default(), look)?;
        let reached = found.into_iter().filter(|crossed| self.reaches_arrival(&crossed.crossing, account));
        reached.map(|crossed| self.arrival_shown(crossed)).collect()
    }

    /// Whether the official may see who arrives at this site.
    pub fn reaches_border(&self, site: &str, account: &Account) -> bool {
        match (&account.site, self.area_of_site(site, &BORDER_KINDS)) {
            (Some(own), Some(_)) => own == site,
            (None, Some(area)) => self.reaches_area(&area, account),
            (_, None) => false,
        }
    }

    /// Numbers of the arrivals on a carriage that the official reaches, by seat. Nothing else of them is read.
    fn reached_on(&self, carriage: &Carriage, account: &Account) -> Result<Vec<u64>, RegistryError> {
        let numbers = self.registry.arrivals_on(carriage)?;
        debug_assert!(numbers.len() <= CARRIAGE_MAX);
        let mut found = Vec::with_capacity(numbers.len());
        for number in numbers {
            let crossing = self.registry.crossing(number)?;
            let reached = crossing.filter(|crossing| self.reaches_arrival(crossing, account));
            found.extend(reached.map(|crossing| (crossing.seat, number)));
        }
        found.sort_by(|(seat, number), (other_seat, other)| {
            by_seat(seat.as_deref(), other_seat.as_deref()).then_with(|| number.cmp(other))
        });
        Ok(found.into_iter().map(|(_, number)| number).collect())
    }

    fn reaches_arrival(&self, crossing: &Crossing, account: &Account) -> bool {
        let stays =
            || self.area_of_quarantine(crossing).is_some_and(|area| self.reaches_area(&area, account));
        self.reaches_border(&crossing.site, account) || (account.site.is_none() && stays())
    }

    fn may_enter_there(&self, arrival: &Arrival, way: &Way, account: &Account) -> Result<(), PaperError> {
        let site = &arrival.crossing.site;
        match may_enter_at(account, site, || self.reaches_area(&way.from, account)) {
            true => Ok(()),
            false => Err(PaperError::OtherBorder),
        }
    }

    /// Where an arrival leads from and to; or all that is wrong with it.
    fn way_of(&self, arrival: &Arrival, now: TimeMs) -> Result<Way, Vec<Flaw>> {
        let mut flaws = arrival.check(now.get());
        let mut wrong = |field: &str, code| flaws.push(Flaw { field: field.to_owned(), code });
        let crossing = &arrival.crossing;
        let from = self.area_of_site(&crossing.site, &BORDER_KINDS);
        if from.is_none() && !crossing.site.is_empty() {
            wrong("crossing.site", Wrong::Unknown);
        }
        let to = self.area_of_quarantine(crossing);
        if to.is_none() && crossing.quarantine.facility.is_some() {
            wrong("crossing.quarantine.facility", Wrong::Unknown);
        }
        let homes = [
            ("crossing.quarantine.home.area", crossing.quarantine.home.as_ref().map(|home| &home.area)),
            ("traveller.home", arrival.traveller.home.as_ref()),
        ];
        for (field, area) in homes {
            let area = area.filter(|area| !area.is_empty());
            if let Some(code) = area.and_then(|area| self.areas.wrong(area, now.get())) {
                wrong(field, code);
            }
        }
        match (from, to) {
            (Some(from), Some(to)) if flaws.is_empty() => Ok(Way { from, to }),
            _ => Err(flaws),
        }
    }

    fn area_of_quarantine(&self, crossing: &Crossing) -> Option<String> {
        match (&crossing.quarantine.facility, &crossing.quarantine.home) {
            (Some(facility), _) => self.area_of_site(facility, &FACILITY_KINDS),
            (None, home) => home.as_ref().map(|home| home.area.clone()),
        }
    }

    /// What this nation's register has otherwise of one of its own passports, and whether it agrees. It knows
    /// nothing of other nations', and perhaps not all of its own.
    fn compare_passport(&self, declaration: &Declaration) -> (Vec<Flaw>, bool) {
        let documents = &declaration.person.documents;
        if !documents.iter().all(|document| document.country.as_deref() == Some("VN")) {
            return (Vec::new(), false);
        }
        let mut mismatches = Vec::new();
        let agrees = self.compare(&declaration.person, &mut mismatches);
        mismatches.retain(|flaw| flaw.code == Wrong::Disagrees && flaw.field != "person.permanent.area");
        for flaw in &mut mismatches {
            flaw.field = flaw.field.replacen("person.", "traveller.", 1);
        }
        (mismatches, agrees)
    }

    /// As with declarations: nobody asks about whomever they like for long.
    fn disagrees(&self, flaws: Vec<Flaw>, who: &str, now: TimeMs) -> PaperError {
        if let Err(too_many) = self.take_disagreement(who, now) {
            return too_many.into();
        }
        match self.registry.note(act_with(now, who, "arrival.enter", "-", "disagrees")) {
            Ok(()) => DeclareError::Disagrees(flaws).into(),
            Err(error) => error.into(),
        }
    }

    fn take_disagreement(&self, who: &str, now: TimeMs) -> Result<(), TooMany> {
        self.quota.take(&format!("paper disagrees|{who}"), DISAGREED_A_DAY, now)
    }

    fn entered_arrival(&self, declaration: &Declaration, arrived: Arrived, mismatches: Vec<Flaw>) -> Entered {
        let (record, pass) = (arrived.declared.record, arrived.declared.pass);
        let made = Made { pass: self.view(declaration, &record, &pass), record, mismatches };
        Entered { made, was_there: arrived.was_there }
    }

    fn arrival_shown(&self, crossed: Crossed) -> Result<ArrivalShown, RegistryError> {
        let Crossed { record, declaration, crossing, differs } = crossed;
        let pass = self.registry.pass(record.pass)?.ok_or(RegistryError::UnknownPass)?;
        let person = declaration.person;
        let passport = person.documents.first();
        let quarantine = &crossing.quarantine;
        let home = quarantine.home.as_ref().map(|home| self.areas.name(&home.area));
        let home =
            home.map(|area| if area.path.is_empty() { area.name } else { [area.name, area.path].join(", ") });
        Ok(ArrivalShown {
            declaration: record.declaration.to_string(),
            subject: record.subject.to_string(),
            state: record.state,
            differs,
            entered_at: record.made_at,
            pass: record.pass.to_string(),
            valid_until: i64::from(pass.valid_until_s) * 1_000,
            revoked: pass.revoked.is_some(),
            passport_country: passport.and_then(|passport| passport.country.clone()).unwrap_or_default(),
            passport_last4: passport.map(Document::last4).unwrap_or_default(),
            name: person.name,
            birth_date: person.birth_date,
            sex: person.sex,
            nationality: person.nationality,
            site_name: self.site_name(&crossing.site),
            quarantine_name: match &quarantine.facility {
                Some(facility) => self.site_name(facility),
                None => home.unwrap_or_default(),
            },
            crossing,
            test: declaration.health.test,
        })
    }
}

/// Sites of these kinds, in the words that the import of sites takes, lie at the border.
pub const BORDER_KINDS: [&str; 3] = ["airport", "border_gate", "port"];

/// Officers at their own site, health officials at those of their area.
fn may_enter_at(account: &Account, site: &str, reaches: impl FnOnce() -> bool) -> bool {
    match account.role {
        Role::Officer => account.site.as_deref() == Some(site),
        _ => reaches(),
    }
}

fn flaws_of(fields: Vec<&'static str>) -> Vec<Flaw> {
    let fields: BTreeSet<&str> = fields.into_iter().collect();
    let flaw = |field| Flaw { field: format!("traveller.{field}"), code: Wrong::Disagrees };
    fields.into_iter().map(flaw).collect()
}

/// A flight is no person; a plate stands in no log.
fn carriage_name(carriage: &Carriage) -> String {
    use truyvet_schemas::arrival::CarriageKind::{Flight, OnFoot, Ship, Vehicle};
    match carriage.kind {
        Flight | Ship => {
            format!("{}/{}", carriage.number.as_deref().unwrap_or_default(), carriage.date)
        }
        Vehicle | OnFoot => format!("-/{}", carriage.date),
    }
}

/// Arrivals of one person that are told.
const ARRIVALS_LOOKED_AT: usize = 20;
