//! Scans of an officer's browser over WebTransport, from the offer to the engine.

use std::time::Duration;

use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::signing::sign_batch;
use truyvet_schemas::wire::{BatchFacts, FromGateway, Reason, SignedBatch, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};
use web_transport_quinn::{ClientBuilder, Session};

use super::people_tests::{Browser, served_with};
use super::tests::Server;

fn bytes(text: &Value) -> Vec<u8> {
    BASE64.decode(text.as_str().expect("base64").as_bytes()).expect("base64")
}

fn offer(officer: &Browser<'_>) -> Value {
    let (status, told) = officer.post("/api/v1/checkpoint/transports", &json!({}));
    assert_eq!(status, 200, "{told}");
    told["webtransport"].clone()
}

fn scan_frame(device: u32, first_seq: u64, count: u64, key: &SigningKey) -> Vec<u8> {
    let now = TimeMs::now();
    let scan = |seq: u64| Scan {
        subject: format!("S{seq}"),
        at: now,
        direction: Direction::Pass,
        verdict: Verdict::Passed,
    };
    let scans: Vec<Scan> = (first_seq..first_seq + count).map(scan).collect();
    let facts = BatchFacts { device, site: "C1", first_seq, sent_at: now };
    let (batch, _) = encode_batch(facts, &scans).expect("short enough");
    prefixed(&SignedBatch { batch: &batch, signature: sign_batch(key, &batch) }.encode())
}

/// Connects as the offer says.
async fn connect(offer: &Value) -> Session {
    let hashes = offer["certificate_hashes"].as_array().expect("a list").iter().map(bytes).collect();
    let client = ClientBuilder::new().with_server_certificate_hashes(hashes).expect("hashes");
    let url: url::Url = offer["url"].as_str().expect("a URL").parse().expect("a URL");
    client.connect(url).await.expect("a session")
}

/// The last frame of the answer.
async fn send(session: &Session, offer: &Value, device: u32, frame: &[u8]) -> FromGateway {
    let exchanged = async {
        let (mut send, mut recv) = session.open_bi().await.expect("a stream");
        let request = [&bytes(&offer["ticket"]), &device.to_le_bytes()[..], frame].concat();
        send.write_all(&request).await.ok();
        send.finish().ok();
        let answer = recv.read_to_end(1 << 16).await.expect("an answer");
        FromGateway::parse(&answer[4..]).expect("one frame")
    };
    tokio::time::timeout(Duration::from_secs(10), exchanged).await.expect("in time")
}

#[test]
fn what_is_offered_to_an_officer_takes_scans_into_the_engine_once_until_the_officer_is_no_more() {
    let (server, _folder) = served_with(true);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let officer = Browser::new(&server).sign_in("chot1");
    let key = SigningKey::from_bytes(&[9; 32]);
    let enrol = json!({"public_key": BASE64.encode(key.verifying_key().as_bytes())});
    let device = officer.post("/api/v1/checkpoint/device", &enrol).1["device"].as_u64().expect("it") as u32;
    let told = offer(&officer);
    assert_eq!(bytes(&told["ticket"]).len(), 32);
    let holds_ms = told["ticket_holds_ms"].as_i64().expect("a number");
    assert!((599_000..=600_000).contains(&holds_ms), "{holds_ms}");
    let frame = scan_frame(device, 1, 3, &key);
    let session = runtime.block_on(connect(&told));
    for _ in 0..2 {
        let acked = runtime.block_on(send(&session, &told, device, &frame));
        assert_eq!(acked, FromGateway::Ack { durable_seq: 3 });
    }
    let posted = officer.ask("POST", &format!("/api/v1/scans?device={device}"), &[], &frame[4..]);
    assert_eq!(posted.0, 200, "the same batch over HTTPS");
    let early = runtime.block_on(send(&session, &told, device, &scan_frame(device, 9, 1, &key)));
    let FromGateway::Refusal(gap) = early else { panic!("{early:?}") };
    assert_eq!((gap.reason, gap.expected_seq), (Reason::SeqGap, 4));
    assert_eq!(server.app.engine.status().scans, 3);
    let metrics = server.app.gateway.as_ref().expect("it has one").metrics();
    assert_eq!(metrics.scans_https.get(), 0, "there was nothing new in it");
    let admin = Browser::new(&server).sign_in("quantri");
    assert_eq!(admin.post("/api/v1/accounts/chot1/disable", &json!({})).0, 200);
    let late = runtime.block_on(send(&session, &told, device, &scan_frame(device, 4, 1, &key)));
    assert!(matches!(late, FromGateway::Refusal(refusal) if refusal.reason == Reason::NotSignedIn));
    assert_eq!(server.app.engine.status().scans, 3);
}

#[test]
fn tickets_are_for_officers_and_end_with_their_session() {
    let (server, _folder) = served_with(true);
    let ask = |browser: &Browser<'_>| browser.post("/api/v1/checkpoint/transports", &json!({})).0;
    assert_eq!(ask(&Browser::new(&server)), 401);
    assert_eq!(ask(&Browser::new(&server).sign_in("maychu")), 403);
    let (leaves, stays) = (Browser::new(&server).sign_in("chot1"), Browser::new(&server).sign_in("chot1"));
    let tickets = [&leaves, &stays].map(|browser| bytes(&offer(browser)["ticket"]));
    let admitted = || {
        tickets.each_ref().map(|ticket| {
            let ticket: &[u8; 32] = ticket[..].try_into().expect("32 bytes");
            crate::ingest::Admits::admits(&*server.app.people.tickets, ticket, TimeMs::now())
        })
    };
    assert_eq!(admitted(), [true, true]);
    assert_eq!(leaves.ask("DELETE", "/api/v1/session", &[], b"").0, 204);
    assert_eq!(admitted(), [false, true]);
    let admin = Browser::new(&server).sign_in("quantri");
    let password = json!({"password": "một mật khẩu khác"});
    assert_eq!(admin.post("/api/v1/accounts/chot1/password", &password).0, 200);
    assert_eq!(admitted(), [false, false]);
}

#[test]
fn a_server_without_a_gateway_for_browsers_offers_none() {
    let (server, _folder) = served_with(false);
    assert_eq!(offer(&Browser::new(&server).sign_in("chot1")), Value::Null);
}

#[test]
fn the_checkpoint_alone_may_connect_to_the_gateway_and_nowhere_else() {
    let server = Server::start_with(|_| {}, true);
    let policy = |path: &str| {
        let answer = Server::agent().get(format!("{}{path}", server.url)).call().expect("an answer");
        answer.headers()["content-security-policy"].to_str().expect("text").to_owned()
    };
    let at = server.app.gateway.as_ref().and_then(|gateway| gateway.web_addr()).expect("it listens");
    let may = format!("{}; connect-src 'self' https://{at}", truyvet_pages::POLICY);
    assert_eq!(policy("/checkpoint"), may);
    for path in ["/", "/declare", "/sign-in", "/desk", "/trace"] {
        assert_eq!(policy(path), truyvet_pages::POLICY, "{path}");
    }
}
