//! From a device's batch to an answer that includes it.
//!
//! ```text
//! submit -> queue -> committer: judge, journal, sync -> applier: ids, live table, reply
//!                                                        |  table full
//!                                                        v
//!                                                     keeper: sorted runs
//! ```
//!
//! Each step is one thread behind a bounded queue. A batch is acknowledged after it is both on disk
//! and in the live table.

pub(crate) mod applier;
pub(crate) mod committer;
pub(crate) mod judge;
pub(crate) mod space;

use std::sync::Arc;

use bytes::Bytes;
use truyvet_schemas::utoipa::{self, ToSchema};
use truyvet_schemas::wire::Reason;
use truyvet_schemas::{DeviceId, TimeMs};

/// A device's batch, checked to be whole and signed by the device.
pub struct DeviceBatch {
    /// Who sent it.
    pub device: DeviceId,
    /// Gateway clock.
    pub received_at: TimeMs,
    /// The `ScanBatch` buffer; `BatchView::parse` takes it, and it names the same device.
    pub batch: Bytes,
    /// The device's signature over it.
    pub signature: [u8; 64],
    /// Who is told what became of it.
    pub reply: Arc<dyn BatchReply>,
}

/// Is told what became of batches. Called from the engine's threads: quick, and never blocking.
pub trait BatchReply: Send + Sync {
    /// Every scan of the device up to and including this seq is on disk and in every later answer.
    fn durable(&self, durable_seq: u64);

    /// These scans were refused and are kept as dead letters. Told before `durable` covers them.
    fn refused(&self, reason: Reason, seqs: Vec<u64>);

    /// The batch begins after the seq that is waited for; nothing of it was taken.
    fn gap(&self, expected_seq: u64);

    /// The batch could not be stored; nothing of it was taken. Send it again later.
    fn failed(&self, why: &str);
}

/// Why a batch was not even queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Try again shortly, and read no more from the device until then.
    #[error("the queue is full")]
    QueueFull,
    /// Try again when space has returned.
    #[error("the data directory's file system has no space left for scans")]
    StorageFull,
    /// The engine is closing.
    #[error("the engine is stopping")]
    Stopped,
}

/// Whether scans can be stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageState {
    /// They can.
    Ok,
    /// Free space, or lower `free_bytes_min`.
    Full {
        /// Free on the file system.
        free_bytes: u64,
        /// What must be free.
        needed_bytes: u64,
    },
    /// The store reported an error; it is tried again twice a second.
    Failed(String),
}
