//! Of every subject the earliest event, found by several threads at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytemuck::allocation::zeroed_slice_box;
use parking_lot::Mutex;

use super::{Event, is_before};
use crate::trace::view::View;

/// Columns by subject. A subject's time is read without a lock, which in most cases is all: of its events
/// few are earlier than those before. Memory is handed out by the system as it is touched.
pub(super) struct Earliest<'v> {
    view: &'v View<'v>,
    /// `i64::MAX` less the event's time, so that the zeros at the start stand for no event.
    earliness: Box<[AtomicU64]>,
    ranks: Box<[AtomicU32]>,
    sites: Box<[AtomicU32]>,
    locks: Vec<Mutex<()>>,
}

impl<'v> Earliest<'v> {
    /// Nothing yet. Ids given out from now on belong to scans that come after the question.
    pub(super) fn new(view: &'v View<'v>) -> Self {
        let len = view.ids_end() as usize;
        Self {
            view,
            earliness: zeroed_slice_box(len),
            ranks: zeroed_slice_box(len),
            sites: zeroed_slice_box(len),
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
        }
    }

    /// Takes an event into account.
    #[inline]
    pub(super) fn tell(&self, subject: u32, event: Event) {
        let i = subject as usize;
        let Some(place) = self.earliness.get(i) else { return };
        let earliness = i64::MAX.wrapping_sub(event.at_ms) as u64;
        if earliness < place.load(Ordering::Relaxed) {
            return;
        }
        let _lock = self.locks[i / SUBJECTS_PER_LOCK % LOCKS].lock();
        if self.event(i).is_none_or(|known| is_before(self.view, event, known)) {
            self.ranks[i].store(event.rank, Ordering::Relaxed);
            self.sites[i].store(event.site, Ordering::Relaxed);
            place.store(earliness, Ordering::Relaxed);
        }
    }

    fn event(&self, i: usize) -> Option<Event> {
        let earliness = self.earliness[i].load(Ordering::Relaxed);
        (earliness != 0).then(|| Event {
            at_ms: i64::MAX.wrapping_sub(earliness as i64),
            rank: self.ranks[i].load(Ordering::Relaxed),
            site: self.sites[i].load(Ordering::Relaxed),
        })
    }

    /// The subjects that have an event, by id.
    pub(super) fn into_events(self) -> Vec<(u32, Event)> {
        (0..self.earliness.len()).filter_map(|i| Some((i as u32, self.event(i)?))).collect()
    }
}

/// Neighbours share a lock; threads work at different sites, so mostly at different neighbours.
const LOCKS: usize = 1_024;
const SUBJECTS_PER_LOCK: usize = 256;
