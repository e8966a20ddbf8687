//! A scan as a line of CSV under a header.

use truyvet_schemas::{Scan, TimeMs};

use super::{BadLine, Fields};

/// Where the columns stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    subject: usize,
    at: Option<usize>,
    direction: Option<usize>,
    verdict: Option<usize>,
}

impl Columns {
    /// Finds the columns by the header, in any order; others are ignored. `None` without a subject.
    pub(super) fn find(header: &[u8]) -> Option<Self> {
        let names = record(header)?;
        let find = |name: &str| names.iter().position(|found| found.trim() == name);
        Some(Self {
            subject: find("subject")?,
            at: find("unix_ms").or_else(|| find("at")),
            direction: find("direction"),
            verdict: find("verdict"),
        })
    }

    /// Reads one line; `now` is the scan's time where it tells none.
    pub(super) fn parse(&self, line: &[u8], now: TimeMs) -> Result<Scan, BadLine> {
        let record = record(line).ok_or(BadLine::Csv)?;
        let field = |at: Option<usize>| at.map_or(Some(""), |at| record.get(at)).ok_or(BadLine::Csv);
        let at = match field(self.at)? {
            "" => now,
            text => TimeMs::parse(text).map_err(|_| BadLine::Time)?,
        };
        let (direction, verdict) = (field(self.direction)?, field(self.verdict)?);
        Fields { subject: field(Some(self.subject))?, at, direction, verdict }.check()
    }
}

fn record(line: &[u8]) -> Option<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len().max(1))
        .from_reader(line);
    let mut record = csv::StringRecord::new();
    matches!(reader.read_record(&mut record), Ok(true)).then_some(record)
}
