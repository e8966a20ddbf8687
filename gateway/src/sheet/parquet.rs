//! A sheet as Parquet: texts, UTC timestamps in milliseconds, 64-bit numbers.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{Sheet, Values};

impl Sheet {
    /// The bytes of the file.
    ///
    /// # Errors
    /// Those of the Parquet library: a text column beyond 2 GiB.
    pub fn to_parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let mut bytes = Vec::new();
        let mut writer = self.parquet_writer(&mut bytes)?;
        writer.write(&self.record_batch()?)?;
        writer.close()?;
        Ok(bytes)
    }

    /// Begins a file of such sheets.
    pub(super) fn parquet_writer<W: Write + Send>(&self, out: W) -> Result<ArrowWriter<W>, ParquetError> {
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        ArrowWriter::try_new(out, self.record_batch()?.schema(), Some(properties))
    }

    pub(super) fn record_batch(&self) -> Result<RecordBatch, ParquetError> {
        let (fields, arrays): (Vec<_>, Vec<_>) =
            self.columns.iter().map(|c| array(c.name, &c.values)).unzip();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

fn array(name: &str, values: &Values) -> (Field, ArrayRef) {
    match values {
        Values::Text(values) => {
            let array: StringArray = values.iter().map(Option::as_deref).collect();
            (Field::new(name, DataType::Utf8, true), Arc::new(array))
        }
        Values::Time(values) => {
            let array = TimestampMillisecondArray::from(values.clone()).with_timezone("UTC");
            let kind = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
            (Field::new(name, kind, false), Arc::new(array))
        }
        Values::Number(values) => {
            (Field::new(name, DataType::Int64, false), Arc::new(Int64Array::from(values.clone())))
        }
    }
}
