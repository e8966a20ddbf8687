//! Endless scans of one site: who passes, drawn from the site's own crowd. For a live device, which
//! needs millions of them a second: two multiplications and six table look-ups each.

use super::dice::{Dice, Purpose, mix, scale};
use super::land::{Land, Scope};

/// People who pass one site, one after the other.
#[derive(Clone, Debug)]
pub struct SiteStream {
    seed: u64,
    state: u64,
    crowd: u32,
    near: Around,
    far: Around,
    people: u32,
}

impl SiteStream {
    /// The stream of one device at a site.
    pub fn new(land: &Land, site: u32, device: u64) -> Self {
        let ward = land.ward_of_site(site);
        let around = |scope| Around::new(land.people_of(land.wards_around(ward, scope)));
        let mut dice = Dice::new(land.seed(), Purpose::Passerby, u64::from(site), 0);
        let seed = dice.roll();
        let state = Dice::new(land.seed(), Purpose::Stream, u64::from(site), device).roll();
        let crowd = CROWD_MIN + dice.below(CROWD_MAX - CROWD_MIN);
        let (near, far) = (around(Scope::District), around(Scope::Province));
        Self { seed, state, crowd, near, far, people: land.people() }
    }

    /// The number of the next person.
    pub fn next_person(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let member = scale(mix(self.state), self.crowd);
        let person = mix(self.seed ^ u64::from(member));
        match person & 15 {
            0..10 => self.near.pick(person),
            10..15 => self.far.pick(person),
            _ => scale(person, self.people),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Around {
    first: u32,
    count: u32,
}

impl Around {
    fn new(people: std::ops::Range<u32>) -> Self {
        Self { first: people.start, count: people.len() as u32 }
    }

    fn pick(self, random: u64) -> u32 {
        self.first + scale(random, self.count)
    }
}

/// How many different people pass a site: a village's checkpoint to a city's market.
const CROWD_MIN: u32 = 2_000;
const CROWD_MAX: u32 = 20_000;

/// How many different people pass a site, on average.
pub const CROWD: u32 = (CROWD_MIN + CROWD_MAX) / 2;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_site_sees_its_own_crowd_again_and_again() {
        let land = Land::new(4, 2_000_000, 500);
        let mut stream = SiteStream::new(&land, 17, 1);
        let mut seen: HashMap<u32, u32> = HashMap::new();
        (0..100_000).for_each(|_| *seen.entry(stream.next_person()).or_default() += 1);
        assert!(seen.len() <= CROWD_MAX as usize && seen.len() > 1_000, "{}", seen.len());
        assert!(seen.keys().all(|person| *person < 2_000_000));
        let district = land.people_of(land.wards_around(land.ward_of_site(17), Scope::District));
        let near = seen.keys().filter(|p| district.contains(p)).count();
        assert!(near * 2 > seen.len(), "most live in the district: {near} of {}", seen.len());
    }

    #[test]
    fn two_devices_of_a_site_see_the_same_crowd_in_another_order() {
        let land = Land::new(4, 10_000, 5);
        let take = |device| {
            let mut stream = SiteStream::new(&land, 2, device);
            (0..50).map(|_| stream.next_person()).collect::<Vec<_>>()
        };
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
    }
}
