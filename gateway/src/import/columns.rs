//! Columns of a Parquet batch as the engine wants them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::types::{TimestampNanosecondType, TimestampSecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use truyvet_engine::CodeColumn;
use truyvet_schemas::Direction;
use truyvet_schemas::scan::CODE_BYTES_MAX;

use super::error::ImportError;
use super::source::Source;

/// A column of codes: texts one behind the other, or keys into such texts.
pub(super) struct Codes {
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// For each row which text; none: each row has its own.
    keys: Option<Vec<u32>>,
    /// Rows without a text; empty: all have one.
    missing: Vec<bool>,
}

impl Codes {
    pub(super) fn of(source: &Source, name: &'static str, array: &ArrayRef) -> Result<Self, ImportError> {
        let missing = match array.logical_nulls() {
            Some(nulls) if nulls.null_count() > 0 => nulls.iter().map(|there| !there).collect(),
            _ => Vec::new(),
        };
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            let (ends, bytes) = texts(source, name, array)?;
            return Ok(Self { ends, bytes, keys: None, missing });
        };
        let (ends, bytes) = texts(source, name, dictionary.values())?;
        // Keys of missing rows are whatever they are, but stay in range.
        let keys = if ends.is_empty() {
            vec![0; array.len()]
        } else {
            dictionary.normalized_keys().into_iter().map(|key| key as u32).collect()
        };
        Ok(Self { ends, bytes, keys: Some(keys), missing })
    }

    /// The text of a row, if it has one.
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        if self.missing.get(row).copied().unwrap_or(false) {
            return None;
        }
        self.text(self.keys.as_ref().map_or(row, |keys| keys[row] as usize))
    }

    /// The column for the engine, if every row of it is a code.
    pub(super) fn whole(&self) -> Option<CodeColumn> {
        let mut from = 0;
        let all_codes = self.ends.iter().all(|end| {
            let length = (end - std::mem::replace(&mut from, *end)) as usize;
            (1..=CODE_BYTES_MAX).contains(&length)
        });
        if !all_codes || !self.missing.is_empty() {
            return None;
        }
        let (ends, bytes) = (self.ends.clone(), self.bytes.clone());
        Some(match self.keys.clone() {
            Some(keys) => CodeColumn::Dictionary { keys, ends, bytes },
            None => CodeColumn::Plain { ends, bytes },
        })
    }

    fn text(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)? as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        Some(&self.bytes[start..end])
    }
}

/// The texts of an array one behind the other, numbers in digits, nothing for nulls.
fn texts(source: &Source, name: &'static str, array: &ArrayRef) -> Result<(Vec<u32>, Vec<u8>), ImportError> {
    match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            let (first, last) = (array.value_offsets()[0], array.value_offsets()[array.len()]);
            let ends = array.value_offsets()[1..].iter().map(|end| (end - first) as u32).collect();
            Ok((ends, array.value_data()[first as usize..last as usize].to_vec()))
        }
        DataType::LargeUtf8 => Ok(joined(array.as_string::<i64>().iter())),
        DataType::Utf8View => Ok(joined(array.as_string_view().iter())),
        kind if kind.is_integer() => Ok(joined(integers(array).into_iter())),
        _ => Err(wrong_type(source, name, array, "text, a dictionary of texts, or whole numbers")),
    }
}

fn joined<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> (Vec<u32>, Vec<u8>) {
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for value in values {
        bytes.extend_from_slice(value.as_ref().map_or("", AsRef::as_ref).as_bytes());
        ends.push(bytes.len() as u32);
    }
    (ends, bytes)
}

/// Whole numbers of any width in digits.
fn integers(array: &ArrayRef) -> Vec<Option<String>> {
    arrow_array::downcast_integer_array!(
        array => array.iter().map(|value| value.map(|number| number.to_string())).collect(),
        _ => Vec::new()
    )
}

/// A column of times.
pub(super) fn times_ms(
    source: &Source,
    name: &'static str,
    array: &ArrayRef,
) -> Result<Vec<Option<i64>>, ImportError> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Ok(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
        DataType::Timestamp(Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().iter().collect()
        }
        DataType::Timestamp(Second, _) => {
            let seconds = array.as_primitive::<TimestampSecondType>().iter();
            seconds.map(|at| at.map(|at| at.saturating_mul(1_000))).collect()
        }
        DataType::Timestamp(Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            micros.map(|at| at.map(|at| at.div_euclid(1_000))).collect()
        }
        DataType::Timestamp(Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().iter();
            nanos.map(|at| at.map(|at| at.div_euclid(1_000_000))).collect()
        }
        _ => return Err(wrong_type(source, name, array, "int64 or timestamp")),
    })
}

/// A column of directions as their numbers: none where the word is none. A null is a `pass`.
pub(super) fn directions(
    source: &Source,
    name: &'static str,
    array: &ArrayRef,
) -> Result<Vec<Option<u8>>, ImportError> {
    let codes = Codes::of(source, name, array)?;
    let number = |word: &[u8]| super::rows::direction(word).ok().map(|direction| direction as u8);
    Ok((0..array.len()).map(|row| codes.get(row).map_or(Some(Direction::Pass as u8), number)).collect())
}

fn wrong_type(source: &Source, name: &'static str, array: &ArrayRef, needs: &'static str) -> ImportError {
    let (file, found) = (source.name().to_owned(), array.data_type().to_string());
    ImportError::ColumnType { file, column: name, found, needs }
}

/// The texts of a column of a table, numbers in digits; nothing for nulls.
pub(super) fn optional_texts(
    source: &Source,
    name: &'static str,
    array: &ArrayRef,
) -> Result<Vec<Option<String>>, ImportError> {
    match array.data_type() {
        DataType::Float64 => {
            let numbers = array.as_primitive::<Float64Type>().iter();
            Ok(numbers.map(|number| number.map(|number| number.to_string())).collect())
        }
        DataType::Null => Ok(vec![None; array.len()]),
        _ => {
            let codes = Codes::of(source, name, array)?;
            let text = |row| codes.get(row).map(|text| String::from_utf8_lossy(text).into_owned());
            Ok((0..array.len()).map(text).collect())
        }
    }
}
