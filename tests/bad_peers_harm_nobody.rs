//! Peers that lie, break the rules, dawdle or only knock: each is told why and turned away, while good
//! devices stream on over the sessions they have.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};
use truyvet_device::client::{ConnectOptions, Connection, endpoint_towards, signed_frame};
use truyvet_schemas::framing::{Cut, cut, prefixed};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::limits::FRAME_BYTES_MAX;
use truyvet_schemas::signing::{HelloFacts, sign_hello};
use truyvet_schemas::wire::{BatchFacts, FromGateway, Hello, Reason, Refusal, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use crate::support::server::{Server, eventually, truyvet_ok};
use crate::support::stream::{Record, Stream, assert_exactly_once};

#[test]
fn whoever_breaks_the_rules_is_told_why_and_nobody_else_notices() {
    let house = House::start();
    let peer = house.peer();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut sent = Vec::new();
    runtime.block_on(async {
        for (what, first, slowly, reason) in peer.bad_first_frames() {
            assert_eq!(peer.say(&first, slowly).await, Some(reason), "before the welcome: {what}");
        }
        assert_eq!(peer.say(&[], true).await, None, "who says nothing is let go without a word");
        for (what, next, slowly, reason) in peer.bad_next_frames() {
            let bytes = [peer.hello((1, 1), peer.key.device), next].concat();
            assert_eq!(peer.say(&bytes, slowly).await, Some(reason), "after the welcome: {what}");
        }
        sent.push((peer.key.clone(), peer.repeat().await));
        peer.send_dead_letters().await;
        peer.is_revoked_while_it_streams(&house.server).await;
    });
    let letters = truyvet_ok(&["dead-letters", "--url", house.server.url()]);
    let letters: Vec<Value> = serde_json::from_str(&letters).unwrap();
    let told = |letter: &Value| (letter["seq"].as_u64().unwrap(), letter["reason"].to_string());
    let told: Vec<_> = letters.iter().map(told).collect();
    let (site, future) = ("\"wrong_site\"".to_owned(), "\"time_in_future\"".to_owned());
    assert_eq!(told, [(4, site), (3, future.clone()), (2, future)]);
    // The dead letters took numbers too.
    sent[0].1.durable_seq = 4;
    house.end(sent);
}

#[test]
fn ten_thousand_half_open_handshakes_leave_streams_and_memory_as_they_were() {
    let house = House::start();
    let before_bytes = house.server.memory_bytes();
    let acknowledged = house.stream.acknowledged();
    let knocked = knock(&house.peer(), house.server.quic());
    assert!(knocked >= HALF_OPEN, "only {knocked} handshakes were begun");
    let grown_bytes = house.server.memory_bytes().saturating_sub(before_bytes);
    assert!(grown_bytes < 256 << 20, "the server grew by {grown_bytes} bytes");
    assert!(house.stream.acknowledged() > acknowledged, "streams went on");
    house.end(Vec::new());
}

/// A server with good devices that stream, and a bad one.
struct House {
    server: Server,
    stream: Stream,
    bad: KeyFile,
}

impl House {
    fn start() -> Self {
        let server = Server::start(CONFIG);
        server.put_sites(&["good", "better", "bad"]);
        let stream = Stream::start(server.enrol(&["good", "better"]), server.quic(), PACE);
        let bad = server.enrol(&["bad"]).remove(0);
        eventually("good devices stream", PATIENCE, || stream.acknowledged() > 1_000);
        Self { server, stream, bad }
    }

    fn peer(&self) -> Peer {
        Peer::new(self.bad.clone(), self.server.quic())
    }

    /// Everything that the good ones sent, and `also`, is there, over the sessions of the start.
    fn end(self, also: Vec<(KeyFile, Record)>) {
        assert_eq!(self.stream.welcomes(), 2, "no good device lost its session");
        let mut sent = self.stream.finish();
        assert!(sent.iter().all(|(_, record)| record.refused.is_empty()));
        sent.extend(also);
        assert_exactly_once(&self.server, &sent);
    }
}

/// A device that can say anything.
struct Peer {
    key: KeyFile,
    gateway: SocketAddr,
}

type BadBytes = (&'static str, Vec<u8>, bool, Reason);

impl Peer {
    fn new(key: KeyFile, gateway: SocketAddr) -> Self {
        Self { key, gateway }
    }

    /// Who has the device's number and not its key.
    fn stranger(&self) -> Self {
        let secret_key = KeyFile::encode_key(&[9; 32].into());
        Self::new(KeyFile { secret_key, ..self.key.clone() }, self.gateway)
    }

    fn options(&self) -> ConnectOptions {
        let authority = self.key.authority.as_ref().unwrap();
        ConnectOptions::new(endpoint_towards(self.gateway).unwrap(), authority).unwrap()
    }

    fn hello(&self, versions: (u16, u16), device: u32) -> Vec<u8> {
        let facts = HelloFacts { versions, device, sent_at_ms: TimeMs::now().get(), audience: "localhost" };
        let signature = sign_hello(&self.key.signing_key().unwrap(), &facts);
        prefixed(&Hello { facts, agent: "bad", signature }.encode())
    }

    fn batch(&self, device: u32, site: &str, first_seq: u64, at_ms: i64) -> Vec<u8> {
        let scan = scan(at_ms);
        let facts = BatchFacts { device, site, first_seq, sent_at: TimeMs::now() };
        encode_batch(facts, &[scan]).unwrap().0
    }

    fn frame(&self, device: u32, first_seq: u64) -> Vec<u8> {
        let batch = self.batch(device, "bad", first_seq, TimeMs::now().get());
        signed_frame(&self.key.signing_key().unwrap(), &batch).to_vec()
    }

    fn bad_first_frames(&self) -> Vec<BadBytes> {
        let device = self.key.device;
        let hello = self.hello((1, 1), device);
        let forged = self.stranger().hello((1, 1), device);
        vec![
            ("bytes that are no frame", prefixed(b"these are no FlatBuffer"), false, Reason::Malformed),
            ("a frame of no bytes", vec![0; 4], false, Reason::Malformed),
            ("an oversized frame", vec![0xff; 4], false, Reason::TooLarge),
            ("half a hello", hello[..hello.len() / 2].to_vec(), false, Reason::Malformed),
            ("an unknown version", self.hello((7, 9), device), false, Reason::UnsupportedVersion),
            ("another's signature", forged, false, Reason::BadSignature),
            ("an unknown device", self.hello((1, 1), 999_999), false, Reason::UnknownDevice),
            ("a batch", self.frame(device, 1), false, Reason::UnexpectedFrame),
            ("a byte at a time", hello, true, Reason::TooSlow),
        ]
    }

    fn bad_next_frames(&self) -> Vec<BadBytes> {
        let device = self.key.device;
        let good = self.frame(device, 1);
        let forged = self.stranger().frame(device, 1);
        let oversized = (FRAME_BYTES_MAX as u32 + 1).to_le_bytes().to_vec();
        vec![
            ("bytes that are no frame", prefixed(&[0xa5; 300]), false, Reason::Malformed),
            ("an oversized frame", oversized, false, Reason::TooLarge),
            ("half a batch", good[..good.len() / 2].to_vec(), false, Reason::Malformed),
            ("another's signature", forged, false, Reason::BadSignature),
            ("another's batch", self.frame(device + 1, 1), false, Reason::WrongDevice),
            ("a gap", self.frame(device, 2), false, Reason::SeqGap),
            ("seq 0", self.frame(device, 0), false, Reason::SeqOverflow),
            ("a second hello", self.hello((1, 1), device), false, Reason::UnexpectedFrame),
            ("a byte at a time", good, true, Reason::TooSlow),
        ]
    }

    /// Connects, says this (the last 200 bytes one at a time, where `slowly`), and hears why not.
    async fn say(&self, bytes: &[u8], slowly: bool) -> Option<Reason> {
        let options = self.options();
        let connecting = options.endpoint.connect_with(options.config.clone(), self.gateway, "localhost");
        let connection = connecting.unwrap().await.unwrap();
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        let at_once = if slowly { bytes.len().saturating_sub(200) } else { bytes.len() };
        // A gateway that has refused already takes no more.
        let speak = async {
            send.write_all(&bytes[..at_once]).await.ok();
            for byte in &bytes[at_once..] {
                send.write_all(&[*byte]).await.ok();
                sleep(DAWDLE).await;
            }
            if !slowly {
                send.finish().ok();
            }
            std::future::pending::<()>().await;
        };
        let heard = tokio::select! {
            () = speak => None,
            heard = timeout(PATIENCE, async {
                let mut heard = Vec::new();
                while let Ok(Some(chunk)) = recv.read_chunk(4_096, true).await {
                    heard.extend_from_slice(&chunk.bytes);
                }
                refusal(&heard).map(|refusal| refusal.reason)
            }) => heard.expect("the gateway says nothing"),
        };
        connection.close(0u32.into(), b"");
        heard
    }

    /// Sends the same scan again and again, over two sessions.
    async fn repeat(&self) -> Record {
        let at_ms = TimeMs::now().get();
        let batch = self.batch(self.key.device, "bad", 1, at_ms);
        for _ in 0..2 {
            let mut connection = self.connect().await.unwrap();
            for _ in 0..3 {
                connection.sender.send_batch(&batch).await.unwrap();
                let told = timeout(PATIENCE, connection.receiver.next()).await.unwrap().unwrap();
                assert_eq!(told, FromGateway::Ack { durable_seq: 1 });
            }
            connection.sender.close();
        }
        Record { scans: vec![scan(at_ms)], durable_seq: 1, ..Record::default() }
    }

    /// Scans of the far future, and of a site that is another's: they count as delivered.
    async fn send_dead_letters(&self) {
        let (now, device) = (TimeMs::now().get(), self.key.device);
        let mut connection = self.connect().await.unwrap();
        let batches = [
            (self.batch(device, "bad", 2, now + 86_400_000), Reason::TimeInFuture),
            (self.batch(device, "bad", 3, 7_258_118_400_000), Reason::TimeInFuture),
            (self.batch(device, "good", 4, now), Reason::WrongSite),
        ];
        for (seq, (batch, reason)) in (2..).zip(batches) {
            connection.sender.send_batch(&batch).await.unwrap();
            let refused = timeout(PATIENCE, connection.receiver.next()).await.unwrap().unwrap();
            let FromGateway::Refusal(refusal) = refused else { panic!("{refused:?}") };
            assert_eq!((refusal.reason, refusal.seqs), (reason, vec![seq]));
            let told = timeout(PATIENCE, connection.receiver.next()).await.unwrap().unwrap();
            assert_eq!(told, FromGateway::Ack { durable_seq: seq });
        }
    }

    async fn is_revoked_while_it_streams(&self, server: &Server) {
        let mut connection = self.connect().await.unwrap();
        let device = self.key.device.to_string();
        truyvet_ok(&["device", "revoke", &device, "--url", server.url()]);
        let told = timeout(PATIENCE, connection.receiver.next()).await.unwrap().unwrap();
        assert!(matches!(told, FromGateway::Refusal(refusal) if refusal.reason == Reason::RevokedDevice));
        assert_eq!(self.say(&self.hello((1, 1), self.key.device), false).await, Some(Reason::RevokedDevice));
    }

    async fn connect(&self) -> Result<Connection, truyvet_device::client::ConnectError> {
        Connection::connect(&self.key, self.gateway, &self.options()).await
    }
}

fn scan(at_ms: i64) -> Scan {
    let at = TimeMs::new(at_ms);
    Scan { subject: "bad peer".into(), at, direction: Direction::Pass, verdict: Verdict::Passed }
}

/// The refusal among the frames of a stream.
fn refusal(mut bytes: &[u8]) -> Option<Refusal> {
    while let Ok(Cut::Frame { payload }) = cut(bytes, 64 << 10) {
        let (frame, rest) = bytes.split_at(payload.end);
        match FromGateway::parse(&frame[payload]).unwrap() {
            FromGateway::Refusal(refusal) => return Some(refusal),
            _ => bytes = rest,
        }
    }
    None
}

/// Begins handshakes that are never gone on with: real first packets, made by a client that believes
/// to speak to the server, and carried over by hand. Returns how many.
fn knock(peer: &Peer, gateway: SocketAddr) -> usize {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let catcher = UdpSocket::bind("127.0.0.1:0").unwrap();
    catcher.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let address = catcher.local_addr().unwrap();
    let doors: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let (mut knocked, mut packet) = (0, [0; 2_000]);
    for _ in 0..ATTEMPTS {
        let options = runtime.block_on(async { peer.options() });
        let _inside = runtime.enter();
        let connect =
            |_| options.endpoint.connect_with(options.config.clone(), address, "localhost").unwrap();
        let connecting: Vec<_> = (0..AT_ONCE).map(connect).collect();
        while let Ok(length) = catcher.recv(&mut packet) {
            doors[knocked % doors.len()].send_to(&packet[..length], gateway).unwrap();
            knocked += 1;
            if knocked.is_multiple_of(AT_ONCE) {
                break;
            }
        }
        drop(connecting);
        if knocked >= HALF_OPEN {
            break;
        }
    }
    knocked
}

/// So short that dawdlers are soon found out.
const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n\
                      [gateway]\nhello_timeout_ms = 1_000\nframe_timeout_ms = 1_000\n";
const PACE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(10);
const DAWDLE: Duration = Duration::from_millis(50);
const HALF_OPEN: usize = 10_000;
/// Few enough for the catcher's buffer.
const AT_ONCE: usize = 100;
const ATTEMPTS: usize = 400;
