//! Keeps scans and answers trace questions: no sockets, no async.
//!
//! ```text
//! ingest      a device's batch: judged, made durable, made visible
//! journal     what is durable and in no run yet
//! live        what is in memory
//! keeper      live tables and imports become sorted runs
//! sealer      several runs become one
//! partition   spans of days: plan, write, merge, read
//! index       keys, packed columns, postings, trails, rollups
//! store       the only place that names RocksDB
//! memory      where it goes
//! catalog     subjects, sites, areas, devices
//! follow      scans of some subjects, told as they become visible
//! trace       the questions and their answers
//! registry    people, declarations, passes, and who looked at them
//! verify      everything on disk read and checked
//! backup      copies of the data directory, and data directories from them
//! ```

mod backup;
#[doc(hidden)]
pub mod bench_support;
mod catalog;
pub mod config;
mod data_dir;
mod engine;
pub mod error;
mod follow;
mod import;
mod index;
mod ingest;
mod journal;
mod keeper;
mod live;
mod memory;
mod pace;
mod partition;
mod recovery;
pub mod registry;
mod sealer;
mod shared;
mod status;
mod store;
pub mod trace;
mod verify;

pub use backup::{Backup, BackupError, Backups, Beside, Progress, Watch};
pub use catalog::Catalog;
pub use catalog::records::{
    AreaRecord, DeadLetter, DeviceRecord, FormerSite, LostScans, PersonRecord, SiteRecord,
};
pub use config::EngineConfig;
pub use engine::Engine;
pub use error::{CatalogError, EngineError, OpenError, TraceError};
pub use follow::{Passage, Passages};
pub use import::{CodeColumn, Import, ImportError, ImportReport, RowChunk};
pub use ingest::{BatchReply, DeviceBatch, StorageState, SubmitError};
pub use memory::MemoryStatus;
pub use partition::gaps::Why;
pub use partition::manifest::PartBytes;
pub use status::{PartitionStatus, Status};
pub use store::BesideFile;
pub use trace::*;
pub use verify::{Damage, VerifyProgress, VerifyReport};
