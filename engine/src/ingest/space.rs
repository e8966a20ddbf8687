//! Whether the file system has room, looked at now and then instead of found out by a failed write.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::StorageState;

/// Watches the free space of the data directory.
pub(crate) struct Space {
    dir: PathBuf,
    free_bytes_min: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    state: StorageState,
    looked: Option<Instant>,
}

impl Space {
    pub(crate) fn new(dir: PathBuf, free_bytes_min: u64) -> Self {
        Self { dir, free_bytes_min, inner: Mutex::new(Inner { state: StorageState::Ok, looked: None }) }
    }

    /// The state as last seen, looked at anew when that is some time ago.
    pub(crate) fn state(&self) -> StorageState {
        let mut inner = self.inner.lock();
        let fresh = inner.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY);
        if !fresh && !matches!(inner.state, StorageState::Failed(_)) {
            inner.state = self.look();
            inner.looked = Some(Instant::now());
        }
        inner.state.clone()
    }

    /// The store reported an error.
    pub(crate) fn failed(&self, why: &str) {
        let mut inner = self.inner.lock();
        if !matches!(inner.state, StorageState::Failed(_)) {
            tracing::error!(why, "the store cannot write; scans are held back until it can");
        }
        inner.state = StorageState::Failed(why.to_owned());
    }

    /// The store works again.
    pub(crate) fn recovered(&self) {
        let mut inner = self.inner.lock();
        if matches!(inner.state, StorageState::Failed(_)) {
            tracing::info!("the store writes again");
            *inner = Inner { state: self.look(), looked: Some(Instant::now()) };
        }
    }

    /// Whether there is room to begin or end a family. The store's own list of files must never run out
    /// of space half-way: that is an error from which only a restart recovers.
    pub(crate) fn has_room_for_families(&self) -> bool {
        self.free_bytes().is_none_or(|free| free >= FAMILIES_BYTES_MIN)
    }

    fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.dir).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn look(&self) -> StorageState {
        let Some(free_bytes) = self.free_bytes() else { return StorageState::Ok };
        if free_bytes >= self.free_bytes_min {
            return StorageState::Ok;
        }
        StorageState::Full { free_bytes, needed_bytes: self.free_bytes_min }
    }
}

/// The store writes its list of files and its options anew, far below a megabyte each; the rest is for
/// what others write meanwhile.
const FAMILIES_BYTES_MIN: u64 = 16 << 20;

/// At a gigabyte a second, a tenth of one may be written between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
