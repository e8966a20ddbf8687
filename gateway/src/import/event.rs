//! What an import tells while it runs; over HTTP one JSON object a line.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whoever listens; `Break` ends the import after what is durable already.
pub type Watch<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportEvent)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// How far it is.
    Progress {
        /// What is being done.
        stage: Stage,
        /// Bytes of the file, read so far.
        bytes: u64,
        /// Bytes of the file in all.
        bytes_total: u64,
        /// Rows taken in so far.
        rows: u64,
    },
    /// A line that could not be read.
    BadLine {
        /// Line of a text file, row of a Parquet file, from 1.
        line: u64,
        /// Why, without repeating what it holds.
        reason: String,
    },
    /// The end.
    Done(Totals),
    /// The end, too early.
    Failed {
        /// What to do.
        reason: String,
        /// What was taken in all the same.
        totals: Totals,
    },
}

/// What is being done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportStage)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its content's digest is taken.
    Digest,
    /// Its rows are taken in.
    Rows,
}

/// What became of a file's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportTotals)]
pub struct Totals {
    /// Rows taken in now.
    pub rows: u64,
    /// Rows that an earlier import of the same content took in or judged.
    pub rows_before: u64,
    /// Bad rows met now.
    pub bad: u64,
    /// Rows left out because they lie outside the retention.
    pub left_out: u64,
}

/// What a bad line does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Ends the import; what stands before it is kept.
    #[default]
    Stop,
    /// Is counted and passed over.
    Skip,
}
