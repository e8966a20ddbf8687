//! What Truyvet promises, each in a file named for it. One binary, so that RocksDB is linked once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod support;

mod answers_agree_with_the_naive_twin;
mod damaged_and_foreign_directories_are_refused;
mod every_acknowledged_scan_is_there_once;
mod sparse_history_stays_small;
