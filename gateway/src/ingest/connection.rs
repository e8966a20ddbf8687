//! One connection: reads, writes and clocks around a [`Session`].

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Incoming, RecvStream, SendStream, VarInt, WriteError};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::wire::{FromGateway, Reason, Scope};
use truyvet_schemas::{DeviceId, TimeMs};

use super::door::Slot;
use super::endpoint::RECEIVE_WINDOW;
use super::frames::Frames;
use super::inbox::{Event, Inbox};
use super::metrics::Transport;
use super::quic::Shared;
use super::session::{Batch, Close, Command, Session};
use super::sessions::Entered;
use super::submit::{Attempt, Pending};

/// Serves a connection from its first packet to its end.
pub(crate) async fn serve(shared: Arc<Shared>, incoming: Incoming, slot: Slot) {
    let hello_deadline = Instant::now() + shared.config.hello_timeout();
    let Some((connection, send, recv)) = open(&shared, incoming, hello_deadline).await else { return };
    let mut served = Served {
        session: Session::new(shared.session_settings()),
        inbox: Arc::default(),
        frames: Frames::default(),
        frame_begun_at: hello_deadline,
        hello_deadline,
        pending: None,
        out: Vec::new(),
        entered: None,
        connection,
        send,
        recv,
        slot,
        shared,
    };
    match served.run().await {
        Ok(close) => served.say_goodbye(close).await,
        Err(lost) => tracing::debug!(%lost, "the connection was lost"),
    }
}

/// The connection and its stream. A peer that opens none has no place for a refusal: the code of the
/// close tells it why.
async fn open(
    shared: &Shared,
    incoming: Incoming,
    deadline: Instant,
) -> Option<(Connection, SendStream, RecvStream)> {
    let handshake = async { incoming.accept()?.await };
    let connection = match by(shared, deadline, handshake).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the handshake failed");
            return None;
        }
        Err(reason) => {
            tracing::debug!(reason = reason.as_str(), "the handshake was given up");
            return None;
        }
    };
    match by(shared, deadline, connection.accept_bi()).await {
        Ok(Ok((send, recv))) => Some((connection, send, recv)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the connection was lost before its stream");
            None
        }
        Err(reason) => {
            shared.metrics.refused(reason);
            tracing::info!(reason = reason.as_str(), "refused: no stream");
            connection.close(code(reason), reason.as_str().as_bytes());
            None
        }
    }
}

/// What comes by the deadline, or why it is not waited for any longer.
pub(super) async fn by<T>(
    shared: &Shared,
    deadline: Instant,
    step: impl Future<Output = T>,
) -> Result<T, Reason> {
    tokio::select! {
        done = timeout_at(deadline, step) => done.map_err(|_| Reason::TooSlow),
        () = shared.stopping.cancelled() => Err(Reason::Busy),
    }
}

struct Served {
    shared: Arc<Shared>,
    slot: Slot,
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    session: Session,
    inbox: Arc<Inbox>,
    frames: Frames,
    frame_begun_at: Instant,
    hello_deadline: Instant,
    pending: Option<Pending>,
    out: Vec<u8>,
    entered: Option<Entered>,
}

/// Why a connection ended without a goodbye.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Closed(#[from] quinn::ConnectionError),
    #[error("the peer does not take its answers")]
    Unread,
}

impl Served {
    async fn run(&mut self) -> Result<Close, Lost> {
        loop {
            for event in self.inbox.take() {
                self.count(&event);
                self.session.on_event(event);
            }
            if let Some(close) = self.perform().await? {
                return Ok(close);
            }
            self.wait().await?;
        }
    }

    /// Performs what the session asks for.
    async fn perform(&mut self) -> Result<Option<Close>, Lost> {
        let mut close = None;
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Enter(device) => self.enter(device),
                Command::Send(frame) => self.stage(&frame),
                Command::Submit(batch) => self.submit(batch),
                Command::Close(how) => close = Some(how),
            }
        }
        self.write().await?;
        Ok(close)
    }

    /// Waits for whatever comes first; every branch can be dropped half-way without loss.
    async fn wait(&mut self) -> Result<(), Lost> {
        let reads = self.pending.is_none() && self.session.wants_frames();
        let awaits_hello = self.session.awaits_hello();
        let deadline = self.deadline();
        let begun = self.frames.is_begun();
        let waits = async {
            match &self.pending {
                Some(pending) => pending.ready(&self.shared.intake).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.inbox.arrived() => {}
            () = waits => self.resubmit(),
            () = self.shared.stopping.cancelled(), if awaits_hello => self.session.on_event(Event::Drain),
            () = sleep_until(deadline), if reads && (awaits_hello || begun) => {
                self.session.on_timeout(if awaits_hello { "no hello in time" } else { "a frame took too long" });
            }
            count = async { self.recv.read_buf(&mut self.frames.room()).await }, if reads => {
                self.received(count?, begun);
            }
            error = self.connection.closed(), if !reads => return Err(error.into()),
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        if self.session.awaits_hello() {
            return self.hello_deadline;
        }
        self.frame_begun_at + self.shared.config.frame_timeout()
    }

    fn received(&mut self, count: usize, begun: bool) {
        if count == 0 {
            return self.session.on_end(begun);
        }
        if !begun {
            self.frame_begun_at = Instant::now();
        }
        match self.frames.take(self.session.frame_bytes_max()) {
            Ok(None) => {}
            Ok(Some(payload)) => {
                self.shared.metrics.frames.add(1);
                self.shared.metrics.bytes.add(payload.len() as u64);
                self.session.on_frame(&payload, &*self.shared);
            }
            Err(error) => self.session.on_bad_length(error),
        }
    }

    fn enter(&mut self, device: DeviceId) {
        tracing::Span::current().record("device", device.get());
        self.entered = Some(self.shared.sessions.enter(device, &self.inbox));
        // Read after the registration: a change after it comes as an event.
        let Some(record) = self.shared.sink.device(device) else {
            return self.session.on_event(Event::Revoked);
        };
        let durable_seq = self.shared.sink.durable_seq(device);
        self.session.entered(&record, durable_seq, TimeMs::now());
        self.connection.set_receive_window(RECEIVE_WINDOW);
        self.shared.metrics.sessions.add(1);
        self.slot.prove();
    }

    fn submit(&mut self, batch: Batch) {
        self.shared.metrics.taken(Transport::Quic, batch.scans);
        let attempt = self.shared.intake.submit(batch, &self.inbox, TimeMs::now());
        if !matches!(attempt, Attempt::Taken) {
            self.shared.metrics.waits.add(1);
        }
        self.attempted(attempt);
    }

    fn resubmit(&mut self) {
        if let Some(pending) = self.pending.take() {
            let attempt = self.shared.intake.resubmit(pending, TimeMs::now());
            self.attempted(attempt);
        }
    }

    fn attempted(&mut self, attempt: Attempt) {
        match attempt {
            Attempt::Taken => self.session.on_submitted(),
            Attempt::Later(pending) => self.pending = Some(pending),
            Attempt::StorageFull(pending) => {
                self.pending = Some(pending);
                self.session.on_storage_full();
            }
            Attempt::Stopped => self.session.on_engine_stopped(),
        }
    }

    fn stage(&mut self, frame: &FromGateway) {
        if matches!(frame, FromGateway::Ack { .. }) {
            self.shared.metrics.acks.add(1);
        }
        if let FromGateway::Refusal(refusal) = frame
            && refusal.scope != Scope::Scans
        {
            self.shared.metrics.refused(refusal.reason);
            let (reason, detail) = (refusal.reason.as_str(), &refusal.detail);
            tracing::info!(reason, detail, "refused");
        }
        self.out.extend_from_slice(&prefixed(&frame.encode()));
    }

    async fn write(&mut self) -> Result<(), Lost> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = timeout(self.shared.config.write_timeout(), self.send.write_all(&self.out)).await;
        self.out.clear();
        self.out.shrink_to(OUT_BYTES_KEPT);
        match written {
            Ok(written) => Ok(written?),
            Err(_) => {
                self.shared.metrics.refused(Reason::TooSlow);
                tracing::info!("dropped: the peer does not take its answers");
                self.connection.close(code(Reason::TooSlow), Reason::TooSlow.as_str().as_bytes());
                Err(Lost::Unread)
            }
        }
    }

    fn count(&self, event: &Event) {
        if let Event::Refused(_, seqs) = event {
            self.shared.metrics.scans_refused.add(seqs.len() as u64);
        }
    }

    /// Lets the last frames reach the peer, then closes.
    async fn say_goodbye(mut self, close: Close) {
        // The next session of the device need not wait for this.
        drop(self.entered.take());
        if self.send.finish().is_ok() {
            timeout(GOODBYE_TIME_MAX, self.send.stopped()).await.ok();
        }
        let (code, why) = match close {
            Close::Done => (VarInt::from_u32(0), "done"),
            Close::Refused(reason) => (code(reason), reason.as_str()),
        };
        self.connection.close(code, why.as_bytes());
    }
}

fn code(reason: Reason) -> VarInt {
    VarInt::from_u32(u32::from(reason as u16))
}

/// Time for a refusal to reach its peer.
pub(super) const GOODBYE_TIME_MAX: Duration = Duration::from_secs(1);

/// Bytes of the write buffer that a quiet connection keeps.
const OUT_BYTES_KEPT: usize = 256;
