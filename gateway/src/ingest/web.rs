//! One browser's connection: WebTransport, a batch a stream.
//!
//! ```text
//! browser: | ticket, 32 bytes | end
//! gateway:                    | end
//! browser: | ticket, 32 bytes | device u32 LE | length u32 LE | frame with a SignedBatch | end
//! gateway: | frames with Refusal (Scans), then Ack; or one with another Refusal          | end
//! ```
//!
//! The first is how a browser shows its ticket as soon as it is connected, before there is a scan.
//! The frame is proved by its device's signature, as everywhere; the ticket proves that an officer is
//! signed in, and stands in no URL, since URLs are logged. Streams are served one after the other, so a
//! browser holds one frame and one window of memory. Until its first good ticket it is a stranger: it has
//! 16 KiB and the time of a hello. A refusal of scope Session ends the connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Incoming, VarInt};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep_until, timeout};
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::limits::{BATCH_SCANS_MAX, FRAME_BYTES_MAX};
use truyvet_schemas::wire::{FromGateway, Reason, Refusal, Scope};
use truyvet_schemas::{DeviceId, TimeMs};
use web_transport_quinn::{ReadExactError, RecvStream, Request, SendStream, Session, http::StatusCode};

use super::connection::{GOODBYE_TIME_MAX, by};
use super::door::Slot;
use super::endpoint::WEB_RECEIVE_WINDOW;
use super::frames::Frames;
use super::posted::{Delivered, NotTaken};
use super::quic::Shared;

/// Bytes of a ticket.
pub const TICKET_BYTES: usize = 32;

/// Where browsers connect to.
pub const WEB_PATH: &str = "/api/v1/scans";

/// Knows tickets. Called from the sockets' threads: nothing here may block.
pub trait Admits: Send + Sync + 'static {
    /// Whether this ticket was given to an officer and holds now.
    fn admits(&self, ticket: &[u8; TICKET_BYTES], now: TimeMs) -> bool;
}

/// Serves a connection from its first packet to its end.
pub(crate) async fn serve(shared: Arc<Shared>, incoming: Incoming, slot: Slot) {
    let ticket_deadline = Instant::now() + shared.config.hello_timeout();
    let opened = by(&shared, ticket_deadline, open(incoming)).await;
    let Ok(Some(session)) = opened else {
        return tracing::debug!("no session was opened");
    };
    let mut served = Served { shared, slot, session, ticket_deadline };
    match served.run().await {
        End::Gone => tracing::debug!("the browser has gone"),
        End::Closes(reason) => served.close(reason).await,
    }
}

/// The session, where the peer asks for one at the right place.
async fn open(incoming: Incoming) -> Option<Session> {
    let told = |error: &dyn std::fmt::Display| tracing::debug!(%error, "the handshake failed");
    let connection = async { incoming.accept()?.await };
    let connection = connection.await.inspect_err(|error| told(error)).ok()?;
    let request = Request::accept(connection.clone()).await.inspect_err(|error| told(error)).ok()?;
    if request.url.path() == WEB_PATH {
        return request.ok().await.inspect_err(|error| told(error)).ok();
    }
    if request.reject(StatusCode::NOT_FOUND).await.is_ok() {
        timeout(GOODBYE_TIME_MAX, connection.closed()).await.ok();
    }
    None
}

struct Served {
    shared: Arc<Shared>,
    slot: Slot,
    session: Session,
    ticket_deadline: Instant,
}

/// How a connection ends.
enum End {
    /// By itself.
    Gone,
    /// With the code of this reason.
    Closes(Reason),
}

impl Served {
    async fn run(&mut self) -> End {
        loop {
            let is_stranger = !self.slot.is_proved();
            let (send, recv) = tokio::select! {
                biased;
                () = self.shared.stopping.cancelled() => return End::Closes(Reason::Busy),
                () = sleep_until(self.ticket_deadline), if is_stranger => {
                    self.shared.metrics.refused(Reason::TooSlow);
                    return End::Closes(Reason::TooSlow);
                }
                stream = self.session.accept_bi() => match stream {
                    Ok(stream) => stream,
                    Err(_) => return End::Gone,
                },
            };
            if let Some(end) = self.answer(send, recv).await {
                return end;
            }
        }
    }

    /// Answers one request; how the connection ends, if it does.
    async fn answer(&mut self, mut send: SendStream, mut recv: RecvStream) -> Option<End> {
        let outcome = match self.read(&mut recv).await {
            Ok(Some((device, payload))) => self.take(device, &payload).await?,
            Ok(None) => {
                send.finish().ok();
                return None;
            }
            Err(Unread::Gone) => return None,
            Err(Unread::Refused(refusal)) => Err(refusal),
        };
        let ends = outcome.as_ref().err().filter(|r| r.scope == Scope::Session).map(|r| r.reason);
        if let Err(refusal) = &outcome {
            let (reason, detail) = (refusal.reason.as_str(), &refusal.detail);
            tracing::info!(reason, detail, "refused");
        }
        let bytes = told(outcome);
        let written = timeout(self.shared.config.write_timeout(), send.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            return Some(End::Closes(Reason::TooSlow));
        }
        send.finish().ok();
        let reason = ends?;
        self.shared.metrics.refused(reason);
        // What the browser has not read when the connection closes is lost.
        timeout(GOODBYE_TIME_MAX, send.stopped()).await.ok();
        Some(End::Closes(reason))
    }

    /// The device and the frame's payload, `None` where there is but a ticket. The ticket is good.
    async fn read(&mut self, recv: &mut RecvStream) -> Result<Option<(DeviceId, Bytes)>, Unread> {
        let whole_by = Instant::now() + self.shared.config.frame_timeout();
        let ticket_by = if self.slot.is_proved() { whole_by } else { whole_by.min(self.ticket_deadline) };
        let mut ticket = [0; TICKET_BYTES];
        let read = by(&self.shared, ticket_by, recv.read_exact(&mut ticket)).await;
        read.map_err(given_up)?.map_err(|_| Unread::Gone)?;
        if !self.shared.tickets.admits(&ticket, TimeMs::now()) {
            let why = "the ticket holds no more; get another";
            return Err(Refusal::session(Reason::NotSignedIn, why).into());
        }
        if !self.slot.is_proved() {
            self.slot.prove();
            self.session.set_receive_window(WEB_RECEIVE_WINDOW);
        }
        by(&self.shared, whole_by, frame(recv)).await.map_err(given_up)?
    }

    /// What became of the batch; `None` where the browser did not wait for it.
    async fn take(&self, device: DeviceId, payload: &Bytes) -> Option<Result<Delivered, Refusal>> {
        let metrics = &self.shared.metrics;
        metrics.frames.add(1);
        metrics.bytes.add(payload.len() as u64);
        let taking = timeout(ANSWER_TIME_MAX, self.shared.posted.take(device, payload));
        let taken = tokio::select! {
            taken = taking => taken,
            _ = self.session.closed() => return None,
        };
        Some(match taken {
            Ok(taken) => taken.map_err(|why| self.refusal(why)),
            Err(_) => Err(of_batch(Reason::Busy, "the batch is not stored yet; send it again")),
        })
    }

    fn refusal(&self, not_taken: NotTaken) -> Refusal {
        match not_taken {
            NotTaken::Refused(refusal) => refusal,
            NotTaken::StorageFull => of_batch(Reason::StorageFull, "there is no space for scans"),
            NotTaken::Failed => of_batch(Reason::Unspecified, "the batch could not be stored"),
            NotTaken::Stopped => Refusal {
                retry_after_ms: self.shared.config.reconnect_after_ms,
                ..Refusal::session(Reason::Busy, "the gateway is stopping")
            },
        }
    }

    async fn close(self, reason: Reason) {
        self.session.close(u32::from(reason as u16), reason.as_str().as_bytes());
        if timeout(GOODBYE_TIME_MAX, self.session.closed()).await.is_err() {
            let connection: &quinn::Connection = &self.session;
            connection.close(VarInt::from_u32(0), b"");
        }
    }
}

/// Why a request was not read to its end.
enum Unread {
    /// The browser has taken it back, or has gone.
    Gone,
    /// It is told why.
    Refused(Refusal),
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads the rest of a request, if there is one: it is as long as it says, and nothing comes after it.
async fn frame(recv: &mut RecvStream) -> Result<Option<(DeviceId, Bytes)>, Unread> {
    let mut device = [0; 4];
    match recv.read_exact(&mut device).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(ReadExactError::FinishedEarly(_)) => return Err(malformed()),
        Err(ReadExactError::ReadError(_)) => return Err(Unread::Gone),
    }
    let device = DeviceId::new(u32::from_le_bytes(device));
    let mut frames = Frames::default();
    let payload = loop {
        let count = recv.read_buf(&mut frames.room()).await.map_err(|_| Unread::Gone)?;
        if count == 0 {
            return Err(malformed());
        }
        match frames.take(FRAME_BYTES_MAX) {
            Ok(None) => {}
            Ok(Some(payload)) => break payload,
            Err(error) => {
                let reason = if error.length == 0 { Reason::Malformed } else { Reason::TooLarge };
                return Err(Refusal::session(reason, error.to_string()).into());
            }
        }
    };
    match recv.read_u8().await {
        Ok(_) => Err(malformed()),
        Err(_) => Ok(Some((device, payload))),
    }
}

/// The bytes of an answer.
fn told(outcome: Result<Delivered, Refusal>) -> Vec<u8> {
    let frames = match outcome {
        Ok(delivered) => delivered_frames(delivered),
        Err(refusal) => vec![FromGateway::Refusal(refusal)],
    };
    frames.iter().flat_map(|frame| prefixed(&frame.encode())).collect()
}

/// As in a device's session: what is refused comes before the acknowledgement that covers it.
fn delivered_frames(delivered: Delivered) -> Vec<FromGateway> {
    let same_reason = delivered.refused.chunk_by(|(_, one), (_, other)| one == other);
    let pieces = same_reason.flat_map(|refused| refused.chunks(BATCH_SCANS_MAX));
    let refusals = pieces.map(|refused| {
        let reason = refused.first().map_or(Reason::Unspecified, |(_, reason)| *reason);
        let seqs = refused.iter().map(|(seq, _)| *seq).collect();
        FromGateway::Refusal(Refusal { scope: Scope::Scans, seqs, ..Refusal::session(reason, "") })
    });
    refusals.chain([FromGateway::Ack { durable_seq: delivered.durable_seq }]).collect()
}

fn of_batch(reason: Reason, detail: &str) -> Refusal {
    Refusal {
        scope: Scope::Batch,
        retry_after_ms: RETRY_AFTER_FAILURE_MS,
        ..Refusal::session(reason, detail)
    }
}

fn malformed() -> Unread {
    Refusal::session(Reason::Malformed, "a request is a ticket, a device and one frame").into()
}

/// It took too long, or the gateway stops.
fn given_up(reason: Reason) -> Unread {
    Refusal::session(reason, "the request was not whole in time, or before the gateway stopped").into()
}

/// As long as HTTP waits; pages wait shorter, and send the batch over HTTP.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

const RETRY_AFTER_FAILURE_MS: u32 = 5_000;

#[cfg(test)]
#[path = "web_tests.rs"]
pub(super) mod tests;
