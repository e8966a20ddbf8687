//! Areas, sites and people: small tables that replace what was there under the same code.

use std::ops::ControlFlow;

use truyvet_engine::{AreaRecord, CatalogError, Engine, PersonRecord, SiteRecord};

use super::columns::optional_texts;
use super::error::{BadRow, ImportError};
use super::event::{Event, OnError, Stage, Totals, Watch};
use super::rows::code;
use super::rows_parquet::{damaged, open};
use super::source::Source;
use super::table::{Column, Table};
use super::{Format, Options};

pub(super) fn areas(
    engine: &Engine,
    source: &Source,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Totals, ImportError> {
    const COLUMNS: [Column; 7] = [
        Column::required("area"),
        Column::required("parent"),
        Column::required("name"),
        Column::optional("kind"),
        Column::optional("valid_from"),
        Column::optional("valid_to"),
        Column::optional("merged_into"),
    ];
    let judge = |row: &Row<'_>| {
        Ok(AreaRecord {
            area: row.code(0, "area")?,
            parent: row.optional_code(1, "parent")?,
            name: row.text(2, "name")?.unwrap_or_default(),
            kind: row.text(3, "kind")?,
            valid_from: row.text(4, "valid_from")?,
            valid_to: row.text(5, "valid_to")?,
            merged_into: row.text(6, "merged_into")?,
        })
    };
    // Parents may stand below their children, so a file goes in whole.
    let put = |records| engine.catalog().put_areas(records);
    take(source, options, watch, &COLUMNS, ROWS_MAX, judge, put)
}

pub(super) fn sites(
    engine: &Engine,
    source: &Source,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Totals, ImportError> {
    const COLUMNS: [Column; 7] = [
        Column::required("site"),
        Column::optional("area"),
        Column::optional("name"),
        Column::optional("kind"),
        Column::optional("lat"),
        Column::optional("lon"),
        Column::optional("capacity"),
    ];
    let judge = |row: &Row<'_>| {
        Ok(SiteRecord {
            site: row.code(0, "site")?,
            area: row.optional_code(1, "area")?,
            name: row.text(2, "name")?,
            kind: row.text(3, "kind")?,
            lat: row.number(4, "lat", |lat: &f64| lat.abs() <= 90.0)?,
            lon: row.number(5, "lon", |lon: &f64| lon.abs() <= 180.0)?,
            capacity: row.number(6, "capacity", |_: &u32| true)?,
        })
    };
    let put = |records| engine.catalog().put_sites(records);
    take(source, options, watch, &COLUMNS, ROWS_AT_ONCE, judge, put)
}

pub(super) fn people(
    engine: &Engine,
    source: &Source,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Totals, ImportError> {
    const COLUMNS: [Column; 2] = [Column::required("subject"), Column::required("area")];
    let judge =
        |row: &Row<'_>| Ok(PersonRecord { subject: row.code(0, "subject")?, area: row.code(1, "area")? });
    let put = |records| engine.catalog().put_people(records);
    take(source, options, watch, &COLUMNS, ROWS_AT_ONCE, judge, put)
}

/// Takes records in, so many at once.
fn take<T>(
    source: &Source,
    options: &Options,
    watch: &mut Watch<'_>,
    columns: &[Column],
    at_once: usize,
    judge: impl Fn(&Row<'_>) -> Result<T, BadRow>,
    put: impl Fn(Vec<T>) -> Result<(), CatalogError>,
) -> Result<Totals, ImportError> {
    let put = |records: &mut Vec<T>| {
        put(std::mem::take(records))
            .map_err(|e| ImportError::Engine { file: source.name().to_owned(), reason: e.to_string() })
    };
    let interrupted = || ImportError::Interrupted(source.name().to_owned());
    let mut records = Vec::new();
    let mut totals = Totals::default();
    let mut stopped = None;
    each_row(source, columns, &mut |line, row| {
        match row.and_then(|row| judge(&row)) {
            Ok(record) => {
                totals.rows += 1;
                records.push(record);
            }
            Err(reason) => {
                totals.bad += 1;
                let told = watch(Event::BadLine { line, reason: reason.to_string() });
                if options.on_error == OnError::Stop {
                    stopped = Some((line, reason));
                    return Ok(ControlFlow::Break(()));
                }
                if told.is_break() {
                    return Err(interrupted());
                }
            }
        }
        if records.len() >= at_once {
            if at_once == ROWS_MAX {
                return Err(ImportError::TooManyRows { file: source.name().to_owned(), max: ROWS_MAX });
            }
            put(&mut records)?;
            let bytes = source.bytes_read();
            let told = Event::Progress { stage: Stage::Rows, bytes, bytes_total: 0, rows: totals.rows };
            if watch(told).is_break() {
                return Err(interrupted());
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    put(&mut records)?;
    match stopped {
        Some((line, reason)) => {
            Err(ImportError::Stopped { file: source.name().to_owned(), line, reason, totals })
        }
        None => Ok(totals),
    }
}

/// The fields of a row, by the place of their column among those looked for.
struct Row<'a>(Vec<&'a [u8]>);

impl Row<'_> {
    fn code(&self, at: usize, name: &'static str) -> Result<String, BadRow> {
        code(name, self.0[at]).map(str::to_owned)
    }

    fn optional_code(&self, at: usize, name: &'static str) -> Result<Option<String>, BadRow> {
        if self.0[at].is_empty() { Ok(None) } else { self.code(at, name).map(Some) }
    }

    fn text(&self, at: usize, name: &'static str) -> Result<Option<String>, BadRow> {
        let text = std::str::from_utf8(self.0[at]).map_err(|_| BadRow::NotUtf8(name))?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn number<T: std::str::FromStr>(
        &self,
        at: usize,
        name: &'static str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, BadRow> {
        let Some(text) = self.text(at, name)? else {
            return Ok(None);
        };
        text.trim().parse().ok().filter(fits).map(Some).ok_or(BadRow::Number(name))
    }
}

/// Judges a row, with its line; `Break` ends the reading.
type EachRow<'a> = dyn FnMut(u64, Result<Row<'_>, BadRow>) -> Result<ControlFlow<()>, ImportError> + 'a;

fn each_row(source: &Source, columns: &[Column], each: &mut EachRow<'_>) -> Result<(), ImportError> {
    match source.format() {
        Format::Parquet => each_parquet_row(source, columns, each),
        Format::Csv | Format::CsvGz => each_csv_row(source, columns, each),
    }
}

fn each_csv_row(source: &Source, columns: &[Column], each: &mut EachRow<'_>) -> Result<(), ImportError> {
    let (file, _) = source.open()?;
    let mut table = Table::open(source, source.text(file), columns)?;
    while let Some((line, read)) = table.advance().map_err(|e| source.io(e))? {
        let row = read.map(|()| Row((0..columns.len()).map(|at| table.field(at)).collect()));
        if each(line, row)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn each_parquet_row(source: &Source, columns: &[Column], each: &mut EachRow<'_>) -> Result<(), ImportError> {
    let (file, _) = source.open()?;
    let (batches, picks) = open(source, file, columns, 0)?;
    let mut line = 0;
    for batch in batches {
        let batch = batch.map_err(|e| damaged(source, &e))?;
        let texts: Result<Vec<_>, _> = columns
            .iter()
            .zip(&picks)
            .map(|(column, pick)| match pick {
                Some(pick) => optional_texts(source, column.name, batch.column(*pick)),
                None => Ok(Vec::new()),
            })
            .collect();
        let texts = texts?;
        for at in 0..batch.num_rows() {
            line += 1;
            let field =
                |column: &Vec<Option<String>>| -> Option<String> { column.get(at).cloned().flatten() };
            let fields: Vec<_> = texts.iter().map(|column| field(column).unwrap_or_default()).collect();
            let row = Row(fields.iter().map(String::as_bytes).collect());
            if each(line, Ok(row))?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Rows put at once: a few MB, and one durable write.
const ROWS_AT_ONCE: usize = 65_536;

/// Areas in one file; a nation has some 12,000.
const ROWS_MAX: usize = 1_000_000;
