//! What is wrong with a question as it was asked.

use truyvet_engine::SetExpressionError;
use truyvet_schemas::time::TimeError;

/// Wrong usage: each message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Usage {
    /// Add the parameter.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Name a site or an area.
    #[error("name at least one `site` or `area`")]
    NeitherSiteNorArea,
    /// Give the parameter once.
    #[error("`{0}` is given several times; give it once")]
    Several(&'static str),
    /// Leave the parameter out or correct its name.
    #[error("`{name}` is no parameter of this question; it takes {takes}")]
    Unknown {
        /// As asked.
        name: String,
        /// What the question takes.
        takes: &'static str,
    },
    /// Write the time or duration as the message says.
    #[error("`{name}`: {source}")]
    Time {
        /// The parameter.
        name: &'static str,
        /// What was expected.
        source: TimeError,
    },
    /// Write a whole number in the range.
    #[error("`{name}`: write a whole number from {min} to {max}")]
    Number {
        /// The parameter.
        name: &'static str,
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Ask for a shorter time, or for longer cells.
    #[error("that is more than {most} cells; ask for a shorter time, or for longer cells")]
    TooManyCells {
        /// The most.
        most: u64,
    },
    /// Write `true` or `false`.
    #[error("`{0}`: write true or false")]
    Truth(&'static str),
    /// Write one of the words.
    #[error("`{name}`: write one of {words}")]
    Word {
        /// The parameter.
        name: &'static str,
        /// What it may be.
        words: &'static str,
    },
    /// A code is never empty.
    #[error("`{0}`: a code is empty")]
    EmptyCode(&'static str),
    /// Ask for fewer.
    #[error("`{name}` names more than {max} codes; split the question")]
    TooManyCodes {
        /// The parameter.
        name: &'static str,
        /// How many are allowed.
        max: usize,
    },
    /// A cell has a length.
    #[error("`cell`: a cell lasts at least 1ms")]
    EmptyCell,
    /// Write the offset as the message says.
    #[error("`offset`: write +07:00, -03:30 or Z (in an address, + is written %2B)")]
    Offset,
    /// Correct the expression where the message points.
    #[error("`expr`, {0}")]
    Expression(#[from] SetExpressionError),
    /// Allow less time, or raise `query_timeout_max_ms`.
    #[error(
        "`timeout`: at most {max_ms}ms may be allowed here; the setting `query_timeout_max_ms` raises that"
    )]
    Timeout {
        /// The most.
        max_ms: u64,
    },
    /// Ask for JSON, or leave it out.
    #[error("`explain` is told as JSON or a table; ask for one of these")]
    Unexplained,
    /// Exchange the two times.
    #[error("`from` lies after `to`; exchange them")]
    Backward,
    /// Send a JSON object.
    #[error("the body is no JSON object; send the parameters' names with their values")]
    NoObject,
    /// Send a code.
    #[error("`{0}`: a code is a text; send it in quotation marks")]
    NoCode(String),
    /// Send a text, a number or a list of them.
    #[error("`{0}`: send a text, a number, true, false, or a list of them")]
    Nested(String),
}
