//! All scans of some days: an exact number, spread over the days by how busy they are.
//!
//! A day is made of slots. Slot 0, 1, 2, ... of each day belong to the same people (those who go out
//! regularly, from all wards alike), except that one in four is taken by somebody who seldom goes
//! out. Slots are played until the day has its number of scans.

use truyvet_schemas::time::MS_PER_DAY;

use super::dice::{Dice, Purpose};
use super::person::{Errand, Person, is_weekend};
use super::{CLOCK_AHEAD_MS, ModelScan, Nation};

/// The scans of `days` days of a nation, `scans` in all.
#[derive(Clone, Debug)]
pub struct History<'a> {
    nation: &'a Nation,
    first_day: i64,
    days: u32,
    scans: u64,
}

impl<'a> History<'a> {
    /// Days are counted from 1970-01-01 by the nation's clocks.
    pub fn new(nation: &'a Nation, first_day: i64, days: u32, scans: u64) -> Self {
        Self { nation, first_day, days: days.max(1), scans }
    }

    /// The days.
    pub fn days(&self) -> std::ops::Range<i64> {
        self.first_day..self.first_day + i64::from(self.days)
    }

    /// From the first day's midnight to the last day's, unix milliseconds.
    pub fn span_ms(&self) -> std::ops::Range<i64> {
        let days = self.days();
        days.start * MS_PER_DAY - CLOCK_AHEAD_MS..days.end * MS_PER_DAY - CLOCK_AHEAD_MS
    }

    /// Number of scans of one of the days. The days' numbers add up to all scans.
    pub fn scans_on(&self, day: i64) -> u64 {
        let until = |day: i64| {
            let weight: u64 = (self.first_day..day).map(weight).sum();
            let all: u64 = self.days().map(self::weight).sum();
            (u128::from(self.scans) * u128::from(weight) / u128::from(all)) as u64
        };
        until(day + 1) - until(day)
    }

    /// The scans of one of the days, in order of people, not of time.
    pub fn scans_of_day(&self, day: i64) -> DayScans<'a> {
        DayScans {
            nation: self.nation,
            day,
            stride: stride(self.nation.land.people()),
            slot: 0,
            left: self.scans_on(day),
            routine: [None; ROUTINE],
            next: 0,
        }
    }
}

/// The scans of a day; an iterator.
#[derive(Clone, Debug)]
pub struct DayScans<'a> {
    nation: &'a Nation,
    day: i64,
    stride: u32,
    slot: u64,
    left: u64,
    routine: [Option<ModelScan>; ROUTINE],
    next: usize,
}

impl DayScans<'_> {
    fn play_slot(&mut self) {
        let land = &self.nation.land;
        let people = u64::from(land.people());
        let mut dice = Dice::new(land.seed(), Purpose::Slot, self.slot, self.day as u64);
        let (number, errand) = if dice.chance(25) {
            (dice.below(land.people()), Errand::Shopping)
        } else {
            let regular = (self.slot % people) * u64::from(self.stride) % people;
            (regular as u32, if self.slot < people { Errand::Usual } else { Errand::Shopping })
        };
        // A second round of the same people on the same day is another day's shopping, by chance.
        let rounds = (self.slot / people) as i64;
        let person = Person::new(land, number);
        let routine = person.day(land, self.day, errand);
        self.routine = [None; ROUTINE];
        for (place, scan) in self.routine.iter_mut().zip(routine.scans()) {
            let at_ms = scan.at_ms + rounds * 97_000;
            *place = Some(ModelScan { at_ms, ..*scan });
        }
        self.slot += 1;
        self.next = 0;
    }
}

impl Iterator for DayScans<'_> {
    type Item = ModelScan;

    fn next(&mut self) -> Option<ModelScan> {
        if self.left == 0 {
            return None;
        }
        let scan = loop {
            if let Some(scan) = self.routine.get(self.next).copied().flatten() {
                break scan;
            }
            self.play_slot();
        };
        self.next += 1;
        self.left -= 1;
        Some(scan)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

/// How busy a day is.
fn weight(day: i64) -> u64 {
    if is_weekend(day) { 7 } else { 10 }
}

/// A step that visits every person once before anyone twice, far from the one before.
fn stride(people: u32) -> u32 {
    let mut step = (f64::from(people) * 0.618_034) as u32 | 1;
    while gcd(step, people) != 1 {
        step += 2;
    }
    step
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

const ROUTINE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn the_days_have_exactly_the_scans_asked_for() {
        let nation = Nation::new(9, 20_000, 60);
        for (days, scans) in [(14, 100_000), (1, 1), (3, 0), (30, 999_983)] {
            let history = History::new(&nation, 18_842, days, scans);
            let made: usize = history.days().map(|day| history.scans_of_day(day).count()).sum();
            assert_eq!(made as u64, scans);
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_scans_and_another_one_others() {
        let make = |seed| {
            let nation = Nation::new(seed, 10_000, 50);
            History::new(&nation, 18_842, 2, 5_000).scans_of_day(18_843).collect::<Vec<_>>()
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn regular_people_pass_few_sites_over_two_weeks() {
        let nation = Nation::new(9, 50_000, 400);
        let history = History::new(&nation, 18_842, 14, 500_000);
        let mut trails: HashMap<u32, Vec<u32>> = HashMap::new();
        for scan in history.days().flat_map(|day| history.scans_of_day(day)) {
            trails.entry(scan.person).or_default().push(scan.site);
        }
        let regular: Vec<_> = trails.values_mut().filter(|sites| sites.len() >= 30).collect();
        assert!(regular.len() > 5_000, "{}", regular.len());
        let mut few = 0;
        for sites in &mut *regular.into_iter().collect::<Vec<_>>() {
            sites.sort_unstable();
            sites.dedup();
            few += usize::from(sites.len() <= 10);
        }
        assert!(few > 5_000, "{few}");
    }

    #[test]
    fn scans_lie_within_the_days() {
        let nation = Nation::new(9, 1_000, 10);
        let history = History::new(&nation, 18_842, 3, 30_000);
        let span = history.span_ms();
        let outside = history.days().flat_map(|d| history.scans_of_day(d));
        assert_eq!(outside.filter(|s| !span.contains(&s.at_ms)).count(), 0);
    }
}
