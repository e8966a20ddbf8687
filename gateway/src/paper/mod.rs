//! Paper: tables that officials send, taken in row by row: declarations of citizens, or passengers who arrive.
//!
//! ```text
//! file -> table/     rows of cells, bounded            pure
//!      -> columns    which column is which field       pure
//!      -> reading    a row becomes what rows are of,   pure; values, places
//!                    or flaws by row and column
//!                    (declarations, arrivals)
//!      -> upload     good rows are entered, many at once; the others are kept to be corrected
//!      -> refused    as CSV with the reasons
//! ```
//! - **Nothing twice.** A row is known by what it says, and a declaration by its place among equal rows too. The
//!   same file again, one that was cut off, or a corrected one adds only what is new.
//! - The file and its rows are in memory alone, never on disk. A job that dies with the server is sent again.
//! - Flaws name row, column, field and code; what stands in a cell is in no log, and in no error.

mod arrivals;
mod columns;
mod declarations;
mod places;
mod reading;
mod refused;
mod table;
mod upload;
mod uploads;
mod values;

use std::sync::Arc;

use serde::Serialize;
use truyvet_schemas::checking::Wrong;
use utoipa::ToSchema;

pub use arrivals::{Facilities, Passengers};
pub use columns::{Field, Form, Header, Mapping, MappingError};
pub use declarations::Declarations;
pub(crate) use places::Places;
pub use reading::{Converter, Rows};
pub use refused::Language;
pub use table::{FILE_BYTES_MAX, Table, TableError, column_letters};
pub use upload::{Accepted, Ended, Progress, Sent, State, Upload, check_row};
pub use uploads::{TooManyRunning, Uploads};

use crate::people::AreaName;

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowFlaw {
    /// The number that a spreadsheet shows for it.
    pub row: u32,
    /// Its column, from 0; none where the whole row is meant.
    pub column: Option<u16>,
    /// The field.
    pub field: Option<Field>,
    /// What is wrong.
    pub why: Why,
    /// Areas that the cell could mean.
    pub candidates: Option<Arc<[AreaName]>>,
}

/// What can be wrong with a cell or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RowWrong)]
pub enum Why {
    /// It is missing.
    Missing,
    /// It is too long.
    TooLong,
    /// It is not written as such a thing is.
    Form,
    /// It has characters that no such text has.
    Characters,
    /// There are too few or too many.
    Count,
    /// It lies outside the times that make sense.
    Time,
    /// Nothing is known by this word or code.
    Unknown,
    /// It does not agree with the document's number or the register.
    Disagrees,
    /// It was valid once, and is no more.
    NoLongerValid,
    /// It could be several areas.
    Ambiguous,
    /// A year is no date.
    YearAlone,
    /// It is a formula without a value, or its value is an error.
    Formula,
    /// It is part of merged cells, whose value belongs to the upper left one alone.
    Merged,
    /// The documents are known as those of two people.
    TwoPeople,
    /// The person neither lives in the official's area nor travels from it or to it, or arrives elsewhere.
    OutOfReach,
    /// So many were entered today, or contradicted by the register, that no more are taken.
    TooMany,
}

impl From<Wrong> for Why {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Missing => Self::Missing,
            Wrong::TooLong => Self::TooLong,
            Wrong::Form => Self::Form,
            Wrong::Characters => Self::Characters,
            // Only vehicles name several people.
            Wrong::Count | Wrong::Repeated => Self::Count,
            Wrong::Time => Self::Time,
            Wrong::Unknown => Self::Unknown,
            Wrong::Disagrees => Self::Disagrees,
            Wrong::NoLongerValid => Self::NoLongerValid,
        }
    }
}
