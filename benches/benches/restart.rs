//! From the start after a crash to the first answer, with every scan still in the journal: the
//! directory is a copy of a live engine's, taken while it was open, and so has no clean end.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench restart
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench restart
//! ```

use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use truyvet_benches::fleet::Fleet;
use truyvet_benches::{size, tables};
use truyvet_engine::{Engine, EngineConfig, Interval, Passed};
use truyvet_loadtest::nation::Nation;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn open_and_answer(bencher: Bencher<'_, '_>) {
    let nation = Nation::new(1, 1_000_000, 5_000);
    let fleet = Fleet::new(&nation, size::scans_or(4_000_000), 500);
    // One more than there are: nothing leaves the journal.
    let live_scans_max = (fleet.scans() + 1).max(10_000);
    let config = EngineConfig { live_scans_max, memory_bytes: 16 << 30, ..EngineConfig::default() };
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let live = Engine::open(dir.path(), config.clone()).expect("the directory is new");
    tables::put_places(live.catalog(), &nation.land).expect("the places are new");
    fleet.enrol(&live).expect("the sites are known");
    fleet.send(&live);
    let expected = ask(&live, &fleet);
    let scans = fleet.scans();
    bencher
        .with_inputs(|| copy(dir.path()))
        .input_counter(move |_| ItemsCount::new(scans))
        .bench_local_values(|copy| {
            let engine = Engine::open(copy.path(), config.clone()).expect("a crash leaves it whole");
            assert_eq!(ask(&engine, &fleet), expected, "what was acknowledged is in the answer");
            // Handed out to be dropped after the clock has stopped.
            (engine, copy)
        });
}

/// Subjects and scans at one of the sites.
fn ask(engine: &Engine, fleet: &Fleet) -> (u64, u64) {
    let (from, to) = fleet.span();
    let interval = Interval::new(from, to).expect("the span goes forward");
    let question =
        Passed { sites: vec![fleet.a_site().to_owned()], areas: Vec::new(), interval, list: false };
    let answer = engine.passed(&question).expect("the store works");
    (answer.subjects, answer.scans)
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("there is a directory for temporary files");
    copy_into(from, to.path()).expect("the disk has room for a copy");
    to
}

fn copy_into(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy_into(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
