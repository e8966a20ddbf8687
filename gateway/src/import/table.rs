//! Rows of a CSV file, its columns found by their header: in any order, others ignored.

use std::io::Read;

use super::error::{BadRow, ImportError};
use super::records::{Next, Records};
use super::source::Source;

/// A column that is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) required: bool,
}

impl Column {
    pub(super) const fn required(name: &'static str) -> Self {
        Self { name, required: true }
    }

    pub(super) const fn optional(name: &'static str) -> Self {
        Self { name, required: false }
    }
}

/// Rows of a CSV file.
pub(super) struct Table<R> {
    records: Records<R>,
    /// For each column looked for, which field it is.
    picks: Vec<Option<usize>>,
    width: usize,
    /// A row with fewer fields than this lacks a required one.
    width_min: usize,
}

impl<R: Read> Table<R> {
    /// Reads the header.
    pub(super) fn open(source: &Source, text: R, columns: &[Column]) -> Result<Self, ImportError> {
        let io = |e| source.io(e);
        let mut records = Records::new(text).map_err(io)?;
        let Next::Record { .. } = records.advance().map_err(io)? else {
            return Err(ImportError::NoHeader(source.name().to_owned()));
        };
        let names: Vec<_> =
            (0..records.len()).map(|i| String::from_utf8_lossy(records.field(i)).trim().to_owned()).collect();
        let picks = find(source, &names, columns)?;
        let needed = columns.iter().zip(&picks).filter(|(column, _)| column.required);
        let width_min = needed.filter_map(|(_, pick)| *pick).max().map_or(0, |last| last + 1);
        Ok(Self { width: records.len(), records, picks, width_min })
    }

    /// Reads the next row: its line, and whether it is one. None where the file is over.
    pub(super) fn advance(&mut self) -> std::io::Result<Option<(u64, Result<(), BadRow>)>> {
        Ok(match self.records.advance()? {
            Next::End => None,
            Next::Bad { line, reason } => Some((line, Err(reason))),
            Next::Record { line } => {
                let found = self.records.len();
                let fits = (self.width_min..=self.width).contains(&found);
                let bad = BadRow::Fields { found, header: self.width };
                Some((line, if fits { Ok(()) } else { Err(bad) }))
            }
        })
    }

    /// The field of a column, by its place among those looked for; empty where there is none.
    pub(super) fn field(&self, column: usize) -> &[u8] {
        self.picks[column].map_or(&[], |pick| self.records.field(pick))
    }
}

/// Where each column stands among the names.
pub(super) fn find(
    source: &Source,
    names: &[String],
    columns: &[Column],
) -> Result<Vec<Option<usize>>, ImportError> {
    columns.iter().map(|column| find_one(source, names, *column, columns)).collect()
}

fn find_one(
    source: &Source,
    names: &[String],
    column: Column,
    columns: &[Column],
) -> Result<Option<usize>, ImportError> {
    let file = || source.name().to_owned();
    let mut places = names.iter().enumerate().filter(|(_, name)| *name == column.name).map(|(i, _)| i);
    let first = places.next();
    if places.next().is_some() {
        return Err(ImportError::ColumnTwice { file: file(), column: column.name });
    }
    if first.is_none() && column.required {
        let needs: Vec<_> = columns.iter().filter(|c| c.required).map(|c| c.name).collect();
        return Err(ImportError::Column { file: file(), column: column.name, needs: needs.join(", ") });
    }
    Ok(first)
}
