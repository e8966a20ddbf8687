//! Scans that the server takes itself: of visitors who scan a venue's poster with their own phones.
//!
//! ```text
//! visitor -> poster, pass: good? -> its instant, on disk -> turn at the site -> seq, batch, signature
//!                                                                             -> as any browser's batch
//! ```
//! Each site has a device of its own for them, so that rules, journal, marks and verification are those of every
//! other device. Its scans go one by one: whoever has the turn takes the seq behind the mark, and keeps the turn
//! until the engine has told what became of it, whether the asker still waits or not. So no seq is left out and
//! none given twice, and after a start the mark is the engine's again.

use std::collections::HashMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use parking_lot::Mutex;
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
    sites: Mutex<HashMap<String, Arc<Desk>>>,
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
}

/// One site's device.
struct Desk {
    device: DeviceId,
    key: SigningKey,
    turn: tokio::sync::Mutex<()>,
}

impl OwnScans {
    /// On the way into this sink.
    pub fn new(engine: Engine, sink: Arc<dyn ScanSink>, metrics: Arc<Metrics>) -> Self {
        let posted = Posted::new(Arc::clone(&sink), metrics);
        Self { engine, sink, posted, sites: Mutex::default() }
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

    async fn desk(self: &Arc<Self>, site: &str, secret: [u8; 32]) -> Result<Arc<Desk>, VisitError> {
        let known = self.sites.lock().get(site).cloned();
        // An operator may have moved the device to another site.
        let is_here =
            |desk: &Arc<Desk>| self.sink.device(desk.device).is_some_and(|device| device.site == site);
        if let Some(desk) = known.filter(is_here) {
            return Ok(desk);
        }
        let (own, site) = (Arc::clone(self), site.to_owned());
        let making = tokio::task::spawn_blocking(move || own.make_desk(&site, secret));
        making.await.map_err(|_| VisitError::BrokenOff)?
    }

    /// The site's device as the catalog has it, or a new one. Who comes meanwhile waits: a site has one.
    fn make_desk(&self, site: &str, secret: [u8; 32]) -> Result<Arc<Desk>, VisitError> {
        let key = SigningKey::from_bytes(&secret);
        let public_key = key.verifying_key().to_bytes();
        let mut sites = self.sites.lock();
        let catalog = self.engine.catalog();
        let is_own =
            |device: &truyvet_engine::DeviceRecord| device.site == site && device.public_key == public_key;
        let device = match catalog.devices().into_iter().find(is_own) {
            Some(device) => device,
            None => catalog.add_device(site, public_key, TimeMs::now())?,
        };
        if let Some(desk) = sites.get(site).filter(|desk| desk.device.get() == device.device) {
            return Ok(Arc::clone(desk)); // with its turn, which somebody may have
        }
        let desk =
            Arc::new(Desk { device: DeviceId::new(device.device), key, turn: tokio::sync::Mutex::default() });
        sites.insert(site.to_owned(), Arc::clone(&desk));
        Ok(desk)
    }
}
