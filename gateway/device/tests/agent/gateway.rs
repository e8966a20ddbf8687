//! The smallest gateway that keeps the protocol: stores in memory what is new, and acknowledges it,
//! unless told to be unreliable.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};
use parking_lot::Mutex;
use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use rustls::pki_types::PrivateKeyDer;
use truyvet_schemas::TimeMs;
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::limits::{ALPN, BATCH_SCANS_MAX, FRAME_BYTES_MAX, WINDOW_BYTES};
use truyvet_schemas::signing::{verify_batch, verify_hello};
use truyvet_schemas::wire::{BatchView, FromDevice, FromGateway, Notice, Reason, Refusal, Scope, Welcome};

pub(crate) const DEVICE: u32 = 7;
pub(crate) const SITE: &str = "HN-01";

/// What a gateway keeps over restarts, and how it behaves.
pub(crate) struct Store {
    pub(crate) durable_seq: Mutex<u64>,
    /// (seq, subject, site) in the order in which they were taken.
    pub(crate) scans: Mutex<Vec<(u64, String, String)>>,
    /// Of 100 batches, so many are stored, then the connection breaks before the acknowledgement.
    pub(crate) break_percent: AtomicU32,
    pub(crate) revoked: AtomicBool,
    /// Every seq that is a multiple of this is refused; 0: none.
    pub(crate) refuse_each: AtomicU32,
    /// Announced after the first batch.
    pub(crate) move_to: Mutex<Option<String>>,
    pub(crate) sessions: AtomicU32,
    /// First and last seq of what the device declared lost.
    pub(crate) lost: Mutex<Vec<(u64, u64)>>,
    idle_timeout_ms: u32,
}

pub(crate) struct Gateway {
    pub(crate) store: Arc<Store>,
    config: quinn::ServerConfig,
    pub(crate) key: KeyFile,
    endpoint: Endpoint,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        Self::start_with(Duration::from_secs(30))
    }

    /// Drops whoever is silent for so long.
    pub(crate) fn start_with(idle_timeout: Duration) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let secret = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], secret)
            .expect("a certificate with its key");
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).expect("QUIC's cipher suite");
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
        let mut transport = quinn::TransportConfig::default();
        transport.max_idle_timeout(Some(idle_timeout.try_into().expect("fits")));
        config.transport_config(Arc::new(transport));
        let key = KeyFile {
            device: DEVICE,
            site: SITE.into(),
            secret_key: KeyFile::encode_key(&SigningKey::from_bytes(&[9; 32])),
            server_name: "localhost".into(),
            authority: Some(made.cert.pem()),
        };
        let store = Arc::new(Store {
            durable_seq: Mutex::new(0),
            scans: Mutex::default(),
            break_percent: AtomicU32::new(0),
            revoked: AtomicBool::new(false),
            refuse_each: AtomicU32::new(0),
            move_to: Mutex::new(None),
            sessions: AtomicU32::new(0),
            lost: Mutex::default(),
            idle_timeout_ms: idle_timeout.as_millis() as u32,
        });
        let endpoint = serve(config.clone(), SocketAddr::from(([127, 0, 0, 1], 0)), &store, &key);
        let address = endpoint.local_addr().expect("bound");
        Self { store, config, key, endpoint, address }
    }

    /// Stops as if by a power cut, and comes back on the same address.
    pub(crate) async fn restart(&mut self, pause: Duration) {
        self.endpoint.close(VarInt::from_u32(0), b"");
        self.endpoint.set_server_config(None);
        tokio::time::timeout(Duration::from_secs(2), self.endpoint.wait_idle()).await.ok();
        // The old socket goes with its last handle.
        self.endpoint = Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a socket");
        tokio::time::sleep(pause).await;
        for _ in 0..100 {
            if std::net::UdpSocket::bind(self.address).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.endpoint = serve(self.config.clone(), self.address, &self.store, &self.key);
    }

    /// Waits until so many scans are stored.
    pub(crate) async fn wait_for(&self, scans: usize) {
        let waiting = async {
            while self.store.scans.lock().len() < scans {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(came.is_ok(), "only {} of {scans} scans came", self.store.scans.lock().len());
    }

    /// Waits until everything up to this seq is durable.
    pub(crate) async fn wait_for_seq(&self, seq: u64) {
        let waiting = async {
            while *self.store.durable_seq.lock() < seq {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("in time");
    }

    /// That exactly these subjects came, each once, numbered without gaps.
    pub(crate) fn assert_taken(&self, subjects: impl Iterator<Item = String>) {
        let scans = self.store.scans.lock();
        let expected: Vec<(u64, String)> = (1..).zip(subjects).collect();
        let taken: Vec<(u64, String)> =
            scans.iter().map(|(seq, subject, _)| (*seq, subject.clone())).collect();
        assert_eq!(taken.len(), expected.len());
        assert!(taken == expected, "scans are lost, doubled or out of order");
    }
}

fn serve(config: quinn::ServerConfig, address: SocketAddr, store: &Arc<Store>, key: &KeyFile) -> Endpoint {
    let endpoint = Endpoint::server(config, address).expect("the address is free");
    let (accepting, store) = (endpoint.clone(), Arc::clone(store));
    let verifying_key = key.signing_key().expect("made here").verifying_key();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    session(&connection, &store, &verifying_key).await;
                    connection.close(VarInt::from_u32(0), b"");
                }
            });
        }
    });
    endpoint
}

/// Ends with `None` where the peer is gone, or is sent away.
async fn session(connection: &Connection, store: &Store, key: &VerifyingKey) -> Option<()> {
    let (mut tx, mut rx) = connection.accept_bi().await.ok()?;
    let payload = read_frame(&mut rx).await?;
    let FromDevice::Hello(hello) = FromDevice::parse(&payload).ok()? else { return None };
    assert!(verify_hello(key, &hello.facts, &hello.signature), "the hello is signed");
    if store.revoked.load(Ordering::Relaxed) {
        send(&mut tx, FromGateway::Refusal(Refusal::session(Reason::RevokedDevice, "gone"))).await;
        tx.finish().ok();
        tx.stopped().await.ok();
        return None;
    }
    store.sessions.fetch_add(1, Ordering::Relaxed);
    let durable_seq = *store.durable_seq.lock();
    send(&mut tx, FromGateway::Welcome(welcome(store, durable_seq))).await;
    loop {
        let payload = read_frame(&mut rx).await?;
        let FromDevice::Batch(signed) = FromDevice::parse(&payload).ok()? else { return None };
        assert!(verify_batch(key, signed.batch, &signed.signature), "the batch is signed");
        let view = BatchView::parse(signed.batch).expect("a good batch");
        let durable_seq = take(store, &view);
        if rand::random_range(0..100) < store.break_percent.load(Ordering::Relaxed) {
            return None;
        }
        for frame in words_before_ack(store, &view) {
            send(&mut tx, frame).await;
        }
        send(&mut tx, FromGateway::Ack { durable_seq }).await;
    }
}

fn take(store: &Store, view: &BatchView<'_>) -> u64 {
    let mut durable_seq = store.durable_seq.lock();
    assert!(view.first_seq <= *durable_seq + 1, "a gap: {} after {durable_seq}", view.first_seq);
    for (seq, scan) in (view.first_seq..).zip(view.scans()).filter(|(seq, _)| *seq > *durable_seq) {
        let subject = String::from_utf8(scan.code.to_vec()).expect("UTF-8");
        store.scans.lock().push((seq, subject, view.site.to_owned()));
    }
    let last_seq = view.last_seq().expect("numbered");
    if view.lost > 0 {
        store.lost.lock().push((view.first_seq, last_seq));
    }
    *durable_seq = (*durable_seq).max(last_seq);
    *durable_seq
}

fn words_before_ack(store: &Store, view: &BatchView<'_>) -> Vec<FromGateway> {
    let mut words = Vec::new();
    let each = u64::from(store.refuse_each.load(Ordering::Relaxed));
    if each > 0 {
        let seqs = (view.first_seq..).take(view.len()).filter(|seq| seq % each == 0).collect();
        let refusal = Refusal::session(Reason::TimeInFuture, "");
        words.push(FromGateway::Refusal(Refusal { scope: Scope::Scans, seqs, ..refusal }));
    }
    words.extend(store.move_to.lock().take().map(|site| FromGateway::Notice(Notice::SiteChanged(site))));
    words
}

fn welcome(store: &Store, durable_seq: u64) -> Welcome {
    Welcome {
        version: 1,
        durable_seq,
        site: SITE.into(),
        server_time: TimeMs::now(),
        frame_bytes_max: FRAME_BYTES_MAX as u32,
        batch_scans_max: BATCH_SCANS_MAX as u32,
        window_bytes: WINDOW_BYTES,
        idle_timeout_ms: store.idle_timeout_ms,
    }
}

async fn read_frame(rx: &mut RecvStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    rx.read_exact(&mut length).await.ok()?;
    let mut payload = vec![0; u32::from_le_bytes(length) as usize];
    rx.read_exact(&mut payload).await.ok()?;
    Some(payload)
}

async fn send(tx: &mut SendStream, frame: FromGateway) {
    tx.write_all(&prefixed(&frame.encode())).await.ok();
}
