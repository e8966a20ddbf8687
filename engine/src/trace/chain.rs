//! Who was exposed in which generation.
//!
//! One pass a generation over the sites and times that its members touched. At each, a scan of somebody
//! new is met by the members' scans within the window: of those at or before it, the one with the
//! smallest code counts, at the newcomer's own time; if there is none, the earliest after it. Both come
//! from pointers that only move forward, so a crowded site costs its scans once, not once a member.

use std::collections::VecDeque;

use hashbrown::HashMap;
use truyvet_schemas::TimeMs;

use super::answer::{ChainAnswer, Exposure, Generation};
use super::question::Chain;
use super::sweep::{Own, Stretch, own_scans, sweep};
use super::view::View;
use crate::engine::Engine;
use crate::error::{EngineError, TraceError};

impl Engine {
    /// The subjects that each generation exposed.
    ///
    /// # Errors
    /// The store fails.
    pub fn chain(&self, question: &Chain) -> Result<ChainAnswer, TraceError> {
        let view = View::new(self.shared());
        let seeds = Seeds::new(&view, question);
        let mut generations = vec![seeds.told];
        let mut members = seeds.members;
        let mut exposed: HashMap<u32, ()> = members.iter().map(|member| (member.id, ())).collect();
        for number in 1..=question.generations {
            let newcomers = expose(&view, question, &members, &exposed)?;
            exposed.extend(newcomers.keys().map(|id| (*id, ())));
            let (told, next) = tell(&view, number, &members, newcomers);
            generations.push(told);
            members = next;
        }
        Ok(ChainAnswer { generations, unknown: seeds.unknown })
    }
}

/// A member of the generation at hand; in order of codes.
struct Member {
    code: String,
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
        let mut starts: std::collections::BTreeMap<&str, TimeMs> = std::collections::BTreeMap::new();
        for (code, at) in &question.seeds {
            let at = at.unwrap_or(question.interval.from());
            starts.entry(code).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        let (mut members, mut unknown, mut list) = (Vec::new(), Vec::new(), Vec::new());
        for (code, exposed_at) in starts {
            let code = code.to_owned();
            list.push(Exposure {
                subject: code.clone(),
                exposed_at: exposed_at.get(),
                from: None,
                site: None,
            });
            match view.subject(&code) {
                Some(id) => members.push(Member { code, id, exposed_at }),
                None => unknown.push(code),
            }
        }
        Self { told: generation(0, list), members, unknown }
    }
}

/// How somebody was exposed: when, by which member (its place), where.
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
    exposed: &HashMap<u32, ()>,
) -> Result<HashMap<u32, Event>, EngineError> {
    let ids: Vec<u32> = members.iter().map(|member| member.id).collect();
    let own = own_scans(view, &ids, question.interval, |rank| members[rank].exposed_at)?;
    let window_ms = question.window.as_millis() as i64;
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
    Ok(earliest)
}

/// The earlier event; of several at a time the member with the smallest code, then the smallest site.
fn is_before(view: &View<'_>, a: Event, b: Event) -> bool {
    let by_member = (a.at_ms, a.rank).cmp(&(b.at_ms, b.rank));
    by_member.is_lt()
        || (by_member.is_eq() && a.site != b.site && view.site_code(a.site) < view.site_code(b.site))
}

/// For each scan of somebody new, the event that counts.
fn events_of(
    stretch: &Stretch<'_>,
    window_ms: i64,
    exposed: &HashMap<u32, ()>,
    mut event: impl FnMut(u32, Event),
) {
    let mut before = SmallestRank::default();
    let mut next = 0;
    for other in stretch.postings {
        let at_ms = other.at_ms;
        while let Some(own) = stretch.own.get(next).filter(|own| own.at_ms <= at_ms) {
            before.push(*own);
            next += 1;
        }
        before.forget_before(at_ms - window_ms);
        if exposed.contains_key(&other.subject) {
            continue;
        }
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

fn tell(
    view: &View<'_>,
    number: u32,
    members: &[Member],
    newcomers: HashMap<u32, Event>,
) -> (Generation, Vec<Member>) {
    let (ids, events): (Vec<u32>, Vec<Event>) = newcomers.into_iter().unzip();
    let codes = view.subject_codes(&ids);
    let list = codes.iter().zip(&events).map(|(subject, event)| Exposure {
        subject: subject.clone(),
        exposed_at: event.at_ms,
        from: Some(members[event.rank as usize].code.clone()),
        site: Some(view.site_code(event.site)),
    });
    let told = generation(number, list.collect());
    let mut next: Vec<Member> = codes
        .into_iter()
        .zip(ids.iter().zip(&events))
        .map(|(code, (id, event))| Member { code, id: *id, exposed_at: TimeMs::new(event.at_ms) })
        .collect();
    next.sort_unstable_by(|a, b| a.code.cmp(&b.code));
    (told, next)
}

fn generation(number: u32, mut list: Vec<Exposure>) -> Generation {
    list.sort_unstable_by(|a, b| (a.exposed_at, &a.subject).cmp(&(b.exposed_at, &b.subject)));
    Generation { generation: number, subjects: list.len() as u64, list }
}
