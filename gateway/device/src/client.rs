//! One session with a gateway: connect, say hello, send batches, hear what becomes of them.
//!
//! Low-level and cheap, for callers that drive one session or thousands. The agent keeps scans safe
//! above this; here nothing is kept, retried or numbered.
//!
//! ```text
//! ConnectOptions (endpoint + trust, shared) -> Connection::connect -> welcome
//!                                                                   |-> Sender   frames out
//!                                                                   `-> Receiver frames in
//! ```
//!
//! A frame is handed to QUIC as one contiguous `Bytes`, so that the cost of sending is the signature.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ed25519_dalek::SigningKey;
use quinn::{ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use truyvet_schemas::TimeMs;
use truyvet_schemas::framing::{self, Cut, LengthError};
use truyvet_schemas::key_file::{KeyFile, KeyFileError};
use truyvet_schemas::limits::{ALPN, VERSIONS, WINDOW_BYTES};
use truyvet_schemas::signing::{HelloFacts, sign_batch, sign_hello};
use truyvet_schemas::wire::{FromGateway, Hello, Malformed, Reason, Refusal, SignedBatch, Welcome};

/// What connections have in common: cheap to clone, meant to be shared by many devices.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The sockets to connect from; any number of connections may share one.
    pub endpoint: Endpoint,
    /// TLS and transport settings, from [`client_config`].
    pub config: quinn::ClientConfig,
    /// Program and version, for the operator; at most `AGENT_BYTES_MAX` bytes.
    pub agent: String,
    /// How long handshake, hello and welcome may take together.
    pub timeout: Duration,
}

impl ConnectOptions {
    /// The usual options on this endpoint, trusting certificates of `authority` (PEM) alone.
    ///
    /// # Errors
    /// The authority cannot be read.
    pub fn new(endpoint: Endpoint, authority: &str) -> Result<Self, AuthorityError> {
        Ok(Self::with_config(endpoint, client_config(authority)?))
    }

    /// The same with a config made before.
    pub fn with_config(endpoint: Endpoint, config: quinn::ClientConfig) -> Self {
        let agent = concat!("truyvet-device ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { endpoint, config, agent, timeout: CONNECT_TIMEOUT }
    }
}

/// A session that a gateway has welcomed.
#[derive(Debug)]
pub struct Connection {
    /// Where to go on, and within which limits.
    pub welcome: Welcome,
    /// Batches out.
    pub sender: Sender,
    /// Events in.
    pub receiver: Receiver,
}

impl Connection {
    /// Connects, says hello, and waits for the welcome.
    ///
    /// # Errors
    /// See [`ConnectError`]; nothing was sent but a hello.
    pub async fn connect(
        key: &KeyFile,
        gateway: SocketAddr,
        options: &ConnectOptions,
    ) -> Result<Self, ConnectError> {
        let signing_key = key.signing_key()?;
        let greeting = greet(key, &signing_key, gateway, options);
        let (welcome, connection, stream, receiver) =
            tokio::time::timeout(options.timeout, greeting).await.map_err(|_| ConnectError::TimedOut)??;
        let sender = Sender { connection, stream, signing_key };
        Ok(Self { welcome, sender, receiver })
    }
}

async fn greet(
    key: &KeyFile,
    signing_key: &SigningKey,
    gateway: SocketAddr,
    options: &ConnectOptions,
) -> Result<(Welcome, quinn::Connection, SendStream, Receiver), ConnectError> {
    let connecting = options.endpoint.connect_with(options.config.clone(), gateway, &key.server_name)?;
    let connection = connecting.await.map_err(|e| ConnectError::Session(e.into()))?;
    let (mut stream, incoming) = connection.open_bi().await.map_err(|e| ConnectError::Session(e.into()))?;
    let mut receiver = Receiver::new(incoming);
    let hello = hello_frame(key, signing_key, &options.agent);
    // A gateway that refuses may stop reading before it has said why: its word is in the receiver.
    let sent = stream.write_chunk(hello).await;
    match (receiver.next().await, sent) {
        (Ok(FromGateway::Welcome(welcome)), Ok(())) => Ok((welcome, connection, stream, receiver)),
        (Ok(FromGateway::Refusal(refusal)), _) => Err(ConnectError::Refused(refusal)),
        (Ok(_), _) => Err(ConnectError::NoWelcome),
        (Err(error), _) => Err(match error.reason() {
            Some(reason) => ConnectError::Refused(Refusal::session(reason, "")),
            None => ConnectError::Session(error),
        }),
    }
}

fn hello_frame(key: &KeyFile, signing_key: &SigningKey, agent: &str) -> Bytes {
    let facts = HelloFacts {
        versions: (*VERSIONS.start(), *VERSIONS.end()),
        device: key.device,
        sent_at_ms: TimeMs::now().get(),
        audience: &key.server_name,
    };
    let hello = Hello { facts, agent, signature: sign_hello(signing_key, &facts) };
    Bytes::from(framing::prefixed(&hello.encode()))
}

/// The way out: frames in the order in which they are sent.
#[derive(Debug)]
pub struct Sender {
    connection: quinn::Connection,
    stream: SendStream,
    signing_key: SigningKey,
}

impl Sender {
    /// Signs a finished `ScanBatch` buffer and sends it; waits only while the transport's window is
    /// full. Returns the frame's size in bytes.
    ///
    /// # Errors
    /// The session is over.
    pub async fn send_batch(&mut self, batch: &[u8]) -> Result<usize, SessionError> {
        let frame = signed_frame(&self.signing_key, batch);
        let frame_bytes = frame.len();
        self.send_frame(frame).await?;
        Ok(frame_bytes)
    }

    /// Sends a frame as it is, length in front; see [`signed_frame`]. Not cancel-safe: a dropped call
    /// may have sent a part, after which the session is of no use.
    ///
    /// # Errors
    /// The session is over.
    pub async fn send_frame(&mut self, frame: Bytes) -> Result<(), SessionError> {
        Ok(self.stream.write_chunk(frame).await?)
    }

    /// The key that batches are signed with.
    pub fn signing_key(&self) -> &SigningKey {
        &self.signing_key
    }

    /// The connection, for its statistics, and to close it from elsewhere.
    pub fn connection(&self) -> &quinn::Connection {
        &self.connection
    }

    /// Ends this side of the stream: the gateway acknowledges what it has and ends the session.
    pub fn finish(&mut self) {
        // The stream is closed already otherwise, which is as good.
        self.stream.finish().ok();
    }

    /// Ends the session. What was not acknowledged may be lost with it.
    pub fn close(&self) {
        self.connection.close(VarInt::from_u32(0), b"done");
    }
}

/// A frame ready to be sent, with its length in front: the batch and the device's signature over it.
pub fn signed_frame(key: &SigningKey, batch: &[u8]) -> Bytes {
    let signature = sign_batch(key, batch);
    Bytes::from(framing::prefixed(&SignedBatch { batch, signature }.encode()))
}

/// The way in: what the gateway says.
#[derive(Debug)]
pub struct Receiver {
    stream: RecvStream,
    buffer: BytesMut,
}

impl Receiver {
    fn new(stream: RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next event. Cancel-safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// The session is over; connect again.
    pub async fn next(&mut self) -> Result<FromGateway, SessionError> {
        loop {
            if let Cut::Frame { payload } = framing::cut(&self.buffer, GATEWAY_FRAME_BYTES_MAX)? {
                let frame = self.buffer.split_to(payload.end);
                return Ok(FromGateway::parse(&frame[payload])?);
            }
            let chunk = self.stream.read_chunk(READ_BYTES_MAX, true).await?;
            let chunk = chunk.ok_or(SessionError::Ended)?;
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }
}

/// An endpoint that can reach this address, on a port of the system's choice.
///
/// # Errors
/// The system gives no socket.
pub fn endpoint_towards(gateway: SocketAddr) -> std::io::Result<Endpoint> {
    let any = match gateway {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    Endpoint::client(any)
}

/// TLS 1.3 that trusts certificates of `authority` (PEM) alone, and [`transport`]. Made once and
/// shared: connections of one config resume each other's TLS sessions.
///
/// # Errors
/// The authority cannot be read.
pub fn client_config(authority: &str) -> Result<quinn::ClientConfig, AuthorityError> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        let certificate = certificate.map_err(|_| AuthorityError::Unreadable)?;
        roots.add(certificate).map_err(|_| AuthorityError::Unreadable)?;
    }
    if roots.is_empty() {
        return Err(AuthorityError::Empty);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring speaks TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls)
        .expect("ring has the cipher suite that QUIC begins with");
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport(KEEP_ALIVE_MAX)));
    Ok(config)
}

/// Transport settings for bulk upload on one stream in little memory: at most `WINDOW_BYTES` out and
/// 256 KiB in are held, and the gateway may open no stream. A silent device says something after each
/// `keep_alive`.
pub fn transport(keep_alive: Duration) -> quinn::TransportConfig {
    let idle = quinn::IdleTimeout::try_from(IDLE_TIMEOUT).expect("30 s fits QUIC's 62 bits of milliseconds");
    let mut transport = quinn::TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .send_window(u64::from(WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .send_fairness(false)
        .keep_alive_interval(Some(keep_alive))
        .max_idle_timeout(Some(idle))
        .mtu_discovery_config(Some(quinn::MtuDiscoveryConfig::default()));
    transport
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Enrol the device again.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Mend the gateway's address, or the network.
    #[error("the gateway's address cannot be used: {0}")]
    Address(std::io::Error),
    /// Mend the gateway's address.
    #[error("the gateway's name has no address")]
    NoAddress,
    /// Mend the gateway's address, or the server name in the key file.
    #[error("cannot connect: {0}")]
    Connect(#[from] quinn::ConnectError),
    /// Do as the reason says.
    #[error("the gateway refused: {} {}", .0.reason.as_str(), .0.detail)]
    Refused(Refusal),
    /// The peer is no gateway of this protocol.
    #[error("the gateway answered the hello with neither welcome nor refusal")]
    NoWelcome,
    /// Try again later.
    #[error("the gateway gave no answer in time")]
    TimedOut,
    /// Try again later; a certificate of another authority also shows here.
    #[error(transparent)]
    Session(SessionError),
}

/// Why a session is over. Connect again; the welcome says where to go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// The connection broke, or the gateway closed it.
    #[error("{0}")]
    Lost(#[from] ConnectionError),
    /// The gateway ended the stream.
    #[error("the gateway ended the stream")]
    Ended,
    /// The gateway sent a length outside the limits.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The gateway sent bytes that are no frame.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl SessionError {
    /// The gateway's reason, where its refusal was lost and only the close code came.
    pub fn reason(&self) -> Option<Reason> {
        let Self::Lost(ConnectionError::ApplicationClosed(close)) = self else { return None };
        let number = u16::try_from(close.error_code.into_inner()).ok()?;
        Some(Reason::from_number(number)).filter(|reason| *reason != Reason::Unspecified)
    }
}

impl From<quinn::WriteError> for SessionError {
    fn from(error: quinn::WriteError) -> Self {
        match error {
            quinn::WriteError::ConnectionLost(lost) => Self::Lost(lost),
            _ => Self::Ended,
        }
    }
}

impl From<quinn::ReadError> for SessionError {
    fn from(error: quinn::ReadError) -> Self {
        match error {
            quinn::ReadError::ConnectionLost(lost) => Self::Lost(lost),
            _ => Self::Ended,
        }
    }
}

/// Why an authority cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// Give the gateway's authority, in the key file or as a file of its own.
    #[error(
        "no authority: the key file names none, so give the gateway's with --authority FILE (PEM certificates)"
    )]
    Empty,
    /// Fetch the authority's file anew.
    #[error("the authority is not a list of PEM certificates")]
    Unreadable,
}

/// Handshake and welcome take two round trips; a gateway under a storm of them queues for seconds.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often to speak to a gateway that drops whoever is silent for so long: two lost keep-alives in a
/// row do not end a session, three do.
pub fn keep_alive(idle_timeout: Duration) -> Duration {
    (idle_timeout / 3).clamp(KEEP_ALIVE_MIN, KEEP_ALIVE_MAX)
}

/// Rarely enough for a link that is paid by the byte, and a third of this side's own idle timeout.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(10);
const KEEP_ALIVE_MIN: Duration = Duration::from_millis(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Acknowledgements are 40 bytes; the largest refusal, of 4,096 scans, is 33 KB. So that a gateway may
/// write ahead of a device that is busy.
const RECEIVE_WINDOW_BYTES: u32 = 256 * 1024;

/// Longest frame payload of a gateway.
const GATEWAY_FRAME_BYTES_MAX: usize = 64 * 1024;

/// Most that one read takes from the stream.
const READ_BYTES_MAX: usize = 16 * 1024;
