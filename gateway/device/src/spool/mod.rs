//! The device's durable queue: scans are numbered and on disk before the input counts as taken, and
//! leave it only when the gateway has them on its disk.
//!
//! ```text
//! append (input thread)                cursor (sender)             acknowledge + tidy
//!   group -> record -> fsync  ------>    Run, Run, ...     ----->    mark, then old segments go
//! ```
//!
//! - Numbers have no gaps and do not depend on the clock. The spool counts from 1; `shift`, fixed at
//!   the first welcome, turns its numbers into seqs. So a new spool in place of a lost one goes on
//!   where the gateway stands, even for scans taken before it could ask.
//! - The last segment is never deleted: it carries the numbering and the place in the input.
//! - After a failed write or fsync nothing is appended until what was durable before is read back
//!   and a new segment is on disk; pages that an fsync failed on are never trusted again.

mod cursor;
mod error;
mod mark;
mod open;
mod record;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use truyvet_schemas::{DeviceId, Scan};

pub use cursor::{Cursor, Run};
pub use error::{AppendError, SpoolError};
use mark::Mark;
pub use record::{GROUP_SCANS_MAX, Position};

/// A device's durable queue of scans. One process at a time; shared by threads.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    /// Held while the spool is open; the lock goes with the file.
    _lock: File,
    /// Taken first where several are held.
    writer: Mutex<Writer>,
    mark: Mutex<Mark>,
    index: Mutex<Index>,
    /// Wakes those who wait for scans to send.
    pub(crate) appended: Notify,
}

#[derive(Debug)]
struct Writer {
    file: File,
    first: u64,
    end: u64,
    position: Option<Position>,
    /// A write or fsync failed: what lies after `end` is unknown.
    suspect: bool,
}

#[derive(Debug)]
struct Index {
    /// Oldest first; never empty.
    segments: VecDeque<SegmentInfo>,
    /// Number of the next scan.
    next: u64,
    /// The last acknowledged number; `mark` may lag behind.
    acked: u64,
}

#[derive(Clone, Copy, Debug)]
struct SegmentInfo {
    first: u64,
    bytes: u64,
}

/// How the spool and the gateway stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The usual: the gateway goes on where it stopped.
    Resumed,
    /// The spool is new, its first scan gets this seq. Above 1, a spool before this one is lost.
    First {
        /// Seq of the spool's first scan.
        seq: u64,
    },
    /// The gateway has more than this spool ever numbered. Numbering goes on above it; scans whose
    /// seqs were used by others were set aside in `unsure.ndjson`.
    Ahead {
        /// Scans set aside.
        unsure: u64,
    },
    /// The gateway has less than it acknowledged before, and what it lacks is sent again.
    Behind,
    /// As `Behind`, but scans from here up to the first that is left were deleted as acknowledged. They
    /// count as delivered here; the gateway must be told before anything behind them is sent.
    Lost {
        /// The first seq that the gateway lacks.
        from_seq: u64,
        /// The first seq that the spool still has.
        held_seq: u64,
    },
}

/// Figures for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Scans not yet acknowledged.
    pub waiting: u64,
    /// The last seq given out; the spool's own number before the first welcome.
    pub numbered_seq: u64,
    /// The last acknowledged seq, likewise.
    pub acked_seq: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Spool {
    /// Opens the spool of a device, or makes it. Cuts off a record torn by a power cut.
    ///
    /// # Errors
    /// See [`SpoolError`]; nothing was changed.
    pub fn open(dir: &Path, device: DeviceId, bytes_max: u64) -> Result<Arc<Self>, SpoolError> {
        fs::create_dir_all(dir).map_err(SpoolError::io("create", dir))?;
        let lock = open::lock(dir)?;
        let mark = Mark::load(dir)?;
        if let Some(mark) = mark.as_ref().filter(|mark| mark.device != device.get()) {
            return Err(SpoolError::OtherDevice { found: mark.device });
        }
        let mut segments = open::list_segments(dir)?;
        let never_used = mark.as_ref().is_none_or(|mark| mark.shift.is_none() && mark.acked == 0);
        let mark = match mark {
            Some(mark) => mark,
            None if segments.is_empty() => open::new_mark(dir, device)?,
            None => return Err(SpoolError::damaged(dir, "its mark is missing")),
        };
        if segments.is_empty() {
            if !never_used {
                return Err(SpoolError::damaged(dir, "its segments are missing"));
            }
            segment::create(dir, FIRST, None).map_err(SpoolError::io("write", dir))?;
            segments.push_back(SegmentInfo { first: FIRST, bytes: segment::HEADER_BYTES as u64 });
        }
        let (writer, next) = open::open_last(dir, &mut segments)?;
        let deleted = segments.front().expect("one was made").first - 1;
        let index = Index { segments, next, acked: mark.acked.clamp(deleted, next - 1) };
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            bytes_max,
            _lock: lock,
            writer: Mutex::new(writer),
            mark: Mutex::new(mark),
            index: Mutex::new(index),
            appended: Notify::new(),
        }))
    }

    /// Numbers these scans and makes them durable, with the place in the input where they end (where
    /// there is one). At most [`GROUP_SCANS_MAX`] scans, codes and site within the wire's limits.
    ///
    /// # Errors
    /// See [`AppendError`]: nothing was taken, and the same scans may be given again.
    pub fn append(&self, site: &str, scans: &[Scan], position: Option<&Position>) -> Result<(), AppendError> {
        assert!(scans.len() <= GROUP_SCANS_MAX, "the caller bounds its groups");
        if scans.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer.lock();
        let next = self.next();
        let record = record::encode(next, position.or(writer.position.as_ref()), site, scans);
        if self.bytes() + record.len() as u64 > self.bytes_max {
            return Err(AppendError::Full { bytes_max: self.bytes_max });
        }
        if writer.suspect {
            self.repair(&mut writer, next)?;
        } else if writer.end >= self.segment_bytes() {
            self.roll(&mut writer, next)?;
        }
        writer.suspect = true;
        writer.file.write_all_at(&record, writer.end)?;
        writer.file.sync_data()?;
        writer.suspect = false;
        writer.end += record.len() as u64;
        writer.position = position.copied().or(writer.position);
        let mut index = self.index.lock();
        index.next = next + scans.len() as u64;
        index.segments.back_mut().expect("never empty").bytes = writer.end;
        drop(index);
        self.appended.notify_waiters();
        Ok(())
    }

    /// Where the input stands after the last durable scan.
    pub fn position(&self) -> Option<Position> {
        self.writer.lock().position
    }

    /// Code of the site that the gateway named last.
    pub fn site(&self) -> Option<String> {
        self.mark.lock().site.clone()
    }

    /// The site of new scans from now on, as the gateway names it; scans that are already here keep
    /// theirs.
    ///
    /// # Errors
    /// The disk fails. The site holds, and [`Spool::tidy`] makes it durable.
    pub fn set_site(&self, site: &str) -> Result<(), SpoolError> {
        let mut mark = self.mark.lock();
        if mark.site.as_deref() != Some(site) {
            mark.change(|mark| mark.site = Some(site.to_owned()));
        }
        mark.save(&self.dir)
    }

    /// Figures for people.
    pub fn stats(&self) -> SpoolStats {
        let shift = self.mark.lock().shift.unwrap_or(0);
        let index = self.index.lock();
        SpoolStats {
            waiting: index.next - 1 - index.acked,
            numbered_seq: shift + index.next - 1,
            acked_seq: shift + index.acked,
            bytes: index.segments.iter().map(|segment| segment.bytes).sum(),
        }
    }

    /// Where the spool lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether every scan is acknowledged.
    pub fn is_delivered(&self) -> bool {
        self.stats().waiting == 0
    }

    /// Brings the numbering in line with the gateway's `durable_seq` and counts what it covers as
    /// acknowledged. To be called at each welcome, before anything is read.
    ///
    /// # Errors
    /// The disk fails.
    pub fn bind(self: &Arc<Self>, durable_seq: u64) -> Result<Bound, SpoolError> {
        let Some(shift) = self.mark.lock().shift else {
            self.mark.lock().replace(&self.dir, |mark| mark.shift = Some(durable_seq))?;
            return Ok(Bound::First { seq: durable_seq + 1 });
        };
        let stats = self.stats();
        if durable_seq > stats.numbered_seq {
            return self.jump(durable_seq - shift);
        }
        if durable_seq >= stats.acked_seq {
            self.acknowledge(durable_seq);
            return Ok(Bound::Resumed);
        }
        let mut index = self.index.lock();
        let held_seq = shift + index.segments.front().expect("never empty").first;
        if held_seq > durable_seq + 1 {
            index.acked = held_seq - 1 - shift;
            return Ok(Bound::Lost { from_seq: durable_seq + 1, held_seq });
        }
        index.acked = durable_seq - shift;
        Ok(Bound::Behind)
    }

    /// A cursor at the first scan that is not acknowledged. Only after [`Spool::bind`].
    pub fn cursor(self: &Arc<Self>) -> Cursor {
        let shift = self.mark.lock().shift.unwrap_or(0);
        Cursor::new(Arc::clone(self), self.index.lock().acked + 1, shift)
    }

    /// Counts everything up to this seq as delivered; tells whether [`Spool::tidy`] can free space.
    pub fn acknowledge(&self, durable_seq: u64) -> bool {
        let shift = self.mark.lock().shift.unwrap_or(0);
        let mut index = self.index.lock();
        let acked = durable_seq.saturating_sub(shift).min(index.next - 1);
        index.acked = index.acked.max(acked);
        index.is_tidy_due()
    }

    /// Makes the acknowledged seq durable, and deletes segments that are acknowledged whole. Waits for
    /// the disk.
    ///
    /// # Errors
    /// The disk fails; what could not be done is done next time.
    pub fn tidy(&self) -> Result<(), SpoolError> {
        let mut mark = self.mark.lock();
        let acked = self.index.lock().acked;
        if mark.acked != acked {
            mark.change(|mark| mark.acked = acked);
        }
        let saved = mark.save(&self.dir);
        // Also where the mark could not be written: on a disk that the spool itself has filled, this
        // is what makes room for it. The first segment left says as much as the mark.
        self.delete_acknowledged()?;
        saved.or_else(|_| mark.save(&self.dir))
    }

    fn delete_acknowledged(&self) -> Result<(), SpoolError> {
        loop {
            let mut index = self.index.lock();
            if !index.is_tidy_due() {
                return Ok(());
            }
            let path = segment::path(&self.dir, index.segments[0].first);
            fs::remove_file(&path).map_err(SpoolError::io("delete", &path))?;
            index.segments.pop_front();
        }
    }

    /// Continues above a number that this spool never gave out.
    fn jump(self: &Arc<Self>, durable: u64) -> Result<Bound, SpoolError> {
        let mut writer = self.writer.lock();
        let unsure = self.set_aside_unsure()?;
        let position = writer.position;
        let next = durable + 1;
        let file = segment::create(&self.dir, next, position.as_ref())
            .map_err(SpoolError::io("write", &self.dir))?;
        let end = segment::HEADER_BYTES as u64;
        *writer = Writer { file, first: next, end, position, suspect: false };
        let mut index = self.index.lock();
        index.segments.push_back(SegmentInfo { first: next, bytes: end });
        index.next = next;
        index.acked = durable;
        drop(index);
        self.tidy()?;
        Ok(Bound::Ahead { unsure })
    }

    /// Writes the scans not acknowledged to `unsure.ndjson`, durably: lines that an agent can take.
    fn set_aside_unsure(self: &Arc<Self>) -> Result<u64, SpoolError> {
        let mut cursor = self.cursor();
        let path = self.dir.join(UNSURE_FILE);
        let mut unsure = 0;
        while let Some(run) = cursor.read(GROUP_SCANS_MAX)? {
            crate::aside::append_scans(&path, &run).map_err(SpoolError::io("write", &path))?;
            unsure += run.scans.len() as u64;
        }
        Ok(unsure)
    }

    fn roll(&self, writer: &mut Writer, next: u64) -> io::Result<()> {
        let file = segment::create(&self.dir, next, writer.position.as_ref())?;
        let end = segment::HEADER_BYTES as u64;
        let position = writer.position;
        let replaced = writer.first == next;
        *writer = Writer { file, first: next, end, position, suspect: false };
        let mut index = self.index.lock();
        if replaced {
            index.segments.pop_back();
        }
        index.segments.push_back(SegmentInfo { first: next, bytes: end });
        Ok(())
    }

    /// Cuts off what a failed write left, makes sure that what was durable before can still be read,
    /// and goes on in a new file.
    fn repair(&self, writer: &mut Writer, next: u64) -> io::Result<()> {
        writer.file.set_len(writer.end)?;
        writer.file.sync_all()?;
        let path = segment::path(&self.dir, writer.first);
        let survey = segment::survey(&path).map_err(io::Error::other)?;
        if survey.next != next || survey.torn_bytes > 0 {
            return Err(io::Error::other("what was durable cannot be read back"));
        }
        self.roll(writer, next)
    }

    /// A sixteenth of the spool, so that acknowledged space is given back in good time.
    fn segment_bytes(&self) -> u64 {
        (self.bytes_max / 16).min(SEGMENT_BYTES)
    }

    fn bytes(&self) -> u64 {
        self.index.lock().segments.iter().map(|segment| segment.bytes).sum()
    }

    fn next(&self) -> u64 {
        self.index.lock().next
    }

    fn acked(&self) -> u64 {
        self.index.lock().acked
    }

    /// The first number of the segment that holds this number.
    fn segment_of(&self, number: u64) -> Option<u64> {
        let index = self.index.lock();
        let after = index.segments.partition_point(|segment| segment.first <= number);
        after.checked_sub(1).map(|at| index.segments[at].first)
    }
}

impl Index {
    fn is_tidy_due(&self) -> bool {
        self.segments.get(1).is_some_and(|second| second.first <= self.acked + 1)
    }
}

/// The spool's own number of its first scan.
const FIRST: u64 = 1;

/// Where scans go whose fate is unknown.
const UNSURE_FILE: &str = "unsure.ndjson";

/// Where a new segment begins: some 100,000 scans, read back whole at start-up in milliseconds.
const SEGMENT_BYTES: u64 = 4 << 20;

/// The smallest bound on a spool: two of the largest groups, and the segment that is never deleted.
pub const SPOOL_BYTES_MIN: u64 = 4 << 20;

const _: () = assert!(SPOOL_BYTES_MIN / 16 + 3 * record::RECORD_BYTES_MAX as u64 <= SPOOL_BYTES_MIN);
