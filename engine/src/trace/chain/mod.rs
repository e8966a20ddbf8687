//! Who was exposed in which generation.
//!
//! ```text
//! members -> plan -> sweep: the sites and times that they touched        (few members)
//!                 -> pass:  every site's scans once, in order of time    (many members)
//!         -> the earliest event of everybody new -> the next members
//! ```
//!
//! Either way a scan of somebody new is met by the members' scans within the window: of those at or
//! before it the one with the smallest code counts, at the newcomer's own time; if there is none, the
//! earliest after it. Both come from pointers that only move forward, so a crowded site costs its scans
//! once, not once a member.

mod earliest;
mod pass;

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use truyvet_schemas::TimeMs;

use super::answer::{ChainAnswer, Code, Exposure, Generation};
use super::bits::Bits;
use super::by_code::{CODES_AT_ONCE, sort_by_code};
use super::explained::Way;
use super::parallel::filled;
use super::question::Chain;
use super::sweep::{Own, Stretch, WIDE_SCANS, own_scans, sweep, sweep_wide};
use super::view::View;
use crate::engine::Engine;
use crate::error::TraceError;
use earliest::Earliest;

impl Engine {
    /// The subjects that each generation exposed.
    ///
    /// # Errors
    /// The lists would be too long, a limit of the question is reached, or the store fails.
    pub fn chain(&self, question: &Chain) -> Result<ChainAnswer, TraceError> {
        let view = View::new(self);
        let seeds = Seeds::new(&view, question);
        let mut generations = vec![seeds.told];
        let mut members = seeds.members;
        let mut exposed = Bits::new(view.ids_end());
        members.iter().for_each(|member| exposed.insert(member.id));
        let mut listed = members.len();
        view.asking.expect_steps(u64::from(question.generations) * pass::STEPS);
        for number in 1..=question.generations {
            let newcomers = expose(&view, question, &members, &exposed)?;
            newcomers.iter().for_each(|(id, _)| exposed.insert(*id));
            listed += newcomers.len();
            if question.list && listed > LIST_MAX {
                let (what, limit) = ("exposures in lists", LIST_MAX as u64);
                return Err(TraceError::TooLarge { what, needed: listed as u64, limit });
            }
            let subjects = newcomers.len() as u64;
            let is_last = number == question.generations;
            let next = if is_last { Vec::new() } else { next_members(&view, &newcomers) };
            let list = if question.list { told(&view, &members, newcomers)? } else { Vec::new() };
            generations.push(Generation { generation: number, subjects, list });
            members = next;
            view.asking.reach_step(u64::from(number) * pass::STEPS);
        }
        let incomplete = view.incomplete(question.interval);
        Ok(ChainAnswer { generations, unknown: seeds.unknown, incomplete })
    }
}

/// A member of the generation at hand; its place among all, which are in order of codes, is its rank.
#[derive(Clone, Copy, Debug)]
struct Member {
    id: u32,
    exposed_at: TimeMs,
}

struct Seeds {
    told: Generation,
    members: Vec<Member>,
    unknown: Vec<String>,
}

impl Seeds {
    fn new(view: &View<'_>, question: &Chain) -> Self {
        let mut starts: BTreeMap<&str, TimeMs> = BTreeMap::new();
        for (code, at) in &question.seeds {
            let at = at.unwrap_or(question.interval.from());
            starts.entry(code).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        let subjects = starts.len() as u64;
        let (mut members, mut unknown, mut list) = (Vec::new(), Vec::new(), Vec::new());
        for (code, exposed_at) in starts {
            match view.subject(code) {
                Some(id) => members.push(Member { id, exposed_at }),
                None => unknown.push(code.to_owned()),
            }
            if question.list {
                let exposed_at = exposed_at.get();
                list.push(Exposure { subject: Code::new(code), exposed_at, from: None, site: None });
            }
        }
        list.sort_by_key(|exposure| exposure.exposed_at);
        Self { told: Generation { generation: 0, subjects, list }, members, unknown }
    }
}

/// How somebody was exposed: when, by which member (its rank), where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Event {
    at_ms: i64,
    rank: u32,
    site: u32,
}

/// The earliest event of everybody who is not exposed yet.
fn expose(
    view: &View<'_>,
    question: &Chain,
    members: &[Member],
    exposed: &Bits,
) -> Result<Vec<(u32, Event)>, TraceError> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    if members.len() as u64 * SWEEP_COST > u64::from(view.ids_end()) {
        return pass::expose(view, question, members, exposed);
    }
    let ids: Vec<u32> = members.iter().map(|member| member.id).collect();
    let own = own_scans(view, &ids, question.interval, |rank| members[rank].exposed_at)?.scans;
    let window_ms = question.window.as_millis() as i64;
    if own.len() >= WIDE_SCANS.max(view.ids_end() as usize / SUBJECTS_PER_SCAN) {
        let earliest = Earliest::new(view);
        sweep_wide(view, &own, question.interval, window_ms, |stretch| {
            events_of(stretch, window_ms, exposed, |subject, event| earliest.tell(subject, event));
        })?;
        return Ok(earliest.into_events());
    }
    let mut earliest: HashMap<u32, Event> = HashMap::new();
    sweep(view, &own, question.interval, window_ms, |stretch| {
        events_of(stretch, window_ms, exposed, |subject, event| {
            earliest
                .entry(subject)
                .and_modify(|known| {
                    if is_before(view, event, *known) {
                        *known = event;
                    }
                })
                .or_insert(event);
        });
    })?;
    Ok(earliest.into_iter().collect())
}

/// The earlier event; of several at a time the member with the smallest code, then the smallest site.
fn is_before(view: &View<'_>, a: Event, b: Event) -> bool {
    let by_member = (a.at_ms, a.rank).cmp(&(b.at_ms, b.rank));
    by_member.is_lt()
        || (by_member.is_eq() && a.site != b.site && view.site_code(a.site) < view.site_code(b.site))
}

/// For each scan of somebody new, the event that counts.
fn events_of(stretch: &Stretch<'_>, window_ms: i64, exposed: &Bits, mut event: impl FnMut(u32, Event)) {
    let mut before = SmallestRank::default();
    let mut next = 0;
    for other in stretch.postings {
        let at_ms = other.at_ms;
        while let Some(own) = stretch.own.get(next).filter(|own| own.at_ms <= at_ms) {
            before.push(*own);
            next += 1;
        }
        if exposed.contains(other.subject) {
            continue;
        }
        before.forget_before(at_ms.saturating_sub(window_ms));
        let after = stretch.own.get(next).filter(|own| own.at_ms - at_ms <= window_ms);
        let met = before.smallest().map(|own| (at_ms, own)).or(after.map(|own| (own.at_ms, *own)));
        if let Some((at_ms, own)) = met {
            event(other.subject, Event { at_ms, rank: own.rank, site: stretch.site });
        }
    }
}

/// The scan with the smallest rank among those of the last while: a queue in which ranks ascend.
#[derive(Default)]
struct SmallestRank {
    queue: VecDeque<Own>,
}

impl SmallestRank {
    fn push(&mut self, own: Own) {
        while self.queue.back().is_some_and(|back| back.rank >= own.rank) {
            self.queue.pop_back();
        }
        self.queue.push_back(own);
    }

    fn forget_before(&mut self, at_ms: i64) {
        while self.queue.front().is_some_and(|front| front.at_ms < at_ms) {
            self.queue.pop_front();
        }
    }

    fn smallest(&self) -> Option<Own> {
        self.queue.front().copied()
    }
}

/// The newcomers as the next members, in order of codes, which their ranks follow.
fn next_members(view: &View<'_>, newcomers: &[(u32, Event)]) -> Vec<Member> {
    let member = |(id, event): &(u32, Event)| Member { id: *id, exposed_at: TimeMs::new(event.at_ms) };
    let mut members: Vec<Member> = newcomers.iter().map(member).collect();
    sort_by_code(view, &mut members, |member| member.id);
    members
}

/// The newcomers as they are told: in order of time, and of codes where that is the same.
fn told(
    view: &View<'_>,
    members: &[Member],
    mut newcomers: Vec<(u32, Event)>,
) -> Result<Vec<Exposure>, TraceError> {
    view.asking.enter(Way::Telling);
    newcomers.sort_unstable_by_key(|(id, event)| (event.at_ms, *id));
    let ranked: Vec<u32> = members.iter().map(|member| member.id).collect();
    let from = view.subject_codes(&ranked);
    let sites = view.site_codes();
    let mut list = filled(newcomers.len(), CODES_AT_ONCE, |start, piece: &mut [Exposure]| {
        let newcomers = &newcomers[start..start + piece.len()];
        let mut left = piece.iter_mut().zip(newcomers);
        let ids: Vec<u32> = newcomers.iter().map(|(id, _)| *id).collect();
        view.shared.catalog.subjects.read().read_codes(&ids, |code| {
            let Some((exposure, (_, event))) = left.next() else { return };
            *exposure = Exposure {
                subject: Code::new(code),
                exposed_at: event.at_ms,
                from: Some(from[event.rank as usize].clone()),
                site: Some(sites[event.site as usize].clone()),
            };
        });
    })?;
    for at_once in list.chunk_by_mut(|a, b| a.exposed_at == b.exposed_at) {
        at_once.sort_unstable_by(|a, b| a.subject.cmp(&b.subject));
    }
    Ok(list)
}

/// Reading the columns of this many subjects costs as much as the sweep around one scan.
const SUBJECTS_PER_SCAN: usize = 512;

/// A member's sweep costs as much as passing over the scans of this many subjects.
const SWEEP_COST: u64 = 100;

/// Most exposures told: about 400 MB, and more where codes have over 23 bytes.
const LIST_MAX: usize = 5_000_000;
