//! Whom somebody met.

use std::cmp::Reverse;

use hashbrown::{HashMap, HashSet};

use super::answer::{Code, Contact, ContactPair, ContactsAnswer, Cut};
use super::question::Contacts;
use super::stays::inside_with;
use super::sweep::{Stretch, own_scans, sweep};
use super::view::{Asked, View};
use crate::engine::Engine;
use crate::error::TraceError;

impl Engine {
    /// Everybody else with a contact event with one of the subjects, and who was inside with one of them.
    ///
    /// # Errors
    /// The store fails.
    pub fn contacts(&self, question: &Contacts) -> Result<ContactsAnswer, TraceError> {
        let view = View::new(self);
        let asked = Asked::new(question.subjects.iter(), |code| view.subject(code));
        let own = own_scans(&view, &asked.ids, question.interval, |_| question.interval.from())?;
        let window_ms = question.window.as_millis() as i64;
        let given: HashSet<u32> = asked.ids.iter().copied().collect();
        let mut met: HashMap<u32, Met> = HashMap::new();
        let mut pairs = question.pairs.then(Pairs::default);
        sweep(&view, &own.scans, question.interval, window_ms, |stretch| {
            add_events(stretch, window_ms, &given, &mut met);
            if let Some(pairs) = &mut pairs {
                pairs.add(stretch, window_ms, &given);
            }
        })?;
        let contacts = ordered(&view, &met);
        let cut = pairs.as_ref().and_then(Pairs::cut);
        let pairs = pairs.map(|pairs| pairs.told(&view, &asked.ids));
        let inside = inside_with(&view, &asked.ids, question.interval, own.goes_inside)?;
        let incomplete = view.incomplete(question.interval);
        Ok(ContactsAnswer { contacts, inside, pairs, cut, unknown: asked.unknown, incomplete })
    }
}

/// All events with one subject.
struct Met {
    events: u64,
    min_gap_ms: i64,
    first: i64,
    last: i64,
}

/// Adds up the events of a stretch. For each other scan the given scans within its window are one run
/// of `own`, whose two ends only move forward.
fn add_events(stretch: &Stretch<'_>, window_ms: i64, given: &HashSet<u32>, met: &mut HashMap<u32, Met>) {
    let own = stretch.own;
    let (mut start, mut end, mut next) = (0, 0, 0);
    for other in stretch.postings {
        let at = other.at_ms;
        while start < own.len() && at - own[start].at_ms > window_ms {
            start += 1;
        }
        while end < own.len() && own[end].at_ms - at <= window_ms {
            end += 1;
        }
        while next < own.len() && own[next].at_ms < at {
            next += 1;
        }
        if start >= end || given.contains(&other.subject) {
            continue;
        }
        let after = own[next.min(end - 1)].at_ms;
        let before = own[next.max(start + 1) - 1].at_ms;
        let gap = (after - at).abs().min((at - before).abs());
        let first = at.max(own[start].at_ms);
        let last = at.max(own[end - 1].at_ms);
        let events = (end - start) as u64;
        met.entry(other.subject)
            .and_modify(|met| {
                met.events += events;
                met.min_gap_ms = met.min_gap_ms.min(gap);
                met.first = met.first.min(first);
                met.last = met.last.max(last);
            })
            .or_insert(Met { events, min_gap_ms: gap, first, last });
    }
}

fn ordered(view: &View<'_>, met: &HashMap<u32, Met>) -> Vec<Contact> {
    let mut order: Vec<(Reverse<u64>, i64, u32)> =
        met.iter().map(|(id, met)| (Reverse(met.events), met.min_gap_ms, *id)).collect();
    order.sort_unstable();
    let ids: Vec<u32> = order.iter().map(|(_, _, id)| *id).collect();
    let mut contacts: Vec<Contact> = ids
        .iter()
        .zip(view.subject_codes(&ids))
        .map(|(id, subject)| {
            let Met { events, min_gap_ms, first, last } = met[id];
            Contact { subject, events, min_gap_ms, first, last }
        })
        .collect();
    // Those alike in both stand by their ids so far.
    for alike in contacts.chunk_by_mut(|a, b| (a.events, a.min_gap_ms) == (b.events, b.min_gap_ms)) {
        alike.sort_unstable_by(|a, b| a.subject.cmp(&b.subject));
    }
    contacts
}

/// Every pair of scans, up to a limit.
#[derive(Default)]
struct Pairs {
    pairs: Vec<Pair>,
    left_out: u64,
}

#[derive(Clone, Copy)]
struct Pair {
    rank: u32,
    other: u32,
    site: u32,
    given_at: i64,
    at: i64,
}

impl Pairs {
    fn add(&mut self, stretch: &Stretch<'_>, window_ms: i64, given: &HashSet<u32>) {
        for other in stretch.postings.iter().filter(|other| !given.contains(&other.subject)) {
            let start = stretch.own.partition_point(|own| other.at_ms - own.at_ms > window_ms);
            for own in stretch.own[start..].iter().take_while(|own| own.at_ms - other.at_ms <= window_ms) {
                if self.pairs.len() >= PAIRS_MAX {
                    self.left_out += 1;
                    continue;
                }
                self.pairs.push(Pair {
                    rank: own.rank,
                    other: other.subject,
                    site: stretch.site,
                    given_at: own.at_ms,
                    at: other.at_ms,
                });
            }
        }
    }

    fn cut(&self) -> Option<Cut> {
        (self.left_out > 0).then(|| Cut {
            reason: format!("at most {PAIRS_MAX} pairs are told; ask for a shorter time or a smaller window"),
            left_out: self.left_out,
        })
    }

    fn told(self, view: &View<'_>, given: &[u32]) -> Vec<ContactPair> {
        let given = view.subject_codes(given);
        let others = view.subject_codes(&self.pairs.iter().map(|pair| pair.other).collect::<Vec<_>>());
        let tell = |(pair, subject): (Pair, Code)| ContactPair {
            given: given[pair.rank as usize].clone(),
            subject,
            site: view.site_code(pair.site),
            given_at: pair.given_at,
            at: pair.at,
        };
        let mut told: Vec<ContactPair> = self.pairs.into_iter().zip(others).map(tell).collect();
        told.sort_by(|a, b| {
            let order = |p: &ContactPair| (p.at.max(p.given_at), p.given_at, p.at);
            order(a)
                .cmp(&order(b))
                .then_with(|| (&a.site, &a.given, &a.subject).cmp(&(&b.site, &b.given, &b.subject)))
        });
        told
    }
}

/// Most pairs told: about 90 MB, and more where codes have over 23 bytes.
const PAIRS_MAX: usize = 1_000_000;
