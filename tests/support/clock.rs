//! A wall clock that a test sets, for single processes.

use std::ffi::OsString;
use std::path::PathBuf;

use tempfile::TempDir;

use super::server::tell_skipped;

/// The system's clock with an offset, shown by libfaketime to the processes that are started with
/// [`FakeClock::envs`]. Monotonic clocks go on as they are.
pub(crate) struct FakeClock {
    library: PathBuf,
    place: TempDir,
}

impl FakeClock {
    /// A right clock. `None`, and said so, where the library is not installed.
    pub(crate) fn new() -> Option<Self> {
        let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let Some(library) = library.into_iter().find(|library| library.is_file()) else {
            tell_skipped("programs whose clock jumps, since libfaketime is not installed");
            return None;
        };
        let clock = Self { library, place: TempDir::new().unwrap() };
        clock.set("+0");
        Some(clock)
    }

    /// Ahead or behind by so much, such as `+1d`.
    pub(crate) fn set(&self, offset: &str) {
        // Renamed, so that nobody reads half of it.
        let new = self.place.path().join("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    pub(crate) fn envs(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    fn file(&self) -> PathBuf {
        self.place.path().join("offset")
    }
}
