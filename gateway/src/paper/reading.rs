//! A row while it is read: its cells by field, and what is wrong with them. Pure. What the rows of a table are,
//! `declarations` and `arrivals` say.

use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::Test;

use super::columns::{Field, Form, Mapping};
use super::places::{Place, Places, Unclear};
use super::table::{Cell, Row};
use super::values::{self, Moment};
use super::{RowFlaw, Why};
use crate::people::{AreaName, Entered, OnPaper, PaperError, People};

/// What the rows of a table are, and what becomes of each.
pub trait Rows: Send + Sync + 'static {
    /// A row that was understood.
    type Understood: Send;

    /// Which fields a table of them has.
    const FORM: Form;

    /// Whether two equal rows of a table are two things, or one that stands there twice.
    const EQUAL_ROWS_ARE_TWO: bool;

    /// How a preview that has told what others are known by stands in the audit log; none where none does.
    const PREVIEW_ACT: Option<&'static str>;

    /// What a row says; flaws are noted at the reading.
    fn understand(&self, reading: &mut Reading<'_>) -> Self::Understood;

    /// How the most important fields of a row were understood, to be shown beside it.
    fn shown(&self, understood: &Self::Understood, places: &Places) -> Vec<(Field, String)>;

    /// By which a row is known again: whatever it says, and nothing else.
    fn content(&self, understood: &Self::Understood) -> Vec<u8>;

    /// What would keep it from being entered, as far as that can be told beforehand.
    ///
    /// # Errors
    /// The official may not enter it at all.
    fn check(
        &self,
        understood: &Self::Understood,
        people: &People,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Vec<Flaw>, PaperError>;

    /// Enters it.
    ///
    /// # Errors
    /// Nothing is kept then.
    fn enter(
        &self,
        understood: Self::Understood,
        people: &People,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Entered, PaperError>;
}

/// Reads the rows of one table.
pub struct Converter<'a, R> {
    pub(super) rows: &'a R,
    pub(super) mapping: Mapping,
    places: Places,
    is_1904: bool,
}

/// One row while it is read.
pub struct Reading<'a> {
    mapping: &'a Mapping,
    places: &'a mut Places,
    is_1904: bool,
    row: &'a Row,
    flaws: Vec<RowFlaw>,
}

impl<'a, R: Rows> Converter<'a, R> {
    /// For a table with these columns, whose days may be counted from 1904.
    pub(crate) fn new(rows: &'a R, mapping: Mapping, places: Places, is_1904: bool) -> Self {
        Self { rows, mapping, places, is_1904 }
    }

    /// What the row says.
    ///
    /// # Errors
    /// Every cell that is not as it must be.
    pub fn read(&mut self, row: &Row) -> Result<R::Understood, Vec<RowFlaw>> {
        let Self { rows, mapping, places, is_1904 } = self;
        let mut reading = Reading { mapping, places, is_1904: *is_1904, row, flaws: Vec::new() };
        let understood = rows.understand(&mut reading);
        if reading.flaws.is_empty() { Ok(understood) } else { Err(reading.flaws) }
    }

    /// How the most important fields of a row were understood.
    pub fn shown(&self, understood: &R::Understood) -> Vec<(Field, String)> {
        self.rows.shown(understood, &self.places)
    }
}

impl Mapping {
    /// A flaw of a field of a row; of the row itself where no field is named.
    pub(super) fn flaw(&self, row: u32, field: Option<Field>, why: Why) -> RowFlaw {
        let column = field.and_then(|field| self.column(field));
        RowFlaw { row, column, field, why, candidates: None }
    }

    /// The flaws of what a row became as those of the row that it came from.
    pub(super) fn flaws(&self, row: u32, flaws: &[Flaw]) -> Vec<RowFlaw> {
        flaws.iter().map(|flaw| self.flaw(row, self.form.field_of(&flaw.field), flaw.code.into())).collect()
    }
}

impl Reading<'_> {
    // ---- cells -------------------------------------------------------------------------------------------

    /// The field's cell, where it has something.
    pub(super) fn cell(&mut self, field: Field) -> Option<Cell> {
        let column = self.mapping.column(field)?;
        match self.row.cell(column) {
            Cell::Empty => None,
            Cell::Formula => self.judged(field, Err(Why::Formula)),
            Cell::Merged => self.judged(field, Err(Why::Merged)),
            cell => Some(cell.clone()),
        }
    }

    pub(super) fn optional(&mut self, field: Field) -> Option<String> {
        self.cell(field)?.said().map(|said| said.into_owned())
    }

    pub(super) fn required(&mut self, field: Field) -> String {
        let said = self.optional(field);
        if said.is_none() {
            self.missing(field);
        }
        said.unwrap_or_default()
    }

    pub(super) fn value<T>(&mut self, field: Field, read: impl FnOnce(&str) -> Result<T, Why>) -> Option<T> {
        let said = self.optional(field)?;
        self.judged(field, read(&said))
    }

    pub(super) fn moment(&mut self, field: Field, is_required: bool) -> Option<Moment> {
        let Some(cell) = self.cell(field) else {
            if is_required {
                self.missing(field);
            }
            return None;
        };
        let read = values::moment(&cell, self.is_1904);
        self.judged(field, read)
    }

    pub(super) fn required_place(&mut self, field: Field) -> Place {
        let place = self.place(field);
        if place.is_none() {
            self.missing(field);
        }
        place.unwrap_or(Place { area: String::new(), address: None })
    }

    pub(super) fn place(&mut self, field: Field) -> Option<Place> {
        let said = self.optional(field)?;
        match self.places.find(&said) {
            Ok(place) => Some(place),
            Err(Unclear { why, candidates }) => {
                self.wrong(field, why);
                self.tell(candidates);
                None
            }
        }
    }

    /// A test is told whole or not at all.
    pub(super) fn test(&mut self) -> Option<Test> {
        let result = self.value(Field::TestResult, values::test_result)?;
        let kind = self.value(Field::TestKind, values::test_kind);
        let taken_at = self.moment(Field::TestAt, true).and_then(|at| instant(at.date, at.time));
        if kind.is_none() {
            self.missing(Field::TestKind);
        }
        Some(Test { kind: kind?, result, taken_at: taken_at? })
    }

    // ---- flaws -------------------------------------------------------------------------------------------

    pub(super) fn judged<T>(&mut self, field: Field, value: Result<T, Why>) -> Option<T> {
        value.map_err(|why| self.wrong(field, why)).ok()
    }

    pub(super) fn wrong(&mut self, field: Field, why: Why) {
        let flaw = self.mapping.flaw(self.row.number, Some(field), why);
        self.flaws.push(flaw);
    }

    /// Not told a second time where the cell is wrong otherwise.
    pub(super) fn missing(&mut self, field: Field) {
        if !self.flaws.iter().any(|flaw| flaw.field == Some(field)) {
            self.wrong(field, Why::Missing);
        }
    }

    pub(super) fn tell(&mut self, candidates: Arc<[AreaName]>) {
        if let Some(last) = self.flaws.last_mut().filter(|_| !candidates.is_empty()) {
            last.candidates = Some(candidates);
        }
    }
}

/// A local day and time; midnight where no time is told: a day is a day until it is over.
pub(super) fn instant(date: jiff::civil::Date, time: Option<Time>) -> Option<i64> {
    let at = date.to_datetime(time.unwrap_or(Time::midnight())).to_zoned(local());
    at.ok().map(|at| at.timestamp().as_millisecond())
}

/// The nation's clock.
pub(super) fn local() -> TimeZone {
    TimeZone::fixed(Offset::constant(7))
}

pub(super) fn word_of<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
