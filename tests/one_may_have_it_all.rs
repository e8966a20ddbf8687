//! Not every nation is alike: one site may have a hundred million scans, one subject a million, and subjects
//! may go anywhere. Answers are the same as anywhere.

use std::collections::BTreeSet;
use std::time::Duration;

use truyvet_engine::naive::{Naive, NaiveScan};
use truyvet_engine::{Chain, CodeColumn, Common, Contacts, EngineConfig, Interval, Passed, RowChunk, Trail};
use truyvet_schemas::{Direction, TimeMs, Verdict};

use crate::support::{House, START_MS};

#[test]
fn one_site_may_have_a_hundred_million_scans() {
    // Three days; each of 100,000 subjects comes a thousand times.
    let world = World {
        scans: 100_000_000,
        scan: |i| Seen {
            subject: (i % 10_000 + i / CHUNK_ROWS % 10 * 10_000) as u32,
            site: 0,
            at_ms: START_MS + (i * 2_592 / 1_000) as i64,
        },
    };
    let house = world.imported();
    world.assert_answers(&house, Duration::from_secs(10));

    // More seeds than a sweep is made for: every scan is passed over, a slab at a time. Neighbours in
    // time are two or three milliseconds apart.
    let is_seed = |subject: u32| subject.is_multiple_of(50);
    let mut met = BTreeSet::new();
    for i in 1..world.scans {
        let (one, other) = ((world.scan)(i - 1).subject, (world.scan)(i).subject);
        match (is_seed(one), is_seed(other)) {
            (true, false) => drop(met.insert(other)),
            (false, true) => drop(met.insert(one)),
            _ => {}
        }
    }
    let chain = house.engine().chain(&Chain {
        seeds: (0..100_000)
            .filter(|subject| is_seed(*subject))
            .map(|subject| (code(subject), None))
            .collect(),
        interval: world.all(),
        window: Duration::from_millis(3),
        generations: 1,
        list: false,
    });
    assert_eq!(chain.unwrap().generations[1].subjects, met.len() as u64);
}

#[test]
fn one_subject_may_have_a_million_scans() {
    // Three days; every other scan is the same subject's, at one of fifty sites.
    let world = World {
        scans: 2_000_000,
        scan: |i| Seen {
            subject: if i % 2 == 1 { 0 } else { 1 + (mixed(i) % 99_991) as u32 },
            site: (mixed(i / 2) >> 32) as u32 % 50,
            at_ms: START_MS + i as i64 * 120,
        },
    };
    let house = world.imported();
    world.assert_answers(&house, Duration::from_secs(600));
    let contacts = Contacts {
        subjects: vec![code(0)],
        interval: world.all(),
        window: Duration::from_millis(120),
        pairs: false,
    };
    // Only the scans right before and right after an other's are within the window.
    let others = (0..world.scans).step_by(2);
    let events = others.map(|i| {
        let near = [i.checked_sub(1), Some(i + 1).filter(|i| *i < world.scans)];
        near.into_iter().flatten().filter(|j| (world.scan)(*j).site == (world.scan)(i).site).count() as u64
    });
    let told = house.engine().contacts(&contacts).unwrap().contacts;
    assert_eq!(told.iter().map(|contact| contact.events).sum::<u64>(), events.sum::<u64>());
}

#[test]
fn subjects_may_go_anywhere() {
    // Four days at 3,000 sites; neither a subject nor a site knows the other from before.
    let world = World {
        scans: 500_000,
        scan: |i| Seen {
            subject: (mixed(i) % 250_000) as u32,
            site: (mixed(i) >> 40) as u32 % 3_000,
            at_ms: START_MS + i as i64 * 700,
        },
    };
    let house = world.imported();
    world.assert_answers(&house, Duration::from_secs(3_600));
}

/// Scans in order of time, each known by its place.
struct World {
    scans: u64,
    scan: fn(u64) -> Seen,
}

struct Seen {
    subject: u32,
    site: u32,
    at_ms: i64,
}

impl World {
    fn imported(&self) -> House {
        let house = House::with(EngineConfig { free_bytes_min: 0, ..EngineConfig::default() });
        let mut import = house.engine().begin_import([1; 32], "world").unwrap();
        for start in (0..self.scans).step_by(CHUNK_ROWS as usize) {
            import.push(self.chunk(start, self.scans.min(start + CHUNK_ROWS))).unwrap();
        }
        assert_eq!(import.commit().unwrap().rows_done, self.scans);
        house.engine().seal().unwrap();
        house.assert_sound();
        house
    }

    fn chunk(&self, start: u64, end: u64) -> RowChunk {
        let (mut subjects, mut sites, mut at_ms) = (Vec::new(), Vec::new(), Vec::new());
        for Seen { subject, site, at_ms: at } in (start..end).map(self.scan) {
            subjects.push(subject);
            sites.push(site);
            at_ms.push(at);
        }
        RowChunk {
            first_row: start + 1,
            rows: end - start,
            subjects: column(&subjects, code),
            sites: column(&sites, site_code),
            at_ms,
            directions: Vec::new(),
        }
    }

    /// All that is there, and every question over short times at the start, over midnight and at the end.
    fn assert_answers(&self, house: &House, length: Duration) {
        let engine = house.engine();
        let length_ms = length.as_millis() as i64;
        let (first, last) = ((self.scan)(0).at_ms, (self.scan)(self.scans - 1).at_ms);
        let midnight = (first / DAY_MS + 1) * DAY_MS;
        assert_eq!(engine.status().scans, self.scans);
        let subject = (self.scan)(1).subject;
        let own = (0..self.scans).map(self.scan).filter(|scan| scan.subject == subject);
        let expected: Vec<(i64, String)> = own.map(|scan| (scan.at_ms, site_code(scan.site))).collect();
        let trail = engine.trail(&Trail { subject: code(subject), interval: self.all() }).unwrap();
        assert!(trail.scans.into_iter().map(|scan| (scan.at, String::from(scan.site))).eq(expected));
        for start in [first, midnight - length_ms / 2, last - length_ms] {
            let interval = Interval::new(TimeMs::new(start), TimeMs::new(start + length_ms)).unwrap();
            let naive = self.naive(interval);
            let sites: BTreeSet<String> =
                naive.scans.iter().map(|scan| scan.site.clone()).take(500).collect();
            let some: Vec<String> =
                naive.scans.iter().step_by(501).map(|scan| scan.subject.clone()).collect();
            let passed =
                Passed { sites: sites.into_iter().collect(), areas: Vec::new(), interval, list: true };
            assert_eq!(engine.passed(&passed).unwrap(), naive.passed(&passed));
            let trail = Trail { subject: some[0].clone(), interval };
            assert_eq!(engine.trail(&trail).unwrap(), naive.trail(&trail));
            let window = length / 20;
            let contacts = Contacts { subjects: some[..3].to_vec(), interval, window, pairs: true };
            assert_eq!(engine.contacts(&contacts).unwrap(), naive.contacts(&contacts));
            let seeds = vec![(some[1].clone(), None)];
            let chain = Chain { seeds, interval, window: length / 200, generations: 2, list: true };
            assert_eq!(engine.chain(&chain).unwrap(), naive.chain(&chain));
            let common = Common { subjects: some, interval, cell: length / 7, top: 9 };
            assert_eq!(engine.common(&common).unwrap(), naive.common(&common));
        }
    }

    fn naive(&self, interval: Interval) -> Naive {
        let place = |at: TimeMs| partition_point(self.scans, |i| (self.scan)(i).at_ms < at.get());
        let scan = |i: u64| {
            let Seen { subject, site, at_ms } = (self.scan)(i);
            NaiveScan {
                subject: code(subject),
                site: site_code(site),
                at: TimeMs::new(at_ms),
                direction: Direction::Pass,
                verdict: Verdict::Passed,
                device: 1,
                seq: i + 1,
            }
        };
        Naive { scans: (place(interval.from())..place(interval.to())).map(scan).collect() }
    }

    fn all(&self) -> Interval {
        Interval::new(TimeMs::new(START_MS), TimeMs::new(START_MS + 10 * DAY_MS)).unwrap()
    }
}

fn column(numbers: &[u32], code: impl Fn(u32) -> String) -> CodeColumn {
    let distinct: Vec<u32> = BTreeSet::from_iter(numbers.iter().copied()).into_iter().collect();
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for number in &distinct {
        bytes.extend(code(*number).into_bytes());
        ends.push(bytes.len() as u32);
    }
    let key = |number: &u32| distinct.binary_search(number).unwrap() as u32;
    CodeColumn::Dictionary { keys: numbers.iter().map(key).collect(), ends, bytes }
}

/// The order of codes is not the order of numbers.
fn code(subject: u32) -> String {
    format!("P{:07}", u64::from(subject) * 7_919 % 9_999_991)
}

fn site_code(site: u32) -> String {
    format!("S{site:04}")
}

/// A number that has nothing to do with its neighbours' (splitmix64).
fn mixed(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn partition_point(len: u64, is_before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        if is_before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

const DAY_MS: i64 = 86_400_000;

const CHUNK_ROWS: u64 = 1_000_000;
