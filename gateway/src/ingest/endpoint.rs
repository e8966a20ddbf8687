//! UDP sockets and QUIC transport settings.
//!
//! quinn's defaults suit one fast connection; these suit many: one stream, no datagrams, small
//! windows. A stranger may send 16 KiB; a device that proved itself gets the window of the protocol. Browsers
//! have a socket of their own, since HTTP/3 needs a few streams more.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use truyvet_schemas::limits::{FRAME_BYTES_MAX, WINDOW_BYTES};

use super::config::GatewayConfig;
use super::quic::GatewayError;
use super::secret::{RandomIds, SecretKey};
use crate::tls::{ShortLived, TlsIdentity};

/// Opens the endpoints, all on one address.
pub(crate) fn open(config: &GatewayConfig, identity: &TlsIdentity) -> Result<Vec<Endpoint>, GatewayError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let count = config.endpoint_count(cores);
    let server = server_config(config, identity, identity.server_config(), transport(config)?, count)?;
    let shared = endpoint_config(config, identity.quic_secret())?;
    let mut address = config.listen;
    let mut endpoints = Vec::with_capacity(count);
    for _ in 0..count {
        let bind = |source| GatewayError::Bind { address, source };
        let socket = socket(address, config.udp_buffer_bytes, count > 1).map_err(bind)?;
        // The first socket turns port 0 into the port of all.
        let bound = socket.local_addr().map_err(bind)?;
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = Endpoint::new(shared.clone(), Some(server.clone()), socket, runtime).map_err(bind)?;
        address = bound;
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

/// Opens the endpoint for browsers.
pub(crate) fn open_web(
    config: &GatewayConfig,
    identity: &TlsIdentity,
    short_lived: Option<Arc<ShortLived>>,
    address: SocketAddr,
) -> Result<Endpoint, GatewayError> {
    let tls = identity.web_config(short_lived, web_transport_quinn::ALPN.as_bytes());
    let server = server_config(config, identity, tls, web_transport(config)?, 1)?;
    let shared = endpoint_config(config, identity.quic_secret())?;
    let bind = |source| GatewayError::BindWeb { address, source };
    let socket = socket(address, config.udp_buffer_bytes, false).map_err(bind)?;
    Endpoint::new(shared, Some(server), socket, Arc::new(quinn::TokioRuntime)).map_err(bind)
}

/// What a proved device may have unread: its window, and the frame that crosses its edge.
pub(crate) const RECEIVE_WINDOW: VarInt = VarInt::from_u32(WINDOW_BYTES + FRAME_BYTES_MAX as u32);

/// What a proved browser may have unread: a request, and what HTTP/3 says on streams of its own.
pub(crate) const WEB_RECEIVE_WINDOW: VarInt = VarInt::from_u32(FRAME_BYTES_MAX as u32 + STRANGER_WINDOW);

fn socket(address: SocketAddr, buffer_bytes: usize, shared: bool) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_recv_buffer_size(buffer_bytes)?;
    socket.set_send_buffer_size(buffer_bytes)?;
    // Linux reports twice what it grants, and caps it silently.
    let granted_bytes = socket.recv_buffer_size()? / 2;
    if granted_bytes < buffer_bytes {
        tracing::info!(
            granted_bytes,
            buffer_bytes,
            "the UDP buffers are smaller than asked for; see net.core.rmem_max"
        );
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn endpoint_config(config: &GatewayConfig, secret: &[u8; 32]) -> Result<EndpointConfig, GatewayError> {
    // One key for all sockets and over restarts, so that any of them can tell a device that its
    // connection is gone.
    let mut shared = EndpointConfig::new(Arc::new(SecretKey::for_resets(secret)));
    shared
        .cid_generator(|| Box::new(RandomIds))
        .min_reset_interval(RESET_INTERVAL_MIN)
        .max_udp_payload_size(config.udp_payload_bytes_max)
        .map_err(|e| GatewayError::Config(e.to_string()))?;
    Ok(shared)
}

fn server_config(
    config: &GatewayConfig,
    identity: &TlsIdentity,
    tls: Result<rustls::ServerConfig, rustls::Error>,
    transport: TransportConfig,
    endpoints: usize,
) -> Result<quinn::ServerConfig, GatewayError> {
    let tls = tls.map_err(|e| GatewayError::Config(e.to_string()))?;
    let tls = QuicServerConfig::try_from(tls).map_err(|e| GatewayError::Config(e.to_string()))?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(tls));
    server
        .transport_config(Arc::new(transport))
        .token_key(Arc::new(SecretKey::for_tokens(identity.quic_secret())))
        // The kernel hands a changed address to any socket, and only one knows the connection.
        .migration(endpoints == 1)
        .max_incoming(config.handshakes_waiting_max + INCOMING_SLACK)
        .incoming_buffer_size(u64::from(STRANGER_WINDOW))
        .incoming_buffer_size_total(INCOMING_BYTES_MAX);
    Ok(server)
}

fn transport(config: &GatewayConfig) -> Result<TransportConfig, GatewayError> {
    let idle =
        IdleTimeout::try_from(config.idle_timeout()).map_err(|e| GatewayError::Config(e.to_string()))?;
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(config.discovered_mtu_max);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(1u8.into())
        .max_concurrent_uni_streams(0u8.into())
        .datagram_receive_buffer_size(None)
        .stream_receive_window(RECEIVE_WINDOW)
        .receive_window(STRANGER_WINDOW.into())
        .send_window(SEND_WINDOW_BYTES)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(None)
        .initial_rtt(INITIAL_RTT)
        .initial_mtu(config.initial_mtu)
        .mtu_discovery_config(Some(discovery));
    Ok(transport)
}

/// As for devices, and what HTTP/3 and WebTransport need.
fn web_transport(config: &GatewayConfig) -> Result<TransportConfig, GatewayError> {
    let mut transport = transport(config)?;
    transport
        .max_concurrent_bidi_streams(WEB_STREAMS_MAX.into())
        .max_concurrent_uni_streams(WEB_CONTROL_STREAMS_MAX.into())
        .datagram_receive_buffer_size(Some(WEB_DATAGRAM_BYTES))
        .stream_receive_window(WEB_RECEIVE_WINDOW);
    Ok(transport)
}

/// The one that holds the WebTransport session, the request that is served, and two that wait.
const WEB_STREAMS_MAX: u8 = 4;

/// HTTP/3's control stream, the two of QPACK, and one of a kind that browsers make up.
const WEB_CONTROL_STREAMS_MAX: u8 = 4;

/// Nobody reads datagrams; but browsers open no session where none may be sent.
const WEB_DATAGRAM_BYTES: usize = 2_048;

/// What a peer may send before its hello is proved, bytes.
const STRANGER_WINDOW: u32 = 16 << 10;

/// Answers not yet taken by the peer, bytes: about 1,000 acknowledgements, or the refusals of two
/// whole batches (4,096 seqs of 8 bytes each).
const SEND_WINDOW_BYTES: u64 = 96 << 10;

/// First packets that may lie between the socket and the admission, beside those that wait.
const INCOMING_SLACK: usize = 1_024;

/// Bytes of early packets of all waiting connections.
const INCOMING_BYTES_MAX: u64 = 16 << 20;

/// Between two stateless resets of a socket: after a restart, 5,000 devices are told within a second.
/// A reset is smaller than the packet that it answers, and costs one hash.
const RESET_INTERVAL_MIN: Duration = Duration::from_micros(200);

/// First guess of the round trip: a lost first packet is sent again after three times as much.
const INITIAL_RTT: Duration = Duration::from_millis(100);
