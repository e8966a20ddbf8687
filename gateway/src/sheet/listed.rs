//! A long list, written while it is read: at no time is more of it in memory than a chunk.
//!
//! ```text
//! head, then chunks of rows --> JSON members, CSV lines, Parquet batches, tables --> out
//! ```
//!
//! What is written is what the answer would give if it were held whole, except that a table has its
//! header again for each chunk, since a column's width is known for a chunk alone.

use std::cell::Cell;
use std::io::{self, Write};

use parquet::errors::ParquetError;
use serde::{Serialize, Serializer};
use truyvet_engine::{Code, Explained, PassedFound, PassedSubject, SetFound};

use super::{Column, Sheet, passed_columns, passed_summary, set_columns, set_summary};

/// An answer whose list is too long to be held.
pub trait Listed: Sized {
    /// A row of the list, as JSON tells it.
    type Row: Serialize;

    /// All but the list, as JSON members.
    fn head(&self) -> impl Serialize + 'static;

    /// What stands above the list, for people.
    fn summary(&self) -> Sheet;

    /// The columns of some rows.
    fn columns(rows: &[Self::Row]) -> Vec<Column>;

    /// The rows in order.
    fn chunks(self) -> impl Iterator<Item = Vec<Self::Row>>;
}

impl Listed for PassedFound {
    type Row = PassedSubject;

    fn head(&self) -> impl Serialize + 'static {
        self.head.clone()
    }

    fn summary(&self) -> Sheet {
        passed_summary(self.head.subjects, self.head.scans).remark(&self.head.unknown, &self.head.incomplete)
    }

    fn columns(rows: &[PassedSubject]) -> Vec<Column> {
        passed_columns(rows)
    }

    fn chunks(self) -> impl Iterator<Item = Vec<PassedSubject>> {
        Self::chunks(self)
    }
}

impl Listed for SetFound {
    type Row = Code;

    fn head(&self) -> impl Serialize + 'static {
        self.head.clone()
    }

    fn summary(&self) -> Sheet {
        set_summary(&self.head)
    }

    fn columns(rows: &[Code]) -> Vec<Column> {
        set_columns(rows)
    }

    fn chunks(self) -> impl Iterator<Item = Vec<Code>> {
        Self::chunks(self)
    }
}

/// Writes the answer as JSON, before the list what finding it took, where that was asked.
///
/// # Errors
/// Those of `out`.
pub fn write_json<L: Listed>(answer: L, explain: Option<&Explained>, out: &mut dyn Write) -> io::Result<()> {
    let head = answer.head();
    let list = List(Cell::new(Some(answer.chunks())));
    Ok(serde_json::to_writer(out, &Told { head, explain, list })?)
}

/// Writes the list as CSV.
///
/// # Errors
/// Those of `out`.
pub fn write_csv<L: Listed>(answer: L, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(sheet::<L>(&[]).csv_header().as_bytes())?;
    for rows in answer.chunks() {
        out.write_all(sheet::<L>(&rows).csv_rows().as_bytes())?;
    }
    Ok(())
}

/// Writes the list as Parquet.
///
/// # Errors
/// Those of `out`.
pub fn write_parquet<L: Listed>(answer: L, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut writer = sheet::<L>(&[]).parquet_writer(out).map_err(of_out)?;
    for rows in answer.chunks() {
        let batch = sheet::<L>(&rows).record_batch().map_err(of_out)?;
        writer.write(&batch).map_err(of_out)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            writer.flush().map_err(of_out)?;
        }
    }
    writer.close().map(drop).map_err(of_out)
}

/// Writes the answer for people.
///
/// # Errors
/// Those of `out`.
pub fn write_table<L: Listed>(answer: L, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(answer.summary().to_table().as_bytes())?;
    for rows in answer.chunks() {
        out.write_all(sheet::<L>(&rows).to_table().as_bytes())?;
    }
    Ok(())
}

fn sheet<L: Listed>(rows: &[L::Row]) -> Sheet {
    Sheet { summary: Vec::new(), columns: L::columns(rows) }
}

/// The error of `out` that the Parquet library passes on.
fn of_out(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => {
            inner.downcast().map_or_else(io::Error::other, |of_out: Box<io::Error>| *of_out)
        }
        other => io::Error::other(other),
    }
}

/// The members of `head`, and the list.
#[derive(Serialize)]
struct Told<'a, H, L> {
    #[serde(flatten)]
    head: H,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<&'a Explained>,
    list: L,
}

/// Rows that are read when they are written, once.
struct List<C>(Cell<Option<C>>);

impl<R: Serialize, C: Iterator<Item = Vec<R>>> Serialize for List<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten().flatten())
    }
}

/// Bytes of a row group, which the Parquet library holds until it is full.
const ROW_GROUP_BYTES_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use truyvet_engine::{SetAnswer, SetHead, SetOperandSize};

    use super::*;
    use crate::question::Answer;

    /// An answer in memory, told as a long one is.
    #[derive(Clone)]
    struct InMemory(SetAnswer);

    impl Listed for InMemory {
        type Row = Code;

        fn head(&self) -> impl Serialize + 'static {
            self.0.head.clone()
        }

        fn summary(&self) -> Sheet {
            set_summary(&self.0.head)
        }

        fn columns(rows: &[Code]) -> Vec<Column> {
            set_columns(rows)
        }

        fn chunks(self) -> impl Iterator<Item = Vec<Code>> {
            let mut rows = self.0.list.into_iter();
            std::iter::from_fn(move || {
                Some(rows.by_ref().take(2).collect::<Vec<_>>()).filter(|c| !c.is_empty())
            })
        }
    }

    fn answer(list: &[&str]) -> SetAnswer {
        let expression = "site a on 2021-08-02Z".into();
        let operand = SetOperandSize { expression, from: 1, to: 2, subjects: None };
        let unknown = vec!["a".into()];
        let head =
            SetHead { subjects: list.len() as u64, operands: vec![operand], unknown, ..SetHead::default() };
        SetAnswer { head, list: list.iter().map(Code::new).collect() }
    }

    fn written(answer: &SetAnswer, write: impl Fn(InMemory, &mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
        let mut out = Vec::new();
        write(InMemory(answer.clone()), &mut out).expect("memory suffices");
        out
    }

    #[test]
    fn a_list_in_chunks_is_what_it_is_as_a_whole() {
        for list in [&[][..], &["b"], &["a,\"b\"", "đ", "x y", "z", "zz"]] {
            let whole = answer(list);
            let sheet = Sheet::of(&Answer::Set(whole.clone()));
            let json = written(&whole, |list, out| write_json(list, None, out));
            assert_eq!(json, serde_json::to_vec(&whole).expect("texts and numbers"));
            let csv = written(&whole, |list, out| write_csv(list, out));
            assert_eq!(String::from_utf8(csv), Ok(sheet.to_csv()));
            let parquet = written(&whole, |list, out| write_parquet(list, out));
            assert_eq!(rows(parquet), rows(sheet.to_parquet().expect("memory suffices")));
        }
    }

    #[test]
    fn a_table_has_the_sizes_of_the_operands_above_it() {
        let table = written(&answer(&["b"]), |list, out| write_table(list, out));
        let table = String::from_utf8(table).expect("text");
        assert!(table.starts_with("1 subjects\n not read  site a on 2021-08-02Z\nunknown: a\n"), "{table}");
        assert_eq!(table, Sheet::of(&Answer::Set(answer(&["b"]))).to_table());
    }

    fn rows(parquet: Vec<u8>) -> Vec<String> {
        let batches = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet))
            .and_then(|builder| builder.build())
            .expect("just written");
        let text = |batch: arrow_array::RecordBatch| {
            let column = batch.column_by_name("subject").expect("the column").clone();
            let column = column.as_any().downcast_ref::<arrow_array::StringArray>().expect("texts").clone();
            column.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        };
        batches.flat_map(|batch| text(batch.expect("just written"))).collect()
    }
}
