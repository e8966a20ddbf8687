//! Prepared rows of two weeks into an engine, until all can be asked for: ids, sorting, runs. Reading
//! the file is not in it. Areas, sites and homes are known beforehand, as after `truyvet import
//! --areas --sites --people`.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench import
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench import
//! ```

use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use truyvet_benches::chunks::{Coding, chunks};
use truyvet_benches::{size, tables};
use truyvet_engine::{Engine, EngineConfig, RowChunk};
use truyvet_loadtest::nation::{History, Nation};

fn main() {
    divan::main();
}

#[divan::bench(args = [Coding::Dictionary, Coding::Plain], sample_count = 3, sample_size = 1)]
fn push_and_commit(bencher: Bencher<'_, '_>, coding: Coding) {
    let nation = Nation::new(1, 1_000_000, 5_000);
    let history = History::new(&nation, FIRST_DAY, 14, size::scans_or(4_000_000) as u64);
    let rows: Vec<RowChunk> = chunks(&nation, &history, coding).collect();
    let scans: u64 = rows.iter().map(|chunk| chunk.rows).sum();
    bencher
        .with_inputs(|| (fresh(&nation), rows.clone()))
        .input_counter(move |_| ItemsCount::new(scans))
        .bench_local_values(|((engine, dir), rows)| {
            let mut import = engine.begin_import([1; 32], "bench").expect("the store works");
            rows.into_iter().for_each(|chunk| import.push(chunk).expect("the rows follow each other"));
            let report = import.commit().expect("the store works");
            assert_eq!(report.rows_done, scans);
            // Handed out to be dropped after the clock has stopped.
            (engine, dir)
        });
}

fn fresh(nation: &Nation) -> (Engine, TempDir) {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let engine = Engine::open(dir.path(), EngineConfig::default()).expect("the directory is new");
    tables::put_places(engine.catalog(), &nation.land).expect("the places are new");
    tables::put_people(engine.catalog(), nation).expect("their wards are known");
    (engine, dir)
}

/// 2021-08-03, the day that the load test's history begins with.
const FIRST_DAY: i64 = 18_842;
