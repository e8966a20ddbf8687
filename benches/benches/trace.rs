//! The questions over two sealed weeks of a nation: 20 million scans, a million people, 5,000 sites.
//! Each iteration asks about other people, all drawn from one day's scans. At the end come the
//! percentiles of the two questions that are asked most.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench trace
//! cargo bench -p truyvet-benches --bench trace -- contacts
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench trace
//! ```

use std::time::{Duration, Instant};

use divan::Bencher;
use hdrhistogram::Histogram;
use truyvet_benches::world::{DAY_MS, DAYS, World, remove_world, world};
use truyvet_engine::{
    Chain, ChainAnswer, Common, CommonAnswer, Contacts, ContactsAnswer, Passed, PassedAnswer, Trail,
    TrailAnswer, WINDOW_DEFAULT,
};

fn main() {
    divan::main();
    // Nothing is built when the benchmarks are only listed.
    if World::is_built() {
        percentiles("contacts, 14 days", |world, subject| drop(contacts(world, subject)));
        percentiles("trail, 14 days", |world, subject| drop(trail(world, subject)));
        remove_world();
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

const HOUR_MS: i64 = 3_600_000;

/// The first site of every nation: a district's own market.
const MARKET: &str = "MK-00001";
