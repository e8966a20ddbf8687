//! A verified batch on its way into the engine: memory first, then the queue.
//!
//! While one is on its way its connection is not read, so back-pressure goes down to the stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use truyvet_engine::{DeviceBatch, SubmitError};
use truyvet_schemas::TimeMs;

use super::inbox::{Inbox, Ticket};
use super::session::Batch;
use super::sink::ScanSink;

/// The way into the engine, one for all connections.
pub(crate) struct Intake {
    sink: Arc<dyn ScanSink>,
    memory: Arc<Semaphore>,
    progress: Arc<Notify>,
}

/// What became of an attempt.
pub(crate) enum Attempt {
    /// The engine has it.
    Taken,
    /// Not now; wait with [`Pending::ready`] and try again.
    Later(Pending),
    /// There is no space; wait and try again, and tell the device.
    StorageFull(Pending),
    /// Never: the engine has stopped.
    Stopped,
}

/// A batch that waits.
pub(crate) struct Pending {
    stage: Stage,
    retry_at: Instant,
    for_space: bool,
}

enum Stage {
    Memory(Batch, Arc<Inbox>),
    Queue(Box<DeviceBatch>),
}

impl Intake {
    /// At most `in_flight_bytes_max` bytes of batches are in flight at once.
    pub(crate) fn new(sink: Arc<dyn ScanSink>, in_flight_bytes_max: usize) -> Self {
        Self { sink, memory: Arc::new(Semaphore::new(in_flight_bytes_max)), progress: Arc::default() }
    }

    /// Tries to give a batch to the engine.
    pub(crate) fn submit(&self, batch: Batch, inbox: &Arc<Inbox>, received_at: TimeMs) -> Attempt {
        match self.memory.clone().try_acquire_many_owned(batch.bytes.len() as u32) {
            Ok(permit) => self.hand_over(self.device_batch(batch, inbox, permit, received_at)),
            Err(_) => Attempt::Later(Pending {
                stage: Stage::Memory(batch, inbox.clone()),
                retry_at: Instant::now() + QUEUE_RETRY,
                for_space: false,
            }),
        }
    }

    /// Tries again.
    pub(crate) fn resubmit(&self, pending: Pending, received_at: TimeMs) -> Attempt {
        match pending.stage {
            Stage::Memory(batch, inbox) => self.submit(batch, &inbox, received_at),
            Stage::Queue(batch) => self.hand_over(*batch),
        }
    }

    fn device_batch(
        &self,
        batch: Batch,
        inbox: &Arc<Inbox>,
        memory: OwnedSemaphorePermit,
        received_at: TimeMs,
    ) -> DeviceBatch {
        DeviceBatch {
            device: batch.device,
            received_at,
            batch: batch.bytes,
            signature: batch.signature,
            reply: Arc::new(Ticket::new(inbox.clone(), self.progress.clone(), memory)),
        }
    }

    fn hand_over(&self, batch: DeviceBatch) -> Attempt {
        let queued = |batch| Stage::Queue(Box::new(batch));
        let now = Instant::now();
        match self.sink.submit(batch) {
            Ok(()) => Attempt::Taken,
            Err((SubmitError::QueueFull, batch)) => Attempt::Later(Pending {
                stage: queued(batch),
                retry_at: now + QUEUE_RETRY,
                for_space: false,
            }),
            Err((SubmitError::StorageFull, batch)) => Attempt::StorageFull(Pending {
                stage: queued(batch),
                retry_at: now + STORAGE_RETRY,
                for_space: true,
            }),
            Err((SubmitError::Stopped, _)) => Attempt::Stopped,
        }
    }
}

impl Pending {
    /// Waits until another attempt may succeed: a batch of someone's left the engine, or a while has
    /// passed. Safe to drop half-way.
    pub(crate) async fn ready(&self, intake: &Intake) {
        tokio::select! {
            () = intake.progress.notified(), if !self.for_space => {}
            () = tokio::time::sleep_until(self.retry_at) => {}
        }
    }
}

/// Batches leave the engine in groups, each some milliseconds long; this is only for a wake-up lost.
const QUEUE_RETRY: Duration = Duration::from_millis(50);

/// Space returns when an operator makes some.
const STORAGE_RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use truyvet_engine::DeviceRecord;
    use truyvet_schemas::DeviceId;

    use super::*;
    use crate::ingest::sink::Devices;

    /// Holds batches as a queue of one place does.
    #[derive(Default)]
    struct OnePlace(Mutex<Option<DeviceBatch>>);

    impl Devices for OnePlace {
        fn device(&self, _: DeviceId) -> Option<DeviceRecord> {
            None
        }
    }

    impl ScanSink for OnePlace {
        fn submit(&self, batch: DeviceBatch) -> Result<(), (SubmitError, DeviceBatch)> {
            let mut place = self.0.lock();
            if place.is_some() {
                return Err((SubmitError::QueueFull, batch));
            }
            *place = Some(batch);
            Ok(())
        }

        fn durable_seq(&self, _: DeviceId) -> u64 {
            0
        }
    }

    fn batch(bytes: usize) -> Batch {
        Batch { device: DeviceId::new(1), bytes: vec![0; bytes].into(), signature: [0; 64], scans: 1 }
    }

    #[tokio::test]
    async fn a_batch_waits_for_the_queue_and_for_memory_until_another_leaves() {
        let sink = Arc::new(OnePlace::default());
        let intake = Intake::new(sink.clone(), 100);
        let inbox = Arc::default();
        let now = TimeMs::new(0);
        assert!(matches!(intake.submit(batch(60), &inbox, now), Attempt::Taken));
        let Attempt::Later(no_queue) = intake.submit(batch(30), &inbox, now) else {
            panic!("the queue is full")
        };
        let Attempt::Later(no_memory) = intake.submit(batch(50), &inbox, now) else {
            panic!("memory is full")
        };
        assert!(matches!(no_memory.stage, Stage::Memory(..)) && matches!(no_queue.stage, Stage::Queue(_)));
        drop(sink.0.lock().take());
        no_queue.ready(&intake).await;
        assert!(matches!(intake.resubmit(no_queue, now), Attempt::Taken));
        drop(sink.0.lock().take());
        no_memory.ready(&intake).await;
        assert!(matches!(intake.resubmit(no_memory, now), Attempt::Taken));
    }
}
