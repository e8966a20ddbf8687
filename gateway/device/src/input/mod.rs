//! Scans from lines: of standard input or a file, as NDJSON or CSV, into the spool.
//!
//! ```text
//! read a chunk -> whole lines -> scans -> one group into the spool, fsynced -> next chunk
//! ```
//!
//! While the disk syncs one group the pipe or the file gathers the next: grouping follows the load,
//! with no timer. A spool that takes nothing stops the reading, and a pipe holds its writer back.

mod csv;
mod follow;
mod lines;
mod ndjson;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use truyvet_schemas::limits::TIME_MS_RANGE;
use truyvet_schemas::{CodeError, Direction, Scan, TimeMs, Verdict, check_code};

use self::follow::{FollowedFile, Look};
use self::lines::{LINE_BYTES_MAX, Lines, TooLong};
use crate::spool::{AppendError, GROUP_SCANS_MAX, Spool};
use crate::status::Status;

/// How a scan is written on a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `{"subject":..., "unix_ms" or "at":..., "direction":..., "verdict":...}`; only the subject must be.
    #[default]
    Ndjson,
    /// The same names as columns of a header.
    Csv,
}

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input, to its end.
    Stdin,
    /// A file; its place is kept in the spool.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether to wait for more at its end.
        follow: bool,
    },
}

/// Feeds the lines of a source to a spool, in a thread of its own, until the source ends.
#[derive(Debug)]
pub struct Feeder {
    spool: Arc<Spool>,
    status: Arc<Status>,
    /// Site of the scans before the gateway has ever named one.
    first_site: String,
    parser: Parser,
    lines: Lines,
    file: Option<FollowedFile>,
}

impl Feeder {
    /// A feeder for this spool.
    pub fn new(spool: Arc<Spool>, status: Arc<Status>, first_site: String, format: Format) -> Self {
        let parser = Parser { format, columns: None };
        Self { spool, status, first_site, parser, lines: Lines::default(), file: None }
    }

    /// Takes everything up to the source's end; never ends for a followed file.
    ///
    /// # Errors
    /// The source cannot be read further. What was taken is in the spool.
    pub fn run(mut self, source: &Source) -> Result<(), InputError> {
        match source {
            Source::Stdin => self.run_pipe(&mut io::stdin().lock()),
            Source::File { path, follow } => self.run_file(path, *follow),
        }
    }

    fn run_pipe(&mut self, pipe: &mut impl Read) -> Result<(), InputError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match pipe.read(&mut chunk) {
                Ok(0) => return self.take(true),
                Ok(bytes) => self.lines.push(&chunk[..bytes]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            self.take(false)?;
        }
    }

    fn run_file(&mut self, path: &Path, follow: bool) -> Result<(), InputError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let stands = self.spool.position();
        let (file, resumed) = FollowedFile::open(path, follow, stands.as_ref())?;
        if let Some(position) = stands.filter(|_| resumed) {
            self.lines = Lines::resume(position.offset, position.line);
            let head_bytes = file.head(&mut chunk)?;
            self.parser.resume(&chunk[..head_bytes])?;
        }
        self.file = Some(file);
        loop {
            match self.look(&mut chunk)? {
                Look::Bytes(bytes) => {
                    self.lines.push(&chunk[..bytes]);
                    self.take(false)?;
                }
                Look::Nothing => sleep(POLL),
                Look::End => return self.take(true),
                Look::Next => {
                    self.take_last_line_of_old_file()?;
                    self.lines = Lines::default();
                    self.parser.columns = None;
                }
            }
        }
    }

    fn look(&mut self, chunk: &mut [u8]) -> io::Result<Look> {
        self.file.as_mut().map_or(Ok(Look::End), |file| file.look(chunk))
    }

    /// A last line without an end is a line when nothing can follow it. The place kept with it is the
    /// start of the new file, which is already open.
    fn take_last_line_of_old_file(&mut self) -> Result<(), InputError> {
        let mut scans = Vec::new();
        let number = self.lines.line + 1;
        if let Some(line) = self.lines.finish() {
            let parsed = self.parser.parse(line);
            self.sort(number, parsed, &mut scans)?;
        }
        self.append(&scans, (0, 0))
    }

    /// Takes all whole lines, in groups; at the end of the source the rest as well.
    fn take(&mut self, at_end: bool) -> Result<(), InputError> {
        let mut scans = Vec::new();
        loop {
            let number = self.lines.line + 1;
            let parsed = match self.lines.next() {
                Some(line) => self.parser.parse(line),
                None => break,
            };
            self.sort(number, parsed, &mut scans)?;
            if scans.len() == GROUP_SCANS_MAX {
                self.append(&scans, (self.lines.offset, self.lines.line))?;
                scans.clear();
            }
        }
        let number = self.lines.line + 1;
        if let Some(line) = at_end.then(|| self.lines.finish()).flatten() {
            let parsed = self.parser.parse(line);
            self.sort(number, parsed, &mut scans)?;
        }
        self.append(&scans, (self.lines.offset, self.lines.line))
    }

    fn sort(
        &self,
        line: u64,
        parsed: Result<Parsed, BadLine>,
        scans: &mut Vec<Scan>,
    ) -> Result<(), InputError> {
        match parsed {
            Ok(Parsed::Scan(scan)) => scans.push(scan),
            Ok(Parsed::Nothing) => {}
            Ok(Parsed::NoHeader) => return Err(InputError::Header),
            Err(reason) => {
                self.status.add_bad_line();
                tracing::warn!(line, %reason, "a line was skipped");
            }
        }
        Ok(())
    }

    /// Gives scans to the spool until it takes them.
    fn append(&self, scans: &[Scan], (offset, line): (u64, u64)) -> Result<(), InputError> {
        if scans.is_empty() {
            return Ok(());
        }
        let position = match &self.file {
            Some(file) => file.position(offset, line)?,
            None => None,
        };
        let site = self.spool.site().unwrap_or_else(|| self.first_site.clone());
        let mut told = false;
        while let Err(error) = self.spool.append(&site, scans, position.as_ref()) {
            if !told {
                tracing::error!(%error, "no input is taken until space returns");
                self.status.set_input_note(Some(input_note(&error)));
                told = true;
            }
            sleep(RETRY);
        }
        if told {
            tracing::info!("space returned; input is taken again");
            self.status.set_input_note(None);
        }
        Ok(())
    }
}

fn input_note(error: &AppendError) -> String {
    format!("INPUT STOPPED: {error}")
}

/// What turns lines into scans.
#[derive(Debug)]
struct Parser {
    format: Format,
    columns: Option<csv::Columns>,
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Scan(Scan),
    /// An empty line, or the header.
    Nothing,
    /// The first line of CSV names no subject.
    NoHeader,
}

impl Parser {
    fn parse(&mut self, line: Result<&[u8], TooLong>) -> Result<Parsed, BadLine> {
        let line = line.map_err(|TooLong| BadLine::TooLong)?;
        if line.trim_ascii().is_empty() {
            return Ok(Parsed::Nothing);
        }
        let now = TimeMs::now().max(TimeMs::new(TIME_MS_RANGE.start));
        match (self.format, self.columns) {
            (Format::Ndjson, _) => ndjson::parse(line, now).map(Parsed::Scan),
            (Format::Csv, Some(columns)) => columns.parse(line, now).map(Parsed::Scan),
            (Format::Csv, None) => {
                self.columns = csv::Columns::find(line);
                Ok(if self.columns.is_some() { Parsed::Nothing } else { Parsed::NoHeader })
            }
        }
    }

    /// Finds the columns again for a file that is taken up in its middle.
    fn resume(&mut self, head: &[u8]) -> Result<(), InputError> {
        let mut lines = Lines::default();
        lines.push(head);
        while self.format == Format::Csv && self.columns.is_none() {
            let Some(line) = lines.next() else { return Err(InputError::Header) };
            if matches!(self.parse(line), Ok(Parsed::NoHeader) | Err(_)) {
                return Err(InputError::Header);
            }
        }
        Ok(())
    }
}

/// A scan's fields before they are judged.
struct Fields<'a> {
    subject: &'a str,
    at: TimeMs,
    direction: &'a str,
    verdict: &'a str,
}

impl Fields<'_> {
    fn check(self) -> Result<Scan, BadLine> {
        check_code(self.subject)?;
        if !TIME_MS_RANGE.contains(&self.at.get()) {
            return Err(BadLine::TimeRange);
        }
        Ok(Scan {
            subject: self.subject.to_owned(),
            at: self.at,
            direction: Direction::parse(self.direction).ok_or(BadLine::Direction)?,
            verdict: Verdict::parse(self.verdict).ok_or(BadLine::Verdict)?,
        })
    }
}

/// Why a line is no scan. Never repeats what stands in it: that may be a subject's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum BadLine {
    #[error("it is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("it is not a JSON object with text and number fields as they should be (column {column})")]
    Json { column: usize },
    #[error("it is not UTF-8, or has fewer fields than the header")]
    Csv,
    #[error("the subject is no code: {0}")]
    Code(#[from] CodeError),
    #[error("it has both `unix_ms` and `at`")]
    TwoTimes,
    #[error("its time is neither unix milliseconds nor RFC 3339 with an offset")]
    Time,
    #[error("its time is before 1970 or after 2200")]
    TimeRange,
    #[error("the direction is none of pass, in, out")]
    Direction,
    #[error("the verdict is none of passed, refused, corrected")]
    Verdict,
}

/// Why a source cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Give the CSV a header, or say `--format ndjson`.
    #[error("the first line of the CSV is no header with a column `subject`")]
    Header,
    /// A fault in this program: report it.
    #[error("the input's thread is gone")]
    Stopped,
    /// Look after the file.
    #[error("the input cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Most that is read at once, and so the size of a group: some 1,000 lines.
const CHUNK_BYTES: usize = 64 * 1024;

/// How often a followed file is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How often a full disk is tried again.
const RETRY: Duration = Duration::from_millis(500);
