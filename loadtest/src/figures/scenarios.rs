//! What is run, and what must be reached. Commands are the program's own: what a row shows is what
//! was parsed and run, with the server's addresses added.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::busy;
use super::process::Process;
use super::{Figure, FigureError};
use crate::cli::{Cli, Command};
use crate::generate::{Format, Generate};
use crate::nation::Nation;
use crate::report::{Latency, Report, duration, grouped};
use crate::run;

/// One figure to show.
pub(super) struct Scenario {
    /// Its name.
    pub(super) name: &'static str,
    /// Runs it on a fresh server.
    pub(super) run: fn(&mut Stage, &Scenario) -> Result<Figure, FigureError>,
}

/// In the order in which they are run: bare rates come before those they are compared with.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "bare-32x500", run: |stage, s| stage.bare(s, "--devices 32 --batch 500 --max", 100e6) },
    Scenario {
        name: "stored-32x500",
        run: |stage, s| stage.stored(s, "--devices 32 --batch 500 --max", 100e6, (1.5e6, 0.3)),
    },
    Scenario {
        name: "bare-500x50",
        run: |stage, s| stage.bare(s, "--devices 500 --batch 50 --max --window 8", 20e6),
    },
    Scenario {
        name: "stored-500x50",
        run: |stage, s| stage.stored(s, "--devices 500 --batch 50 --max --window 8", 20e6, (4e5, 0.0)),
    },
    Scenario { name: "steady-2000x50", run: |stage, s| stage.steady(s) },
    Scenario { name: "storm-5000", run: |stage, s| stage.storm(s) },
    Scenario { name: "restart-20M", run: |stage, s| stage.restart(s) },
    Scenario { name: "import-parquet", run: |stage, s| stage.import(s) },
    Scenario { name: "contacts", run: |stage, s| stage.contacts(s) },
    Scenario { name: "sealing-32x500", run: busy::sealing },
    Scenario { name: "sealing-pauses", run: busy::pauses },
    Scenario { name: "contacts-meanwhile", run: busy::asked_meanwhile },
];

/// What scenarios share.
pub(super) struct Stage {
    program: PathBuf,
    out: PathBuf,
    scale: f64,
    bare_rate: Option<f64>,
    /// The engine that the import left behind, and what is in it.
    imported: Option<(PathBuf, Generate)>,
}

impl Stage {
    pub(super) fn new(program: PathBuf, out: PathBuf, scale: f64) -> Self {
        Self { program, out, scale, bare_rate: None, imported: None }
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    fn bare(&mut self, scenario: &Scenario, what: &str, scans: f64) -> Result<Figure, FigureError> {
        let command = format!("run {what} --scans {} --bare", self.scaled(scans));
        let report = self.run(scenario, &command, true)?;
        self.bare_rate = Some(report.totals.scans_per_second);
        Ok(self.rate_figure(scenario, &command, &report, (0.0, 0.0)))
    }

    fn stored(
        &mut self,
        scenario: &Scenario,
        what: &str,
        scans: f64,
        target: (f64, f64),
    ) -> Result<Figure, FigureError> {
        let bare = self.bare_rate.take().map_or_else(String::new, |rate| format!(" --bare-rate {rate:.0}"));
        let command = format!("run {what} --scans {}{bare}", self.scaled(scans));
        let report = self.run(scenario, &command, false)?;
        Ok(self.rate_figure(scenario, &command, &report, target))
    }

    /// `target` is a rate in scans a second, and a part of the bare rate where that is known.
    fn rate_figure(&self, scenario: &Scenario, command: &str, report: &Report, target: (f64, f64)) -> Figure {
        let rate = report.totals.scans_per_second;
        let (rate_min, ratio_min) = target;
        let mut wanted =
            if rate_min > 0.0 { format!("{} scans/s", grouped(rate_min as u64)) } else { "-".into() };
        if ratio_min > 0.0 {
            wanted += &format!(", {:.0} %", ratio_min * 100.0);
        }
        let enough = rate >= rate_min && report.ratio().is_none_or(|ratio| ratio >= ratio_min);
        Figure {
            name: scenario.name.into(),
            target: wanted,
            reached: format!("{} scans/s", grouped(rate as u64)),
            ratio: report.ratio(),
            holds: report.passed() && enough,
            command: command.into(),
        }
    }

    fn steady(&mut self, scenario: &Scenario) -> Result<Figure, FigureError> {
        let seconds = ((60.0 * self.scale).ceil() as u64).max(5);
        let command = format!("run --devices 2000 --batch 50 --rate 100000 --ramp 20s --duration {seconds}s");
        let report = self.run(scenario, &command, false)?;
        let p99_us = report.latency("sent to acknowledged").map_or(u64::MAX, |latency| latency.p99_us);
        let memory = report.server_memory_bytes.unwrap_or(0);
        Ok(Figure {
            name: scenario.name.into(),
            target: "p99 < 50 ms, < 1 GiB".into(),
            reached: format!("p99 {}, {} MiB", duration(p99_us), memory >> 20),
            ratio: None,
            holds: report.passed() && p99_us < 50_000 && memory < 1 << 30,
            command,
        })
    }

    fn storm(&mut self, scenario: &Scenario) -> Result<Figure, FigureError> {
        let devices = self.scaled(5_000.0).clamp(50, 5_000);
        let command = format!("connect --devices {devices} --within 60s");
        let report = self.run(scenario, &command, false)?;
        let all_in = report.checks.first().map_or_else(String::new, |check| check.detail.clone());
        Ok(Figure {
            name: scenario.name.into(),
            target: "60 s, no stream lost".into(),
            reached: format!("{all_in}, {} lost", report.totals.dropped_streams),
            ratio: None,
            holds: report.passed(),
            command,
        })
    }

    fn restart(&mut self, scenario: &Scenario) -> Result<Figure, FigureError> {
        let command = format!("run --devices 32 --batch 500 --max --scans {}", self.scaled(20e6));
        let data = self.fresh(scenario.name)?;
        let process = Process::start(&self.program, &data, false)?;
        let report = self.load(&process, &command)?;
        let before = process.server().scans()?;
        drop(process);
        let process = Process::start(&self.program, &data, false)?;
        let took = process.ready_after;
        let after = process.server().scans()?;
        Ok(Figure {
            name: scenario.name.into(),
            target: "3 s".into(),
            reached: format!("{:.2} s with {} scans", took.as_secs_f64(), grouped(after)),
            ratio: None,
            holds: report.passed() && after == before && took < Duration::from_secs(3),
            command: format!("{command}; kill -9; serve"),
        })
    }

    fn import(&mut self, scenario: &Scenario) -> Result<Figure, FigureError> {
        let scans = self.scaled(20e6);
        let files = self.generated(scans)?;
        let data = self.fresh(scenario.name)?;
        self.truyvet_import(&data, &files.out, &TABLES)?;
        let began = Instant::now();
        self.truyvet_import(&data, &files.out, &["--scans", "scans.parquet"])?;
        let seconds = began.elapsed().as_secs_f64();
        let rate = scans as f64 / seconds;
        self.imported = Some((data, files));
        Ok(Figure {
            name: scenario.name.into(),
            target: "3,000,000 scans/s".into(),
            reached: format!("{} scans/s, {seconds:.1} s", grouped(rate as u64)),
            ratio: None,
            holds: rate >= 3e6,
            command: "truyvet import --data DIR --scans scans.parquet".into(),
        })
    }

    /// Through HTTP, so the engine itself is faster than what is told.
    fn contacts(&mut self, scenario: &Scenario) -> Result<Figure, FigureError> {
        if self.imported.is_none() {
            let import = Scenario { name: "import-parquet", run: scenario.run };
            self.import(&import)?;
        }
        let Some((data, files)) = self.imported.take() else { unreachable!("imported just above") };
        self.truyvet("seal", &data, std::iter::empty())?;
        let process = Process::start(&self.program, &data, false)?;
        let (inside, outside) = ask_contacts(&process, &files)?;
        let (p50, p99) = (inside.p50_us, inside.p99_us);
        let over_http = format!("over HTTP {} and {}", duration(outside.p50_us), duration(outside.p99_us));
        Ok(Figure {
            name: scenario.name.into(),
            target: "p50 < 500 µs, p99 < 5 ms".into(),
            reached: format!("p50 {}, p99 {}; {over_http}", duration(p50), duration(p99)),
            ratio: None,
            holds: p50 < 500 && p99 < 5_000,
            command: format!("seal; {} x GET /api/v1/trace/contacts, 14 days, the second time", inside.count),
        })
    }

    /// Runs one of the program's own commands against a fresh server, and keeps its report.
    fn run(&self, scenario: &Scenario, command: &str, bare: bool) -> Result<Report, FigureError> {
        let data = self.fresh(scenario.name)?;
        let process = Process::start(&self.program, &data, bare)?;
        let report = self.load(&process, command)?;
        drop(process);
        report.write(&self.out.join(format!("{}-report", scenario.name)))?;
        if !report.passed() {
            eprint!("{}", report.text());
        }
        std::fs::remove_dir_all(&data).map_err(|e| FigureError::Folder(data, e))?;
        Ok(report)
    }

    pub(super) fn load(&self, process: &Process, command: &str) -> Result<Report, FigureError> {
        let pid = process.pid().to_string();
        let server = ["--url", &process.url, "--gateway", &process.gateway, "--server-pid", &pid];
        let words = ["truyvet-loadtest"].into_iter().chain(command.split(' ')).chain(server);
        match Cli::try_parse_from(words).expect("the scenarios' commands are valid").command {
            Command::Run(args) => Ok(run::run(&args)?),
            Command::Connect(args) => Ok(run::connect(&args)?),
            Command::Generate(_)
            | Command::People(_)
            | Command::Wards(_)
            | Command::Paper(_)
            | Command::Orders(_)
            | Command::Figures(_) => {
                unreachable!("no scenario nests these")
            }
        }
    }

    pub(super) fn generated(&self, scans: u64) -> Result<Generate, FigureError> {
        let files = Generate {
            people: 1_000_000,
            sites: 5_000,
            days: 14,
            scans,
            seed: 1,
            last_day: 18_855,
            out: self.out.join("nation"),
            format: Format::Parquet,
        };
        files.run(&ProgressBar::hidden())?;
        Ok(files)
    }

    pub(super) fn import_nation(&self, data: &Path, files: &Generate) -> Result<(), FigureError> {
        self.truyvet_import(data, &files.out, &TABLES)?;
        self.truyvet_import(data, &files.out, &["--scans", "scans.parquet"])
    }

    /// `arguments` are flags, each followed by a file's name in the folder.
    fn truyvet_import(&self, data: &Path, folder: &Path, arguments: &[&str]) -> Result<(), FigureError> {
        let files = arguments.chunks(2).flat_map(|pair| {
            let file = pair[1..].iter().map(|file| folder.join(file).into_os_string());
            std::iter::once(OsString::from(pair[0])).chain(file)
        });
        self.truyvet("import", data, files)
    }

    fn truyvet(
        &self,
        word: &'static str,
        data: &Path,
        arguments: impl Iterator<Item = OsString>,
    ) -> Result<(), FigureError> {
        let mut program = Program::new(&self.program);
        program.arg(word).arg("--data").arg(data).args(arguments).stdout(Stdio::null());
        let status = program.status().map_err(|e| FigureError::Folder(self.program.clone(), e))?;
        if status.success() { Ok(()) } else { Err(FigureError::Program(word, status)) }
    }

    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf, FigureError> {
        let data = self.out.join(name);
        if data.exists() {
            std::fs::remove_dir_all(&data).map_err(|e| FigureError::Folder(data.clone(), e))?;
        }
        Ok(data)
    }

    pub(super) fn scaled(&self, full: f64) -> u64 {
        (full * self.scale).ceil().max(1.0) as u64
    }
}

/// Asks for the contacts of some people; the second time it counts.
/// Latencies inside the engine, as its explanations tell them, and as the client sees them.
fn ask_contacts(process: &Process, files: &Generate) -> Result<(Latency, Latency), FigureError> {
    let (subjects, span) = subjects_of(files);
    let server = process.server();
    for subject in &subjects {
        server.ask("contacts", &[("subject", subject)], span.start, span.end)?;
    }
    let (mut inside, mut outside) = (run::histogram(), run::histogram());
    for subject in &subjects {
        let asked = Instant::now();
        let about = [("subject", subject.as_str()), ("explain", "true")];
        let answer = server.ask("contacts", &about, span.start, span.end)?;
        outside.saturating_record(asked.elapsed().as_micros() as u64);
        let answer: Explaining = serde_json::from_str(&answer).map_err(FigureError::Answer)?;
        inside.saturating_record(answer.explain.total_us);
    }
    Ok((Latency::of("contacts", &inside), Latency::of("contacts over HTTP", &outside)))
}

/// Codes of some of those seen in the middle of the history, and the time that it spans.
pub(super) fn subjects_of(files: &Generate) -> (Vec<String>, Range<i64>) {
    let nation = Nation::new(files.seed, files.people, files.sites);
    let history = files.history(&nation);
    let step = (history.scans_on(files.last_day - 6) as usize / QUESTIONS).max(1);
    let people = history.scans_of_day(files.last_day - 6).step_by(step).map(|scan| scan.person);
    (people.map(|person| nation.codes.text(person)).collect(), history.span_ms())
}

/// What is read of an answer.
#[derive(Deserialize)]
struct Explaining {
    explain: Explained,
}

#[derive(Deserialize)]
struct Explained {
    total_us: u64,
}

const QUESTIONS: usize = 2_000;

const TABLES: [&str; 6] = ["--areas", "areas.csv", "--sites", "sites.csv", "--people", "people.csv"];
