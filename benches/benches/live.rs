//! The live table alone: batches appended, and questions about a site and about a subject while it is
//! full. Subjects are ids here, of a nation of a million, as they come by at its sites.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench live
//! TRUYVET_BENCH_SCANS=100000 cargo bench -p truyvet-benches --bench live
//! ```

use divan::Bencher;
use divan::counter::ItemsCount;
use truyvet_benches::size;
use truyvet_engine::bench_support::LiveScans;
use truyvet_loadtest::nation::{Nation, SiteStream};

fn main() {
    divan::main();
}

/// Into an empty table until it is full.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn append(bencher: Bencher<'_, '_>) {
    let batches = Batches::new();
    bencher
        .counter(ItemsCount::new(batches.scans()))
        .with_inputs(|| batches.empty())
        .bench_local_refs(|live| batches.append_to(live));
}

/// All scans of a site.
#[divan::bench]
fn scan_site(bencher: Bencher<'_, '_>) {
    let batches = Batches::new();
    let live = batches.full();
    let scans = live.at_site(0, i64::MIN, i64::MAX);
    assert!(scans >= BATCH_SCANS);
    bencher.counter(ItemsCount::new(scans)).bench_local(|| live.at_site(0, i64::MIN, i64::MAX));
}

/// All scans of a subject, another one each time.
#[divan::bench]
fn follow_subject(bencher: Bencher<'_, '_>) {
    let batches = Batches::new();
    let live = batches.full();
    let mut subjects = batches.subjects.iter().cycle();
    bencher
        .with_inputs(|| subjects.next().copied().expect("there are scans"))
        .bench_local_values(|subject| live.of_subject(subject));
}

/// One of each site by turns.
struct Batches {
    subjects: Vec<u32>,
}

impl Batches {
    fn new() -> Self {
        let nation = Nation::new(1, 1_000_000, 5_000);
        let site = |n| n * (nation.land.sites() / SITES);
        let mut streams: Vec<SiteStream> =
            (0..SITES).map(|n| SiteStream::new(&nation.land, site(n), u64::from(n))).collect();
        let rounds = size::scans_or(2_000_000).div_ceil(BATCH_SCANS * SITES as usize);
        let mut subjects = Vec::with_capacity(rounds * BATCH_SCANS * SITES as usize);
        for _ in 0..rounds {
            for stream in &mut streams {
                subjects.extend((0..BATCH_SCANS).map(|_| stream.next_person()));
            }
        }
        Self { subjects }
    }

    fn scans(&self) -> usize {
        self.subjects.len()
    }

    fn empty(&self) -> LiveScans {
        LiveScans::new(self.scans(), self.scans() / BATCH_SCANS)
    }

    fn full(&self) -> LiveScans {
        let mut live = self.empty();
        self.append_to(&mut live);
        live
    }

    fn append_to(&self, live: &mut LiveScans) {
        for (n, batch) in (0..).zip(self.subjects.chunks(BATCH_SCANS)) {
            live.append(n % SITES, i64::from(n / SITES) * BATCH_MS, batch);
        }
    }
}

const SITES: u32 = 32;
const BATCH_SCANS: usize = 500;

/// A batch's scans follow each other by a millisecond.
const BATCH_MS: i64 = BATCH_SCANS as i64;
