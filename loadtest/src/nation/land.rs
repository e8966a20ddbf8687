//! Areas and sites of an invented country, by arithmetic alone.
//!
//! ```text
//! nation N1 > province P01 > district P01-D03 > ward P01-D03-W07
//!             8 districts    12 wards           people and sites, spread evenly in order of number
//! ```
//!
//! Numbers follow the tree, so that each area is a range of wards, of sites and of people. The first
//! sites of each district are its hubs: market, bus station, supermarket.

use std::ops::Range;

use super::dice::{Dice, Purpose};

/// How many there are of everything, and where they belong.
#[derive(Clone, Debug)]
pub struct Land {
    seed: u64,
    people: u32,
    sites: u32,
    wards: u32,
}

impl Land {
    /// A country for this many people and sites, at least one of each.
    pub fn new(seed: u64, people: u32, sites: u32) -> Self {
        let people = people.max(1);
        let wards = people.div_ceil(PEOPLE_PER_WARD).min(WARDS_MAX);
        Self { seed, people, sites: sites.max(1), wards }
    }

    /// Number of people.
    pub fn people(&self) -> u32 {
        self.people
    }

    /// Number of sites.
    pub fn sites(&self) -> u32 {
        self.sites
    }

    /// Number of wards.
    pub fn wards(&self) -> u32 {
        self.wards
    }

    /// Number of districts.
    pub fn districts(&self) -> u32 {
        self.wards.div_ceil(WARDS_PER_DISTRICT)
    }

    /// Number of provinces.
    pub fn provinces(&self) -> u32 {
        self.districts().div_ceil(DISTRICTS_PER_PROVINCE)
    }

    /// The ward where a person lives.
    pub fn home(&self, person: u32) -> u32 {
        owner(person, self.people, self.wards)
    }

    /// The ward where a site lies.
    pub fn ward_of_site(&self, site: u32) -> u32 {
        owner(site, self.sites, self.wards)
    }

    /// The wards of a ward's district, or of its province, or of the nation.
    pub fn wards_around(&self, ward: u32, scope: Scope) -> Range<u32> {
        let size = match scope {
            Scope::Ward => 1,
            Scope::District => WARDS_PER_DISTRICT,
            Scope::Province => WARDS_PER_DISTRICT * DISTRICTS_PER_PROVINCE,
            Scope::Nation => self.wards,
        };
        let first = ward / size * size;
        first..(first + size).min(self.wards)
    }

    /// The people who live in these wards.
    pub fn people_of(&self, wards: Range<u32>) -> Range<u32> {
        share(wards, self.people, self.wards)
    }

    /// The sites in these wards; where they have none, the nearest site.
    pub fn sites_of(&self, wards: Range<u32>) -> Range<u32> {
        let sites = share(wards, self.sites, self.wards);
        let first = sites.start.min(self.sites - 1);
        first..sites.end.max(first + 1)
    }

    /// What kind of place a site is.
    pub fn kind(&self, site: u32) -> SiteKind {
        let ward = self.ward_of_site(site);
        let district = self.sites_of(self.wards_around(ward, Scope::District));
        match site - district.start {
            0 => return SiteKind::Market,
            1 => return SiteKind::BusStation,
            2 => return SiteKind::Supermarket,
            _ => {}
        }
        match Dice::new(self.seed, Purpose::SiteKind, u64::from(site), 0).below(100) {
            0..70 => SiteKind::Checkpoint,
            70..85 => SiteKind::Market,
            85..95 => SiteKind::Supermarket,
            95..98 => SiteKind::Port,
            _ => SiteKind::BorderGate,
        }
    }

    /// A site's code, such as `MK-00042`.
    pub fn site_code(&self, site: u32) -> String {
        format!("{}-{:05}", self.kind(site).letters(), site + 1)
    }

    /// A ward's code, such as `P01-D03-W07`.
    pub fn ward_code(&self, ward: u32) -> String {
        format!("{}-W{:02}", self.district_code(ward / WARDS_PER_DISTRICT), ward % WARDS_PER_DISTRICT + 1)
    }

    /// A district's code, such as `P01-D03`.
    pub fn district_code(&self, district: u32) -> String {
        let (province, within) = (district / DISTRICTS_PER_PROVINCE, district % DISTRICTS_PER_PROVINCE);
        format!("{}-D{:02}", self.province_code(province), within + 1)
    }

    /// A province's code, such as `P01`.
    pub fn province_code(&self, province: u32) -> String {
        format!("P{:02}", province + 1)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }
}

/// How far around a ward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The ward alone.
    Ward,
    /// Its district.
    District,
    /// Its province.
    Province,
    /// Everywhere.
    Nation,
}

/// What kind of place a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteKind {
    /// On a road.
    Checkpoint,
    /// A market.
    Market,
    /// Where long journeys begin.
    BusStation,
    /// Scans those who enter and those who leave.
    Supermarket,
    /// A port.
    Port,
    /// On the border.
    BorderGate,
}

impl SiteKind {
    /// The word for it in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Market => "market",
            Self::BusStation => "bus_station",
            Self::Supermarket => "supermarket",
            Self::Port => "port",
            Self::BorderGate => "border_gate",
        }
    }

    /// What its code begins with.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Checkpoint => "CP",
            Self::Market => "MK",
            Self::BusStation => "BX",
            Self::Supermarket => "SM",
            Self::Port => "PT",
            Self::BorderGate => "BG",
        }
    }
}

/// Of `total` things spread over `wards` in order of number, the ward that has this one.
fn owner(thing: u32, total: u32, wards: u32) -> u32 {
    (((u64::from(thing) + 1) * u64::from(wards) - 1) / u64::from(total)) as u32
}

/// Of `total` things spread over all wards in order of number, those of some wards.
fn share(of: Range<u32>, total: u32, wards: u32) -> Range<u32> {
    let first = |ward: u32| (u64::from(ward) * u64::from(total) / u64::from(wards)) as u32;
    first(of.start)..first(of.end)
}

/// As in Vietnam in 2021: 97 million in 10,600 communes come to 9,200; smaller here, so that a
/// province of demo data has a tree worth looking at.
const PEOPLE_PER_WARD: u32 = 5_000;
const WARDS_PER_DISTRICT: u32 = 12;
const DISTRICTS_PER_PROVINCE: u32 = 8;

/// 99 provinces keep the codes at two digits.
const WARDS_MAX: u32 = 99 * DISTRICTS_PER_PROVINCE * WARDS_PER_DISTRICT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_and_every_site_belongs_to_the_ward_that_lists_them() {
        for (people, sites) in [(1, 1), (100_000, 7), (100_003, 20), (64_000, 5_000)] {
            let land = Land::new(1, people, sites);
            for ward in 0..land.wards() {
                for person in land.people_of(ward..ward + 1) {
                    assert_eq!(land.home(person), ward);
                }
                for site in share(ward..ward + 1, sites, land.wards()) {
                    assert_eq!(land.ward_of_site(site), ward);
                }
                assert!(!land.sites_of(ward..ward + 1).is_empty());
            }
            assert_eq!(land.people_of(0..land.wards()), 0..people);
        }
    }

    #[test]
    fn codes_tell_the_tree() {
        let land = Land::new(1, 2_000_000, 4_000);
        assert_eq!(land.ward_code(0), "P01-D01-W01");
        assert_eq!(land.ward_code(12 * 8 + 12 * 2 + 6), "P02-D03-W07");
        assert_eq!(land.site_code(0), "MK-00001");
        assert_eq!(land.kind(1), SiteKind::BusStation);
    }
}
