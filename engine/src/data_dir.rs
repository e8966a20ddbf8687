//! The data directory: its lock, its format, and what lies where.
//!
//! ```text
//! DIR/FORMAT    number of the format, as text
//! DIR/LOCK      held by the process that has it open
//! DIR/engine/   the store
//! DIR/scratch/  sorted files on their way into the store, and a backup's snapshot; emptied at start
//! DIR/RESTORING while a restore fills the directory: no data directory before it has a FORMAT
//! ```
//!
//! The gateway keeps its own things beside these.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::OpenError;

/// A locked data directory.
pub(crate) struct DataDir {
    root: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Locks the directory, making it where it is new, and checks its format.
    pub(crate) fn lock(root: &Path) -> Result<Self, OpenError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        std::fs::create_dir_all(root).map_err(io(root))?;
        if root.join(RESTORING_FILE).exists() && !root.join(FORMAT_FILE).exists() {
            return Err(OpenError::Unfinished(root.into()));
        }
        check_own(root).map_err(io(root))?.then_some(()).ok_or_else(|| OpenError::Foreign(root.into()))?;
        let lock_path = root.join("LOCK");
        let lock = File::create(&lock_path).map_err(io(&lock_path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| OpenError::InUse(root.into()))?;
        let format_path = root.join(FORMAT_FILE);
        match std::fs::read_to_string(&format_path) {
            Ok(text) => check_format(root, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                write_durably(root, &format_path, format!("{FORMAT}\n").as_bytes())
                    .map_err(io(&format_path))?;
            }
            Err(error) => return Err(io(&format_path)(error)),
        }
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.root.join(STORE_FOLDER)
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }
}

/// Whether the directory is new, or one of ours.
fn check_own(root: &Path) -> std::io::Result<bool> {
    let is_ours = root.join(FORMAT_FILE).exists() || root.join("LOCK").exists();
    let mut others = std::fs::read_dir(root)?.filter_map(Result::ok).map(|entry| entry.file_name());
    // What an operator, the gateway or a file system may have put there before the first start.
    Ok(is_ours || others.all(|name| ["lost+found", "tls", "tmp", "examples.json"].iter().any(|n| name == *n)))
}

pub(crate) fn check_format(root: &Path, text: &str) -> Result<(), OpenError> {
    let found: u32 = text.trim().parse().map_err(|_| OpenError::Foreign(root.into()))?;
    if found > FORMAT {
        return Err(OpenError::NewerVersion { dir: root.into(), found, known: FORMAT });
    }
    if found < FORMAT {
        return Err(OpenError::OlderVersion { dir: root.into(), found, known: FORMAT });
    }
    Ok(())
}

/// Writes a small file, whole or not at all.
pub(crate) fn write_durably(root: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_whole(root, path, bytes, 0o666)
}

/// The same, readable to its owner alone.
pub(crate) fn write_private(root: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_whole(root, path, bytes, 0o600)
}

fn write_whole(root: &Path, path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let new = path.with_extension(NEW_EXTENSION);
    let mut file = File::options().write(true).create(true).truncate(true).mode(mode).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(root)?.sync_all()
}

pub(crate) const FORMAT_FILE: &str = "FORMAT";
pub(crate) const RESTORING_FILE: &str = "RESTORING";
pub(crate) const STORE_FOLDER: &str = "engine";
pub(crate) const NEW_EXTENSION: &str = "new";

/// Version of everything below the directory.
const FORMAT: u32 = 2;
