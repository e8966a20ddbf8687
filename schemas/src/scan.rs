//! A scan, and the codes it is made of.

use crate::time::TimeMs;

/// Which way the subject went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Direction {
    /// Passed a checkpoint.
    #[default]
    Pass = 0,
    /// Entered a place.
    In = 1,
    /// Left a place.
    Out = 2,
}

impl Direction {
    /// The word for it in files and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::In => "in",
            Self::Out => "out",
        }
    }

    /// The direction with this word; empty is a `pass`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "pass" => Some(Self::Pass),
            "in" => Some(Self::In),
            "out" => Some(Self::Out),
            _ => None,
        }
    }

    /// The direction with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Pass),
            1 => Some(Self::In),
            2 => Some(Self::Out),
            _ => None,
        }
    }
}

/// What the officer decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// Let through.
    #[default]
    Passed = 0,
    /// Turned back.
    Refused = 1,
    /// Let through after the declaration was corrected.
    Corrected = 2,
}

impl Verdict {
    /// The word for it in files and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Corrected => "corrected",
        }
    }

    /// The verdict with this word; empty is `passed`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "passed" => Some(Self::Passed),
            "refused" => Some(Self::Refused),
            "corrected" => Some(Self::Corrected),
            _ => None,
        }
    }

    /// The verdict with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Passed),
            1 => Some(Self::Refused),
            2 => Some(Self::Corrected),
            _ => None,
        }
    }
}

/// One observation as a device makes it. Its site and its seq are the batch's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The subject's code.
    pub subject: String,
    /// Device time.
    pub at: TimeMs,
    /// Which way the subject went.
    pub direction: Direction,
    /// What the officer decided.
    pub verdict: Verdict,
}

/// Whether a text may be the code of a subject, site or area.
///
/// # Errors
/// Says what is wrong with it, without repeating it.
pub fn check_code(code: &str) -> Result<(), CodeError> {
    match code.len() {
        0 => Err(CodeError::Empty),
        1..=CODE_BYTES_MAX => Ok(()),
        _ => Err(CodeError::TooLong),
    }
}

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Give the thing a code.
    #[error("a code is empty")]
    Empty,
    /// Use a shorter code.
    #[error("a code is longer than {CODE_BYTES_MAX} bytes")]
    TooLong,
}

/// Longest code in bytes of UTF-8: its length fits the one byte that the wire spends on it.
pub const CODE_BYTES_MAX: usize = 255;
