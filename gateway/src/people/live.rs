//! What happens to journeys, told to the wards at both ends as it happens.
//!
//! ```text
//! declared, verified, arrived (registry) \\
//!                                          one thread -> the journey as it is now -> listeners, by area
//! passages of the followed (engine)      /
//! ```
//! What is told here can be missed: the network breaks, a listener is too slow, the server starts anew. The
//! inbox ([`super::notices`]) misses nothing: a listener that was told of a gap asks it again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use tokio::sync::broadcast;
use truyvet_engine::Passage;
use truyvet_engine::registry::{DeclarationState, Leg, Side};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;

use super::People;
use super::notices::{Journey, Notice, NoticesError};

/// Something that happened to a journey, by the number of its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// It was declared, and is verified.
    Declared(u64),
    /// Its holder was checked on the way.
    Passed(u64),
    /// The ward of destination said that its holder has arrived.
    Arrived(u64),
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `declared`, `passed` or `arrived`.
    pub what: &'static str,
    /// The journey as it is now.
    pub notice: Arc<Notice>,
}

/// Listeners, and what they are to be told.
pub struct Live {
    queue: (Sender<Happened>, Receiver<Happened>),
    /// None: nobody hears anything any more.
    areas: Mutex<Option<HashMap<String, broadcast::Sender<Heard>>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { queue: bounded(WAITING_MAX), areas: Mutex::new(Some(HashMap::new())) }
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

    /// Has it told to the listeners. Where too many wait it is left out.
    pub(super) fn happened(&self, what: Happened) {
        self.queue.0.try_send(what).ok();
    }

    /// Whether anybody listens; areas that nobody listens to any more are forgotten.
    fn has_listeners(&self) -> bool {
        self.areas.lock().as_mut().is_some_and(|areas| {
            areas.retain(|_, told| told.receiver_count() > 0);
            !areas.is_empty()
        })
    }

    fn tell(&self, area: &str, heard: impl FnOnce() -> Heard) {
        if let Some(told) = self.areas.lock().as_ref().and_then(|areas| areas.get(area)) {
            told.send(heard()).ok();
        }
    }
}

impl Happened {
    const fn declaration(self) -> u64 {
        match self {
            Self::Declared(number) | Self::Passed(number) | Self::Arrived(number) => number,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Declared(_) => "declared",
            Self::Passed(_) => "passed",
            Self::Arrived(_) => "arrived",
        }
    }
}

impl People {
    /// Tells listeners what happens until `stops` says so. For a thread of its own.
    pub fn tell_listeners(&self, stops: impl Fn() -> bool) {
        if let Err(error) = self.follow_travellers() {
            tracing::error!(%error, "who was under way before this start is not followed");
        }
        while !stops() {
            let passages = self.engine.followed(LOOK_EVERY).told;
            let happened: Vec<Happened> = self.live.queue.1.try_iter().take(WAITING_MAX).collect();
            // Nobody listens, as a rule by far: nothing is made then.
            if !self.live.has_listeners() {
                continue;
            }
            for what in happened.into_iter().chain(self.passed(&passages)) {
                if let Err(error) = self.tell(what) {
                    tracing::warn!(%error, "wards are not told what happened; their inbox has it");
                }
            }
        }
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

    fn tell(&self, what: Happened) -> Result<(), NoticesError> {
        let Some((journey, leg)) = self.journey(what.declaration(), TimeMs::now())? else { return Ok(()) };
        for (area, side) in self.ends(&leg) {
            let journey: Journey = journey.clone();
            let notice = || Arc::new(Notice { side, journey });
            self.live.tell(&area, || Heard { what: what.word(), notice: notice() });
        }
        Ok(())
    }

    /// All areas that a journey leaves or comes to, wards and what they lie in.
    fn ends(&self, leg: &Leg) -> BTreeMap<String, Side> {
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
