//! Status, configuration, sealing, dropping, dead letters.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use truyvet_engine::{DeadLetter, EngineError};
use truyvet_schemas::TimeMs;
use truyvet_schemas::time::MS_PER_DAY;

use super::error::CliError;
use super::output::{on_terminal, print_json, write_stdout};
use super::target::{Asked, Target};
use crate::config::{Config, DEFAULT_TOML};
use crate::http::{DEAD_LETTERS_DEFAULT, StatusReport};

/// Show what is stored and how it is.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: Target,
}

impl StatusArgs {
    pub(super) fn run(self) -> Result<(), CliError> {
        let report: Value = match self.target.open()? {
            Asked::Engine(engine, _) => {
                let engine = engine.status();
                let version = env!("CARGO_PKG_VERSION");
                let report = StatusReport { version, started_at: None, engine, gateway: None };
                serde_json::to_value(report).map_err(CliError::failed)?
            }
            Asked::Server(client) => client.get("/api/v1/status")?,
        };
        if on_terminal() {
            let mut text = String::new();
            list("", &report, &mut text);
            write_stdout(text.as_bytes())
        } else {
            print_json(&report)
        }
    }
}

/// One line a value, nested ones indented.
fn list(indent: &str, value: &Value, text: &mut String) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (format!("{}.", at + 1), item)).collect()
        }
        _ => return,
    };
    for (name, value) in members {
        match value {
            Value::Object(_) | Value::Array(_) => {
                text.push_str(&format!("{indent}{name}\n"));
                list(&format!("{indent}  "), value, text);
            }
            Value::String(single) => text.push_str(&format!("{indent}{name:<18} {single}\n")),
            Value::Number(at) if name.ends_with("_at") => {
                let time = TimeMs::new(at.as_i64().unwrap_or_default());
                text.push_str(&format!("{indent}{name:<18} {time}\n"));
            }
            single => text.push_str(&format!("{indent}{name:<18} {single}\n")),
        }
    }
}

/// The configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting with its default and what it costs
    Print,
    /// Check a file
    Check {
        /// The file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Print => write_stdout(DEFAULT_TOML.as_bytes()),
            Self::Check { config: path } => {
                let config = Config::read(Some(&path))?;
                config.http.check_listen()?;
                write_stdout(format!("{}: good\n", path.display()).as_bytes())
            }
        }
    }
}

/// Write what is in memory and merge the runs of closed days.
#[derive(Debug, Args)]
pub(super) struct Seal {
    #[command(flatten)]
    target: Target,
}

impl Seal {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.target.open()? {
            Asked::Engine(engine, _) => {
                engine.seal().map_err(CliError::failed)?;
                print_json(&json!({"sealed": true}))
            }
            Asked::Server(client) => print_json(&client.post::<Value>("/api/v1/seal", &json!({}))?),
        }
    }
}

/// Drop whole days, imported scans too.
#[derive(Debug, Args)]
pub(super) struct Drop {
    /// The day, or the first of several: 2021-08-05 (UTC)
    #[arg(value_name = "DAY", value_parser = day)]
    day: TimeMs,
    /// The last of several days
    #[arg(long, value_name = "DAY", value_parser = day)]
    through: Option<TimeMs>,
    #[command(flatten)]
    target: Target,
}

impl Drop {
    pub(super) fn run(self) -> Result<(), CliError> {
        let last = self.through.unwrap_or(self.day);
        if last < self.day {
            return Err(CliError::Usage("--through lies before the first day; exchange them".to_owned()));
        }
        let (from, to) = (self.day, TimeMs::new(last.get() + MS_PER_DAY));
        match self.target.open()? {
            Asked::Engine(engine, _) => {
                let scans = engine.drop_days(from, to).map_err(CliError::failed)?;
                print_json(&json!({"dropped_scans": scans}))
            }
            Asked::Server(client) => {
                let days = json!({"from": from.rfc3339(), "to": to.rfc3339()});
                print_json(&client.post::<Value>("/api/v1/drop", &days)?)
            }
        }
    }
}

fn day(text: &str) -> Result<TimeMs, String> {
    let start = TimeMs::parse(&format!("{text}T00:00:00Z"));
    start.map_err(|_| format!("`{text}` is no day: write YYYY-MM-DD"))
}

/// Show refused scans, the newest first.
#[derive(Debug, Args)]
pub(super) struct DeadLetters {
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = DEAD_LETTERS_DEFAULT)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

impl DeadLetters {
    pub(super) fn run(self) -> Result<(), CliError> {
        let letters: Vec<DeadLetter> = match self.target.open()? {
            Asked::Engine(engine, _) => {
                engine.dead_letters(self.limit).map_err(|e: EngineError| CliError::failed(e))?
            }
            Asked::Server(client) => client.get(&format!("/api/v1/dead-letters?limit={}", self.limit))?,
        };
        print_json(&letters)
    }
}
