//! What is wrong with a row, and what ends an import. Neither repeats what the file holds: codes of
//! subjects do not belong in logs.

use truyvet_schemas::scan::CODE_BYTES_MAX;

use super::event::Totals;
use super::records::LINE_BYTES_MAX;

/// Why a row is bad. Correct the row, or pass over it with `--on-error skip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// A comma too few or too many; quote a code that holds one.
    #[error("{found} fields, where the header has {header}")]
    Fields {
        /// In this row.
        found: usize,
        /// In the header.
        header: usize,
    },
    /// No line of codes is so long.
    #[error("longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Close the quotation mark.
    #[error("a quotation mark is never closed")]
    Unclosed,
    /// Save the file as UTF-8.
    #[error("`{0}` is not UTF-8")]
    NotUtf8(&'static str),
    /// Fill it in.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// Use a shorter code.
    #[error("`{0}` is longer than {CODE_BYTES_MAX} bytes")]
    CodeTooLong(&'static str),
    /// Write a time.
    #[error("`{0}` is no time: whole unix milliseconds, or RFC 3339 with an offset")]
    NoTime(&'static str),
    /// Seconds were written for milliseconds, perhaps.
    #[error("`{0}` lies outside the years 1970 to 2200")]
    TimeRange(&'static str),
    /// Write one of the words.
    #[error("`direction` is none of pass, in, out")]
    Direction,
    /// Write a number.
    #[error("`{0}` is no number in its range")]
    Number(&'static str),
}

/// What ends an import. What was made durable before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Correct the path or its permissions.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Save what comes out of the pipe as a file first.
    #[error("{0}: not a regular file; an import reads its file twice, so save it first")]
    NotAFile(String),
    /// Wait until whoever writes the file is done.
    #[error("{0}: the file was changed while it was read; import it again when it is complete")]
    Changed(String),
    /// Add a header line.
    #[error("{0}: the file is empty; its first line names its columns")]
    NoHeader(String),
    /// Name the column in the first line.
    #[error("{file}: the column `{column}` is missing; the first line names the columns {needs}")]
    Column {
        /// The file.
        file: String,
        /// What is missing.
        column: &'static str,
        /// What is needed.
        needs: String,
    },
    /// Rename one of the two.
    #[error("{file}: the column `{column}` is there twice")]
    ColumnTwice {
        /// The file.
        file: String,
        /// Which.
        column: &'static str,
    },
    /// Write the column with another type.
    #[error("{file}: the column `{column}` has the type {found}; it needs {needs}")]
    ColumnType {
        /// The file.
        file: String,
        /// Which.
        column: &'static str,
        /// Its type.
        found: String,
        /// Types that can be read.
        needs: &'static str,
    },
    /// Write the Parquet file anew.
    #[error("{file}: not a readable Parquet file: {reason}")]
    Parquet {
        /// The file.
        file: String,
        /// What its reader said.
        reason: String,
    },
    /// Split the file.
    #[error("{file}: more than {max} rows; split it")]
    TooManyRows {
        /// The file.
        file: String,
        /// How many are allowed.
        max: usize,
    },
    /// See the bad line told before.
    #[error(
        "{file}: stopped at line {line}: {reason}; everything before it is kept. To pass over bad lines, \
         run the import again on the same file with --on-error skip"
    )]
    Stopped {
        /// The file.
        file: String,
        /// Line or row.
        line: u64,
        /// Why.
        reason: BadRow,
        /// What was taken in.
        totals: Totals,
    },
    /// Run the import again: it goes on where it stopped.
    #[error("{0}: interrupted; run the import again and it goes on where it stopped")]
    Interrupted(String),
    /// As the engine says.
    #[error("{file}: {reason}")]
    Engine {
        /// The file.
        file: String,
        /// What the engine said.
        reason: String,
    },
}
