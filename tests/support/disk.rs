//! A disk that can be filled to the last byte.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::server::tell_skipped;

/// A file system of its own in memory; gone with the test.
pub(crate) struct SmallDisk {
    place: TempDir,
}

impl SmallDisk {
    /// `None`, and said so, where this process may not mount.
    pub(crate) fn mount(bytes: u64) -> Option<Self> {
        let place = TempDir::new().unwrap();
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "truyvet-test"]).arg(place.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self { place }),
            _ => {
                tell_skipped("a full disk, since a small one cannot be mounted here");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Leaves so many bytes, and fewer as others write.
    pub(crate) fn fill(&self, left_bytes: u64) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let block = vec![0; 64 << 10];
        while self.free_bytes() > left_bytes && ballast.write_all(&block).is_ok() {}
    }

    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        let found = rustix::fs::statvfs(self.path()).unwrap();
        found.f_bavail * found.f_frsize
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failed test may still have files open.
        Command::new("umount").arg("-l").arg(self.place.path()).status().unwrap();
    }
}
