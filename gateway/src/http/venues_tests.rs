//! Venues at a real server on loopback: occupancy to the last acknowledged scan, posters, visitors, bad input.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use truyvet_engine::SiteRecord;
use truyvet_schemas::pass::{Pass, PassFlags, PassId, SubjectCode, UnixSeconds};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use super::notices_tests::Checkpoint;
use super::people_tests::{AN, Browser, declaration, served_and};
use super::tests::Server;
use crate::people::{Caller, NewAccount, act};

const HOUR_MS: i64 = 3_600_000;
const LONGEST_MS: i64 = 12 * HOUR_MS;

/// A market for two, a supermarket for nobody, a bus station without a bound, and a depot.
fn with_venues(gap_ms: u64) -> (Server, tempfile::TempDir) {
    let (server, folder) = served_and(false, |config| config.people.visit_gap_ms = gap_ms);
    let site = |code: &str, area: &str, kind: &str, capacity| SiteRecord {
        site: code.to_owned(),
        area: Some(area.to_owned()),
        kind: Some(kind.to_owned()),
        name: Some(format!("Nơi {code}")),
        capacity,
        ..SiteRecord::default()
    };
    let sites = vec![
        site("M1", "W1", "market", Some(2)),
        site("S0", "W2", "supermarket", Some(0)),
        site("B1", "W3", "bus_station", None),
        site("D1", "W1", "depot", None),
    ];
    server.app.engine.catalog().put_sites(sites).expect("sites");
    for (account, site) in [("cho1", "M1"), ("sieuthi0", "S0")] {
        let new = json!({"account": account, "name": "Cán bộ", "role": "officer", "site": site,
            "password": "một mật khẩu dài"});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    (server, folder)
}

/// Somebody with a pass.
struct Visitor {
    token: String,
    pass: String,
    subject: String,
}

fn visitor(server: &Server, nth: u32) -> Visitor {
    let number = format!("0010900{nth:05}");
    let own = Browser::new(server).redeem(&number, &format!("09012345{nth:02}"));
    let (status, made) = own.declare(&declaration(&number, "Nguyễn Văn An"));
    assert_eq!(status, 201, "{made}");
    let text = |field: &str| made["pass"][field].as_str().expect("text").to_owned();
    let pass: PassId = text("pass").parse().expect("a number");
    let known = server.app.people.registry.pass(pass).expect("readable").expect("just made");
    Visitor { token: text("token"), pass: text("pass"), subject: known.subject.to_string() }
}

/// What stands on the poster of a site.
fn seal(server: &Server, site: &str) -> String {
    let address = server.app.people.poster_address("", site).expect("readable");
    address.rsplit_once('.').expect("a seal").1.to_owned()
}

fn scanned(server: &Server, site: &str, way: &str, token: &str) -> Value {
    json!({"site": site, "seal": seal(server, site), "direction": way, "token": token})
}

fn visit_as(server: &Server, request: &str, scanned: &Value) -> (u16, Value) {
    std::thread::sleep(Duration::from_millis(2)); // nobody goes in and out at one instant
    let (headers, body) = ([("idempotency-key", request)], scanned.to_string());
    let (status, bytes) = Browser::new(server).ask("POST", "/api/v1/visits", &headers, body.as_bytes());
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

fn visit(server: &Server, scanned: &Value) -> (u16, Value) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    visit_as(server, &format!("r{}", NEXT.fetch_add(1, Ordering::Relaxed)), scanned)
}

fn venue(browser: &Browser<'_>, site: &str) -> Value {
    let (status, venue) = browser.get(&format!("/api/v1/venues/{site}"));
    assert_eq!(status, 200, "{venue}");
    venue
}

fn inside(server: &Server, site: &str) -> u64 {
    venue(&Browser::new(server), site)["inside"].as_u64().expect("a number")
}

fn kind(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["type"].as_str().unwrap_or_default())
}

fn trail(server: &Server, subject: &str) -> Vec<Value> {
    let path = format!("/api/v1/trace/trail?subject={subject}&from=0&to=2199-01-01T00:00:00Z");
    let (_, answer) = Browser::new(server).get(&path);
    answer["scans"].as_array().expect("scans").clone()
}

fn verified(server: &Server) {
    let (status, report) = server.post("/api/v1/verify", b"");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!((status.as_u16(), &report["damaged"]), (200, &json!(0)), "{report}");
}

fn scan(subject: &str, direction: Direction, at: TimeMs) -> Scan {
    Scan { subject: subject.to_owned(), at, direction, verdict: Verdict::Passed }
}

#[test]
fn a_visitor_scans_the_poster_in_and_out_and_is_counted() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 1);
    let poster = format!("/api/v1/visits/poster?site=M1&seal={}", seal(&server, "M1"));
    let (status, told) = Browser::new(&server).get(&poster);
    assert_eq!(
        (status, &told["name"], &told["area"]),
        (200, &json!("Nơi M1"), &json!("Phường Bến Nghé, Tỉnh Một"))
    );
    let (status, entered) = visit(&server, &scanned(&server, "M1", "in", &an.token));
    assert_eq!((status, &entered["direction"], &entered["name"]), (201, &json!("in"), &json!("Nơi M1")));
    assert_eq!(entered["room"], json!({"inside": 1, "capacity": 2}));
    let officer = Browser::new(&server).sign_in("cho1");
    let now = venue(&officer, "M1");
    assert_eq!((&now["inside"], &now["entered"], &now["left"]), (&json!(1), &json!(1), &json!(0)));
    let checked = officer.post("/api/v1/checkpoint/check", &json!({"token": an.token})).1;
    assert_eq!((&checked["verdict"], &checked["inside_since"]), (&json!("valid"), &entered["at"]));
    let elsewhere = Browser::new(&server).sign_in("chot1");
    let checked = elsewhere.post("/api/v1/checkpoint/check", &json!({"token": an.token})).1;
    assert_eq!(checked.get("inside_since"), None, "no venue, and another's");
    let (status, left) = visit(&server, &scanned(&server, "M1", "out", &an.token));
    assert_eq!((status, &left["room"]["inside"]), (201, &json!(0)));
    let scans = trail(&server, &an.subject);
    let told = |nth: usize| (&scans[nth]["site"], &scans[nth]["direction"], &scans[nth]["at"]);
    assert_eq!(told(0), (&json!("M1"), &json!("in"), &entered["at"]));
    assert_eq!(told(1), (&json!("M1"), &json!("out"), &left["at"]));
    assert_eq!(officer.get("/api/v1/session").1["is_venue"], true);
    verified(&server);
}

#[test]
fn the_same_request_is_one_scan_also_where_the_server_stopped_between_its_note_and_its_scan() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 1);
    let sent = scanned(&server, "M1", "in", &an.token);
    let first = visit_as(&server, "a", &sent);
    assert_eq!(first.0, 201);
    let again = visit_as(&server, "a", &sent);
    assert_eq!((again.0, &again.1["at"]), (201, &first.1["at"]), "the instant of the first");
    assert_eq!(trail(&server, &an.subject).len(), 1);
    let other = visit_as(&server, "a", &scanned(&server, "M1", "out", &an.token));
    assert_eq!(kind(&other), (409, "/problems/conflict"), "a used key for something else");
    // Noted, and then the server stopped: the scan is not there.
    let noted = TimeMs::new(TimeMs::now().get() - 60_000);
    let registry = &server.app.people.registry;
    registry.note_visit((&an.pass, "b"), "M1|Out", noted, None, noted).expect("room");
    for _ in 0..3 {
        let (status, taken) = visit_as(&server, "b", &scanned(&server, "M1", "out", &an.token));
        assert_eq!((status, &taken["at"]), (201, &json!(noted.get())));
    }
    assert_eq!(trail(&server, &an.subject).len(), 2);
    assert_eq!(inside(&server, "M1"), 1, "that `out` was before the `in`");
    verified(&server);
}

#[test]
fn many_at_once_are_each_one_scan_and_no_number_is_left_out() {
    let (server, _folder) = with_venues(1);
    let visitors: Vec<Visitor> = (1..=6).map(|nth| visitor(&server, nth)).collect();
    std::thread::scope(|scope| {
        for (nth, visitor) in visitors.iter().enumerate() {
            for _ in 0..3 {
                let server = &server;
                scope.spawn(move || {
                    for round in 0..4 {
                        let way = if round % 2 == 0 { "in" } else { "out" };
                        let sent = scanned(server, "B1", way, &visitor.token);
                        let (status, said) = visit_as(server, &format!("{nth}-{round}"), &sent);
                        assert_eq!((status, said.get("room")), (201, None), "{said}");
                    }
                });
            }
        }
    });
    for visitor in &visitors {
        assert_eq!(trail(&server, &visitor.subject).len(), 4);
    }
    let devices: Value = serde_json::from_str(&server.get("/api/v1/devices").1).expect("JSON");
    let marks: Vec<&Value> = devices
        .as_array()
        .expect("devices")
        .iter()
        .filter(|device| device["site"] == "B1")
        .map(|device| &device["durable_seq"])
        .collect();
    assert_eq!(marks, [&json!(24)], "one device for visitors, each scan once");
    verified(&server);
}

#[test]
fn posters_that_are_forged_or_of_no_venue_are_refused() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 1);
    let unknown = (404, "/problems/unknown-poster");
    let with = |site: &str, seal: &str| {
        let mut sent = scanned(&server, "M1", "in", &an.token);
        (sent["site"], sent["seal"]) = (json!(site), json!(seal));
        visit(&server, &sent)
    };
    let (market, depot) = (seal(&server, "M1"), seal(&server, "D1"));
    assert_eq!(kind(&with("M1", "AAAAAAAAAAAAAAAA")), unknown);
    assert_eq!(kind(&with("M1", "")), unknown);
    assert_eq!(kind(&with("B1", &market)), unknown, "another's seal");
    assert_eq!(kind(&with("D1", &depot)), unknown, "no venue");
    assert_eq!(kind(&with("nowhere", &seal(&server, "nowhere"))), unknown);
    let (status, told) = Browser::new(&server).get("/api/v1/visits/poster?site=M1&seal=AAAA");
    assert_eq!(kind(&(status, told)), unknown);
    assert_eq!(trail(&server, &an.subject), [Value::Null; 0]);
    let no_key = Browser::new(&server).post("/api/v1/visits", &scanned(&server, "M1", "in", &an.token));
    assert_eq!(kind(&no_key), (400, "/problems/wrong-usage"), "no key, so it might be two scans");
    let pass_by = visit(&server, &scanned(&server, "M1", "pass", &an.token));
    assert_eq!(pass_by.0, 400, "in or out");
    assert!(!pass_by.1.to_string().contains(&an.token), "a token is in no answer");
}

#[test]
fn a_poster_that_was_replaced_is_good_no_more_and_another_venue_keeps_its_own() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 1);
    let (old, other) = (scanned(&server, "M1", "out", &an.token), scanned(&server, "B1", "in", &an.token));
    assert_eq!(visit(&server, &scanned(&server, "M1", "in", &an.token)).0, 201);
    let replace = |account: &str| {
        let browser = Browser::new(&server).sign_in(account);
        browser.post("/api/v1/venues/M1/poster/replace", &json!({}))
    };
    assert_eq!((replace("sieuthi0").0, replace("dichte").0), (404, 403), "another's officer, and no officer");
    let (status, replaced) = replace("cho1");
    assert_eq!(status, 200, "{replaced}");
    let new = scanned(&server, "M1", "out", &an.token);
    assert!(replaced["address"].as_str().expect("text").ends_with(new["seal"].as_str().expect("text")));
    assert_eq!(kind(&visit(&server, &old)), (404, "/problems/unknown-poster"));
    assert_eq!(
        visit(&server, &new).1["room"]["inside"],
        0,
        "who went in by the old one goes out by the new one"
    );
    assert_eq!(visit(&server, &other).0, 201);
    let devices = server.app.engine.catalog().devices();
    assert_eq!(
        devices.iter().filter(|device| device.site == "M1").count(),
        2,
        "each with a device of its own"
    );
    verified(&server);
}

#[test]
fn nobody_goes_in_with_a_pass_that_is_not_good_and_everybody_comes_out() {
    let (server, _folder) = with_venues(1);
    let (an, mai) = (visitor(&server, 1), visitor(&server, 2));
    let go = |way: &str, token: &str| visit(&server, &scanned(&server, "M1", way, token));
    assert_eq!(go("in", &an.token).0, 201);
    let health = Browser::new(&server).sign_in("dichte");
    let revoked = health.post(&format!("/api/v1/passes/{}/revoke", an.pass), &json!({"reason": "case"}));
    assert_eq!(revoked.0, 204);
    assert_eq!(kind(&go("in", &an.token)), (409, "/problems/pass-revoked"));
    assert_eq!(go("out", &an.token).0, 201);
    assert_eq!(kind(&go("in", "TVP1:AEAA")), (404, "/problems/unknown-pass"));
    assert_eq!(kind(&go("out", "https://example.org")), (404, "/problems/unknown-pass"));
    // Signed by the issuer, of this number, for somebody else.
    let now = TimeMs::now();
    let token = |pass: &str, until: u32, subject| {
        server.app.people.issuer.issue(&Pass {
            key_id: 0,
            id: pass.parse().expect("a number"),
            subject,
            issued: UnixSeconds::of(now).expect("before 2106"),
            valid_until: UnixSeconds::new(until),
            flags: PassFlags::default(),
            home: None,
            destination: None,
        })
    };
    let other = token(&mai.pass, u32::MAX, SubjectCode::new([9; 10]));
    assert_eq!(kind(&go("in", &other)), (404, "/problems/unknown-pass"));
    let expired = token(&mai.pass, 1, mai.subject.parse().expect("a code"));
    assert_eq!(kind(&go("in", &expired)), (410, "/problems/pass-expired"));
    assert_eq!(kind(&go("out", &expired)), (410, "/problems/pass-expired"), "nobody is out who was not in");
    assert_eq!(go("in", &mai.token).0, 201);
    assert_eq!(go("out", &expired).0, 201, "whoever is inside gets out");
    assert_eq!(inside(&server, "M1"), 0);
}

#[test]
fn whoever_declares_with_the_document_of_another_writes_nothing_into_their_trail() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 3);
    let number = server.app.people.registry.pass(an.pass.parse().expect("a number"));
    let number = number.expect("readable").expect("just made").declaration;
    let go = |way: &str, token: &str| visit(&server, &scanned(&server, "M1", way, token));
    assert_eq!(
        (go("in", &an.token).0, go("out", &an.token).0),
        (201, 201),
        "nobody has verified anything yet"
    );
    server
        .app
        .people
        .registry
        .verified(number, act(TimeMs::now(), "chot1", "declaration.verify", "-"))
        .expect("room");
    // Somebody else, with another phone, who knows the number of the document.
    let other = Browser::new(&server).redeem("001090000003", "0987654321");
    let (status, made) = other.declare(&declaration("001090000003", "Nguyễn Văn An"));
    assert_eq!(status, 201, "{made}");
    let token = made["pass"]["token"].as_str().expect("text");
    assert_eq!(kind(&go("in", token)), (409, "/problems/not-verified"));
    assert_eq!(kind(&go("out", token)), (409, "/problems/not-verified"), "not inside");
    assert_eq!(trail(&server, &an.subject).len(), 2);
    assert_eq!(go("in", &an.token).0, 201, "the one that was verified");
    assert_eq!(go("out", token).0, 201, "whoever is inside gets out");
}

#[test]
fn a_scan_is_of_the_press_and_not_taken_long_after() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 1);
    let pressed = |way: &str, minutes_ago: i64| {
        let mut sent = scanned(&server, "M1", way, &an.token);
        sent["at"] = json!(TimeMs::now().get() - minutes_ago * 60_000);
        sent
    };
    let sent = pressed("in", 8);
    let (status, entered) = visit_as(&server, "a", &sent);
    assert_eq!((status, &entered["at"]), (201, &sent["at"]), "by the phone's clock");
    assert_eq!(kind(&visit(&server, &pressed("out", 11))), (409, "/problems/too-old"));
    let mut later = sent.clone();
    later["at"] = json!(0);
    assert_eq!(visit_as(&server, "a", &later).1["at"], sent["at"], "what was taken is answered however late");
    let (_, left) = visit(&server, &pressed("out", -60));
    assert!(left["at"].as_i64() <= Some(TimeMs::now().get()), "no scan is of the future");
    assert_eq!(trail(&server, &an.subject).len(), 2);
}

#[test]
fn whoever_is_watched_is_let_in_like_everybody_and_it_is_noted() {
    let (server, _folder) = with_venues(1);
    let (an, mai) = (visitor(&server, 1), visitor(&server, 2));
    let health = Browser::new(&server).sign_in("dichte");
    let hold = json!({"subject": an.subject, "reason": "quarantine"});
    assert_eq!(health.post("/api/v1/watch", &hold).0, 204);
    let watched = visit(&server, &scanned(&server, "B1", "in", &an.token));
    let other = visit(&server, &scanned(&server, "B1", "in", &mai.token));
    let told = |(status, mut answer): (u16, Value)| {
        answer["at"] = Value::Null;
        (status, answer)
    };
    assert_eq!(told(watched), told(other), "a machine warns nobody");
    let log = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000").1;
    let noted: Vec<&Value> = log["entries"].as_array().expect("entries").iter().collect();
    let noted = noted.into_iter().filter(|entry| entry["action"] == "visit.in");
    let noted: Vec<_> = noted.map(|entry| (&entry["object"], &entry["result"])).collect();
    assert_eq!(noted, [(&json!(an.subject), &json!("watched"))]);
}

#[test]
fn one_pass_scans_no_faster_than_the_gap_and_a_repeat_is_answered_at_once() {
    let (server, _folder) = with_venues(60_000);
    let (an, mai) = (visitor(&server, 1), visitor(&server, 2));
    let first = visit_as(&server, "a", &scanned(&server, "M1", "in", &an.token));
    assert_eq!(first.0, 201);
    let soon = visit(&server, &scanned(&server, "M1", "out", &an.token));
    assert_eq!(kind(&soon), (429, "/problems/too-many-attempts"));
    assert_eq!(visit_as(&server, "a", &scanned(&server, "M1", "in", &an.token)), first);
    assert_eq!(visit(&server, &scanned(&server, "M1", "in", &mai.token)).0, 201, "others meanwhile");
}

#[test]
fn visitors_who_never_check_out_are_out_by_rule_and_a_venue_may_be_for_nobody() {
    let (server, _folder) = with_venues(1);
    let now = TimeMs::now();
    let ago = |ms: i64| TimeMs::new(now.get() - ms);
    let market = Checkpoint::open_as(&server, "cho1", "M1");
    let forgotten = [
        scan("A", Direction::In, ago(LONGEST_MS + 60_000)),
        scan("B", Direction::In, ago(LONGEST_MS - 600_000)),
        scan("C", Direction::In, ago(LONGEST_MS + 60_000)),
        scan("C", Direction::In, ago(60_000)),
        scan("D", Direction::Pass, ago(60_000)),
        Scan { verdict: Verdict::Refused, ..scan("E", Direction::In, ago(60_000)) },
    ];
    market.send(1, &forgotten);
    assert_eq!(inside(&server, "M1"), 2, "B and C: twelve hours after having been seen last");
    // A phone whose clock is ahead: its scan is acknowledged, so it counts.
    market.send(7, &[scan("F", Direction::In, TimeMs::new(now.get() + 120_000))]);
    assert_eq!(inside(&server, "M1"), 3);
    market.send(8, &[scan("F", Direction::Out, TimeMs::new(now.get() + 121_000))]);
    assert_eq!(inside(&server, "M1"), 2);
    let closed = venue(&Browser::new(&server), "S0");
    assert_eq!((&closed["capacity"], &closed["inside"]), (&json!(0), &json!(0)));
    let an = visitor(&server, 1);
    let (status, told) = visit(&server, &scanned(&server, "S0", "in", &an.token));
    assert_eq!((status, &told["room"]), (201, &json!({"inside": 1, "capacity": 0})), "kept, and told");
    let open = venue(&Browser::new(&server), "B1");
    assert_eq!(open.get("capacity"), None, "no bound is no 0");
    let hours = venue(&Browser::new(&server), "M1")["hours"].as_array().expect("hours").clone();
    assert!(hours.len() <= 25 && hours.last().expect("one at least")["inside"] == 2, "{hours:?}");
}

#[test]
fn each_official_sees_the_venues_of_their_work() {
    let (server, _folder) = with_venues(1);
    let listed = |browser: &Browser<'_>, query: &str| -> Vec<String> {
        let (status, found) = browser.get(&format!("/api/v1/venues{query}"));
        assert_eq!(status, 200, "{found}");
        let venues = found["venues"].as_array().expect("venues");
        venues.iter().map(|venue| venue["site"].as_str().expect("a code").to_owned()).collect()
    };
    for (account, expected) in [
        ("cho1", vec!["M1"]),
        ("chot1", vec![]),
        ("xa1", vec!["M1"]),
        ("yte3", vec!["B1"]),
        ("dichte", vec!["B1", "M1", "S0"]),
        ("maychu", vec!["B1", "M1", "S0"]),
    ] {
        let browser = Browser::new(&server).sign_in(account);
        assert_eq!(listed(&browser, ""), expected, "{account}");
        let seen = ["B1", "M1", "S0", "D1"].map(|site| browser.get(&format!("/api/v1/venues/{site}")).0);
        let hoped = ["B1", "M1", "S0", "D1"].map(|site| if expected.contains(&site) { 200 } else { 404 });
        assert_eq!(seen, hoped, "{account}");
    }
    let nation = Browser::new(&server).sign_in("dichte");
    assert_eq!(listed(&nation, "?area=P2"), ["B1", "S0"]);
    assert_eq!(listed(&nation, "?limit=2"), ["B1", "M1"]);
    assert_eq!(nation.get("/api/v1/venues?limit=2").1["next"], "M1");
    assert_eq!(listed(&nation, "?limit=2&after=M1"), ["S0"]);
    assert_eq!(nation.get("/api/v1/venues?after=M1").1.get("next"), None);
    let citizen = Browser::new(&server).redeem(AN, "0901234567");
    assert_eq!((citizen.get("/api/v1/venues").0, citizen.get("/api/v1/venues/M1").0), (403, 403));
    let poster = |account: &str, site: &str| {
        let browser = Browser::new(&server).sign_in(account);
        browser.ask("GET", &format!("/api/v1/venues/{site}/poster.svg"), &[], b"")
    };
    for (account, site, status) in [
        ("cho1", "M1", 200),
        ("maychu", "S0", 200),
        ("cho1", "S0", 404),
        ("maychu", "D1", 404),
        ("dichte", "M1", 403),
        ("quantri", "M1", 403),
    ] {
        assert_eq!(poster(account, site).0, status, "{account} {site}");
    }
    let sheet = String::from_utf8(poster("cho1", "M1").1).expect("text");
    assert!(sheet.starts_with("<svg") && sheet.contains("Nơi M1") && sheet.contains("Phường Bến Nghé"));
    let before = seal(&server, "M1");
    let (_, told) = Browser::new(&server).sign_in("cho1").get("/api/v1/venues/M1/poster");
    assert_eq!(told["address"], format!("{}/venue#M1.{before}", server.url));
    let admin = Browser::new(&server).sign_in("quantri");
    assert_eq!(admin.post("/api/v1/keys/rotate", &json!({"which": "master"})).0, 200);
    assert_eq!(seal(&server, "M1"), before, "posters stay good when keys are rotated");
}

#[test]
fn an_operator_ends_visitors_own_scans_by_revoking_their_device() {
    let (server, _folder) = with_venues(1);
    let an = visitor(&server, 1);
    assert_eq!(visit(&server, &scanned(&server, "M1", "in", &an.token)).0, 201);
    let devices: Value = serde_json::from_str(&server.get("/api/v1/devices").1).expect("JSON");
    let device = devices[0]["device"].as_u64().expect("a number");
    assert_eq!(server.post(&format!("/api/v1/devices/{device}/revoke"), b"").0, 200);
    let closed = visit(&server, &scanned(&server, "M1", "out", &an.token));
    assert_eq!(kind(&closed), (409, "/problems/conflict"));
    assert_eq!(inside(&server, "M1"), 1);
}

/// What somebody does.
#[derive(Clone, Debug)]
struct Deed {
    who: usize,
    is_in: bool,
    by: By,
}

#[derive(Clone, Debug)]
enum By {
    /// With the own phone, the request sent so many times.
    Poster(u32),
    /// Scanned by the officer, so many minutes ago; below 0 by a phone whose clock is ahead.
    Officer(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let by = prop_oneof![(1..3_u32).prop_map(By::Poster), (-4..15 * 60_i64).prop_map(By::Officer)];
    let deed = (0..VISITORS, any::<bool>(), by).prop_map(|(who, is_in, by)| Deed { who, is_in, by });
    prop::collection::vec(deed, 1..25)
}

const VISITORS: usize = 4;

/// Inside are those with an `in` of the last twelve hours and no `out` after it.
fn naive(scans: &[(usize, bool, i64)], now: i64) -> u64 {
    let until = scans.iter().map(|(.., at)| *at).chain([now]).max().unwrap_or(now);
    let is_inside = |who: usize| {
        let own = || scans.iter().filter(move |(other, ..)| *other == who);
        own().filter(|(_, is_in, _)| *is_in).any(|(.., came)| {
            until < came + LONGEST_MS && !own().any(|(_, is_in, left)| !is_in && left > came)
        })
    };
    (0..VISITORS).filter(|who| is_inside(*who)).count() as u64
}

#[test]
fn occupancy_is_that_of_the_last_acknowledged_scan_whatever_people_do() {
    let (server, _folder) = with_venues(1);
    let visitors: Vec<Visitor> = (1..=VISITORS as u32).map(|nth| visitor(&server, nth)).collect();
    let market = Checkpoint::open_as(&server, "cho1", "M1");
    // All cases are one history, at one server.
    let (seq, requests, scans) = (Cell::new(1), Cell::new(0_u64), std::cell::RefCell::new(Vec::new()));
    let cases = ProptestConfig {
        cases: 12,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(cases, |(deeds in deeds())| {
        for deed in deeds {
            let visitor = &visitors[deed.who];
            let now = TimeMs::now().get();
            let at = match deed.by {
                By::Poster(times) => {
                    requests.set(requests.get() + 1);
                    let way = if deed.is_in { "in" } else { "out" };
                    let sent = scanned(&server, "M1", way, &visitor.token);
                    let answers: Vec<(u16, Value)> =
                        (0..times).map(|_| visit_as(&server, &format!("p{}", requests.get()), &sent)).collect();
                    prop_assert!(answers.iter().all(|(status, said)| *status == 201 && said["at"] == answers[0].1["at"]));
                    answers[0].1["at"].as_i64().expect("an instant")
                }
                By::Officer(minutes_ago) => {
                    // Away from the edge of the rule, which the clock passes meanwhile.
                    let at = now - minutes_ago * 60_000 + 30_000;
                    let direction = if deed.is_in { Direction::In } else { Direction::Out };
                    market.send(seq.get(), &[scan(&visitor.subject, direction, TimeMs::new(at))]);
                    seq.set(seq.get() + 1);
                    at
                }
            };
            scans.borrow_mut().push((deed.who, deed.is_in, at));
            prop_assert_eq!(inside(&server, "M1"), naive(&scans.borrow(), TimeMs::now().get()), "after {:?}", deed);
        }
    });
    let all: usize = visitors.iter().map(|visitor| trail(&server, &visitor.subject).len()).sum();
    assert_eq!(all, scans.borrow().len(), "each acknowledged scan once");
    verified(&server);
}
