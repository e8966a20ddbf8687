//! Counters of the gateway, for whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering};

use truyvet_schemas::wire::Reason;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// The way that a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A device's session.
    Quic,
    /// A browser's stream.
    Web,
    /// A browser's POST.
    Https,
}

/// What the gateway has done since it started, and how much it holds now.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Half-open connections now: from the first packet to a good hello.
    pub handshakes_open: Counter,
    /// Established connections now.
    pub connections_open: Counter,
    /// Browsers that are connected now, with a good ticket.
    pub web_connections_open: Counter,
    /// Connections that wait for a handshake's turn now.
    pub handshakes_waiting: Counter,
    /// Handshakes begun.
    pub handshakes: Counter,
    /// Connections asked to prove their address.
    pub retries: Counter,
    /// Connections turned away, or not answered, for want of room.
    pub turned_away: Counter,
    /// Connections that ended before a good hello.
    pub handshakes_failed: Counter,
    /// Sessions begun: good hellos.
    pub sessions: Counter,
    /// Frames read.
    pub frames: Counter,
    /// Bytes of frames read.
    pub bytes: Counter,
    /// Verified batches given to the engine.
    pub batches: Counter,
    /// Scans in them.
    pub scans: Counter,
    /// Of these, from devices.
    pub scans_quic: Counter,
    /// Of these, from browsers over WebTransport.
    pub scans_webtransport: Counter,
    /// Of these, from browsers over HTTPS.
    pub scans_https: Counter,
    /// Scans that the engine put aside as dead letters.
    pub scans_refused: Counter,
    /// Acknowledgements sent.
    pub acks: Counter,
    /// Times that a batch had to wait: for memory, for the engine's queue, or for disk space.
    pub waits: Counter,
    refusals: Refusals,
}

impl Metrics {
    /// Sessions that ended with a refusal, by reason; every reason, in the order of the numbers.
    pub fn refusals(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.iter().copied().zip(self.refusals.0.iter().map(Counter::get))
    }

    /// Counts a verified batch.
    pub(crate) fn taken(&self, transport: Transport, scans: usize) {
        let of_transport = match transport {
            Transport::Quic => &self.scans_quic,
            Transport::Web => &self.scans_webtransport,
            Transport::Https => &self.scans_https,
        };
        self.batches.add(1);
        self.scans.add(scans as u64);
        of_transport.add(scans as u64);
    }

    pub(crate) fn refused(&self, reason: Reason) {
        let position = Reason::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = position.and_then(|position| self.refusals.0.get(position)) {
            counter.add(1);
        }
    }
}

#[derive(Debug)]
struct Refusals([Counter; Reason::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}
