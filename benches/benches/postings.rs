//! Postings of sealed days read and counted: those of one site, and those of a district's sites. Rates
//! are scans a second.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench postings
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench postings
//! ```

use divan::Bencher;
use divan::counter::ItemsCount;
use truyvet_benches::world::{DAY_MS, DAYS, remove_world, world};
use truyvet_engine::{Passed, PassedAnswer};

fn main() {
    divan::main();
    remove_world();
}

/// Everybody at a market, listed: each scan is decoded. By days.
#[divan::bench(args = [1, DAYS], sample_count = 50)]
fn list_site(bencher: Bencher<'_, '_>, days: i64) {
    measure(bencher, &Passed { list: true, ..question(&[MARKET], &[], 0, days * DAY_MS) });
}

/// How many were at a market. By days.
#[divan::bench(args = [1, DAYS], sample_count = 50)]
fn count_site(bencher: Bencher<'_, '_>, days: i64) {
    measure(bencher, &question(&[MARKET], &[], 0, days * DAY_MS));
}

/// How many were in a district for an hour, which no rollup tells.
#[divan::bench(sample_count = 50)]
fn count_district_hour(bencher: Bencher<'_, '_>) {
    measure(bencher, &question(&[], &["P01-D01"], MORNING_MS, MORNING_MS + HOUR_MS));
}

fn measure(bencher: Bencher<'_, '_>, question: &Passed) {
    let scans = ask(question).scans;
    bencher.counter(ItemsCount::new(scans)).bench(|| ask(question));
}

fn ask(question: &Passed) -> PassedAnswer {
    world().engine.passed(question).expect("the store works")
}

/// From and to are milliseconds from the history's start.
fn question(sites: &[&str], areas: &[&str], from_ms: i64, to_ms: i64) -> Passed {
    let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    let interval = world().interval(from_ms, to_ms);
    Passed { sites: owned(sites), areas: owned(areas), interval, list: false }
}

const HOUR_MS: i64 = 3_600_000;

/// Seven o'clock of the eighth day.
const MORNING_MS: i64 = 7 * DAY_MS + 7 * HOUR_MS;

/// The first site of every nation: a district's own market.
const MARKET: &str = "MK-00001";
