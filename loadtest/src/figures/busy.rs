//! Figures of a server that does several things at once: takes scans, seals days that were imported, and
//! answers.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::process::Process;
use super::scenarios::{Scenario, Stage, subjects_of};
use super::{Figure, FigureError};
use crate::generate::Generate;
use crate::report::{Latency, Report, duration, grouped};
use crate::run;

/// As many scans as it can take, while days are sealed.
pub(super) fn sealing(stage: &mut Stage, scenario: &Scenario) -> Result<Figure, FigureError> {
    let (process, ..) = unsealed(stage, scenario)?;
    let command = format!("run --devices 32 --batch 500 --max --scans {}", stage.scaled(100e6));
    let (report, sealed_in) = loaded_and_sealed(stage, &process, &command)?;
    let rate = report.totals.scans_per_second;
    Ok(Figure {
        name: scenario.name.into(),
        target: "2,000,000 scans/s".into(),
        reached: format!("{} scans/s; sealed {:.1} s of it", grouped(rate as u64), sealed_in.as_secs_f64()),
        ratio: None,
        holds: report.passed() && rate >= 2e6,
        command: format!("{command}; seal beside it"),
    })
}

/// Half as many scans as it can take, alone and while days are sealed.
pub(super) fn pauses(stage: &mut Stage, scenario: &Scenario) -> Result<Figure, FigureError> {
    let (process, _) = unsealed(stage, scenario)?;
    let command = half_rate(stage, &process)?;
    let pause_us =
        |report: &Report| report.latency("sent to acknowledged").map_or(u64::MAX, |latency| latency.p999_us);
    let alone_us = pause_us(&stage.load(&process, &command)?);
    let (report, sealed_in) = loaded_and_sealed(stage, &process, &command)?;
    let pause_us = pause_us(&report);
    Ok(Figure {
        name: scenario.name.into(),
        target: "p99.9 < 50 ms".into(),
        reached: format!(
            "p99.9 {}, without sealing {}; sealed {:.1} s of it",
            duration(pause_us),
            duration(alone_us),
            sealed_in.as_secs_f64()
        ),
        ratio: None,
        holds: report.passed() && pause_us < 50_000,
        command: format!("{command}; seal beside it"),
    })
}

/// Half as many scans as it can take, while questions are asked.
pub(super) fn asked_meanwhile(stage: &mut Stage, scenario: &Scenario) -> Result<Figure, FigureError> {
    let (process, files) = unsealed(stage, scenario)?;
    process.server().seal()?;
    let asking = subjects_of(&files);
    let idle = asked(&process, &asking, &AtomicBool::new(true))?;
    let (command, is_over) = (half_rate(stage, &process)?, AtomicBool::new(false));
    let (report, busy) = thread::scope(|scope| {
        let questions = scope.spawn(|| asked(&process, &asking, &is_over));
        let report = stage.load(&process, &command);
        is_over.store(true, Ordering::Relaxed);
        (report, questions.join().expect("asking does not panic"))
    });
    let (report, busy) = (report?, busy?);
    Ok(Figure {
        name: scenario.name.into(),
        target: "contacts p99 at most 3 times idle".into(),
        reached: format!("p99 {}, idle {}", duration(busy.p99_us), duration(idle.p99_us)),
        ratio: None,
        holds: report.passed() && busy.p99_us <= 3 * idle.p99_us,
        command: format!("{command}; contacts beside it"),
    })
}

/// The load of half as many scans as the server can take, which is measured first.
fn half_rate(stage: &Stage, process: &Process) -> Result<String, FigureError> {
    let command = format!("run --devices 32 --batch 500 --max --scans {}", stage.scaled(40e6));
    let most = stage.load(process, &command)?.totals.scans_per_second;
    let rate = (most / 2.0 / 10_000.0).round() as u64 * 10_000;
    let seconds = ((60.0 * stage.scale()).ceil() as u64).max(10);
    Ok(format!("run --devices 32 --batch 500 --rate {rate} --ramp 5s --duration {seconds}s"))
}

/// A server on days that were imported and not sealed, and the files they came from.
fn unsealed(stage: &Stage, scenario: &Scenario) -> Result<(Process, Generate), FigureError> {
    let files = stage.generated(stage.scaled(60e6))?;
    let data: PathBuf = stage.fresh(scenario.name)?;
    stage.import_nation(&data, &files)?;
    Ok((Process::start(stage.program(), &data, false)?, files))
}

/// Runs the load; soon after its start everything is sealed. Tells how long that took.
fn loaded_and_sealed(
    stage: &Stage,
    process: &Process,
    command: &str,
) -> Result<(Report, Duration), FigureError> {
    let server = process.server();
    thread::scope(|scope| {
        let sealing = scope.spawn(move || {
            thread::sleep(SEAL_AFTER);
            let began = Instant::now();
            server.seal().map(|()| began.elapsed())
        });
        let report = stage.load(process, command)?;
        Ok((report, sealing.join().expect("sealing does not panic")?))
    })
}

/// Asks for the contacts of everybody twice, and then until it is over; the first time does not count.
fn asked(
    process: &Process,
    (subjects, span): &(Vec<String>, Range<i64>),
    is_over: &AtomicBool,
) -> Result<Latency, FigureError> {
    let server = process.server();
    let mut histogram = run::histogram();
    for round in 0.. {
        for subject in subjects {
            let asked = Instant::now();
            server.ask("contacts", &[("subject", subject)], span.start, span.end)?;
            if round > 0 {
                histogram.saturating_record(asked.elapsed().as_micros() as u64);
            }
        }
        if round > 0 && is_over.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(Latency::of("contacts", &histogram))
}

const SEAL_AFTER: Duration = Duration::from_secs(2);
