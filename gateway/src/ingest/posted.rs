//! Batches that come one by one, from browsers, over WebTransport or HTTPS: the same frames, the same
//! checks, the same way into the engine.

use std::sync::Arc;

use bytes::Bytes;
use truyvet_schemas::wire::{FromDevice, Reason, Refusal};
use truyvet_schemas::{DeviceId, TimeMs};

use super::inbox::{Event, Inbox};
use super::metrics::{Metrics, Transport};
use super::session::{Batch, check_batch};
use super::sink::ScanSink;
use super::submit::{Attempt, Intake};

/// Takes posted batches.
pub struct Posted {
    sink: Arc<dyn ScanSink>,
    intake: Arc<Intake>,
    metrics: Arc<Metrics>,
    transport: Transport,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Every scan of the device up to and including this seq is durable.
    pub durable_seq: u64,
    /// Scans that are kept aside as dead letters, and why; they count as delivered.
    pub refused: Vec<(u64, Reason)>,
}

/// Why nothing of a batch was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// As the protocol names it.
    Refused(Refusal),
    /// There is no space; send it again when there is.
    StorageFull,
    /// It could not be stored now; send it again.
    Failed,
    /// The server is stopping; send it again when it has started.
    Stopped,
}

impl Posted {
    /// What comes over HTTPS, on the way into this sink.
    pub fn new(sink: Arc<dyn ScanSink>, metrics: Arc<Metrics>) -> Self {
        let intake = Arc::new(Intake::new(Arc::clone(&sink), IN_FLIGHT_BYTES_MAX));
        Self { sink, intake, metrics, transport: Transport::Https }
    }

    /// What comes over WebTransport, with the memory of all that the gateway takes.
    pub(super) fn over_web(sink: Arc<dyn ScanSink>, intake: Arc<Intake>, metrics: Arc<Metrics>) -> Self {
        Self { sink, intake, metrics, transport: Transport::Web }
    }

    /// Takes a frame with a signed batch of this device. Returns when what it has is durable.
    ///
    /// # Errors
    /// Nothing of it was taken.
    pub async fn take(&self, device: DeviceId, payload: &Bytes) -> Result<Delivered, NotTaken> {
        let (batch, last_seq) = self.check(device, payload).map_err(NotTaken::Refused)?;
        let durable_seq = self.sink.durable_seq(device);
        if last_seq <= durable_seq {
            return Ok(Delivered { durable_seq, refused: Vec::new() });
        }
        let inbox = Arc::new(Inbox::default());
        self.metrics.taken(self.transport, batch.scans);
        self.submit(batch, &inbox).await?;
        let outcome = outcome(&inbox, last_seq).await?;
        self.metrics.scans_refused.add(outcome.refused.len() as u64);
        Ok(outcome)
    }

    fn check(&self, device: DeviceId, payload: &Bytes) -> Result<(Batch, u64), Refusal> {
        let signed = match FromDevice::parse(payload) {
            Ok(FromDevice::Batch(signed)) => signed,
            Ok(_) => return Err(Refusal::session(Reason::UnexpectedFrame, "the frame is no signed batch")),
            Err(why) => return Err(Refusal::session(Reason::Malformed, why.to_string())),
        };
        let record = self.sink.device(device);
        let record = record.ok_or_else(|| Refusal::session(Reason::UnknownDevice, "no such device"))?;
        if record.revoked_at.is_some() {
            return Err(Refusal::session(Reason::RevokedDevice, "the device was revoked"));
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&record.public_key);
        let key = key.map_err(|_| Refusal::session(Reason::BadSignature, "the device has no good key"))?;
        let (scans, _, last_seq) = check_batch(device, &key, &signed)?;
        let bytes = payload.slice_ref(signed.batch);
        Ok((Batch { device, bytes, signature: signed.signature, scans }, last_seq))
    }

    async fn submit(&self, batch: Batch, inbox: &Arc<Inbox>) -> Result<(), NotTaken> {
        let mut attempt = self.intake.submit(batch, inbox, TimeMs::now());
        if !matches!(attempt, Attempt::Taken) {
            self.metrics.waits.add(1);
        }
        loop {
            let pending = match attempt {
                Attempt::Taken => return Ok(()),
                Attempt::Later(pending) => pending,
                Attempt::StorageFull(_) => return Err(NotTaken::StorageFull),
                Attempt::Stopped => return Err(NotTaken::Stopped),
            };
            pending.ready(&self.intake).await;
            attempt = self.intake.resubmit(pending, TimeMs::now());
        }
    }
}

async fn outcome(inbox: &Inbox, last_seq: u64) -> Result<Delivered, NotTaken> {
    let mut refused = Vec::new();
    loop {
        inbox.arrived().await;
        for event in inbox.take() {
            match event {
                Event::Refused(reason, seqs) => refused.extend(seqs.into_iter().map(|seq| (seq, reason))),
                Event::Durable(durable_seq) if durable_seq >= last_seq => {
                    return Ok(Delivered { durable_seq, refused });
                }
                Event::Gap(expected_seq) => return Err(NotTaken::Refused(super::session::gap(expected_seq))),
                Event::Failed => return Err(NotTaken::Failed),
                _ => {}
            }
        }
    }
}

/// Bytes of posted batches in flight: 50 of the longest.
const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;
