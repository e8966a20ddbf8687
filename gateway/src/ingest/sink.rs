//! Where verified batches go: the engine, or nowhere at all in bare mode.

use std::collections::HashMap;

use parking_lot::Mutex;
use truyvet_engine::{DeviceBatch, DeviceRecord, Engine, SubmitError};
use truyvet_schemas::DeviceId;
use truyvet_schemas::wire::BatchView;

/// The enrolled devices.
pub trait Devices: Send + Sync + 'static {
    /// The device with this number, revoked ones too.
    fn device(&self, device: DeviceId) -> Option<DeviceRecord>;
}

/// What takes verified batches. Called from the sockets' threads: nothing here may block.
pub trait ScanSink: Devices {
    /// Takes a batch; its `reply` is told what became of it.
    ///
    /// # Errors
    /// Gives the batch back, with the reason, when it cannot be taken now.
    #[expect(clippy::result_large_err, reason = "the batch goes back to its owner, on a rare path")]
    fn submit(&self, batch: DeviceBatch) -> Result<(), (SubmitError, DeviceBatch)>;

    /// Every scan of the device up to and including this seq is durable; 0: none yet.
    fn durable_seq(&self, device: DeviceId) -> u64;
}

impl Devices for Engine {
    fn device(&self, device: DeviceId) -> Option<DeviceRecord> {
        self.catalog().device(device)
    }
}

impl ScanSink for Engine {
    fn submit(&self, batch: DeviceBatch) -> Result<(), (SubmitError, DeviceBatch)> {
        Self::submit(self, batch)
    }

    fn durable_seq(&self, device: DeviceId) -> u64 {
        Self::durable_seq(self, device)
    }
}

/// Bare mode: acknowledges every batch at once and stores nothing, to show what the transport alone
/// can do. Keeps one number a device, in memory.
pub struct BareSink<D> {
    devices: D,
    durable_seqs: Mutex<HashMap<DeviceId, u64>>,
}

impl<D: Devices> BareSink<D> {
    /// A sink for these devices.
    pub fn new(devices: D) -> Self {
        Self { devices, durable_seqs: Mutex::default() }
    }
}

impl<D: Devices> Devices for BareSink<D> {
    fn device(&self, device: DeviceId) -> Option<DeviceRecord> {
        self.devices.device(device)
    }
}

impl<D: Devices> ScanSink for BareSink<D> {
    fn submit(&self, batch: DeviceBatch) -> Result<(), (SubmitError, DeviceBatch)> {
        let Some(last_seq) = BatchView::parse(&batch.batch).ok().and_then(|view| view.last_seq()) else {
            batch.reply.failed("the batch is malformed");
            return Ok(());
        };
        let mut durable_seqs = self.durable_seqs.lock();
        let durable_seq = durable_seqs.entry(batch.device).or_insert(0);
        *durable_seq = last_seq.max(*durable_seq);
        batch.reply.durable(*durable_seq);
        Ok(())
    }

    fn durable_seq(&self, device: DeviceId) -> u64 {
        self.durable_seqs.lock().get(&device).copied().unwrap_or(0)
    }
}
