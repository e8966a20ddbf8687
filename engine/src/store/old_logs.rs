//! Logs that the store needs no longer, removed piece by piece.
//!
//! A log is some hundred megabytes. Removed at once, all of its blocks are given back at once, and where the
//! file system tells the disk of each (mounted with `discard`), whoever syncs meanwhile waits for that: a
//! second for half a gigabyte. So the store moves such logs aside, and each is cut shorter until it is gone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{Store, ignore_absent};

/// Where the store moves logs, within its own directory.
const ASIDE: &str = "archive";

impl Store {
    /// Removes logs that are moved aside, until the other end of `stop` goes.
    pub(crate) fn remove_old_logs(&self, stop: &Receiver<()>) {
        let dir = self.db.path().join(ASIDE);
        let mut pause = IDLE;
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(pause) {
            let _open = self.gate.pass();
            pause = match cut_oldest(&dir) {
                Ok(true) => PAUSE,
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, dir = %dir.display(), "an old log could not be removed; it is tried again");
                    RETRY_AFTER
                }
            };
        }
    }
}

/// Makes the oldest log shorter; tells whether there was one.
fn cut_oldest(dir: &Path) -> io::Result<bool> {
    let Some(path) = oldest(dir)? else { return Ok(false) };
    if !cut(&path).unwrap_or(false) {
        fs::remove_file(&path)?;
    }
    Ok(true)
}

/// Cuts a piece off; tells whether that was possible and something is left.
fn cut(path: &Path) -> io::Result<bool> {
    let file = File::options().write(true).open(path)?;
    let data = file.metadata()?;
    let left = data.len().saturating_sub(PIECE_BYTES);
    // A snapshot has a link to it and needs all of it: the file stays there when its name here goes.
    if data.nlink() > 1 || left == 0 {
        return Ok(false);
    }
    file.set_len(left)?;
    Ok(true)
}

fn oldest(dir: &Path) -> io::Result<Option<PathBuf>> {
    let mut oldest: Option<PathBuf> = None;
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        // The store makes it when it has a log for it.
        Err(error) => return ignore_absent(error).map(|()| None),
    };
    for entry in entries {
        let path = entry?.path();
        let is_older = oldest.as_ref().is_none_or(|oldest| path < *oldest);
        if is_older && path.extension().is_some_and(|extension| extension == "log") {
            oldest = Some(path);
        }
    }
    Ok(oldest)
}

/// What is given back at once: a few milliseconds.
const PIECE_BYTES: u64 = 8 << 20;

/// Between two pieces: 200 megabytes a second, several times what is written at most.
const PAUSE: Duration = Duration::from_millis(40);

const IDLE: Duration = Duration::from_millis(500);
const RETRY_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_go_piece_by_piece_the_oldest_first_and_nothing_else_does() {
        let dir = tempfile::tempdir().expect("a folder");
        let absent = dir.path().join("none");
        assert!(!cut_oldest(&absent).expect("no log was ever moved aside"));
        let bytes_of = |name: &str| fs::metadata(dir.path().join(name)).map(|data| data.len()).ok();
        for (name, bytes) in [("000012.log", 3), ("000007.log", 2 * PIECE_BYTES + 1), ("note", 1)] {
            File::create(dir.path().join(name)).and_then(|file| file.set_len(bytes)).expect("written");
        }
        let mut seen = Vec::new();
        while cut_oldest(dir.path()).expect("it can be cut") {
            seen.push((bytes_of("000007.log"), bytes_of("000012.log")));
        }
        let cut = [Some(PIECE_BYTES + 1), Some(1), None, None];
        let after = [Some(3), Some(3), Some(3), None];
        assert!(seen.iter().copied().eq(cut.into_iter().zip(after)), "{seen:?}");
        assert_eq!(bytes_of("note"), Some(1));
    }

    #[test]
    fn a_log_that_a_snapshot_links_to_stays_whole_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let (aside, snapshot) = (dir.path().join(ASIDE), dir.path().join("snapshot.log"));
        fs::create_dir(&aside).expect("made");
        let log = aside.join("000007.log");
        File::create(&log).and_then(|file| file.set_len(3 * PIECE_BYTES)).expect("written");
        fs::hard_link(&log, &snapshot).expect("linked");
        assert!(cut_oldest(&aside).expect("it can be removed"));
        assert!(!log.exists());
        assert_eq!(fs::metadata(&snapshot).expect("it is there").len(), 3 * PIECE_BYTES);
    }
}
