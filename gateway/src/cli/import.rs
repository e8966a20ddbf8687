//! `truyvet import`: files into a data directory or a running server, with a bar and the bad lines.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;
use truyvet_schemas::TimeMs;

use super::client::Client;
use super::error::CliError;
use super::target::{Asked, Target};
use crate::import::{self, Event, Format, OnError, Options, Source, Stage, Totals, What};

/// Take files in: areas, then sites, people and scans. Each may be .csv, .csv.gz or .parquet.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    target: Target,
    #[arg(long, num_args = 1.., value_name = "FILE")]
    #[arg(
        help = "Administrative tree: area,parent,name[,kind,valid_from,valid_to,merged_into]; or builtin:vn, which is \
                  Vietnam's before and after July 2025"
    )]
    areas: Vec<PathBuf>,
    #[arg(long, num_args = 1.., value_name = "FILE")]
    #[arg(help = "Sites: site,area[,name,kind,lat,lon,capacity]")]
    sites: Vec<PathBuf>,
    /// Homes of subjects: subject,area
    #[arg(long, num_args = 1.., value_name = "FILE")]
    people: Vec<PathBuf>,
    #[arg(long, num_args = 1.., value_name = "FILE")]
    #[arg(help = "Scans: subject,site,unix_ms[,direction]")]
    scans: Vec<PathBuf>,
    /// What a bad line does
    #[arg(long, value_enum, default_value = "stop", value_name = "WHAT")]
    on_error: OnErrorArg,
    /// Leave out scans that the retention or the clock would refuse from a device
    #[arg(long)]
    apply_retention: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnErrorArg {
    /// Pass over it and count it
    Skip,
    /// End the import; what stands before it is kept
    Stop,
}

impl OnErrorArg {
    fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Stop => "stop",
        }
    }
}

impl Import {
    /// Takes the files in, one after the other, in the order in which they need each other.
    pub(super) fn run(self) -> Result<(), CliError> {
        let files = self.files()?;
        if files.is_empty() {
            return Err(CliError::Usage(
                "name at least one file: --areas, --sites, --people or --scans".to_owned(),
            ));
        }
        let asked = self.target.open_or_create()?;
        for (what, file) in files {
            let shown = Shown::new(&file.name);
            let totals = match &asked {
                Asked::Engine(engine, config) => {
                    let on_error = match self.on_error {
                        OnErrorArg::Skip => OnError::Skip,
                        OnErrorArg::Stop => OnError::Stop,
                    };
                    let kept = self.apply_retention.then(|| import::kept(&config.engine, TimeMs::now()));
                    let mut watch = |event| {
                        shown.show(&event);
                        ControlFlow::Continue(())
                    };
                    let options = Options { on_error, kept };
                    import::run(engine, what, &file.source(), &options, &mut watch).map_err(CliError::failed)
                }
                Asked::Server(client) => self.send(client, what, &file, &shown),
            };
            shown.bar.finish_and_clear();
            tell(what, &file.name, &totals?);
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<(What, Given)>, CliError> {
        let areas = self.areas.iter().map(|path| {
            match path.to_str().and_then(|path| path.strip_prefix("builtin:")) {
                Some(tree) => Given::builtin(tree),
                None => Ok(Given::new(path)),
            }
        });
        let mut files: Vec<(What, Given)> =
            areas.map(|given| Ok((What::Areas, given?))).collect::<Result<_, CliError>>()?;
        for (what, paths) in
            [(What::Sites, &self.sites), (What::People, &self.people), (What::Scans, &self.scans)]
        {
            files.extend(paths.iter().map(|path| (what, Given::new(path))));
        }
        Ok(files)
    }

    fn send(&self, client: &Client, what: What, given: &Given, shown: &Shown) -> Result<Totals, CliError> {
        let Given { path, name, .. } = given;
        let failed = |e: std::io::Error| CliError::Failed(format!("{name}: {e}"));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(CliError::Failed(format!("{name}: not a regular file; save it first")));
        }
        shown.bar.set_length(metadata.len());
        shown.bar.set_message("sending");
        let query = [
            ("format", Format::of(path).as_str()),
            ("name", name),
            ("on_error", self.on_error.as_str()),
            ("apply_retention", if self.apply_retention { "true" } else { "false" }),
        ];
        let address = format!("/api/v1/import/{}", what.as_str());
        let events = client.send_file(&address, &query, metadata.len(), &mut shown.bar.wrap_read(file))?;
        for line in BufReader::new(events).lines() {
            let line = line.map_err(|e| {
                CliError::Failed(format!(
                    "{name}: the server broke off ({e}); run the import again and it goes on where it stopped"
                ))
            })?;
            match serde_json::from_str(&line).map_err(CliError::failed)? {
                Event::Done(totals) => return Ok(totals),
                Event::Failed { reason, .. } => return Err(CliError::Failed(reason)),
                event => shown.show(&event),
            }
        }
        Err(CliError::Failed(format!(
            "{name}: the server stopped; run the import again and it goes on where it stopped"
        )))
    }
}

/// A file to take in, and what it is called.
struct Given {
    path: PathBuf,
    name: String,
    /// A file of our own, gone when this is.
    _unpacked: Option<NamedTempFile>,
}

impl Given {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), name: path.display().to_string(), _unpacked: None }
    }

    /// A tree that comes with the program, unpacked.
    fn builtin(tree: &str) -> Result<Self, CliError> {
        let mut text = truyvet_areas::builtin(tree).ok_or_else(|| {
            let known: Vec<&str> = truyvet_areas::builtins().collect();
            CliError::Usage(format!("no tree `{tree}` comes with the program; it has {}", known.join(", ")))
        })?;
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().map_err(CliError::failed)?;
        std::io::copy(&mut text, &mut file).map_err(CliError::failed)?;
        let path = file.path().to_owned();
        Ok(Self { path, name: format!("builtin:{tree}"), _unpacked: Some(file) })
    }

    fn source(&self) -> Source {
        Source::named(&self.path, self.name.clone(), Format::of(&self.path))
    }
}

/// A file's bar on standard error; bad lines stand above it.
struct Shown {
    file: String,
    bar: ProgressBar,
}

impl Shown {
    fn new(file: &str) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        let short = Path::new(file).file_name().unwrap_or_default();
        bar.set_prefix(short.to_string_lossy().into_owned());
        Self { file: file.to_owned(), bar }
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Progress { stage, bytes, bytes_total, rows } => {
                self.bar.set_length(*bytes_total.max(bytes));
                self.bar.set_position(*bytes);
                let rate = *rows as f64 / self.bar.elapsed().as_secs_f64().max(0.001);
                self.bar.set_message(match stage {
                    Stage::Digest => "looking whether it is new".to_owned(),
                    Stage::Rows => format!("{rows} rows, {rate:.0}/s"),
                });
            }
            Event::BadLine { line, reason } => {
                self.bar.suspend(|| eprintln!("{}:{line}: {reason}", self.file));
            }
            Event::Done(_) | Event::Failed { .. } => {}
        }
    }
}

fn tell(what: What, file: &str, totals: &Totals) {
    let Totals { rows, rows_before, bad, left_out } = totals;
    let mut told = format!("{file}: {rows} {} imported", what.as_str());
    if *rows_before > 0 {
        told += &format!(", {rows_before} rows were there before");
    }
    if *left_out > 0 {
        told += &format!(", {left_out} outside the retention left out");
    }
    if *bad > 0 {
        told += &format!(", {bad} bad lines skipped");
    }
    eprintln!("{told}");
}

const BAR: &str = "{prefix} {bar:30} {bytes}/{total_bytes} {msg}";
