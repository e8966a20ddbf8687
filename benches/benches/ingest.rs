//! Batches from 32 devices into an engine until every scan is durable and visible: journal, group
//! commit, ids, live table, and the runs that are written meanwhile. Each sample has a fresh
//! directory; the subjects, of a nation of a million, are first seen in it.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench ingest
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench ingest
//! ```

use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use truyvet_benches::fleet::Fleet;
use truyvet_benches::{size, tables};
use truyvet_engine::{Engine, EngineConfig};
use truyvet_loadtest::nation::Nation;

fn main() {
    divan::main();
}

/// By scans in a batch.
#[divan::bench(args = [50, 500], sample_count = 5, sample_size = 1)]
fn submit_until_durable(bencher: Bencher<'_, '_>, batch_scans: usize) {
    let nation = Nation::new(1, 1_000_000, 5_000);
    let fleet = Fleet::new(&nation, size::scans_or(8_000_000), batch_scans);
    let scans = fleet.scans();
    bencher
        .with_inputs(|| fresh(&nation, &fleet))
        .input_counter(move |_| ItemsCount::new(scans))
        .bench_local_refs(|(engine, _)| fleet.send(engine));
}

/// The directory comes last: it is removed after the engine has let go of it.
fn fresh(nation: &Nation, fleet: &Fleet) -> (Engine, TempDir) {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let engine = Engine::open(dir.path(), EngineConfig::default()).expect("the directory is new");
    tables::put_places(engine.catalog(), &nation.land).expect("the places are new");
    fleet.enrol(&engine).expect("the sites are known");
    (engine, dir)
}
