//! One generation by a linear pass: every site's scans once, in order of time, on all processors.
//!
//! Who is a member, and how early anybody was exposed, are arrays by subject. A site is passed over a
//! span of days at a time, with the window on either side, so that memory does not grow with the time
//! asked for; a span with very many scans is cut.

use super::earliest::Earliest;
use super::{Bits, Event, Member, events_of};
use crate::error::TraceError;
use crate::index::rows::Posting;
use crate::trace::explained::Way;
use crate::trace::parallel::on_all_processors;
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
        earliest: Earliest::new(view),
    };
    let sites = view.shared.catalog.sites.read().len();
    let before = view.asking.steps();
    view.asking.enter(Way::Pass);
    on_all_processors(sites, 1, Scratch::default, |site, scratch| {
        pass.site(site as u32, scratch)?;
        view.asking.reach_step(before + site as u64 * STEPS / sites as u64);
        Ok(())
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
    earliest: Earliest<'p>,
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
            self.earliest.tell(subject, event);
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

/// Scans of a site in memory at once: 16 MB a thread, and the window on either side.
const SLAB_SCANS_MAX: u64 = 1_000_000;
