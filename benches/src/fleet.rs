//! Devices of a nation, their batches made beforehand, and the wait until all are durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use truyvet_engine::{BatchReply, CatalogError, DeviceBatch, Engine, SubmitError};
use truyvet_loadtest::nation::{Nation, SiteStream};
use truyvet_schemas::wire::{BatchBuilder, BatchColumns, BatchFacts, Reason};
use truyvet_schemas::{DeviceId, TimeMs};

/// Devices of as many sites.
pub const DEVICES: u32 = 32;

/// Batches of [`DEVICES`] devices, in the order in which they are sent: one of each device by turns.
pub struct Fleet {
    sites: Vec<String>,
    batches: Vec<(DeviceId, Bytes)>,
    scans: usize,
}

impl Fleet {
    /// At least this many scans in batches of `batch_scans`.
    pub fn new(nation: &Nation, scans: usize, batch_scans: usize) -> Self {
        let rounds = scans.div_ceil(batch_scans * DEVICES as usize);
        let site = |device: u32| device * (nation.land.sites() / DEVICES).max(1) % nation.land.sites();
        let sites: Vec<String> = (0..DEVICES).map(|device| nation.land.site_code(site(device))).collect();
        let mut streams: Vec<SiteStream> =
            (0..DEVICES).map(|d| SiteStream::new(&nation.land, site(d), u64::from(d))).collect();
        let mut builder = BatchBuilder::default();
        let mut batches = Vec::with_capacity(rounds * DEVICES as usize);
        for round in 0..rounds {
            for device in 0..DEVICES {
                let stream = &mut streams[device as usize];
                let code = |_| nation.codes.encode(stream.next_person());
                let codes: Vec<_> = (0..batch_scans).map(code).collect();
                let first_seq = (round * batch_scans) as u64 + 1;
                let sent_at = TimeMs::new(START_MS + (round * batch_scans) as i64 * SCAN_EVERY_MS);
                // The engine numbers devices from 1.
                let (number, site) = (device + 1, sites[device as usize].as_str());
                let facts = BatchFacts { device: number, site, first_seq, sent_at };
                batches.push((DeviceId::new(number), batch(&mut builder, facts, &codes)));
            }
        }
        Self { sites, scans: batches.len() * batch_scans, batches }
    }

    /// Number of scans.
    pub fn scans(&self) -> usize {
        self.scans
    }

    /// The batches, as they are on the wire.
    pub fn batches(&self) -> impl Iterator<Item = &[u8]> {
        self.batches.iter().map(|(_, batch)| batch.as_ref())
    }

    /// The code of a site that scans were sent from.
    pub fn a_site(&self) -> &str {
        &self.sites[0]
    }

    /// The instants before and after all scans.
    pub fn span(&self) -> (TimeMs, TimeMs) {
        (TimeMs::new(START_MS), RECEIVED_AT)
    }

    /// Enrols the devices; their sites must be known.
    ///
    /// # Errors
    /// The catalog refuses one.
    ///
    /// # Panics
    /// When the engine is not a fresh one.
    pub fn enrol(&self, engine: &Engine) -> Result<(), CatalogError> {
        for (number, site) in (1u8..).zip(&self.sites) {
            let device = engine.catalog().add_device(site, [number; 32], TimeMs::new(START_MS))?;
            assert_eq!(device.device, u32::from(number), "the batches name the devices of a fresh engine");
        }
        Ok(())
    }

    /// Submits everything as fast as it is taken, and returns when all is durable and visible.
    ///
    /// # Panics
    /// When a scan is refused or lost.
    pub fn send(&self, engine: &Engine) {
        let waiting = AtomicUsize::new(self.batches.len());
        let reply = Arc::new(Countdown { waiting, lost: AtomicUsize::new(0), waker: std::thread::current() });
        for (device, bytes) in &self.batches {
            let mut batch = DeviceBatch {
                device: *device,
                received_at: RECEIVED_AT,
                batch: bytes.clone(),
                signature: [0; 64],
                reply: reply.clone(),
            };
            while let Err((error, back)) = engine.submit(batch) {
                assert_eq!(error, SubmitError::QueueFull, "the engine stopped taking scans");
                batch = back;
                std::thread::sleep(QUEUE_FULL_WAIT);
            }
        }
        while reply.waiting.load(Ordering::Acquire) > 0 {
            assert_eq!(reply.lost.load(Ordering::Acquire), 0, "a batch was not taken whole");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

fn batch(builder: &mut BatchBuilder, facts: BatchFacts<'_>, codes: &[[u8; 12]]) -> Bytes {
    let offset_ms: Vec<u32> = (0..codes.len() as u32).map(|i| i * SCAN_EVERY_MS as u32).collect();
    let columns = BatchColumns {
        base: facts.sent_at,
        offset_ms: &offset_ms,
        code_bytes: &vec![12; codes.len()],
        codes: codes.as_flattened(),
        directions: &[],
        verdicts: &[],
    };
    Bytes::copy_from_slice(builder.build(facts, columns))
}

/// Counts batches down to none.
struct Countdown {
    waiting: AtomicUsize,
    lost: AtomicUsize,
    waker: Thread,
}

impl Countdown {
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Release);
        self.waker.unpark();
    }
}

impl BatchReply for Countdown {
    fn durable(&self, _: u64) {
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.unpark();
        }
    }

    fn refused(&self, _: Reason, _: Vec<u64>) {
        self.lose();
    }

    fn gap(&self, _: u64) {
        self.lose();
    }

    fn failed(&self, _: &str) {
        self.lose();
    }
}

/// 2021-08-01T00:00Z.
const START_MS: i64 = 1_627_776_000_000;

/// A device's pace in its own time: 8 million scans of 32 devices take 7 hours.
const SCAN_EVERY_MS: i64 = 100;

/// A year later: no scan lies in the future.
const RECEIVED_AT: TimeMs = TimeMs::new(START_MS + 365 * 86_400_000);

/// The queue holds thousands of batches, which take far longer than this.
const QUEUE_FULL_WAIT: Duration = Duration::from_micros(100);
