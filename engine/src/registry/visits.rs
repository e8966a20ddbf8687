//! Visitors at venues who scan the poster themselves: which request has been taken already, and when; and what the
//! server seals its posters with.
//!
//! ```text
//! request -> known? its instant, again
//!         -> new? an instant, on disk --> the scan in the engine, at that instant
//! ```
//! Whatever stops the server between the two, the same request comes back to the same instant, and the scan is
//! there or it is not. Nothing of who or where is kept here but blind indexes, and those for two days at most.

use truyvet_schemas::TimeMs;
use truyvet_schemas::time::MS_PER_DAY;
use zeroize::Zeroizing;

use super::vault::Blind;
use super::writer::Changes;
use super::{Act, Registry, RegistryError, damaged, keys};

impl Registry {
    /// When this request of the bearer of a pass came before; none where it did not. `content` is what it asks for.
    ///
    /// # Errors
    /// The request's key was used for something else, or the store fails.
    pub fn visit_before(
        &self,
        (pass, request): (&str, &str),
        content: &str,
        now: TimeMs,
    ) -> Result<Option<TimeMs>, RegistryError> {
        self.known_visit(self.visit_index(pass, request), self.visit_content(content), now)
    }

    /// Notes a visitor's request, once, with the act where there is one; returns when that is on disk, and tells
    /// when the request came first.
    ///
    /// # Errors
    /// The request's key was used for something else, or the store fails: nothing is noted then.
    pub fn note_visit(
        &self,
        (pass, request): (&str, &str),
        content: &str,
        act: Option<Act>,
        now: TimeMs,
    ) -> Result<TimeMs, RegistryError> {
        let (request, content) = (self.visit_index(pass, request), self.visit_content(content));
        let _alone = self.finding_at(usize::from(request.bytes()[0]));
        if let Some(at) = self.known_visit(request, content, now)? {
            return Ok(at);
        }
        let mut visit = content.bytes().to_vec();
        visit.extend(now.get().to_be_bytes());
        let puts = vec![(keys::visit(forgotten_at_s(now), request), visit)];
        self.writer.write(Changes { puts, acts: act.into_iter().collect(), ..Changes::default() })?;
        Ok(now)
    }

    /// What a poster of this site must carry, so that it is one of this server.
    pub fn poster_seal(&self, site: &str) -> [u8; 10] {
        let [seal @ .., _, _, _, _, _, _] = self.vault.read().blind("poster", site).bytes();
        seal
    }

    /// The secret key of the device that stands for visitors' own phones at a site. The same each time.
    pub fn visitors_key(&self, site: &str) -> Zeroizing<[u8; 32]> {
        let secret = Zeroizing::new(self.vault.read().blind("visitors", site).bytes());
        Zeroizing::new(blake3::derive_key("truyvet visitors' device at a site", secret.as_slice()))
    }

    fn visit_index(&self, pass: &str, request: &str) -> Blind {
        self.vault.read().blind("visit", &format!("{pass}|{request}"))
    }

    fn visit_content(&self, content: &str) -> Blind {
        self.vault.read().blind("visit content", content)
    }

    /// A request of before midnight stands under the day before.
    fn known_visit(
        &self,
        request: Blind,
        content: Blind,
        now: TimeMs,
    ) -> Result<Option<TimeMs>, RegistryError> {
        for day in [now, TimeMs::new(now.get() - MS_PER_DAY)] {
            let Some(visit) = self.table.get(&keys::visit(forgotten_at_s(day), request))? else { continue };
            let damage = || damaged("a visit");
            let (same, at) = visit.split_first_chunk::<16>().ok_or_else(damage)?;
            if *same != content.bytes() {
                return Err(RegistryError::KeyReused);
            }
            let at = at.try_into().map_err(|_| damage())?;
            return Ok(Some(TimeMs::new(i64::from_be_bytes(at))));
        }
        Ok(None)
    }
}

/// The end of the next day (UTC): a request is known for a day at least.
fn forgotten_at_s(now: TimeMs) -> u32 {
    let day = now.get().div_euclid(MS_PER_DAY);
    u32::try_from((day + 2) * (MS_PER_DAY / 1_000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, Place, act};
    use super::*;

    const DAY_MS: i64 = MS_PER_DAY;

    #[test]
    fn a_request_has_one_instant_whatever_crashes_and_is_forgotten_after_a_day() {
        let mut place = Place::new();
        let at = |ms: i64| TimeMs::new(NOW + ms);
        let note = |place: &Place, pass: &str, request: &str, content: &str, ms: i64| {
            place.registry().note_visit((pass, request), content, None, at(ms))
        };
        let first = note(&place, "P1", "r", "M1|in", 0).expect("room");
        assert_eq!(first, at(0));
        place.reopen();
        let again = note(&place, "P1", "r", "M1|in", 5_000).expect("room");
        assert_eq!(again, at(0), "the instant of the first");
        let other = note(&place, "P2", "r", "M1|out", 5_000).expect("another pass may use the same key");
        assert_eq!(other, at(5_000));
        assert!(matches!(note(&place, "P1", "r", "M1|out", 6_000), Err(RegistryError::KeyReused)));
        let before = |ms| place.registry().visit_before(("P1", "r"), "M1|in", at(ms)).expect("readable");
        assert_eq!(before(DAY_MS - 1), Some(at(0)), "across midnight");
        assert_eq!(place.registry().sweep(at(DAY_MS - 1)).expect("room"), 0, "a day at least");
        assert_eq!(place.registry().sweep(at(2 * DAY_MS)).expect("room"), 2);
        assert_eq!(before(2 * DAY_MS), None);
    }

    #[test]
    fn an_act_is_noted_with_the_request_and_once() {
        let place = Place::new();
        for _ in 0..2 {
            let noted = Some(act("visit.watched"));
            place.registry().note_visit(("P1", "r"), "M1|in", noted, TimeMs::new(NOW)).expect("room");
        }
        let log = place.registry().audit(0, 100).expect("readable");
        assert_eq!(log.iter().filter(|entry| entry.act.action == "visit.watched").count(), 1);
    }

    #[test]
    fn seals_and_keys_are_those_of_one_site_and_one_server() {
        let (mut place, other) = (Place::new(), Place::new());
        let seal = place.registry().poster_seal("M1");
        assert_ne!(seal, place.registry().poster_seal("M2"));
        assert_ne!(seal, other.registry().poster_seal("M1"));
        let key = place.registry().visitors_key("M1");
        assert!(key != place.registry().visitors_key("M2") && key[..10] != seal);
        place.reopen();
        assert!(seal == place.registry().poster_seal("M1") && key == place.registry().visitors_key("M1"));
    }
}
