//! CSV as people's programs write it: with commas, semicolons or tabs, with a mark of the byte order or
//! without, UTF-8 or UTF-16.

use std::borrow::Cow;

use super::{COLUMNS_MAX, Cell, ROWS_MAX, Room, Row, Table, TableError};

pub(super) fn read(bytes: &[u8]) -> Result<Table, TableError> {
    let text = decoded(bytes)?;
    let (delimiter, text, mut number) = delimited(&text);
    let mut records = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let (mut table, mut room, mut record) = (Table::default(), Room::default(), csv::StringRecord::new());
    loop {
        let before = records.position().line();
        if !records.read_record(&mut record).map_err(|_| TableError::Encoding)? {
            break;
        }
        number += 1 + blank_lines(&record, before, records.position().line());
        if record.len() > COLUMNS_MAX && record.iter().skip(COLUMNS_MAX).any(|cell| !cell.trim().is_empty()) {
            return Err(TableError::Columns);
        }
        let mut cells: Vec<Cell> = record.iter().take(COLUMNS_MAX).map(Cell::text).collect();
        let end = cells.iter().rposition(|cell| *cell != Cell::Empty).map_or(0, |last| last + 1);
        cells.truncate(end);
        if cells.is_empty() {
            continue;
        }
        cells.iter().try_for_each(|cell| room.take(number, cell))?;
        if table.rows.len() == ROWS_MAX {
            return Err(TableError::Rows);
        }
        table.rows.push(Row { number, cells });
    }
    if table.rows.is_empty() { Err(TableError::Empty) } else { Ok(table) }
}

/// Lines without anything before the record, which are rows of a spreadsheet too. The reader passes over
/// them, but counts them.
fn blank_lines(record: &csv::StringRecord, line_before: u64, line_behind: u64) -> u32 {
    let within: usize = record.iter().map(|cell| cell.matches('\n').count()).sum();
    let is_last = record.position().is_some_and(|position| position.line() == line_behind);
    let lines = line_behind - line_before + u64::from(is_last);
    u32::try_from(lines.saturating_sub(within as u64 + 1)).unwrap_or(u32::MAX)
}

fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, TableError> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, TableError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TableError::Encoding)?;
    // Pictures and programs may be UTF-8 by chance, but no table has such a character.
    if text.contains('\0') { Err(TableError::Format) } else { Ok(text.into()) }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, TableError> {
    let (pairs, rest) = bytes.as_chunks();
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    text.ok().filter(|_| rest.is_empty()).map(Cow::Owned).ok_or(TableError::Encoding)
}

/// What parts the cells, the text from the first row on, and how many rows were before: Excel may say the
/// delimiter in a first line `sep=;`.
fn delimited(text: &str) -> (u8, &str, u32) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(said) = first.trim_end().strip_prefix("sep=")
        && let [delimiter @ (b',' | b';' | b'\t')] = said.as_bytes()
    {
        return (*delimiter, rest, 1);
    }
    let sample: String = text.lines().filter(|line| !line.trim().is_empty()).take(SAMPLED_LINES).collect();
    let count = |delimiter: u8| {
        let mut is_quoted = false;
        let outside = sample.bytes().filter(|b| {
            is_quoted ^= *b == b'"';
            !is_quoted && *b == delimiter
        });
        outside.count()
    };
    // Of equally many the one that stands last here.
    let most = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter));
    (most.unwrap_or(b','), text, 0)
}

/// Lines in which delimiters are counted: a title or two, and the header.
const SAMPLED_LINES: usize = 5;
