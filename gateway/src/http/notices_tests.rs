//! What wards at both ends of a journey are told, at a real server on loopback.

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use truyvet_schemas::signing::sign_batch;
use truyvet_schemas::wire::{BatchFacts, SignedBatch, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use super::people_tests::{AN, Browser, MAI, declaration, mai, served_and};
use super::tests::Server;
use crate::config::Config;
use crate::people::{Caller, NewAccount};

/// An officer with a browser that is a device.
pub(super) struct Checkpoint<'s> {
    pub(super) officer: Browser<'s>,
    device: u32,
    key: SigningKey,
    site: &'static str,
}

impl<'s> Checkpoint<'s> {
    pub(super) fn open(server: &'s Server) -> Self {
        Self::open_as(server, "chot1", "C1")
    }

    pub(super) fn open_as(server: &'s Server, account: &str, site: &'static str) -> Self {
        let key = SigningKey::from_bytes(blake3::hash(account.as_bytes()).as_bytes());
        let officer = Browser::new(server).sign_in(account);
        let sent = json!({"public_key": BASE64.encode(key.verifying_key().as_bytes())});
        let (_, device) = officer.post("/api/v1/checkpoint/device", &sent);
        Self { officer, key, site, device: device["device"].as_u64().expect("a number") as u32 }
    }

    /// Lets somebody pass, as the scan of this number.
    pub(super) fn pass(&self, subject: &str, seq: u64) {
        self.pass_all(&[subject.to_owned()], seq, TimeMs::now());
    }

    /// Lets all of them pass at once, as the scans from this number on.
    pub(super) fn pass_all(&self, subjects: &[String], seq: u64, at: TimeMs) {
        let scan = |subject: &String| Scan {
            subject: subject.clone(),
            at,
            direction: Direction::Pass,
            verdict: Verdict::Passed,
        };
        self.send(seq, &subjects.iter().map(scan).collect::<Vec<_>>());
    }

    /// Sends scans, numbered from this number on.
    pub(super) fn send(&self, seq: u64, scans: &[Scan]) {
        let (device, sent_at) = (self.device, TimeMs::now());
        let facts = BatchFacts { device, site: self.site, first_seq: seq, sent_at };
        let (batch, _) = encode_batch(facts, scans).expect("short enough");
        let frame = SignedBatch { batch: &batch, signature: sign_batch(&self.key, &batch) }.encode();
        let path = format!("/api/v1/scans?device={}", self.device);
        let (status, said) = self.officer.ask("POST", &path, &[], &frame);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&said));
    }
}

/// The server of the other tests, with officials at the place that all travel to.
fn with_destination() -> (Server, tempfile::TempDir) {
    with_destination_and(|_| {})
}

/// With other settings.
pub(super) fn with_destination_and(change: impl FnOnce(&mut Config)) -> (Server, tempfile::TempDir) {
    let (server, folder) = served_and(false, change);
    for (account, role, area) in [("xa2", "ward", "W2"), ("tinh2", "health", "P2")] {
        let new = json!({"account": account, "name": "Cán bộ", "role": role, "area": area, "password": "một mật khẩu dài"});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    (server, folder)
}

fn notices(browser: &Browser<'_>, query: &str) -> Vec<Value> {
    let (status, found) = browser.get(&format!("/api/v1/notices{query}"));
    assert_eq!(status, 200, "{found}");
    found["notices"].as_array().expect("a list").clone()
}

#[test]
fn wards_at_both_ends_are_told_of_a_verified_journey_and_what_becomes_of_it() {
    let (server, _folder) = with_destination();
    let [left, entered, province] =
        ["xa1", "xa2", "tinh2"].map(|account| Browser::new(&server).sign_in(account));
    let (_, made) = Browser::new(&server).redeem(AN, "0901234567").declare(&declaration(AN, "Nguyễn Văn An"));
    for (browser, side) in [(&left, "leaving"), (&entered, "coming"), (&province, "coming")] {
        let told = notices(browser, "");
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["side"], &told[0]["state"]), (&json!(side), &json!("expected")));
        assert_eq!(told[0]["declaration"], made["declaration"]);
        assert_eq!(
            (&told[0]["from"]["name"], &told[0]["to"]["name"]),
            (&json!("Phường Bến Nghé"), &json!("Xã Đất Mũi"))
        );
        let text = told[0].to_string();
        assert!(!text.contains("Nguyễn") && !text.contains(AN), "no name and no number: {text}");
    }
    let subject = notices(&left, "")[0]["subject"].as_str().expect("a code").to_owned();
    let checkpoint = Checkpoint::open(&server);
    checkpoint.pass(&subject, 1);
    let seen = &notices(&entered, "?state=under_way&side=coming")[0];
    assert_eq!(
        (&seen["passages"], &seen["last"]["site"], &seen["last"]["verdict"]),
        (&json!(1), &json!("C1"), &json!("passed"))
    );
    assert!(notices(&entered, "?side=leaving").is_empty() && notices(&entered, "?state=expected").is_empty());
    let arrival = format!("/api/v1/notices/{}/arrival", made["declaration"].as_str().expect("a number"));
    assert_eq!(left.post(&arrival, &json!({})).0, 404, "it is for the ward of destination to say");
    assert_eq!(checkpoint.officer.post(&arrival, &json!({})).0, 403);
    let (status, arrived) = entered.post(&arrival, &json!({}));
    assert_eq!((status, &arrived["by"]), (200, &json!("xa2")));
    assert_eq!(province.post(&arrival, &json!({})).1, arrived, "the first word stays");
    assert_eq!(notices(&left, "?state=arrived").len(), 1, "those that it left are told, too");
}

#[test]
fn what_nobody_has_verified_is_told_when_an_officer_has_compared_it() {
    let (server, _folder) = with_destination();
    let entered = Browser::new(&server).sign_in("xa2");
    let (_, made) = Browser::new(&server).redeem(MAI, "0901234568").declare(&mai());
    assert!(notices(&entered, "").is_empty());
    let officer = Browser::new(&server).sign_in("chot1");
    officer.post("/api/v1/checkpoint/check", &json!({"token": made["pass"]["token"]}));
    officer.post("/api/v1/checkpoint/verified", &json!({"declaration": made["declaration"]}));
    assert_eq!(notices(&entered, "").len(), 1);
}

#[test]
fn an_official_of_one_area_reads_no_other_and_pages_lead_to_the_end() {
    let (server, _folder) = with_destination();
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let made: Vec<Value> =
        (0..5).map(|_| an.declare(&declaration(AN, "Nguyễn Văn An")).1["declaration"].clone()).collect();
    let [left, other, nation] =
        ["xa1", "yte3", "dichte"].map(|account| Browser::new(&server).sign_in(account));
    for path in [
        "notices?area=W2",
        "notices?area=P1",
        "notices?area=X",
        "notices/live?area=W2",
        "notices/digest?area=W2&from=0&to=1",
    ] {
        assert_eq!(left.get(&format!("/api/v1/{path}")).0, 404, "{path}");
    }
    assert!(notices(&other, "").is_empty());
    assert_eq!(nation.get("/api/v1/notices").0, 400, "whoever has no area names one");
    assert_eq!(notices(&nation, "?area=P1").len(), 5);
    assert_eq!(left.get("/api/v1/notices?state=lost").0, 400);
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let (_, page) = left.get(&format!("/api/v1/notices?limit=2{before}"));
        let notices = page["notices"].as_array().expect("a list");
        assert!(notices.len() <= 2);
        seen.extend(notices.iter().map(|notice| notice["declaration"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    let newest_first: Vec<Value> = made.into_iter().rev().collect();
    assert_eq!(seen, newest_first, "each once");
    let digest = |from: i64, to: i64| {
        let (status, file) =
            left.ask("GET", &format!("/api/v1/notices/digest?from={from}&to={to}"), &[], b"");
        (status, String::from_utf8(file).expect("text"))
    };
    let now = TimeMs::now().get();
    let (_, file) = digest(now - 3_600_000, now + 1_000);
    assert_eq!(file.lines().count(), 6, "a header and five journeys");
    assert!(file.contains("Xã Đất Mũi") && !file.contains("Nguyễn"), "{file}");
    assert_eq!(
        digest(now - 7_200_000, now - 3_600_000).1.lines().count(),
        1,
        "of another time there are none"
    );
    assert_eq!((digest(now, now).0, digest(0, now).0), (400, 400));
    let audit = server.app.people.registry.audit(1, 10_000).expect("whole");
    let looks = |action: &str| audit.iter().filter(|entry| entry.act.action == action).count();
    assert_eq!((looks("notices.read"), looks("notices.export")), (5, 2), "each look is written down");
}

#[test]
fn a_ward_hears_what_happens_as_it_happens() {
    let (server, _folder) = with_destination();
    let app = Arc::clone(&server.app);
    let telling = std::thread::spawn(move || app.people.tell_listeners(|| app.is_stopping()));
    let entered = Browser::new(&server).sign_in("xa2");
    let mut events = entered.events("/api/v1/notices/live");
    let (_, made) = Browser::new(&server).redeem(AN, "0901234567").declare(&declaration(AN, "Nguyễn Văn An"));
    // Whoever listens right after a start may have missed something before.
    let (what, notice) = events.by_ref().find(|(what, _)| what != "missed").expect("an event");
    assert_eq!(
        (what.as_str(), &notice["declaration"], &notice["side"]),
        ("declared", &made["declaration"], &json!("coming"))
    );
    let checkpoint = Checkpoint::open(&server);
    // The engine follows a moment later.
    std::thread::sleep(Duration::from_millis(200));
    checkpoint.pass(notice["subject"].as_str().expect("a code"), 1);
    let (what, notice) = events.next().expect("an event");
    assert_eq!(
        (what.as_str(), &notice["state"], &notice["last"]["site"]),
        ("passed", &json!("under_way"), &json!("C1"))
    );
    entered.post(
        &format!("/api/v1/notices/{}/arrival", made["declaration"].as_str().expect("text")),
        &json!({}),
    );
    let (what, notice) = events.next().expect("an event");
    assert_eq!((what.as_str(), &notice["state"]), ("arrived", &json!("arrived")));
    server.app.stop();
    assert!(events.next().is_none(), "a server that stops lets its listeners go");
    telling.join().expect("no panic");
}

impl Browser<'_> {
    /// Server-sent events with their data, as they come.
    pub(super) fn events(&self, path: &str) -> impl Iterator<Item = (String, Value)> {
        let answer = self.open(path);
        let mut lines = BufReader::new(answer.into_body().into_reader()).lines().map_while(Result::ok);
        std::iter::from_fn(move || {
            let what = lines.find_map(|line| Some(line.strip_prefix("event: ")?.to_owned()))?;
            let data = lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()))?;
            Some((what, serde_json::from_str(&data).expect("JSON")))
        })
    }
}
