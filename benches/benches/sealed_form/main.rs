//! Candidates for the sealed form, on one day of the nation: bits a scan, and nanoseconds a scan to read
//! it all. Prints a table in Markdown; each candidate is held against what it was given.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench sealed_form
//! TRUYVET_BENCH_SCANS=10000000 cargo bench -p truyvet-benches --bench sealed_form
//! ```
//!
//! The variable is the number of scans of 14 days, of which one is taken; usually 118 million. The
//! model's numbers of people stand for ids of subjects: in both, neighbours live near each other.
//!
//! ```text
//! columns   a leaf's times and subjects
//! trails    a group of subjects and their scans
//! general   compressors of anything
//! ```

mod columns;
mod general;
mod trails;

use std::time::{Duration, Instant};

use bitpacking::{BitPacker, BitPacker1x, BitPacker4x};
use columns::{Deltas, DistinctAndPlaces, EliasFano, SubjectsPacked, TimesPacked};
use general::{Pco, Zstd, add_least, deltas, from_least, undo_deltas};
use trails::{EveryScan, FirstOfLeaf, TimesRepeated, TrailRow};
use truyvet_benches::size;
use truyvet_engine::bench_support::{LEAF_SCANS_MAX, pad, trail_shift};
use truyvet_loadtest::nation::{History, ModelScan, Nation};

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let day = Day::new(size::scans_or(118_000_000));
    println!("{} scans of {} sites, {} people\n", day.scans.len(), day.sites().count(), day.people);
    println!("| column | candidate | bits a scan | read, ns a scan |");
    println!("|---|---|---|---|");
    tell_times(&day);
    tell_subjects(&day);
    tell_trails(&day);
}

/// A day's scans by site, then time.
struct Day {
    scans: Vec<ModelScan>,
    people: u32,
}

impl Day {
    fn new(scans: usize) -> Self {
        let people = (scans / 39).clamp(1, 3_000_000) as u32;
        let nation = Nation::new(SEED, people, people.div_ceil(300));
        let history = History::new(&nation, FIRST_DAY, DAYS, scans as u64);
        let mut scans: Vec<ModelScan> = history.scans_of_day(FIRST_DAY + i64::from(DAYS) / 2).collect();
        scans.sort_unstable_by_key(|scan| (scan.site, scan.at_ms, scan.person));
        Self { scans, people }
    }

    fn sites(&self) -> impl Iterator<Item = &[ModelScan]> {
        self.scans.chunk_by(|a, b| a.site == b.site)
    }

    fn leaves(&self) -> impl Iterator<Item = &[ModelScan]> {
        self.sites().flat_map(|site| site.chunks(LEAF_SCANS_MAX))
    }

    /// A value of each scan, by posting leaf or by site.
    fn column<T>(&self, unit: Unit, value: impl Fn(&ModelScan) -> T) -> Vec<Vec<T>> {
        let column = |scans: &[ModelScan]| scans.iter().map(&value).collect();
        match unit {
            Unit::Leaf => self.leaves().map(column).collect(),
            Unit::Site => self.sites().map(column).collect(),
        }
    }
}

/// What is encoded on its own.
#[derive(Clone, Copy)]
enum Unit {
    Leaf,
    Site,
}

/// Ascending, from their leaf's or site's first.
fn tell_times(day: &Day) {
    let leaves = day.column(Unit::Leaf, |scan| scan.at_ms);
    let sites = day.column(Unit::Site, |scan| scan.at_ms);
    let told = |name, figures| tell("times", name, figures);
    told("frame of reference over the leaf", measure(day, &leaves, TimesPacked));
    told("deltas, blocks of 32 (`bitpacking`)", measure(day, &leaves, Deltas(BitPacker1x::new())));
    told("deltas, blocks of 128 (`bitpacking`)", measure(day, &leaves, Deltas(BitPacker4x::new())));
    told("**Elias-Fano, chunks of 128**", measure(day, &leaves, EliasFano));
    told("`pco`, a site's day", measure(day, &sites, Pco));
    told("zstd 3 over varint deltas, a site's day", measure(day, &sites, Zstd::new(deltas, undo_deltas)));
}

/// In order of time.
fn tell_subjects(day: &Day) {
    let leaves = day.column(Unit::Leaf, |scan| scan.person);
    let sites = day.column(Unit::Site, |scan| scan.person);
    let told = |name, figures| tell("subjects", name, figures);
    told("frame of reference over the leaf", measure(day, &leaves, SubjectsPacked));
    told("**distinct ids as gaps, and places**", measure(day, &leaves, DistinctAndPlaces));
    told("`pco`, a site's day", measure(day, &sites, Pco));
    told("zstd 3 over varints, a site's day", measure(day, &sites, Zstd::new(from_least, add_least)));
}

/// By groups of neighbouring subjects. Pointers leave the time to the postings, and are read without them.
fn tell_trails(day: &Day) {
    let shift = trail_shift(day.scans.len() as u64, day.people.into());
    let told = |name, figures| tell("trails", name, figures);
    let row = |_, _, scan: &ModelScan| TrailRow { subject: scan.person, at: scan.site, value: scan.at_ms };
    let mut rows = trail_rows(day, row);
    rows.sort_unstable_by_key(|row| (row.subject, row.value, row.at));
    told("sites and times repeated, deltas a subject", measure(day, &groups(&rows, shift), TimesRepeated));
    let row = |leaf, place, scan: &ModelScan| TrailRow { subject: scan.person, at: leaf, value: place };
    let mut rows = trail_rows(day, row);
    rows.sort_unstable_by_key(|row| (row.subject, row.at, row.value));
    told("a pointer to every scan", measure(day, &groups(&rows, shift), EveryScan));
    rows.dedup_by_key(|row| (row.subject, row.at));
    told("**a pointer to the first scan in a leaf**", measure(day, &groups(&rows, shift), FirstOfLeaf));
}

fn trail_rows(day: &Day, row: impl Fn(u32, i64, &ModelScan) -> TrailRow) -> Vec<TrailRow> {
    let row = &row;
    let of_leaf = |(leaf, scans): (u32, &'_ [ModelScan])| -> Vec<TrailRow> {
        (0..).zip(scans).map(|(place, scan)| row(leaf, place, scan)).collect()
    };
    (0..).zip(day.leaves()).flat_map(of_leaf).collect()
}

fn groups(rows: &[TrailRow], shift: u8) -> Vec<Vec<TrailRow>> {
    rows.chunk_by(|a, b| a.subject >> shift == b.subject >> shift).map(<[_]>::to_vec).collect()
}

/// A way to write one part and to read it.
pub(crate) trait Candidate<T> {
    fn write(&mut self, part: &[T], out: &mut Vec<u8>);

    /// Takes the part from the front and appends its `len` values.
    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<T>) -> Option<()>;
}

struct Figures {
    bits: f64,
    nanoseconds: f64,
}

/// Writes all parts behind each other, reads them back a few times, and takes the fastest.
fn measure<T: PartialEq>(day: &Day, parts: &[Vec<T>], mut candidate: impl Candidate<T>) -> Figures {
    let mut bytes = Vec::new();
    parts.iter().for_each(|part| candidate.write(part, &mut bytes));
    let scans = day.scans.len() as f64;
    let bits = bytes.len() as f64 * 8.0 / scans;
    pad(&mut bytes);
    let mut best = Duration::MAX;
    for _ in 0..READS {
        let mut rest = bytes.as_slice();
        let mut elapsed = Duration::ZERO;
        let mut read = Vec::with_capacity(parts.iter().map(Vec::len).max().unwrap_or_default());
        for part in parts {
            read.clear();
            let started = Instant::now();
            candidate.read(&mut rest, part.len(), &mut read).expect("just written");
            elapsed += started.elapsed();
            assert!(read == *part, "a candidate gives back what it was given");
        }
        best = best.min(elapsed);
    }
    Figures { bits, nanoseconds: best.as_nanos() as f64 / scans }
}

fn tell(column: &str, candidate: &str, figures: Figures) {
    println!("| {column} | {candidate} | {:.1} | {:.1} |", figures.bits, figures.nanoseconds);
}

/// The fastest of so many readings is told.
const READS: usize = 5;

const SEED: u64 = 1;
const DAYS: u32 = 14;

/// 2021-08-03.
const FIRST_DAY: i64 = 18_842;
