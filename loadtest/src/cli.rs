//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::Unit;
use jiff::civil::Date;
use truyvet_schemas::time::parse_duration;

use crate::generate::{Format, Generate};
use crate::people::{OrdersArgs, PaperArgs, PeopleArgs, WardsArgs};

/// A nation of simulated sites, as load for a Truyvet server or as files for import.
#[derive(Debug, Parser)]
#[command(name = "truyvet-loadtest", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write areas, sites, people and scans of some days as files for `truyvet import`
    Generate(GenerateArgs),
    /// Stream scans to a running server that nobody else sends to, measure, verify, report; exit code 1
    /// when a promise is broken
    Run(RunArgs),
    /// Connect many devices at once while others stream; exit code 1 when a stream was dropped
    Connect(ConnectArgs),
    /// Have citizens declare and officers check at a running server; exit code 1 when any was not answered
    People(PeopleArgs),
    /// Have citizens declare and be scanned while wards listen; exit code 1 when any request was not answered
    Wards(WardsArgs),
    /// Upload a table of paper declarations as an official, twice; exit code 1 when a row was lost or doubled, or
    /// it took too long
    Paper(PaperArgs),
    /// Order quarantine for all whom a case met, twice; exit code 1 when somebody has none or two, or it took too
    /// long
    Orders(OrdersArgs),
    /// Start servers and run the project's figures one after the other
    Figures(FiguresArgs),
}

/// The simulated nation.
#[derive(Clone, Debug, Args)]
pub struct NationArgs {
    /// Number of people
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub people: u32,
    /// Number of sites
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=99_999))]
    pub sites: u32,
    /// Seed: the same one makes the same nation, and the same scans
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `generate`.
#[derive(Clone, Debug, Args)]
pub struct GenerateArgs {
    #[command(flatten)]
    nation: NationArgs,
    /// Number of days
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Number of scans, spread over the days
    #[arg(long, default_value_t = 5_000_000)]
    scans: u64,
    /// Folder for the files; made where absent
    #[arg(long)]
    out: PathBuf,
    /// Format of the scans
    #[arg(long, value_enum, default_value = "parquet")]
    format: Format,
    /// The last day, such as 2021-08-05 [default: yesterday by the nation's clocks, UTC+7]
    #[arg(long)]
    end: Option<Date>,
}

impl GenerateArgs {
    /// What to generate, `now` being this instant in unix milliseconds.
    pub fn plan(self, now_ms: i64) -> Generate {
        let today = (now_ms + crate::nation::CLOCK_AHEAD_MS).div_euclid(truyvet_schemas::time::MS_PER_DAY);
        Generate {
            people: self.nation.people,
            sites: self.nation.sites,
            seed: self.nation.seed,
            days: self.days,
            scans: self.scans,
            last_day: self.end.map_or(today - 1, day_number),
            out: self.out,
            format: self.format,
        }
    }
}

/// A server to load.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The server's HTTP address, such as http://127.0.0.1:8080
    #[arg(long)]
    pub url: String,
    /// The server's QUIC address
    #[arg(long)]
    pub gateway: SocketAddr,
    /// Use the key files in this folder instead of enrolling devices
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// The server's process: its peak memory goes into the report
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// The server was started with --bare: it stores nothing, so only acknowledgements are checked
    #[arg(long)]
    pub bare: bool,
    /// Threads that send
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The server
    #[command(flatten)]
    pub server: ServerArgs,
    /// The nation
    #[command(flatten)]
    pub nation: NationArgs,
    /// Number of devices
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub devices: u32,
    /// Scans in a batch
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub batch: u32,
    /// Scans a second of all devices together, by schedule: a slow server shows in the latencies
    #[arg(long, required_unless_present = "max", conflicts_with = "max")]
    pub rate: Option<u64>,
    /// As fast as the server acknowledges
    #[arg(long)]
    pub max: bool,
    /// Batches that each device may have in flight
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub window: u32,
    /// How long to send; with --scans whatever comes first
    #[arg(long, value_parser = parse_duration, required_unless_present = "scans")]
    pub duration: Option<Duration>,
    /// How many scans to send
    #[arg(long)]
    pub scans: Option<u64>,
    /// Connect the devices evenly over this time
    #[arg(long, value_parser = parse_duration, default_value = "2s")]
    pub ramp: Duration,
    /// Trail, contact and passage queries a second beside the stream
    #[arg(long, default_value_t = 0.0)]
    pub query_rate: f64,
    /// Probes a second that ask for a fresh scan right after its acknowledgement
    #[arg(long, default_value_t = 5.0)]
    pub probe_rate: f64,
    /// What a bare server reached, scans a second: the report tells the ratio
    #[arg(long)]
    pub bare_rate: Option<f64>,
    /// Write report.json and report.html into this folder
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// Arguments of `connect`.
#[derive(Clone, Debug, Args)]
pub struct ConnectArgs {
    /// The server
    #[command(flatten)]
    pub server: ServerArgs,
    /// The nation
    #[command(flatten)]
    pub nation: NationArgs,
    /// Number of devices that connect
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub devices: u32,
    /// Time for all of them
    #[arg(long, value_parser = parse_duration, default_value = "60s")]
    pub within: Duration,
    /// Devices that stream meanwhile
    #[arg(long, default_value_t = 100)]
    pub streaming: u32,
    /// Scans a second of those
    #[arg(long, default_value_t = 50_000)]
    pub rate: u64,
    /// Write report.json and report.html into this folder
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// Arguments of `figures`.
#[derive(Clone, Debug, Args)]
pub struct FiguresArgs {
    /// The server's program [default: `truyvet` beside this one]
    #[arg(long)]
    pub server: Option<PathBuf>,
    /// Run only the scenarios whose names contain one of these
    #[arg(long, num_args = 1..)]
    pub only: Vec<String>,
    /// Part of the full size, for a quick look: 0.01 is a hundredth of the scans
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// Folder for data and reports [default: a temporary one, removed at the end]
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// Days since 1970-01-01.
fn day_number(date: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    date.since((Unit::Day, epoch)).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn days_are_counted_from_the_epoch() {
        assert_eq!(day_number(jiff::civil::date(1970, 1, 1)), 0);
        assert_eq!(day_number(jiff::civil::date(2021, 8, 2)), 18_841);
    }

    #[test]
    fn generate_ends_yesterday_by_the_nations_clocks() {
        let parse = |args: &[&str]| {
            let Command::Generate(args) = Cli::parse_from(args).command else { panic!("generate") };
            args.plan(1_628_010_000_000).last_day // 2021-08-03T17:00Z, midnight of the 4th there
        };
        assert_eq!(parse(&["x", "generate", "--out", "o"]), 18_842);
        assert_eq!(parse(&["x", "generate", "--out", "o", "--end", "2021-08-02"]), 18_841);
    }
}
