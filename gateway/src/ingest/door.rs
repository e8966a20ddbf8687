//! A door: one UDP address, who may come in through it, and how many. Devices have one, browsers another;
//! what floods one holds up nobody at the other.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quinn::{Endpoint, Incoming};
use tracing::Instrument as _;

use super::admission::{Admission, AdmissionLimits, Verdict};
use super::config::GatewayConfig;
use super::metrics::Metrics;
use super::quic::Shared;
use super::{connection, web};

/// Whose door it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guests {
    /// Devices, one stream each.
    Devices,
    /// Browsers, over WebTransport.
    Browsers,
}

/// Counts who is in, and who waits.
pub(crate) struct Door {
    guests: Guests,
    admission: Mutex<Admission<Incoming>>,
}

impl Door {
    /// Nobody has come yet.
    pub(crate) fn new(guests: Guests, config: &GatewayConfig) -> Self {
        Self { guests, admission: Mutex::new(Admission::new(limits(guests, config))) }
    }

    fn show(&self, admission: &Admission<Incoming>, metrics: &Metrics) {
        match self.guests {
            Guests::Devices => {
                metrics.handshakes_open.set(admission.half_open() as u64);
                metrics.connections_open.set(admission.established() as u64);
                metrics.handshakes_waiting.set(admission.waiting() as u64);
            }
            Guests::Browsers => metrics.web_connections_open.set(admission.established() as u64),
        }
    }
}

/// Takes connections from this endpoint until it is closed.
pub(crate) fn open(shared: &Arc<Shared>, guests: Guests, endpoint: Endpoint) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            arrive(&shared, guests, incoming);
        }
    });
}

fn arrive(shared: &Arc<Shared>, guests: Guests, incoming: Incoming) {
    if shared.stopping.is_cancelled() {
        return incoming.refuse();
    }
    let from = incoming.remote_address().ip();
    let validated = incoming.remote_address_validated();
    let door = shared.door(guests);
    let verdict = {
        let mut admission = door.admission.lock();
        let verdict = admission.arrive(incoming, from, validated, Instant::now());
        door.show(&admission, &shared.metrics);
        verdict
    };
    match verdict {
        Verdict::Admit(incoming) => begin(shared, guests, incoming),
        Verdict::Waits => {}
        Verdict::Retry(incoming) => {
            shared.metrics.retries.add(1);
            if let Err(proved) = incoming.retry() {
                proved.into_incoming().ignore();
            }
        }
        Verdict::Refuse(incoming) => {
            shared.metrics.turned_away.add(1);
            incoming.refuse();
        }
        Verdict::Ignore(incoming) => {
            shared.metrics.turned_away.add(1);
            incoming.ignore();
        }
    }
}

/// Serves a connection that has a handshake's slot.
fn begin(shared: &Arc<Shared>, guests: Guests, incoming: Incoming) {
    let remote = incoming.remote_address();
    let slot = Slot { shared: Arc::clone(shared), guests, from: remote.ip(), proved: false };
    shared.metrics.handshakes.add(1);
    // Begun inside another connection's span where that one gave up its slot; no child of it.
    let shared = Arc::clone(shared);
    match guests {
        Guests::Devices => {
            let span =
                tracing::info_span!(parent: None, "connection", %remote, device = tracing::field::Empty);
            let served = connection::serve(Arc::clone(&shared), incoming, slot);
            shared.tasks.spawn(served.instrument(span));
        }
        Guests::Browsers => {
            let span = tracing::info_span!(parent: None, "browser", %remote);
            let served = web::serve(Arc::clone(&shared), incoming, slot);
            shared.tasks.spawn(served.instrument(span));
        }
    }
}

/// A connection's place in the admission, given up when it is dropped.
pub(crate) struct Slot {
    shared: Arc<Shared>,
    guests: Guests,
    from: IpAddr,
    proved: bool,
}

impl Slot {
    /// The peer has proved who it is.
    pub(crate) fn prove(&mut self) {
        self.proved = true;
        self.release(|admission, from, now| admission.prove(from, now));
    }

    /// Whether it has.
    pub(crate) fn is_proved(&self) -> bool {
        self.proved
    }

    fn release(&self, step: impl FnOnce(&mut Admission<Incoming>, IpAddr, Instant) -> Option<Incoming>) {
        let door = self.shared.door(self.guests);
        let next = {
            let mut admission = door.admission.lock();
            let next = step(&mut admission, self.from, Instant::now());
            door.show(&admission, &self.shared.metrics);
            next
        };
        if let Some(incoming) = next {
            begin(&self.shared, self.guests, incoming);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.proved {
            self.shared.metrics.handshakes_failed.add(1);
        }
        let proved = self.proved;
        self.release(|admission, from, now| admission.leave(from, proved, now));
    }
}

fn limits(guests: Guests, config: &GatewayConfig) -> AdmissionLimits {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let or = |value: usize, default: usize| if value > 0 { value } else { default };
    let handshakes_max = or(config.handshakes_max, HANDSHAKES_PER_CORE * cores);
    let per_address_max = or(config.handshakes_per_address_max, handshakes_max.div_ceil(2));
    let of_devices = AdmissionLimits {
        connections_max: config.connections_max,
        handshakes_max,
        per_address_max,
        waiting_max: config.handshakes_waiting_max,
        waiting_time_max: WAITING_TIME_MAX,
    };
    match guests {
        Guests::Devices => of_devices,
        // Fewer by far, and they have HTTPS: a quarter, so that all handshakes together stay near the bound.
        Guests::Browsers => AdmissionLimits {
            connections_max: config.web_connections_max,
            handshakes_max: handshakes_max.div_ceil(4),
            per_address_max: per_address_max.div_ceil(4),
            waiting_max: config.handshakes_waiting_max.div_ceil(4),
            waiting_time_max: WAITING_TIME_MAX,
        },
    }
}

/// A handshake with its hello is about a millisecond of a core: established connections wait 64 ms at
/// most for those before them.
const HANDSHAKES_PER_CORE: usize = 64;

/// QUIC clients give up a handshake after ten seconds or more.
const WAITING_TIME_MAX: Duration = Duration::from_secs(10);
