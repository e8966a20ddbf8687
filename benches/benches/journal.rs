//! Batches of 500 scans into the journal alone: each group is one write and one sync. More batches in a
//! group share the sync, which is what a busy committer does.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench journal
//! ```

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use truyvet_benches::fleet::Fleet;
use truyvet_engine::bench_support::OpenJournal;
use truyvet_loadtest::nation::Nation;

fn main() {
    divan::main();
}

/// By batches in a group.
#[divan::bench(args = [1, 32, 256], sample_count = 50, sample_size = 1)]
fn commit_group(bencher: Bencher<'_, '_>, batches: usize) {
    let nation = Nation::new(1, 100_000, 500);
    let fleet = Fleet::new(&nation, batches * BATCH_SCANS, BATCH_SCANS);
    let bytes: usize = fleet.batches().take(batches).map(<[u8]>::len).sum();
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let mut journal = OpenJournal::create(dir.path()).expect("the directory is new");
    bencher
        .counter(ItemsCount::new(batches * BATCH_SCANS))
        .counter(BytesCount::new(bytes))
        .bench_local(|| journal.commit(fleet.batches().take(batches)).expect("the store works"));
}

const BATCH_SCANS: usize = 500;
