//! Scans of a Parquet file as chunks of columns. Where the file keeps codes as a dictionary they
//! stay one: a chunk of 65,536 rows then names each site once.

use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Encoding, PageType};
use parquet::file::metadata::ParquetMetaData;
use truyvet_engine::RowChunk;
use truyvet_schemas::limits::TIME_MS_RANGE;

use super::columns::{Codes, directions, times_ms};
use super::error::ImportError;
use super::rows::{Builder, CHUNK_ROWS, COLUMNS, End, Output, Parsed, ScanRow, code, in_range};
use super::source::Source;
use super::table::{Column, find};

pub(super) fn read(source: &Source, rows_done: u64, output: &Output<'_>) -> Result<(), End> {
    let (file, _) = source.open()?;
    let (batches, picks) = open(source, file, &COLUMNS, rows_done)?;
    let mut first_row = rows_done + 1;
    for batch in batches {
        let batch = batch.map_err(|e| damaged(source, &e))?;
        let columns = Columns::of(source, &batch, &picks)?;
        let rows = batch.num_rows() as u64;
        match columns.whole(first_row, rows, output) {
            Some(chunk) => output.send(Parsed::Chunk { chunk, left_out: 0 })?,
            None => columns.row_by_row(first_row, rows, output)?,
        }
        first_row += rows;
    }
    Ok(())
}

/// Batches of the columns that are there, and where each column looked for stands in a batch.
pub(super) fn open(
    source: &Source,
    file: File,
    columns: &[Column],
    rows_done: u64,
) -> Result<(ParquetRecordBatchReader, Vec<Option<usize>>), ImportError> {
    let metadata =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| damaged(source, &e))?;
    let names: Vec<_> = metadata.schema().fields().iter().map(|f| f.name().clone()).collect();
    let found = find(source, &names, columns)?;
    let schema = with_dictionaries(metadata.schema(), metadata.metadata());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    // A file whose types do not allow it is read as it says itself.
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or(metadata);
    let mask = ProjectionMask::roots(metadata.parquet_schema(), found.iter().flatten().copied());
    let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_projection(mask)
        .with_batch_size(CHUNK_ROWS as usize)
        .with_offset(rows_done as usize)
        .build()
        .map_err(|e| damaged(source, &e))?;
    // Columns come in the file's order, without those between.
    let place = |at: usize| found.iter().flatten().filter(|other| **other < at).count();
    let picks = found.iter().map(|at| at.map(place)).collect();
    Ok((batches, picks))
}

/// Texts as dictionaries where every page of the column is one; forcing the others into dictionaries
/// would cost more than it saves.
fn with_dictionaries(schema: &Schema, metadata: &ParquetMetaData) -> Schema {
    let flat = metadata.file_metadata().schema_descr().num_columns() == schema.fields().len();
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        let text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if !(flat && text && all_pages_are_dictionaries(metadata, at)) {
            return field.as_ref().clone();
        }
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        field.as_ref().clone().with_data_type(dictionary)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn all_pages_are_dictionaries(metadata: &ParquetMetaData, column: usize) -> bool {
    metadata.row_groups().iter().all(|group| {
        group.column(column).page_encoding_stats().is_some_and(|pages| {
            pages
                .iter()
                .filter(|page| page.page_type != PageType::DICTIONARY_PAGE)
                .all(|page| matches!(page.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY))
        })
    })
}

pub(super) fn damaged(source: &Source, error: &dyn std::fmt::Display) -> ImportError {
    ImportError::Parquet { file: source.name().to_owned(), reason: error.to_string() }
}

struct Columns {
    subjects: Codes,
    sites: Codes,
    /// None where the file has no time.
    at_ms: Vec<Option<i64>>,
    /// Numbers of directions; empty where the file has no such column.
    directions: Vec<Option<u8>>,
}

impl Columns {
    fn of(source: &Source, batch: &RecordBatch, picks: &[Option<usize>]) -> Result<Self, ImportError> {
        let column = |at: usize| picks[at].map(|pick| batch.column(pick));
        let required = |at: usize| column(at).ok_or_else(|| damaged(source, &"a column is missing"));
        Ok(Self {
            subjects: Codes::of(source, "subject", required(0)?)?,
            sites: Codes::of(source, "site", required(1)?)?,
            at_ms: times_ms(source, "unix_ms", required(2)?)?,
            directions: column(3).map_or(Ok(Vec::new()), |array| directions(source, "direction", array))?,
        })
    }

    /// The whole batch as a chunk, if every row is good and kept.
    fn whole(&self, first_row: u64, rows: u64, output: &Output<'_>) -> Option<RowChunk> {
        let times: Option<Vec<_>> = self.at_ms.iter().copied().collect();
        let at_ms = times.filter(|t| t.iter().all(|at| TIME_MS_RANGE.contains(at) && output.keeps(*at)))?;
        let directions: Vec<_> = self.directions.iter().copied().collect::<Option<_>>()?;
        let all_pass = directions.iter().all(|direction| *direction == 0);
        Some(RowChunk {
            first_row,
            rows,
            subjects: self.subjects.whole()?,
            sites: self.sites.whole()?,
            at_ms,
            directions: if all_pass { Vec::new() } else { directions },
        })
    }

    fn row_by_row(&self, first_row: u64, rows: u64, output: &Output<'_>) -> Result<(), End> {
        let mut builder = Builder::new(first_row);
        for row in 0..rows {
            match self.scan(row as usize) {
                Ok(scan) if output.keeps(scan.at_ms) => builder.push(&scan),
                Ok(_) => builder.leave_out(),
                Err(reason) => {
                    let bad = Parsed::Bad { line: first_row + row, reason };
                    if output.stops() {
                        output.send(builder.finish())?;
                        output.send(bad)?;
                        return Err(End::Quiet);
                    }
                    output.send(bad)?;
                    builder.rows += 1;
                }
            }
        }
        output.send(builder.finish())?;
        Ok(())
    }

    fn scan(&self, row: usize) -> Result<ScanRow<'_>, super::BadRow> {
        use super::BadRow;
        let direction = self.directions.get(row).copied().unwrap_or(Some(0));
        let direction = direction.and_then(truyvet_schemas::Direction::from_number);
        Ok(ScanRow {
            subject: code("subject", self.subjects.get(row).unwrap_or_default())?,
            site: code("site", self.sites.get(row).unwrap_or_default())?,
            at_ms: in_range("unix_ms", self.at_ms[row].ok_or(BadRow::Empty("unix_ms"))?)?,
            direction: direction.ok_or(BadRow::Direction)?,
        })
    }
}
