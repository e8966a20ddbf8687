//! What all devices count and measure, shared between them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Counters and latencies of a run.
pub(crate) struct Gauge {
    /// Devices connected now.
    pub(crate) connected: AtomicU64,
    /// Devices that connected at least once.
    pub(crate) ready: AtomicU64,
    /// Scans sent, not counting what was sent again.
    pub(crate) sent: AtomicU64,
    /// Scans acknowledged.
    pub(crate) acknowledged: AtomicU64,
    /// Scans kept aside by the server.
    pub(crate) refused: AtomicU64,
    /// Established streams that ended while they were needed.
    pub(crate) dropped: AtomicU64,
    /// Attempts to connect that failed.
    pub(crate) failed_connects: AtomicU64,
    /// Probes acknowledged but not in the answer asked for after.
    pub(crate) late: AtomicU64,
    /// Scans yet to be given to a batch, when their number is limited.
    left: AtomicU64,
    latencies: Mutex<Latencies>,
    problems: Mutex<Vec<String>>,
    stopped: AtomicBool,
    stopped_at: Mutex<Option<Instant>>,
    stop: Notify,
}

/// Latencies in microseconds.
#[derive(Clone)]
pub(crate) struct Latencies {
    /// From due to acknowledged.
    pub(crate) ack: Histogram<u64>,
    /// The same since the last look.
    pub(crate) ack_lately: Histogram<u64>,
    /// From due to seen in an answer.
    pub(crate) visible: Histogram<u64>,
    /// Of background questions, from due to answered.
    pub(crate) question: Histogram<u64>,
    /// Of connecting.
    pub(crate) connect: Histogram<u64>,
    /// When the last acknowledgement came.
    pub(crate) last_ack: Option<Instant>,
}

impl Gauge {
    /// All zero; with `scans` to give out.
    pub(crate) fn new(scans: u64) -> Self {
        Self {
            connected: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed_connects: AtomicU64::new(0),
            late: AtomicU64::new(0),
            left: AtomicU64::new(scans),
            latencies: Mutex::new(Latencies {
                ack: histogram(),
                ack_lately: histogram(),
                visible: histogram(),
                question: histogram(),
                connect: histogram(),
                last_ack: None,
            }),
            problems: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
            stopped_at: Mutex::new(None),
            stop: Notify::new(),
        }
    }

    /// How many devices connected at least once.
    pub(crate) fn ready(&self) -> u64 {
        self.ready.load(Relaxed)
    }

    /// Takes up to `scans` of those left to send; 0: all are sent, or the run was stopped.
    pub(crate) fn take(&self, scans: u32) -> u32 {
        if self.is_stopped() {
            return 0;
        }
        let scans = u64::from(scans);
        let before = self.left.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_sub(scans)));
        before.unwrap_or(0).min(scans) as u32
    }

    /// Counts acknowledged batches.
    pub(crate) fn acknowledge(&self, scans: u64, due: &[Instant], now: Instant) {
        self.acknowledged.fetch_add(scans, Relaxed);
        let mut latencies = self.latencies.lock();
        for due in due {
            let us = micros(now.saturating_duration_since(*due));
            latencies.ack.saturating_record(us);
            latencies.ack_lately.saturating_record(us);
        }
        latencies.last_ack = Some(now);
    }

    /// Records one latency in the histogram that `which` points to.
    pub(crate) fn record(&self, which: fn(&mut Latencies) -> &mut Histogram<u64>, took: Duration) {
        which(&mut self.latencies.lock()).saturating_record(micros(took));
    }

    /// The 50th and 99th percentile since the last call, in microseconds.
    pub(crate) fn lately(&self) -> (u64, u64) {
        let mut latencies = self.latencies.lock();
        let lately = &mut latencies.ack_lately;
        let quantiles = (lately.value_at_quantile(0.5), lately.value_at_quantile(0.99));
        lately.reset();
        quantiles
    }

    /// All latencies.
    pub(crate) fn latencies(&self) -> Latencies {
        self.latencies.lock().clone()
    }

    /// Notes something for the report; the first few are kept.
    pub(crate) fn problem(&self, what: impl Into<String>) {
        let mut problems = self.problems.lock();
        let what = what.into();
        if problems.len() < PROBLEMS_MAX && !problems.contains(&what) {
            problems.push(what);
        }
    }

    /// What was noted.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.lock().clone()
    }

    /// Nothing more is sent; what is in flight may still be acknowledged.
    pub(crate) fn stop(&self) {
        self.stopped_at.lock().get_or_insert_with(Instant::now);
        self.stopped.store(true, Relaxed);
        self.stop.notify_waiters();
    }

    /// When sending was ended.
    pub(crate) fn stopped_at(&self) -> Option<Instant> {
        *self.stopped_at.lock()
    }

    /// Whether sending is over.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// Until `when`, or until sending is over.
    pub(crate) async fn sleep_until(&self, when: Instant) {
        let stop = self.stop.notified();
        if self.is_stopped() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(when.into()) => {}
            () = stop => {}
        }
    }
}

/// Microseconds to three digits, up to ten minutes.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are in order, 3 digits are allowed")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const PROBLEMS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_scans_are_taken_than_there_are() {
        let gauge = Gauge::new(120);
        let taken: Vec<_> = (0..4).map(|_| gauge.take(50)).collect();
        assert_eq!(taken, [50, 50, 20, 0]);
        let gauge = Gauge::new(u64::MAX);
        gauge.stop();
        assert_eq!(gauge.take(50), 0);
    }

    #[test]
    fn latencies_lately_are_those_since_the_last_look() {
        let gauge = Gauge::new(0);
        let now = Instant::now();
        gauge.acknowledge(500, &[now], now + Duration::from_millis(4));
        let (p50, _) = gauge.lately();
        assert!((3_990..=4_010).contains(&p50), "{p50}");
        assert_eq!(gauge.lately(), (0, 0));
        assert_eq!(gauge.latencies().ack.len(), 1);
    }
}
