//! The project's figures: each scenario starts a server of its own, runs, and adds a row.
//!
//! ```text
//! process     a server process on loopback, its data, its end
//! scenarios   what is run, and what must be reached
//! table       the rows for a terminal
//! ```

mod busy;
mod process;
mod scenarios;
mod table;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::FiguresArgs;
use scenarios::{SCENARIOS, Stage};

/// One row: what was asked for, what was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The scenario's name.
    pub name: String,
    /// What must be reached.
    pub target: String,
    /// What was reached.
    pub reached: String,
    /// The reached rate as a part of the bare rate of the same run.
    pub ratio: Option<f64>,
    /// Whether the target was reached and every promise held.
    pub holds: bool,
    /// What was run.
    pub command: String,
}

/// Runs the scenarios one after the other and prints a row for each. True when all hold.
///
/// # Errors
/// A server could not be started, or a scenario could not begin.
pub fn run(args: &FiguresArgs) -> Result<bool, FigureError> {
    let temporary = tempfile::tempdir().map_err(|e| FigureError::Folder(std::env::temp_dir(), e))?;
    let out = args.out.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&out).map_err(|e| FigureError::Folder(out.clone(), e))?;
    let server = args.server.clone().map_or_else(server_beside, Ok)?;
    let mut stage = Stage::new(server, out.clone(), args.scale);
    let wanted =
        |name: &str| args.only.is_empty() || args.only.iter().any(|part| name.contains(part.as_str()));
    let mut figures = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.name)) {
        eprintln!("-- {}", scenario.name);
        let figure = (scenario.run)(&mut stage, scenario)?;
        eprint!("{}", table::render(std::slice::from_ref(&figure)));
        figures.push(figure);
    }
    let json = serde_json::to_string_pretty(&figures).expect("texts and numbers are always JSON");
    let path = out.join("figures.json");
    std::fs::write(&path, json).map_err(|e| FigureError::Folder(path, e))?;
    if args.scale < 1.0 {
        println!("at {} of the full size; the targets are for the full size", args.scale);
    }
    print!("{}", table::render(&figures));
    Ok(figures.iter().all(|figure| figure.holds))
}

/// The server's program in the folder of this one.
fn server_beside() -> Result<PathBuf, FigureError> {
    let own = std::env::current_exe().map_err(|e| FigureError::Folder("truyvet".into(), e))?;
    let beside = own.parent().unwrap_or(Path::new(".")).join("truyvet");
    if beside.exists() { Ok(beside) } else { Err(FigureError::NoServer(beside)) }
}

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// Build it (`cargo build --release`), or give its place with `--server`.
    #[error("{0} is not there: build the server, or give its place with --server")]
    NoServer(PathBuf),
    /// Make room, or choose another folder with `--out`.
    #[error("{0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// Read the server's log.
    #[error("the server {0}; its log is {1}")]
    Server(String, PathBuf),
    /// Read what it wrote above.
    #[error("`truyvet {0}` ended with {1}")]
    Program(&'static str, std::process::ExitStatus),
    /// The server and this program are of different versions.
    #[error("the server's answer cannot be read: {0}")]
    Answer(serde_json::Error),
    /// As the message says.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// As the message says.
    #[error(transparent)]
    Ask(#[from] crate::run::ServerError),
    /// As the message says.
    #[error(transparent)]
    Generate(#[from] crate::generate::GenerateError),
    /// As the message says.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
}
