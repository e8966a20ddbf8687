//! The one configuration file of `truyvet`, TOML. Every setting has a default; `truyvet config print`
//! writes them all with what they cost.

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::{Deserialize, Serialize};
use truyvet_engine::EngineConfig;

use crate::ingest::GatewayConfig;
use crate::people::PeopleConfig;

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is kept, and how.
    pub engine: EngineConfig,
    /// Devices, over QUIC.
    pub gateway: GatewayConfig,
    /// Questions and operation, over HTTP.
    pub http: HttpConfig,
    /// Declarations, passes and accounts.
    pub people: PeopleConfig,
    /// Files sent to the running server.
    pub import: ImportConfig,
    /// What is written to the log.
    pub log: LogConfig,
}

impl Config {
    /// Reads the file; without one, the defaults.
    ///
    /// # Errors
    /// Names the file, the line and the field.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { file: file.clone(), source })?;
        Self::parse(&file, &text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Names the file, the line and the field.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|e| ConfigError::Parse {
            file: file.to_owned(),
            line: e.span().map_or(1, |span| line_of(text, span.start)),
            reason: e.message().to_owned(),
        })?;
        config.validate().map_err(|(section, reason)| ConfigError::Value {
            file: file.to_owned(),
            line: line_of_value(text, section, &reason),
            section,
            reason,
        })?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), (&'static str, String)> {
        self.engine.validate().map_err(|reason| ("engine", reason))?;
        self.gateway.validate().map_err(|reason| ("gateway", reason))?;
        self.http.validate().map_err(|reason| ("http", reason))?;
        self.people.validate().map_err(|reason| ("people", reason))?;
        self.import.validate().map_err(|reason| ("import", reason))
    }
}

/// Every setting with its default, unit and trade-off, as a file that can be edited.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Settings of the HTTP front end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// TCP address to listen on. Default `127.0.0.1:8080`; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Whether other machines may connect, through something that speaks TLS. Default false: this machine
    /// needs no account for what operators do. If true everybody signs in.
    pub allow_remote: bool,
    /// Connections at once. Default 1,024, about 64 KiB each. Beyond, others wait.
    pub connections_max: usize,
    /// Milliseconds for a request and its answer, imports and questions excepted; for a question,
    /// until it is read; for a long list, which is written while it is sent, from one piece to the
    /// next. Default 60,000.
    pub request_timeout_ms: u64,
    /// Bytes of a request's body, imports excepted. Default 32 MiB: a question about a million codes.
    pub body_bytes_max: usize,
    /// Bytes of an answer that is held in memory. Default 256 MiB. Larger ones are refused, with a hint
    /// to ask for less. Lists that are written while they are sent have no such bound.
    pub answer_bytes_max: usize,
    /// Questions answered at once, long ones excepted. Default 2. More share the same cores and disk.
    pub queries_at_once: usize,
    /// Milliseconds after which a question is a long one: it gives its place to others, and goes on
    /// when it has one among the long. Default 100. Longer keeps a middling question from waiting
    /// behind long ones; shorter frees places for short ones sooner.
    pub long_query_after_ms: u64,
    /// Long questions answered at once, beside the others. Default 1. More share the same cores, and
    /// each holds what it has found in memory.
    pub long_queries_at_once: usize,
    /// Long questions that wait for their turn, with what they have found so far. Default 16. Beyond,
    /// the asker is told to come back.
    pub long_queries_waiting_max: usize,
    /// Questions that wait for their turn. Default 64. Beyond, the asker is told to come back.
    pub queries_waiting_max: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            allow_remote: false,
            connections_max: 1_024,
            request_timeout_ms: 60_000,
            body_bytes_max: 32 << 20,
            answer_bytes_max: 256 << 20,
            queries_at_once: 2,
            long_query_after_ms: 100,
            long_queries_at_once: 1,
            long_queries_waiting_max: 16,
            queries_waiting_max: 64,
        }
    }
}

impl HttpConfig {
    fn validate(&self) -> Result<(), String> {
        check_ranges(&[
            ("connections_max", self.connections_max as u64, 1, 100_000),
            ("request_timeout_ms", self.request_timeout_ms, 100, 3_600_000),
            ("body_bytes_max", self.body_bytes_max as u64, 1 << 10, 1 << 30),
            ("answer_bytes_max", self.answer_bytes_max as u64, 1 << 10, 1 << 34),
            ("queries_at_once", self.queries_at_once as u64, 1, 256),
            ("long_query_after_ms", self.long_query_after_ms, 1, 3_600_000),
            ("long_queries_at_once", self.long_queries_at_once as u64, 1, 256),
            ("long_queries_waiting_max", self.long_queries_waiting_max as u64, 0, 1_000),
            ("queries_waiting_max", self.queries_waiting_max as u64, 0, 100_000),
        ])
    }

    /// Whether the address may be listened on.
    ///
    /// # Errors
    /// It is open to other machines, and that was not allowed.
    pub fn check_listen(&self) -> Result<(), ConfigError> {
        if self.listen.ip().is_loopback() || self.allow_remote {
            Ok(())
        } else {
            Err(ConfigError::Remote(self.listen))
        }
    }
}

/// Settings of imports into the running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportConfig {
    /// Bytes of a file sent to the server, as sent. Default 64 GiB. It is kept on disk meanwhile.
    pub upload_bytes_max: u64,
    /// Files taken in at once. Default 1. More share the same disk.
    pub imports_at_once: usize,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self { upload_bytes_max: 64 << 30, imports_at_once: 1 }
    }
}

impl ImportConfig {
    fn validate(&self) -> Result<(), String> {
        check_ranges(&[
            ("upload_bytes_max", self.upload_bytes_max, 1, 1 << 50),
            ("imports_at_once", self.imports_at_once as u64, 1, 64),
        ])
    }
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` for people, `json` for machines, one object a line. Default `text`.
    pub format: LogFormat,
    /// What is logged: a level, or levels by part (`info,truyvet_gateway::ingest=debug`). Default
    /// `info`. `debug` tells every connection and question.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Correct the path.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Correct the line.
    #[error("{file}:{line}: {reason}")]
    Parse {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Correct the value.
    #[error("{file}:{line}: [{section}] {reason}")]
    Value {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// Its section.
        section: &'static str,
        /// The field, and what it may be.
        reason: String,
    },
    /// Listen on loopback, or allow it.
    #[error(
        "{0} can be reached from other machines, and passwords must not go there without TLS. Listen on a \
         loopback address, or set `allow_remote = true` in the section [http] of the configuration when \
         something in front of it speaks TLS"
    )]
    Remote(SocketAddr),
}

pub(crate) fn check_ranges(ranges: &[(&str, u64, u64, u64)]) -> Result<(), String> {
    let outside = ranges.iter().find(|(_, value, min, max)| !(min..=max).contains(&value));
    match outside {
        Some((name, value, min, max)) => Err(format!("{name} = {value} must lie between {min} and {max}")),
        None => Ok(()),
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count()
}

/// The line of the field that a reason begins with, in its section; 1 where it is not written out.
fn line_of_value(text: &str, section: &str, reason: &str) -> usize {
    let field = reason.split([' ', '=', ':']).next().unwrap_or_default();
    let header = format!("[{section}]");
    let lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != header);
    let mut of_field =
        lines.filter(|(_, line)| line.split_once('=').is_some_and(|(name, _)| name.trim() == field));
    of_field.next().map_or(1, |(at, _)| at + 1)
}
