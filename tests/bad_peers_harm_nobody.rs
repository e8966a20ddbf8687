//! Peers that lie, break the rules, dawdle or only knock: each is told why and turned away, while good
//! devices stream on over the sessions they have.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use truyvet_device::client::SessionError;
use truyvet_schemas::TimeMs;
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::limits::FRAME_BYTES_MAX;
use truyvet_schemas::signing::HelloFacts;
use truyvet_schemas::wire::{FromGateway, Reason};

use crate::support::knock;
use crate::support::peer::{Peer, batch, scan};
use crate::support::server::{Server, eventually, truyvet_ok};
use crate::support::stream::{Record, Stream, assert_exactly_once};

#[test]
fn whoever_breaks_the_rules_is_told_why_and_nobody_else_notices() {
    let house = House::start();
    let peer = house.peer();
    let mut sent = Vec::new();
    runtime().block_on(async {
        for (what, first, slowly, reason) in bad_first_frames(&peer) {
            assert_eq!(say(&peer, &first, slowly).await, Some(reason), "before the welcome: {what}");
        }
        assert_eq!(say_nothing(&peer).await, Some(Reason::TooSlow));
        for (what, next, slowly, reason) in bad_next_frames(&peer) {
            let bytes = [peer.hello(peer.facts()), next].concat();
            assert_eq!(say(&peer, &bytes, slowly).await, Some(reason), "after the welcome: {what}");
        }
        sent.push((peer.key.clone(), repeat(&peer).await));
        send_dead_letters(&peer).await;
        is_revoked_while_it_streams(&peer, &house.server).await;
    });
    let letters = truyvet_ok(&["dead-letters", "--url", house.server.url()]);
    let letters: Vec<Value> = serde_json::from_str(&letters).unwrap();
    let told = |letter: &Value| (letter["seq"].as_u64().unwrap(), letter["reason"].to_string());
    let told: Vec<_> = letters.iter().map(told).collect();
    let (site, future) = ("\"wrong_site\"".to_owned(), "\"time_in_future\"".to_owned());
    assert_eq!(told, [(4, site), (3, future.clone()), (2, future)]);
    assert!(!house.server.log().contains(SUBJECT), "no code of a subject is in the log");
    // The dead letters took numbers too.
    sent[0].1.durable_seq = 4;
    house.end(sent);
}

#[test]
fn ten_thousand_half_open_handshakes_leave_streams_and_memory_as_they_were() {
    let house = House::start();
    let (before_bytes, acknowledged) = (house.server.memory_bytes(), house.stream.acknowledged());
    let knocked = knock::with_first_packets(&house.peer(), HALF_OPEN);
    assert!(knocked >= HALF_OPEN, "only {knocked} handshakes were begun");
    house.assert_unmoved(before_bytes, acknowledged);
    house.end(Vec::new());
}

/// Who answers the gateway's Retry holds its address, so its handshakes are begun, or wait.
#[test]
fn ten_thousand_half_open_handshakes_from_proved_addresses_do_no_more() {
    let house = House::start();
    let (before_bytes, acknowledged) = (house.server.memory_bytes(), house.stream.acknowledged());
    let (peer, newcomer) = (house.peer(), house.peer());
    let (over, mut waiting, mut came_in) = (AtomicBool::new(false), 0, 0);
    let knocked = std::thread::scope(|scope| {
        let knocking = scope.spawn(|| {
            let knocked = knock::from_proved_addresses(&peer, HALF_OPEN);
            over.store(true, Ordering::Relaxed);
            knocked
        });
        while !over.load(Ordering::Relaxed) {
            waiting = waiting.max(house.number("truyvet_gateway_handshakes_waiting"));
            came_in += usize::from(runtime().block_on(newcomer.connect()).is_ok());
        }
        knocking.join().unwrap()
    });
    assert!(knocked >= HALF_OPEN, "only {knocked} addresses were proved");
    assert!(waiting > 1_000, "only {waiting} handshakes waited for their turn");
    assert!(came_in > 0, "an honest device elsewhere never got in");
    house.assert_unmoved(before_bytes, acknowledged);
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

    /// One of the server's metrics.
    fn number(&self, name: &str) -> u64 {
        let (_, text) = self.server.get("/metrics", &[]);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// The server is not much larger than before, and the good devices went on.
    fn assert_unmoved(&self, before_bytes: u64, acknowledged: u64) {
        let grown_bytes = self.server.memory_bytes().saturating_sub(before_bytes);
        assert!(grown_bytes < 256 << 20, "the server grew by {grown_bytes} bytes");
        assert!(self.stream.acknowledged() > acknowledged, "streams went on");
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

type BadBytes = (&'static str, Vec<u8>, bool, Reason);

/// Who has the device's number and not its key.
fn stranger(peer: &Peer) -> Peer {
    let secret_key = KeyFile::encode_key(&[9; 32].into());
    Peer::new(KeyFile { secret_key, ..peer.key.clone() }, peer.gateway)
}

/// A batch of one scan of now.
fn frame(peer: &Peer, device: u32, first_seq: u64) -> Vec<u8> {
    peer.frame(&batch(device, "bad", first_seq, &[scan(SUBJECT, TimeMs::now().get())]))
}

fn bad_first_frames(peer: &Peer) -> Vec<BadBytes> {
    let (facts, device) = (peer.facts(), peer.key.device);
    let hello = peer.hello(facts);
    let forged = stranger(peer).hello(facts);
    let of_later = peer.hello(HelloFacts { versions: (7, 9), ..facts });
    let unknown = peer.hello(HelloFacts { device: 999_999, ..facts });
    vec![
        ("bytes that are no frame", prefixed(b"these are no FlatBuffer"), false, Reason::Malformed),
        ("a frame of no bytes", vec![0; 4], false, Reason::Malformed),
        ("an oversized frame", vec![0xff; 4], false, Reason::TooLarge),
        ("half a hello", hello[..hello.len() / 2].to_vec(), false, Reason::Malformed),
        ("an unknown version", of_later, false, Reason::UnsupportedVersion),
        ("another's signature", forged, false, Reason::BadSignature),
        ("an unknown device", unknown, false, Reason::UnknownDevice),
        ("a batch", frame(peer, device, 1), false, Reason::UnexpectedFrame),
        ("a byte at a time", hello, true, Reason::TooSlow),
    ]
}

fn bad_next_frames(peer: &Peer) -> Vec<BadBytes> {
    let device = peer.key.device;
    let good = frame(peer, device, 1);
    let forged = frame(&stranger(peer), device, 1);
    let oversized = (FRAME_BYTES_MAX as u32 + 1).to_le_bytes().to_vec();
    let absurd = peer.frame(&batch(device, "bad", 1, &[scan(SUBJECT, 1 << 60)]));
    let overflow = peer.frame(&batch(device, "bad", u64::MAX, &[scan(SUBJECT, 0), scan(SUBJECT, 0)]));
    vec![
        ("bytes that are no frame", prefixed(&[0xa5; 300]), false, Reason::Malformed),
        ("an oversized frame", oversized, false, Reason::TooLarge),
        ("half a batch", good[..good.len() / 2].to_vec(), false, Reason::Malformed),
        ("another's signature", forged, false, Reason::BadSignature),
        ("another's batch", frame(peer, device + 1, 1), false, Reason::WrongDevice),
        ("a time after all times", absurd, false, Reason::Malformed),
        ("a gap", frame(peer, device, 2), false, Reason::SeqGap),
        ("seq 0", frame(peer, device, 0), false, Reason::SeqOverflow),
        ("seqs beyond the last", overflow, false, Reason::SeqOverflow),
        ("a second hello", peer.hello(peer.facts()), false, Reason::UnexpectedFrame),
        ("a byte at a time", good, true, Reason::TooSlow),
    ]
}

/// Connects, says this (the last 200 bytes one at a time, where `slowly`), and hears why not.
async fn say(peer: &Peer, bytes: &[u8], slowly: bool) -> Option<Reason> {
    let mut wire = peer.open().await;
    let at_once = if slowly { bytes.len().saturating_sub(200) } else { bytes.len() };
    // A gateway that has refused already takes no more.
    wire.send.write_all(&bytes[..at_once]).await.ok();
    let heard = async {
        for byte in &bytes[at_once..] {
            wire.send.write_all(&[*byte]).await.ok();
            sleep(DAWDLE).await;
        }
        if !slowly {
            wire.send.finish().ok();
        }
        loop {
            match wire.hear().await {
                Some(FromGateway::Refusal(refusal)) => return Some(refusal.reason),
                Some(_) => {}
                None => return None,
            }
        }
    };
    let heard = timeout(PATIENCE * 2, heard).await.expect("the gateway says nothing");
    wire.connection.close(0u32.into(), b"");
    heard
}

/// Without a stream there is nowhere to say why: the code of the close tells.
async fn say_nothing(peer: &Peer) -> Option<Reason> {
    let wire = peer.open().await;
    let closed = timeout(PATIENCE, wire.connection.closed()).await.expect("the gateway waits for ever");
    SessionError::from(closed).reason()
}

/// Sends the same scan again and again, over two sessions.
async fn repeat(peer: &Peer) -> Record {
    let scan = scan(SUBJECT, TimeMs::now().get());
    let batch = batch(peer.key.device, "bad", 1, std::slice::from_ref(&scan));
    for _ in 0..2 {
        let mut connection = peer.connect().await.unwrap();
        for _ in 0..3 {
            connection.sender.send_batch(&batch).await.unwrap();
            let told = timeout(PATIENCE, connection.receiver.next()).await.unwrap().unwrap();
            assert_eq!(told, FromGateway::Ack { durable_seq: 1 });
        }
        connection.sender.close();
    }
    Record { scans: vec![scan], durable_seq: 1, ..Record::default() }
}

/// Scans of the far future, and of a site that is another's: they count as delivered.
async fn send_dead_letters(peer: &Peer) {
    let (now, device) = (TimeMs::now().get(), peer.key.device);
    let mut connection = peer.connect().await.unwrap();
    let batches = [
        (batch(device, "bad", 2, &[scan(SUBJECT, now + 86_400_000)]), Reason::TimeInFuture),
        (batch(device, "bad", 3, &[scan(SUBJECT, 7_258_118_400_000)]), Reason::TimeInFuture),
        (batch(device, "good", 4, &[scan(SUBJECT, now)]), Reason::WrongSite),
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

async fn is_revoked_while_it_streams(peer: &Peer, server: &Server) {
    let mut connection = peer.connect().await.unwrap();
    let device = peer.key.device.to_string();
    truyvet_ok(&["device", "revoke", &device, "--url", server.url()]);
    let told = timeout(PATIENCE, connection.receiver.next()).await.unwrap().unwrap();
    assert!(matches!(told, FromGateway::Refusal(refusal) if refusal.reason == Reason::RevokedDevice));
    let again = say(peer, &peer.hello(peer.facts()), false).await;
    assert_eq!(again, Some(Reason::RevokedDevice));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// So short that dawdlers are soon found out.
const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n\
                      [gateway]\nhello_timeout_ms = 1_000\nframe_timeout_ms = 1_000\n";
const SUBJECT: &str = "bad peer";
const PACE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(10);
const DAWDLE: Duration = Duration::from_millis(50);
const HALF_OPEN: usize = 10_000;
