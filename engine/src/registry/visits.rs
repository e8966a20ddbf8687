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
    /// its instant: `at` the first time, and the same ever after.
    ///
    /// # Errors
    /// The request's key was used for something else, or the store fails: nothing is noted then.
    pub fn note_visit(
        &self,
        (pass, request): (&str, &str),
        content: &str,
        at: TimeMs,
        act: Option<Act>,
        now: TimeMs,
    ) -> Result<TimeMs, RegistryError> {
        let (request, content) = (self.visit_index(pass, request), self.visit_content(content));
        let _alone = self.finding_at(usize::from(request.bytes()[0]));
        if let Some(before) = self.known_visit(request, content, now)? {
            return Ok(before);
        }
        let mut visit = content.bytes().to_vec();
        visit.extend(at.get().to_be_bytes());
        let puts = vec![(keys::visit(forgotten_at_s(now), request), visit)];
        self.writer.write(Changes { puts, acts: act.into_iter().collect(), ..Changes::default() })?;
        Ok(at)
    }

    /// What a poster of this site must carry, so that it is the one of this server that is good now.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn poster_seal(&self, site: &str) -> Result<[u8; 10], RegistryError> {
        let poster = self.poster_of(site)?;
        let [seal @ .., _, _, _, _, _, _] = self.vault.read().blind("poster", &poster).bytes();
        Ok(seal)
    }

    /// The secret key of the device that stands for the phones of visitors who scan the poster that is good now. The
    /// same each time.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn visitors_key(&self, site: &str) -> Result<Zeroizing<[u8; 32]>, RegistryError> {
        let poster = self.poster_of(site)?;
        let secret = Zeroizing::new(self.vault.read().blind("visitors", &poster).bytes());
        Ok(Zeroizing::new(blake3::derive_key("truyvet visitors' device at a site", secret.as_slice())))
    }

    /// Lets the poster of a site be good no more: another takes its place, with a device of its own.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn replace_poster(&self, site: &str, act: Act) -> Result<(), RegistryError> {
        let _alone = self.finding_at(POSTERS);
        let replaced = self.posters_replaced(site)? + 1;
        let puts = vec![(keys::poster(site), replaced.to_be_bytes().to_vec())];
        Ok(self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?)
    }

    /// A name of the poster that is good now; the first is named like its site.
    fn poster_of(&self, site: &str) -> Result<String, RegistryError> {
        Ok(match self.posters_replaced(site)? {
            0 => site.to_owned(),
            replaced => format!("{site}\0{replaced}"),
        })
    }

    fn posters_replaced(&self, site: &str) -> Result<u32, RegistryError> {
        let Some(bytes) = self.table.get(&keys::poster(site))? else { return Ok(0) };
        let replaced = bytes.as_slice().try_into().map_err(|_| damaged("how often a poster was replaced"))?;
        Ok(u32::from_be_bytes(replaced))
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

/// Which lock replacing posters takes.
const POSTERS: usize = 1;

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
            place.registry().note_visit((pass, request), content, at(ms), None, at(ms))
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
            let now = TimeMs::new(NOW);
            place.registry().note_visit(("P1", "r"), "M1|in", now, noted, now).expect("room");
        }
        let log = place.registry().audit(0, 100).expect("readable");
        assert_eq!(log.iter().filter(|entry| entry.act.action == "visit.watched").count(), 1);
    }

    #[test]
    fn seals_and_keys_are_those_of_one_poster_and_one_server() {
        let (mut place, other) = (Place::new(), Place::new());
        let seal = |place: &Place, site: &str| place.registry().poster_seal(site).expect("readable");
        let key = |place: &Place, site: &str| place.registry().visitors_key(site).expect("readable");
        let (first, first_key) = (seal(&place, "M1"), key(&place, "M1"));
        assert!(first != seal(&place, "M2") && first != seal(&other, "M1"));
        assert!(first_key != key(&place, "M2") && first_key[..10] != first);
        place.reopen();
        assert!(first == seal(&place, "M1") && first_key == key(&place, "M1"));
        let second = seal(&place, "M2");
        place.registry().replace_poster("M1", act("poster.replace")).expect("room");
        let (next, next_key) = (seal(&place, "M1"), key(&place, "M1"));
        assert!(next != first && next_key != first_key && second == seal(&place, "M2"));
        place.reopen();
        assert!(next == seal(&place, "M1") && next_key == key(&place, "M1"));
        place.registry().replace_poster("M1", act("poster.replace")).expect("room");
        assert!(![first, next].contains(&seal(&place, "M1")), "none comes back");
    }
}
