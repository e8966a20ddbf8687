//! What happens to a session from outside its own task: outcomes of its batches, told by the engine's
//! threads, and orders to it.
//!
//! Writers never block: an atomic number, a short lock, and a wake-up that merges with those before
//! it. Bounded: at most the scans of a window of batches can be refused before the session reads
//! (2,000,000 bytes / 7 bytes a scan x 8 bytes a seq = 2.3 MB), and orders are few.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use truyvet_engine::BatchReply;
use truyvet_schemas::wire::Reason;

/// Something that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Every scan up to and including this seq is durable.
    Durable(u64),
    /// Scans were put aside as dead letters.
    Refused(Reason, Vec<u64>),
    /// A batch came too early; this seq is waited for.
    Gap(u64),
    /// A batch could not be stored.
    Failed,
    /// Another session of the device took over.
    Superseded,
    /// The device was revoked.
    Revoked,
    /// The device was moved to this site.
    SiteChanged(String),
    /// The gateway stops.
    Drain,
}

/// One session's inbox.
#[derive(Default)]
pub(crate) struct Inbox {
    durable_seq: AtomicU64,
    events: Mutex<Vec<Event>>,
    wake: Notify,
}

impl Inbox {
    /// Leaves an event.
    pub(crate) fn push(&self, event: Event) {
        self.events.lock().push(event);
        self.wake.notify_one();
    }

    /// Takes what has arrived; the durable seq last, so that refused scans are told before an
    /// acknowledgement covers them.
    pub(crate) fn take(&self) -> impl Iterator<Item = Event> + use<> {
        // Read before the events: those that it covers were pushed before it was raised.
        let durable_seq = self.durable_seq.load(Ordering::Acquire);
        let events = std::mem::take(&mut *self.events.lock());
        events.into_iter().chain([Event::Durable(durable_seq)])
    }

    /// Waits until something has arrived since the last wake-up. Safe to drop half-way.
    pub(crate) async fn arrived(&self) {
        self.wake.notified().await;
    }
}

/// A batch's way back to its session, and its claim on the memory of batches in flight: given back
/// when the engine drops the batch.
pub(crate) struct Ticket {
    inbox: Arc<Inbox>,
    progress: Arc<Notify>,
    memory: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    /// A ticket of this session. `progress` wakes one that waits for memory or for room
    /// in the engine's queue.
    pub(crate) fn new(inbox: Arc<Inbox>, progress: Arc<Notify>, memory: OwnedSemaphorePermit) -> Self {
        Self { inbox, progress, memory: Some(memory) }
    }
}

impl BatchReply for Ticket {
    fn durable(&self, durable_seq: u64) {
        self.inbox.durable_seq.fetch_max(durable_seq, Ordering::AcqRel);
        self.inbox.wake.notify_one();
    }

    fn refused(&self, reason: Reason, seqs: Vec<u64>) {
        self.inbox.push(Event::Refused(reason, seqs));
    }

    fn gap(&self, expected_seq: u64) {
        self.inbox.push(Event::Gap(expected_seq));
    }

    fn failed(&self, why: &str) {
        tracing::warn!(why, "a batch could not be stored");
        self.inbox.push(Event::Failed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        drop(self.memory.take());
        self.progress.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn refused_scans_come_before_the_seq_that_covers_them() {
        let inbox = Arc::new(Inbox::default());
        let memory = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("free");
        let ticket = Ticket::new(inbox.clone(), Arc::default(), memory);
        ticket.refused(Reason::WrongSite, vec![2]);
        ticket.durable(3);
        ticket.durable(2);
        let taken: Vec<_> = inbox.take().collect();
        assert_eq!(taken, [Event::Refused(Reason::WrongSite, vec![2]), Event::Durable(3)]);
    }

    #[test]
    fn a_batch_gives_its_memory_back_when_it_is_dropped() {
        let memory = Arc::new(Semaphore::new(10));
        let permit = memory.clone().try_acquire_many_owned(7).expect("free");
        let ticket = Ticket::new(Arc::default(), Arc::default(), permit);
        assert_eq!(memory.available_permits(), 3);
        drop(ticket);
        assert_eq!(memory.available_permits(), 10);
    }
}
