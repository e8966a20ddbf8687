//! Load on a running server, as checkpoints make it: send by schedule, measure, verify.
//!
//! ```text
//! server     its HTTP side: sites, enrolment, questions, status
//! schedule   when which batch of which device is due
//! source     a device's batches, made from the nation's model
//! device     one device: connect, send, hear acknowledgements, connect again
//! gauge      what all of them count and measure
//! probe      fresh scans that must be visible once acknowledged
//! questions  background queries
//! watch      the terminal's line and the timeline
//! verify     was anything lost or doubled?
//! drive      all of it together
//! ```
//!
//! Open loop: a batch's latency counts from the instant at which it was due, so a slow server cannot
//! hide behind a sender that waits for it.

mod device;
mod drive;
mod gauge;
mod probe;
mod questions;
mod schedule;
mod server;
mod source;
mod storm;
mod verify;
mod watch;

pub use drive::run;
pub(crate) use gauge::histogram;
pub use server::{Server, ServerError};
pub use storm::connect;

/// Why a run could not take place. What goes wrong during a run is in its report instead.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Start the server, or mend its address.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Give readable key files, one for each device and one for the probe.
    #[error("key files: {0}")]
    Keys(String),
    /// Free some ports or files.
    #[error("no socket or thread: {0}")]
    System(#[from] std::io::Error),
    /// Enrol again: the key files' authority cannot be used.
    #[error(transparent)]
    Authority(#[from] truyvet_device::client::AuthorityError),
    /// Make room, or choose another folder.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
}
