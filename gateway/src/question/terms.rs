//! What may stand beside every question: how long it may take, and whether it is explained.

use std::time::Duration;

use truyvet_engine::{Asking, EngineConfig};
use truyvet_schemas::time::parse_duration;

use super::params::Params;
use super::truth;
use super::usage::Usage;

/// How a question is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How long it may take, where that is not left to the settings.
    pub timeout: Option<Duration>,
    /// Whether the answer says what it took.
    pub explain: bool,
}

impl Terms {
    /// Takes `timeout` and `explain` from the parameters.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn take(params: &mut Params) -> Result<Self, Usage> {
        let timeout = params.take_one("timeout")?.map(|text| parse_duration(&text)).transpose();
        let timeout = timeout.map_err(|source| Usage::Time { name: "timeout", source })?;
        Ok(Self { timeout, explain: truth(params, "explain")? })
    }

    /// The limits of a question that begins now.
    ///
    /// # Errors
    /// It allows itself more time than the settings do.
    pub fn asking(&self, config: &EngineConfig) -> Result<Asking, Usage> {
        let max_ms = config.query_timeout_max_ms;
        if self.timeout.is_some_and(|timeout| timeout > Duration::from_millis(max_ms)) {
            return Err(Usage::Timeout { max_ms });
        }
        let asking = config.asking(self.timeout);
        Ok(if self.explain { asking.explaining() } else { asking })
    }
}
