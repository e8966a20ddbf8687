//! One benchmark a layer, along the path of a scan, and what they share. The comparison with other
//! databases is in `compare/`; its client for Truyvet is the program `compare_ask`.
//!
//! ```text
//! benches/wire.rs      a batch: made, signed, checked, read
//! benches/ingest.rs    batches into the engine until they are durable and visible
//! benches/import.rs    rows of a file into sorted runs
//! benches/restart.rs   from the start after a crash to the first answer
//! benches/trace.rs     the questions
//!
//! size      how many scans, and how to make it fewer
//! fleet     devices and their batches
//! chunks    two weeks of a nation as rows for import
//! tables    its areas, sites and people
//! ```
//!
//! `cargo bench` and `cargo build --release` share one build of RocksDB: the bench profile is the
//! release profile.

pub mod chunks;
pub mod fleet;
pub mod size;
pub mod tables;
