//! Reading scans back in order, only as far as they are durable.

use std::fs::File;
use std::sync::Arc;

use truyvet_schemas::Scan;

use super::record::Group;
use super::{Spool, SpoolError, segment};

/// Consecutive scans of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Seq of the first scan.
    pub first_seq: u64,
    /// Code of the site where they were taken.
    pub site: String,
    /// The scans.
    pub scans: Vec<Scan>,
}

/// A place in the spool. Holds one record in memory.
#[derive(Debug)]
pub struct Cursor {
    spool: Arc<Spool>,
    /// The spool's own number of the next scan.
    next: u64,
    shift: u64,
    open: Option<OpenSegment>,
    group: Option<Group>,
}

#[derive(Debug)]
struct OpenSegment {
    first: u64,
    file: File,
    offset: u64,
}

impl Cursor {
    pub(super) fn new(spool: Arc<Spool>, next: u64, shift: u64) -> Self {
        Self { spool, next, shift, open: None, group: None }
    }

    /// How many durable scans stand ahead.
    pub fn waiting(&self) -> u64 {
        self.spool.next().saturating_sub(self.next)
    }

    /// The next scans, at most `scans_max` and of one site; `None` when there are none yet.
    ///
    /// # Errors
    /// The spool is damaged or cannot be read.
    pub fn read(&mut self, scans_max: usize) -> Result<Option<Run>, SpoolError> {
        // What an earlier session sent may be acknowledged in this one before it is sent again.
        self.next = self.next.max(self.spool.acked() + 1);
        let mut run: Option<Run> = None;
        while self.waiting() > 0 {
            let next = self.next;
            let group = self.group()?;
            let taken = (next - group.first) as usize;
            let room = scans_max - run.as_ref().map_or(0, |run| run.scans.len());
            let upto = group.scans.len().min(taken + room);
            match &mut run {
                None => {
                    let site = group.site.clone();
                    let scans = group.scans[taken..upto].to_vec();
                    run = Some(Run { first_seq: 0, site, scans });
                }
                Some(run) if run.site == group.site && room > 0 => {
                    run.scans.extend_from_slice(&group.scans[taken..upto]);
                }
                Some(_) => break,
            }
            self.next = next + (upto - taken) as u64;
        }
        Ok(run.map(|run| Run { first_seq: self.shift + self.next - run.scans.len() as u64, ..run }))
    }

    /// Steps back by this many scans, which were read but found no place in a batch.
    pub fn unread(&mut self, scans: usize) {
        self.next -= scans as u64;
        if self.group.as_ref().is_some_and(|group| group.first > self.next) {
            self.open = None;
            self.group = None;
        }
    }

    /// The group that holds the next scan.
    fn group(&mut self) -> Result<&Group, SpoolError> {
        while self.group.as_ref().is_none_or(|group| group.end() <= self.next) {
            self.group = Some(self.next_group()?);
        }
        Ok(self.group.as_ref().expect("the loop ends with a group"))
    }

    fn next_group(&mut self) -> Result<Group, SpoolError> {
        let first = self.spool.segment_of(self.next).ok_or(SpoolError::Gone)?;
        let path = segment::path(&self.spool.dir, first);
        if self.open.as_ref().is_none_or(|open| open.first != first) {
            let file = File::open(&path).map_err(SpoolError::io("open", &path))?;
            self.open = Some(OpenSegment { first, file, offset: segment::HEADER_BYTES as u64 });
        }
        let open = self.open.as_mut().expect("opened above");
        let read = segment::read_record(&open.file, open.offset).map_err(SpoolError::io("read", &path))?;
        let (group, record_bytes) =
            read.ok_or_else(|| SpoolError::damaged(&path, "it ends before its last scan"))?;
        open.offset += record_bytes;
        Ok(group)
    }
}
