//! Background queries by schedule: trails, contacts and passages around the stream's people.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::device::Clock;
use super::gauge::Gauge;
use super::server::{Server, ServerError};
use crate::nation::{Nation, SiteStream};

/// Asks `rate` questions a second until the run is stopped.
pub(crate) struct Questions {
    pub(crate) nation: Arc<Nation>,
    pub(crate) sites: Vec<u32>,
    pub(crate) server: Server,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) rate: f64,
}

impl Questions {
    /// Starts the threads that ask. They end with the run.
    pub(crate) fn start(self, clock: Clock) -> Vec<JoinHandle<()>> {
        if self.rate <= 0.0 {
            return Vec::new();
        }
        let threads = (self.rate.ceil() as u64).clamp(1, THREADS_MAX);
        let shared = Arc::new(self);
        let asker = |number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.ask_all(number, threads, clock))
        };
        (0..threads).map(asker).collect()
    }

    /// The questions of one thread: every `step`th, from the `number`th.
    fn ask_all(&self, number: u64, step: u64, clock: Clock) {
        for question in (number..).step_by(step as usize) {
            let due = clock.start + Duration::from_secs_f64(question as f64 / self.rate);
            if !self.wait(due) {
                return;
            }
            match self.ask(question, clock) {
                Ok(()) => self.gauge.record(|latencies| &mut latencies.question, due.elapsed()),
                Err(error) => self.gauge.problem(format!("question: {error}")),
            }
        }
    }

    /// False when the run was stopped before.
    fn wait(&self, due: Instant) -> bool {
        while !self.gauge.is_stopped() {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(Duration::from_millis(100)));
        }
        false
    }

    fn ask(&self, question: u64, clock: Clock) -> Result<(), ServerError> {
        let site = self.sites[question as usize % self.sites.len()];
        let person = SiteStream::new(&self.nation.land, site, question).next_person();
        let subject = self.nation.codes.text(person);
        let now_ms = clock.unix_ms(Instant::now());
        let answer = match question % 5 {
            0 => {
                let about = [("site", &*self.nation.land.site_code(site))];
                self.server.ask("passed", &about, now_ms - 1_000, now_ms)
            }
            // A second's window: at full speed 15 minutes hold a hundred million scans at a site.
            1 => self.server.ask(
                "contacts",
                &[("subject", &subject), ("window", "1s")],
                clock.start_ms,
                now_ms,
            ),
            _ => self.server.ask("trail", &[("subject", &subject)], clock.start_ms, now_ms),
        };
        answer.map(|_| ())
    }
}

const THREADS_MAX: u64 = 8;
