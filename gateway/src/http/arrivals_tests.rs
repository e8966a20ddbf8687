//! Arrivals at a real server on loopback: who may enter whom where, one passport in several spellings, lists
//! good and bad, nothing twice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde_json::{Value, json};
use truyvet_engine::SiteRecord;
use truyvet_schemas::TimeMs;

use super::paper_tests::{counts, flaw, flaws_by};
use super::people_tests::{Browser, PASSWORD, served};
use super::tests::Server;
use crate::people::{Caller, NewAccount};

const DAY_MS: i64 = 86_400_000;
const COLUMNS: &str =
    "seat:A,name:B,birth_date:C,sex:D,document:E,nationality:F,quarantine:G,quarantine_days:H";
const HEADER: &str = "Số ghế,Họ tên,Ngày sinh,Giới tính,Số hộ chiếu,Quốc tịch,Nơi cách ly,Số ngày cách ly\n";

/// The small nation with an airport in W1, a border gate in W3, and a facility of quarantine in W2.
fn at_the_border() -> (Server, tempfile::TempDir) {
    let (server, folder) = served();
    let site = |code: &str, area: &str, kind: &str, name: &str| SiteRecord {
        site: code.to_owned(),
        area: Some(area.to_owned()),
        kind: Some(kind.to_owned()),
        name: Some(name.to_owned()),
        ..SiteRecord::default()
    };
    let sites = vec![
        site("SB1", "W1", "airport", "Sân bay Một"),
        site("CK3", "W3", "border_gate", "Cửa khẩu Ba"),
        site("CL1", "W2", "quarantine", "Khu cách ly Một"),
        site("CL2", "W3", "quarantine", "Khu cách ly Hai"),
    ];
    server.app.engine.catalog().put_sites(sites).expect("sites");
    for (account, role, site, area) in [
        ("sanbay", "officer", Some("SB1"), None),
        ("cuakhau", "officer", Some("CK3"), None),
        ("xa2", "ward", None, Some("W2")),
        ("yte1", "health", None, Some("P1")),
    ] {
        let new = json!({"account": account, "name": "Cán bộ", "role": role, "site": site, "area": area,
            "password": PASSWORD});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    (server, folder)
}

/// Today as the timetable has it.
fn today() -> String {
    TimeMs::now().rfc3339().get(..10).expect("a date").to_owned()
}

/// When all arrive: the same for whoever enters them.
fn landed_at() -> i64 {
    TimeMs::now().get() / DAY_MS * DAY_MS
}

fn arrival(passport: &str, name: &str, seat: &str) -> Value {
    let now = landed_at();
    json!({
        "traveller": {"name": name, "birth_date": "1990-03-02", "sex": "male", "nationality": "KOR",
            "passport": {"number": passport, "country": "KOR"}},
        "crossing": {"site": "SB1", "arrived_at": now, "from": "KR", "seat": seat,
            "carriage": {"kind": "flight", "number": "VN 51", "date": today()},
            "quarantine": {"facility": "CL1", "until": now + 14 * DAY_MS}},
    })
}

fn seen(arrival: &Value) -> Value {
    json!({"arrival": arrival, "document_seen": true})
}

fn list_of(wishes: &str) -> String {
    format!("site=SB1&carriage=VN51&date={}&from=KR&arrived_at={}{wishes}", today(), landed_at())
}

fn flight() -> String {
    format!("/api/v1/arrivals?carriage=vn051&date={}", today())
}

impl Browser<'_> {
    fn enter_arrival(&self, sent: &Value) -> (u16, Value) {
        self.post("/api/v1/arrivals", sent)
    }

    fn send_list(&self, list: &[u8], given: &str) -> (u16, Value) {
        let path = format!("/api/v1/arrivals/lists?columns={COLUMNS}&{given}");
        let (status, body) = self.ask("POST", &path, &[], list);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Sends a list, and tells what became of it.
    fn take_list(&self, list: &[u8], given: &str) -> Value {
        let (status, begun) = self.send_list(list, given);
        assert_eq!(status, 202, "{begun}");
        let path = format!("/api/v1/paper/uploads/{}", begun["upload"].as_str().expect("its id"));
        loop {
            let (status, told) = self.get(&path);
            assert_eq!(status, 200, "{told}");
            if told["state"] != "running" {
                return told;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn preview_list(&self, list: &[u8], given: &str) -> (u16, Value) {
        let (status, body) = self.ask("POST", &format!("/api/v1/arrivals/lists/preview?{given}"), &[], list);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Those of the flight: seat and state.
    fn seats(&self) -> Vec<(String, String)> {
        let (status, told) = self.get(&flight());
        assert_eq!(status, 200, "{told}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let arrivals = told["arrivals"].as_array().expect("arrivals").iter();
        arrivals.map(|one| (text(&one["crossing"]["seat"]), text(&one["state"]))).collect()
    }
}

/// Row, field and code of each flaw.
fn flaws(told: &Value) -> Vec<(u64, String, String)> {
    flaws_by(told, "field")
}

fn row(seat: &str, name: &str, passport: &str) -> String {
    format!("{seat},{name},2/3/1990,Nam,{passport},KOR,Khu cách ly Một,14\n")
}

#[test]
fn an_officer_at_the_border_enters_somebody_who_is_let_through_to_quarantine() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let (status, made) = officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "012a")));
    assert_eq!(
        (status, &made["state"], &made["pass"]["registered"]),
        (201, &json!("verified"), &json!(true))
    );
    let (_, checked) = officer.post("/api/v1/checkpoint/check", &json!({"token": made["pass"]["token"]}));
    assert_eq!((&checked["verdict"], &checked["facts"]["name"]), (&json!("valid"), &json!("KIM MINJUN")));
    assert_eq!(
        (&checked["facts"]["from"]["code"], &checked["facts"]["to"]["code"]),
        (&json!("W1"), &json!("W2"))
    );
    let (_, told) = Browser::new(&server).sign_in("xa2").get("/api/v1/notices?area=W2");
    let notice = &told["notices"][0];
    assert_eq!(
        (&notice["side"], &notice["subject"]),
        (&json!("coming"), &checked["facts"]["subject"]),
        "{told}"
    );
    let (_, flight) = officer.get(&flight());
    let shown = &flight["arrivals"][0];
    assert_eq!(
        (&shown["crossing"]["seat"], &shown["quarantine_name"]),
        (&json!("12A"), &json!("Khu cách ly Một"))
    );
    assert_eq!((&shown["passport_last4"], shown.get("differs")), (&json!("4567"), None));
    let (_, log) = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=100");
    let acts = log["entries"].as_array().expect("entries").iter();
    let mut acts: Vec<_> = acts.map(|act| act["action"].as_str().unwrap_or_default()).collect();
    acts.retain(|act| act.starts_with("arrival"));
    assert_eq!(acts, ["arrival.enter", "arrivals.read"], "{log}");
    assert!(!log.to_string().contains("KIM") && !log.to_string().contains("M1234567"));
}

#[test]
fn quarantine_is_ordered_with_an_arrival_once_from_a_day_after_the_landing() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let orders = |account: &str, area: &str| orders(&server, account, area);
    let sent = arrival("M1234567", "KIM MINJUN", "1A");
    let (_, made) = officer.enter_arrival(&seen(&sent));
    let again = officer.enter_arrival(&seen(&sent)).1;
    assert_eq!(again["declaration"], made["declaration"]);
    let [order] = &orders("xa2", "W2")[..] else { panic!("one order") };
    assert_eq!(
        (&order["site"], &order["reason"], &order["by"], &order["breaches"]),
        (&json!("CL1"), &json!("abroad"), &json!("sanbay"), &json!(0))
    );
    assert_eq!(
        (&order["from"], &order["until"]),
        (&json!(landed_at() + DAY_MS), &json!(landed_at() + 14 * DAY_MS))
    );
    // Somebody else by the same passport: not before an officer has compared it.
    let mut other = arrival("M1234567", "KIM MINSEO", "2A");
    other["crossing"]["quarantine"] = json!({"facility": "CL2", "until": landed_at() + 21 * DAY_MS});
    let insisted = json!({"arrival": other, "document_seen": true, "accept_mismatches": true});
    let (_, made) = officer.enter_arrival(&insisted);
    assert_eq!((&made["state"], orders("yte3", "W3").len()), (&json!("unverified"), 0), "{made}");
    officer.post("/api/v1/checkpoint/check", &json!({"token": made["pass"]["token"]}));
    officer.post("/api/v1/checkpoint/verified", &json!({"declaration": made["declaration"]}));
    let [order] = &orders("yte3", "W3")[..] else { panic!("one order") };
    assert_eq!((&order["site"], &order["until"]), (&json!("CL2"), &json!(landed_at() + 21 * DAY_MS)));
}

fn orders(server: &Server, account: &str, area: &str) -> Vec<Value> {
    let (status, told) = Browser::new(server).sign_in(account).get(&format!("/api/v1/orders?area={area}"));
    assert_eq!(status, 200, "{told}");
    told["orders"].as_array().expect("orders").clone()
}

#[test]
fn passports_seen_after_a_list_was_sent_verify_it() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let list = format!("{HEADER}{}", row("1A", "Kim Minjun", "M1234567"));
    let states = || officer.seats().into_iter().map(|(_, state)| state).collect::<Vec<_>>();
    assert_eq!(counts(&officer.take_list(list.as_bytes(), &list_of(""))), (1, 0, 0));
    assert_eq!(states(), ["unverified"]);
    let seen_now = list_of("&document_seen=true");
    assert_eq!(counts(&officer.take_list(list.as_bytes(), &seen_now)), (0, 1, 0));
    assert_eq!(states(), ["verified"], "the same rows");
    let typed = arrival("M7654321", "LEE HA", "2A");
    officer.enter_arrival(&json!({"arrival": typed}));
    officer.enter_arrival(&seen(&typed));
    assert_eq!(states(), ["verified", "verified"], "the same arrival by another request");
    let (_, told) = Browser::new(&server).sign_in("xa2").get("/api/v1/notices?area=W2");
    assert_eq!(told["notices"].as_array().map(Vec::len), Some(2), "the ward hears of both: {told}");
}

#[test]
fn a_list_that_is_typed_in_late_frees_nobody() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "1A")));
    let [before] = &orders(&server, "xa2", "W2")[..] else { panic!("one order") };
    let (day, landed) = (today(), landed_at() - 21 * DAY_MS);
    let mut late = arrival("M1234567", "KIM MINJUN", "1A");
    let old = TimeMs::new(landed).rfc3339().get(..10).expect("a date").to_owned();
    assert_ne!(day, old);
    late["crossing"]["arrived_at"] = json!(landed);
    late["crossing"]["carriage"]["date"] = json!(old);
    late["crossing"]["quarantine"] = json!({"facility": "CL2", "until": landed + 14 * DAY_MS});
    let (status, made) = officer.enter_arrival(&seen(&late));
    assert_eq!(status, 201, "{made}");
    let after = orders(&server, "xa2", "W2");
    assert_eq!((after.len(), &after[0]["until"], after[0].get("ended")), (1, &before["until"], None));
    assert!(orders(&server, "yte3", "W3").is_empty());
}

#[test]
fn who_told_no_home_has_none_in_the_country() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let health = Browser::new(&server).sign_in("dichte");
    officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "1A")));
    let order = orders(&server, "xa2", "W2")[0].clone();
    let number = order["order"].as_str().expect("a number");
    let end = json!({"reason": "completed"});
    assert_eq!(health.post(&format!("/api/v1/orders/{number}/end"), &end).0, 204);
    let until = TimeMs::now().get() + 14 * DAY_MS;
    let home = json!({"kind": "home", "reason": "contact", "until": until});
    let (status, told) = health.post("/api/v1/orders", &json!({"subject": order["subject"], "terms": home}));
    assert_eq!((status, &told["why"]), (409, &json!("abroad")), "{told}");
    let (_, person) = health.post("/api/v1/people/find", &json!({"subject": order["subject"]}));
    assert_ne!(person["person"]["permanent"]["area"], "W2", "where the facility lies nobody lives: {person}");
}

#[test]
fn what_a_preview_tells_of_a_passport_is_counted_and_noted() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "1A")));
    let rows: String = (0..2_001).map(|_| row("1A", "Kim Minseo", "M1234567")).collect();
    let (status, preview) = officer.preview_list(format!("{HEADER}{rows}").as_bytes(), &list_of(""));
    assert_eq!((status, &preview["bad"]), (200, &json!(2_001)), "{preview}");
    let (status, told) = officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINSEO", "1A")));
    assert_eq!(status, 429, "whom a passport belongs to nobody tries out: {told}");
    let good = format!("{HEADER}{}", row("1A", "Kim Minjun", "M1234567"));
    officer.preview_list(good.as_bytes(), &list_of(""));
    let (_, log) = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=100");
    let acts = log["entries"].as_array().expect("entries").iter();
    let previews: Vec<&Value> =
        acts.filter(|act| act["action"] == "arrivals.preview").map(|act| &act["result"]).collect();
    assert_eq!(previews, [&json!("2000 disagree")], "{log}");
}

#[test]
fn what_a_stop_kept_from_being_ordered_is_ordered_after_the_next_start() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "1A")));
    let mut other = arrival("M1234567", "KIM MINSEO", "2A");
    other["crossing"]["quarantine"] = json!({"facility": "CL2", "until": landed_at() + 21 * DAY_MS});
    let insisted = json!({"arrival": other, "document_seen": true, "accept_mismatches": true});
    let (_, made) = officer.enter_arrival(&insisted);
    // Verified, and no more: as if the server had been killed then.
    let number: u64 = made["declaration"].as_str().expect("a number").parse().expect("a number");
    let verify = crate::people::act(TimeMs::now(), "sanbay", "declaration.verify", "-");
    server.app.people.registry.verified(number, verify).expect("kept");
    assert!(orders(&server, "yte3", "W3").is_empty());
    let app = std::sync::Arc::clone(&server.app);
    let telling = std::thread::spawn(move || app.people.tell_listeners(|| app.is_stopping()));
    let begun = std::time::Instant::now();
    while orders(&server, "yte3", "W3").is_empty() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let [order] = &orders(&server, "yte3", "W3")[..] else { panic!("one order") };
    assert_eq!((&order["site"], &order["by"]), (&json!("CL2"), &json!("server")));
    server.app.stop();
    telling.join().expect("no panic");
}

#[test]
fn each_enters_and_sees_what_their_place_has_to_do_with() {
    let (server, _folder) = at_the_border();
    let enter = |account: &str, site: &str| {
        let mut sent = arrival("M1234567", "KIM MINJUN", "1A");
        sent["crossing"]["site"] = json!(site);
        Browser::new(&server).sign_in(account).enter_arrival(&seen(&sent)).0
    };
    assert_eq!((enter("sanbay", "SB1"), enter("sanbay", "CK3")), (201, 403), "at their own site");
    assert_eq!((enter("yte1", "SB1"), enter("yte3", "SB1")), (201, 403), "at the sites of their area");
    for account in ["chot1", "xa1", "dichte", "maychu", "quantri"] {
        assert_eq!(enter(account, "SB1"), 403, "{account}");
    }
    assert_eq!(Browser::new(&server).enter_arrival(&seen(&arrival("M1", "X", "1A"))).0, 401);
    let seen_by = |account: &str| {
        let browser = Browser::new(&server).sign_in(account);
        let (status, told) = browser.get("/api/v1/arrivals?site=SB1");
        (status, browser.seats().len(), told["arrivals"].as_array().map_or(0, Vec::len))
    };
    assert_eq!((seen_by("sanbay"), seen_by("yte1")), ((200, 1, 1), (200, 1, 1)));
    assert_eq!((seen_by("xa1"), seen_by("dichte")), ((200, 1, 1), (200, 1, 1)));
    assert_eq!(seen_by("xa2"), (404, 1, 0), "the ward of quarantine sees who comes, not who else arrives");
    assert_eq!(
        (seen_by("cuakhau"), seen_by("chot1"), seen_by("yte3")),
        ((404, 0, 0), (404, 0, 0), (404, 0, 0))
    );
    for account in ["maychu", "quantri"] {
        assert_eq!(Browser::new(&server).sign_in(account).get(&flight()).0, 403, "{account}");
    }
    let find = |account: &str| {
        let passport = json!({"passport": {"number": "m 1234567", "country": "KR"}});
        let (status, told) = Browser::new(&server).sign_in(account).post("/api/v1/arrivals/find", &passport);
        (status, told["arrivals"].as_array().map_or(0, Vec::len))
    };
    assert_eq!((find("sanbay"), find("cuakhau")), ((200, 1), (200, 0)));
}

#[test]
fn a_passport_known_under_another_spelling_is_the_same_person_and_nobody_is_asked() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let subject = |name: &str, country: &str, seat: &str| {
        let mut sent = arrival("C1234567", name, seat);
        sent["traveller"]["passport"]["country"] = json!(country);
        let (status, made) = officer.enter_arrival(&seen(&sent));
        assert_eq!((status, &made["state"]), (201, &json!("verified")), "{name}: {made}");
        let token = json!({"token": made["pass"]["token"]});
        officer.post("/api/v1/checkpoint/check", &token).1["facts"]["subject"].clone()
    };
    let first = subject("Nguyễn Văn An", "VN", "1A");
    for (name, country) in [("NGUYEN VAN AN", "VNM"), ("VAN AN NGUYEN", "VN"), ("Nguyen<<Van<An", "vnm")] {
        assert_eq!(subject(name, country, "2A"), first, "{name}");
    }
    assert_ne!(subject("Nguyễn Văn An", "LAO", "3A"), first, "another country's passport");
}

#[test]
fn another_name_or_birth_date_is_kept_aside_until_an_officer_has_confirmed_it() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "1A")));
    let mut other = arrival("M1234567", "KIM MINSEO", "2A");
    other["traveller"]["birth_date"] = json!("1990-02-03");
    let (status, told) = officer.enter_arrival(&seen(&other));
    let disagrees = |field: &str| json!({"field": field, "code": "disagrees"});
    let errors = json!([disagrees("traveller.birth_date"), disagrees("traveller.name")]);
    assert_eq!(
        (status, &told["errors"], &told["type"]),
        (409, &errors, &json!("/problems/register-disagrees"))
    );
    assert_eq!(officer.seats().len(), 1, "nothing is kept");
    let insisted = json!({"arrival": other, "document_seen": true, "accept_mismatches": true});
    let (status, made) = officer.enter_arrival(&insisted);
    assert_eq!((status, &made["state"]), (201, &json!("unverified")), "{made}");
    let differs = || officer.get(&flight()).1["arrivals"][0].get("differs").cloned();
    assert_eq!(differs(), Some(json!(["name", "birth_date"])));
    let ward = Browser::new(&server).sign_in("xa2");
    let coming = || ward.get("/api/v1/notices?area=W2").1["notices"].as_array().map_or(0, Vec::len);
    assert_eq!(coming(), 1, "the ward hears of the first alone");
    let (_, checked) = officer.post("/api/v1/checkpoint/check", &json!({"token": made["pass"]["token"]}));
    assert_eq!(checked["verdict"], "not_verified");
    let known = |browser: &Browser<'_>| {
        let found = json!({"subject": checked["facts"]["subject"]});
        browser.post("/api/v1/people/find", &found).1["person"]["name"].clone()
    };
    assert_eq!(known(&ward), "KIM MINJUN", "nobody has verified the other");
    let declaration = json!({"declaration": made["declaration"]});
    assert!(officer.post("/api/v1/checkpoint/verified", &declaration).0 < 300);
    assert_eq!((known(&ward), differs(), coming()), (json!("KIM MINSEO"), None, 2));
}

#[test]
fn the_same_arrival_is_kept_once_however_often_it_is_sent() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let send = |sent: &Value, key: &str| {
        let body = seen(sent).to_string();
        let (status, body) =
            officer.ask("POST", "/api/v1/arrivals", &[("idempotency-key", key)], body.as_bytes());
        (status, serde_json::from_slice::<Value>(&body).expect("JSON"))
    };
    let sent = arrival("M1234567", "KIM MINJUN", "1A");
    let (status, first) = send(&sent, "1");
    assert_eq!((status, send(&sent, "1").1["pass"]["pass"] == first["pass"]["pass"]), (201, true));
    assert_eq!(
        send(&sent, "2").1["declaration"],
        first["declaration"],
        "on the same flight, with nothing else"
    );
    let mut moved = sent.clone();
    moved["crossing"]["seat"] = json!("9C");
    assert_eq!(send(&moved, "1").0, 409, "the key was used");
    assert_ne!(send(&moved, "3").1["declaration"], first["declaration"]);
    assert_eq!(officer.seats(), [("9C".to_owned(), "verified".to_owned())], "the last word counts");
    let (_, listed) = officer.get("/api/v1/arrivals?limit=1");
    assert_eq!(listed["arrivals"].as_array().map(Vec::len), Some(1));
    let next = listed["next"].as_str().expect("another page");
    let (_, rest) = officer.get(&format!("/api/v1/arrivals?after={next}"));
    assert_eq!((rest["arrivals"][0]["crossing"]["seat"].clone(), rest.get("next")), (json!("1A"), None));
}

#[test]
fn what_is_wrong_is_told_by_field_and_nothing_is_kept() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    for (path, value, field, code) in [
        ("/crossing/site", json!("C1"), "crossing.site", "unknown"),
        ("/crossing/quarantine/facility", json!("SB1"), "crossing.quarantine.facility", "unknown"),
        ("/crossing/from", json!("ZZ"), "crossing.from", "unknown"),
        ("/crossing/carriage/number", json!("51"), "crossing.carriage.number", "form"),
        ("/crossing/carriage/date", json!("2001-01-01"), "crossing.carriage.date", "time"),
        ("/crossing/arrived_at", json!(i64::MIN), "crossing.arrived_at", "time"),
        ("/crossing/seat", json!("A".repeat(13)), "crossing.seat", "too_long"),
        ("/traveller/passport/number", json!("1"), "traveller.passport.number", "form"),
        ("/traveller/birth_date", json!("1990-02-30"), "traveller.birth_date", "form"),
    ] {
        let mut sent = arrival("M1234567", "KIM MINJUN", "1A");
        *sent.pointer_mut(path).expect("a field") = value;
        let (status, told) = officer.enter_arrival(&seen(&sent));
        let expected = json!({"field": field, "code": code});
        let errors = told["errors"].as_array().cloned().unwrap_or_default();
        assert!(status == 422 && errors.contains(&expected), "{path}: {status} {told}");
    }
    assert_eq!(officer.get("/api/v1/arrivals").1["arrivals"], json!([]));
    for wrong in ["carriage=VN51", "carriage=51&date=2021-08-20", "carriage=VN51&date=x", "kind=balloon"] {
        let (status, _) = officer.get(&format!("/api/v1/arrivals?{wrong}"));
        assert!(status == 400 || status == 422, "{wrong}: {status}");
    }
}

#[test]
fn a_list_becomes_passes_by_seat_and_sent_again_adds_nothing() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let rows: String = (1..=9)
        .map(|number| row(&format!("{number}C"), &format!("Người Số {number}"), &format!("M100000{number}")))
        .collect();
    let given = list_of("&document_seen=true");
    let list = format!("{HEADER}{}{rows}{}", row("10A", "An", "M2000000"), row("10A", "An", "M2000000"));
    let first = officer.take_list(list.as_bytes(), &given);
    assert_eq!(
        (counts(&first), &first["sheets"]),
        ((10, 1, 0), &json!(2)),
        "one passport sits on one seat: {first}"
    );
    let seats: Vec<String> = officer.seats().into_iter().map(|(seat, _)| seat).collect();
    assert_eq!(seats[..2], ["1C", "2C"]);
    assert_eq!(seats.last().map(String::as_str), Some("10A"));
    assert_eq!(counts(&officer.take_list(list.as_bytes(), &given)), (0, 11, 0), "nothing twice");
    let later = given.replace(&landed_at().to_string(), &(landed_at() + 5 * 3_600_000).to_string());
    assert_ne!(later, given);
    let again = officer.take_list(list.as_bytes(), &later);
    assert_eq!(counts(&again), (0, 11, 0), "also where another hour of the landing is typed: {again}");
    let typed = officer.enter_arrival(&seen(&arrival("M1000001", "NGUOI SO 1", "1C")));
    assert_eq!(typed.0, 201);
    assert_eq!(officer.seats().len(), 10, "each once, whoever enters them");
    let sheet = |number: &str| {
        let path = format!("/api/v1/arrivals/sheets/{number}?carriage=VN51&date={}&lang=en", today());
        let (status, body) = officer.ask("GET", &path, &[], b"");
        (status, String::from_utf8(body).expect("text"))
    };
    let (_, page) = sheet("1");
    assert!(page.matches("Valid until").count() == 8 && page.contains("Người Số 2<"), "by seat");
    assert!(sheet("2").1.contains("An<") && sheet("3").0 == 404);
    let (_, log) = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000");
    assert!(!log.to_string().contains("Người Số") && !log.to_string().contains("M100000"));
}

#[test]
fn rows_that_are_wrong_are_refused_by_row_and_field_and_the_others_are_taken() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    officer.enter_arrival(&seen(&arrival("M1234567", "KIM MINJUN", "1A")));
    let list = [
        HEADER.to_owned(),
        row("2A", "Park Seo", "M2000001"),
        row("3A", "Kim Minseo", "M1234567"),
        row("4A", "Lee Ha", "12"),
        row("5A", "Choi Yu", "M2000003").replace("Khu cách ly Một", "Nơi Không Có"),
        row("6A", "Jung Da", "M2000004").replace("2/3/1990", "1990"),
        row("7A", "Minjun Kim", "m1234567"),
    ]
    .concat();
    let expected = [
        flaw(3, "name", "disagrees"),
        flaw(4, "document", "form"),
        flaw(5, "quarantine", "unknown"),
        flaw(6, "birth_date", "year_alone"),
    ];
    let (status, preview) = officer.preview_list(list.as_bytes(), &list_of(""));
    assert_eq!((status, flaws(&preview)), (200, expected.to_vec()), "{preview}");
    assert_eq!(preview["first"][0]["fields"]["quarantine"], "Khu cách ly Một");
    let told = officer.take_list(list.as_bytes(), &list_of(""));
    assert_eq!((counts(&told), flaws(&told)), ((2, 0, 4), expected.to_vec()));
    let path =
        format!("/api/v1/paper/uploads/{}/refused.csv?lang=en", told["upload"].as_str().expect("an id"));
    let refused = String::from_utf8(officer.ask("GET", &path, &[], b"").1).expect("text");
    let corrected =
        refused.replace("Nơi Không Có", "CL1").replace(",1990,", ",2/3/1990,").replace(",12,", ",M2000002,");
    let again = officer.take_list(corrected.as_bytes(), &list_of(""));
    assert_eq!((counts(&again), flaws(&again)), ((3, 0, 1), vec![flaw(2, "name", "disagrees")]));
    let insisted = officer.take_list(corrected.as_bytes(), &list_of("&accept_mismatches=true"));
    assert_eq!(counts(&insisted), (1, 3, 0));
    let states: Vec<(String, String)> = officer.seats();
    assert!(states.contains(&("3A".to_owned(), "unverified".to_owned())), "kept aside: {states:?}");
}

#[test]
fn what_is_told_once_for_a_list_is_checked_before_a_row_is_read() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let list = format!("{HEADER}{}", row("1A", "An", "M2000000"));
    for (from, to, field, code) in [
        ("carriage=VN51", "carriage=51", "carriage.number", "form"),
        ("site=SB1", "site=C1", "site", "unknown"),
        ("from=KR", "from=ZZ", "from", "unknown"),
        ("site=SB1", "site=SB1&facility=SB1", "facility", "unknown"),
        ("site=SB1", "site=SB1&days=61", "days", "count"),
    ] {
        let given = list_of("").replace(from, to);
        let (status, told) = officer.send_list(list.as_bytes(), &given);
        assert_eq!((status, &told["errors"]), (422, &json!([{"field": field, "code": code}])), "{to}");
        assert_eq!(officer.preview_list(list.as_bytes(), &given).0, 422, "{to}");
    }
    let elsewhere = list_of("").replace("site=SB1", "site=CK3");
    assert_eq!(officer.send_list(list.as_bytes(), &elsewhere).0, 403, "another's site");
    for account in ["xa1", "dichte"] {
        assert_eq!(Browser::new(&server).sign_in(account).send_list(list.as_bytes(), &list_of("")).0, 403);
    }
    assert_eq!(Browser::new(&server).send_list(list.as_bytes(), &list_of("")).0, 401);
    assert_eq!(officer.get("/api/v1/arrivals").1["arrivals"], json!([]));
}

#[test]
fn a_list_that_is_cut_off_lacks_a_column_or_is_none_adds_nothing() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let list = format!("{HEADER}{}{}", row("1A", "An", "M2000000"), row("1B", "Bình", "M2000001"));
    let (cookie, address) = (officer.cookie(), server.url.strip_prefix("http://").expect("its address"));
    let mut half = TcpStream::connect(address).expect("a listener");
    let head = format!(
        "POST /api/v1/arrivals/lists?columns={COLUMNS}&{} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\
         content-length: {}\r\n\r\n",
        list_of(""),
        list.len()
    );
    half.write_all(head.as_bytes()).expect("taken");
    half.write_all(&list.as_bytes()[..list.len() - 20]).expect("taken");
    half.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut answer = String::new();
    half.read_to_string(&mut answer).ok();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    let without = "Số ghế,Họ tên,Ngày sinh\n1A,An,2/3/1990\n";
    let (status, told) = officer.preview_list(without.as_bytes(), &list_of(""));
    assert_eq!((status, &told["missing"], &told["good"]), (200, &json!(["document"]), &json!(0)));
    let path = format!("/api/v1/arrivals/lists?columns=name:B,birth_date:C&{}", list_of(""));
    let (status, body) = officer.ask("POST", &path, &[], without.as_bytes());
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &told["errors"][0]["field"]), (422, &json!("columns.document")));
    let path = format!("/api/v1/arrivals/lists?columns=name:B,departs_at:C&{}", list_of(""));
    assert_eq!(
        officer.ask("POST", &path, &[], without.as_bytes()).0,
        400,
        "a field of another kind of table"
    );
    assert_eq!(officer.preview_list(b"PK\x03\x04 and nothing", &list_of("")).0, 400);
    assert_eq!(officer.get("/api/v1/arrivals").1["arrivals"], json!([]), "nothing of it was taken");
    assert_eq!(counts(&officer.take_list(list.as_bytes(), &list_of(""))), (2, 0, 0));
}

#[test]
fn a_spreadsheet_with_formulas_and_merged_cells_is_taken_row_by_row() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let (plain, day) = (Format::new(), Format::new().set_num_format("dd/mm/yyyy"));
    sheet.merge_range(0, 0, 0, 7, "PASSENGER LIST VN51", &plain).expect("room");
    for (column, name) in HEADER.trim().split(',').enumerate() {
        sheet.write_string(1, column as u16, name).expect("room");
    }
    let born = ExcelDateTime::from_ymd(1990, 3, 2).expect("a day");
    for at in 0..5_u32 {
        let row = at + 2;
        sheet.write_string(row, 0, format!("{}A", at + 1)).expect("room");
        sheet.write_string(row, 1, format!("PARK/SEO{} MS", char::from(b'A' + at as u8))).expect("room");
        sheet.write_datetime_with_format(row, 2, &born, &day).expect("room");
        sheet.write_string(row, 3, "F").expect("room");
        sheet.write_string(row, 4, format!("M300000{at}")).expect("room");
        sheet.write_string(row, 5, "KOR").expect("room");
        sheet.write_number(row, 7, 14.0).expect("room");
    }
    sheet.write_formula(3, 4, Formula::new("=1/0").set_result("#DIV/0!")).expect("room");
    sheet.write_formula(4, 6, Formula::new("=\"CL\"&1").set_result("CL1")).expect("room");
    sheet.write_string(2, 6, "CL1").expect("room");
    sheet.write_string(3, 6, "CL1").expect("room");
    sheet.merge_range(5, 6, 6, 6, "CL1", &plain).expect("room");
    let list = book.save_to_buffer().expect("memory takes all");
    let told = officer.take_list(&list, &list_of(""));
    let expected = vec![flaw(4, "document", "formula"), flaw(7, "quarantine", "merged")];
    assert_eq!((counts(&told), flaws(&told)), ((3, 0, 2), expected));
    let (_, shown) = officer.get(&flight());
    assert_eq!(shown["arrivals"][0]["name"], "PARK SEOA", "as airlines write names: {shown}");
    assert_eq!(officer.send_list(&list[..list.len() / 2], &list_of("")).0, 400, "cut off");
}

#[test]
fn columns_once_chosen_are_remembered_for_lists_and_for_those_alone() {
    let (server, _folder) = at_the_border();
    let officer = Browser::new(&server).sign_in("sanbay");
    let header = "a,b,c,d,e,f,g,h\n";
    let list = format!("{header}{}", row("1A", "An", "M2000000"));
    assert_eq!(officer.preview_list(list.as_bytes(), &list_of("")).1["remembered"], false);
    assert_eq!(counts(&officer.take_list(list.as_bytes(), &list_of(""))), (1, 0, 0));
    let (_, after) = officer.preview_list(list.as_bytes(), &list_of(""));
    assert_eq!((&after["remembered"], &after["good"]), (&json!(true), &json!(1)), "{after}");
    let (_, body) = officer.ask("POST", "/api/v1/paper/preview", &[], list.as_bytes());
    let paper: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(paper["remembered"], false, "declarations have columns of their own");
}

#[test]
fn places_are_told_to_everybody() {
    let (server, _folder) = at_the_border();
    let (status, told) = Browser::new(&server).get("/api/v1/arrivals/places");
    let codes = |kind: &str| -> Vec<String> {
        let places = told[kind].as_array().expect("places").iter();
        places.map(|place| place["site"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(
        (status, codes("border"), codes("quarantine")),
        (200, vec!["CK3".to_owned(), "SB1".to_owned()], vec!["CL2".to_owned(), "CL1".to_owned()],)
    );
}
