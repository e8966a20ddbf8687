//! One simulated device: connects, sends by its pace, hears acknowledgements, and after a lost stream
//! connects again and sends once more what was not acknowledged, as a real one would.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use truyvet_device::client::{
    ConnectError, ConnectOptions, Connection, Receiver, Sender, SessionError, signed_frame,
};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::wire::{FromGateway, Notice, Reason, Refusal, Scope};

use super::gauge::Gauge;
use super::schedule::Schedule;
use super::source::{Sampled, Source, Span};

/// A simulated device.
pub(crate) struct Device {
    pub(crate) key: KeyFile,
    pub(crate) plan: Arc<Plan>,
    /// Its place among the devices, from 0.
    pub(crate) index: u32,
    /// When it connects.
    pub(crate) connect_at: Instant,
    pub(crate) site: u32,
    pub(crate) source: Source,
    pub(crate) flight: Flight,
}

/// What devices of a run have in common.
pub(crate) struct Plan {
    pub(crate) gateway: SocketAddr,
    pub(crate) options: ConnectOptions,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) pace: Pace,
    pub(crate) batch_scans: u32,
    /// Batches in flight at most.
    pub(crate) window: usize,
    /// The run's start, once everybody is connected.
    pub(crate) start: watch::Receiver<Option<Clock>>,
    /// When everything ends, whatever happens.
    pub(crate) deadline: Instant,
}

/// When a device sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// By schedule, whatever the server does.
    Open(Schedule),
    /// The next batch as soon as the window has room.
    Closed,
    /// Never: it only stays connected.
    Idle,
}

/// One instant on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) start: Instant,
    pub(crate) start_ms: i64,
}

impl Clock {
    /// Unix milliseconds at an instant.
    pub(crate) fn unix_ms(&self, at: Instant) -> i64 {
        self.start_ms + at.saturating_duration_since(self.start).as_millis() as i64
    }
}

/// What became of a device.
pub(crate) struct Outcome {
    pub(crate) connected: bool,
    /// The last seq that was given out.
    pub(crate) sent_seq: u64,
    pub(crate) acknowledged_seq: u64,
    pub(crate) sampled: Vec<Sampled>,
}

impl Device {
    /// Lives until all is sent and acknowledged, or the deadline.
    pub(crate) async fn run(mut self) -> Outcome {
        let mut connected = false;
        let deadline = self.plan.deadline;
        tokio::time::timeout_at(deadline.into(), self.live(&mut connected)).await.ok();
        Outcome {
            connected,
            sent_seq: self.source.next_seq() - 1,
            acknowledged_seq: self.flight.acknowledged_seq(),
            sampled: self.source.into_sampled(),
        }
    }

    async fn live(&mut self, connected: &mut bool) {
        let plan = Arc::clone(&self.plan);
        plan.gauge.sleep_until(self.connect_at).await;
        let Some(mut connection) = self.connect().await else {
            return;
        };
        *connected = true;
        plan.gauge.ready.fetch_add(1, Relaxed);
        self.source.resume(connection.welcome.durable_seq);
        self.flight.begin(&connection.welcome);
        let mut start = plan.start.clone();
        let Ok(Some(clock)) = start.wait_for(Option::is_some).await.map(|clock| *clock) else {
            return;
        };
        while let Err(end) = self.session(connection, clock).await {
            plan.gauge.problem(end.to_string());
            if plan.gauge.is_stopped() && self.flight.is_empty() {
                return;
            }
            plan.gauge.dropped.fetch_add(1, Relaxed);
            match self.connect().await {
                Some(again) => connection = again,
                None => return,
            }
        }
    }

    /// Tries until it works; `None` when there is nothing to connect for any more.
    async fn connect(&self) -> Option<Connection> {
        let gauge = &self.plan.gauge;
        let first_try = Instant::now();
        let mut wait = RETRY_FIRST;
        loop {
            if gauge.is_stopped() && self.flight.is_empty() {
                return None;
            }
            match Connection::connect(&self.key, self.plan.gateway, &self.plan.options).await {
                Ok(connection) => {
                    gauge.record(|latencies| &mut latencies.connect, first_try.elapsed());
                    return Some(connection);
                }
                Err(error) => {
                    gauge.failed_connects.fetch_add(1, Relaxed);
                    gauge.problem(format!("connecting: {error}"));
                    tokio::time::sleep(wait.max(advised(&error))).await;
                    wait = (wait * 2).min(RETRY_LAST);
                }
            }
        }
    }

    async fn session(&mut self, connection: Connection, clock: Clock) -> Result<(), End> {
        let Connection { welcome, mut sender, mut receiver } = connection;
        let gauge = Arc::clone(&self.plan.gauge);
        let _connected = Connected::new(&gauge);
        let flight = self.flight.clone();
        flight.acknowledge(welcome.durable_seq, &gauge);
        let done = tokio::select! {
            sent = self.send(&mut sender, clock) => sent.map_err(End::Lost),
            heard = hear(&mut receiver, &flight, &gauge) => heard,
        };
        sender.close();
        done
    }

    async fn send(&mut self, sender: &mut Sender, clock: Clock) -> Result<(), SessionError> {
        for frame in self.flight.frames() {
            sender.send_frame(frame).await?;
        }
        let key = sender.signing_key().clone();
        while let Some((due, span)) = self.turn(clock).await {
            let scans = self.plan.gauge.take(self.plan.batch_scans);
            if scans == 0 {
                break;
            }
            let frame = signed_frame(&key, self.source.batch(scans, span, self.site));
            self.flight.push(self.source.next_seq() - 1, scans, due, frame.clone());
            self.plan.gauge.sent.fetch_add(u64::from(scans), Relaxed);
            sender.send_frame(frame).await?;
        }
        self.flight.wait_until(|queue| queue.entries.is_empty()).await;
        Ok(())
    }

    /// Waits for the device's turn; tells when the batch was due and the time that it covers.
    async fn turn(&mut self, clock: Clock) -> Option<(Instant, Span)> {
        let gauge = Arc::clone(&self.plan.gauge);
        match self.plan.pace {
            Pace::Open(schedule) => {
                let due = clock.start + schedule.due(self.index, self.flight.batches());
                gauge.sleep_until(due).await;
                self.flight.wait_for_room(self.plan.window).await;
                let from_ms = clock.unix_ms(due.checked_sub(schedule.interval()).unwrap_or(clock.start));
                Some((due, Span { from_ms, to_ms: clock.unix_ms(due) }))
            }
            Pace::Closed => {
                self.flight.wait_for_room(self.plan.window).await;
                let now = Instant::now();
                let now_ms = clock.unix_ms(now);
                Some((now, Span { from_ms: now_ms, to_ms: now_ms }))
            }
            Pace::Idle => {
                gauge.sleep_until(self.plan.deadline).await;
                None
            }
        }
    }
}

async fn hear(receiver: &mut Receiver, flight: &Flight, gauge: &Gauge) -> Result<(), End> {
    loop {
        match receiver.next().await.map_err(End::Lost)? {
            FromGateway::Ack { durable_seq } => flight.acknowledge(durable_seq, gauge),
            FromGateway::Refusal(Refusal { scope: Scope::Scans, seqs, reason, .. }) => {
                gauge.refused.fetch_add(seqs.len() as u64, Relaxed);
                gauge.problem(format!("scans refused: {}", reason.as_str()));
            }
            FromGateway::Refusal(refusal) => return Err(End::Refused(refusal.reason)),
            FromGateway::Notice(Notice::StorageFull) => gauge.problem("the server's storage is full"),
            FromGateway::Notice(Notice::Draining { .. }) => gauge.problem("the server is stopping"),
            _ => {}
        }
    }
}

/// How long a gateway asks to wait.
fn advised(error: &ConnectError) -> Duration {
    match error {
        ConnectError::Refused(refusal) => {
            Duration::from_millis(u64::from(refusal.retry_after_ms)).min(RETRY_LAST)
        }
        _ => Duration::ZERO,
    }
}

/// Why a session ended before its time.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("session lost: {0}")]
    Lost(SessionError),
    #[error("session refused: {}", .0.as_str())]
    Refused(Reason),
}

/// Counted as connected while it lives.
struct Connected<'a>(&'a Gauge);

impl<'a> Connected<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.connected.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Relaxed);
    }
}

/// A device's batches that were sent and not yet acknowledged. Bounded by the window in batches and
/// by the gateway's window in bytes.
#[derive(Clone, Default)]
pub(crate) struct Flight {
    queue: Arc<Mutex<Queue>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
    batches: u64,
    sent_seq: u64,
    acknowledged_seq: u64,
}

struct Entry {
    last_seq: u64,
    scans: u32,
    due: Instant,
    frame: Bytes,
}

impl Flight {
    fn begin(&self, welcome: &truyvet_schemas::wire::Welcome) {
        let mut queue = self.queue.lock();
        queue.bytes_max = welcome.window_bytes as usize;
        queue.acknowledged_seq = welcome.durable_seq;
        queue.sent_seq = welcome.durable_seq;
    }

    fn push(&self, last_seq: u64, scans: u32, due: Instant, frame: Bytes) {
        let mut queue = self.queue.lock();
        queue.bytes += frame.len();
        queue.batches += 1;
        queue.sent_seq = last_seq;
        queue.entries.push_back(Entry { last_seq, scans, due, frame });
    }

    fn acknowledge(&self, durable_seq: u64, gauge: &Gauge) {
        let now = Instant::now();
        let (mut scans, mut due) = (0, Vec::new());
        let mut queue = self.queue.lock();
        if durable_seq > queue.sent_seq {
            gauge.problem("the server acknowledged scans that were never sent");
        }
        queue.acknowledged_seq = queue.acknowledged_seq.max(durable_seq);
        while queue.entries.front().is_some_and(|entry| entry.last_seq <= durable_seq)
            && let Some(entry) = queue.entries.pop_front()
        {
            queue.bytes -= entry.frame.len();
            scans += u64::from(entry.scans);
            due.push(entry.due);
        }
        drop(queue);
        if scans > 0 {
            gauge.acknowledge(scans, &due, now);
            self.changed.notify_one();
        }
    }

    fn frames(&self) -> Vec<Bytes> {
        self.queue.lock().entries.iter().map(|entry| entry.frame.clone()).collect()
    }

    fn is_empty(&self) -> bool {
        self.queue.lock().entries.is_empty()
    }

    fn batches(&self) -> u64 {
        self.queue.lock().batches
    }

    fn acknowledged_seq(&self) -> u64 {
        self.queue.lock().acknowledged_seq
    }

    async fn wait_for_room(&self, window: usize) {
        self.wait_until(|queue| {
            // A batch is far smaller than half of the gateway's window, so that half is kept free.
            let fits = queue.bytes * 2 <= queue.bytes_max || queue.entries.is_empty();
            queue.entries.len() < window && fits
        })
        .await;
    }

    /// One waiter at a time: the device's sender.
    async fn wait_until(&self, holds: impl Fn(&Queue) -> bool) {
        while !holds(&self.queue.lock()) {
            self.changed.notified().await;
        }
    }
}

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(2);
