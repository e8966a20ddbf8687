//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use truyvet_device::input::{Format, Source};
use truyvet_device::spool::SPOOL_BYTES_MIN;
use truyvet_schemas::limits::BATCH_SCANS_MAX;
use truyvet_schemas::time::{TimeError, parse_duration};

/// A checkpoint's device: takes scans in, keeps them safe, streams them to the gateway.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take scans from stdin or a file, and stream them until the input ends and all are delivered.
    Run(RunArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The device's key file, from `truyvet device add`.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The gateway's host and port.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) gateway: String,
    /// PEM certificates that the gateway's must come from, in place of those in the key file.
    #[arg(long, value_name = "FILE")]
    pub(crate) authority: Option<PathBuf>,
    /// Read scans from this file instead of stdin; a restart goes on where the last run stopped.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Wait for more at the file's end, through rotation and truncation.
    #[arg(long, requires = "input")]
    pub(crate) follow: bool,
    /// How scans are written on a line [default: csv for a file named so, else ndjson].
    #[arg(long, value_enum)]
    format: Option<FormatArg>,
    /// Site of scans taken before the gateway has ever named one [default: the key file's].
    #[arg(long, value_name = "CODE")]
    pub(crate) site: Option<String>,
    /// Where scans are kept until they are delivered [default: the key file's name with .spool].
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Most bytes of the spool; when it is full, no input is taken.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30,
          value_parser = clap::value_parser!(u64).range(SPOOL_BYTES_MIN..))]
    pub(crate) spool_bytes_max: u64,
    /// Most scans in a batch: more cost less each, and arrive later.
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u16).range(1..=BATCH_SCANS_MAX as i64))]
    pub(crate) batch_scans: u16,
    /// How long a scan waits for its batch to fill, while others are on their way.
    #[arg(long, value_name = "DURATION", default_value = "200ms", value_parser = duration)]
    pub(crate) batch_delay: Duration,
    /// How long to wait for delivery after the input has ended.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    drain_timeout: Duration,
    /// Wait for delivery after the input has ended however long it takes.
    #[arg(long, conflicts_with = "drain_timeout")]
    linger: bool,
    /// Write the state to this file as JSON, each second.
    #[arg(long, value_name = "FILE")]
    pub(crate) status_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArg {
    Ndjson,
    Csv,
}

impl RunArgs {
    /// Where lines come from.
    pub(crate) fn source(&self) -> Source {
        match &self.input {
            Some(path) => Source::File { path: path.clone(), follow: self.follow },
            None => Source::Stdin,
        }
    }

    /// How lines are written.
    pub(crate) fn format(&self) -> Format {
        let named_csv = || {
            let extension = self.input.as_ref().and_then(|path| path.extension());
            extension.is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        };
        match self.format {
            Some(FormatArg::Csv) => Format::Csv,
            None if named_csv() => Format::Csv,
            _ => Format::Ndjson,
        }
    }

    /// Where the spool lies.
    pub(crate) fn spool(&self) -> PathBuf {
        self.spool.clone().unwrap_or_else(|| {
            let mut name = self.key.clone().into_os_string();
            name.push(".spool");
            name.into()
        })
    }

    /// How long to wait for delivery; `None`: for ever.
    pub(crate) fn drain_timeout(&self) -> Option<Duration> {
        (!self.linger).then_some(self.drain_timeout)
    }
}

fn duration(text: &str) -> Result<Duration, TimeError> {
    parse_duration(text)
}
