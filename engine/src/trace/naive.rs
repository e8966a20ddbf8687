//! The questions answered by their definitions over a plain list of scans. No index and no cleverness:
//! slow, and meant to be believed. Nothing is ever gone here, so no answer is incomplete. Tests hold the engine's answers against these.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use truyvet_schemas::{Direction, TimeMs, Verdict};

use super::answer::{
    Cell, ChainAnswer, Code, CommonAnswer, Contact, ContactPair, ContactsAnswer, Exposure, Generation,
    MetInside, OccupancyAnswer, OccupancyCell, PassedAnswer, PassedSubject, StayTold, StaysAnswer,
    TrailAnswer, TrailScan,
};
use super::question::{
    Chain, Common, Contacts, Interval, LONGEST_DEFAULT, OVERLAP_DEFAULT, Occupancy, Passed, Stays, Trail,
};

/// A scan as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NaiveScan {
    /// The subject's code.
    pub subject: String,
    /// The site's code.
    pub site: String,
    /// When.
    pub at: TimeMs,
    /// Which way.
    pub direction: Direction,
    /// The officer's decision.
    pub verdict: Verdict,
    /// The device's number.
    pub device: u32,
    /// Its number with that device.
    pub seq: u64,
}

/// Every scan there is.
#[derive(Clone, Debug, Default)]
pub struct Naive {
    /// In any order.
    pub scans: Vec<NaiveScan>,
}

impl Naive {
    /// See [`crate::Engine::passed`]. Areas are not known here.
    pub fn passed(&self, question: &Passed) -> PassedAnswer {
        let mut seen: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for scan in self.within(question.interval).filter(|scan| question.sites.contains(&scan.site)) {
            seen.entry(&scan.subject).or_default().push(scan.at.get());
        }
        let list: Vec<PassedSubject> = seen
            .into_iter()
            .map(|(subject, times)| PassedSubject {
                subject: subject.into(),
                first: times.iter().copied().min().unwrap_or_default(),
                last: times.iter().copied().max().unwrap_or_default(),
                scans: times.len() as u64,
            })
            .collect();
        PassedAnswer {
            subjects: list.len() as u64,
            scans: list.iter().map(|subject| subject.scans).sum(),
            list: if question.list { list } else { Vec::new() },
            unknown: unknown(question.sites.iter(), |code| self.scans.iter().any(|scan| scan.site == *code)),
            incomplete: Vec::new(),
        }
    }

    /// See [`crate::Engine::trail`].
    pub fn trail(&self, question: &Trail) -> TrailAnswer {
        let mut own: Vec<&NaiveScan> =
            self.within(question.interval).filter(|scan| scan.subject == question.subject).collect();
        own.sort_by_key(|scan| (scan.at, &scan.site, scan.device, scan.seq));
        let told = |scan: &NaiveScan| TrailScan {
            at: scan.at.get(),
            site: Code::new(&scan.site),
            direction: scan.direction.as_str().into(),
            verdict: scan.verdict.as_str().into(),
        };
        TrailAnswer {
            scans: own.into_iter().map(told).collect(),
            unknown: self.unknown_subjects(std::iter::once(&question.subject)),
            incomplete: Vec::new(),
        }
    }

    /// See [`crate::Engine::contacts`].
    pub fn contacts(&self, question: &Contacts) -> ContactsAnswer {
        let is_given = |scan: &NaiveScan| question.subjects.contains(&scan.subject);
        let mut met: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
        let mut pairs = Vec::new();
        for (own, other) in self.events(question.interval, question.window.as_millis() as i64, is_given) {
            if is_given(other) {
                continue;
            }
            let (a, b) = (own.at.get(), other.at.get());
            met.entry(&other.subject).or_default().push(((a - b).abs(), a.max(b)));
            pairs.push(ContactPair {
                given: Code::new(&own.subject),
                subject: Code::new(&other.subject),
                site: Code::new(&own.site),
                given_at: a,
                at: b,
            });
        }
        let mut contacts: Vec<Contact> = met
            .into_iter()
            .map(|(subject, events)| Contact {
                subject: subject.into(),
                events: events.len() as u64,
                min_gap_ms: events.iter().map(|(gap, _)| *gap).min().unwrap_or_default(),
                first: events.iter().map(|(_, at)| *at).min().unwrap_or_default(),
                last: events.iter().map(|(_, at)| *at).max().unwrap_or_default(),
            })
            .collect();
        contacts.sort_by_key(|c| (Reverse(c.events), c.min_gap_ms, c.subject.clone()));
        pairs.sort_by_key(|p| {
            (p.at.max(p.given_at), p.given_at, p.at, p.site.clone(), p.given.clone(), p.subject.clone())
        });
        let (subjects, interval) = (question.subjects.clone(), question.interval);
        let inside = self.stays(&Stays { subjects, interval, overlap: OVERLAP_DEFAULT, longest: None }).met;
        ContactsAnswer {
            contacts,
            inside,
            pairs: question.pairs.then_some(pairs),
            cut: None,
            unknown: self.unknown_subjects(question.subjects.iter()),
            incomplete: Vec::new(),
        }
    }

    /// See [`crate::Engine::chain`].
    pub fn chain(&self, question: &Chain) -> ChainAnswer {
        let mut exposed_at: BTreeMap<String, i64> = BTreeMap::new();
        for (seed, at) in &question.seeds {
            let at = at.unwrap_or(question.interval.from()).get();
            exposed_at.entry(seed.clone()).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        let mut members: BTreeSet<String> = exposed_at.keys().cloned().collect();
        let seeds = exposed_at.iter().map(|(subject, at)| exposure(subject, *at, None)).collect();
        let mut generations = vec![generation(0, seeds)];
        for number in 1..=question.generations {
            let window_ms = question.window.as_millis() as i64;
            let mut earliest: BTreeMap<String, (i64, String, String)> = BTreeMap::new();
            for (own, other) in
                self.events(question.interval, window_ms, |scan| members.contains(&scan.subject))
            {
                if exposed_at.contains_key(&other.subject) || own.at.get() < exposed_at[&own.subject] {
                    continue;
                }
                let event = (own.at.max(other.at).get(), own.subject.clone(), own.site.clone());
                let known = earliest.entry(other.subject.clone()).or_insert_with(|| event.clone());
                *known = event.min(known.clone());
            }
            let list = earliest
                .iter()
                .map(|(subject, (at, from, site))| exposure(subject, *at, Some((from, site))))
                .collect();
            generations.push(generation(number, list));
            members = earliest.keys().cloned().collect();
            exposed_at.extend(earliest.into_iter().map(|(subject, (at, ..))| (subject, at)));
        }
        if !question.list {
            generations.iter_mut().for_each(|generation| generation.list.clear());
        }
        let unknown = self.unknown_subjects(question.seeds.iter().map(|(seed, _)| seed));
        ChainAnswer { generations, unknown, incomplete: Vec::new() }
    }

    /// See [`crate::Engine::common`].
    pub fn common(&self, question: &Common) -> CommonAnswer {
        let cell_ms = question.cell.as_millis() as i64;
        let mut there: BTreeMap<(&str, i64), BTreeSet<&str>> = BTreeMap::new();
        for scan in self.within(question.interval) {
            let start = scan.at.get().div_euclid(cell_ms) * cell_ms;
            there.entry((&scan.site, start)).or_default().insert(&scan.subject);
        }
        let given = |who: &BTreeSet<&str>| {
            question.subjects.iter().filter(|s| who.contains(s.as_str())).collect::<BTreeSet<_>>().len()
        };
        let mut cells: Vec<Cell> = there
            .iter()
            .map(|((site, start), who)| Cell {
                site: (*site).into(),
                from: *start,
                to: start + cell_ms,
                given: given(who) as u64,
                all: who.len() as u64,
            })
            .filter(|cell| cell.given > 0)
            .collect();
        cells.sort_by_key(|c| (Reverse(c.given), c.all, c.from, c.site.clone()));
        cells.truncate(question.top);
        let unknown = self.unknown_subjects(question.subjects.iter());
        CommonAnswer { cells, unknown, incomplete: Vec::new() }
    }

    /// See [`crate::Engine::stays`].
    pub fn stays(&self, question: &Stays) -> StaysAnswer {
        let (from, to) = (question.interval.from().get(), question.interval.to().get());
        let cut: Vec<StayTold> = self
            .all_stays(question.longest)
            .into_iter()
            .map(|stay| StayTold { from: stay.from.max(from), to: stay.to.min(to), ..stay })
            .filter(|stay| stay.from < stay.to)
            .collect();
        let (own, others): (Vec<StayTold>, Vec<StayTold>) =
            cut.into_iter().partition(|stay| question.subjects.iter().any(|given| *given == stay.subject));
        let mut met: BTreeMap<Code, Vec<(i64, i64)>> = BTreeMap::new();
        for (own, other) in own.iter().flat_map(|own| others.iter().map(move |other| (own, other))) {
            let (from, to) = (own.from.max(other.from), own.to.min(other.to));
            if own.site == other.site && to - from >= question.overlap.as_millis().max(1) as i64 {
                met.entry(other.subject.clone()).or_default().push((from, to));
            }
        }
        let tell = |(subject, overlaps): (Code, Vec<(i64, i64)>)| MetInside {
            subject,
            overlaps: overlaps.len() as u64,
            overlap_ms: overlaps.iter().map(|(from, to)| to - from).sum(),
            longest_ms: overlaps.iter().map(|(from, to)| to - from).max().unwrap_or_default(),
            first: overlaps.iter().map(|(from, _)| *from).min().unwrap_or_default(),
            last: overlaps.iter().map(|(_, to)| *to).max().unwrap_or_default(),
        };
        let mut met: Vec<MetInside> = met.into_iter().map(tell).collect();
        met.sort_by_key(|met| (Reverse(met.overlap_ms), met.subject.clone()));
        let mut stays = own;
        stays.sort_by_key(|stay| (stay.from, stay.site.clone(), stay.subject.clone()));
        let unknown = self.unknown_subjects(question.subjects.iter());
        StaysAnswer { stays, met, unknown, incomplete: Vec::new() }
    }

    /// See [`crate::Engine::occupancy`]. Capacities are not known here.
    pub fn occupancy(&self, question: &Occupancy) -> OccupancyAnswer {
        let unknown =
            unknown(std::iter::once(&question.site), |code| self.scans.iter().any(|s| s.site == *code));
        if !unknown.is_empty() {
            return OccupancyAnswer { unknown, ..OccupancyAnswer::default() };
        }
        let mut stays = self.all_stays(question.longest);
        stays.retain(|stay| stay.site == question.site);
        let inside = |at: i64| stays.iter().filter(|stay| stay.from <= at && at < stay.to).count() as u64;
        let (mut cells, mut from) = (Vec::new(), question.interval.from().get());
        let (to, cell_ms) = (question.interval.to().get(), question.cell.as_millis() as i64);
        while from < to {
            let end = ((from.div_euclid(cell_ms) + 1) * cell_ms).min(to);
            let within = |at: &i64| from <= *at && *at < end;
            let begins = stays.iter().map(|stay| stay.from).filter(within);
            cells.push(OccupancyCell {
                from,
                to: end,
                entered: begins.clone().count() as u64,
                left: stays.iter().map(|stay| stay.to).filter(within).count() as u64,
                most: begins.chain([from]).map(inside).max().unwrap_or_default(),
                inside: inside(end - 1),
            });
            from = end;
        }
        OccupancyAnswer { cells, ..OccupancyAnswer::default() }
    }

    /// Each `in` begins a time inside: to the next `out`, `longest` at most. Those of a subject at a site
    /// that overlap are one stay.
    fn all_stays(&self, longest: Option<Duration>) -> Vec<StayTold> {
        let longest_ms = longest.unwrap_or(LONGEST_DEFAULT).as_millis() as i64;
        let counts = |scan: &&NaiveScan| scan.verdict != Verdict::Refused;
        let mut of: BTreeMap<(&str, &str), Vec<&NaiveScan>> = BTreeMap::new();
        for scan in self.scans.iter().filter(counts) {
            of.entry((&scan.subject, &scan.site)).or_default().push(scan);
        }
        let mut stays: Vec<StayTold> = Vec::new();
        for ((subject, site), scans) in of {
            let times = |direction| {
                let of_direction = scans.iter().filter(move |scan| scan.direction == direction);
                of_direction.map(|scan| scan.at.get()).collect::<BTreeSet<i64>>()
            };
            let outs = times(Direction::Out);
            for from in times(Direction::In) {
                let out = outs.iter().copied().find(|at| *at > from).unwrap_or(i64::MAX);
                let to = out.min(from + longest_ms);
                match stays.last_mut() {
                    Some(last) if last.subject == subject && last.site == site && from < last.to => {
                        last.to = to;
                    }
                    _ => stays.push(StayTold { subject: subject.into(), site: site.into(), from, to }),
                }
            }
        }
        stays
    }

    fn within(&self, interval: Interval) -> impl Iterator<Item = &NaiveScan> {
        self.scans.iter().filter(move |scan| interval.contains(scan.at))
    }

    /// Every pair (scan of a member, scan of somebody else) at one site within the window.
    fn events(
        &self,
        interval: Interval,
        window_ms: i64,
        is_member: impl Fn(&NaiveScan) -> bool + Copy,
    ) -> impl Iterator<Item = (&NaiveScan, &NaiveScan)> {
        let own: Vec<&NaiveScan> = self.within(interval).filter(|scan| is_member(scan)).collect();
        own.into_iter().flat_map(move |own| {
            let near = move |other: &&NaiveScan| {
                other.site == own.site
                    && other.subject != own.subject
                    && (other.at.get() - own.at.get()).abs() <= window_ms
            };
            self.within(interval).filter(near).map(move |other| (own, other))
        })
    }

    fn unknown_subjects<'c>(&self, codes: impl Iterator<Item = &'c String>) -> Vec<String> {
        unknown(codes, |code| self.scans.iter().any(|scan| scan.subject == *code))
    }
}

fn unknown<'c>(codes: impl Iterator<Item = &'c String>, is_known: impl Fn(&String) -> bool) -> Vec<String> {
    let unknown: BTreeSet<&String> = codes.filter(|code| !is_known(code)).collect();
    unknown.into_iter().cloned().collect()
}

fn exposure(subject: &str, at: i64, by: Option<(&String, &String)>) -> Exposure {
    Exposure {
        subject: subject.into(),
        exposed_at: at,
        from: by.map(|(from, _)| from.as_str().into()),
        site: by.map(|(_, site)| site.as_str().into()),
    }
}

fn generation(number: u32, mut list: Vec<Exposure>) -> Generation {
    list.sort_by_key(|exposure| (exposure.exposed_at, exposure.subject.clone()));
    Generation { generation: number, subjects: list.len() as u64, list }
}
