//! `truyvet backup` and `truyvet restore`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use truyvet_engine::registry::RegistryStore;
use truyvet_engine::{Backup as Made, Backups};
use truyvet_schemas::TimeMs;

use super::client::Client;
use super::error::CliError;
use super::output::{on_terminal, print_json, write_stdout};
use super::target::{Asked, Target};
use crate::backup::{self, CONFIG, Done, Event, Stage, Wishes};
use crate::people::registry_dir;
use crate::sheet::plain_table;

/// Back up a server or a data directory, or look after backups.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Directory of the backups, on another disk; with --url a whole path on the server's machine
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Back up this data directory; no server may have it open
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data: Option<PathBuf>,
    /// Back up this running server, which goes on
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Configuration for the engine in the data directory; it is backed up too
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// List the backups
    #[arg(long, conflicts_with_all = ["data", "keep", "verify"])]
    list: bool,
    /// Delete all but the N newest backups, after the new one is made
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Read the new backup again and compare checksums; without --data and --url all backups
    #[arg(long)]
    verify: bool,
    /// Verify this backup alone
    #[arg(long, value_name = "N", requires = "verify", conflicts_with_all = ["data", "url"])]
    backup: Option<u32>,
}

impl Backup {
    pub(super) fn run(self) -> Result<(), CliError> {
        if self.list {
            return self.list();
        }
        if self.data.is_none() && self.url.is_none() {
            return self.look_after();
        }
        let shown = Shown::new();
        let target = Target::of(self.data.clone(), self.url.clone(), self.config.clone());
        let keep = self.keep.map(|keep| keep as usize);
        let wishes = Wishes { dir: self.dir.clone(), keep, verify: self.verify };
        let done = match target.open()? {
            Asked::Engine(engine, config) => {
                let config = self.config.as_ref().map(|_| &*config);
                let registry = RegistryStore::open(&registry_dir(engine.dir())).map_err(CliError::failed)?;
                backup::run(&engine, registry.as_ref(), config, &wishes, &|event| shown.show(event))
                    .map_err(CliError::failed)
            }
            Asked::Server(client) => ask(&client, &wishes, &shown),
        };
        shown.bar.finish_and_clear();
        tell(&done?)
    }

    fn list(&self) -> Result<(), CliError> {
        let list: Vec<Made> = match &self.url {
            Some(url) => {
                let dir = self.dir.to_str().ok_or_else(|| CliError::Usage("DIR: not UTF-8".to_owned()))?;
                Client::new(url)?.get_with("/api/v1/backups", &[("dir", dir)])?
            }
            None => Backups::at(&self.dir).and_then(|backups| backups.list()).map_err(CliError::failed)?,
        };
        if !on_terminal() {
            return print_json(&list);
        }
        let mut table = plain_table();
        table.set_header(["backup", "made", "bytes", "state"]);
        for Made { backup, at, bytes, damaged } in &list {
            let made = if *damaged { "-".to_owned() } else { TimeMs::new(*at).rfc3339() };
            let state = if *damaged { "damaged" } else { "good" };
            table.add_row([backup.to_string(), made, bytes.to_string(), state.to_owned()]);
        }
        write_stdout(format!("{table}\n").as_bytes())
    }

    /// Verifies and deletes without making a backup.
    fn look_after(&self) -> Result<(), CliError> {
        if !self.verify && self.keep.is_none() {
            return Err(CliError::Usage(
                "name what to back up: --data DIR or --url URL; or --list, --verify or --keep N".to_owned(),
            ));
        }
        let backups = Backups::at(&self.dir).map_err(CliError::failed)?;
        let mut told = json!({});
        if self.verify {
            let shown = Shown::new();
            let watch = |progress| shown.show(Event::progress(Stage::Verify, progress));
            let verified = backups.verify(self.backup, &watch);
            shown.bar.finish_and_clear();
            told["verified_bytes"] = verified.map_err(CliError::failed)?.into();
        }
        if let Some(keep) = self.keep {
            told["deleted"] = backups.keep(keep as usize).map_err(CliError::failed)?.into();
        }
        print_json(&told)
    }
}

/// Make a data directory from a backup.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Directory of the backups
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory to make; new or empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Number of the backup; the newest without it
    #[arg(long, value_name = "N")]
    backup: Option<u32>,
}

impl Restore {
    pub(super) fn run(self) -> Result<(), CliError> {
        let shown = Shown::new();
        shown.bar.set_message("restoring");
        let backups = Backups::at(&self.from).map_err(CliError::failed)?;
        let restored = backups.restore(self.backup, &self.data, &|progress| {
            shown.bar.set_length(progress.bytes_total);
            shown.bar.set_position(progress.bytes);
        });
        shown.bar.finish_and_clear();
        let restored = restored.map_err(CliError::failed)?;
        let (dir, config) = (self.data.display(), self.data.join(CONFIG));
        let with = if config.exists() { format!(" --config {}", config.display()) } else { String::new() };
        eprintln!(
            "{dir}: as it was at {}, from backup {}. Start it with `truyvet serve --data {dir}{with} --keys KEYS` \
             on the addresses that devices know, where KEYS is your copy of the old server's directory of keys, \
             which no backup has; see that the old server never runs beside it",
            TimeMs::new(restored.at).rfc3339(),
            restored.backup,
        );
        if on_terminal() { Ok(()) } else { print_json(&restored) }
    }
}

fn ask(client: &Client, wishes: &Wishes, shown: &Shown) -> Result<Done, CliError> {
    let broke_off = |dir: &Path| {
        let why = "the server broke off; what it has made is not listed until it is whole";
        CliError::Failed(format!("{}: {why}", dir.display()))
    };
    let events = client.post_streaming("/api/v1/backup", wishes)?;
    for line in BufReader::new(events).lines() {
        let line = line.map_err(|_| broke_off(&wishes.dir))?;
        let value: Value = serde_json::from_str(&line).map_err(CliError::failed)?;
        if let Some(reason) = value["reason"].as_str() {
            return Err(CliError::Failed(reason.to_owned()));
        }
        match serde_json::from_value(value).map_err(CliError::failed)? {
            Event::Done(done) => return Ok(done),
            event => shown.show(event),
        }
    }
    Err(broke_off(&wishes.dir))
}

fn tell(done: &Done) -> Result<(), CliError> {
    if !on_terminal() {
        return print_json(done);
    }
    let Done { backup: Made { backup, at, bytes, .. }, verified_bytes, deleted } = done;
    let mut text = format!("backup {backup} of {}: {bytes} bytes", TimeMs::new(*at).rfc3339());
    if verified_bytes.is_some() {
        text += ", verified";
    }
    if *deleted > 0 {
        text += &format!(", {deleted} older ones deleted");
    }
    write_stdout(format!("{text}\n").as_bytes())
}

/// A bar on standard error.
struct Shown {
    bar: ProgressBar,
}

impl Shown {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self { bar }
    }

    fn show(&self, event: Event) {
        let Event::Progress { stage, bytes, bytes_total } = event else { return };
        self.bar.set_length(bytes_total.max(bytes));
        self.bar.set_position(bytes);
        self.bar.set_message(match stage {
            Stage::Copy => "copying what is new",
            Stage::Verify => "comparing checksums",
        });
    }
}

const BAR: &str = "{bar:30} {bytes}/{total_bytes} {msg}";
