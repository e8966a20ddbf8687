//! Visitors who scan a venue's poster with their own phones: whose scan may be taken, and of when.
//!
//! A poster is the address of this server's page for visitors, with the site's code and a seal. The seal is a keyed
//! digest that this server alone can make and check: nobody makes a poster of a site from its code. Who has seen a
//! poster can copy it, until it is replaced; what proves a visitor is the pass.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use parking_lot::Mutex;
use truyvet_engine::registry::{DeclarationRecord, DeclarationState, PassRecord, RegistryError};
use truyvet_engine::{SiteRecord, TraceError};
use truyvet_schemas::pass::{PassError, SubjectCode, read};
use truyvet_schemas::{Direction, TimeMs};
use utoipa::ToSchema;

use super::quota::TooMany;
use super::{Caller, People, act, act_with};

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
        // So many that nobody has compared would hide one that somebody has.
        let may_be_hidden = others.len() == DECLARATIONS_LOOKED_AT;
        Ok(may_be_hidden
            || others.iter().any(is_verified)
            || self.registry.order_at(pass.subject, now)?.is_some())
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
}

/// When a scan was that is taken now.
fn instant_of(pressed_at: Option<TimeMs>, now: TimeMs) -> Result<TimeMs, VisitRefused> {
    let at = pressed_at.unwrap_or(now).min(now);
    if now.get() - at.get() > VISIT_LATE_MS { Err(VisitRefused::TooOld) } else { Ok(at) }
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

/// Of whom the last visit is known: some 100 MB. A nation's visitors within the gap are fewer.
const LAST_VISITS_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

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
