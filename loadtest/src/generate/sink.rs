//! Scans into a file: CSV, gzipped CSV, or Parquet, in the columns `subject,site,unix_ms,direction`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as ParquetCompression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use truyvet_schemas::Direction;

use super::GenerateError;
use crate::nation::{CODE_BYTES, Codes, ModelScan, Nation};

/// Format of a scans file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text.
    #[value(name = "csv")]
    Csv,
    /// Text, compressed.
    #[value(name = "csv.gz")]
    CsvGz,
    /// Columns.
    #[value(name = "parquet")]
    Parquet,
}

impl Format {
    /// `scans` with the format's ending.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "scans.csv",
            Self::CsvGz => "scans.csv.gz",
            Self::Parquet => "scans.parquet",
        }
    }
}

/// A scans file that is being written.
pub struct Sink {
    path: PathBuf,
    codes: Codes,
    sites: StringArray,
    writer: Writer,
}

enum Writer {
    Csv(BufWriter<File>),
    CsvGz(Box<GzEncoder<BufWriter<File>>>),
    Parquet(Box<ArrowWriter<BufWriter<File>>>),
}

impl Sink {
    /// Creates the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path, format: Format, nation: &Nation) -> Result<Self, GenerateError> {
        let failed = |e| GenerateError::write(path, e);
        let file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
        let mut writer = match format {
            Format::Csv => Writer::Csv(file),
            Format::CsvGz => Writer::CsvGz(Box::new(GzEncoder::new(file, Compression::fast()))),
            Format::Parquet => Writer::Parquet(Box::new(
                ArrowWriter::try_new(file, Arc::new(schema()), Some(properties()))
                    .map_err(|source| GenerateError::Parquet { path: path.to_owned(), source })?,
            )),
        };
        writer.header().map_err(failed)?;
        let sites = (0..nation.land.sites()).map(|site| Some(nation.land.site_code(site))).collect();
        Ok(Self { path: path.to_owned(), codes: nation.codes.clone(), sites, writer })
    }

    /// Adds scans.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, scans: &[ModelScan]) -> Result<(), GenerateError> {
        match &mut self.writer {
            Writer::Csv(out) => csv(scans, &self.codes, &self.sites, out),
            Writer::CsvGz(out) => csv(scans, &self.codes, &self.sites, out),
            Writer::Parquet(out) => {
                let mut write = || out.write(&record_batch(scans, &self.codes, &self.sites)?);
                return write().map_err(|source| self.parquet_error(source));
            }
        }
        .map_err(|e| GenerateError::write(&self.path, e))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), GenerateError> {
        let Self { path, writer, .. } = self;
        match writer {
            Writer::Csv(mut out) => out.flush(),
            Writer::CsvGz(out) => out.finish().and_then(|mut out| out.flush()),
            Writer::Parquet(out) => {
                return out.close().map(|_| ()).map_err(|source| GenerateError::Parquet { path, source });
            }
        }
        .map_err(|e| GenerateError::write(&path, e))
    }

    fn parquet_error(&self, source: ParquetError) -> GenerateError {
        GenerateError::Parquet { path: self.path.clone(), source }
    }
}

impl Writer {
    fn header(&mut self) -> io::Result<()> {
        const HEADER: &[u8] = b"subject,site,unix_ms,direction\n";
        match self {
            Self::Csv(out) => out.write_all(HEADER),
            Self::CsvGz(out) => out.write_all(HEADER),
            Self::Parquet(_) => Ok(()),
        }
    }
}

fn csv(scans: &[ModelScan], codes: &Codes, sites: &StringArray, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::with_capacity(LINES_BYTES + 64);
    for scan in scans {
        lines.extend_from_slice(&codes.encode(scan.person));
        lines.push(b',');
        lines.extend_from_slice(sites.value(scan.site as usize).as_bytes());
        writeln!(lines, ",{},{}", scan.at_ms, scan.direction.as_str())?;
        if lines.len() >= LINES_BYTES {
            out.write_all(&lines)?;
            lines.clear();
        }
    }
    out.write_all(&lines)
}

fn schema() -> Schema {
    let dictionary = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Schema::new(vec![
        Field::new("subject", DataType::Utf8, false),
        Field::new("site", dictionary(), false),
        Field::new("unix_ms", DataType::Int64, false),
        Field::new("direction", dictionary(), false),
    ])
}

/// Codes of subjects are random bytes: neither a dictionary nor compression makes them smaller.
/// Times rise: their differences take two bytes instead of eight.
fn properties() -> WriterProperties {
    let (subject, at) = (ColumnPath::from("subject"), ColumnPath::from("unix_ms"));
    WriterProperties::builder()
        .set_compression(ParquetCompression::SNAPPY)
        .set_column_compression(subject.clone(), ParquetCompression::UNCOMPRESSED)
        .set_column_dictionary_enabled(subject, false)
        .set_column_dictionary_enabled(at.clone(), false)
        .set_column_encoding(at, Encoding::DELTA_BINARY_PACKED)
        .build()
}

fn record_batch(scans: &[ModelScan], codes: &Codes, sites: &StringArray) -> Result<RecordBatch, ArrowError> {
    let mut subjects =
        arrow_array::builder::StringBuilder::with_capacity(scans.len(), scans.len() * CODE_BYTES);
    for scan in scans {
        let code = codes.encode(scan.person);
        subjects.append_value(std::str::from_utf8(&code).expect("base 32 is ASCII"));
    }
    let site_keys: Int32Array = scans.iter().map(|scan| scan.site as i32).collect();
    let words = [Direction::Pass, Direction::In, Direction::Out].map(Direction::as_str);
    let direction_keys: Int32Array = scans.iter().map(|scan| scan.direction as i32).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(subjects.finish()),
        dictionary(site_keys, Arc::new(sites.clone()))?,
        Arc::new(scans.iter().map(|scan| Some(scan.at_ms)).collect::<Int64Array>()),
        dictionary(direction_keys, Arc::new(StringArray::from(words.to_vec())))?,
    ];
    RecordBatch::try_new(Arc::new(schema()), columns)
}

fn dictionary(keys: Int32Array, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
    DictionaryArray::<Int32Type>::try_new(keys, values).map(|array| Arc::new(array) as ArrayRef)
}

/// What CSV hands to the file or the compressor at once.
const LINES_BYTES: usize = 64 * 1024;
