//! One device's session; pure: frames and events in, commands out, the time handed in.
//!
//! ```text
//!            good hello            entered             drain, or the device ends its stream
//! AwaitHello ----------> Entering ---------> Active ---------------------------> Draining
//!     |                     |                  |                                    | nothing in
//!     +---------------------+----- refused ----+------------------------------------+ flight
//!                                     v
//!                                  Closed
//! ```
//!
//! The device numbers its scans without gaps; `next_seq` is the first that was not yet taken, and
//! `durable_seq` the last that the engine stored. Batches may repeat and overlap what was taken (the
//! engine trims them), never leave a gap. Acknowledgements are cumulative: however many batches became
//! durable since the last one was sent, one tells all. PROTOCOL.md is the contract.

use std::collections::VecDeque;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use truyvet_engine::DeviceRecord;
use truyvet_schemas::framing::LengthError;
use truyvet_schemas::limits::{BATCH_SCANS_MAX, FRAME_BYTES_MAX, HELLO_BYTES_MAX, VERSIONS, WINDOW_BYTES};
use truyvet_schemas::signing::{verify_batch, verify_hello};
use truyvet_schemas::wire::{BatchView, FromDevice, FromGateway, Hello, Notice, Reason, Refusal, Scope};
use truyvet_schemas::wire::{SignedBatch, Welcome};
use truyvet_schemas::{DeviceId, TimeMs};

use super::inbox::Event;

/// What a session asks its shell to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Make this the device's live session, then call [`Session::entered`].
    Enter(DeviceId),
    /// Send a frame.
    Send(FromGateway),
    /// Give a verified batch to the engine. At most one comes of a frame.
    Submit(Batch),
    /// Send what is due, then close. Nothing comes after it.
    Close(Close),
}

/// A verified batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) device: DeviceId,
    pub(crate) bytes: Bytes,
    pub(crate) signature: [u8; 64],
    pub(crate) scans: usize,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Everything taken was answered.
    Done,
    /// A refusal was sent.
    Refused(Reason),
}

/// What a session looks up about the world.
pub(crate) trait World {
    /// The device with this number, revoked ones too.
    fn device(&self, device: DeviceId) -> Option<DeviceRecord>;
    /// Whether the gateway's certificate is for this name.
    fn answers_to(&self, name: &str) -> bool;
}

/// What an operator sets about sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionSettings {
    pub(crate) idle_timeout_ms: u32,
    pub(crate) clock_skew_notice_ms: u64,
    pub(crate) reconnect_after_ms: u32,
}

/// One device's session.
pub(crate) struct Session {
    settings: SessionSettings,
    state: State,
    next_seq: u64,
    durable_seq: u64,
    ack_due: bool,
    storage_full_told: bool,
    in_flight: VecDeque<InFlight>,
    in_flight_bytes: usize,
    commands: VecDeque<Command>,
}

enum State {
    AwaitHello,
    Entering(Peer),
    Active(Peer),
    Draining,
    Closed,
}

#[derive(Clone, Copy)]
struct Peer {
    device: DeviceId,
    key: VerifyingKey,
    version: u16,
    sent_at: TimeMs,
}

struct InFlight {
    last_seq: u64,
    bytes: usize,
}

impl Session {
    /// A session of which nothing was heard yet.
    pub(crate) fn new(settings: SessionSettings) -> Self {
        Self {
            settings,
            state: State::AwaitHello,
            next_seq: 1,
            durable_seq: 0,
            ack_due: false,
            storage_full_told: false,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            commands: VecDeque::new(),
        }
    }

    /// What to do next; an acknowledgement comes after everything else.
    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front().or_else(|| self.due_ack().map(Command::Send))
    }

    /// Whether the next frame should be read now.
    pub(crate) fn wants_frames(&self) -> bool {
        match self.state {
            State::AwaitHello => true,
            State::Active(_) => self.in_flight_bytes < WINDOW_BYTES as usize,
            State::Entering(_) | State::Draining | State::Closed => false,
        }
    }

    /// Whether a good hello is still missing.
    pub(crate) fn awaits_hello(&self) -> bool {
        matches!(self.state, State::AwaitHello)
    }

    /// Longest frame payload to take now.
    pub(crate) fn frame_bytes_max(&self) -> usize {
        if self.awaits_hello() { HELLO_BYTES_MAX } else { FRAME_BYTES_MAX }
    }

    /// A frame's payload arrived.
    pub(crate) fn on_frame(&mut self, payload: &Bytes, world: &dyn World) {
        let taken = match self.state {
            State::AwaitHello => self.hello(payload, world),
            State::Active(peer) => self.frame(payload, peer),
            State::Entering(_) | State::Draining | State::Closed => Ok(()),
        };
        if let Err(refusal) = taken {
            self.refuse(refusal);
        }
    }

    /// A frame was announced whose length is outside the limits.
    pub(crate) fn on_bad_length(&mut self, error: LengthError) {
        let reason = if error.length == 0 { Reason::Malformed } else { Reason::TooLarge };
        self.refuse(Refusal::session(reason, error.to_string()));
    }

    /// The device ended its stream; `inside_frame`: in the middle of a frame.
    pub(crate) fn on_end(&mut self, inside_frame: bool) {
        match self.state {
            State::AwaitHello | State::Active(_) if inside_frame => {
                self.refuse(Refusal::session(Reason::Malformed, "the stream ends inside a frame"));
            }
            State::AwaitHello | State::Entering(_) => self.close(Close::Done),
            State::Active(_) => self.finish(),
            State::Draining | State::Closed => {}
        }
    }

    /// The peer did not do in time what it must.
    pub(crate) fn on_timeout(&mut self, detail: &str) {
        self.refuse(Refusal::session(Reason::TooSlow, detail));
    }

    /// The session is the device's live one. `record` and `durable_seq` were read after that.
    pub(crate) fn entered(&mut self, record: &DeviceRecord, durable_seq: u64, now: TimeMs) {
        let State::Entering(peer) = self.state else {
            return;
        };
        if record.revoked_at.is_some() {
            return self.refuse(revoked());
        }
        self.state = State::Active(peer);
        self.durable_seq = durable_seq;
        self.next_seq = durable_seq.saturating_add(1);
        self.send(FromGateway::Welcome(Welcome {
            version: peer.version,
            durable_seq,
            site: record.site.clone(),
            server_time: now,
            frame_bytes_max: FRAME_BYTES_MAX as u32,
            batch_scans_max: BATCH_SCANS_MAX as u32,
            window_bytes: WINDOW_BYTES,
            idle_timeout_ms: self.settings.idle_timeout_ms,
        }));
        let skew_ms = peer.sent_at.get().saturating_sub(now.get());
        if skew_ms.unsigned_abs() > self.settings.clock_skew_notice_ms {
            self.send(FromGateway::Notice(Notice::ClockSkew { skew_ms }));
        }
    }

    /// Something happened outside the session.
    pub(crate) fn on_event(&mut self, event: Event) {
        if matches!(self.state, State::Closed) {
            return;
        }
        match event {
            Event::Durable(seq) => self.durable(seq),
            Event::Refused(reason, seqs) => {
                for seqs in seqs.chunks(BATCH_SCANS_MAX) {
                    let scans = Refusal { scope: Scope::Scans, ..Refusal::session(reason, "") };
                    self.send(FromGateway::Refusal(Refusal { seqs: seqs.to_vec(), ..scans }));
                }
            }
            Event::Gap(expected_seq) => self.refuse(gap(expected_seq)),
            Event::Failed => self.refuse(Refusal {
                scope: Scope::Batch,
                retry_after_ms: RETRY_AFTER_FAILURE_MS,
                ..Refusal::session(Reason::Unspecified, "the batch could not be stored")
            }),
            Event::Superseded => self.refuse(Refusal {
                retry_after_ms: RETRY_AFTER_SUPERSEDED_MS,
                ..Refusal::session(Reason::Superseded, "another connection of this device took over")
            }),
            Event::Revoked => self.refuse(revoked()),
            Event::SiteChanged(site) => self.notify(Notice::SiteChanged(site)),
            Event::Drain => self.drain(),
        }
    }

    /// The engine has no space for the batch submitted last; it is tried again.
    pub(crate) fn on_storage_full(&mut self) {
        if !self.storage_full_told {
            self.storage_full_told = true;
            self.notify(Notice::StorageFull);
        }
    }

    /// The engine took the batch submitted last.
    pub(crate) fn on_submitted(&mut self) {
        self.storage_full_told = false;
    }

    /// The engine has stopped: nothing in flight will be answered.
    pub(crate) fn on_engine_stopped(&mut self) {
        self.drain();
        self.close(Close::Done);
    }

    fn hello(&mut self, payload: &Bytes, world: &dyn World) -> Result<(), Refusal> {
        let hello = match FromDevice::parse(payload) {
            Ok(FromDevice::Hello(hello)) => hello,
            Ok(FromDevice::Batch(_)) => return Err(unexpected("the first frame must be a hello")),
            Ok(FromDevice::Unknown) => return Ok(()),
            Err(why) => return Err(Refusal::session(Reason::Malformed, why.to_string())),
        };
        let peer = check_hello(&hello, world)?;
        self.state = State::Entering(peer);
        self.commands.push_back(Command::Enter(peer.device));
        Ok(())
    }

    fn frame(&mut self, payload: &Bytes, peer: Peer) -> Result<(), Refusal> {
        match FromDevice::parse(payload) {
            Ok(FromDevice::Batch(signed)) => self.batch(payload, signed, peer),
            Ok(FromDevice::Hello(_)) => Err(unexpected("a second hello")),
            Ok(FromDevice::Unknown) => Ok(()),
            Err(why) => Err(Refusal::session(Reason::Malformed, why.to_string())),
        }
    }

    fn batch(&mut self, payload: &Bytes, signed: SignedBatch<'_>, peer: Peer) -> Result<(), Refusal> {
        let (scans, first_seq, last_seq) = check_batch(peer.device, &peer.key, &signed)?;
        if first_seq > self.next_seq {
            return Err(gap(self.next_seq));
        }
        if last_seq < self.next_seq {
            self.ack_due = true;
            return Ok(());
        }
        self.next_seq = last_seq.saturating_add(1);
        self.in_flight.push_back(InFlight { last_seq, bytes: payload.len() });
        self.in_flight_bytes += payload.len();
        self.commands.push_back(Command::Submit(Batch {
            device: peer.device,
            bytes: payload.slice_ref(signed.batch),
            signature: signed.signature,
            scans,
        }));
        Ok(())
    }

    fn durable(&mut self, seq: u64) {
        if seq <= self.durable_seq {
            return;
        }
        self.durable_seq = seq;
        self.next_seq = self.next_seq.max(seq.saturating_add(1));
        self.ack_due = true;
        while self.in_flight.front().is_some_and(|batch| batch.last_seq <= seq) {
            let batch = self.in_flight.pop_front().expect("front was there");
            self.in_flight_bytes -= batch.bytes;
        }
        self.close_if_drained();
    }

    fn drain(&mut self) {
        match self.state {
            State::Active(_) => {
                let reconnect_after_ms = self.settings.reconnect_after_ms;
                self.send(FromGateway::Notice(Notice::Draining { reconnect_after_ms }));
                self.finish();
            }
            State::AwaitHello | State::Entering(_) => self.refuse(Refusal {
                retry_after_ms: self.settings.reconnect_after_ms,
                ..Refusal::session(Reason::Busy, "the gateway is stopping")
            }),
            State::Draining | State::Closed => {}
        }
    }

    fn finish(&mut self) {
        self.state = State::Draining;
        self.close_if_drained();
    }

    fn close_if_drained(&mut self) {
        if matches!(self.state, State::Draining) && self.in_flight.is_empty() {
            self.close(Close::Done);
        }
    }

    /// Notices are for welcomed devices.
    fn notify(&mut self, notice: Notice) {
        if matches!(self.state, State::Active(_)) {
            self.send(FromGateway::Notice(notice));
        }
    }

    fn send(&mut self, frame: FromGateway) {
        self.commands.push_back(Command::Send(frame));
    }

    fn refuse(&mut self, refusal: Refusal) {
        let reason = refusal.reason;
        if matches!(self.state, State::Closed) {
            return;
        }
        if let Some(ack) = self.due_ack() {
            self.send(ack);
        }
        self.send(FromGateway::Refusal(refusal));
        self.close(Close::Refused(reason));
    }

    fn close(&mut self, close: Close) {
        if matches!(self.state, State::Closed) {
            return;
        }
        if let Some(ack) = self.due_ack() {
            self.send(ack);
        }
        self.state = State::Closed;
        self.commands.push_back(Command::Close(close));
    }

    fn due_ack(&mut self) -> Option<FromGateway> {
        std::mem::take(&mut self.ack_due).then_some(FromGateway::Ack { durable_seq: self.durable_seq })
    }
}

/// The number of scans, the first and the last seq of a batch that is whole, of this device and signed by
/// it.
pub(super) fn check_batch(
    device: DeviceId,
    key: &VerifyingKey,
    signed: &SignedBatch<'_>,
) -> Result<(usize, u64, u64), Refusal> {
    let refused = |reason, detail: &str| Refusal { scope: Scope::Batch, ..Refusal::session(reason, detail) };
    let view = BatchView::parse(signed.batch).map_err(|why| refused(Reason::Malformed, why.0))?;
    if view.device != device.get() {
        return Err(refused(Reason::WrongDevice, "the batch names another device than its sender"));
    }
    if !verify_batch(key, signed.batch, &signed.signature) {
        return Err(refused(Reason::BadSignature, "the signature is not the device's over this batch"));
    }
    let last_seq = view.last_seq();
    let last_seq =
        last_seq.ok_or_else(|| refused(Reason::SeqOverflow, "seqs begin at 1 and end before 2^64"))?;
    Ok((view.len(), view.first_seq, last_seq))
}

fn check_hello(hello: &Hello<'_>, world: &dyn World) -> Result<Peer, Refusal> {
    let (least, most) = hello.facts.versions;
    let version = most.min(*VERSIONS.end());
    if version < least.max(*VERSIONS.start()) {
        let detail = format!("the gateway speaks versions {} to {}", VERSIONS.start(), VERSIONS.end());
        return Err(Refusal::session(Reason::UnsupportedVersion, detail));
    }
    let device = DeviceId::new(hello.facts.device);
    let Some(record) = world.device(device) else {
        return Err(Refusal::session(Reason::UnknownDevice, format!("device {device} is not enrolled")));
    };
    if !world.answers_to(hello.facts.audience) {
        return Err(Refusal::session(Reason::BadSignature, "the hello is for another gateway"));
    }
    let key = VerifyingKey::from_bytes(&record.public_key)
        .ok()
        .filter(|key| verify_hello(key, &hello.facts, &hello.signature))
        .ok_or_else(|| Refusal::session(Reason::BadSignature, "the hello's signature is not the device's"))?;
    if record.revoked_at.is_some() {
        return Err(revoked());
    }
    Ok(Peer { device, key, version, sent_at: TimeMs::new(hello.facts.sent_at_ms) })
}

fn revoked() -> Refusal {
    Refusal::session(Reason::RevokedDevice, "the device was revoked")
}

fn unexpected(detail: &str) -> Refusal {
    Refusal::session(Reason::UnexpectedFrame, detail)
}

pub(super) fn gap(expected_seq: u64) -> Refusal {
    let detail = format!("seq {expected_seq} is next");
    Refusal { scope: Scope::Batch, expected_seq, ..Refusal::session(Reason::SeqGap, detail) }
}

/// A device with two owners must not make its connections drive each other out all the time.
const RETRY_AFTER_SUPERSEDED_MS: u32 = 60_000;
const RETRY_AFTER_FAILURE_MS: u32 = 5_000;

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
