//! A sheet as Parquet: texts, UTC timestamps in milliseconds, 64-bit numbers.

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
        let (fields, arrays): (Vec<_>, Vec<_>) =
            self.columns.iter().map(|c| array(c.name, &c.values)).unzip();
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(bytes)
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
