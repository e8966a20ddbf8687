//! A backup of the whole server: the engine's, and what lies beside it in the data directory.
//!
//! ```text
//! DATA/tls/*     the gateway's identity and the authority that devices trust: without it every device
//!                would need a new key file
//! config.toml    the settings that the server runs with
//! ```
//!
//! The registry goes along, sealed as it is. Its keys never do: whoever has the backups alone reads nobody's
//! data, and a copy of the keys must be kept elsewhere.
//!
//! Certificates that are named on the command line lie elsewhere and are the operator's own to keep.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use truyvet_engine::registry::RegistryStore;
use truyvet_engine::{Backup, BackupError, Backups, Beside, BesideFile, Engine, Progress};
use utoipa::ToSchema;

use crate::config::Config;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BackupWishes)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    /// Where the backups are.
    #[schema(value_type = String, pattern = "^/", example = "/var/backups/truyvet")]
    pub dir: PathBuf,
    /// Delete all but so many of the newest afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub keep: Option<usize>,
    /// Read the new backup again and compare its checksums.
    #[serde(default)]
    pub verify: bool,
}

/// Something to tell while a backup is made; over HTTP one JSON object a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BackupEvent)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// How far it is.
    Progress {
        /// What is being done.
        stage: Stage,
        /// Bytes done.
        bytes: u64,
        /// Bytes to do, about.
        bytes_total: u64,
    },
    /// The end.
    Done(Done),
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BackupStage)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Files that no backup has yet are copied.
    Copy,
    /// The backup is read again.
    Verify,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BackupDone)]
pub struct Done {
    /// The new backup.
    #[serde(flatten)]
    pub backup: Backup,
    /// Bytes that were compared with their checksums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_bytes: Option<u64>,
    /// Old backups that were deleted.
    pub deleted: usize,
}

impl Event {
    /// How far something is.
    pub fn progress(stage: Stage, progress: Progress) -> Self {
        Self::Progress { stage, bytes: progress.bytes, bytes_total: progress.bytes_total }
    }
}

/// Makes a backup, and old ones go only when it is good.
///
/// # Errors
/// It cannot be made or is found damaged; earlier backups are as they were.
pub fn run(
    engine: &Engine,
    registry: Option<&RegistryStore>,
    config: Option<&Config>,
    wishes: &Wishes,
    tell: &(dyn Fn(Event) + Sync),
) -> Result<Done, BackupError> {
    if wishes.keep == Some(0) {
        return Err(BackupError::KeepNone);
    }
    let data = engine.dir();
    let files = beside(data, config).map_err(|(path, source)| BackupError::Io { path, source })?;
    let beside = Beside { files, registry };
    let backup = engine.backup(&wishes.dir, beside, &|at| tell(Event::progress(Stage::Copy, at)))?;
    let backups = Backups::at(&wishes.dir)?;
    let verify = || backups.verify(Some(backup.backup), &|at| tell(Event::progress(Stage::Verify, at)));
    let verified_bytes = wishes.verify.then(verify).transpose()?;
    let deleted = wishes.keep.map_or(Ok(0), |newest| backups.keep(newest))?;
    Ok(Done { backup, verified_bytes, deleted })
}

type FileError = (PathBuf, std::io::Error);

fn beside(data: &Path, config: Option<&Config>) -> Result<Vec<BesideFile>, FileError> {
    let mut files = Vec::new();
    let folder = data.join(TLS);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let entries = match std::fs::read_dir(&folder) {
        // A directory that was never served has no identity yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        entries => Some(entries.map_err(at(&folder))?),
    };
    for entry in entries.into_iter().flatten() {
        let path = entry.map_err(at(&folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && !name.ends_with(UNFINISHED) {
            let bytes = std::fs::read(&path).map_err(at(&path))?;
            files.push(BesideFile { name: format!("{TLS}/{name}"), bytes });
        }
    }
    if let Some(text) = config.and_then(|config| toml::to_string(config).ok()) {
        files.push(BesideFile { name: CONFIG.to_owned(), bytes: text.into_bytes() });
    }
    Ok(files)
}

/// The settings, in a restored data directory.
pub const CONFIG: &str = "config.toml";

const TLS: &str = "tls";

/// A file of the identity that is being written.
const UNFINISHED: &str = ".new";
