//! One benchmark a layer, along the path of a scan, and what they share.
//!
//! ```text
//! benches/wire.rs      a batch: made, signed, checked, read
//! benches/ingest.rs    batches into the engine until they are durable and visible
//! benches/journal.rs   of these, the journal alone: one sync a group
//! benches/live.rs      of these, the live table alone
//! benches/import.rs    rows of a file into sorted runs
//! benches/seal.rs      several runs of a day into one
//! benches/restart.rs   from the start after a crash to the first answer
//! benches/postings.rs  postings of sealed days, read and counted
//! benches/set.rs       combinations of sets, as bitmaps
//! benches/trace.rs     the questions: trails, contacts, chains and the rest
//! benches/sealed_form  candidates for the sealed form, by size and speed
//!
//! size      how many scans, and how to make it fewer
//! fleet     devices and their batches
//! chunks    two weeks of a nation as rows for import
//! tables    its areas, sites and people
//! world     two sealed weeks of a nation, and whom to ask about
//! ```
//!
//! `cargo bench` and `cargo build --release` share one build of RocksDB: the bench profile is the
//! release profile.

pub mod chunks;
pub mod fleet;
pub mod size;
pub mod tables;
pub mod world;
