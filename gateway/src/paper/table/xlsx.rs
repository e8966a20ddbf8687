//! One sheet of a spreadsheet, cell after cell, so that what a file says of its size costs nothing.
//!
//! A spreadsheet is a ZIP of XML. How large it is unpacked is found out by unpacking it into nothing, before
//! anything of it is kept: what an archive says of itself may be wrong.

use std::io::{Cursor, Read as _};

use calamine::{DataRef, Dimensions, ExcelDateTime, ExcelDateTimeType, Reader as _, Xlsx, XlsxError};
use zip::ZipArchive;

use super::{COLUMNS_MAX, Cell, ROWS_MAX, Room, Row, Table, TableError};

pub(super) fn read(bytes: &[u8], sheet: usize) -> Result<Table, TableError> {
    check_unpacked(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(refused)?;
    let sheets = book.sheet_names();
    let name = sheets.get(sheet).ok_or(TableError::NoSheet)?.clone();
    let merged = book.merge_cells_by_sheet_name(&name).map_err(refused)?;
    if merged.len() > MERGED_MAX {
        return Err(TableError::TooLarge);
    }
    let mut table = Table { sheets, is_1904: book.has_1904_epoch(), rows: Vec::new() };
    let mut cells = book.worksheet_cells_reader(&name).map_err(refused)?;
    let mut room = Room::default();
    while let Some(found) = cells.next_cell_with_formula_metadata().map_err(refused)? {
        let cell = cell(&found.value, found.formula.is_some(), table.is_1904);
        if cell != Cell::Empty {
            let ((row, column), rows) = (found.pos, &mut table.rows);
            room.take(row + 1, &cell)?;
            put(rows, row + 1, column as usize, cell, &mut room)?;
        }
    }
    mark_merged(&mut table.rows, &merged, &mut room)?;
    if table.rows.is_empty() { Err(TableError::Empty) } else { Ok(table) }
}

/// Refuses what would not fit into memory. A part of the archive is unpacked as far as its bound and no
/// further.
fn check_unpacked(bytes: &[u8]) -> Result<(), TableError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| TableError::Damaged)?;
    if archive.len() > PARTS_MAX {
        return Err(TableError::TooLarge);
    }
    let mut left = UNPACKED_BYTES_MAX;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| TableError::Damaged)?;
        let is_strings =
            part.name().is_ok_and(|name| name.to_ascii_lowercase().ends_with("sharedstrings.xml"));
        let most = if is_strings { left.min(STRINGS_BYTES_MAX) } else { left };
        let unpacked = std::io::copy(&mut part.take(most + 1), &mut std::io::sink());
        let unpacked = unpacked.map_err(|_| TableError::Damaged)?;
        if unpacked > most {
            return Err(TableError::TooLarge);
        }
        left -= unpacked;
    }
    Ok(())
}

fn cell(value: &DataRef<'_>, is_formula: bool, is_1904: bool) -> Cell {
    match value {
        DataRef::Empty if is_formula => Cell::Formula,
        DataRef::Empty => Cell::Empty,
        DataRef::Error(_) => Cell::Formula,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Bool(is_true) => Cell::Text(is_true.to_string().into()),
        DataRef::String(text) => Cell::text(text),
        DataRef::SharedString(text) => Cell::text(text),
        DataRef::DateTime(at) => date(at.as_f64(), is_1904),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::text(text),
    }
}

/// A day of the sheet's calendar, a time, or both: times are fractions of a day, here to the minute.
fn date(serial: f64, is_1904: bool) -> Cell {
    if !(0.0..SERIAL_MAX).contains(&serial) {
        return Cell::Number(serial);
    }
    let minutes = (serial * MINUTES_A_DAY).round();
    let (day, minute) = ((minutes / MINUTES_A_DAY).floor(), (minutes % MINUTES_A_DAY) as u32);
    let time = format!("{:02}:{:02}", minute / 60, minute % 60);
    if serial < 1.0 {
        return Cell::Date(time.into());
    }
    let (year, month, day, ..) =
        ExcelDateTime::new(day, ExcelDateTimeType::DateTime, is_1904).to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    Cell::Date(if minute > 0 { format!("{date}T{time}").into() } else { date.into() })
}

/// Puts a cell into its row. Rows come in their order in every file that a program writes.
fn put(
    rows: &mut Vec<Row>,
    number: u32,
    column: usize,
    cell: Cell,
    room: &mut Room,
) -> Result<(), TableError> {
    if column >= COLUMNS_MAX {
        return Err(TableError::Columns);
    }
    let last = rows.last().map_or(0, |last| last.number);
    if number < last {
        return Err(TableError::Damaged);
    }
    if number > last {
        if rows.len() == ROWS_MAX {
            return Err(TableError::Rows);
        }
        rows.push(Row { number, cells: Vec::new() });
    }
    let cells = &mut rows.last_mut().expect("one was pushed just now, or has this number").cells;
    while cells.len() <= column {
        room.take(number, &Cell::Empty)?;
        cells.push(Cell::Empty);
    }
    cells[column] = cell;
    Ok(())
}

/// Cells that were merged have no value of their own: it is not guessed that they mean that of the upper
/// left one. Rows of which nothing else is there stay away. Each cell is counted as often as it is merged:
/// areas that lie on one another are a few bytes each, and could be work for hours.
fn mark_merged(rows: &mut [Row], merged: &[Dimensions], room: &mut Room) -> Result<(), TableError> {
    for Dimensions { start, end } in merged.iter().filter(|merged| (merged.start.1 as usize) < COLUMNS_MAX) {
        let from = rows.partition_point(|row| row.number < start.0 + 1);
        for row in rows[from..].iter_mut().take_while(|row| row.number <= end.0 + 1) {
            let columns = start.1 as usize..=(end.1 as usize).min(COLUMNS_MAX - 1);
            for column in columns.filter(|column| (row.number, *column) != (start.0 + 1, start.1 as usize)) {
                room.take(row.number, &Cell::Merged)?;
                while row.cells.len() <= column {
                    room.take(row.number, &Cell::Empty)?;
                    row.cells.push(Cell::Empty);
                }
                row.cells[column] = Cell::Merged;
            }
        }
    }
    Ok(())
}

/// The library's own words may repeat what stands in the file.
fn refused(error: XlsxError) -> TableError {
    match error {
        XlsxError::Password => TableError::Protected,
        XlsxError::FileNotFound(_) | XlsxError::NotAWorksheet(_) => TableError::Format,
        _ => TableError::Damaged,
    }
}

/// Parts of an archive; a spreadsheet of many sheets has a few dozen.
const PARTS_MAX: usize = 1_000;

/// All parts unpacked: 100,000 rows of 20 cells at 60 bytes are 120 MB.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;

/// The part that is kept whole: its texts take twice as much at most.
const STRINGS_BYTES_MAX: u64 = 64 << 20;

/// Merged areas; what a table of people has at all is a title.
const MERGED_MAX: usize = 100_000;

/// The 31st of December 9999.
const SERIAL_MAX: f64 = 2_958_466.0;

const MINUTES_A_DAY: f64 = 1_440.0;
