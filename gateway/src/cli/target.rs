//! Whom a command asks: an engine that it opens itself, or a running server.

use std::path::{Path, PathBuf};

use clap::Args;
use truyvet_engine::{Engine, OpenError};

use super::client::Client;
use super::error::CliError;
use crate::config::Config;
use crate::server::ServerFile;

/// Whom to ask.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Data directory, opened directly; no server may have it open
    #[arg(long, value_name = "DIR", required_unless_present = "url", conflicts_with = "url")]
    data: Option<PathBuf>,
    /// Address of a running server
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Configuration for the engine in the data directory
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
}

/// Whoever is asked.
pub(super) enum Asked {
    /// An engine of our own, with the configuration it was opened with.
    Engine(Engine, Box<Config>),
    /// A running server.
    Server(Client),
}

impl Target {
    /// A target that a command has read by itself.
    pub(super) fn of(data: Option<PathBuf>, url: Option<String>, config: Option<PathBuf>) -> Self {
        Self { data, url, config }
    }

    /// Reaches for something that must be there.
    pub(super) fn open(&self) -> Result<Asked, CliError> {
        self.reach(false)
    }

    /// Reaches for something that is made when it is not there.
    pub(super) fn open_or_create(&self) -> Result<Asked, CliError> {
        self.reach(true)
    }

    /// The data directory, if one is asked.
    pub(super) fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    fn reach(&self, create: bool) -> Result<Asked, CliError> {
        if let Some(url) = &self.url {
            return Ok(Asked::Server(Client::new(url)?));
        }
        let Some(data) = &self.data else {
            return Err(CliError::Usage("name --data DIR or --url URL".to_owned()));
        };
        let config = Config::read(self.config.as_deref())?;
        if !create && !data.is_dir() {
            let dir = data.display();
            return Err(CliError::Failed(format!(
                "{dir}: there is no such directory; `truyvet import --data {dir}` makes one"
            )));
        }
        let engine = open_engine(data, &config)?;
        Ok(Asked::Engine(engine, Box::new(config)))
    }
}

/// Opens the engine; where a server has it, says how to ask that.
pub(super) fn open_engine(data: &Path, config: &Config) -> Result<Engine, CliError> {
    Engine::open(data, config.engine.clone()).map_err(|error| match (&error, ServerFile::read(data)) {
        (OpenError::InUse(_), Some(server)) => CliError::Failed(format!(
            "{}: a server has it open (process {}); ask that one with --url {}",
            data.display(),
            server.pid,
            server.http
        )),
        _ => CliError::failed(error),
    })
}
