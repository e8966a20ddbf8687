//! `truyvet-loadtest`: parses the command line and tells the outcome by the exit code.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use truyvet_loadtest::cli::{Cli, Command, GenerateArgs};
use truyvet_loadtest::report::Report;
use truyvet_loadtest::{figures, people, run};
use truyvet_schemas::TimeMs;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Generate(args) => generate(args),
        Command::Run(args) => {
            run::run(&args).map_err(Into::into).and_then(|r| show(&r, args.report.as_deref()))
        }
        Command::Connect(args) => {
            run::connect(&args).map_err(Into::into).and_then(|r| show(&r, args.report.as_deref()))
        }
        Command::People(args) => people::run(&args).map(|seen| show_people(&seen)),
        Command::Wards(args) => people::run_wards(&args).map(|seen| show_people(&seen)),
        Command::Paper(args) => people::upload(&args).map(|uploaded| {
            print!("{}", uploaded.text());
            uploaded.passed()
        }),
        Command::Orders(args) => people::run_orders(&args).map(|ordered| {
            ordered.is_none_or(|ordered| {
                print!("{}", ordered.text());
                ordered.passed()
            })
        }),
        Command::Figures(args) => figures::run(&args).map_err(Into::into),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("truyvet-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show_people(seen: &[people::Seen]) -> bool {
    if !seen.is_empty() {
        print!("{}", people::text(seen));
    }
    seen.iter().all(people::Seen::passed)
}

fn generate(args: GenerateArgs) -> Result<bool, Box<dyn Error>> {
    let plan = args.plan(TimeMs::now().get());
    let style = "{wide_bar} {human_pos}/{human_len} scans  {per_sec}  {eta}";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(plan.scans).with_style(style);
    let started = Instant::now();
    let examples = plan.run(&bar)?;
    bar.finish_and_clear();
    let (scans, seconds) = (plan.scans, started.elapsed().as_secs_f64());
    println!(
        "{scans} scans in {seconds:.1} s ({:.0} scans/s): {}",
        scans as f64 / seconds,
        plan.out.display()
    );
    println!("busy site {}, index case {}, market {}", examples.site, examples.subject, examples.market);
    examples.commands.iter().for_each(|question| println!("  truyvet {question}"));
    let (cluster, from, to) = (&examples.cluster_file, &examples.from, &examples.to);
    println!("  truyvet trace common --subjects {cluster} --from {from} --to {to} --top 5");
    Ok(true)
}

/// A reader that has gone away, such as `head`, is no failure of the run.
fn show(report: &Report, folder: Option<&Path>) -> Result<bool, Box<dyn Error>> {
    let mut text = report.text();
    if let Some(folder) = folder {
        report.write(folder)?;
        text += &format!("report: {}\n", folder.join("report.html").display());
    }
    std::io::stdout().write_all(text.as_bytes()).ok();
    Ok(report.passed())
}
