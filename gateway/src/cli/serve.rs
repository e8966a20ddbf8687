//! `truyvet serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::target::open_engine;
use crate::config::Config;
use crate::enrol::SERVER_NAME_DEFAULT;
use crate::server::{self, Plan};

/// Take scans over QUIC and answer questions over HTTP, until SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Data directory; made when it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Configuration; `truyvet config print` shows every setting
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the keys that people's data is sealed with, instead of the configuration's
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// UDP address for devices, instead of the configuration's
    #[arg(long, value_name = "ADDR")]
    quic: Option<SocketAddr>,
    /// TCP address for questions, instead of the configuration's
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Certificate chain of your own, PEM; otherwise a development authority in the data directory
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The name in the certificate of your own, for new devices' key files
    #[arg(long, value_name = "NAME", requires = "tls_cert", default_value = SERVER_NAME_DEFAULT)]
    server_name: String,
    /// Verify and acknowledge scans but store none of them, to measure the transport alone
    #[arg(long)]
    bare: bool,
}

impl Serve {
    /// Serves until it is told to stop.
    pub(super) fn run(self) -> Result<(), CliError> {
        let mut config = Config::read(self.config.as_deref())?;
        config.gateway.listen = self.quic.unwrap_or(config.gateway.listen);
        config.http.listen = self.http.unwrap_or(config.http.listen);
        config.people.keys = self.keys.or(config.people.keys);
        config.http.check_listen()?;
        server::log_to_stdout(&config.log);
        let engine = open_engine(&self.data, &config)?;
        let plan = Plan {
            engine,
            config,
            data: self.data,
            tls_files: self.tls_cert.zip(self.tls_key),
            server_name: self.server_name,
            bare: self.bare,
        };
        server::run(plan).map_err(CliError::failed)
    }
}
