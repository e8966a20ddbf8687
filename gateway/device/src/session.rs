//! One session with the gateway: batches from the spool out, acknowledgements in.
//!
//! ```text
//! pump    cursor -> batch (full, old enough, or nothing in flight) -> room in the window -> stream
//! listen  Ack -> spool, window;  Refusal -> aside, or the end;  Notice -> site, notes, draining
//! ```
//!
//! Both run as one task, so neither sees the other half-way. Batches in flight are kept as the frames
//! that QUIC holds anyway: a refusal is told with its scans at no cost.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use truyvet_schemas::TimeMs;
use truyvet_schemas::limits::FRAME_LENGTH_BYTES;
use truyvet_schemas::scan::check_code;
use truyvet_schemas::wire::{
    BatchFacts, BatchView, FromDevice, FromGateway, Notice, Reason, Refusal, Scope, encode_batch, encode_lost,
};

use crate::agent::AgentOptions;
use crate::aside::{AsideLine, append_lines, words};
use crate::client::{Connection, Receiver, Sender, SessionError, signed_frame};
use crate::spool::{Cursor, Run, Spool, SpoolError};
use crate::status::Status;

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection broke.
    Lost(SessionError),
    /// The gateway ended it.
    Refused(Refusal),
    /// The gateway is stopping; come back after this time.
    Draining(Duration),
    /// No acknowledgement came for a long time.
    Silent,
    /// The spool cannot be read.
    Spool(SpoolError),
}

/// What a session works with.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) device: u32,
    pub(crate) spool: &'a std::sync::Arc<Spool>,
    pub(crate) status: &'a Status,
    pub(crate) options: &'a AgentOptions,
    /// Wakes who deletes acknowledged segments.
    pub(crate) tidy_due: &'a Notify,
    lost: Option<Lost>,
    flight: Mutex<Flight>,
    room: Notify,
}

/// Scans that the gateway had acknowledged and lost, and that are no longer here: from the first to
/// before the next that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) from_seq: u64,
    pub(crate) held_seq: u64,
}

#[derive(Debug)]
struct Flight {
    batches: VecDeque<SentBatch>,
    bytes: usize,
    scans: u64,
    /// When something was last acknowledged, or sent into an empty window.
    progress_at: Instant,
    draining: Option<Duration>,
    storage_full: bool,
    any_ack: bool,
}

#[derive(Debug)]
struct SentBatch {
    frame: Bytes,
    first_seq: u64,
    last_seq: u64,
}

impl SentBatch {
    fn scans(&self) -> u64 {
        self.last_seq - self.first_seq + 1
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        device: u32,
        spool: &'a std::sync::Arc<Spool>,
        status: &'a Status,
        options: &'a AgentOptions,
        tidy_due: &'a Notify,
        lost: Option<Lost>,
    ) -> Self {
        let flight = Flight {
            batches: VecDeque::new(),
            bytes: 0,
            scans: 0,
            progress_at: Instant::now(),
            draining: None,
            storage_full: false,
            any_ack: false,
        };
        let (flight, room) = (Mutex::new(flight), Notify::new());
        Self { device, spool, status, options, tidy_due, lost, flight, room }
    }

    /// Runs the session to its end; tells also whether anything was acknowledged in it.
    pub(crate) async fn run(&self, connection: Connection) -> (End, bool) {
        let Connection { welcome, sender, receiver } = connection;
        let limits = Limits {
            batch_scans: self.options.batch_scans.min(welcome.batch_scans_max as usize).max(1),
            frame_bytes: welcome.frame_bytes_max as usize + FRAME_LENGTH_BYTES,
            window_bytes: welcome.window_bytes as usize,
        };
        let end = tokio::select! {
            end = self.listen(receiver) => end,
            end = self.pump(sender, limits) => end,
        };
        let flight = self.flight.lock();
        let end = match (end, flight.draining) {
            (End::Lost(_), Some(after)) => End::Draining(after),
            (End::Lost(error), None) => match error.reason() {
                Some(reason) => End::Refused(Refusal::session(reason, "")),
                None => End::Lost(error),
            },
            (end, _) => end,
        };
        (end, flight.any_ack)
    }

    async fn pump(&self, mut sender: Sender, limits: Limits) -> End {
        let mut cursor = self.spool.cursor();
        if let Some(lost) = self.lost {
            let frame = self.lost_frame(lost, &sender);
            self.launch(&frame, lost.from_seq, lost.held_seq - 1);
            if sender.send_frame(frame).await.is_err() {
                return std::future::pending().await;
            }
        }
        loop {
            self.scans_to_send(&cursor, limits.batch_scans).await;
            let (frame, run) = match self.next_frame(&mut cursor, &sender, limits) {
                Ok(Some(made)) => made,
                Ok(None) => continue,
                Err(error) => return End::Spool(error),
            };
            self.room_for(frame.len(), limits.window_bytes).await;
            self.launch(&frame, run.first_seq, run.first_seq + run.scans.len() as u64 - 1);
            if sender.send_frame(frame).await.is_err() {
                // The receiver may still hold the reason, and its end is the one to tell.
                return std::future::pending().await;
            }
        }
    }

    /// Waits until a batch is full, its first scan has waited long enough, or nothing is in flight:
    /// then waiting would only delay it.
    async fn scans_to_send(&self, cursor: &Cursor, batch_scans: usize) {
        let mut oldest_at = None;
        loop {
            let (appended, room) = (self.spool.appended.notified(), self.room.notified());
            tokio::pin!(appended, room);
            appended.as_mut().enable();
            room.as_mut().enable();
            let waiting = cursor.waiting();
            if waiting == 0 {
                appended.await;
                continue;
            }
            if waiting >= batch_scans as u64 || self.flight.lock().batches.is_empty() {
                return;
            }
            let due = *oldest_at.get_or_insert_with(|| Instant::now() + self.options.batch_delay);
            tokio::select! {
                () = appended => {}
                () = room => {}
                () = sleep_until(due) => return,
            }
        }
    }

    fn next_frame(
        &self,
        cursor: &mut Cursor,
        sender: &Sender,
        limits: Limits,
    ) -> Result<Option<(Bytes, Run)>, SpoolError> {
        let mut batch_scans = limits.batch_scans;
        while let Some(mut run) = cursor.read(batch_scans)? {
            let facts = BatchFacts {
                device: self.device,
                site: &run.site,
                first_seq: run.first_seq,
                sent_at: TimeMs::now(),
            };
            let (batch, taken) = encode_batch(facts, &run.scans)
                .expect("a run has a scan, and the spool takes only codes that fit");
            let frame = signed_frame(sender.signing_key(), &batch);
            let fits = frame.len() <= limits.frame_bytes || taken == 1;
            let kept = if fits { taken } else { 0 };
            cursor.unread(run.scans.len() - kept);
            if fits {
                run.scans.truncate(taken);
                return Ok(Some((frame, run)));
            }
            batch_scans = taken / 2;
        }
        Ok(None)
    }

    async fn room_for(&self, frame_bytes: usize, window_bytes: usize) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            {
                let flight = self.flight.lock();
                let fits = flight.bytes + frame_bytes <= window_bytes || flight.batches.is_empty();
                if fits && flight.draining.is_none() {
                    return;
                }
            }
            room.await;
        }
    }

    /// Tells the gateway which scans neither side has.
    fn lost_frame(&self, lost: Lost, sender: &Sender) -> Bytes {
        let site = self.spool.site().unwrap_or_default();
        let (device, first_seq) = (self.device, lost.from_seq);
        let facts = BatchFacts { device, site: &site, first_seq, sent_at: TimeMs::now() };
        signed_frame(sender.signing_key(), &encode_lost(facts, lost.held_seq - lost.from_seq))
    }

    fn launch(&self, frame: &Bytes, first_seq: u64, last_seq: u64) {
        let scans = last_seq - first_seq + 1;
        let mut flight = self.flight.lock();
        if flight.batches.is_empty() {
            flight.progress_at = Instant::now();
        }
        flight.bytes += frame.len();
        flight.scans += scans;
        flight.batches.push_back(SentBatch { frame: frame.clone(), first_seq, last_seq });
        self.status.set_in_flight(flight.scans);
    }

    async fn listen(&self, mut receiver: Receiver) -> End {
        loop {
            let event = tokio::select! {
                event = receiver.next() => event,
                () = self.silence() => return End::Silent,
            };
            match event {
                Ok(FromGateway::Ack { durable_seq }) => {
                    if let Some(end) = self.acknowledged(durable_seq) {
                        return end;
                    }
                }
                Ok(FromGateway::Refusal(refusal)) if refusal.scope == Scope::Scans => {
                    self.keep_aside(&refusal);
                }
                Ok(FromGateway::Refusal(refusal)) => return End::Refused(refusal),
                Ok(FromGateway::Notice(notice)) => {
                    if let Some(end) = self.notice(notice) {
                        return end;
                    }
                }
                Ok(FromGateway::Welcome(_) | FromGateway::Unknown) => {}
                Err(error) => return End::Lost(error),
            }
        }
    }

    /// Ends when scans have been on their way for too long without word of them.
    async fn silence(&self) {
        loop {
            let deadline = {
                let flight = self.flight.lock();
                let waits = !flight.batches.is_empty() && !flight.storage_full;
                let since = if waits { flight.progress_at } else { Instant::now() };
                since + ACK_TIMEOUT
            };
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }

    fn acknowledged(&self, durable_seq: u64) -> Option<End> {
        if self.spool.acknowledge(durable_seq) {
            self.tidy_due.notify_one();
        }
        self.status.acknowledged();
        let mut flight = self.flight.lock();
        let done = flight.batches.partition_point(|batch| batch.last_seq <= durable_seq);
        for _ in 0..done {
            let batch = flight.batches.pop_front().expect("counted just now");
            flight.bytes -= batch.frame.len();
            flight.scans -= batch.scans();
        }
        if done > 0 {
            flight.progress_at = Instant::now();
            flight.any_ack = true;
        }
        if std::mem::take(&mut flight.storage_full) {
            self.status.set_link_note(None);
        }
        self.status.set_in_flight(flight.scans);
        self.room.notify_waiters();
        flight.draining.filter(|_| flight.batches.is_empty()).map(End::Draining)
    }

    fn notice(&self, notice: Notice) -> Option<End> {
        let mut flight = self.flight.lock();
        match notice {
            Notice::Text(text) => tracing::info!(text, "the gateway says"),
            Notice::SiteChanged(site) => {
                tracing::info!(site, "the device was moved: new scans belong to this site");
                set_site(self.spool, &site);
            }
            Notice::ClockSkew { skew_ms } => {
                tracing::warn!(skew_ms, "this device's clock is off");
                self.status.set_link_note(Some(format!("clock off by {skew_ms} ms")));
            }
            Notice::StorageFull => {
                flight.storage_full = true;
                self.status.set_link_note(Some("the gateway's storage is full".into()));
            }
            Notice::Draining { reconnect_after_ms } => {
                let after = Duration::from_millis(reconnect_after_ms.into());
                flight.draining = Some(after);
                return flight.batches.is_empty().then_some(End::Draining(after));
            }
            Notice::Unknown => {}
        }
        None
    }

    /// Counts refused scans and keeps them for people; for the spool they are delivered.
    fn keep_aside(&self, refusal: &Refusal) {
        self.status.add_refused(refusal.seqs.len() as u64);
        tracing::warn!(scans = refusal.seqs.len(), reason = refusal.reason.as_str(), "scans refused");
        let mut seqs = refusal.seqs.clone();
        seqs.sort_unstable();
        let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else { return };
        let flight = self.flight.lock();
        let from = flight.batches.partition_point(|batch| batch.last_seq < *first);
        let upto = flight.batches.partition_point(|batch| batch.first_seq <= *last);
        let batches: Vec<BatchView<'_>> =
            flight.batches.range(from..upto.max(from)).filter_map(|batch| batch_of(&batch.frame)).collect();
        let lines = batches.iter().flat_map(|batch| refused_lines(batch, refusal.reason, &seqs));
        match append_lines(&self.spool.dir().join(REFUSED_FILE), lines, REFUSED_BYTES_MAX) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("{REFUSED_FILE} is full: refused scans are only counted"),
            Err(error) => {
                tracing::warn!(%error, "refused scans are counted, but could not be kept aside");
            }
        }
    }
}

/// Takes the site that the gateway names for new scans. Where it cannot be stored now, tidying does it
/// later.
pub(crate) fn set_site(spool: &Spool, site: &str) {
    if let Err(error) = check_code(site) {
        return tracing::warn!(%error, "the gateway names a site that is none; the one before stays");
    }
    if let Err(error) = spool.set_site(site) {
        tracing::warn!(%error, "the device's site is not on disk yet");
    }
}

/// What a session must keep to.
#[derive(Clone, Copy, Debug)]
struct Limits {
    batch_scans: usize,
    frame_bytes: usize,
    window_bytes: usize,
}

fn batch_of(frame: &[u8]) -> Option<BatchView<'_>> {
    let FromDevice::Batch(signed) = FromDevice::parse(frame.get(FRAME_LENGTH_BYTES..)?).ok()? else {
        return None;
    };
    BatchView::parse(signed.batch).ok()
}

/// The scans of a batch that are among `seqs`, which ascend.
fn refused_lines<'a>(
    view: &BatchView<'a>,
    reason: Reason,
    seqs: &[u64],
) -> impl Iterator<Item = AsideLine<'a>> {
    let (site, base) = (view.site, view.base.get());
    let scans = (view.first_seq..).zip(view.scans());
    scans.filter(|(seq, _)| seqs.binary_search(seq).is_ok()).map(move |(seq, scan)| {
        let (direction, verdict) = words(scan.direction, scan.verdict);
        AsideLine {
            seq,
            reason: Some(reason.as_str()),
            site,
            subject: std::str::from_utf8(scan.code).unwrap_or_default(),
            unix_ms: base + i64::from(scan.offset_ms),
            direction,
            verdict,
        }
    })
}

/// Far above a gateway's slowest group commit; connecting anew does no harm.
const ACK_TIMEOUT: Duration = Duration::from_secs(60);

/// Where refused scans go, and how large that file may grow; after that they are only counted.
const REFUSED_FILE: &str = "refused.ndjson";
const REFUSED_BYTES_MAX: u64 = 16 << 20;
