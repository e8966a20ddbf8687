//! The section `[people]` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Declarations, passes and accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeopleConfig {
    /// Directory of the keys that personal data is sealed and passes are signed with. Default: the data
    /// directory's name with `.keys`, beside it. Keep a copy: without it the registry cannot be read.
    pub keys: Option<PathBuf>,
    /// Bytes of the registry that are kept in memory. Default 64 MiB. More makes look-ups in a large
    /// registry faster.
    pub cache_bytes: usize,
    /// Hours that a pass is valid, counted from when the journey begins; from its issue where that is later.
    /// Default 72.
    pub pass_hours: u32,
    /// The population register as a file: CSV with the columns
    /// `kind,number,name,birth_date,sex[,permanent]`. Only digests of it are kept in memory, 24 bytes a
    /// person.
    pub register_file: Option<PathBuf>,
    /// The population register as an HTTP address that answers a POST of `{"kind", "number"}` with
    /// `{"name", "birth_date", "sex", "permanent"?}`, or 404.
    pub register_url: Option<String>,
    /// Milliseconds to wait for that address. Default 2,000; then the declaration stays unverified.
    pub register_timeout_ms: u64,
    /// The scale of epidemic levels as a file (TOML): which levels there are, how they are called and shown,
    /// what arrivals need. Default: the four levels of Resolution 128/NQ-CP. Levels that were set by codes
    /// that another scale lacks are shown by their codes alone.
    pub situation_file: Option<PathBuf>,
    /// Milliseconds to wait for a hook to take a message. Default 10,000; then it is tried again later.
    pub hook_timeout_ms: u64,
    /// Milliseconds after which a hook that failed is tried again; twice as long after each failure more, an
    /// hour at most. Default 5,000.
    pub hook_retry_ms: u64,
    /// Authorities that vouch for hooks' certificates, as a PEM file. Default: those that browsers trust.
    pub hook_ca_file: Option<PathBuf>,
    /// Program that sends a one-time code: it gets the phone and the code as two lines on its standard
    /// input. Default none: codes are written into the file `codes.log` of the data directory.
    pub code_command: Option<Vec<String>>,
    /// Hours after which an official signs in again. Default 12.
    pub official_session_hours: u32,
    /// Days after which a citizen needs a new code on the same device. Default 30.
    pub citizen_session_days: u32,
    /// Declarations with one phone in a day (UTC). Default 100: a family and its errands. More lets somebody
    /// fill the disk faster.
    pub declarations_a_day: u32,
    /// Declarations that one official enters from paper in a day (UTC). Default 200,000: two tables of the
    /// largest size. More lets a stolen password fill the disk faster.
    pub paper_a_day: u32,
    /// Subjects for whom quarantine is ordered by one request. Default 20,000: some seconds. More makes others
    /// who order wait longer.
    pub orders_bulk_max: u32,
    /// Days that a quarantine order lasts at most. Default 60.
    pub order_days_max: u32,
    /// Milliseconds that the clock of a checkpoint's device may be off. Default 300,000.
    pub clock_skew_ms: u64,
    /// Milliseconds between two scans of a venue's poster by one visitor; 1 at least, since going in and out at one
    /// instant is no stay. Default 3,000. Less lets one pass fill a site's journal faster.
    pub visit_gap_ms: u64,
}

impl Default for PeopleConfig {
    fn default() -> Self {
        Self {
            keys: None,
            cache_bytes: 64 << 20,
            pass_hours: 72,
            register_file: None,
            register_url: None,
            register_timeout_ms: 2_000,
            situation_file: None,
            hook_timeout_ms: 10_000,
            hook_retry_ms: 5_000,
            hook_ca_file: None,
            code_command: None,
            official_session_hours: 12,
            citizen_session_days: 30,
            declarations_a_day: 100,
            paper_a_day: 200_000,
            orders_bulk_max: 20_000,
            order_days_max: 60,
            clock_skew_ms: 300_000,
            visit_gap_ms: 3_000,
        }
    }
}

impl PeopleConfig {
    pub(crate) fn validate(&self) -> Result<(), String> {
        crate::config::check_ranges(&[
            ("cache_bytes", self.cache_bytes as u64, 1 << 20, 1 << 40),
            ("pass_hours", self.pass_hours.into(), 1, 8_760),
            ("register_timeout_ms", self.register_timeout_ms, 10, 60_000),
            ("hook_timeout_ms", self.hook_timeout_ms, 10, 60_000),
            ("hook_retry_ms", self.hook_retry_ms, 10, 3_600_000),
            ("official_session_hours", self.official_session_hours.into(), 1, 720),
            ("citizen_session_days", self.citizen_session_days.into(), 1, 365),
            ("declarations_a_day", self.declarations_a_day.into(), 1, 1_000_000),
            ("paper_a_day", self.paper_a_day.into(), 1, 100_000_000),
            ("orders_bulk_max", self.orders_bulk_max.into(), 1, 1_000_000),
            ("order_days_max", self.order_days_max.into(), 1, 366),
            ("clock_skew_ms", self.clock_skew_ms, 0, 86_400_000),
            ("visit_gap_ms", self.visit_gap_ms, 1, 3_600_000),
        ])?;
        if self.register_file.is_some() && self.register_url.is_some() {
            return Err("`register_file` and `register_url`: name one of them".to_owned());
        }
        match &self.code_command {
            Some(command) if command.is_empty() => Err("`code_command` must name a program".to_owned()),
            _ => Ok(()),
        }
    }
}
