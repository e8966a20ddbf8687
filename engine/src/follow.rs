//! Subjects that are followed: their scans are told as they become visible.
//!
//! ```text
//! applier: batch visible -> marks, a bit a subject -> bounded queue -> whoever takes `Engine::followed`
//! ```
//! A hint that comes at once, for pages that show what happens. It is gone with the process, and lost where
//! nobody takes it in time: what is exact is asked with `trail`. A scan of a subject that nobody follows
//! costs a load from memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use truyvet_schemas::{Direction, TimeMs, Verdict};

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::index::rows::flags;

/// A scan of a followed subject that has become visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Code of the subject.
    pub subject: String,
    /// When.
    pub at: TimeMs,
    /// Code of the site.
    pub site: String,
    /// Which way.
    pub direction: Direction,
    /// What the officer decided.
    pub verdict: Verdict,
}

/// What became visible of followed subjects since it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passages {
    /// In the order in which they became visible.
    pub told: Vec<Passage>,
    /// Whether there were more, which were lost.
    pub missed: bool,
}

/// Who is followed, and what is to be told.
pub(crate) struct Followed {
    marks: Marks,
    queue: (Sender<Seen>, Receiver<Seen>),
    missed: AtomicBool,
}

/// A scan, by numbers.
#[derive(Clone, Copy)]
struct Seen {
    at_ms: i64,
    subject: u32,
    site: u32,
    flags: u8,
}

impl Engine {
    /// From now on scans of these subjects are told. Tells the places of the codes that are not known: they are to
    /// be made known first (`Catalog::put_people`).
    pub fn follow<'c>(&self, codes: impl Iterator<Item = &'c str>) -> Vec<usize> {
        let (subjects, mut unknown) = (self.catalog().subjects.read(), Vec::new());
        for (place, code) in codes.enumerate() {
            match subjects.find(code.as_bytes()) {
                Some(id) => self.shared().followed.marks.set(id),
                None => unknown.push(place),
            }
        }
        unknown
    }

    /// What became visible of followed subjects since this was called last. Waits at most so long for the
    /// first; one caller at a time.
    pub fn followed(&self, wait: Duration) -> Passages {
        let followed = &self.shared().followed;
        let queue = &followed.queue.1;
        let seen: Vec<Seen> =
            queue.recv_timeout(wait).into_iter().chain(queue.try_iter().take(AT_ONCE)).collect();
        let told = seen.into_iter().map(|seen| passage(self.catalog(), seen)).collect();
        Passages { told, missed: followed.missed.swap(false, Ordering::Relaxed) }
    }
}

impl Followed {
    pub(crate) fn new() -> Self {
        Self { marks: Marks::new(), queue: bounded(WAITING_MAX), missed: AtomicBool::new(false) }
    }

    /// Tells of scans that have just become visible: subject, time and flags of each.
    pub(crate) fn saw(&self, site: u32, scans: impl Iterator<Item = (u32, i64, u8)>) {
        if self.marks.are_none() {
            return;
        }
        for (subject, at_ms, flags) in scans.filter(|(subject, ..)| self.marks.has(*subject)) {
            if self.queue.0.try_send(Seen { at_ms, subject, site, flags }).is_err() {
                self.missed.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn passage(catalog: &Catalog, seen: Seen) -> Passage {
    Passage {
        subject: catalog.subjects.read().code(seen.subject).to_owned(),
        at: TimeMs::new(seen.at_ms),
        site: catalog.sites.read().code(seen.site).to_owned(),
        direction: flags::direction(seen.flags),
        verdict: flags::verdict(seen.flags),
    }
}

/// A bit for each id, with memory only where bits are set.
struct Marks {
    chunks: Box<[OnceLock<Box<[AtomicU64]>>]>,
    are_any: AtomicBool,
}

impl Marks {
    fn new() -> Self {
        Self { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), are_any: AtomicBool::new(false) }
    }

    fn are_none(&self) -> bool {
        !self.are_any.load(Ordering::Relaxed)
    }

    fn has(&self, id: u32) -> bool {
        let chunk = self.chunks[(id >> CHUNK_BITS) as usize].get();
        chunk.is_some_and(|words| {
            let (word, bit) = place(id);
            words[word].load(Ordering::Relaxed) & bit != 0
        })
    }

    fn set(&self, id: u32) {
        let words = || (0..WORDS).map(|_| AtomicU64::new(0)).collect();
        let (word, bit) = place(id);
        self.chunks[(id >> CHUNK_BITS) as usize].get_or_init(words)[word].fetch_or(bit, Ordering::Relaxed);
        self.are_any.store(true, Ordering::Relaxed);
    }
}

/// Word of its chunk, and the bit there.
fn place(id: u32) -> (usize, u64) {
    let within = id & ((1 << CHUNK_BITS) - 1);
    ((within / u64::BITS) as usize, 1 << (within % u64::BITS))
}

/// 65,536 ids in 8 KiB.
const CHUNK_BITS: u32 = 16;
const CHUNKS: usize = 1 << (u32::BITS - CHUNK_BITS);
const WORDS: usize = (1 << CHUNK_BITS) / u64::BITS as usize;

/// Scans that wait to be told: some seconds of a nation's.
const WAITING_MAX: usize = 65_536;
const AT_ONCE: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(followed: &Followed) -> Vec<(u32, i64)> {
        followed.queue.1.try_iter().map(|seen| (seen.subject, seen.at_ms)).collect()
    }

    #[test]
    fn scans_of_the_followed_alone_are_told_whatever_their_ids() {
        let followed = Followed::new();
        let ids = [0, 1, 63, 64, 65_535, 65_536, u32::MAX];
        let see = || followed.saw(3, ids.iter().map(|id| (*id, i64::from(*id), 0)));
        see();
        assert_eq!(taken(&followed), [], "nobody is followed");
        for followed_id in [63, 65_536, u32::MAX] {
            followed.marks.set(followed_id);
        }
        see();
        assert_eq!(taken(&followed), [63, 65_536, u32::MAX].map(|id| (id, i64::from(id))));
    }

    #[test]
    fn what_nobody_takes_is_lost_and_that_is_told() {
        let followed = Followed::new();
        followed.marks.set(7);
        followed.saw(3, (0..=WAITING_MAX as i64).map(|at| (7, at, 0)));
        assert!(followed.missed.load(Ordering::Relaxed));
        assert_eq!(taken(&followed).len(), WAITING_MAX);
    }
}
