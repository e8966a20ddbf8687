//! The report as one page: no script, no request, light and dark, phone and desk.

use std::fmt::Write;

use super::number::{bytes, duration, grouped, short};
use super::svg::{Chart, LogAxis, Series, Tick, linear_ticks};
use super::{Latency, Report, Second};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    write_to(&mut out, report).expect("a String is always writable");
    out
}

fn write_to(out: &mut String, report: &Report) -> std::fmt::Result {
    let title = escape(&report.title);
    writeln!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<title>{title}</title>\n<style>{STYLE}</style></head><body><main>")?;
    let (class, word) = if report.passed() { ("good", "passed") } else { ("bad", "failed") };
    writeln!(out, "<header><h1>{title}</h1><p class=\"verdict {class}\">{word}</p>")?;
    writeln!(out, "<p class=\"when\">{}</p></header>", escape(&report.started_at))?;
    key_figures(out, report)?;
    writeln!(out, "<div class=\"charts\">")?;
    latency_curve(out, report)?;
    timeline(out, &report.timeline)?;
    writeln!(out, "</div>")?;
    checks(out, report)?;
    latencies(out, &report.latencies)?;
    parameters(out, report)?;
    writeln!(out, "</main></body></html>")
}

fn key_figures(out: &mut String, report: &Report) -> std::fmt::Result {
    let totals = &report.totals;
    writeln!(out, "<dl class=\"figures\">")?;
    let mut figure = |name: &str, value: String| writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    figure("scans a second", grouped(totals.scans_per_second as u64))?;
    figure("acknowledged", grouped(totals.acknowledged))?;
    if let Some(ack) = report.latency("sent to acknowledged") {
        figure("acknowledged, p99", duration(ack.p99_us))?;
    }
    if let Some(visible) = report.latency("sent to visible in a query") {
        figure("visible, p99", duration(visible.p99_us))?;
    }
    if let Some(ratio) = report.ratio() {
        figure("of the bare rate", format!("{:.0} %", ratio * 100.0))?;
    }
    if let Some(memory) = report.server_memory_bytes {
        figure("server memory", bytes(memory))?;
    }
    writeln!(out, "</dl>")
}

fn latency_curve(out: &mut String, report: &Report) -> std::fmt::Result {
    let names =
        [("sent to acknowledged", "acknowledged"), ("sent to visible in a query", "visible in a query")];
    let shown: Vec<_> =
        names.into_iter().filter_map(|(name, key)| Some((key, report.latency(name)?))).collect();
    let values = || shown.iter().flat_map(|(_, latency)| latency.curve.iter().map(|(_, us)| *us));
    let (Some(min), Some(max)) = (values().min(), values().max()) else {
        return Ok(());
    };
    let axis = LogAxis::new(min, max);
    let points = |latency: &Latency| {
        let place = |(quantile, us): &(f64, u64)| (nines(*quantile), axis.place(*us));
        latency.curve.iter().map(place).collect()
    };
    let series =
        shown.iter().map(|(name, latency)| Series { name, points: points(latency), filled: false }).collect();
    let percent = [("0 %", 0.0), ("90 %", 0.9), ("99 %", 0.99), ("99.9 %", 0.999), ("99.99 %", 0.9999)];
    let x = percent.iter().map(|(text, q)| Tick { at: nines(*q), text: (*text).into() }).collect();
    let chart = Chart { label: "Latency by percentile", x, y: axis.ticks(duration), series };
    figure(out, "Latency by percentile", &shown.iter().map(|(name, _)| *name).collect::<Vec<_>>(), &chart)
}

fn timeline(out: &mut String, timeline: &[Second]) -> std::fmt::Result {
    let Some(last) = timeline.last().filter(|_| timeline.len() > 1) else {
        return Ok(());
    };
    let (x, end_s) = linear_ticks(last.at_s as f64, |value| format!("{value:.0} s"));
    let at = |second: &Second| second.at_s as f64 / end_s;
    let most = timeline.iter().map(|second| second.acknowledged).max().unwrap_or(0);
    let (y, top) = linear_ticks(most as f64, short);
    let points = timeline.iter().map(|second| (at(second), second.acknowledged as f64 / top)).collect();
    let series = vec![Series { name: "scans a second", points, filled: true }];
    let chart = Chart { label: "Scans acknowledged a second", x, y, series };
    figure(out, "Scans acknowledged a second", &[], &chart)?;

    let busy: Vec<_> = timeline.iter().filter(|second| second.p99_us > 0).collect();
    let low = busy.iter().map(|second| second.p50_us).min().unwrap_or(1);
    let high = busy.iter().map(|second| second.p99_us).max().unwrap_or(1);
    let axis = LogAxis::new(low, high);
    let line = |of: fn(&Second) -> u64| busy.iter().map(|s| (at(s), axis.place(of(s)))).collect();
    let series = vec![
        Series { name: "p50", points: line(|second| second.p50_us), filled: false },
        Series { name: "p99", points: line(|second| second.p99_us), filled: false },
    ];
    let (x, _) = linear_ticks(last.at_s as f64, |value| format!("{value:.0} s"));
    let chart = Chart { label: "Acknowledgement over time", x, y: axis.ticks(duration), series };
    figure(out, "Acknowledgement over time", &["p50", "p99"], &chart)
}

fn figure(out: &mut String, title: &str, names: &[&str], chart: &Chart<'_>) -> std::fmt::Result {
    writeln!(out, "<figure><figcaption>{title}")?;
    for (number, name) in (1..).zip(names) {
        writeln!(out, "<span class=\"key k{number}\">{}</span>", escape(name))?;
    }
    writeln!(out, "</figcaption>\n{}</figure>", chart.render())
}

fn checks(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "<h2>Promises</h2><ul class=\"checks\">")?;
    for check in &report.checks {
        let (class, mark) = if check.holds { ("good", "holds") } else { ("bad", "broken") };
        let (what, detail) = (escape(&check.what), escape(&check.detail));
        writeln!(out, "<li><b class=\"{class}\">{mark}</b> <span>{what} <i>{detail}</i></span></li>")?;
    }
    writeln!(out, "</ul>")?;
    if !report.problems.is_empty() {
        writeln!(out, "<h2>Noted on the way</h2><ul>")?;
        report.problems.iter().try_for_each(|problem| writeln!(out, "<li>{}</li>", escape(problem)))?;
        writeln!(out, "</ul>")?;
    }
    Ok(())
}

fn latencies(out: &mut String, latencies: &[Latency]) -> std::fmt::Result {
    if latencies.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Latencies</h2><div class=\"scroll\"><table><thead><tr><th></th>")?;
    for head in ["count", "p50", "p90", "p99", "p99.9", "max"] {
        write!(out, "<th>{head}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for latency in latencies {
        write!(out, "<tr><td>{}</td><td>{}</td>", escape(&latency.name), grouped(latency.count))?;
        let us = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us];
        us.iter().try_for_each(|us| write!(out, "<td>{}</td>", duration(*us)))?;
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn parameters(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "<h2>Run</h2><dl class=\"parameters\">")?;
    for parameter in &report.parameters {
        let (name, value) = (escape(&parameter.name), escape(&parameter.value));
        writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    writeln!(out, "</dl>")
}

/// A quantile's place on an axis where each further nine takes the same room, up to 99.99 %.
fn nines(quantile: f64) -> f64 {
    (-(1.0 - quantile).max(1e-4).log10() / 4.0).clamp(0.0, 1.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = include_str!("style.css");
