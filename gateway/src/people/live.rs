//! What happens to journeys, told to the wards at both ends as it happens.
//!
//! ```text
//! declared, verified, arrived (registry) \\
//!                                          one thread -> the journey as it is now -> listeners, by area
//! passages of the followed (engine)      /   -> orders of quarantine that they break -> listeners, by area
//! ```
//! What is told here can be missed: the network breaks, a listener is too slow, the server starts anew. The
//! inbox ([`super::notices`]) misses nothing: a listener that was told of a gap asks it again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use tokio::sync::broadcast;
use truyvet_engine::registry::{DeclarationRecord, DeclarationState, Leg, RegistryError, Side};
use truyvet_engine::{Passage, Passages};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::Residence;

use super::People;
use super::homes::Traveller;
use super::notices::{Notice, NoticesError};
use super::orders::{OrderError, OrderRow};

/// Something that happened to a journey, by the number of its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    /// It was declared, and is verified.
    Declared(u64),
    /// Its holder was checked on the way.
    Passed(u64),
    /// The ward of destination said that its holder has arrived.
    Arrived(u64),
    /// Its pass was taken back.
    Revoked(u64),
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Something happened.
    Notice {
        /// `declared`, `passed`, `arrived` or `revoked`.
        what: &'static str,
        /// The journey as it is now.
        notice: Arc<Notice>,
    },
    /// Somebody under an order of quarantine was seen elsewhere: the order as it is now.
    Breach(Arc<OrderRow>),
    /// Orders of quarantine were made, ended or written about.
    Orders,
    /// More happened than could be told: the inbox has it.
    Missed,
}

/// Listeners, and what they are to be told.
pub struct Live {
    queue: (Sender<Happened>, Receiver<Happened>),
    /// Whether something found no place in the queue.
    missed: AtomicBool,
    /// None: nobody hears anything any more.
    areas: Mutex<Option<HashMap<String, broadcast::Sender<Heard>>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            queue: bounded(WAITING_MAX),
            missed: AtomicBool::default(),
            areas: Mutex::new(Some(HashMap::new())),
        }
    }
}

impl Live {
    /// Hears of all journeys from and to an area from now on; of nothing once it has ended.
    pub fn listen(&self, area: &str) -> Option<broadcast::Receiver<Heard>> {
        let mut areas = self.areas.lock();
        let areas = areas.as_mut()?;
        let told = areas.entry(area.to_owned()).or_insert_with(|| broadcast::channel(HEARD_MAX).0);
        Some(told.subscribe())
    }

    /// Ends what everybody hears, and lets nobody listen from now on.
    pub fn end(&self) {
        *self.areas.lock() = None;
    }

    /// Has it told to the listeners; where too much waits, that something was missed.
    pub fn happened(&self, what: Happened) {
        if self.queue.0.try_send(what).is_err() {
            self.missed.store(true, Ordering::Relaxed);
        }
    }

    /// Tells listeners of these areas that orders of quarantine have changed.
    pub(super) fn orders_changed(&self, areas: &BTreeSet<String>) {
        areas.iter().for_each(|area| self.tell(area, Heard::Orders));
    }

    /// Whether anybody listens; areas that nobody listens to any more are forgotten.
    fn has_listeners(&self) -> bool {
        self.areas.lock().as_mut().is_some_and(|areas| {
            areas.retain(|_, told| told.receiver_count() > 0);
            !areas.is_empty()
        })
    }

    fn tell_all(&self, heard: &Heard) {
        for told in self.areas.lock().iter().flat_map(HashMap::values) {
            told.send(heard.clone()).ok();
        }
    }

    fn hears(&self, area: &str) -> bool {
        self.areas.lock().as_ref().is_some_and(|areas| areas.contains_key(area))
    }

    fn tell(&self, area: &str, heard: Heard) {
        if let Some(told) = self.areas.lock().as_ref().and_then(|areas| areas.get(area)) {
            told.send(heard).ok();
        }
    }
}

impl Happened {
    const fn declaration(self) -> u64 {
        match self {
            Self::Declared(number) | Self::Passed(number) | Self::Arrived(number) | Self::Revoked(number) => {
                number
            }
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Declared(_) => "declared",
            Self::Passed(_) => "passed",
            Self::Arrived(_) => "arrived",
            Self::Revoked(_) => "revoked",
        }
    }
}

impl People {
    /// Tells listeners what happens until `stops` says so. For a thread of its own.
    pub fn tell_listeners(&self, stops: impl Fn() -> bool + Sync) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.follow_travellers(&stops));
            self.tell_what_happens(&stops);
        });
    }

    fn tell_what_happens(&self, stops: impl Fn() -> bool) {
        while !stops() {
            let Passages { told: passages, missed } = self.engine.followed(LOOK_EVERY);
            let happened: Vec<Happened> = self.live.queue.1.try_iter().take(WAITING_MAX).collect();
            let missed = self.live.missed.swap(false, Ordering::Relaxed) || missed;
            let has_listeners = self.live.has_listeners();
            // Nobody listens, as a rule by far: nothing is made then.
            if !has_listeners && self.hooks.are_none() {
                continue;
            }
            if missed {
                self.live.tell_all(&Heard::Missed);
                self.hooks.compare_all();
            }
            let mut due = Vec::new();
            for what in happened.into_iter().chain(self.passed(&passages)) {
                if let Err(error) = self.tell(what, &mut due) {
                    tracing::warn!(%error, "wards are not told what happened; their inbox has it");
                    self.hooks.compare_all();
                }
            }
            self.note_due(&due);
            if has_listeners && let Err(error) = self.tell_breaches(&passages) {
                tracing::error!(%error, "wards are not told who broke an order; the list of orders has it");
                self.live.missed.store(true, Ordering::Relaxed);
            }
        }
    }

    fn tell_breaches(&self, passages: &[Passage]) -> Result<(), OrderError> {
        self.broken_by(passages)?.into_iter().try_for_each(|order| self.tell_breach(order))
    }

    /// Tells listeners of the area where an order is to be kept, and of all above it, that it was broken.
    fn tell_breach(&self, order: u64) -> Result<(), OrderError> {
        let Some(whole) = self.registry.whole_order(order)? else { return Ok(()) };
        let mut areas = self.areas.all_above(&whole.place.area);
        areas.retain(|area| self.live.hears(area));
        if areas.is_empty() {
            return Ok(());
        }
        let row = Arc::new(self.order_row(&whole, TimeMs::now())?);
        areas.iter().for_each(|area| self.live.tell(area, Heard::Breach(Arc::clone(&row))));
        Ok(())
    }

    /// Follows those who were under way or in quarantine before this start; late scans of them may still come.
    /// Who listens has missed what they did meanwhile. Whose arrival was written and whose order was not has it now.
    fn follow_travellers(&self, stops: &impl Fn() -> bool) {
        let mut codes = Vec::with_capacity(FOLLOWED_AT_ONCE);
        let mut follow = |subject| {
            codes.push(subject);
            if codes.len() == FOLLOWED_AT_ONCE {
                self.follow(&codes);
                codes.clear();
            }
            !stops()
        };
        let now = TimeMs::now();
        let since = TimeMs::new(self.holding_since(now).get() - LATE_MS);
        let read = self.registry.open_orders(now, |open| follow(open.subject));
        let read = read.and_then(|()| self.registry.declared_since(since, &mut follow));
        self.follow(&codes);
        if let Err(error) = read {
            tracing::error!(%error, "not all who were under way before this start are followed: wards hear of \
                their passages when they ask");
        }
        self.live.missed.store(true, Ordering::Relaxed);
        if let Err(error) = self.order_for_arrivals_since(since, stops) {
            tracing::error!(%error, "not all who have arrived from abroad have their order of quarantine");
        }
    }

    /// Follows these; those of whom the engine has not heard (a stop came in between) are told to it first.
    pub(super) fn follow(&self, subjects: &[SubjectCode]) {
        let codes: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        for unknown in self.engine.follow(codes.iter().map(String::as_str)) {
            let subject = subjects[unknown];
            match self.neighbourhood_of(subject) {
                Ok(home) => {
                    let subject = subject.to_string();
                    self.homes.tell(Traveller { subject, home, is_followed: true });
                }
                Err(error) => tracing::error!(%error, "somebody under way is not followed"),
            }
        }
    }

    /// Where somebody lives; or else where they said last that they go.
    fn neighbourhood_of(&self, subject: SubjectCode) -> Result<String, RegistryError> {
        if let Some(home) = self.registry.home_of(subject)?.filter(Residence::is_told) {
            return Ok(home.area);
        }
        let newest = self.registry.declarations_of(subject, None, 1)?;
        let leg = newest.first().map_or(Ok(None), |newest| self.registry.leg(newest.declaration))?;
        Ok(leg.map(|(_, leg)| leg.to).unwrap_or_default())
    }

    /// Journeys that these passages belong to, each once: those told are as they are then.
    fn passed(&self, passages: &[Passage]) -> BTreeSet<Happened> {
        let mut seen: BTreeMap<&str, Vec<TimeMs>> = BTreeMap::new();
        for Passage { subject, at, .. } in passages {
            seen.entry(subject).or_default().push(*at);
        }
        let mut passed = BTreeSet::new();
        for (subject, at) in seen {
            let Ok(subject) = subject.parse::<SubjectCode>() else { continue };
            match self.journeys_at(subject, &at) {
                Ok(journeys) => passed.extend(journeys.into_iter().map(Happened::Passed)),
                Err(error) => {
                    tracing::error!(%error, "whose journey a passage belongs to cannot be read");
                    self.live.missed.store(true, Ordering::Relaxed);
                }
            }
        }
        passed
    }

    /// Verified journeys of a subject whose passes held at one of these instants.
    fn journeys_at(&self, subject: SubjectCode, seen: &[TimeMs]) -> Result<Vec<u64>, RegistryError> {
        let earliest = seen.iter().min().copied().unwrap_or(TimeMs::new(0));
        let since = self.holding_since(earliest).get();
        let (mut journeys, mut before) = (Vec::new(), None);
        loop {
            let page = self.registry.declarations_of(subject, before, DECLARATIONS_AT_ONCE)?;
            for record in &page {
                if record.made_at < since {
                    return Ok(journeys);
                }
                if record.state == DeclarationState::Verified && self.held_at(record, seen)? {
                    journeys.push(record.declaration);
                }
            }
            before = page.last().map(|last| last.declaration);
            if page.len() < DECLARATIONS_AT_ONCE {
                return Ok(journeys);
            }
        }
    }

    /// Whether the pass of a declaration held at one of these instants.
    fn held_at(&self, record: &DeclarationRecord, seen: &[TimeMs]) -> Result<bool, RegistryError> {
        let Some(pass) = self.registry.pass(record.pass)? else { return Ok(false) };
        let holds = record.made_at..i64::from(pass.valid_until_s) * 1_000;
        Ok(seen.iter().any(|at| holds.contains(&at.get())))
    }

    /// Tells listeners, and notes for hooks in which areas the journey ends.
    fn tell(&self, what: Happened, due: &mut Vec<(u64, Vec<String>)>) -> Result<(), NoticesError> {
        let Some((record, leg)) = self.verified_leg(what.declaration())? else { return Ok(()) };
        let mut ends = self.ends(&leg);
        due.push((record.declaration, ends.keys().cloned().collect()));
        ends.retain(|area, _| self.live.hears(area));
        // The trail is what costs: it is read where somebody listens.
        if ends.is_empty() {
            return Ok(());
        }
        let journey = match self.journey(&record, &leg, TimeMs::now()) {
            Ok(Some(journey)) => journey,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::error!(%error, "wards are not told how a journey is; they hear that they missed it");
                ends.keys().for_each(|area| self.live.tell(area, Heard::Missed));
                return Ok(());
            }
        };
        for (area, side) in ends {
            let notice = Arc::new(Notice { side, journey: journey.clone() });
            self.live.tell(&area, Heard::Notice { what: what.word(), notice });
        }
        Ok(())
    }

    /// All areas that a journey leaves or comes to, wards and what they lie in.
    pub(super) fn ends(&self, leg: &Leg) -> BTreeMap<String, Side> {
        let mut ends: BTreeMap<String, Side> =
            self.areas.all_above(&leg.from).into_iter().map(|area| (area, Side::Leaving)).collect();
        for area in self.areas.all_above(&leg.to) {
            ends.entry(area).and_modify(|side| *side = Side::Within).or_insert(Side::Coming);
        }
        ends
    }
}

/// How long what happened waits to be looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What waits to be told: more happens in no second.
const WAITING_MAX: usize = 16_384;

/// What a listener may be behind before it must ask the inbox again.
const HEARD_MAX: usize = 64;

const FOLLOWED_AT_ONCE: usize = 4_096;

/// Declarations of one subject that are read at once.
const DECLARATIONS_AT_ONCE: usize = 8;

/// How late scans of somebody still come, of a device that was offline.
const LATE_MS: i64 = 7 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_told_as_missed_to_whoever_listens() {
        let live = Live::default();
        assert!(!live.has_listeners());
        let mut heard = ["W1", "P1"].map(|area| live.listen(area).expect("it goes on"));
        assert!(live.has_listeners() && live.hears("P1") && !live.hears("W2"));
        (0..WAITING_MAX as u64).for_each(|number| live.happened(Happened::Declared(number)));
        assert!(!live.missed.load(Ordering::Relaxed));
        live.happened(Happened::Declared(0));
        assert!(live.missed.load(Ordering::Relaxed));
        live.tell_all(&Heard::Missed);
        assert!(heard.iter_mut().all(|heard| matches!(heard.try_recv(), Ok(Heard::Missed))));
    }

    #[test]
    fn nobody_hears_anything_once_it_has_ended() {
        let live = Live::default();
        let mut heard = live.listen("W1").expect("it goes on");
        live.end();
        assert!(matches!(heard.try_recv(), Err(broadcast::error::TryRecvError::Closed)));
        assert!(live.listen("W1").is_none() && !live.has_listeners());
    }
}
