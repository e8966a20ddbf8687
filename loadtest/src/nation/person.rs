//! What a person does on a day: the same few sites, at about the same times.
//!
//! ```text
//! commute   gate -> work ............ work -> gate     weekdays; sometimes a market on the way home
//! errand    gate -> market or supermarket -> gate      weekends, and those who stay near home
//! journey   gate -> bus station -> far away, often through a port or border gate
//! ```

use std::ops::Range;

use truyvet_schemas::Direction;
use truyvet_schemas::time::MS_PER_DAY;

use super::dice::{Dice, Purpose};
use super::land::{Land, Scope, SiteKind};
use super::{CLOCK_AHEAD_MS, ModelScan};

/// Where a person goes; the same on every day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The person's number.
    pub number: u32,
    /// The ward of the home.
    pub home: u32,
    /// The site nearest home, passed on every way out.
    pub gate: u32,
    /// The site at work.
    pub work: u32,
    /// The usual market.
    pub market: u32,
    leaves_minute: i64,
    returns_minute: i64,
}

impl Person {
    /// The person with this number.
    pub fn new(land: &Land, number: u32) -> Self {
        let mut dice = Dice::new(land.seed(), Purpose::Person, u64::from(number), 0);
        let home = land.home(number);
        let near = land.sites_of(home..home + 1);
        let scope = match dice.below(100) {
            0..60 => Scope::District,
            60..90 => Scope::Province,
            _ => Scope::Nation,
        };
        let district = land.sites_of(land.wards_around(home, Scope::District));
        Self {
            number,
            home,
            gate: near.start + dice.below(near.len() as u32),
            work: popular(&mut dice, land.sites_of(land.wards_around(home, scope))),
            market: popular(&mut dice, district),
            leaves_minute: 7 * 60 + dice.spread(75),
            returns_minute: 17 * 60 + 15 + dice.spread(90),
        }
    }

    /// What the person does on a day, counted from 1970-01-01 by the nation's clocks.
    pub fn day(&self, land: &Land, day: i64, errand: Errand) -> Routine {
        let mut dice = Dice::new(land.seed(), Purpose::Day, u64::from(self.number), day as u64);
        let mut routine = Routine::new(self.number, day);
        match errand {
            Errand::Usual if dice.chance(2) => self.journey(land, &mut dice, &mut routine),
            Errand::Usual if !is_weekend(day) => self.commute(land, &mut dice, &mut routine),
            _ => self.shop(land, &mut dice, &mut routine),
        }
        routine
    }

    fn commute(&self, land: &Land, dice: &mut Dice, routine: &mut Routine) {
        let leaves = self.leaves_minute + dice.spread(8);
        routine.pass(dice, self.gate, leaves);
        let arrives = leaves + dice.minutes(12, 25);
        routine.pass(dice, self.work, arrives);
        let returns = self.returns_minute + dice.spread(12);
        routine.pass(dice, self.work, returns);
        if dice.chance(25) {
            routine.visit(dice, land, self.market, returns + 15);
        }
        let home = returns + dice.minutes(40, 20);
        routine.pass(dice, self.gate, home);
    }

    fn shop(&self, land: &Land, dice: &mut Dice, routine: &mut Routine) {
        let leaves = if dice.chance(65) { 8 * 60 + 30 + dice.spread(100) } else { 17 * 60 + dice.spread(90) };
        routine.pass(dice, self.gate, leaves);
        let (arrives, home) = (leaves + dice.minutes(10, 20), leaves + dice.minutes(60, 45));
        routine.visit(dice, land, self.market, arrives);
        routine.pass(dice, self.gate, home);
    }

    fn journey(&self, land: &Land, dice: &mut Dice, routine: &mut Routine) {
        let leaves = 6 * 60 + dice.spread(60);
        let district = land.sites_of(land.wards_around(self.home, Scope::District));
        let station = (district.start + 1).min(district.end - 1);
        routine.pass(dice, self.gate, leaves);
        routine.pass(dice, station, leaves + 25);
        let mut minute = leaves + 25;
        for _ in 0..2 + dice.below(3) {
            let everywhere = 0..land.sites();
            minute += dice.minutes(60, 120);
            let site = popular(dice, everywhere);
            routine.pass(dice, site, minute);
        }
    }
}

/// Why a person goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To work on weekdays, else to the market.
    Usual,
    /// Only to the market.
    Shopping,
}

/// A person's scans of one day, in order of time.
#[derive(Clone, Debug)]
pub struct Routine {
    person: u32,
    midnight_ms: i64,
    scans: [ModelScan; ROUTINE_SCANS_MAX],
    len: usize,
}

impl Routine {
    fn new(person: u32, day: i64) -> Self {
        let nothing = ModelScan { at_ms: 0, person, site: 0, direction: Direction::Pass };
        let midnight_ms = day * MS_PER_DAY - CLOCK_AHEAD_MS;
        Self { person, midnight_ms, scans: [nothing; ROUTINE_SCANS_MAX], len: 0 }
    }

    /// The scans.
    pub fn scans(&self) -> &[ModelScan] {
        &self.scans[..self.len]
    }

    fn pass(&mut self, dice: &mut Dice, site: u32, minute: i64) {
        self.push(dice, site, minute, Direction::Pass);
    }

    /// Supermarkets scan both ways, every other site once.
    fn visit(&mut self, dice: &mut Dice, land: &Land, site: u32, minute: i64) {
        if land.kind(site) == SiteKind::Supermarket {
            self.push(dice, site, minute, Direction::In);
            let leaves = minute + dice.minutes(8, 12);
            self.push(dice, site, leaves, Direction::Out);
        } else {
            self.push(dice, site, minute, Direction::Pass);
        }
    }

    fn push(&mut self, dice: &mut Dice, site: u32, minute: i64, direction: Direction) {
        let at_ms = self.midnight_ms + minute * 60_000 + i64::from(dice.below(60_000));
        self.scans[self.len] = ModelScan { at_ms, person: self.person, site, direction };
        self.len += 1;
    }
}

/// Day 0 of unix time was a Thursday.
pub(crate) fn is_weekend(day: i64) -> bool {
    matches!((day + 4).rem_euclid(7), 0 | 6)
}

/// One of a range of sites, the first ones more often: Zipf with exponent 2/3, by inverting the
/// integral of x^(-2/3), which is a cube.
fn popular(dice: &mut Dice, sites: Range<u32>) -> u32 {
    let count = sites.len() as u32;
    let edge = ((count + 1) as f32).cbrt();
    let x = 1.0 + dice.unit() * (edge - 1.0);
    sites.start + ((x * x * x - 1.0) as u32).min(count - 1)
}

/// A journey's gate, bus station and four sites far away are the most.
const ROUTINE_SCANS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commuter_passes_the_same_few_sites_morning_and_evening() {
        let land = Land::new(5, 500_000, 1_000);
        let monday = 18_841; // 2021-08-02
        let mut same = 0;
        for number in (0..500_000).step_by(1_000) {
            let person = Person::new(&land, number);
            let routine = person.day(&land, monday, Errand::Usual);
            let sites: Vec<_> = routine.scans().iter().map(|s| s.site).collect();
            same += usize::from(sites.first() == sites.last() && sites[1] == person.work);
            assert!(routine.scans().is_sorted_by_key(|s| s.at_ms), "{routine:?}");
        }
        assert!(same > 450, "{same} of 500 go to work and come back");
    }

    #[test]
    fn weekends_are_known() {
        let days: Vec<_> = (18_841..18_848).map(is_weekend).collect();
        assert_eq!(days, [false, false, false, false, false, true, true]);
    }

    #[test]
    fn hubs_are_crowded_and_no_site_is_empty() {
        let mut dice = Dice::new(1, Purpose::Slot, 0, 0);
        let mut counts = vec![0u32; 1_000];
        (0..1_000_000).for_each(|_| counts[popular(&mut dice, 0..1_000) as usize] += 1);
        assert!(counts[0] > 10 * counts[100] && counts[100] > counts[900], "{:?}", &counts[..5]);
        assert!(counts.iter().all(|n| *n > 0));
    }
}
