//! What can go wrong with a spool.

use std::io;
use std::path::{Path, PathBuf};

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Stop the other agent, or give this one a spool of its own.
    #[error("the spool {} is in use by another agent", dir.display())]
    InUse {
        /// The spool's directory.
        dir: PathBuf,
    },
    /// Give each key a spool of its own.
    #[error("the spool belongs to device {found}; give --spool another directory")]
    OtherDevice {
        /// Whose it is.
        found: u32,
    },
    /// Use the newer agent again.
    #[error("the spool has format {found}, which this version does not know; use the agent that made it")]
    OtherVersion {
        /// Its format.
        found: u32,
    },
    /// Keep the directory for an expert, and start with a new one: numbering goes on from what the
    /// gateway has.
    #[error("{} is damaged: {what}; move the spool aside and start again", file.display())]
    Damaged {
        /// Where.
        file: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A segment was deleted under a reader.
    #[error("a scan is no longer in the spool")]
    Gone,
    /// Look after the disk.
    #[error("cannot {what} {}: {source}", file.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpoolError {
    pub(super) fn io(what: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, file: file.to_owned(), source }
    }

    pub(super) fn damaged(file: &Path, what: &'static str) -> Self {
        Self::Damaged { file: file.to_owned(), what }
    }
}

/// Why scans were not taken. They may be given again.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Wait until the gateway has acknowledged some.
    #[error("the spool is full ({bytes_max} bytes)")]
    Full {
        /// The configured bound.
        bytes_max: u64,
    },
    /// Wait until the disk takes writes again.
    #[error("the disk does not take the scans: {0}")]
    Disk(#[from] io::Error),
}
