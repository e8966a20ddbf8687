//! A disk that can lose power.
//!
//! ```text
//! image file -> loop device -> ext4 -> the processes under test
//!     | lose_power: copied as it is          (what nobody synced is only in the page cache above)
//!     v
//! the copy   -> loop device -> ext4, its journal replayed: what a power loss leaves
//! ```
//!
//! The file system commits by itself only every ten minutes, so that nothing reaches the image but by a
//! sync that somebody asked for; it may put names on disk before the contents they stand for
//! (`data=writeback`, `noauto_da_alloc`), as file systems are allowed to. So a sync that is missing shows.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::server::tell_skipped;

/// A file system on an image file; gone with the test.
pub(crate) struct PowerDisk {
    place: TempDir,
    losses: u32,
}

impl PowerDisk {
    /// `None`, and said what is missing, where this process may not make one.
    pub(crate) fn mount() -> Option<Self> {
        let disk = Self { place: TempDir::new().unwrap(), losses: 0 };
        std::fs::create_dir(disk.path()).unwrap();
        let made = std::fs::File::create(disk.image()).and_then(|image| image.set_len(IMAGE_BYTES));
        made.unwrap();
        let mkfs = ["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"];
        let ready = run(Command::new("mkfs.ext4").args(mkfs).arg(disk.image())).and_then(|()| disk.attach());
        match ready {
            Ok(()) => Some(disk),
            Err(missing) => {
                tell_skipped(&format!("a power loss, since no disk for it can be made here: {missing}"));
                None
            }
        }
    }

    /// Where it is mounted, before a loss and after it.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.path().join("disk")
    }

    /// Goes on with what a power loss would leave. Whoever wrote here must have been killed before: the
    /// kernel alone does not sync within the moment that the copy takes.
    pub(crate) fn lose_power(&mut self) {
        let former = self.image();
        self.losses += 1;
        run(Command::new("cp").arg("--sparse=always").arg(&former).arg(self.image())).unwrap();
        run(Command::new("umount").arg(self.path())).unwrap();
        std::fs::remove_file(former).unwrap();
        self.attach().unwrap();
    }

    fn image(&self) -> PathBuf {
        self.place.path().join(format!("image-{}", self.losses))
    }

    fn attach(&self) -> Result<(), String> {
        let options = "loop,commit=600,data=writeback,noauto_da_alloc";
        run(Command::new("mount").args(["-t", "ext4", "-o", options]).arg(self.image()).arg(self.path()))
    }
}

impl Drop for PowerDisk {
    fn drop(&mut self) {
        // Lazily: a failed test may still have files open. Not mounted where making it failed.
        Command::new("umount").args(["-q", "-l"]).arg(self.path()).status().ok();
    }
}

/// What went wrong, in the words of the program that could not do it.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

const IMAGE_BYTES: u64 = 1 << 30;
