//! What a ward sees of those who leave it and of those who come: declared, seen at checkpoints, arrived.
//!
//! ```text
//! registry: verified journeys of the area  +  engine: passages of each  ->  the inbox, exact whenever asked
//! ```
//! No name and no number of a document is in it: who it is, is looked up, and that is written down.

use truyvet_engine::registry::{
    Account, Arrival, DeclarationRecord, DeclarationState, Leg, RegistryError, Side, Travelling,
    first_declaration_at,
};
use truyvet_engine::{Interval, TraceError, Trail, TrailScan};
use truyvet_schemas::TimeMs;
use utoipa::ToSchema;

use super::areas::AreaName;
use super::live::Happened;
use super::{People, act, act_with};

/// A verified journey, as an end of it sees it.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct Notice {
    /// Which end of the journey the area is.
    pub side: Side,
    /// The journey, and what has become of it.
    #[serde(flatten)]
    pub journey: Journey,
}

/// A verified journey, and what has become of it.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = NoticedJourney)]
pub struct Journey {
    /// Number of the declaration.
    pub declaration: String,
    /// Number of its pass, by which the person is looked up.
    pub pass: String,
    /// Code of the subject, as trace answers have it.
    pub subject: String,
    /// What has become of it.
    pub state: JourneyState,
    /// What is left.
    pub from: AreaName,
    /// What is gone to.
    pub to: AreaName,
    /// When it begins, unix milliseconds.
    pub departs_at: i64,
    /// When it was declared, unix milliseconds.
    pub declared_at: i64,
    /// When the pass ends, unix milliseconds.
    pub valid_until: i64,
    /// Whether the pass was taken back.
    pub revoked: bool,
    /// How many travel along on the same pass.
    pub companions: usize,
    /// Number of checks on the way.
    pub passages: usize,
    /// Number of those that were in a vehicle off its route.
    #[serde(skip_serializing_if = "is_none")]
    pub off_route: usize,
    /// The last check on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastPassage>,
    /// The word of the ward of destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
}

/// The last check on the way.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct LastPassage {
    /// Unix milliseconds.
    pub at: i64,
    /// Code of the site.
    pub site: String,
    /// Its name; the code where none is known.
    pub site_name: String,
    /// `passed`, `refused` or `corrected`.
    pub verdict: String,
}

/// What has become of a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JourneyState {
    /// Declared, and not seen yet.
    Expected,
    /// Seen at a checkpoint.
    UnderWay,
    /// The ward of destination said so.
    Arrived,
    /// The pass has ended, or was taken back, and nobody said that its holder has arrived.
    Ended,
}

/// Which notices are asked for.
#[derive(Clone, Debug)]
pub struct NoticesAsked {
    /// Code of the area; those below it belong to it.
    pub area: String,
    /// Of this end alone.
    pub side: Option<Side>,
    /// In this state alone.
    pub state: Option<JourneyState>,
    /// Declared before the declaration of this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A page of notices.
#[derive(Clone, Debug, Default)]
pub struct NoticesFound {
    /// The newest first.
    pub notices: Vec<Notice>,
    /// Number of the declaration before which it goes on; none at the end.
    pub next: Option<u64>,
}

/// Why notices cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum NoticesError {
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// As the inner error says.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl People {
    /// The notices of an area, which must be within the official's. The look is in the audit log before it is
    /// answered.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn notices(
        &self,
        asked: &NoticesAsked,
        account: &Account,
        now: TimeMs,
    ) -> Result<NoticesFound, NoticesError> {
        self.registry.note(act(now, &account.account, "notices.read", &asked.area))?;
        let areas = self.areas.all_within(&asked.area);
        let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
        let (mut found, mut before) = (NoticesFound::default(), asked.before);
        // Those of other sides and states are passed over, and so many that the answer comes soon.
        for _ in 0..PAGES_MAX {
            let page = self.registry.travelling(&areas, before, asked.limit)?;
            let is_last = page.len() < asked.limit;
            for travelling in page {
                if found.notices.len() == asked.limit {
                    found.next = before;
                    return Ok(found);
                }
                before = Some(travelling.record.declaration);
                found.notices.extend(self.notice(travelling, now)?.filter(|notice| asked.wants(notice)));
            }
            if is_last {
                return Ok(found);
            }
        }
        found.next = before;
        Ok(found)
    }

    /// Notes that somebody has arrived, for the ward of destination. None: there is no such journey to the
    /// official's area.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrived(
        &self,
        declaration: u64,
        account: &Account,
        now: TimeMs,
    ) -> Result<Option<Arrival>, NoticesError> {
        let (who, object) = (&account.account, declaration.to_string());
        let verified = self.verified_leg(declaration)?;
        if verified.is_none_or(|(_, leg)| !self.reaches_area(&leg.to, account)) {
            self.registry.note(act_with(now, who, "arrival.note", &object, "refused"))?;
            return Ok(None);
        }
        let arrival = self.registry.arrived(declaration, act(now, who, "arrival.note", &object))?;
        self.live.happened(Happened::Arrived(declaration));
        Ok(Some(arrival))
    }

    /// All journeys of an area that were declared in [from, to), for a digest of the day. The look is in the
    /// audit log before it is answered.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn digest(
        &self,
        area: &str,
        (from, to): (TimeMs, TimeMs),
        account: &Account,
        now: TimeMs,
    ) -> Result<Vec<Notice>, NoticesError> {
        self.registry.note(act(now, &account.account, "notices.export", area))?;
        let areas = self.areas.all_within(area);
        let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
        let (mut notices, mut before) = (Vec::new(), Some(first_declaration_at(to)));
        while notices.len() < DIGEST_MAX {
            let page = self.registry.travelling(&areas, before, DIGEST_PAGE)?;
            let is_last = page.len() < DIGEST_PAGE;
            before = page.last().map(|last| last.record.declaration);
            for travelling in page {
                if travelling.record.made_at < from.get() {
                    return Ok(notices);
                }
                notices.extend(self.notice(travelling, now)?);
            }
            if is_last {
                break;
            }
        }
        Ok(notices)
    }

    /// A verified declaration, and where it leads; none where it is not verified.
    pub(super) fn verified_leg(
        &self,
        declaration: u64,
    ) -> Result<Option<(DeclarationRecord, Leg)>, RegistryError> {
        let found = self.registry.leg(declaration)?;
        Ok(found.filter(|(record, _)| record.state == DeclarationState::Verified))
    }

    fn notice(&self, travelling: Travelling, now: TimeMs) -> Result<Option<Notice>, NoticesError> {
        let Travelling { record, side, leg } = travelling;
        let journey = self.journey(&record, &leg, now)?;
        Ok(journey.map(|journey| Notice { side, journey }))
    }

    /// A verified journey as it is now.
    pub(super) fn journey(
        &self,
        record: &DeclarationRecord,
        leg: &Leg,
        now: TimeMs,
    ) -> Result<Option<Journey>, NoticesError> {
        let arrival = self.registry.arrival(record.declaration)?;
        let Some(pass) = self.registry.pass(record.pass)? else { return Ok(None) };
        let valid_until = i64::from(pass.valid_until_s) * 1_000;
        let subject = record.subject.to_string();
        let holds = Interval::new(TimeMs::new(record.made_at), TimeMs::new(valid_until.max(record.made_at)));
        let interval = holds.expect("no pass ends before it was issued");
        let scans = self.engine.trail(&Trail { subject: subject.clone(), interval })?.scans;
        let is_over = valid_until <= now.get() || pass.revoked.is_some();
        let state = match (&arrival, is_over, scans.is_empty()) {
            (Some(_), ..) => JourneyState::Arrived,
            (None, true, _) => JourneyState::Ended,
            (None, false, true) => JourneyState::Expected,
            (None, false, false) => JourneyState::UnderWay,
        };
        Ok(Some(Journey {
            declaration: record.declaration.to_string(),
            pass: record.pass.to_string(),
            state,
            from: self.areas.name(&leg.from),
            to: self.areas.name(&leg.to),
            departs_at: leg.departs_at,
            declared_at: record.made_at,
            valid_until,
            revoked: pass.revoked.is_some(),
            companions: leg.companions,
            passages: scans.len(),
            off_route: self.off_route_aboard(record.subject, &scans)?,
            last: scans.into_iter().next_back().map(|scan| self.last_passage(scan)),
            subject,
            arrival,
        }))
    }

    pub(super) fn last_passage(&self, scan: TrailScan) -> LastPassage {
        let TrailScan { at, site, verdict, .. } = scan;
        let site_name = self.site_name(&site);
        LastPassage { at, site: site.into(), site_name, verdict: verdict.into() }
    }

    /// A site's name; the code where none is known.
    pub fn site_name(&self, site: &str) -> String {
        let record = self.engine.catalog().site(site);
        record.and_then(|record| record.name).unwrap_or_else(|| site.to_owned())
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

impl NoticesAsked {
    fn wants(&self, notice: &Notice) -> bool {
        let fits = |side: Side| side == notice.side || notice.side == Side::Within;
        self.side.is_none_or(fits) && self.state.is_none_or(|state| state == notice.journey.state)
    }
}

/// Journeys of one digest: what a spreadsheet opens without complaint.
pub const DIGEST_MAX: usize = 100_000;
const DIGEST_PAGE: usize = 500;

/// Pages that are looked through for one answer.
const PAGES_MAX: usize = 20;
