//! Several runs of a day become one: postings and trails are read, merged, and written anew. Sealing
//! works on one thread, so that the rate is a core's.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench seal
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench seal
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

/// By runs of the day, equal in size.
#[divan::bench(args = [2, 8], sample_count = 3, sample_size = 1)]
fn seal(bencher: Bencher<'_, '_>, runs: usize) {
    let nation = Nation::new(1, 1_000_000, 5_000);
    let history = History::new(&nation, FIRST_DAY, 1, size::scans_or(4_000_000) as u64);
    let rows: Vec<RowChunk> = chunks(&nation, &history, Coding::Dictionary).collect();
    let scans: u64 = rows.iter().map(|chunk| chunk.rows).sum();
    bencher
        .with_inputs(|| unsealed(&nation, &rows, runs))
        .input_counter(move |_| ItemsCount::new(scans))
        .bench_local_values(|(engine, dir)| {
            engine.seal().expect("the store works");
            assert_eq!(engine.status().scans, scans);
            assert!(engine.status().partitions.iter().all(|partition| partition.runs == 1));
            // Handed out to be dropped after the clock has stopped.
            (engine, dir)
        });
}

/// Each run is an import's: every n-th chunk of the day, so that all runs span all of it.
fn unsealed(nation: &Nation, rows: &[RowChunk], runs: usize) -> (Engine, TempDir) {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let engine = Engine::open(dir.path(), EngineConfig::default()).expect("the directory is new");
    tables::put_places(engine.catalog(), &nation.land).expect("the places are new");
    tables::put_people(engine.catalog(), nation).expect("their wards are known");
    for run in 0..runs {
        let mut import = engine.begin_import([run as u8 + 1; 32], "bench").expect("the store works");
        let mut first_row = 1;
        for chunk in rows.iter().skip(run).step_by(runs) {
            import.push(RowChunk { first_row, ..chunk.clone() }).expect("the rows follow each other");
            first_row += chunk.rows;
        }
        import.commit().expect("the store works");
    }
    (engine, dir)
}

/// 2021-08-03.
const FIRST_DAY: i64 = 18_842;
