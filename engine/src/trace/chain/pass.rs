//! One generation by a linear pass: every site's scans once, in order of time, on all processors.
//!
//! Who is a member, and how early anybody was exposed, are arrays by subject. A site is passed over a
//! span of days at a time, with the window on either side, so that memory does not grow with the time
//! asked for; a span with very many scans is cut.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::{Bits, Event, Member, events_of, is_before};
use crate::error::TraceError;
use crate::index::rows::Posting;
use crate::trace::explained::Way;
use crate::trace::question::Chain;
use crate::trace::sweep::{Own, Stretch};
use crate::trace::view::View;

/// Steps of progress that a generation is made of.
pub(super) const STEPS: u64 = 1_000;

/// The earliest event of everybody who is not exposed yet.
pub(super) fn expose(
    view: &View<'_>,
    question: &Chain,
    members: &[Member],
    exposed: &Bits,
) -> Result<Vec<(u32, Event)>, TraceError> {
    let pass = Pass {
        view,
        window_ms: question.window.as_millis() as i64,
        from_ms: question.interval.from().get(),
        to_ms: question.interval.to().get(),
        members,
        ranks: ranks(members, view.ids_end()),
        exposed,
        earliest: Earliest::new(view.ids_end()),
    };
    let sites = view.shared.catalog.sites.read().len();
    let next_site = AtomicUsize::new(0);
    let before = view.asking.steps();
    view.asking.enter(Way::Pass);
    let work = || -> Result<(), TraceError> {
        let mut scratch = Scratch::default();
        loop {
            let site = next_site.fetch_add(1, Ordering::Relaxed);
            if site >= sites {
                return Ok(());
            }
            pass.site(site as u32, &mut scratch)?;
            view.asking.reach_step(before + site as u64 * STEPS / sites as u64);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().map(|other| other.join().expect("a pass does not panic"));
        joined.fold(own, Result::and)
    })?;
    Ok(pass.earliest.into_events())
}

struct Pass<'p> {
    view: &'p View<'p>,
    window_ms: i64,
    from_ms: i64,
    to_ms: i64,
    members: &'p [Member],
    /// By subject.
    ranks: Vec<u32>,
    exposed: &'p Bits,
    earliest: Earliest,
}

#[derive(Default)]
struct Scratch {
    postings: Vec<Posting>,
    own: Vec<Own>,
}

impl Pass<'_> {
    fn site(&self, site: u32, scratch: &mut Scratch) -> Result<(), TraceError> {
        for (from_ms, to_ms) in self.view.slabs(site, self.from_ms, self.to_ms, SLAB_SCANS_MAX)? {
            self.slab(site, from_ms, to_ms, scratch)?;
        }
        Ok(())
    }

    /// Finds the events of those scanned with `from_ms <= at < to_ms`.
    fn slab(&self, site: u32, from_ms: i64, to_ms: i64, scratch: &mut Scratch) -> Result<(), TraceError> {
        let Scratch { postings, own } = scratch;
        let first_ms = from_ms.saturating_sub(self.window_ms).max(self.from_ms);
        let end_ms = to_ms.saturating_add(self.window_ms).min(self.to_ms);
        self.view.postings_once(site, first_ms, end_ms, postings)?;
        own.clear();
        own.extend(postings.iter().filter_map(|posting| {
            let rank = *self.ranks.get(posting.subject as usize)?;
            let member = self.members.get(rank as usize)?;
            let counts = posting.at_ms >= member.exposed_at.get();
            counts.then_some(Own { site, at_ms: posting.at_ms, rank })
        }));
        if own.is_empty() {
            return Ok(());
        }
        if !own.is_sorted() {
            own.sort_unstable();
        }
        let start = postings.partition_point(|posting| posting.at_ms < from_ms);
        let end = postings.partition_point(|posting| posting.at_ms < to_ms);
        let stretch = Stretch { site, own, postings: &postings[start..end] };
        events_of(&stretch, self.window_ms, self.exposed, |subject, event| {
            self.earliest.tell(subject, event, |a, b| is_before(self.view, a, b));
        });
        Ok(())
    }
}

fn ranks(members: &[Member], ids_end: u32) -> Vec<u32> {
    let end = members.iter().map(|member| member.id + 1).max().unwrap_or(0).max(ids_end);
    let mut ranks = vec![u32::MAX; end as usize];
    (0u32..).zip(members).for_each(|(rank, member)| ranks[member.id as usize] = rank);
    ranks
}

/// Of each subject the earliest event so far. Its time is read without a lock, which in most cases is
/// all: of a subject's events few are earlier than those before.
struct Earliest {
    at_ms: Vec<AtomicI64>,
    ranks: Vec<AtomicU32>,
    sites: Vec<AtomicU32>,
    locks: Vec<Mutex<()>>,
}

impl Earliest {
    fn new(ids_end: u32) -> Self {
        // Ids given out since belong to scans that came after the question.
        let len = ids_end as usize;
        Self {
            at_ms: (0..len).map(|_| AtomicI64::new(i64::MAX)).collect(),
            ranks: (0..len).map(|_| AtomicU32::new(0)).collect(),
            sites: (0..len).map(|_| AtomicU32::new(0)).collect(),
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
        }
    }

    #[inline]
    fn tell(&self, subject: u32, event: Event, is_before: impl Fn(Event, Event) -> bool) {
        let i = subject as usize;
        let Some(at_ms) = self.at_ms.get(i) else { return };
        if event.at_ms > at_ms.load(Ordering::Relaxed) {
            return;
        }
        let _lock = self.locks[i / SUBJECTS_PER_LOCK % LOCKS].lock();
        let known = self.event(i);
        if known.at_ms == i64::MAX || is_before(event, known) {
            self.ranks[i].store(event.rank, Ordering::Relaxed);
            self.sites[i].store(event.site, Ordering::Relaxed);
            at_ms.store(event.at_ms, Ordering::Relaxed);
        }
    }

    fn event(&self, i: usize) -> Event {
        Event {
            at_ms: self.at_ms[i].load(Ordering::Relaxed),
            rank: self.ranks[i].load(Ordering::Relaxed),
            site: self.sites[i].load(Ordering::Relaxed),
        }
    }

    fn into_events(self) -> Vec<(u32, Event)> {
        let events = (0..self.at_ms.len()).map(|i| (i as u32, self.event(i)));
        events.filter(|(_, event)| event.at_ms != i64::MAX).collect()
    }
}

/// Scans of a site in memory at once: 16 MB a thread, and the window on either side.
const SLAB_SCANS_MAX: u64 = 1_000_000;

/// Neighbours share a lock; threads work at different sites, so at different neighbours.
const LOCKS: usize = 1_024;
const SUBJECTS_PER_LOCK: usize = 256;
