//! The gateway: endpoints, admission and sessions put together.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quinn::{Endpoint, Incoming, VarInt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use truyvet_engine::DeviceRecord;
use truyvet_schemas::DeviceId;

use super::admission::{Admission, AdmissionLimits, Verdict};
use super::config::GatewayConfig;
use super::metrics::Metrics;
use super::session::{SessionSettings, World};
use super::sessions::Sessions;
use super::sink::ScanSink;
use super::submit::Intake;
use super::{connection, endpoint};
use crate::tls::TlsIdentity;

/// A running gateway. Call [`Gateway::drain`] before it is dropped: dropping cuts every connection.
pub struct Gateway {
    shared: Arc<Shared>,
    endpoints: Vec<Endpoint>,
    address: SocketAddr,
}

impl Gateway {
    /// Opens the sockets and takes connections. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// A setting is wrong, or the address cannot be had.
    pub fn start(
        config: GatewayConfig,
        sink: Arc<dyn ScanSink>,
        identity: TlsIdentity,
    ) -> Result<Self, GatewayError> {
        config.validate().map_err(GatewayError::Config)?;
        let endpoints = endpoint::open(&config, &identity)?;
        let local = endpoints.first().map(Endpoint::local_addr);
        let address = match local {
            Some(Ok(address)) => address,
            Some(Err(source)) => return Err(GatewayError::Bind { address: config.listen, source }),
            None => return Err(GatewayError::Config("no endpoint was opened".into())),
        };
        let shared = Arc::new(Shared::new(config, sink, identity));
        for endpoint in endpoints.clone() {
            let shared = shared.clone();
            tokio::spawn(async move {
                while let Some(incoming) = endpoint.accept().await {
                    shared.arrive(incoming);
                }
            });
        }
        Ok(Self { shared, endpoints, address })
    }

    /// The UDP address that devices connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What takes the batches.
    pub fn sink(&self) -> Arc<dyn ScanSink> {
        Arc::clone(&self.shared.sink)
    }

    /// The live sessions.
    pub fn sessions(&self) -> Arc<Sessions> {
        self.shared.sessions.clone()
    }

    /// The gateway's counters.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.shared.metrics.clone()
    }

    /// Takes no more connections, tells every device, answers what is in flight, and closes. True
    /// when all was answered before the time ran out.
    pub async fn drain(&self, time_max: Duration) -> bool {
        self.shared.stopping.cancel();
        self.shared.sessions.drain();
        self.shared.tasks.close();
        let all_answered = tokio::time::timeout(time_max, self.shared.tasks.wait()).await.is_ok();
        for endpoint in &self.endpoints {
            endpoint.close(VarInt::from_u32(0), b"draining");
        }
        for endpoint in &self.endpoints {
            tokio::time::timeout(GOODBYE_TIME_MAX, endpoint.wait_idle()).await.ok();
        }
        all_answered
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for endpoint in &self.endpoints {
            endpoint.close(VarInt::from_u32(0), b"stopped");
        }
    }
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Correct the setting that it names.
    #[error("the gateway's settings: {0}")]
    Config(String),
    /// Free the address, or choose another.
    #[error("cannot listen on UDP {address}: {source}; free the address, or choose another with --quic")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) sink: Arc<dyn ScanSink>,
    pub(crate) intake: Intake,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: CancellationToken,
    identity: TlsIdentity,
    admission: Mutex<Admission<Incoming>>,
    tasks: TaskTracker,
}

impl Shared {
    fn new(config: GatewayConfig, sink: Arc<dyn ScanSink>, identity: TlsIdentity) -> Self {
        Self {
            intake: Intake::new(sink.clone(), config.in_flight_bytes_max),
            sessions: Arc::new(Sessions::new(sink.clone())),
            admission: Mutex::new(Admission::new(admission_limits(&config))),
            metrics: Arc::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
            sink,
            identity,
        }
    }

    pub(crate) fn session_settings(&self) -> SessionSettings {
        SessionSettings {
            idle_timeout_ms: u32::try_from(self.config.idle_timeout_ms).unwrap_or(u32::MAX),
            clock_skew_notice_ms: self.config.clock_skew_notice_ms,
            reconnect_after_ms: self.config.reconnect_after_ms,
        }
    }

    fn arrive(self: &Arc<Self>, incoming: Incoming) {
        if self.stopping.is_cancelled() {
            return incoming.refuse();
        }
        let from = incoming.remote_address().ip();
        let validated = incoming.remote_address_validated();
        let verdict = {
            let mut admission = self.admission.lock();
            let verdict = admission.arrive(incoming, from, validated, Instant::now());
            self.show(&admission);
            verdict
        };
        match verdict {
            Verdict::Admit(incoming) => self.begin(incoming),
            Verdict::Waits => {}
            Verdict::Retry(incoming) => {
                self.metrics.retries.add(1);
                if let Err(proved) = incoming.retry() {
                    proved.into_incoming().ignore();
                }
            }
            Verdict::Refuse(incoming) => {
                self.metrics.turned_away.add(1);
                incoming.refuse();
            }
            Verdict::Ignore(incoming) => {
                self.metrics.turned_away.add(1);
                incoming.ignore();
            }
        }
    }

    /// Serves a connection that has a handshake's slot.
    fn begin(self: &Arc<Self>, incoming: Incoming) {
        let remote = incoming.remote_address();
        let slot = Slot { shared: self.clone(), from: remote.ip(), proved: false };
        self.metrics.handshakes.add(1);
        // Begun inside another connection's span where that one gave up its slot; no child of it.
        let span = tracing::info_span!(parent: None, "connection", %remote, device = tracing::field::Empty);
        self.tasks.spawn(connection::serve(self.clone(), incoming, slot).instrument(span));
    }

    fn show(&self, admission: &Admission<Incoming>) {
        self.metrics.handshakes_open.set(admission.half_open() as u64);
        self.metrics.connections_open.set(admission.established() as u64);
        self.metrics.handshakes_waiting.set(admission.waiting() as u64);
    }
}

impl World for Shared {
    fn device(&self, device: DeviceId) -> Option<DeviceRecord> {
        self.sink.device(device)
    }

    fn answers_to(&self, name: &str) -> bool {
        self.identity.answers_to(name)
    }
}

/// A connection's place in the admission, given up when it is dropped.
pub(crate) struct Slot {
    shared: Arc<Shared>,
    from: IpAddr,
    proved: bool,
}

impl Slot {
    /// The hello was good.
    pub(crate) fn prove(&mut self) {
        self.proved = true;
        self.release(|admission, from, now| admission.prove(from, now));
    }

    fn release(&self, step: impl FnOnce(&mut Admission<Incoming>, IpAddr, Instant) -> Option<Incoming>) {
        let next = {
            let mut admission = self.shared.admission.lock();
            let next = step(&mut admission, self.from, Instant::now());
            self.shared.show(&admission);
            next
        };
        if let Some(incoming) = next {
            self.shared.begin(incoming);
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

fn admission_limits(config: &GatewayConfig) -> AdmissionLimits {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let or = |value: usize, default: usize| if value > 0 { value } else { default };
    let handshakes_max = or(config.handshakes_max, HANDSHAKES_PER_CORE * cores);
    AdmissionLimits {
        connections_max: config.connections_max,
        handshakes_max,
        per_address_max: or(config.handshakes_per_address_max, handshakes_max.div_ceil(2)),
        waiting_max: config.handshakes_waiting_max,
        waiting_time_max: WAITING_TIME_MAX,
    }
}

/// A handshake with its hello is about a millisecond of a core: established connections wait 64 ms at
/// most for those before them.
const HANDSHAKES_PER_CORE: usize = 64;

/// QUIC clients give up a handshake after ten seconds or more.
const WAITING_TIME_MAX: Duration = Duration::from_secs(10);

/// Time for the last packets to leave.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(1);
