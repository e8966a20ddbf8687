//! Citizens and officials at a real server on loopback: what each may, what becomes of bad input.

use std::cell::RefCell;

use bytes::Bytes;
use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use std::time::Duration;

use serde_json::{Value, json};
use truyvet_engine::{AreaRecord, SiteRecord};
use truyvet_schemas::pass::{Pass, PassFlags, PassId, SubjectCode, UnixSeconds, issue};
use truyvet_schemas::signing::sign_batch;
use truyvet_schemas::wire::{BatchFacts, SignedBatch, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use super::document_tests::undescribed;
use super::tests::Server;
use crate::config::Config;
use crate::people::{Caller, NewAccount};

/// A browser with its cookie.
pub(super) struct Browser<'s> {
    server: &'s Server,
    cookie: RefCell<Option<String>>,
}

impl<'s> Browser<'s> {
    pub(super) fn new(server: &'s Server) -> Self {
        Self { server, cookie: RefCell::default() }
    }

    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.server.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &*self.cookie.borrow() {
            request = request.header("cookie", cookie);
        }
        let request = request.body(body.to_vec()).expect("a whole request");
        let mut answer = Server::agent().run(request).expect("an answer");
        if let Some(set) = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()) {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
            *self.cookie.borrow_mut() = set.split(';').next().map(str::to_owned);
        }
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().to_owned();
        let (status, body) = (answer.status().as_u16(), answer.body_mut().read_to_vec().expect("whole"));
        assert_eq!(
            undescribed(method, path, status, &kind, &body),
            [""; 0],
            "{}",
            String::from_utf8_lossy(&body)
        );
        (status, body)
    }

    /// The answer as it begins; its body is read by the caller.
    pub(super) fn open(&self, path: &str) -> ureq::http::Response<ureq::Body> {
        let request = Server::agent().get(format!("{}{path}", self.server.url));
        let cookie = self.cookie.borrow().clone().unwrap_or_default();
        request.header("cookie", cookie).call().expect("an answer")
    }

    /// The header that its requests carry.
    pub(super) fn cookie(&self) -> String {
        self.cookie.borrow().clone().unwrap_or_default()
    }

    pub(super) fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, bytes) = self.ask(method, path, &[], body.to_string().as_bytes());
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(super) fn get(&self, path: &str) -> (u16, Value) {
        let (status, bytes) = self.ask("GET", path, &[], b"");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.json("POST", path, body)
    }

    /// The lists of a checkpoint, once all that happened until now is on them.
    pub(super) fn lists(&self) -> Value {
        std::thread::sleep(Duration::from_millis(1_100));
        self.get("/api/v1/checkpoint/lists").1
    }

    /// Signs in with a one-time code, as a citizen does.
    pub(super) fn redeem(self, number: &str, phone: &str) -> Self {
        self.redeem_with("citizen_id", number, phone)
    }

    fn redeem_with(self, kind: &str, number: &str, phone: &str) -> Self {
        let whose = json!({"document": {"kind": kind, "number": number}, "phone": phone});
        let (status, said) = self.post("/api/v1/codes", &whose);
        assert_eq!(status, 202, "{said}");
        let mut redeemed = whose;
        redeemed["code"] = json!(last_code(self.server));
        let (status, me) = self.post("/api/v1/codes/redeem", &redeemed);
        assert_eq!((status, &me["kind"]), (200, &json!("citizen")), "{me}");
        self
    }

    pub(super) fn sign_in(self, account: &str) -> Self {
        let (status, me) = self.post("/api/v1/session", &json!({"account": account, "password": PASSWORD}));
        assert_eq!((status, &me["account"]), (200, &json!(account)), "{me}");
        self
    }

    pub(super) fn declare(&self, declaration: &Value) -> (u16, Value) {
        let sent = json!({"declaration": declaration, "accept_unverified": true});
        self.post("/api/v1/declarations", &sent)
    }

    fn check(&self, shown: &Value) -> Value {
        let (status, checked) = self.post("/api/v1/checkpoint/check", shown);
        assert_eq!(status, 200, "{checked}");
        checked
    }

    fn verdict(&self, shown: &Value) -> String {
        self.check(shown)["verdict"].as_str().expect("a word").to_owned()
    }
}

pub(super) const PASSWORD: &str = "một mật khẩu dài";
pub(super) const AN: &str = "001090000001";
pub(super) const MAI: &str = "001190000002";

fn last_code(server: &Server) -> String {
    let codes = std::fs::read_to_string(server.app.data.join("codes.log")).expect("a code was sent");
    codes.trim_end().rsplit(' ').next().expect("a code").to_owned()
}

/// A server with a small nation, a register that knows An, and officials.
pub(super) fn served() -> (Server, tempfile::TempDir) {
    served_with(false)
}

/// With the gateway's sockets too.
pub(super) fn served_with(has_gateway: bool) -> (Server, tempfile::TempDir) {
    served_and(has_gateway, |_| {})
}

/// With other settings too.
pub(super) fn served_and(has_gateway: bool, change: impl FnOnce(&mut Config)) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let register = folder.path().join("register.csv");
    let people = format!(
        "kind,number,name,birth_date,sex,permanent\ncitizen_id,{AN},Nguyễn Văn An,1990-03-02,male,W1\n"
    );
    std::fs::write(&register, people).expect("room");
    let set = |config: &mut Config| {
        config.people.register_file = Some(register);
        change(config);
    };
    let server = Server::start_with(set, has_gateway);
    let catalog = server.app.engine.catalog();
    let area = |code: &str, parent: &str, name: &str| AreaRecord {
        area: code.to_owned(),
        parent: Some(parent.to_owned()).filter(|parent| !parent.is_empty()),
        name: name.to_owned(),
        ..AreaRecord::default()
    };
    let gone = AreaRecord {
        valid_to: Some("2020-01-01".to_owned()),
        merged_into: Some("W1".to_owned()),
        ..area("W0", "P1", "Phường Cũ")
    };
    let areas = vec![
        area("P1", "", "Tỉnh Một"),
        area("P2", "", "Tỉnh Hai"),
        area("W1", "P1", "Phường Bến Nghé"),
        area("W2", "P2", "Xã Đất Mũi"),
        area("W3", "P2", "Xã Tân Ân"),
        gone,
    ];
    catalog.put_areas(areas).expect("a tree");
    let site = |code: &str| SiteRecord {
        site: code.to_owned(),
        area: Some("W1".to_owned()),
        ..SiteRecord::default()
    };
    catalog.put_sites(vec![site("C1"), site("C2")]).expect("sites");
    for (account, role, site, area) in [
        ("chot1", "officer", Some("C1"), None),
        ("chot2", "officer", Some("C2"), None),
        ("xa1", "ward", None, Some("W1")),
        ("yte3", "health", None, Some("W3")),
        ("dichte", "epidemiologist", None, None),
        ("maychu", "operator", None, None),
        ("quantri", "administrator", None, None),
    ] {
        let new = json!({"account": account, "name": "Cán bộ", "role": role, "site": site, "area": area,
            "password": PASSWORD});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    (server, folder)
}

pub(super) fn declaration(number: &str, name: &str) -> Value {
    json!({
        "person": {"name": name, "birth_date": "1990-03-02", "sex": "male",
            "documents": [{"kind": "citizen_id", "number": number}], "permanent": {"area": "W1"}},
        "journey": {"from": "W1", "to": "W2", "departs_at": TimeMs::now().get(), "purpose": "work",
            "vehicle": {"kind": "motorbike", "plate": "59x1-123.45"}},
        "health": {"exposure": "none", "vaccine_doses": 2},
    })
}

pub(super) fn mai() -> Value {
    let mut mai = declaration(MAI, "Trần Thị Mai");
    mai["person"]["sex"] = json!("female");
    mai
}

#[test]
fn a_known_person_declares_and_is_let_through() {
    let (server, _folder) = served();
    let an = Browser::new(&server).redeem(AN, "0901 234 567");
    let (status, made) = an.declare(&declaration(AN, "NGUYỄN VĂN  AN"));
    assert_eq!(
        (status, &made["state"], &made["mismatches"]),
        (201, &json!("verified"), &json!([])),
        "{made}"
    );
    let officer = Browser::new(&server).sign_in("chot1");
    let checked = officer.check(&json!({"token": made["pass"]["token"]}));
    assert_eq!(checked["verdict"], "valid");
    assert_eq!(checked["facts"]["name"], "NGUYỄN VĂN AN");
    assert_eq!(checked["facts"]["to"]["path"], "Tỉnh Hai");
    assert_eq!(checked["facts"]["vehicle"]["plate"], "59X1-123.45");
    assert_eq!(officer.verdict(&json!({"pass": made["pass"]["pass"]})), "valid", "its number is typed");
    assert_eq!(officer.verdict(&json!({"document": {"kind": "citizen_id", "number": AN}})), "valid");
    let card = |name: &str| json!({"card": format!("{AN}|012345678|{name}|02031990|Nam|Bến Nghé|01012021")});
    assert_eq!(officer.check(&card("NGUYỄN VĂN AN")).get("differs"), None);
    assert_eq!(officer.check(&card("NGUYỄN VĂN BÌNH"))["differs"], json!(["name"]));
    let picture = |file: &str| {
        an.ask(
            "GET",
            &format!("/api/v1/passes/{}/{file}", made["pass"]["pass"].as_str().expect("text")),
            &[],
            b"",
        )
    };
    assert!(picture("qr.svg").1.starts_with(b"<svg") && picture("qr.png").1.starts_with(b"\x89PNG"));
    let sheet = |query: &str| picture(&format!("sheet.svg{query}"));
    let text = |query: &str| String::from_utf8(sheet(query).1).expect("text");
    assert!(
        text("?lang=en").contains("Valid until") && text("?cards=8").matches("Có giá trị đến").count() == 8
    );
    assert!(!text("").contains("NGUYỄN"), "whoever finds it learns no name");
    assert_eq!(sheet("?cards=3").0, 400);
    let (_, last) = an.get("/api/v1/declarations/last");
    assert_eq!(last["declaration"]["journey"]["vehicle"]["plate"], "59X1-123.45", "nothing is retyped");
}

#[test]
fn what_the_register_contradicts_is_told_and_goes_on_unverified() {
    let (server, _folder) = served();
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let wrong = declaration(AN, "Nguyễn Văn Anh");
    let (status, told) = an.post("/api/v1/declarations", &json!({"declaration": wrong}));
    assert_eq!((status, &told["type"]), (409, &json!("/problems/register-disagrees")));
    assert_eq!(told["errors"], json!([{"field": "person.name", "code": "disagrees"}]));
    for _ in 1..10 {
        assert_eq!(an.post("/api/v1/declarations", &json!({"declaration": wrong})).0, 409);
    }
    let (status, told) = an.post("/api/v1/declarations", &json!({"declaration": wrong}));
    assert_eq!((status, &told["type"]), (429, &json!("/problems/too-many-attempts")), "nobody asks it out");
    let (status, made) = an.declare(&wrong);
    assert_eq!((status, &made["state"]), (201, &json!("unverified")));
    let officer = Browser::new(&server).sign_in("chot1");
    let checked = officer.check(&json!({"token": made["pass"]["token"]}));
    assert_eq!(checked["verdict"], "not_verified");
    let declared = json!({"declaration": checked["facts"]["declaration"]});
    assert_eq!(officer.post("/api/v1/checkpoint/verified", &declared).0, 204);
    assert_eq!(officer.verdict(&json!({"token": made["pass"]["token"]})), "valid", "compared by an officer");
    let nobody = json!({"declaration": "1"});
    assert_eq!(officer.post("/api/v1/checkpoint/verified", &nobody).0, 404);
}

#[test]
fn bad_declarations_are_told_field_by_field_and_keep_nothing() {
    let (server, _folder) = served();
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let errors = |change: &dyn Fn(&mut Value)| {
        let mut sent = declaration(AN, "Nguyễn Văn An");
        change(&mut sent);
        let (status, told) = an.declare(&sent);
        (
            status,
            told["errors"][0]["field"].as_str().unwrap_or_default().to_owned(),
            told["errors"][0]["code"].clone(),
        )
    };
    let invalid = |change: &dyn Fn(&mut Value), field: &str, code: &str| {
        assert_eq!(errors(change), (422, field.to_owned(), json!(code)));
    };
    invalid(&|d| d["journey"]["to"] = json!("W0"), "journey.to", "no_longer_valid");
    invalid(&|d| d["journey"]["to"] = json!("W9"), "journey.to", "unknown");
    invalid(&|d| d["person"]["name"] = json!("x".repeat(201)), "person.name", "too_long");
    invalid(&|d| d["person"]["name"] = json!("An\u{202e}"), "person.name", "characters");
    let number =
        |number: &'static str| move |d: &mut Value| d["person"]["documents"][0]["number"] = json!(number);
    invalid(&number("003090000001"), "person.documents[0].number", "unknown");
    invalid(&number("12"), "person.documents[0].number", "form");
    assert_eq!(errors(&number(MAI)).0, 403, "the code was for another document");
    let (status, told) =
        an.post("/api/v1/declarations", &json!({"declaration": {"person": {"name": "Bí Mật"}}}));
    assert_eq!(status, 400);
    assert!(!told.to_string().contains("Bí Mật"), "what was sent is not repeated: {told}");
    assert_eq!(an.get("/api/v1/declarations").1["declarations"], json!([]), "nothing was kept");
    // What is strange but lawful is kept as it is.
    for name in ["<script>alert(1)</script>", "=HYPERLINK(\"x\")", "ދިވެހި ބަސް", "李小龙", "O'Brien & Søn"]
    {
        let (status, made) = an.declare(&declaration(AN, name));
        assert_eq!(status, 201, "{made}");
        let (_, last) = an.get("/api/v1/declarations/last");
        assert_eq!(last["declaration"]["person"]["name"], name);
    }
}

#[test]
fn the_same_request_again_makes_nothing_new() {
    let (server, _folder) = served();
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let sent = json!({"declaration": declaration(AN, "Nguyễn Văn An")});
    let send = |key: &str, body: &Value| {
        let (status, bytes) =
            an.ask("POST", "/api/v1/declarations", &[("idempotency-key", key)], body.to_string().as_bytes());
        (status, serde_json::from_slice::<Value>(&bytes).expect("JSON"))
    };
    let first = send("a", &sent);
    assert_eq!(first.0, 201);
    assert_eq!(send("a", &sent), first);
    assert_ne!(send("b", &sent).1["declaration"], first.1["declaration"]);
    let mut other = sent;
    other["declaration"]["health"]["vaccine_doses"] = json!(3);
    assert_eq!(send("a", &other).0, 409, "another declaration under a used key");
    assert_eq!(an.get("/api/v1/declarations").1["declarations"].as_array().map(Vec::len), Some(2));
    let page = an.get("/api/v1/declarations?limit=1").1;
    let rest =
        an.get(&format!("/api/v1/declarations?limit=1&before={}", page["next"].as_str().expect("more"))).1;
    assert_eq!(
        (rest["declarations"][0]["declaration"].clone(), rest.get("next")),
        (first.1["declaration"].clone(), None)
    );
}

#[test]
fn nobody_reaches_what_is_not_theirs() {
    let (server, _folder) = served();
    let own = Browser::new(&server).redeem(AN, "0901234567");
    let (_, made) = own.declare(&declaration(AN, "Nguyễn Văn An"));
    let pass = made["pass"]["pass"].as_str().expect("text");
    let address = format!("/api/v1/passes/{pass}");
    assert_eq!(own.get(&address).0, 200);
    // Another's phone, though it names the same document.
    let other = Browser::new(&server).redeem(AN, "0909999999");
    assert_eq!(other.get(&address).0, 404);
    assert_eq!(other.get("/api/v1/declarations/last").0, 404);
    assert_eq!(other.get("/api/v1/declarations").1["declarations"], json!([]));
    let nobody = Browser::new(&server);
    for path in [
        &address,
        "/api/v1/declarations",
        "/api/v1/declarations/last",
        "/api/v1/checkpoint/lists",
        "/api/v1/watch",
    ] {
        assert_eq!(nobody.get(path).0, 401, "{path}: not even to this machine without an account");
    }
    let find = json!({"pass": pass});
    let found = |account: &str| Browser::new(&server).sign_in(account).post("/api/v1/people/find", &find);
    let (status, person) = found("xa1");
    assert_eq!((status, &person["person"]["name"]), (200, &json!("Nguyễn Văn An")), "of the ward");
    assert_eq!(person["namesakes"], json!([]));
    assert_eq!(found("yte3").0, 404, "neither lives nor travels there");
    assert_eq!(found("dichte").0, 200, "the nation's");
    for account in ["chot1", "maychu", "quantri"] {
        assert_eq!(found(account).0, 403, "{account}");
    }
    let ward = Browser::new(&server).sign_in("xa1");
    assert_eq!(ward.post(&format!("{address}/revoke"), &json!({"reason": "case"})).0, 403);
    let health = Browser::new(&server).sign_in("yte3");
    assert_eq!(
        health.post(&format!("{address}/revoke"), &json!({"reason": "case"})).0,
        404,
        "another's area"
    );
    let subject = person["subject"].as_str().expect("text");
    assert_eq!(health.post("/api/v1/watch", &json!({"subject": subject, "reason": "case"})).0, 404);
    let officer = Browser::new(&server).sign_in("chot1");
    assert_eq!((officer.get("/api/v1/accounts").0, officer.get("/api/v1/audit").0), (403, 403));
    let log = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000").1;
    let looks: Vec<(&str, &str)> = log["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["action"] == "person.read")
        .map(|entry| (entry["actor"].as_str().expect("text"), entry["result"].as_str().expect("text")))
        .collect();
    assert_eq!(looks, [("xa1", "ok"), ("yte3", "refused"), ("dichte", "ok")], "granted and refused looks");
    assert!(!log.to_string().contains("Nguyễn") && !log.to_string().contains(AN), "the log names nobody");
}

#[test]
fn passes_that_are_not_good_are_told_apart() {
    let (server, _folder) = served();
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let (_, made) = an.declare(&declaration(AN, "Nguyễn Văn An"));
    let token = made["pass"]["token"].as_str().expect("text");
    let officer = Browser::new(&server).sign_in("chot1");
    let told = |token: &str| {
        let checked = officer.check(&json!({"token": token}));
        (
            checked["verdict"].as_str().expect("a word").to_owned(),
            checked["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let unknown = |reason: &str| ("unknown".to_owned(), reason.to_owned());
    assert_eq!(told("https://example.org/"), unknown("not_a_pass"));
    assert_eq!(told(&token[..100]), unknown("truncated"));
    let damaged = token.replacen(['A', 'B', 'C', 'D'], "7", 40);
    assert!(matches!(told(&damaged), (verdict, _) if verdict == "unknown"));
    let stranger = SigningKey::from_bytes(&[7; 32]);
    let forged = |key_id| Pass {
        key_id,
        id: made["pass"]["pass"].as_str().expect("text").parse().expect("a number"),
        subject: SubjectCode::new([1; 10]),
        issued: UnixSeconds::of(TimeMs::now()).expect("before 2106"),
        valid_until: UnixSeconds::new(u32::MAX),
        flags: PassFlags::default(),
        home: None,
        destination: None,
    };
    assert_eq!(told(&issue(&stranger, &forged(1))), unknown("bad_signature"));
    assert_eq!(told(&issue(&stranger, &forged(9))), unknown("unknown_key"));
    // Signed by the issuer, but the number is another's pass: somebody mixed the records.
    assert_eq!(told(&server.app.people.issuer.issue(&forged(1))), unknown("unknown_pass"));
    let never = Pass { id: PassId::new(77), ..forged(1) };
    assert_eq!(told(&server.app.people.issuer.issue(&never)), unknown("unknown_pass"));
    let health = Browser::new(&server).sign_in("dichte");
    let person = health.post("/api/v1/people/find", &json!({"pass": made["pass"]["pass"]})).1;
    let hold = json!({"subject": person["subject"], "reason": "quarantine"});
    assert_eq!(health.post("/api/v1/watch", &hold).0, 204);
    assert_eq!(told(token), ("watch".to_owned(), "quarantine".to_owned()));
    let lists = officer.lists();
    assert_eq!(lists["watch"], json!([hold]));
    let subject = person["subject"].as_str().expect("text");
    assert_eq!(health.json("DELETE", &format!("/api/v1/watch/{subject}"), &json!({})).0, 204);
    assert_eq!(told(token).0, "valid");
    let pass = made["pass"]["pass"].as_str().expect("text");
    let revoke =
        |reason: &str| health.post(&format!("/api/v1/passes/{pass}/revoke"), &json!({"reason": reason})).0;
    assert_eq!((revoke("Nguyễn Văn An is ill"), revoke("case")), (422, 204), "a word, nothing about people");
    assert_eq!(told(token), ("revoked".to_owned(), "case".to_owned()));
    assert_eq!(officer.lists()["revoked"], json!([pass]));
    assert_eq!(an.get(&format!("/api/v1/passes/{pass}")).1["pass"]["revoked"], true);
}

#[test]
fn a_pass_is_good_for_its_time_whatever_key_signs_now() {
    let (server, _folder) = served();
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let (_, made) = an.declare(&declaration(AN, "Nguyễn Văn An"));
    let admin = Browser::new(&server).sign_in("quantri");
    assert_eq!(admin.post("/api/v1/keys/rotate", &json!({"which": "pass"})).1, json!({"pass_key": 2}));
    assert_eq!(admin.post("/api/v1/keys/rotate", &json!({"which": "master"})).0, 200);
    let officer = Browser::new(&server).sign_in("chot1");
    assert_eq!(officer.verdict(&json!({"token": made["pass"]["token"]})), "valid");
    assert_eq!(an.get("/api/v1/passes/keys").1["keys"].as_array().map(Vec::len), Some(2));
    let people = &server.app.people;
    let asked = crate::people::Asked::Token(made["pass"]["token"].as_str().expect("text").to_owned());
    let account = people.registry.account("chot1").expect("whole").expect("known");
    let at = |ms: i64| {
        let checked = people.check(&asked, &account, TimeMs::new(TimeMs::now().get() + ms)).expect("whole");
        serde_json::to_value(checked.verdict).expect("JSON")
    };
    let day = 86_400_000;
    assert_eq!(
        (at(3 * day - 60_000), at(3 * day + 60_000), at(-day)),
        (json!("valid"), json!("expired"), json!("not_yet_valid"))
    );
}

#[test]
fn confirmed_scans_of_a_browser_are_there_once() {
    let (server, _folder) = served();
    let officer = Browser::new(&server).sign_in("chot1");
    let key = SigningKey::from_bytes(&[9; 32]);
    let sent = json!({"public_key": BASE64.encode(key.verifying_key().as_bytes())});
    let (status, device) = officer.post("/api/v1/checkpoint/device", &sent);
    assert_eq!((status, &device["site"], &device["next_seq"]), (201, &json!("C1"), &json!("1")));
    let number = device["device"].as_u64().expect("a number") as u32;
    let batch = |first_seq: u64, count: u64, key: &SigningKey| -> Bytes {
        let now = TimeMs::now();
        let scans: Vec<Scan> = (first_seq..first_seq + count)
            .map(|seq| Scan {
                subject: format!("S{seq}"),
                at: TimeMs::new(now.get() - 1_000 + seq as i64),
                direction: Direction::Pass,
                verdict: if seq == 2 { Verdict::Refused } else { Verdict::Passed },
            })
            .collect();
        let facts = BatchFacts { device: number, site: "C1", first_seq, sent_at: now };
        let (batch, _) = encode_batch(facts, &scans).expect("short enough");
        SignedBatch { batch: &batch, signature: sign_batch(key, &batch) }.encode().into()
    };
    let send = |browser: &Browser<'_>, payload: &[u8]| {
        let (status, bytes) = browser.ask("POST", &format!("/api/v1/scans?device={number}"), &[], payload);
        (status, serde_json::from_slice::<Value>(&bytes).expect("JSON"))
    };
    let first = batch(1, 3, &key);
    assert_eq!(send(&officer, &first), (200, json!({"durable_seq": "3", "refused": []})));
    assert_eq!(send(&officer, &first).1["durable_seq"], "3", "sent again it is kept once");
    let (status, gap) = send(&officer, &batch(6, 1, &key));
    assert_eq!((status, &gap["expected_seq"]), (409, &json!("4")));
    assert_eq!(send(&officer, &batch(3, 3, &key)).1["durable_seq"], "5", "what is new of it is taken");
    assert_eq!(send(&officer, &batch(6, 1, &SigningKey::from_bytes(&[8; 32]))).0, 400, "another's signature");
    assert_eq!(send(&officer, b"no frame").0, 400);
    assert_eq!(officer.post("/api/v1/checkpoint/device", &sent).1["next_seq"], "6", "the same key again");
    let relief = Browser::new(&server).sign_in("chot2");
    let elsewhere = relief.post("/api/v1/checkpoint/device", &sent).1;
    assert_ne!(elsewhere["device"], device["device"], "a browser is one device at each site");
    assert_eq!(send(&relief, &batch(3, 3, &key)).0, 200, "whoever signs in next delivers what was left");
    assert_eq!(send(&Browser::new(&server), &batch(6, 1, &key)).0, 401);
    assert_eq!(relief.ask("POST", "/api/v1/scans?device=77", &[], &batch(6, 1, &key)).0, 404);
    assert_eq!(server.app.engine.status().scans, 5, "each confirmed scan once");
    let weak = json!({"public_key": BASE64.encode(&[0; 32])});
    assert_eq!(officer.post("/api/v1/checkpoint/device", &weak).0, 422, "a key that proves nothing");
}

#[test]
fn sessions_end_with_the_account_the_password_and_the_wish() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let officer = Browser::new(&server).sign_in("chot1");
    let other = Browser::new(&server).sign_in("chot1");
    assert_eq!(other.ask("DELETE", "/api/v1/session", &[], b"").0, 204);
    assert_eq!(officer.get("/api/v1/session").1["site_name"], "C1");
    let set = json!({"password": "một mật khẩu khác"});
    assert_eq!(admin.post("/api/v1/accounts/chot1/password", &set).0, 200);
    assert_eq!(officer.get("/api/v1/session").0, 401, "the password was changed");
    let ward = Browser::new(&server).sign_in("xa1");
    assert_eq!(admin.post("/api/v1/accounts/xa1/disable", &json!({})).0, 200);
    assert_eq!(ward.get("/api/v1/session").0, 401, "the account is disabled");
    let long = json!({"account": "a".repeat(100_000), "password": "x"});
    assert_eq!(Browser::new(&server).post("/api/v1/session", &long).0, 413, "no room for a stranger's");
    assert_eq!(ward.post("/api/v1/session", &json!({"account": "xa1", "password": PASSWORD})).0, 401);
    assert_eq!(admin.post("/api/v1/accounts/xa1/enable", &json!({})).0, 200);
    assert_eq!(ward.get("/api/v1/session").0, 401, "what was over stays over");
    assert_eq!(admin.post("/api/v1/accounts/nobody/disable", &json!({})).0, 404);
    let taken =
        json!({"account": "CHOT2", "name": "x", "role": "officer", "site": "C1", "password": PASSWORD});
    assert_eq!(admin.post("/api/v1/accounts", &taken).0, 409, "names are the same in capitals");
    let bad = json!({"account": "a b", "name": "", "role": "officer", "site": "C9", "password": "short"});
    let fields: Vec<Value> = admin.post("/api/v1/accounts", &bad).1["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| error["field"].clone())
        .collect();
    assert_eq!(fields, ["account", "name", "site", "password"]);
    for _ in 0..5 {
        assert_eq!(
            Browser::new(&server).post("/api/v1/session", &json!({"account": "chot2", "password": "x"})).0,
            401
        );
    }
    let (status, told) =
        Browser::new(&server).post("/api/v1/session", &json!({"account": "chot2", "password": PASSWORD}));
    assert_eq!((status, &told["type"]), (429, &json!("/problems/too-many-attempts")));
}

#[test]
fn one_person_is_one_subject() {
    let (server, _folder) = served();
    let woman = Browser::new(&server).redeem(MAI, "0907777777");
    let subject = || {
        let found = Browser::new(&server)
            .sign_in("dichte")
            .post("/api/v1/people/find", &json!({"document": {"kind": "citizen_id", "number": MAI}}));
        found.1["subject"].clone()
    };
    assert_eq!(woman.declare(&mai()).0, 201);
    let first = subject();
    let mut with_passport = mai();
    with_passport["person"]["documents"] = json!([{"kind": "passport", "number": "b1234567"}, {"kind": "citizen_id", "number": "001 190 000 002"}]);
    let (_, made) = woman.declare(&with_passport);
    assert_eq!(subject(), first);
    // By the passport she is found only once somebody has seen it.
    let officer = Browser::new(&server).sign_in("chot1");
    let passport = json!({"document": {"kind": "passport", "number": "B1234567"}});
    assert_eq!(officer.verdict(&passport), "unknown");
    let unchecked = json!({"declaration": made["declaration"]});
    assert_eq!(officer.post("/api/v1/checkpoint/verified", &unchecked).0, 404, "it was not checked before");
    assert_eq!(officer.verdict(&json!({"token": made["pass"]["token"]})), "not_verified");
    assert_eq!(officer.post("/api/v1/checkpoint/verified", &unchecked).0, 204);
    assert_eq!(officer.verdict(&passport), "valid");
    let mut twice = mai();
    twice["person"]["documents"] = json!([{"kind": "old_id", "number": "123456789"}]);
    let again = Browser::new(&server).redeem_with("old_id", "123456789", "0907777777");
    assert_eq!(again.declare(&twice).0, 201);
    let found = Browser::new(&server)
        .sign_in("dichte")
        .post("/api/v1/people/find", &json!({"document": {"kind": "old_id", "number": "123456789"}}));
    assert_eq!(found.1["namesakes"], json!([first]), "perhaps the same, with another document");
    let an = Browser::new(&server).redeem(AN, "0901234567");
    assert_eq!(an.declare(&declaration(AN, "Nguyễn Văn An")).0, 201);
    let mut both = declaration(AN, "Nguyễn Văn An");
    both["person"]["documents"] =
        json!([{"kind": "citizen_id", "number": AN}, {"kind": "passport", "number": "B1234567"}]);
    let (status, told) = an.declare(&both);
    assert_eq!((status, &told["type"]), (409, &json!("/problems/two-people")));
}

#[test]
fn areas_are_found_as_one_types_and_merged_ones_lead_on() {
    let (server, _folder) = served();
    let browser = Browser::new(&server);
    let found = browser.get("/api/v1/areas/search?q=ben%20nghe").1;
    assert_eq!(found["areas"][0]["code"], "W1");
    assert_eq!(found["areas"][0]["path"], "Tỉnh Một");
    assert_eq!(browser.get("/api/v1/areas/search?q=W3").1["areas"][0]["name"], "Xã Tân Ân", "by its code");
    let gone = browser.get("/api/v1/areas/search?q=phuong%20cu").1["areas"][0].clone();
    assert_eq!((&gone["is_current"], &gone["successor"]["code"]), (&json!(false), &json!("W1")));
    assert_eq!(browser.get("/api/v1/areas/search?limit=x").0, 400);
}

#[test]
fn a_pass_holds_from_its_issue_until_its_hours_after_the_journey_begins() {
    let (server, _folder) = served();
    let (day, now) = (86_400_000, TimeMs::now().get());
    let mut later = declaration(AN, "Nguyễn Văn An");
    let departs_at = now + 20 * day;
    later["journey"]["departs_at"] = json!(departs_at);
    let an = Browser::new(&server).redeem(AN, "0901234567");
    let (status, made) = an.declare(&later);
    assert_eq!(status, 201, "{made}");
    let until = made["pass"]["valid_until"].as_i64().expect("an instant");
    assert_eq!(until, departs_at / 1_000 * 1_000 + 3 * day);
    let people = &server.app.people;
    let asked = crate::people::Asked::Token(made["pass"]["token"].as_str().expect("text").to_owned());
    let account = people.registry.account("chot1").expect("whole").expect("known");
    let at = |ms: i64| {
        let checked = people.check(&asked, &account, TimeMs::new(ms)).expect("whole");
        serde_json::to_value(checked.verdict).expect("JSON")
    };
    assert_eq!((at(now), at(departs_at), at(until - 1)), (json!("valid"), json!("valid"), json!("valid")));
    assert_eq!(at(until), json!("expired"));
    let health = Browser::new(&server).sign_in("dichte");
    let pass = made["pass"]["pass"].as_str().expect("text");
    assert_eq!(health.post(&format!("/api/v1/passes/{pass}/revoke"), &json!({"reason": "case"})).0, 204);
    let listed = |ms: i64| {
        people.registry.sweep(TimeMs::new(ms)).expect("swept");
        people.registry.revoked(TimeMs::new(ms), 9).expect("whole").len()
    };
    assert_eq!((listed(until - 1_000), listed(until)), (1, 0), "checkpoints know it for as long as it holds");
    // A journey that begins in the past is counted from the issue.
    let mut before = declaration(AN, "Nguyễn Văn An");
    before["journey"]["departs_at"] = json!(now - day / 2);
    let (_, made) = an.declare(&before);
    let held = |field: &str| made["pass"][field].as_i64().expect("an instant");
    assert_eq!(held("valid_until") - held("issued_at"), 3 * day);
}
