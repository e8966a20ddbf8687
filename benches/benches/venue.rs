//! Who was inside a venue with whom, and how many were inside when, at a market where 20,000 people a day stay for
//! an hour on average and one in twenty never scans out: 14 days, 546,000 scans, sealed.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench venue
//! TRUYVET_BENCH_SCANS=20000 cargo bench -p truyvet-benches --bench venue
//! ```

use std::path::PathBuf;
use std::sync::OnceLock;

use divan::Bencher;
use truyvet_benches::size;
use truyvet_engine::{
    CELL_DEFAULT, CodeColumn, Engine, EngineConfig, Interval, OVERLAP_DEFAULT, Occupancy, OccupancyAnswer,
    RowChunk, SiteRecord, Stays, StaysAnswer,
};
use truyvet_schemas::{Direction, TimeMs};

fn main() {
    divan::main();
    if let Some(market) = MARKET.get() {
        std::fs::remove_dir_all(&market.dir).ok();
    }
}

/// The last hour, as a page asks every few seconds.
#[divan::bench(sample_count = 200)]
fn occupancy_now(bencher: Bencher<'_, '_>) {
    bencher.bench(|| occupancy(LAST_DAY_MS + 17 * HOUR_MS, LAST_DAY_MS + 18 * HOUR_MS));
}

/// A day by hour.
#[divan::bench(sample_count = 100)]
fn occupancy_of_a_day(bencher: Bencher<'_, '_>) {
    bencher.bench(|| occupancy(LAST_DAY_MS, LAST_DAY_MS + DAY_MS));
}

/// Two weeks by hour.
#[divan::bench(sample_count = 20)]
fn occupancy_of_two_weeks(bencher: Bencher<'_, '_>) {
    bencher.bench(|| occupancy(0, DAYS * DAY_MS));
}

/// One visitor's two weeks: with whom, and for how long.
#[divan::bench(sample_count = 100)]
fn stays_of_one(bencher: Bencher<'_, '_>) {
    let mut nth = 0;
    bencher
        .with_inputs(|| {
            nth += 1;
            vec![code(nth * 97 % people())]
        })
        .bench_local_values(stays);
}

/// A cluster's.
#[divan::bench(sample_count = 20)]
fn stays_of_ten(bencher: Bencher<'_, '_>) {
    bencher.bench(|| stays((0..10).map(|nth| code(nth * 1_009 % people())).collect()));
}

/// Whether one visitor is inside: asked at each check of an officer there.
#[divan::bench(sample_count = 1_000)]
fn inside_since(bencher: Bencher<'_, '_>) {
    let (market, at) = (market(), TimeMs::new(START_MS + LAST_DAY_MS + 12 * HOUR_MS));
    let mut nth = 0;
    bencher
        .with_inputs(|| {
            nth += 1;
            code(nth * 97 % people())
        })
        .bench_local_values(|visitor| {
            market.engine.inside_since(&visitor, SITE, at).expect("the store works")
        });
}

fn occupancy(from_ms: i64, to_ms: i64) -> OccupancyAnswer {
    let question = Occupancy {
        site: SITE.to_owned(),
        interval: interval(from_ms, to_ms),
        cell: CELL_DEFAULT,
        longest: None,
    };
    market().engine.occupancy(&question).expect("the store works")
}

fn stays(subjects: Vec<String>) -> StaysAnswer {
    let question =
        Stays { subjects, interval: interval(0, DAYS * DAY_MS), overlap: OVERLAP_DEFAULT, longest: None };
    market().engine.stays(&question).expect("the store works")
}

fn interval(from_ms: i64, to_ms: i64) -> Interval {
    let at = |ms| TimeMs::new(START_MS + ms);
    Interval::new(at(from_ms), at(to_ms)).expect("the interval goes forward")
}

struct Market {
    engine: Engine,
    dir: PathBuf,
}

static MARKET: OnceLock<Market> = OnceLock::new();

fn market() -> &'static Market {
    MARKET.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("truyvet-bench-venue-{}", std::process::id()));
        let engine = Engine::open(&dir, EngineConfig::default()).expect("the directory is new");
        let site =
            SiteRecord { site: SITE.to_owned(), kind: Some("market".to_owned()), ..SiteRecord::default() };
        engine.catalog().put_sites(vec![site]).expect("a good code");
        let mut import = engine.begin_import([7; 32], "bench").expect("the store works");
        let mut first_row = 1;
        for day in 0..DAYS {
            let chunk = visits(day, first_row);
            first_row += chunk.rows;
            import.push(chunk).expect("the rows follow each other");
        }
        import.commit().expect("the store works");
        engine.seal().expect("the store works");
        Market { engine, dir }
    })
}

/// A day's visitors, from 6 to 20 o'clock.
fn visits(day: i64, first_row: u64) -> RowChunk {
    let mut scans = Vec::new();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64.wrapping_add(day as u64);
    let mut below = |bound: i64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) % bound as u64) as i64
    };
    for _ in 0..visits_a_day() {
        let (who, came) = (below(people()), START_MS + day * DAY_MS + 6 * HOUR_MS + below(14 * HOUR_MS));
        scans.push((came, who, Direction::In));
        let left = came + 1 + below(2 * HOUR_MS);
        if below(20) > 0 {
            scans.push((left, who, Direction::Out));
        }
    }
    scans.sort_unstable_by_key(|(at, who, _)| (*at, *who));
    let (mut subjects, mut sites) = (CodeColumn::plain(), CodeColumn::plain());
    for (_, who, _) in &scans {
        subjects.push(&code(*who));
        sites.push(SITE);
    }
    RowChunk {
        first_row,
        rows: scans.len() as u64,
        subjects,
        sites,
        at_ms: scans.iter().map(|(at, ..)| *at).collect(),
        directions: scans.iter().map(|(.., direction)| *direction as u8).collect(),
    }
}

fn code(who: i64) -> String {
    format!("V{who:07}")
}

/// Each comes every third day.
fn people() -> i64 {
    visits_a_day() * 3
}

fn visits_a_day() -> i64 {
    (size::scans_or(546_000) as i64 / (2 * DAYS)).max(1)
}

const SITE: &str = "MK-00001";
const DAYS: i64 = 14;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const LAST_DAY_MS: i64 = (DAYS - 1) * DAY_MS;
/// 2021-08-03.
const START_MS: i64 = 18_842 * DAY_MS;
