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
use truyvet_engine::registry::{DeclarationState, Leg, Side};
use truyvet_engine::{Passage, Passages};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;

use super::People;
use super::notices::{Notice, NoticesError};
use super::orders::{OrderError, OrderRow};

/// Something that happened to a journey, by the number of its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub fn tell_listeners(&self, stops: impl Fn() -> bool) {
        if let Err(error) = self.follow_travellers() {
            tracing::error!(%error, "who was under way before this start is not followed");
        }
        if let Err(error) = self.follow_ordered_before() {
            tracing::error!(%error, "who was in quarantine before this start is not followed");
        }
        while !stops() {
            let Passages { told: passages, missed } = self.engine.followed(LOOK_EVERY);
            let happened: Vec<Happened> = self.live.queue.1.try_iter().take(WAITING_MAX).collect();
            let missed = self.live.missed.swap(false, Ordering::Relaxed) || missed;
            // Nobody listens, as a rule by far: nothing is made then.
            if !self.live.has_listeners() && self.hooks.are_none() {
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
            for order in self.broken_by(&passages) {
                if let Err(error) = self.tell_breach(order) {
                    tracing::warn!(%error, "wards are not told of a breach; the list of orders has it");
                }
            }
        }
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

    /// Follows those whose passes may still hold.
    fn follow_travellers(&self) -> Result<(), NoticesError> {
        let hours = i64::from(self.config.pass_hours);
        let since = TimeMs::new(TimeMs::now().get() - hours * 3_600_000);
        let mut codes = Vec::new();
        let follow = |codes: &mut Vec<String>| {
            self.engine.follow(std::mem::take(codes).iter().map(String::as_str));
        };
        self.registry.declared_since(since, |subject| {
            codes.push(subject.to_string());
            if codes.len() == FOLLOWED_AT_ONCE {
                follow(&mut codes);
            }
        })?;
        follow(&mut codes);
        Ok(())
    }

    /// Whose journeys these passages belong to, each once: those told are as they are then.
    fn passed(&self, passages: &[Passage]) -> Vec<Happened> {
        let latest: BTreeMap<&str, TimeMs> =
            passages.iter().map(|passage| (passage.subject.as_str(), passage.at)).collect();
        let declaration = |(subject, at): (&str, TimeMs)| {
            let subject: SubjectCode = subject.parse().ok()?;
            let newest = self.registry.declarations_of(subject, None, DECLARATIONS_LOOKED_AT).ok()?;
            let holds = newest
                .into_iter()
                .find(|record| record.state == DeclarationState::Verified && record.made_at <= at.get());
            holds.map(|record| Happened::Passed(record.declaration))
        };
        latest.into_iter().filter_map(declaration).collect()
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
        let Some(journey) = self.journey(&record, &leg, TimeMs::now())? else { return Ok(()) };
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

/// Newest declarations among which the one of a passage is looked for.
const DECLARATIONS_LOOKED_AT: usize = 5;

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
