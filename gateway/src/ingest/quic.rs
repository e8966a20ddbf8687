//! The gateway: endpoints, doors and sessions put together.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Endpoint, VarInt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use truyvet_engine::DeviceRecord;
use truyvet_schemas::DeviceId;

use super::config::{GatewayConfig, WebListen};
use super::door::{self, Door, Guests};
use super::endpoint;
use super::metrics::Metrics;
use super::offer::Offer;
use super::posted::Posted;
use super::session::{SessionSettings, World};
use super::sessions::Sessions;
use super::sink::ScanSink;
use super::submit::Intake;
use super::web::Admits;
use crate::tls::{TlsError, TlsIdentity};

/// A running gateway. Call [`Gateway::drain`] before it is dropped: dropping cuts every connection.
pub struct Gateway {
    shared: Arc<Shared>,
    endpoints: Vec<Endpoint>,
    address: SocketAddr,
    offer: Option<Offer>,
}

impl Gateway {
    /// Opens the sockets and takes connections: of devices, and of browsers with one of the `tickets`. To be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// A setting is wrong, or an address cannot be had.
    pub fn start(
        config: GatewayConfig,
        sink: Arc<dyn ScanSink>,
        identity: TlsIdentity,
        tickets: Arc<dyn Admits>,
    ) -> Result<Self, GatewayError> {
        config.validate().map_err(GatewayError::Config)?;
        let mut endpoints = endpoint::open(&config, &identity)?;
        let local = endpoints.first().map(Endpoint::local_addr);
        let address = match local {
            Some(Ok(address)) => address,
            Some(Err(source)) => return Err(GatewayError::Bind { address: config.listen, source }),
            None => return Err(GatewayError::Config("no endpoint was opened".into())),
        };
        let web = open_web(&config, &identity)?;
        let shared = Arc::new(Shared::new(config, sink, identity, tickets));
        for endpoint in endpoints.clone() {
            door::open(&shared, Guests::Devices, endpoint);
        }
        let offer = web.map(|(endpoint, offer)| {
            door::open(&shared, Guests::Browsers, endpoint.clone());
            endpoints.push(endpoint);
            offer
        });
        Ok(Self { shared, endpoints, address, offer })
    }

    /// The UDP address that devices connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where browsers can connect, if they can at all: what a page is to be told that was asked for with
    /// this header `host`, its origin (`https://NAME:PORT`) first.
    pub fn offer(&self, host: &str) -> Option<(String, &Offer)> {
        let offer = self.offer.as_ref()?;
        Some((offer.origin(host, &self.shared.identity)?, offer))
    }

    /// The UDP address that browsers connect to.
    pub fn web_addr(&self) -> Option<SocketAddr> {
        self.offer.as_ref().map(|offer| offer.address)
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

/// The endpoint for browsers, where there is one. Pages have HTTPS without it: where nobody has chosen its
/// address, it may be missing.
fn open_web(
    config: &GatewayConfig,
    identity: &TlsIdentity,
) -> Result<Option<(Endpoint, Offer)>, GatewayError> {
    let Some(address) = config.web_address() else { return Ok(None) };
    let short_lived = identity.short_lived()?;
    match endpoint::open_web(config, identity, short_lived.clone(), address) {
        Ok(endpoint) => {
            let address =
                endpoint.local_addr().map_err(|source| GatewayError::BindWeb { address, source })?;
            tracing::info!(%address, "browsers may connect");
            Ok(Some((endpoint, Offer { address, short_lived })))
        }
        Err(error) if config.web_listen == WebListen::Auto => {
            tracing::warn!(%error, "browsers send their scans over HTTPS alone");
            Ok(None)
        }
        Err(error) => Err(error),
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
    /// Free the address, or choose another.
    #[error(
        "cannot listen on UDP {address} for browsers: {source}; free the address, or choose another with \
         `web_listen` in the section [gateway]"
    )]
    BindWeb {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// As the inner error says.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) sink: Arc<dyn ScanSink>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) posted: Posted,
    pub(crate) tickets: Arc<dyn Admits>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
    identity: TlsIdentity,
    devices: Door,
    browsers: Door,
}

impl Shared {
    fn new(
        config: GatewayConfig,
        sink: Arc<dyn ScanSink>,
        identity: TlsIdentity,
        tickets: Arc<dyn Admits>,
    ) -> Self {
        let intake = Arc::new(Intake::new(sink.clone(), config.in_flight_bytes_max));
        let metrics: Arc<Metrics> = Arc::default();
        Self {
            posted: Posted::over_web(sink.clone(), intake.clone(), metrics.clone()),
            intake,
            tickets,
            sessions: Arc::new(Sessions::new(sink.clone())),
            devices: Door::new(Guests::Devices, &config),
            browsers: Door::new(Guests::Browsers, &config),
            metrics,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
            sink,
            identity,
        }
    }

    pub(crate) fn door(&self, guests: Guests) -> &Door {
        match guests {
            Guests::Devices => &self.devices,
            Guests::Browsers => &self.browsers,
        }
    }

    pub(crate) fn session_settings(&self) -> SessionSettings {
        SessionSettings {
            idle_timeout_ms: u32::try_from(self.config.idle_timeout_ms).unwrap_or(u32::MAX),
            clock_skew_notice_ms: self.config.clock_skew_notice_ms,
            reconnect_after_ms: self.config.reconnect_after_ms,
        }
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

/// Time for the last packets to leave.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(1);
