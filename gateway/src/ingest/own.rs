//! Scans that the server takes itself: of visitors who scan a venue's poster with their own phones.
//!
//! ```text
//! visitor -> poster, pass: good? -> its instant, on disk -> turn at the site -> seq, batch, signature
//!                                                                             -> as any browser's batch
//! ```
//! Each poster has a device of its own for them, so that rules, journal, marks and verification are those of every
//! other device. Its scans go one by one: whoever has the turn takes the seq behind the mark, and keeps the turn
//! until the engine has told what became of it, whether the asker still waits or not. So no seq is left out and
//! none given twice, and after a start the mark is the engine's again.

use std::collections::HashMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use truyvet_engine::{Engine, TraceError};
use truyvet_schemas::signing::sign_batch;
use truyvet_schemas::wire::{BatchFacts, Reason, SignedBatch, encode_batch};
use truyvet_schemas::{DeviceId, Direction, Scan, TimeMs, Verdict};

use super::metrics::Metrics;
use super::posted::{NotTaken, Posted};
use super::sink::ScanSink;

/// The devices that stand for visitors' phones.
pub struct OwnScans {
    engine: Engine,
    sink: Arc<dyn ScanSink>,
    posted: Posted,
    /// Of each site its device, once it is known: who needs it first looks for it, and others wait.
    sites: Mutex<HashMap<String, DeskPlace>>,
    /// Visits that wait for a turn or have one, whether the asker still waits or not.
    waiting: Semaphore,
}

/// A visitor's scan.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Code of the site.
    pub site: String,
    /// The visitor's code.
    pub subject: String,
    /// In or out.
    pub direction: Direction,
    /// When, by the server's clock.
    pub at: TimeMs,
}

/// Why a visitor's scan was not taken.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// Ask the operator: the site's device for visitors was revoked.
    #[error("visitors do not scan for themselves at this venue any more; show the pass to its staff")]
    Closed,
    /// Send it again.
    #[error("the scan could not be kept now; send it again")]
    NotTaken(NotTaken),
    /// The scan came with a code or time that the engine refuses; it is kept aside for the operator.
    #[error("the scan was refused ({0:?}); show the pass to the staff")]
    Refused(Reason),
    /// As the inner error says.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// As the inner error says.
    #[error(transparent)]
    Catalog(#[from] truyvet_engine::CatalogError),
    /// Send it again.
    #[error("the scan's work was broken off; send it again")]
    BrokenOff,
    /// Send it again in a second.
    #[error("too many visitors are scanned at once; send it again in a second")]
    Busy,
}

/// Where a site's device is looked up once, while others wait.
type DeskPlace = Arc<AsyncMutex<Option<Arc<Desk>>>>;

/// One site's device.
struct Desk {
    device: DeviceId,
    key: SigningKey,
    turn: AsyncMutex<()>,
}

impl OwnScans {
    /// On the way into this sink.
    pub fn new(engine: Engine, sink: Arc<dyn ScanSink>, metrics: Arc<Metrics>) -> Self {
        let posted = Posted::new(Arc::clone(&sink), metrics);
        Self { engine, sink, posted, sites: Mutex::default(), waiting: Semaphore::new(VISITS_WAITING_MAX) }
    }

    /// Takes a visitor's scan; returns when it is durable. It is looked for first, since a request that came again
    /// may have had its turn before this one: it is taken once. `secret` is the site's key for visitors, the same
    /// each time.
    ///
    /// # Errors
    /// It was not taken, or nobody knows: the same scan may be sent again.
    pub async fn take(self: Arc<Self>, visit: Visit, secret: [u8; 32]) -> Result<(), VisitError> {
        // A task of its own: whoever goes away must not give up the turn half-way.
        let work = tokio::spawn(async move {
            let _place = self.waiting.try_acquire().map_err(|_| VisitError::Busy)?;
            let desk = self.desk(&visit.site, secret).await?;
            let _turn = desk.turn.lock().await;
            if self.has(&visit).await? {
                return Ok(());
            }
            self.send(&desk, &visit).await
        });
        work.await.map_err(|_| VisitError::BrokenOff)?
    }

    async fn send(&self, desk: &Desk, visit: &Visit) -> Result<(), VisitError> {
        let seq = self.sink.durable_seq(desk.device) + 1;
        let scan = Scan {
            subject: visit.subject.clone(),
            at: visit.at,
            direction: visit.direction,
            verdict: Verdict::Passed,
        };
        let facts = BatchFacts {
            device: desk.device.get(),
            site: &visit.site,
            first_seq: seq,
            sent_at: TimeMs::now(),
        };
        let encoded = encode_batch(facts, std::slice::from_ref(&scan));
        let (batch, _) = encoded.ok_or(VisitError::Refused(Reason::BadCode))?;
        let signature = sign_batch(&desk.key, &batch);
        let payload = SignedBatch { batch: &batch, signature }.encode().into();
        let delivered =
            self.posted.take(desk.device, &payload).await.map_err(|not_taken| match not_taken {
                NotTaken::Refused(refusal) if refusal.reason == Reason::RevokedDevice => VisitError::Closed,
                other => VisitError::NotTaken(other),
            })?;
        match delivered.refused.first() {
            Some((_, reason)) => Err(VisitError::Refused(*reason)),
            None => Ok(()),
        }
    }

    async fn has(&self, visit: &Visit) -> Result<bool, VisitError> {
        let (engine, visit) = (self.engine.clone(), visit.clone());
        let look = move || engine.has_scan(&visit.subject, &visit.site, visit.at, visit.direction);
        Ok(tokio::task::spawn_blocking(look).await.map_err(|_| VisitError::BrokenOff)??)
    }

    async fn desk(&self, site: &str, secret: [u8; 32]) -> Result<Arc<Desk>, VisitError> {
        let place = Arc::clone(self.sites.lock().entry(site.to_owned()).or_default());
        let mut known = place.lock().await;
        // An operator may have moved the device to another site, and the poster may be another.
        let is_here = |desk: &&Arc<Desk>| {
            let is_at_site = |device: truyvet_engine::DeviceRecord| device.site == site;
            desk.key.as_bytes() == &secret && self.sink.device(desk.device).is_some_and(is_at_site)
        };
        if let Some(desk) = known.as_ref().filter(is_here) {
            return Ok(Arc::clone(desk));
        }
        let (engine, site) = (self.engine.clone(), site.to_owned());
        let finding = tokio::task::spawn_blocking(move || find_desk(&engine, &site, secret));
        let found = finding.await.map_err(|_| VisitError::BrokenOff)??;
        // One that is known already is kept, with its turn, which somebody may have.
        let desk = known.take().filter(|desk| desk.device == found.device).unwrap_or_else(|| Arc::new(found));
        *known = Some(Arc::clone(&desk));
        Ok(desk)
    }
}

/// The site's device as the catalog has it, or a new one. One that was revoked stays: visitors scan no more then.
fn find_desk(engine: &Engine, site: &str, secret: [u8; 32]) -> Result<Desk, VisitError> {
    let key = SigningKey::from_bytes(&secret);
    let public_key = key.verifying_key().to_bytes();
    let device = engine.catalog().find_or_add_device(site, public_key, false, TimeMs::now())?;
    Ok(Desk { device: DeviceId::new(device.device), key, turn: AsyncMutex::default() })
}

/// Each waits for one write and those before it at its site.
const VISITS_WAITING_MAX: usize = 8_192;
