//! Is an acknowledged scan visible at once? A device of its own sends single scans of fresh subjects
//! and, as soon as each is acknowledged, asks for the subject's trail.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use truyvet_device::client::{Connection, SessionError};
use truyvet_schemas::TimeMs;
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::wire::{BatchBuilder, BatchColumns, BatchFacts, FromGateway};

use super::device::{Clock, Plan};
use super::server::Server;

/// Sends probes until the run is stopped. Returns how many scans it sent.
pub(crate) struct Probe {
    pub(crate) key: KeyFile,
    pub(crate) plan: Arc<Plan>,
    pub(crate) server: Server,
    pub(crate) every: Duration,
}

impl Probe {
    /// Lives until the run is stopped; tells how many of its scans were acknowledged.
    pub(crate) async fn run(self) -> u64 {
        let mut acknowledged = 0;
        let deadline = self.plan.deadline;
        tokio::time::timeout_at(deadline.into(), self.live(&mut acknowledged)).await.ok();
        acknowledged
    }

    async fn live(&self, acknowledged: &mut u64) {
        let mut start = self.plan.start.clone();
        let Ok(Some(clock)) = start.wait_for(Option::is_some).await.map(|clock| *clock) else {
            return;
        };
        let gauge = &self.plan.gauge;
        let mut first = None;
        while !gauge.is_stopped() {
            match Connection::connect(&self.key, self.plan.gateway, &self.plan.options).await {
                Ok(connection) => {
                    let first = *first.get_or_insert(connection.welcome.durable_seq);
                    if let Err(error) = self.session(connection, clock, first, acknowledged).await {
                        gauge.problem(format!("probe: {error}"));
                    }
                }
                Err(error) => gauge.problem(format!("probe: {error}")),
            }
            gauge.sleep_until(Instant::now() + Duration::from_millis(500)).await;
        }
    }

    async fn session(
        &self,
        mut connection: Connection,
        clock: Clock,
        first: u64,
        acknowledged: &mut u64,
    ) -> Result<(), SessionError> {
        let gauge = &self.plan.gauge;
        let mut builder = BatchBuilder::default();
        let mut seq = connection.welcome.durable_seq;
        let site = connection.welcome.site.clone();
        *acknowledged = seq - first;
        while !gauge.is_stopped() {
            let due = Instant::now();
            seq += 1;
            let code = format!("PROBE-{:X}-{:X}-{seq:X}", clock.start_ms, self.key.device);
            let at_ms = clock.unix_ms(due);
            let facts = BatchFacts {
                device: self.key.device,
                site: &site,
                first_seq: seq,
                sent_at: TimeMs::new(at_ms),
            };
            let columns = BatchColumns {
                base: TimeMs::new(at_ms),
                offset_ms: &[0],
                code_bytes: &[code.len() as u8],
                codes: code.as_bytes(),
                directions: &[],
                verdicts: &[],
            };
            connection.sender.send_batch(builder.build(facts, columns)).await?;
            while !matches!(connection.receiver.next().await?, FromGateway::Ack { durable_seq } if durable_seq >= seq)
            {
            }
            *acknowledged = seq - first;
            self.ask(code, at_ms, due).await;
            gauge.sleep_until(due + self.every).await;
        }
        connection.sender.close();
        Ok(())
    }

    async fn ask(&self, code: String, at_ms: i64, due: Instant) {
        let server = self.server.clone();
        let asked = tokio::task::spawn_blocking(move || server.trail(&code, at_ms, at_ms + 1)).await;
        let gauge = &self.plan.gauge;
        match asked {
            Ok(Ok(trail)) if trail.len() == 1 => gauge.record(|l| &mut l.visible, due.elapsed()),
            Ok(Ok(trail)) => {
                gauge.late.fetch_add(1, Relaxed);
                gauge.problem(format!("an acknowledged probe was {} times in its trail", trail.len()));
            }
            Ok(Err(error)) => gauge.problem(format!("probe: {error}")),
            Err(error) => gauge.problem(format!("probe: {error}")),
        }
    }
}
