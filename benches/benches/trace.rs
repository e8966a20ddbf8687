//! The questions over two sealed weeks of a nation: 20 million scans, a million people, 5,000 sites.
//! Each iteration asks about other people, all drawn from one day's scans. At the end come the
//! percentiles of the two questions that are asked most.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench trace
//! cargo bench -p truyvet-benches --bench trace -- contacts
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench trace
//! ```
//!
//! The engine is built once a run, by import, in the directory for temporary files, and removed at the
//! end; what a stopped run has left there is gone on with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use divan::Bencher;
use hdrhistogram::Histogram;
use truyvet_benches::chunks::{Coding, chunks};
use truyvet_benches::{size, tables};
use truyvet_engine::{
    Chain, ChainAnswer, Common, CommonAnswer, Contacts, ContactsAnswer, Engine, EngineConfig, Interval,
    Passed, PassedAnswer, Trail, TrailAnswer, WINDOW_DEFAULT,
};
use truyvet_loadtest::nation::{History, Nation};
use truyvet_schemas::TimeMs;

fn main() {
    divan::main();
    // Nothing is built when the benchmarks are only listed.
    if let Some(world) = WORLD.get() {
        percentiles("contacts, 14 days", |world, subject| drop(contacts(world, subject)));
        percentiles("trail, 14 days", |world, subject| drop(trail(world, subject)));
        std::fs::remove_dir_all(&world.dir).ok();
    }
}

/// One subject, 14 days, window of 15 minutes.
#[divan::bench(name = "contacts", sample_count = 1_000, sample_size = 1)]
fn bench_contacts(bencher: Bencher<'_, '_>) {
    let world = world();
    bencher.with_inputs(|| world.subject()).bench_values(|subject| contacts(world, subject));
}

/// One subject, 14 days.
#[divan::bench(name = "trail", sample_count = 1_000, sample_size = 1)]
fn bench_trail(bencher: Bencher<'_, '_>) {
    let world = world();
    bencher.with_inputs(|| world.subject()).bench_values(|subject| trail(world, subject));
}

/// Everybody at a market, listed, in the morning.
#[divan::bench(name = "passed_site", args = [HOUR_MS, DAY_MS])]
fn bench_passed_site(bencher: Bencher<'_, '_>, length_ms: i64) {
    let world = world();
    bencher.bench(|| passed(world, &[MARKET], &[], length_ms, true));
}

/// How many passed anywhere in a province.
#[divan::bench(name = "passed_province", args = [HOUR_MS, DAY_MS], sample_count = 20)]
fn bench_passed_province(bencher: Bencher<'_, '_>, length_ms: i64) {
    let world = world();
    bencher.bench(|| passed(world, &[], &["P01"], length_ms, false));
}

/// Ten seeds, two generations, three days.
#[divan::bench(name = "chain", sample_count = 20, sample_size = 1)]
fn bench_chain(bencher: Bencher<'_, '_>) {
    let world = world();
    bencher.with_inputs(|| world.some_subjects(10)).bench_values(|seeds| chain(world, seeds));
}

/// A hundred subjects, seven days, cells of an hour.
#[divan::bench(name = "common", sample_count = 50, sample_size = 1)]
fn bench_common(bencher: Bencher<'_, '_>) {
    let world = world();
    bencher.with_inputs(|| world.some_subjects(100)).bench_values(|subjects| common(world, subjects));
}

fn contacts(world: &World, subject: String) -> ContactsAnswer {
    let question = Contacts {
        subjects: vec![subject],
        interval: world.interval(0, DAYS * DAY_MS),
        window: WINDOW_DEFAULT,
        pairs: false,
    };
    world.engine.contacts(&question).expect("the store works")
}

fn trail(world: &World, subject: String) -> TrailAnswer {
    let interval = world.interval(0, DAYS * DAY_MS);
    world.engine.trail(&Trail { subject, interval }).expect("the store works")
}

fn passed(world: &World, sites: &[&str], areas: &[&str], length_ms: i64, list: bool) -> PassedAnswer {
    let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    let morning = 7 * DAY_MS + 7 * HOUR_MS;
    let start = if length_ms < DAY_MS { morning } else { 7 * DAY_MS };
    let question = Passed {
        sites: owned(sites),
        areas: owned(areas),
        interval: world.interval(start, start + length_ms),
        list,
    };
    world.engine.passed(&question).expect("the store works")
}

fn chain(world: &World, seeds: Vec<String>) -> ChainAnswer {
    let question = Chain {
        seeds: seeds.into_iter().map(|seed| (seed, None)).collect(),
        interval: world.interval(6 * DAY_MS, 9 * DAY_MS),
        window: WINDOW_DEFAULT,
        generations: 2,
        list: true,
    };
    world.engine.chain(&question).expect("the store works")
}

fn common(world: &World, subjects: Vec<String>) -> CommonAnswer {
    let question = Common {
        subjects,
        interval: world.interval(3 * DAY_MS, 10 * DAY_MS),
        cell: Duration::from_millis(HOUR_MS as u64),
        top: 20,
    };
    world.engine.common(&question).expect("the store works")
}

/// Each subject once; the caches are warm by then.
fn percentiles(name: &str, ask: impl Fn(&World, String)) {
    let world = world();
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are within the histogram's range");
    for subject in &world.subjects {
        let subject = subject.clone();
        let asked = Instant::now();
        ask(world, subject);
        histogram.saturating_record(asked.elapsed().as_micros() as u64);
    }
    let at = |quantile| histogram.value_at_quantile(quantile);
    println!(
        "{name}: {} subjects, p50 {} us, p90 {} us, p99 {} us, max {} us",
        histogram.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        histogram.max()
    );
}

/// The engine, and whom it is asked about.
struct World {
    engine: Engine,
    dir: PathBuf,
    start_ms: i64,
    subjects: Vec<String>,
    next: AtomicUsize,
}

impl World {
    fn build() -> Self {
        let scans = size::scans_or(20_000_000);
        let people = scans.div_ceil(20).min(1_000_000) as u32;
        let nation = Nation::new(SEED, people, people.div_ceil(200));
        let history = History::new(&nation, FIRST_DAY, DAYS as u32, scans as u64);
        let dir = std::env::temp_dir().join(format!("truyvet-bench-trace-{SEED}-{scans}"));
        let engine = open(&dir, &nation, &history);
        let middle = FIRST_DAY + DAYS / 2;
        let step = (history.scans_on(middle) as usize / SUBJECTS).max(1);
        let asked = history.scans_of_day(middle).step_by(step).take(SUBJECTS);
        let subjects = asked.map(|scan| nation.codes.text(scan.person)).collect();
        Self { engine, dir, start_ms: history.span_ms().start, subjects, next: AtomicUsize::new(0) }
    }

    /// Another one each time.
    fn subject(&self) -> String {
        self.subjects[self.next.fetch_add(1, Ordering::Relaxed) % self.subjects.len()].clone()
    }

    fn some_subjects(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.subject()).collect()
    }

    /// Milliseconds from the history's start.
    fn interval(&self, from_ms: i64, to_ms: i64) -> Interval {
        let instant = |ms| TimeMs::new(self.start_ms + ms);
        Interval::new(instant(from_ms), instant(to_ms)).expect("the interval goes forward")
    }
}

fn world() -> &'static World {
    WORLD.get_or_init(World::build)
}

/// An engine with all of the history, sealed. The digest stands for the parameters, as the directory's
/// name does, so rows that are there already are passed over.
fn open(dir: &Path, nation: &Nation, history: &History<'_>) -> Engine {
    let engine = Engine::open(dir, EngineConfig::default()).expect("the directory is new or of a run before");
    tables::put_places(engine.catalog(), &nation.land).expect("the places are good");
    tables::put_people(engine.catalog(), nation).expect("their wards are known");
    let mut import = engine.begin_import([SEED as u8; 32], "bench").expect("the store works");
    let done = import.rows_done();
    chunks(nation, history, Coding::Dictionary)
        .filter(|chunk| chunk.first_row > done)
        .for_each(|chunk| import.push(chunk).expect("the rows follow each other"));
    import.commit().expect("the store works");
    engine.seal().expect("the store works");
    engine
}

static WORLD: OnceLock<World> = OnceLock::new();

const SEED: u64 = 1;
const DAYS: i64 = 14;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const SUBJECTS: usize = 1_000;

/// The first site of every nation: a district's own market.
const MARKET: &str = "MK-00001";

/// 2021-08-03.
const FIRST_DAY: i64 = 18_842;
