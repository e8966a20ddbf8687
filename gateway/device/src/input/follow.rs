//! A file read as it grows, through rotation and truncation, from where the spool stands.
//!
//! Which file it is, is told by device and inode and a checksum of the bytes just before the place:
//! an inode may be used again, and a file cut short may grow past the place before anyone looks.
//!
//! ```text
//! at start    the path, or a sibling it was renamed to, is the file we were in -> go on there
//!             neither -> the path from its start
//! rotation    the path names another file, and ours has ended for a while -> the new one
//! truncation  ours is shorter than our place, or other bytes stand before it -> its start
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::spool::Position;

/// What a look at the file brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// So many bytes are in the buffer.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The old file is done; what comes next is another file, from its start.
    Next,
    /// The end, where the file is not followed.
    End,
}

/// A file and the place in it.
#[derive(Debug)]
pub(super) struct FollowedFile {
    path: PathBuf,
    follow: bool,
    open: Option<OpenFile>,
    /// When another file was first seen under the path.
    rotated_at: Option<Instant>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    id: (u64, u64),
    /// Bytes read.
    offset: u64,
    /// Of the bytes before `offset`.
    check: u32,
}

impl FollowedFile {
    /// Opens the file at the place where the spool stands; tells whether it is in that file still.
    pub(super) fn open(path: &Path, follow: bool, stands: Option<&Position>) -> io::Result<(Self, bool)> {
        let mut this = Self { path: path.to_owned(), follow, open: None, rotated_at: None };
        if let Some(position) = stands {
            this.open = find(path, position)?;
            if this.open.is_some() {
                return Ok((this, true));
            }
        }
        match OpenFile::at_start(path) {
            Ok(open) => this.open = Some(open),
            Err(error) if follow && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok((this, false))
    }

    /// Reads on, without waiting.
    pub(super) fn look(&mut self, buffer: &mut [u8]) -> io::Result<Look> {
        let Some(open) = &mut self.open else {
            return self.next_file();
        };
        if open.was_replaced()? {
            tracing::warn!("the input file was cut short; reading it from its start");
            *open = OpenFile::of(open.file.try_clone()?)?;
            return Ok(Look::Next);
        }
        match open.read(buffer)? {
            0 => self.at_end(),
            bytes => {
                self.rotated_at = None;
                Ok(Look::Bytes(bytes))
            }
        }
    }

    /// The position of a place in this file that was read already.
    pub(super) fn position(&self, offset: u64, line: u64) -> io::Result<Option<Position>> {
        let Some(open) = &self.open else { return Ok(None) };
        let check = check_before(&open.file, offset)?.unwrap_or_default();
        Ok(Some(Position { file: open.id, offset, line, check }))
    }

    /// The first bytes of the file.
    pub(super) fn head(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.open.as_ref().map_or(Ok(0), |open| open.file.read_at(buffer, 0))
    }

    fn at_end(&mut self) -> io::Result<Look> {
        let here = self.open.as_ref().map(|open| open.id);
        let renamed = match fs::metadata(&self.path) {
            Ok(metadata) => here != Some((metadata.dev(), metadata.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !renamed {
            return Ok(if self.follow { Look::Nothing } else { Look::End });
        }
        // Whoever writes may write a little more to the old file before taking up the new one.
        let rotated_at = *self.rotated_at.get_or_insert_with(Instant::now);
        if rotated_at.elapsed() < ROTATION_GRACE {
            return Ok(Look::Nothing);
        }
        self.next_file()
    }

    fn next_file(&mut self) -> io::Result<Look> {
        match OpenFile::at_start(&self.path) {
            Ok(open) => {
                self.open = Some(open);
                self.rotated_at = None;
                Ok(Look::Next)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Look::Nothing),
            Err(error) => Err(error),
        }
    }
}

impl OpenFile {
    fn at_start(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?)
    }

    fn of(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let check = check_before(&file, 0)?.unwrap_or_default();
        Ok(Self { file, id: (metadata.dev(), metadata.ino()), offset: 0, check })
    }

    fn at(path: &Path, position: &Position) -> io::Result<Option<Self>> {
        let open = Self::at_start(path)?;
        let same =
            open.id == position.file && check_before(&open.file, position.offset)? == Some(position.check);
        Ok(same.then_some(Self { offset: position.offset, check: position.check, ..open }))
    }

    fn was_replaced(&self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        if length == self.offset {
            return Ok(false);
        }
        Ok(length < self.offset || check_before(&self.file, self.offset)? != Some(self.check))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read_at(buffer, self.offset)?;
        if bytes > 0 {
            self.offset += bytes as u64;
            self.check = check_before(&self.file, self.offset)?.unwrap_or_default();
        }
        Ok(bytes)
    }
}

/// The file of this position: the path itself, or what it was renamed to meanwhile.
fn find(path: &Path, position: &Position) -> io::Result<Option<OpenFile>> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut candidates = vec![path.to_owned()];
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.metadata().is_ok_and(|m| (m.dev(), m.ino()) == position.file) {
            candidates.push(entry.path());
        }
    }
    for candidate in candidates {
        match OpenFile::at(&candidate, position) {
            Ok(Some(open)) => return Ok(Some(open)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Checksum of the bytes just before a place; `None` when the file does not reach there.
fn check_before(file: &File, offset: u64) -> io::Result<Option<u32>> {
    let mut bytes = [0; CHECK_BYTES];
    let bytes = &mut bytes[..offset.min(CHECK_BYTES as u64) as usize];
    match file.read_exact_at(bytes, offset - bytes.len() as u64) {
        Ok(()) => Ok(Some(crc32fast::hash(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// A few lines: enough to tell two files of one kind apart.
const CHECK_BYTES: usize = 512;

/// How long a rotated file must stay at its end before it counts as done.
const ROTATION_GRACE: Duration = Duration::from_secs(1);
