//! The gateway over real QUIC on loopback, in bare mode.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use parking_lot::Mutex;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::timeout;
use truyvet_engine::DeviceRecord;
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::limits::ALPN;
use truyvet_schemas::scan::{Direction, Scan, Verdict};
use truyvet_schemas::signing::{HelloFacts, sign_batch, sign_hello};
use truyvet_schemas::wire::{
    BatchFacts, FromGateway, Hello, Notice, Reason, SignedBatch, Welcome, encode_batch,
};
use truyvet_schemas::{DeviceId, TimeMs};

use super::web::tests::OneTicket;
use super::*;
use crate::tls::TlsIdentity;

#[derive(Clone, Default)]
pub(super) struct Enrolled(Arc<Mutex<HashMap<DeviceId, DeviceRecord>>>);

impl Devices for Enrolled {
    fn device(&self, device: DeviceId) -> Option<DeviceRecord> {
        self.0.lock().get(&device).cloned()
    }
}

impl Enrolled {
    fn with(devices: u32) -> Self {
        let enrolled = Self::default();
        for device in 1..=devices {
            let record = DeviceRecord {
                device,
                site: "HN-01".into(),
                public_key: key(device).verifying_key().to_bytes(),
                enrolled_at: 0,
                revoked_at: None,
                former_sites: Vec::new(),
                durable_seq: 0,
                lost: Vec::new(),
            };
            enrolled.0.lock().insert(DeviceId::new(device), record);
        }
        enrolled
    }

    pub(super) fn change(&self, device: u32, change: impl FnOnce(&mut DeviceRecord)) {
        change(self.0.lock().get_mut(&DeviceId::new(device)).expect("enrolled"));
    }
}

pub(super) struct Setup {
    pub(super) gateway: Gateway,
    pub(super) enrolled: Enrolled,
    client: ClientConfig,
    data: tempfile::TempDir,
}

pub(super) fn quick() -> GatewayConfig {
    GatewayConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        idle_timeout_ms: 2_000,
        hello_timeout_ms: 1_500,
        frame_timeout_ms: 600,
        write_timeout_ms: 500,
        ..GatewayConfig::default()
    }
}

pub(super) fn start(config: GatewayConfig, devices: u32) -> Setup {
    start_in(tempfile::tempdir().expect("a directory"), config, devices)
}

fn start_in(data: tempfile::TempDir, config: GatewayConfig, devices: u32) -> Setup {
    let identity = TlsIdentity::development(data.path()).expect("made");
    start_with(data, config, devices, identity)
}

/// With an identity that the authority under `data` has signed.
pub(super) fn start_with(
    data: tempfile::TempDir,
    config: GatewayConfig,
    devices: u32,
    identity: TlsIdentity,
) -> Setup {
    let client = client_config(&crate::tls::authority_pem(data.path()).expect("made"));
    let enrolled = Enrolled::with(devices);
    let sink = Arc::new(BareSink::new(enrolled.clone()));
    let gateway = Gateway::start(config, sink, identity, Arc::new(OneTicket)).expect("loopback is free");
    Setup { gateway, enrolled, client, data }
}

/// Without devices.
pub(super) fn try_start(config: GatewayConfig) -> Result<Gateway, GatewayError> {
    let data = tempfile::tempdir().expect("a directory");
    let identity = TlsIdentity::development(data.path()).expect("made");
    Gateway::start(config, Arc::new(BareSink::new(Enrolled::default())), identity, Arc::new(OneTicket))
}

fn client_config(authority: &str) -> ClientConfig {
    let tls = client_tls(authority, std::str::from_utf8(ALPN).expect("a text"));
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("TLS 1.3")));
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_millis(500)));
    config.transport_config(Arc::new(transport));
    config
}

/// Trusts this authority.
pub(super) fn client_tls(authority: &str, alpn: &str) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 is there")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    tls
}

pub(super) fn key(device: u32) -> SigningKey {
    SigningKey::from_bytes(&[device as u8; 32])
}

fn hello(device: u32) -> Vec<u8> {
    let facts =
        HelloFacts { versions: (1, 1), device, sent_at_ms: TimeMs::now().get(), audience: "localhost" };
    prefixed(&Hello { facts, agent: "test", signature: sign_hello(&key(device), &facts) }.encode())
}

pub(super) fn batch(device: u32, first_seq: u64, scans: usize) -> Vec<u8> {
    let now = TimeMs::now();
    let scan = |i: usize| Scan {
        subject: format!("subject-{i}"),
        at: now,
        direction: Direction::Pass,
        verdict: Verdict::Passed,
    };
    let scans: Vec<Scan> = (0..scans).map(scan).collect();
    let facts = BatchFacts { device, site: "HN-01", first_seq, sent_at: now };
    let (batch, _) = encode_batch(facts, &scans).expect("the scans fit");
    prefixed(&SignedBatch { batch: &batch, signature: sign_batch(&key(device), &batch) }.encode())
}

/// A device's side of a connection.
pub(super) struct Device {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    _endpoint: Endpoint,
}

impl Device {
    async fn connect(setup: &Setup, from: [u8; 4]) -> Self {
        let endpoint = Endpoint::client(SocketAddr::from((from, 0))).expect("loopback is free");
        let connecting = endpoint
            .connect_with(setup.client.clone(), setup.gateway.local_addr(), "localhost")
            .expect("a good address");
        let connection = connecting.await.expect("a handshake");
        let (send, recv) = connection.open_bi().await.expect("a stream");
        Self { connection, send, recv, _endpoint: endpoint }
    }

    pub(super) async fn welcomed(setup: &Setup, device: u32) -> (Self, Welcome) {
        let mut this = Self::connect(setup, [127, 0, 0, 1]).await;
        this.write(&hello(device)).await;
        match this.next().await {
            Some(FromGateway::Welcome(welcome)) => (this, welcome),
            other => panic!("no welcome: {other:?}"),
        }
    }

    /// As a device does: a connection that has no welcome in time is given up for another.
    async fn patiently_welcomed(setup: &Setup, device: u32) -> (Self, Welcome) {
        for _ in 0..3 {
            if let Some(welcomed) = Self::try_welcome(setup, device).await {
                return welcomed;
            }
        }
        panic!("no welcome");
    }

    async fn try_welcome(setup: &Setup, device: u32) -> Option<(Self, Welcome)> {
        let attempt = async {
            let endpoint = Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback is free");
            let connecting =
                endpoint.connect_with(setup.client.clone(), setup.gateway.local_addr(), "localhost");
            let connection = connecting.expect("a good address").await.ok()?;
            let (mut send, recv) = connection.open_bi().await.ok()?;
            send.write_all(&hello(device)).await.ok()?;
            let mut this = Self { connection, send, recv, _endpoint: endpoint };
            let Some(FromGateway::Welcome(welcome)) = this.next().await else { return None };
            Some((this, welcome))
        };
        timeout(Duration::from_secs(10), attempt).await.ok().flatten()
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.expect("the gateway reads");
    }

    /// The next frame; `None` at the end of the stream.
    async fn next(&mut self) -> Option<FromGateway> {
        let read = async {
            let mut length = [0; 4];
            self.recv.read_exact(&mut length).await.ok()?;
            let mut payload = vec![0; u32::from_le_bytes(length) as usize];
            self.recv.read_exact(&mut payload).await.ok()?;
            Some(FromGateway::parse(&payload).expect("a frame"))
        };
        timeout(Duration::from_secs(10), read).await.expect("an answer in time")
    }

    pub(super) async fn acked(&mut self, seq: u64) {
        loop {
            match self.next().await {
                Some(FromGateway::Ack { durable_seq }) if durable_seq == seq => return,
                Some(FromGateway::Ack { durable_seq }) => assert!(durable_seq < seq),
                other => panic!("no acknowledgement: {other:?}"),
            }
        }
    }

    async fn refused(&mut self, reason: Reason) {
        loop {
            match self.next().await {
                Some(FromGateway::Refusal(refusal)) => break assert_eq!(refusal.reason, reason),
                Some(FromGateway::Ack { .. } | FromGateway::Notice(_)) => {}
                other => panic!("no refusal: {other:?}"),
            }
        }
        self.closed(reason).await;
    }

    async fn closed(&self, reason: Reason) {
        let closed = timeout(Duration::from_secs(5), self.connection.closed()).await.expect("closed");
        let quinn::ConnectionError::ApplicationClosed(close) = closed else { panic!("{closed:?}") };
        assert_eq!(close.error_code.into_inner(), reason as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_are_acknowledged_and_a_reconnection_goes_on_after_them() {
    let setup = start(quick(), 1);
    let (mut device, welcome) = Device::welcomed(&setup, 1).await;
    assert_eq!((welcome.durable_seq, welcome.site.as_str(), welcome.version), (0, "HN-01", 1));
    for first_seq in (1..=9_001).step_by(500) {
        device.write(&batch(1, first_seq, 500)).await;
    }
    device.acked(9_500).await;
    device.write(&batch(1, 9_001, 500)).await;
    device.acked(9_500).await;
    device.send.finish().expect("open");
    assert_eq!(device.next().await, None);
    let (_, welcome) = Device::welcomed(&setup, 1).await;
    assert_eq!(welcome.durable_seq, 9_500);
    assert_eq!(setup.gateway.metrics().scans.get(), 9_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bytes_are_refused_with_their_reason() {
    let setup = start(quick(), 1);
    let oversized = (1u32 << 30).to_le_bytes().to_vec();
    let cases = [
        (0u32.to_le_bytes().to_vec(), Reason::Malformed),
        (prefixed(b"no frame at all"), Reason::Malformed),
        (oversized.clone(), Reason::TooLarge),
        (2_000u32.to_le_bytes().to_vec(), Reason::TooLarge),
        (hello(2), Reason::UnknownDevice),
        (batch(1, 1, 1), Reason::UnexpectedFrame),
    ];
    for (bytes, reason) in cases {
        let mut device = Device::connect(&setup, [127, 0, 0, 1]).await;
        device.write(&bytes).await;
        device.refused(reason).await;
    }
    let cases = [
        (oversized, Reason::TooLarge),
        (batch(1, 2, 1), Reason::SeqGap),
        (batch(2, 1, 1), Reason::WrongDevice),
        (hello(1), Reason::UnexpectedFrame),
    ];
    for (bytes, reason) in cases {
        let (mut device, _) = Device::welcomed(&setup, 1).await;
        device.write(&bytes).await;
        device.refused(reason).await;
    }
    let (mut device, _) = Device::welcomed(&setup, 1).await;
    device.write(&batch(1, 1, 10)[..50]).await;
    device.send.finish().expect("open");
    device.refused(Reason::Malformed).await;
    let refused: u64 = setup.gateway.metrics().refusals().map(|(_, count)| count).sum();
    assert_eq!(refused, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_are_silent_or_drip_are_dropped() {
    let setup = start(quick(), 1);
    let mut silent = Device::connect(&setup, [127, 0, 0, 1]).await;
    silent.write(&hello(1)[..3]).await;
    silent.refused(Reason::TooSlow).await;

    let (mut dripping, _) = Device::welcomed(&setup, 1).await;
    for byte in batch(1, 1, 10) {
        if dripping.send.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    dripping.refused(Reason::TooSlow).await;
    assert!(setup.gateway.sessions().is_empty());
}

/// A stream is opened by its first byte: nothing was written on these.
#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_stream_are_told_why_by_the_code_of_the_close() {
    let setup = start(quick(), 1);
    Device::connect(&setup, [127, 0, 0, 1]).await.closed(Reason::TooSlow).await;
    let metrics = setup.gateway.metrics();
    assert!(metrics.refusals().all(|(reason, count)| count == u64::from(reason == Reason::TooSlow)));
    let late = Device::connect(&setup, [127, 0, 0, 1]).await;
    // The gateway is done with the handshake a little later than the device.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (all_answered, ()) =
        tokio::join!(setup.gateway.drain(Duration::from_secs(5)), late.closed(Reason::Busy));
    assert!(all_answered);
    assert_eq!(metrics.handshakes_open.get(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_takes_over() {
    let setup = start(quick(), 1);
    let (mut older, _) = Device::welcomed(&setup, 1).await;
    older.write(&batch(1, 1, 10)).await;
    older.acked(10).await;
    let (mut newer, welcome) = Device::welcomed(&setup, 1).await;
    assert_eq!(welcome.durable_seq, 10);
    older.refused(Reason::Superseded).await;
    newer.write(&batch(1, 11, 10)).await;
    newer.acked(20).await;
    assert_eq!(setup.gateway.sessions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_and_a_revocation_reach_the_live_session() {
    let setup = start(quick(), 1);
    let (mut device, _) = Device::welcomed(&setup, 1).await;
    setup.enrolled.change(1, |record| record.site = "HN-02".into());
    setup.gateway.sessions().device_changed(DeviceId::new(1));
    assert_eq!(device.next().await, Some(FromGateway::Notice(Notice::SiteChanged("HN-02".into()))));
    setup.enrolled.change(1, |record| record.revoked_at = Some(1));
    setup.gateway.sessions().device_changed(DeviceId::new(1));
    device.refused(Reason::RevokedDevice).await;
    let mut again = Device::connect(&setup, [127, 0, 0, 1]).await;
    again.write(&hello(1)).await;
    again.refused(Reason::RevokedDevice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_tells_every_device_and_ends() {
    let setup = start(quick(), 3);
    let mut devices = Vec::new();
    for device in 1..=3 {
        let (mut one, _) = Device::welcomed(&setup, device).await;
        one.write(&batch(device, 1, 100)).await;
        one.acked(100).await;
        devices.push(one);
    }
    let draining = setup.gateway.drain(Duration::from_secs(5));
    let told = async {
        for device in &mut devices {
            let notice = Some(FromGateway::Notice(Notice::Draining { reconnect_after_ms: 1_000 }));
            assert_eq!(device.next().await, notice);
            assert_eq!(device.next().await, None);
        }
    };
    let (all_answered, ()) = tokio::join!(draining, told);
    assert!(all_answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_endpoints_share_one_address() {
    let setup = start(GatewayConfig { endpoints: 3, ..quick() }, 12);
    for device in 1..=12 {
        let (mut one, _) = Device::welcomed(&setup, device).await;
        one.write(&batch(device, 1, 10)).await;
        one.acked(10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_half_open_connections_is_bounded_and_harms_nobody_else() {
    let config = GatewayConfig { handshakes_max: 32, handshakes_waiting_max: 64, ..quick() };
    let setup = start(config, 2);
    let (mut established, _) = Device::welcomed(&setup, 1).await;
    // Handshakes that are begun, and never followed by a hello, from another address.
    let flood = Endpoint::client(SocketAddr::from(([127, 0, 0, 2], 0))).expect("loopback is free");
    let mut connecting = Vec::new();
    for _ in 0..500 {
        let one = flood.connect_with(setup.client.clone(), setup.gateway.local_addr(), "localhost");
        connecting.push(tokio::spawn(one.expect("a good address")));
    }
    let metrics = setup.gateway.metrics();
    for round in 0..20u64 {
        established.write(&batch(1, 1 + round * 10, 10)).await;
        established.acked((round + 1) * 10).await;
        assert!(metrics.handshakes_open.get() <= 32);
        assert!(metrics.handshakes_waiting.get() <= 64);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The flood's address has its share of the slots and of the queue; a device elsewhere gets in.
    let (mut newcomer, _) = Device::patiently_welcomed(&setup, 2).await;
    newcomer.write(&batch(2, 1, 10)).await;
    newcomer.acked(10).await;
    assert!(metrics.retries.get() > 0);
    flood.close(0u8.into(), b"");
}

#[test]
fn a_gateway_that_died_and_came_back_tells_its_devices_at_once() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let (devices, dies) = (runtime(), runtime());
    let config = GatewayConfig { idle_timeout_ms: 30_000, ..quick() };
    let setup = dies.block_on(async { start(config.clone(), 1) });
    let (mut device, _) = devices.block_on(Device::welcomed(&setup, 1));
    devices.block_on(async {
        device.write(&batch(1, 1, 10)).await;
        device.acked(10).await;
    });
    // Without its threads, no goodbye leaves its sockets.
    dies.shutdown_timeout(Duration::from_secs(10));
    let Setup { gateway, data, .. } = setup;
    let listen = gateway.local_addr();
    drop(gateway);
    devices.block_on(async {
        let again = start_in(data, GatewayConfig { listen, ..config }, 1);
        let restarted_at = std::time::Instant::now();
        // Fails where a packet that the device sent of itself, a repeat or a probe, was answered first.
        device.send.write_all(&batch(1, 11, 10)).await.ok();
        let lost = timeout(Duration::from_secs(10), device.connection.closed()).await;
        assert_eq!(lost, Ok(quinn::ConnectionError::Reset), "after {:?}", restarted_at.elapsed());
        let (mut device, _) = Device::patiently_welcomed(&again, 1).await;
        device.write(&batch(1, 1, 10)).await;
        device.acked(10).await;
    });
}
