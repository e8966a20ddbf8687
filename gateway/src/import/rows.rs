//! Scans of a CSV file as chunks of columns. Runs on a thread of its own and hands the chunks over a
//! bounded channel, so that the engine takes one in while the next is read.

use crossbeam_channel::Sender;
use truyvet_engine::{CodeColumn, RowChunk};
use truyvet_schemas::TimeMs;
use truyvet_schemas::limits::TIME_MS_RANGE;
use truyvet_schemas::scan::{CODE_BYTES_MAX, Direction};

use super::error::{BadRow, ImportError};
use super::event::OnError;
use super::source::Source;
use super::table::{Column, Table};
use super::{Format, Options, rows_parquet};

/// What a reading thread hands over.
pub(super) enum Parsed {
    /// Rows, in order; `left_out` of those that it stands for lie outside the retention.
    Chunk { chunk: RowChunk, left_out: u64 },
    /// A bad row. Where bad rows stop an import, the last thing handed over.
    Bad { line: u64, reason: BadRow },
    /// The file cannot be read further.
    Failed(ImportError),
}

/// Where a reader puts what it reads. An error means that nobody listens any more.
pub(super) struct Output<'a> {
    pub(super) sender: &'a Sender<Parsed>,
    pub(super) options: &'a Options,
}

/// Nobody listens any more.
pub(super) struct Gone;

impl Output<'_> {
    pub(super) fn send(&self, parsed: Parsed) -> Result<(), Gone> {
        self.sender.send(parsed).map_err(|_| Gone)
    }

    /// Whether the time is kept by the retention.
    pub(super) fn keeps(&self, at_ms: i64) -> bool {
        self.options.kept.as_ref().is_none_or(|kept| kept.contains(&at_ms))
    }

    pub(super) fn stops(&self) -> bool {
        self.options.on_error == OnError::Stop
    }
}

/// Reads the rows after the first `rows_done`.
pub(super) fn read(source: &Source, rows_done: u64, output: &Output<'_>) {
    let read = match source.format() {
        Format::Parquet => rows_parquet::read(source, rows_done, output),
        Format::Csv | Format::CsvGz => read_csv(source, rows_done, output),
    };
    if let Err(End::Failed(error)) = read {
        output.send(Parsed::Failed(error)).ok();
    }
}

/// Why reading ends before the file does.
pub(super) enum End {
    /// Tell why.
    Failed(ImportError),
    /// There is nothing to tell, or nobody to tell it to.
    Quiet,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Quiet
    }
}

impl From<ImportError> for End {
    fn from(error: ImportError) -> Self {
        Self::Failed(error)
    }
}

/// The columns of a file of scans.
pub(super) const COLUMNS: [Column; 4] = [
    Column::required("subject"),
    Column::required("site"),
    Column::required("unix_ms"),
    Column::optional("direction"),
];

fn read_csv(source: &Source, rows_done: u64, output: &Output<'_>) -> Result<(), End> {
    let (file, _) = source.open()?;
    let mut table = Table::open(source, source.text(file), &COLUMNS)?;
    let mut builder = Builder::new(1);
    let mut row = 0;
    while let Some((line, read)) = table.advance().map_err(|e| source.io(e))? {
        row += 1;
        if row <= rows_done {
            builder.first_row = row + 1;
            continue;
        }
        let fields = [table.field(0), table.field(1), table.field(2), table.field(3)];
        match read.and_then(|()| scan(fields)) {
            Ok(scan) if output.keeps(scan.at_ms) => builder.push(&scan),
            Ok(_) => builder.leave_out(),
            Err(reason) => {
                if output.stops() {
                    output.send(builder.finish())?;
                    output.send(Parsed::Bad { line, reason })?;
                    return Ok(());
                }
                output.send(Parsed::Bad { line, reason })?;
                builder.rows += 1;
            }
        }
        if builder.rows == CHUNK_ROWS {
            output.send(builder.finish())?;
        }
    }
    output.send(builder.finish())?;
    Ok(())
}

/// A scan as a file has it.
pub(super) struct ScanRow<'a> {
    pub(super) subject: &'a str,
    pub(super) site: &'a str,
    pub(super) at_ms: i64,
    pub(super) direction: Direction,
}

/// Judges the fields of [`COLUMNS`].
fn scan(fields: [&[u8]; 4]) -> Result<ScanRow<'_>, BadRow> {
    let [subject, site, unix_ms, direction] = fields;
    Ok(ScanRow {
        subject: code("subject", subject)?,
        site: code("site", site)?,
        at_ms: time_ms("unix_ms", unix_ms)?,
        direction: self::direction(direction)?,
    })
}

/// A code of 1 to 255 bytes of UTF-8.
pub(super) fn code<'a>(name: &'static str, field: &'a [u8]) -> Result<&'a str, BadRow> {
    match field.len() {
        0 => Err(BadRow::Empty(name)),
        1..=CODE_BYTES_MAX => std::str::from_utf8(field).map_err(|_| BadRow::NotUtf8(name)),
        _ => Err(BadRow::CodeTooLong(name)),
    }
}

fn time_ms(name: &'static str, field: &[u8]) -> Result<i64, BadRow> {
    // Thirteen digits are the years 2001 to 2286; fifteen cannot overflow.
    let at_ms = if (1..=15).contains(&field.len()) && field.iter().all(u8::is_ascii_digit) {
        field.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    } else if field.is_empty() {
        return Err(BadRow::Empty(name));
    } else {
        let text = std::str::from_utf8(field).map_err(|_| BadRow::NotUtf8(name))?;
        TimeMs::parse(text).map_err(|_| BadRow::NoTime(name))?.get()
    };
    in_range(name, at_ms)
}

/// A time from 1970 to 2200.
pub(super) fn in_range(name: &'static str, at_ms: i64) -> Result<i64, BadRow> {
    if TIME_MS_RANGE.contains(&at_ms) { Ok(at_ms) } else { Err(BadRow::TimeRange(name)) }
}

/// A word for a direction; none is a `pass`.
pub(super) fn direction(field: &[u8]) -> Result<Direction, BadRow> {
    match field {
        b"" | b"pass" => Ok(Direction::Pass),
        b"in" => Ok(Direction::In),
        b"out" => Ok(Direction::Out),
        _ => Err(BadRow::Direction),
    }
}

/// A chunk being filled.
pub(super) struct Builder {
    first_row: u64,
    /// Rows that the chunk stands for so far.
    pub(super) rows: u64,
    left_out: u64,
    subjects: CodeColumn,
    sites: CodeColumn,
    at_ms: Vec<i64>,
    directions: Vec<u8>,
}

impl Builder {
    pub(super) fn new(first_row: u64) -> Self {
        Self {
            first_row,
            rows: 0,
            left_out: 0,
            subjects: CodeColumn::plain(),
            sites: CodeColumn::plain(),
            at_ms: Vec::with_capacity(CHUNK_ROWS as usize),
            directions: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, scan: &ScanRow<'_>) {
        let good = self.at_ms.len();
        if self.directions.is_empty() && scan.direction != Direction::Pass {
            self.directions.resize(good, Direction::Pass as u8);
        }
        if !self.directions.is_empty() || scan.direction != Direction::Pass {
            self.directions.push(scan.direction as u8);
        }
        self.subjects.push(scan.subject);
        self.sites.push(scan.site);
        self.at_ms.push(scan.at_ms);
        self.rows += 1;
    }

    /// Counts a row that the retention does not keep.
    pub(super) fn leave_out(&mut self) {
        self.rows += 1;
        self.left_out += 1;
    }

    /// The chunk; the builder begins the next one.
    pub(super) fn finish(&mut self) -> Parsed {
        let next = Self::new(self.first_row + self.rows);
        let full = std::mem::replace(self, next);
        let chunk = RowChunk {
            first_row: full.first_row,
            rows: full.rows,
            subjects: full.subjects,
            sites: full.sites,
            at_ms: full.at_ms,
            directions: full.directions,
        };
        Parsed::Chunk { chunk, left_out: full.left_out }
    }
}

/// Rows in a chunk: some 3 MB, and at a million rows a second fifteen chunks a second.
pub(super) const CHUNK_ROWS: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(parsed: Parsed) -> (RowChunk, u64) {
        match parsed {
            Parsed::Chunk { chunk, left_out } => (chunk, left_out),
            _ => panic!("a chunk"),
        }
    }

    #[test]
    fn a_chunk_counts_bad_rows_too_and_knows_where_directions_begin() {
        let row = |direction| ScanRow { subject: "a", site: "s", at_ms: 1, direction };
        let mut builder = Builder::new(11);
        builder.push(&row(Direction::Pass));
        builder.rows += 1;
        builder.push(&row(Direction::Out));
        builder.leave_out();
        let (full, left_out) = chunk(builder.finish());
        assert_eq!((full.first_row, full.rows, left_out), (11, 4, 1));
        assert_eq!((full.at_ms.len(), full.directions), (2, vec![0, 2]));
        builder.push(&row(Direction::Pass));
        let (full, _) = chunk(builder.finish());
        assert_eq!((full.first_row, full.rows), (15, 1));
        assert!(full.directions.is_empty());
        builder.rows += 1;
        let (full, _) = chunk(builder.finish());
        assert_eq!((full.first_row, full.rows, full.at_ms.len()), (16, 1, 0));
    }

    #[test]
    fn each_bad_field_has_its_reason() {
        let judge = |fields: [&'static [u8]; 4]| scan(fields).err();
        assert_eq!(judge([b"a", b"s", b"1", b""]), None);
        assert_eq!(judge([b"a", b"s", b"1970-01-01T07:00:00+07:00", b"in"]), None);
        assert_eq!(judge([b"", b"s", b"1", b""]), Some(BadRow::Empty("subject")));
        assert_eq!(judge([b"a", &[b'x'; 256], b"1", b""]), Some(BadRow::CodeTooLong("site")));
        assert_eq!(judge([b"\xFF", b"s", b"1", b""]), Some(BadRow::NotUtf8("subject")));
        assert_eq!(judge([b"a", b"s", b"", b""]), Some(BadRow::Empty("unix_ms")));
        assert_eq!(judge([b"a", b"s", b"1.5", b""]), Some(BadRow::NoTime("unix_ms")));
        assert_eq!(judge([b"a", b"s", b"-1", b""]), Some(BadRow::TimeRange("unix_ms")));
        assert_eq!(judge([b"a", b"s", b"7258118400000", b""]), Some(BadRow::TimeRange("unix_ms")));
        assert_eq!(judge([b"a", b"s", b"99999999999999999999", b""]), Some(BadRow::NoTime("unix_ms")));
        assert_eq!(judge([b"a", b"s", b"1", b"sideways"]), Some(BadRow::Direction));
    }
}
