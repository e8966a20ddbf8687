//! A device whose clock jumps, by a day or back to the time before it was ever set: what it scanned at
//! impossible times is set aside with the reason on both sides, and everything else goes on.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;
use truyvet_schemas::TimeMs;
use truyvet_schemas::signing::HelloFacts;
use truyvet_schemas::wire::{BatchFacts, FromGateway, Notice, encode_batch};

use crate::support::checkpoint::Checkpoint;
use crate::support::clock::FakeClock;
use crate::support::peer::{Peer, scan};
use crate::support::server::{More, Server, eventually, truyvet_ok};
use crate::support::stream::{Record, Stream, assert_exactly_once};

#[test]
fn scans_of_impossible_times_become_dead_letters_and_the_device_is_told() {
    let server = Server::start(CONFIG);
    server.put_sites(&["steady", "jumping"]);
    let stream = Stream::start(server.enrol(&["steady"]), server.quic(), Duration::from_millis(10));
    let mut checkpoint = Checkpoint::start(&server, "jumping");
    let (mut record, mut refused) = (Record::default(), Vec::new());
    for one_by_one in [true, false] {
        for (clock, reason) in CLOCKS {
            let (first_seq, now_ms) = (checkpoint.count() + 1, clock(TimeMs::now().get()));
            let scans: Vec<_> = (0..SCANS).map(|n| (format!("p{n}"), now_ms + n as i64)).collect();
            match reason {
                None => record.scans.extend(scans.iter().map(|(subject, at_ms)| scan(subject, *at_ms))),
                Some(reason) => refused.extend((first_seq..first_seq + SCANS).map(|seq| (seq, reason))),
            }
            checkpoint.write(scans);
            // In one batch with those of another time, or not.
            if one_by_one {
                delivered(&checkpoint);
            }
        }
    }
    delivered(&checkpoint);

    let letters = truyvet_ok(&["dead-letters", "--limit", "1000", "--url", server.url()]);
    let letters: Vec<Value> = serde_json::from_str(&letters).unwrap();
    assert_eq!(told(&letters), refused, "the operator's");
    let aside = std::fs::read_to_string(checkpoint.spool().join("refused.ndjson")).unwrap();
    let aside: Vec<Value> = aside.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told(&aside), refused, "the device's own");
    eventually("the state tells", PATIENCE, || checkpoint.state()["refused"] == refused.len());

    assert_eq!(checkpoint.log().matches("connected for the first time").count(), 1);
    assert_eq!(checkpoint.log().matches("INFO connected durable_seq").count(), 0, "it lost no session");
    assert_eq!(stream.welcomes(), 1, "and nor did the other device");
    let mut sent = stream.finish();
    record.durable_seq = checkpoint.count();
    sent.push((checkpoint.key(), record));
    assert_exactly_once(&server, &sent);
}

#[test]
fn a_session_outlives_its_devices_clock() {
    let server = Server::start(CONFIG);
    server.put_sites(&["jumping"]);
    let peer = Peer::new(server.enrol(&["jumping"]).remove(0), server.quic());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut seq = 0;
        for skew_ms in [DAY_MS, -DAY_MS, 0] {
            let mut wire = peer.open().await;
            let now_ms = TimeMs::now().get();
            let hello = peer.hello(HelloFacts { sent_at_ms: now_ms + skew_ms, ..peer.facts() });
            wire.send.write_all(&hello).await.unwrap();
            let mut heard = async || timeout(PATIENCE, wire.hear()).await.unwrap().unwrap();
            assert!(matches!(heard().await, FromGateway::Welcome(welcome) if welcome.durable_seq == seq));
            if skew_ms != 0 {
                let notice = heard().await;
                let FromGateway::Notice(Notice::ClockSkew { skew_ms: told_ms }) = notice else {
                    panic!("{notice:?}")
                };
                assert!((told_ms - skew_ms).abs() < 10_000, "{told_ms} for {skew_ms}");
            }
            for jump_ms in [skew_ms, 0, -skew_ms] {
                seq += 1;
                let sent_at = TimeMs::new(now_ms + jump_ms);
                let facts = BatchFacts { device: peer.key.device, site: "jumping", first_seq: seq, sent_at };
                let (batch, _) = encode_batch(facts, &[scan("x", now_ms)]).unwrap();
                wire.send.write_all(&peer.frame(&batch)).await.unwrap();
                let told = timeout(PATIENCE, wire.hear()).await.unwrap().unwrap();
                assert_eq!(told, FromGateway::Ack { durable_seq: seq });
            }
            wire.connection.close(0u32.into(), b"");
        }
        assert_eq!(server.scans(), seq);
    });
}

/// The clocks of both programs jump under them; what is compared is the two clocks, and what is waited
/// for goes by neither.
#[test]
fn programs_go_on_when_their_own_clocks_jump() {
    let (Some(servers), Some(devices)) = (FakeClock::new(), FakeClock::new()) else { return };
    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    let more = More { envs: servers.envs(), ..More::default() };
    let server = Server::start_with(place, data, CONFIG, more);
    server.put_sites(&["jumping"]);
    let spool = server.place().join("spool");
    let mut checkpoint = Checkpoint::start_in(&server, "jumping", spool, devices.envs());
    let (mut taken, mut refused) = (0, 0);
    let jumps = [
        ("+0", "+0"),
        ("+0", "+1d"),
        ("+1d", "+1d"),
        ("+1d", "+0"),
        ("-1d", "+0"),
        ("-1d", "-1d"),
        ("+0", "+0"),
    ];
    for (clock, of_device) in jumps {
        servers.set(clock);
        devices.set(of_device);
        checkpoint.write_now("x", SCANS);
        delivered(&checkpoint);
        let ahead = matches!((clock, of_device), ("+0", "+1d") | ("-1d", "+0"));
        *(if ahead { &mut refused } else { &mut taken }) += SCANS;
        assert_eq!(server.scans(), taken, "server {clock}, device {of_device}");
    }
    let letters = truyvet_ok(&["dead-letters", "--limit", "1000", "--url", server.url()]);
    let letters: Vec<Value> = serde_json::from_str(&letters).unwrap();
    assert_eq!(letters.iter().filter(|letter| letter["reason"] == "time_in_future").count() as u64, refused);
    assert_eq!(server.json("/api/v1/status", &[])["gateway"]["sessions"], 1, "the first session lives on");
}

/// Seq and reason of each, in order of seq.
fn told(letters: &[Value]) -> Vec<(u64, &str)> {
    let seqs = letters.iter().map(|letter| letter["seq"].as_u64().unwrap());
    let reasons = letters.iter().map(|letter| letter["reason"].as_str().unwrap());
    let mut told: Vec<_> = seqs.zip(reasons).collect();
    told.sort_unstable();
    told
}

fn delivered(checkpoint: &Checkpoint) {
    let count = checkpoint.count();
    eventually("all is delivered", PATIENCE, || checkpoint.state()["acknowledged_seq"] == count);
}

/// What a clock shows when it is so late, and what becomes of scans then.
type Clock = (fn(i64) -> i64, Option<&'static str>);

const CLOCKS: [Clock; 5] = [
    (|now_ms| now_ms, None),
    (|now_ms| now_ms + DAY_MS, Some("time_in_future")),
    (|now_ms| now_ms, None),
    (|_| 0, Some("time_before_retention")),
    (|now_ms| now_ms, None),
];

const CONFIG: &str = "[engine]\nfree_bytes_min = 0\nretention_days = 30\n";
const DAY_MS: i64 = 86_400_000;
/// Of each clock.
const SCANS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(20);
