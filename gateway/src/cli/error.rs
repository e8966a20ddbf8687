//! How a command ends when it does not succeed.

use std::fmt::Display;

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) enum CliError {
    /// The arguments are wrong; the message says what to write.
    Usage(String),
    /// It could not be done; the message says what to do.
    Failed(String),
    /// Whoever read the output has enough.
    Pipe,
}

impl CliError {
    /// It could not be done.
    pub(super) fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }

    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Failed(_) => 1,
            Self::Pipe => 0,
        }
    }

    pub(super) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) => Some(message),
            Self::Pipe => None,
        }
    }
}

impl From<crate::question::Usage> for CliError {
    fn from(usage: crate::question::Usage) -> Self {
        Self::Usage(usage.to_string())
    }
}

impl From<crate::config::ConfigError> for CliError {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::failed(error)
    }
}

/// Exit code of wrong usage.
pub(super) const USAGE: u8 = 2;
