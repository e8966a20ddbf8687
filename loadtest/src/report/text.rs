//! The report for a terminal.

use std::fmt::Write;

use super::number::{bytes, duration, grouped};
use super::{Latency, Report};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    write_to(&mut out, report).expect("a String is always writable");
    out
}

fn write_to(out: &mut String, report: &Report) -> std::fmt::Result {
    let totals = &report.totals;
    writeln!(out, "{}, {}", report.title, report.started_at)?;
    let parameters: Vec<_> = report.parameters.iter().map(|p| format!("{} {}", p.name, p.value)).collect();
    writeln!(out, "  {}", parameters.join(", "))?;
    let rate = grouped(totals.scans_per_second as u64);
    let (acknowledged, seconds) = (grouped(totals.acknowledged), totals.seconds);
    writeln!(out, "\n{rate} scans/s: {acknowledged} acknowledged in {seconds:.1} s")?;
    if let (Some(ratio), Some(bare)) = (report.ratio(), report.bare_rate) {
        writeln!(out, "{:.0} % of the bare rate of {} scans/s", ratio * 100.0, grouped(bare as u64))?;
    }
    if let Some(memory) = report.server_memory_bytes {
        writeln!(out, "server memory at most {}", bytes(memory))?;
    }
    if !report.latencies.is_empty() {
        writeln!(out, "\n{}", row("", ["count", "p50", "p90", "p99", "p99.9", "max"].map(String::from)))?;
    }
    for latency in &report.latencies {
        writeln!(out, "{}", row(&latency.name, cells(latency)))?;
    }
    writeln!(out)?;
    for check in &report.checks {
        let verdict = if check.holds { "ok    " } else { "BROKEN" };
        writeln!(out, "{verdict} {}: {}", check.what, check.detail)?;
    }
    for problem in &report.problems {
        writeln!(out, "  note: {problem}")?;
    }
    writeln!(out, "\n{}", if report.passed() { "PASSED" } else { "FAILED" })
}

fn cells(latency: &Latency) -> [String; 6] {
    let us = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us].map(duration);
    let [p50, p90, p99, p999, max] = us;
    [grouped(latency.count), p50, p90, p99, p999, max]
}

fn row(name: &str, cells: [String; 6]) -> String {
    cells.iter().fold(format!("{name:<28}"), |line, cell| format!("{line}{cell:>11}"))
}
