//! The test vectors of PROTOCOL.md: read from the page, and held against the code.
//!
//! Each vector is a fenced block that begins with ```` ```hex NAME ````. When one differs, the failure
//! tells what the code makes, to be pasted.

mod page;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use truyvet_schemas::TimeMs;
use truyvet_schemas::framing::prefixed;
use truyvet_schemas::scan::{Direction, Scan, Verdict};
use truyvet_schemas::signing::{HelloFacts, sign_batch, sign_hello, verify_batch, verify_hello};
use truyvet_schemas::wire::{
    BatchFacts, BatchView, FromDevice, FromGateway, Hello, Notice, Reason, Refusal, Scope, SignedBatch,
    Welcome, encode_batch, encode_lost,
};

type Vectors = BTreeMap<String, Vec<u8>>;

#[test]
fn the_page_and_the_code_agree() {
    page::assert_agrees("PROTOCOL.md", &vectors_of_the_page(), &vectors_of_the_code(), |name, bytes| {
        block(name, bytes)
    });
}

#[test]
fn the_hello_of_the_page_verifies_under_its_public_key() {
    let page = vectors_of_the_page();
    let FromDevice::Hello(hello) = FromDevice::parse(payload(&page, "hello")).expect("a frame") else {
        panic!("not a hello");
    };
    assert_eq!((hello.facts, hello.agent), (facts(), "example/1.0"));
    assert!(verify_hello(&public_key(&page), &hello.facts, &hello.signature));
}

#[test]
fn the_batch_of_the_page_verifies_under_its_public_key() {
    let page = vectors_of_the_page();
    let FromDevice::Batch(signed) = FromDevice::parse(payload(&page, "signed-batch")).expect("a frame")
    else {
        panic!("not a batch");
    };
    assert_eq!(signed.batch, page["scan-batch"]);
    assert!(verify_batch(&public_key(&page), signed.batch, &signed.signature));
    let view = BatchView::parse(signed.batch).expect("a batch");
    assert_eq!((view.device, view.site, view.first_seq, view.last_seq()), (7, "HN-01", 41, Some(43)));
    let read: Vec<Scan> = view
        .scans()
        .map(|scan| Scan {
            subject: String::from_utf8(scan.code.to_vec()).expect("UTF-8"),
            at: TimeMs::new(view.base.get() + i64::from(scan.offset_ms)),
            direction: Direction::from_number(scan.direction).expect("checked"),
            verdict: Verdict::from_number(scan.verdict).expect("checked"),
        })
        .collect();
    assert_eq!(read, scans());
}

#[test]
fn the_lost_batch_of_the_page_declares_what_it_says() {
    let page = vectors_of_the_page();
    let FromDevice::Batch(signed) = FromDevice::parse(payload(&page, "lost-batch")).expect("a frame") else {
        panic!("not a batch");
    };
    assert!(verify_batch(&public_key(&page), signed.batch, &signed.signature));
    let view = BatchView::parse(signed.batch).expect("a batch");
    assert_eq!((view.first_seq, view.lost, view.last_seq(), view.len()), (41, 260, Some(300), 0));
}

#[test]
fn the_gateway_frames_of_the_page_are_what_their_names_say() {
    let page = vectors_of_the_page();
    for (name, frame) in gateway_frames() {
        assert_eq!(FromGateway::parse(payload(&page, name)), Ok(frame), "{name}");
    }
}

#[test]
fn every_reason_of_the_code_is_on_the_page() {
    for reason in Reason::ALL {
        let row = format!("| {} | `{}` |", *reason as u16, reason.as_str());
        assert!(PAGE.contains(&row), "PROTOCOL.md lacks a row that begins {row}");
    }
}

fn vectors_of_the_page() -> Vectors {
    let bytes = |hex: &str| {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("two digits a byte")
        };
        digits.chunks(2).map(pair).collect()
    };
    page::blocks(PAGE, "hex").into_iter().map(|(name, hex)| (name, bytes(&hex))).collect()
}

fn vectors_of_the_code() -> Vectors {
    let (batch, _) = encode_batch(batch_facts(), &scans()).expect("three scans fit");
    let hello = Hello { facts: facts(), agent: "example/1.0", signature: sign_hello(&key(), &facts()) };
    let signed = SignedBatch { batch: &batch, signature: sign_batch(&key(), &batch) };
    let lost = encode_lost(batch_facts(), 260);
    let lost = SignedBatch { batch: &lost, signature: sign_batch(&key(), &lost) };
    let mut vectors = Vectors::from([
        ("secret-key".to_owned(), key().to_bytes().to_vec()),
        ("public-key".to_owned(), key().verifying_key().to_bytes().to_vec()),
        ("hello".to_owned(), prefixed(&hello.encode())),
        ("hello-signature".to_owned(), hello.signature.to_vec()),
        ("signed-batch".to_owned(), prefixed(&signed.encode())),
        ("batch-signature".to_owned(), signed.signature.to_vec()),
        ("scan-batch".to_owned(), batch.clone()),
        ("lost-batch".to_owned(), prefixed(&lost.encode())),
        ("web-request-head".to_owned(), web_request(&prefixed(&signed.encode()))[..40].to_vec()),
    ]);
    vectors.extend(gateway_frames().map(|(name, frame)| (name.to_owned(), prefixed(&frame.encode()))));
    vectors
}

/// A browser's request: its ticket, the device, the frame.
fn web_request(frame: &[u8]) -> Vec<u8> {
    let ticket: Vec<u8> = (0xa0..0xc0).collect();
    [&ticket, facts().device.to_le_bytes().as_slice(), frame].concat()
}

fn gateway_frames() -> [(&'static str, FromGateway); 10] {
    let refusal = Refusal {
        scope: Scope::Session,
        reason: Reason::Superseded,
        seqs: Vec::new(),
        expected_seq: 0,
        retry_after_ms: 60_000,
        detail: "another connection of this device took over".into(),
    };
    let gap = Refusal {
        scope: Scope::Batch,
        reason: Reason::SeqGap,
        expected_seq: 44,
        retry_after_ms: 0,
        detail: "seq 44 is next".into(),
        ..refusal.clone()
    };
    let scans = Refusal {
        scope: Scope::Scans,
        reason: Reason::TimeInFuture,
        seqs: vec![42, 43],
        expected_seq: 0,
        detail: String::new(),
        ..gap.clone()
    };
    let welcome = Welcome {
        version: 1,
        durable_seq: 40,
        site: "HN-01".into(),
        server_time: TimeMs::new(1_628_208_000_250),
        frame_bytes_max: 1_200_000,
        batch_scans_max: 4_096,
        window_bytes: 2_000_000,
        idle_timeout_ms: 30_000,
    };
    [
        ("welcome", FromGateway::Welcome(welcome)),
        ("ack", FromGateway::Ack { durable_seq: 43 }),
        ("refusal-session", FromGateway::Refusal(refusal)),
        ("refusal-batch", FromGateway::Refusal(gap)),
        ("refusal-scans", FromGateway::Refusal(scans)),
        ("notice-text", FromGateway::Notice(Notice::Text("Điểm đóng lúc 18:00".into()))),
        ("notice-draining", FromGateway::Notice(Notice::Draining { reconnect_after_ms: 1_000 })),
        ("notice-site-changed", FromGateway::Notice(Notice::SiteChanged("HN-02".into()))),
        ("notice-clock-skew", FromGateway::Notice(Notice::ClockSkew { skew_ms: -90_000 })),
        ("notice-storage-full", FromGateway::Notice(Notice::StorageFull)),
    ]
}

fn facts() -> HelloFacts<'static> {
    HelloFacts { versions: (1, 1), device: 7, sent_at_ms: 1_628_208_000_000, audience: "localhost" }
}

fn batch_facts() -> BatchFacts<'static> {
    BatchFacts { device: 7, site: "HN-01", first_seq: 41, sent_at: TimeMs::new(1_628_208_000_500) }
}

fn scans() -> Vec<Scan> {
    let scan = |subject: &str, at, direction, verdict| Scan {
        subject: subject.into(),
        at: TimeMs::new(at),
        direction,
        verdict,
    };
    vec![
        scan("P-0001", 1_628_207_990_000, Direction::In, Verdict::Passed),
        scan("29A-123.45", 1_628_207_985_000, Direction::Out, Verdict::Refused),
        scan("điểm", 1_628_207_999_999, Direction::Pass, Verdict::Corrected),
    ]
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&std::array::from_fn(|i| i as u8))
}

fn public_key(page: &Vectors) -> ed25519_dalek::VerifyingKey {
    let bytes = page["public-key"].as_slice().try_into().expect("32 bytes");
    ed25519_dalek::VerifyingKey::from_bytes(bytes).expect("a key")
}

/// A frame's payload, after its length.
fn payload<'v>(page: &'v Vectors, name: &str) -> &'v [u8] {
    let (length, payload) = page[name].split_first_chunk::<4>().expect("a frame has a length");
    assert_eq!(u32::from_le_bytes(*length) as usize, payload.len(), "{name}");
    payload
}

fn block(name: &str, bytes: &[u8]) -> String {
    let line = |chunk: &[u8]| chunk.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let lines: Vec<String> = bytes.chunks(32).map(line).collect();
    format!("```hex {name}\n{}\n```", lines.join("\n"))
}

const PAGE: &str = include_str!("../PROTOCOL.md");
