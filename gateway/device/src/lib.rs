//! A checkpoint's device: takes scans in, keeps them on disk until the gateway has them on its own,
//! and streams them there. Fit for a small board: one network thread, one input thread, a few
//! megabytes.
//!
//! ```text
//! input    lines of stdin or of a followed file -> scans
//! spool    numbered, durable, exactly once from file to disk
//! agent    connect, resume, reconnect; what the gateway's refusals demand
//! session  one session: batches from the spool out, acknowledgements in
//! client   the wire itself, for any other client too
//! aside    scans that were refused, kept for people
//! status   the state in a line
//! ```

pub mod agent;
mod aside;
pub mod client;
pub mod input;
mod session;
pub mod spool;
pub mod status;

pub use agent::{Agent, AgentError, AgentOptions};
pub use client::{ConnectOptions, Connection, Receiver, Sender};
pub use spool::{Spool, SpoolError};
