//! What can go wrong with backups, each with what to do about it.

use std::path::{Path, PathBuf};

use crate::error::{EngineError, OpenError};

/// Why a backup could not be made, checked or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Wait until it is done.
    #[error("a backup of this server is being made already; wait until it is done")]
    Running,
    /// Wait until it is done.
    #[error("{} is in use: another process makes, deletes or reads backups there; wait until it is done", .0.display())]
    InUse(PathBuf),
    /// Choose an empty directory, or one of backups.
    #[error("{} holds other files and is no directory of backups; choose an empty one", .0.display())]
    Foreign(PathBuf),
    /// Choose a directory elsewhere, best on another disk.
    #[error("{} lies within {} or around it, and would be lost with it; choose a directory on another disk", .dir.display(), .data.display())]
    Within {
        /// The directory for backups.
        dir: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Run the newer program.
    #[error("{} was written by a newer version (layout {found}; this program reads up to {known}); run the newer program", .dir.display())]
    NewerVersion {
        /// The directory of backups.
        dir: PathBuf,
        /// Layout on disk.
        found: u32,
        /// Newest layout known here.
        known: u32,
    },
    /// Name the directory that was given to `truyvet backup`.
    #[error("{} holds no finished backup; name the directory that was given to `truyvet backup`", .0.display())]
    NoBackup(PathBuf),
    /// Choose one that is listed.
    #[error("{} has no good backup {backup}; `truyvet backup {} --list` shows those it has", .dir.display(), .dir.display())]
    Unknown {
        /// The directory of backups.
        dir: PathBuf,
        /// The number asked for.
        backup: u32,
    },
    /// Keep at least one.
    #[error("at least one backup must be kept")]
    KeepNone,
    /// Restore another one, and make a new one.
    #[error("backup {backup} is damaged: {what}; restore another one, and make a new one elsewhere")]
    Damaged {
        /// Its number.
        backup: u32,
        /// What is wrong with it.
        what: String,
    },
    /// Free space there.
    #[error(
        "{}: about {needed_bytes} bytes are needed, and {free_bytes} are free; free some space \
         (`truyvet backup DIR --keep N` deletes old backups) and try again",
        .dir.display()
    )]
    Full {
        /// Where.
        dir: PathBuf,
        /// Bytes needed.
        needed_bytes: u64,
        /// Bytes free.
        free_bytes: u64,
    },
    /// Free space there.
    #[error(
        "{}: the disk is full; nothing that was there before is touched. Free some space \
         (`truyvet backup DIR --keep N` deletes old backups) and try again",
        .0.display()
    )]
    NoSpace(PathBuf),
    /// Restore into a new directory; nothing is overwritten.
    #[error("{} is not empty; restore into a new directory, nothing is ever overwritten", .0.display())]
    NotEmpty(PathBuf),
    /// Check the file system and its permissions.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// As the inner error says.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// As the inner error says.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// An error of the file system, with the file.
pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| match source.kind() {
        std::io::ErrorKind::StorageFull => BackupError::NoSpace(path),
        _ => BackupError::Io { path, source },
    }
}

/// An error of the store while it wrote below `dir`.
pub(super) fn full_if_no_space(dir: &Path) -> impl FnOnce(EngineError) -> BackupError {
    let dir = dir.to_owned();
    move |error| match &error {
        EngineError::Store(why) if why.contains(NO_SPACE) => BackupError::NoSpace(dir),
        _ => error.into(),
    }
}

/// An error of the store while it copied a backup to below `dir`.
pub(super) fn damaged_or_full(backup: u32, dir: &Path) -> impl FnOnce(EngineError) -> BackupError {
    let full = full_if_no_space(dir);
    move |error| match error {
        EngineError::Store(what) if what.starts_with(CORRUPTION) => BackupError::Damaged { backup, what },
        error => full(error),
    }
}

/// How the store begins what it says of a wrong checksum.
const CORRUPTION: &str = "Corruption";

/// The system's words, which the store repeats.
const NO_SPACE: &str = "No space left on device";
