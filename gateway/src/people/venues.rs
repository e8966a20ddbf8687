//! Venues: how many are inside, who may see that, posters, and what a visitor needs who scans one.
//!
//! A poster is the address of this server's page for visitors, with the site's code and a seal. The seal is a keyed
//! digest that this server alone can make and check: nobody makes a poster of a site from its code. Who has seen a
//! poster can copy it; what proves a visitor is the pass.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use parking_lot::Mutex;
use truyvet_engine::registry::{DeclarationRecord, DeclarationState, PassRecord, RegistryError};
use truyvet_engine::{
    Asking, CELL_DEFAULT, Engine, Interval, Occupancy, OccupancyAnswer, OccupancyCell, Passed, SiteRecord,
    TraceError,
};
use truyvet_schemas::pass::{PassError, SubjectCode, read};
use truyvet_schemas::time::{EAST_MS, MS_PER_DAY};
use truyvet_schemas::{Direction, TimeMs};
use utoipa::ToSchema;

use super::areas::AreaName;
use super::quota::TooMany;
use super::{Caller, People, act, act_with};

/// A venue, and how many are inside now.
#[derive(Clone, Debug, PartialEq, serde::Serialize, ToSchema)]
pub struct Venue {
    /// Code of the site.
    pub site: String,
    /// What people call it.
    pub name: String,
    /// What it is, as the list of sites has it.
    #[schema(example = "market")]
    pub kind: String,
    /// Where it lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub area: Option<AreaName>,
    /// Most people at once; 0: nobody may be inside. Absent where there is no such number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub capacity: Option<u32>,
    /// How many are inside, by all scans acknowledged before this was asked. Whoever was not scanned out is out
    /// twelve hours after having been scanned in, or as `stay_longest_ms` is set.
    pub inside: u64,
    /// How many came since the day began.
    pub entered: u64,
    /// How many left since then.
    pub left: u64,
    /// When the day began, in the time of the country; unix milliseconds.
    pub from: i64,
    /// When this was true, by the server's clock; unix milliseconds.
    pub at: i64,
    /// Whether scans of today are gone, by damage or because the day was dropped: there are more people then than
    /// told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The day so far, by hour; of one venue alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<OccupancyCell>,
}

/// Which venues are listed.
pub struct VenuesAsked {
    /// Within this area alone.
    pub area: Option<String>,
    /// Those behind this code.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Which way a visitor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Into the venue.
    In,
    /// Out of it.
    Out,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::In,
            Way::Out => Self::Out,
        }
    }
}

/// A visitor's scan as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct VisitAsked<'a> {
    /// In or out.
    pub way: Way,
    /// What the QR code of the visitor's pass says.
    pub token: &'a str,
    /// When the visitor pressed, by the phone's clock; now where it is not told.
    pub pressed_at: Option<TimeMs>,
    /// Names the request.
    pub request: &'a str,
}

/// A visitor's scan that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitAdmitted {
    /// Whose pass it was.
    pub subject: SubjectCode,
    /// When the scan was.
    pub at: TimeMs,
    /// Whether it has been taken already.
    pub is_taken: bool,
}

/// Why a visitor's scan is not taken.
#[derive(Debug, thiserror::Error)]
pub enum VisitRefused {
    /// Scan the poster again, or show the pass to the staff.
    #[error("this is no poster of this server; scan it again, or show the pass to the staff of the venue")]
    UnknownPoster,
    /// Declare a journey, or scan out with the pass that was scanned in with.
    #[error("this is no pass of this server; declare, and come back with the pass")]
    UnknownPass,
    /// Show it to the staff.
    #[error("this is the pass of a vehicle; the staff of the venue scan it")]
    Vehicle,
    /// Declare anew.
    #[error("the pass is no longer valid; declare again, and come back with the new one")]
    Expired,
    /// Ask the health authority.
    #[error("the pass was taken back; ask the health authority")]
    Revoked,
    /// Show the pass and the document to the staff.
    #[error(
        "this declaration has not been compared with the document yet; show the pass and the document to the staff"
    )]
    NotVerified,
    /// Scan again.
    #[error("this scan was more than {} minutes ago; scan again, as things are now", VISIT_LATE_MS / 60_000)]
    TooOld,
    /// Wait.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// As the inner error says.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// When each of those who scanned for themselves did so last, and by which request: nobody floods a site's journal
/// with one pass.
#[derive(Default)]
pub(super) struct LastVisits(Mutex<HashMap<SubjectCode, (TimeMs, blake3::Hash)>>);

impl LastVisits {
    /// Notes a visit, or tells how long to wait. The same request again, at the same time even, is the same visit.
    fn take(&self, subject: SubjectCode, request: &str, gap_ms: u64, now: TimeMs) -> Result<(), TooMany> {
        let (gap_ms, request) = (gap_ms.cast_signed(), blake3::hash(request.as_bytes()));
        let mut last = self.0.lock();
        if let Some((at, before)) = last.get(&subject) {
            let left_ms = at.get() + gap_ms - now.get();
            if *before == request {
                return Ok(());
            }
            if (1..=gap_ms).contains(&left_ms) {
                return Err(TooMany { retry_after_s: left_ms.unsigned_abs().div_ceil(1_000) });
            }
        }
        if last.len() >= LAST_VISITS_MAX {
            last.retain(|_, (at, _)| at.get() + gap_ms > now.get());
        }
        last.insert(subject, (now, request));
        Ok(())
    }
}

impl People {
    /// The venue with this code.
    pub fn venue_site(&self, site: &str) -> Option<SiteRecord> {
        self.engine.catalog().site(site).filter(SiteRecord::is_venue)
    }

    /// Whether a caller who may look sees how many are inside: officers at their own site, officials within their
    /// area, whoever runs the server everywhere.
    pub fn sees_venue(&self, site: &SiteRecord, caller: &Caller) -> bool {
        match caller {
            Caller::Nobody | Caller::Citizen { .. } => false,
            Caller::Local | Caller::Operator => true,
            Caller::Official(account) => match (&account.site, &account.area) {
                (Some(own), _) => *own == site.site,
                (None, Some(within)) => {
                    site.area.as_ref().is_some_and(|area| self.areas.is_within(area, within))
                }
                (None, None) => true,
            },
        }
    }

    /// How many are inside a venue now, and the day by hour.
    ///
    /// # Errors
    /// The store fails.
    pub fn venue(&self, site: SiteRecord, now: TimeMs) -> Result<Venue, TraceError> {
        let day = day_began(now);
        let answer = self.counted(&site.site, day, now)?;
        let sum = |of: fn(&OccupancyCell) -> u64| answer.cells.iter().map(of).sum();
        Ok(Venue {
            name: site.shown_name().to_owned(),
            kind: site.kind.clone().unwrap_or_default(),
            area: site.area.as_ref().map(|area| self.areas.name(area)),
            capacity: site.capacity,
            inside: answer.cells.last().map_or(0, |cell| cell.inside),
            entered: sum(|cell| cell.entered),
            left: sum(|cell| cell.left),
            from: day.get(),
            at: now.get(),
            incomplete: !answer.incomplete.is_empty(),
            site: site.site,
            hours: answer.cells,
        })
    }

    /// How many are inside a venue now, by all scans acknowledged before.
    ///
    /// # Errors
    /// The store fails, or scans of today are gone: nobody knows then.
    pub fn inside(&self, site: &str, now: TimeMs) -> Result<Option<u64>, TraceError> {
        let answer = self.counted(site, now, now)?;
        let inside = answer.cells.last().map_or(0, |cell| cell.inside);
        Ok(answer.incomplete.is_empty().then_some(inside))
    }

    /// A site by hour, from an instant to the last acknowledged scan.
    fn counted(&self, site: &str, from: TimeMs, now: TimeMs) -> Result<OccupancyAnswer, TraceError> {
        let (engine, until) = (self.bounded_engine(), self.last_scan(site, now)?);
        engine.occupancy(&Occupancy {
            site: site.to_owned(),
            interval: interval(from, TimeMs::new(until.get() + 1)),
            cell: CELL_DEFAULT,
            longest: None,
        })
    }

    /// The engine for questions that visitors and pages ask by themselves.
    fn bounded_engine(&self) -> Engine {
        let leaves_max = self.engine.config().query_leaves_max;
        self.engine.asked_within(Arc::new(Asking::limited(Some(COUNTING_MAX), Some(leaves_max))))
    }

    /// Venues that the caller sees, by code, each without its hours.
    ///
    /// # Errors
    /// The store fails.
    pub fn venues(
        &self,
        asked: &VenuesAsked,
        caller: &Caller,
        now: TimeMs,
    ) -> Result<Vec<Venue>, TraceError> {
        let is_within = |site: &SiteRecord| match (&asked.area, &site.area) {
            (None, _) => true,
            (Some(within), Some(area)) => self.areas.is_within(area, within),
            (Some(_), None) => false,
        };
        let mut sites = self.engine.catalog().sites();
        sites.retain(|site| {
            let is_behind = asked.after.as_ref().is_none_or(|after| site.site > *after);
            is_behind && site.is_venue() && self.sees_venue(site, caller) && is_within(site)
        });
        sites.sort_unstable_by(|a, b| a.site.cmp(&b.site));
        let told = |site| Ok(Venue { hours: Vec::new(), ..self.venue(site, now)? });
        sites.into_iter().take(asked.limit).map(told).collect()
    }

    /// Since when somebody is inside a venue, by all scans acknowledged before; none where nobody knows it.
    ///
    /// # Errors
    /// The store fails.
    pub fn inside_since(&self, subject: &str, site: &str, now: TimeMs) -> Result<Option<TimeMs>, TraceError> {
        let at = self.last_scan(site, now)?;
        self.bounded_engine().inside_since(subject, site, at)
    }

    /// The address that the poster of a site carries, at the server reached as `origin` (`https://NAME`).
    ///
    /// # Errors
    /// The store fails.
    pub fn poster_address(&self, origin: &str, site: &str) -> Result<String, RegistryError> {
        Ok(format!("{origin}/venue#{}.{}", encoded(site), self.seal(site)?))
    }

    /// Lets the poster of a site be good no more, and whoever scans it scan nothing: another is to be printed.
    ///
    /// # Errors
    /// The store fails.
    pub fn replace_poster(&self, site: &str, caller: &Caller, now: TimeMs) -> Result<(), RegistryError> {
        self.registry.replace_poster(site, act(now, caller.actor(), "poster.replace", site))
    }

    /// The venue of a poster.
    ///
    /// # Errors
    /// The poster is none of this server, was replaced, or its site is no venue any more.
    pub fn poster_venue(&self, site: &str, seal: &str) -> Result<SiteRecord, VisitRefused> {
        // Digests: how far they agree tells nothing.
        let is_ours = blake3::hash(seal.as_bytes()) == blake3::hash(self.seal(site)?.as_bytes());
        self.venue_site(site).filter(|_| is_ours).ok_or(VisitRefused::UnknownPoster)
    }

    /// Whether a visitor with this pass may scan a venue's poster, and when that was: the instant of a request is
    /// that of its first time. Whoever is on the watch list is let in like everybody, since a machine must not warn
    /// them; the audit log has it.
    ///
    /// # Errors
    /// It may not be; the error says what to do.
    pub fn admit_visit(
        &self,
        site: &SiteRecord,
        asked: VisitAsked<'_>,
        now: TimeMs,
    ) -> Result<VisitAdmitted, VisitRefused> {
        let VisitAsked { way, token, pressed_at, request } = asked;
        let (pass, is_over) = self.visitors_pass(token, now)?;
        let (number, content) = (pass.pass.to_string(), format!("{}|{way:?}", site.site));
        let whose = (number.as_str(), request);
        let subject = pass.subject;
        if let Some(at) = self.registry.visit_before(whose, &content, now)? {
            self.quota.take(&format!("visit again|{subject}"), REPEATS_A_DAY, now)?;
            let is_taken = self.engine.has_scan(&subject.to_string(), &site.site, at, way.into())?;
            return Ok(VisitAdmitted { subject, at, is_taken });
        }
        let at = instant_of(pressed_at, now)?;
        match way {
            Way::In => self.may_go_in(&pass, is_over, now)?,
            Way::Out => self.may_go_out(&pass, is_over, site, now)?,
        }
        self.last_visits.take(subject, request, self.config.visit_gap_ms, now)?;
        self.quota.take(&format!("visit|{subject}"), VISITS_A_DAY, now)?;
        let watched = self.registry.watched(subject, now)?;
        let action = if way == Way::In { "visit.in" } else { "visit.out" };
        let act = watched.map(|_| act_with(now, "citizen", action, &subject.to_string(), "watched"));
        let at = self.registry.note_visit(whose, &content, at, act, now)?;
        Ok(VisitAdmitted { subject, at, is_taken: false })
    }

    fn may_go_in(&self, pass: &PassRecord, is_over: bool, now: TimeMs) -> Result<(), VisitRefused> {
        if pass.revoked.is_some() {
            return Err(VisitRefused::Revoked);
        }
        if is_over {
            return Err(VisitRefused::Expired);
        }
        if self.is_in_doubt(pass, now)? { Err(VisitRefused::NotVerified) } else { Ok(()) }
    }

    /// Whoever is inside gets out, whatever has become of the pass meanwhile.
    fn may_go_out(
        &self,
        pass: &PassRecord,
        is_over: bool,
        site: &SiteRecord,
        now: TimeMs,
    ) -> Result<(), VisitRefused> {
        let Err(refused) = self.may_go_in(pass, is_over, now) else { return Ok(()) };
        let inside = self.inside_since(&pass.subject.to_string(), &site.site, now)?;
        inside.map(|_| ()).ok_or(refused)
    }

    /// Anybody may declare with anybody's document. Where somebody has verified whose it is, or an order holds for
    /// them, a declaration that nobody has compared with the document writes nothing into their trail.
    fn is_in_doubt(&self, pass: &PassRecord, now: TimeMs) -> Result<bool, RegistryError> {
        let is_verified = |record: &DeclarationRecord| record.state == DeclarationState::Verified;
        if self.registry.declaration_record(pass.declaration)?.as_ref().is_some_and(is_verified) {
            return Ok(false);
        }
        let others = self.registry.declarations_of(pass.subject, None, DECLARATIONS_LOOKED_AT)?;
        Ok(others.iter().any(is_verified) || self.registry.order_at(pass.subject, now)?.is_some())
    }

    /// The pass of a token that this server has signed, and whether its time is over.
    fn visitors_pass(&self, token: &str, now: TimeMs) -> Result<(PassRecord, bool), VisitRefused> {
        let read = read(token).map_err(|_| VisitRefused::UnknownPass)?;
        let skew = Duration::from_millis(self.config.clock_skew_ms);
        let said = match read.verify(&self.issuer.public(), now, skew) {
            Ok(said) => Some(said.subject),
            // Signed by the issuer all the same.
            Err(PassError::Expired { .. } | PassError::NotYetValid { .. }) => None,
            Err(_) => return Err(VisitRefused::UnknownPass),
        };
        let pass = self.registry.pass(read.id())?;
        let is_same = |pass: &PassRecord| said.is_none_or(|subject| subject == pass.subject);
        let pass = pass.filter(is_same).ok_or(VisitRefused::UnknownPass)?;
        if pass.is_vehicle {
            return Err(VisitRefused::Vehicle);
        }
        Ok((pass, said.is_none()))
    }

    fn seal(&self, site: &str) -> Result<String, RegistryError> {
        Ok(BASE32_NOPAD.encode(&self.registry.poster_seal(site)?))
    }

    /// Now, or the last scan at the site where a device's clock is ahead: what is acknowledged counts.
    fn last_scan(&self, site: &str, now: TimeMs) -> Result<TimeMs, TraceError> {
        let ahead_ms = self.engine.config().clock_skew_ms.cast_signed();
        let ahead = self.bounded_engine().passed(&Passed {
            sites: vec![site.to_owned()],
            areas: Vec::new(),
            interval: interval(TimeMs::new(now.get() + 1), TimeMs::new(now.get() + 1 + ahead_ms)),
            list: true,
        })?;
        let last = ahead.list.iter().map(|subject| subject.last).max();
        Ok(last.map_or(now, TimeMs::new))
    }
}

/// When a scan was that is taken now.
fn instant_of(pressed_at: Option<TimeMs>, now: TimeMs) -> Result<TimeMs, VisitRefused> {
    let at = pressed_at.unwrap_or(now).min(now);
    if now.get() - at.get() > VISIT_LATE_MS { Err(VisitRefused::TooOld) } else { Ok(at) }
}

fn interval(from: TimeMs, to: TimeMs) -> Interval {
    Interval::new(from, to).expect("callers give the earlier first")
}

/// The midnight before, in the time of the country.
fn day_began(now: TimeMs) -> TimeMs {
    let here = now.get() + EAST_MS;
    TimeMs::new(here - here.rem_euclid(MS_PER_DAY) - EAST_MS)
}

/// A code as a part of an address.
fn encoded(code: &str) -> String {
    let mut text = String::with_capacity(code.len());
    for byte in code.bytes() {
        match byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            true => text.push(char::from(byte)),
            false => write!(text, "%{byte:02X}").expect("a text takes all"),
        }
    }
    text
}

/// Scans of one person by posters in a day: somebody who runs errands all day.
const VISITS_A_DAY: u32 = 300;

/// The same scan sent again, by a phone whose network is bad.
const REPEATS_A_DAY: u32 = 3_000;

/// How long a scan may be on its way: whoever pressed earlier may have left long ago.
const VISIT_LATE_MS: i64 = 10 * 60_000;

/// Newest declarations of one subject that are looked at.
const DECLARATIONS_LOOKED_AT: usize = 50;

/// So long a count may take.
const COUNTING_MAX: Duration = Duration::from_secs(5);

/// Of whom the last visit is known: some 100 MB. A nation's visitors within the gap are fewer.
const LAST_VISITS_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_here() {
        let at = |text: &str| TimeMs::parse(text).expect("an instant");
        assert_eq!(day_began(at("2026-11-28T20:00:00+07:00")), at("2026-11-27T17:00:00Z"));
        assert_eq!(day_began(at("2026-11-27T17:00:00Z")), at("2026-11-27T17:00:00Z"));
        assert_eq!(day_began(at("2026-11-27T16:59:59Z")), at("2026-11-26T17:00:00Z"));
    }

    #[test]
    fn codes_of_any_script_are_written_into_an_address() {
        assert_eq!(encoded("MK-00001"), "MK-00001");
        assert_eq!(encoded("Chợ.1"), "Ch%E1%BB%A3%2E1");
    }

    #[test]
    fn one_scans_no_sooner_than_the_gap_allows_and_others_meanwhile() {
        let last = LastVisits::default();
        let at = |ms: i64| TimeMs::new(1_000_000 + ms);
        let (an, mai) = (SubjectCode::new([1; 10]), SubjectCode::new([2; 10]));
        assert_eq!(last.take(an, "a", 3_000, at(0)), Ok(()));
        assert_eq!(last.take(an, "b", 3_000, at(1_500)), Err(TooMany { retry_after_s: 2 }));
        assert_eq!(last.take(an, "a", 3_000, at(1_500)), Ok(()), "the same again");
        assert_eq!(last.take(mai, "b", 3_000, at(1_500)), Ok(()));
        assert_eq!(last.take(an, "b", 3_000, at(3_000)), Ok(()));
        assert_eq!(
            last.take(an, "c", 3_000, at(-9_000)),
            Ok(()),
            "a clock that was set back keeps nobody waiting"
        );
    }
}
