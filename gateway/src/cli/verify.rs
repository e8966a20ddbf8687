//! `truyvet verify`: everything on disk is read and checked; what is damaged is named.

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use truyvet_engine::{Damage, VerifyProgress, VerifyReport};
use truyvet_schemas::TimeMs;

use super::error::CliError;
use super::output::{on_terminal, print_json, write_stdout};
use super::target::{Asked, Target};
use crate::sheet::plain_table;

/// Read everything that is stored and check it; exit code 1 when anything is damaged.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    target: Target,
}

impl Verify {
    pub(super) fn run(self) -> Result<(), CliError> {
        let bar = bar();
        let report: VerifyReport = match self.target.open()? {
            Asked::Engine(engine, _) => {
                let mut show = |VerifyProgress { bytes, bytes_all }: VerifyProgress| {
                    bar.set_length(bytes_all.max(bytes));
                    bar.set_position(bytes);
                    ControlFlow::Continue(())
                };
                engine.verify(&mut show).map_err(CliError::failed)?
            }
            Asked::Server(client) => {
                bar.set_style(ProgressStyle::default_spinner());
                bar.set_message("the server is verifying");
                client.post("/api/v1/verify", &json!({}))?
            }
        };
        bar.finish_and_clear();
        if on_terminal() {
            write_stdout(text(&report).as_bytes())?;
        } else {
            print_json(&report)?;
        }
        match report.damaged {
            0 => Ok(()),
            damaged => Err(CliError::Failed(format!(
                "{damaged} damaged; restore a backup, or import the days again; what is intact goes on answering"
            ))),
        }
    }
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// For people.
fn text(report: &VerifyReport) -> String {
    let r = report;
    let mut text = format!(
        "{} runs, {} bytes, {} scans: {} posting leaves, {} trail leaves, {} rollups\n\
         {} devices, {} scans of theirs dropped or lost; {} records in the journal\n\
         {} subjects, {} dead letters\n",
        r.runs,
        r.run_bytes,
        r.scans,
        r.posting_leaves,
        r.trail_leaves,
        r.rollups,
        r.devices,
        r.gone_scans,
        r.journal_records,
        r.subjects,
        r.dead_letters
    );
    if !r.unchecked_rollups.is_empty() {
        let runs: Vec<String> = r.unchecked_rollups.iter().map(u32::to_string).collect();
        text += &format!(
            "rollups of another state of the areas, unused and not checked: runs {}\n",
            runs.join(", ")
        );
    }
    if r.damages.is_empty() {
        return text + "nothing is damaged\n";
    }
    let mut table = plain_table();
    table.set_header(["part", "run", "days", "leaf", "device", "file", "what"]);
    for damage in &r.damages {
        table.add_row(row(damage));
    }
    text + &format!("{table}\n")
}

fn row(damage: &Damage) -> [String; 7] {
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    let day = |at: Option<i64>| at.map(|at| TimeMs::new(at).rfc3339());
    let days = day(damage.from).zip(day(damage.to)).map(|(from, to)| format!("{from} to {to}"));
    [
        damage.part.clone(),
        number(damage.run),
        days.unwrap_or("-".to_owned()),
        number(damage.leaf),
        number(damage.device),
        damage.file.clone().unwrap_or("-".to_owned()),
        damage.what.clone(),
    ]
}
