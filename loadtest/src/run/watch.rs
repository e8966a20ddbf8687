//! The terminal's line while a run goes on, and its timeline for the report.

use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::gauge::Gauge;
use crate::report::Second;

/// Looks once a second until the deadline or until dropped; what it saw is in `timeline`.
pub(crate) async fn watch(gauge: &Gauge, start: Instant, timeline: &mut Vec<Second>) {
    let line = ProgressBar::new_spinner();
    let plain = !std::io::stderr().is_terminal();
    let mut before = gauge.acknowledged.load(Relaxed);
    for number in 1..=SECONDS_MAX {
        tokio::time::sleep_until((start + Duration::from_secs(number)).into()).await;
        let acknowledged = gauge.acknowledged.load(Relaxed);
        let (p50_us, p99_us) = gauge.lately();
        let second = Second {
            at_s: number,
            acknowledged: acknowledged - before,
            p50_us,
            p99_us,
            connected: gauge.connected.load(Relaxed),
            in_flight: gauge.sent.load(Relaxed).saturating_sub(acknowledged),
        };
        before = acknowledged;
        let text = describe(&second, gauge);
        if plain && number % PLAIN_EVERY == 0 {
            eprintln!("{text}");
        }
        line.set_message(text);
        line.tick();
        timeline.push(second);
    }
}

fn describe(second: &Second, gauge: &Gauge) -> String {
    format!(
        "{:>4} s {:>10} scans/s   ack p50 {:.1} ms p99 {:.1} ms   connected {}   in flight {}   refused {}   lost streams {}",
        second.at_s,
        second.acknowledged,
        second.p50_us as f64 / 1e3,
        second.p99_us as f64 / 1e3,
        second.connected,
        second.in_flight,
        gauge.refused.load(Relaxed),
        gauge.dropped.load(Relaxed),
    )
}

/// Where there is no terminal, a line every so many seconds.
const PLAIN_EVERY: u64 = 10;

/// A day.
const SECONDS_MAX: u64 = 86_400;
