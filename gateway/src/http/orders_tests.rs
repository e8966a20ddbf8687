//! Quarantine orders at a real server on loopback: who may order for whom, what breaks an order, who is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use truyvet_engine::SiteRecord;
use truyvet_engine::registry::{Act, DeclarationState, Declaring};
use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::{SubjectCode, UnixSeconds};
use truyvet_schemas::person::{Document, DocumentKind};

use super::notices_tests::Checkpoint;
use super::people_tests::{AN, Browser, MAI, declaration, mai, served_and};
use super::tests::Server;
use crate::config::Config;
use crate::people::{Caller, NewAccount};

const DAY_MS: i64 = 86_400_000;
const PHONE: &str = "0901234567";

/// The server of the other tests, with a facility in another ward, and officials of both.
fn with_facility() -> (Server, tempfile::TempDir) {
    with_facility_and(|_| {})
}

fn with_facility_and(change: impl FnOnce(&mut Config)) -> (Server, tempfile::TempDir) {
    let (server, folder) = served_and(false, change);
    let site = |code: &str, area: &str, kind: &str| SiteRecord {
        site: code.to_owned(),
        area: Some(area.to_owned()),
        kind: Some(kind.to_owned()),
        ..SiteRecord::default()
    };
    let sites = vec![site("F1", "W2", "facility"), site("BV", "W1", "hospital")];
    server.app.engine.catalog().put_sites(sites).expect("sites");
    for (account, role, site, area) in [
        ("xa2", "ward", None, Some("W2")),
        ("yte1", "health", None, Some("W1")),
        ("yte2", "health", None, Some("W2")),
        ("khu", "officer", Some("F1"), None),
    ] {
        let new = json!({"account": account, "name": "Cán bộ", "role": role, "site": site, "area": area,
            "password": "một mật khẩu dài"});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    (server, folder)
}

/// Code of An, who has declared with a register that knows him.
fn declared(server: &Server) -> String {
    let an = Browser::new(server).redeem(AN, PHONE);
    let (status, made) = an.declare(&declaration(AN, "Nguyễn Văn An"));
    assert_eq!((status, &made["state"]), (201, &json!("verified")), "{made}");
    holder(server, AN)
}

fn holder(server: &Server, number: &str) -> String {
    let document = Document { kind: DocumentKind::CitizenId, number: number.to_owned(), country: None };
    let holder = server.app.people.registry.holder(&document.tidied()).expect("whole");
    holder.expect("known").to_string()
}

fn at_home() -> Value {
    json!({"kind": "home", "reason": "contact", "until": TimeMs::now().get() + 14 * DAY_MS})
}

fn in_facility() -> Value {
    let mut terms = at_home();
    terms["kind"] = json!("facility");
    terms["site"] = json!("F1");
    terms
}

fn order(browser: &Browser<'_>, subject: &str, terms: &Value) -> (u16, Value) {
    browser.post("/api/v1/orders", &json!({"subject": subject, "terms": terms}))
}

fn ordered(browser: &Browser<'_>, subject: &str, terms: &Value) -> Value {
    let (status, made) = order(browser, subject, terms);
    assert_eq!(status, 201, "{made}");
    made
}

fn path(order: &Value, rest: &str) -> String {
    format!("/api/v1/orders/{}{rest}", order["order"].as_str().expect("a number"))
}

fn listed(browser: &Browser<'_>, query: &str) -> Vec<Value> {
    let (status, found) = browser.get(&format!("/api/v1/orders{query}"));
    assert_eq!(status, 200, "{found}");
    found["orders"].as_array().expect("a list").clone()
}

fn in_bulk(browser: &Browser<'_>, key: &str, body: &Value) -> (u16, Value) {
    let (status, said) =
        browser.ask("POST", "/api/v1/orders/bulk", &[("idempotency-key", key)], body.to_string().as_bytes());
    (status, serde_json::from_slice(&said).expect("JSON"))
}

#[test]
fn an_order_goes_home_and_who_gives_it_by_code_learns_no_name() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let [far, home, elsewhere] = ["yte3", "xa1", "xa2"].map(|account| Browser::new(&server).sign_in(account));
    let made = ordered(&far, &subject, &at_home());
    assert_eq!((&made["state"], &made["area"]["code"]), (&json!("open"), &json!("W1")));
    assert_eq!(far.get(&path(&made, "")).0, 404, "of another's area it sees no more than that");
    assert_eq!(far.post("/api/v1/people/find", &json!({"subject": subject})).0, 404);
    assert!(listed(&far, "").is_empty() && listed(&elsewhere, "").is_empty());
    let rows = listed(&home, "?state=open");
    assert_eq!((rows.len(), &rows[0]["order"], &rows[0]["by"]), (1, &made["order"], &json!("yte3")));
    assert!(!rows[0].to_string().contains("Nguyễn") && !rows[0].to_string().contains(AN));
    assert_eq!(home.get("/api/v1/orders?area=W2").0, 404, "another's area");
    let (status, shown) = home.get(&path(&made, ""));
    assert_eq!((status, &shown["diary"], &shown["broken_by"]), (200, &json!([]), &json!([])));
    let audit = server.app.people.registry.audit(1, 10_000).expect("whole");
    let acts = |action: &str, result: &str| {
        let is_it = |act: &Act| act.action == action && act.result == result;
        audit.iter().filter(|entry| is_it(&entry.act)).count()
    };
    assert_eq!(
        (acts("order.make", "ok"), acts("order.read", "ok"), acts("order.read", "refused")),
        (1, 1, 1)
    );
}

#[test]
fn those_alone_order_whose_work_it_is_and_another_home_is_for_who_may_see_the_person() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    for account in ["chot1", "xa1", "maychu", "quantri"] {
        let browser = Browser::new(&server).sign_in(account);
        assert_eq!(order(&browser, &subject, &at_home()).0, 403, "{account}");
    }
    assert_eq!(order(&Browser::new(&server), &subject, &at_home()).0, 401, "nobody");
    let an = Browser::new(&server).redeem(AN, PHONE);
    assert_eq!(order(&an, &subject, &at_home()).0, 403, "a citizen");
    let mut elsewhere = at_home();
    (elsewhere["area"], elsewhere["address"]) = (json!("W3"), json!("Ấp 4"));
    let far = Browser::new(&server).sign_in("yte3");
    let (status, told) = order(&far, &subject, &elsewhere);
    assert_eq!(
        (status, &told["type"]),
        (403, &json!("/problems/not-allowed")),
        "or anybody would find out who it is"
    );
    let own = Browser::new(&server).sign_in("yte1");
    let made = ordered(&own, &subject, &elsewhere);
    assert_eq!(made["area"]["code"], "W3");
    assert_eq!(far.get(&path(&made, "")).1["address"], "Ấp 4", "it is to be kept there");
}

#[test]
fn for_whom_nothing_can_be_ordered_is_told_by_reason() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let (abroad, nobody) = (settle(&server, 1, "XX")[0].clone(), SubjectCode::new([7; 10]).to_string());
    let vehicle = with_vehicle(&server);
    let health = Browser::new(&server).sign_in("dichte");
    for (code, says, why) in [
        (&abroad, "facility", "abroad"),
        (&nobody, "nobody is known", "no_record"),
        (&vehicle, "vehicle", "vehicle"),
    ] {
        let (status, told) = order(&health, code, &at_home());
        assert_eq!((status, &told["type"]), (409, &json!("/problems/conflict")), "{told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{told}");
        assert_eq!(told["why"], why, "a page tells them apart by a word");
    }
    assert_eq!(ordered(&health, &abroad, &in_facility())["site"], "F1", "a facility takes in whoever comes");
    let codes = json!([subject, abroad, nobody, "moto-17", vehicle, subject]);
    let mut body = json!({"subjects": codes, "terms": at_home(), "tried": true});
    let (status, tried) = in_bulk(&health, "k", &body);
    assert_eq!((status, &tried["ordered"], &tried["tried"]), (200, &json!(1), &json!(true)), "{tried}");
    assert!(listed(&health, "?area=P1").is_empty(), "nothing was written");
    body["tried"] = json!(false);
    let (_, made) = in_bulk(&health, "k", &body);
    let why = |why: &str, list: Value| json!({"why": why, "subjects": list.as_array().expect("a list").len(), "list": list});
    assert_eq!(
        made["not_ordered"],
        json!([
            why("no_record", json!([nobody, "moto-17"])),
            why("already_ordered", json!([abroad])),
            why("vehicle", json!([vehicle])),
        ])
    );
    assert_eq!((&made["ordered"], &made["areas"]), (&json!(1), &json!(1)));
    let (_, again) = in_bulk(&health, "k", &body);
    assert_eq!((&again["ordered"], &again["ordered_before"]), (&json!(0), &json!(1)));
    let (_, other) = in_bulk(&health, "l", &body);
    assert_eq!((&other["ordered"], &other["not_ordered"][1]["subjects"]), (&json!(0), &json!(2)));
    body["terms"]["reason"] = json!("case");
    assert_eq!(in_bulk(&health, "k", &body).0, 409, "the key was used for something else");
    assert_eq!(health.post("/api/v1/orders/bulk", &body).0, 400, "without a key it could be doubled");
    assert_eq!(listed(&health, "?area=P1").len(), 1);
}

#[test]
fn wrong_terms_are_told_field_by_field() {
    let (server, _folder) = with_facility_and(|config| config.people.orders_bulk_max = 2);
    let subject = declared(&server);
    let health = Browser::new(&server).sign_in("dichte");
    let flaw = |change: &dyn Fn(&mut Value)| {
        let mut terms = at_home();
        change(&mut terms);
        let (status, told) = order(&health, &subject, &terms);
        assert_eq!(status, 422, "{told}");
        let flaw = &told["errors"][0];
        (
            flaw["field"].as_str().expect("a path").to_owned(),
            flaw["code"].as_str().expect("a word").to_owned(),
        )
    };
    let is = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    assert_eq!(flaw(&|terms| terms["until"] = json!(0)), is("terms.until", "time"));
    let too_long = TimeMs::now().get() + 61 * DAY_MS;
    assert_eq!(flaw(&|terms| terms["until"] = json!(too_long)), is("terms.until", "time"));
    assert_eq!(flaw(&|terms| terms["kind"] = json!("facility")), is("terms.site", "missing"));
    let market = |terms: &mut Value| (terms["kind"], terms["site"]) = (json!("facility"), json!("C1"));
    assert_eq!(flaw(&market), is("terms.site", "unknown"), "nobody stays in quarantine at a checkpoint");
    let nowhere = |terms: &mut Value| (terms["kind"], terms["site"]) = (json!("facility"), json!("F9"));
    assert_eq!(flaw(&nowhere), is("terms.site", "unknown"));
    assert_eq!(flaw(&|terms| terms["permitted"] = json!(["F9"])), is("terms.permitted[0]", "unknown"));
    assert_eq!(flaw(&|terms| terms["area"] = json!("W0")), is("terms.area", "no_longer_valid"));
    let body = |subjects: Value| json!({"subjects": subjects, "terms": at_home()});
    assert_eq!(in_bulk(&health, "k", &body(json!(["a", "b"]))).0, 200);
    let (status, told) = in_bulk(&health, "k2", &body(json!(["a", "b", "c"])));
    assert_eq!((status, &told["type"]), (413, &json!("/problems/too-large")));
    assert_eq!(in_bulk(&health, "k3", &json!({"terms": at_home()})).0, 400, "for whom?");
}

#[test]
fn a_scan_elsewhere_breaks_an_order_and_one_at_the_own_facility_does_not() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let [health, ward] = ["dichte", "xa2"].map(|account| Browser::new(&server).sign_in(account));
    let mut terms = in_facility();
    terms["permitted"] = json!(["C2"]);
    let made = ordered(&health, &subject, &terms);
    Checkpoint::open_as(&server, "khu", "F1").pass(&subject, 1);
    Checkpoint::open_as(&server, "chot2", "C2").pass(&subject, 1);
    assert_eq!(ward.get(&path(&made, "")).1["state"], "open");
    assert!(listed(&ward, "?state=breached").is_empty());
    Checkpoint::open(&server).pass(&subject, 1);
    let rows = listed(&ward, "?state=breached");
    assert_eq!((&rows[0]["breaches"], &rows[0]["last_breach"]["site"]), (&json!(1), &json!("C1")));
    assert_eq!(listed(&ward, "?state=open_breached").len(), 1);
    let (status, person) = ward.post("/api/v1/people/find", &json!({"subject": subject}));
    assert_eq!((status, &person["person"]["name"]), (200, &json!("Nguyễn Văn An")), "it takes care of him");
    let note = json!({"reason": "completed", "note": "Xét nghiệm âm tính"});
    assert_eq!(ward.post(&path(&made, "/end"), &note).0, 403, "that is not the ward's to say");
    assert_eq!(health.post(&path(&made, "/end"), &note).0, 204);
    assert_eq!(health.post(&path(&made, "/end"), &note).0, 409, "once");
    assert!(listed(&ward, "?state=open_breached").is_empty() && listed(&ward, "?state=breached").len() == 1);
    let ended = &listed(&ward, "?state=ended")[0];
    assert_eq!(
        (&ended["state"], &ended["breaches"]),
        (&json!("ended"), &json!(1)),
        "what was broken stays so"
    );
    assert_eq!(
        (&ended["ended"]["how"], &ended["ended"]["note"]),
        (&json!("completed"), &json!("Xét nghiệm âm tính"))
    );
}

#[test]
fn who_is_moved_is_kept_where_they_are_and_broken_is_what_was_then() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let [health, ward, facility] =
        ["yte1", "xa1", "xa2"].map(|account| Browser::new(&server).sign_in(account));
    let made = ordered(&health, &subject, &at_home());
    assert_eq!(health.post(&path(&made, "/move"), &json!({"site": "C1"})).0, 422, "C1 takes nobody in");
    let (status, moved) = health.post(&path(&made, "/move"), &json!({"site": "F1"}));
    assert_eq!((status, &moved["kind"], &moved["until"]), (201, &json!("facility"), &made["until"]));
    let before = &listed(&ward, "?state=ended")[0];
    assert_eq!((&before["ended"]["how"], &before["ended"]["next"]), (&json!("replaced"), &moved["order"]));
    let (status, over) = health.post(&path(&made, "/move"), &json!({"site": "F1"}));
    assert_eq!((status, over.get("why")), (409, None), "it is over");
    assert_eq!(listed(&facility, "?state=open")[0]["order"], moved["order"]);
    Checkpoint::open_as(&server, "khu", "F1").pass(&subject, 1);
    assert!(listed(&facility, "?state=breached").is_empty() && listed(&ward, "?state=breached").is_empty());
    let (status, told) = health.post(&path(&made, "/diary"), &json!({"temperature_c": 37.0}));
    assert_eq!(status, 409, "the diary goes on in the new order: {told}");
}

#[test]
fn a_scan_that_comes_in_late_shows_the_breach_late() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let [health, ward] = ["dichte", "xa1"].map(|account| Browser::new(&server).sign_in(account));
    let yesterday = TimeMs::new(TimeMs::now().get() - DAY_MS);
    let mut terms = at_home();
    terms["from"] = json!(yesterday.get() - 3_600_000);
    let made = ordered(&health, &subject, &terms);
    assert_eq!(health.post(&path(&made, "/end"), &json!({"reason": "lifted"})).0, 204);
    assert!(listed(&ward, "?state=breached").is_empty());
    let checkpoint = Checkpoint::open(&server);
    checkpoint.pass_all(std::slice::from_ref(&subject), 1, yesterday);
    checkpoint.pass_all(&[subject], 2, TimeMs::new(yesterday.get() - 2 * 3_600_000));
    let rows = listed(&ward, "?state=breached");
    assert_eq!((rows.len(), &rows[0]["breaches"]), (1, &json!(1)), "of what was before the order, nothing");
    assert_eq!(rows[0]["last_breach"]["at"], yesterday.get());
}

#[test]
fn a_breach_is_heard_without_asking() {
    let (server, _folder) = with_facility();
    let app = Arc::clone(&server.app);
    let telling = std::thread::spawn(move || app.people.tell_listeners(|| app.is_stopping()));
    let subject = declared(&server);
    let [ward, other] = ["xa1", "xa2"].map(|account| Browser::new(&server).sign_in(account));
    let mut events = ward.events("/api/v1/orders/live");
    let mut ward_page = ward.events("/api/v1/notices/live");
    let mut of_another = other.events("/api/v1/orders/live");
    let made = ordered(&Browser::new(&server).sign_in("dichte"), &subject, &at_home());
    assert_eq!(events.next().expect("an event").0, "changed");
    // The engine follows at once; whoever was not known to it a moment later.
    std::thread::sleep(Duration::from_millis(200));
    Checkpoint::open(&server).pass(&subject, 1);
    let sent = Instant::now();
    let (what, row) = events.next().expect("an event");
    assert!(sent.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (what.as_str(), &row["order"], &row["state"]),
        ("breached", &made["order"], &json!("breached"))
    );
    assert_eq!(row["last_breach"]["site"], "C1");
    assert!(ward_page.any(|(what, row)| what == "breached" && row["order"] == made["order"]));
    server.app.stop();
    assert_eq!(of_another.next(), None, "it is nobody else's business");
    telling.join().expect("no panic");
}

#[test]
fn who_is_in_quarantine_is_told_at_checkpoints_with_and_without_a_network() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let health = Browser::new(&server).sign_in("dichte");
    let [checkpoint, facility] = ["chot1", "khu"].map(|account| Browser::new(&server).sign_in(account));
    let verdict = |browser: &Browser<'_>| {
        let shown = json!({"document": {"kind": "citizen_id", "number": AN}});
        browser.post("/api/v1/checkpoint/check", &shown).1["verdict"].clone()
    };
    let listed = || checkpoint.lists()["quarantine"].clone();
    assert_eq!((verdict(&checkpoint), listed()), (json!("valid"), json!([])));
    let made = ordered(&health, &subject, &in_facility());
    assert_eq!((verdict(&checkpoint), listed()), (json!("quarantine"), json!([subject])));
    assert_eq!(verdict(&facility), "valid", "that is where he is to be");
    assert_eq!(health.post(&path(&made, "/end"), &json!({"reason": "lifted"})).0, 204);
    assert_eq!((verdict(&checkpoint), listed()), (json!("valid"), json!([])));
    let mut planned = in_facility();
    planned["from"] = json!(TimeMs::now().get() + DAY_MS);
    assert_eq!(ordered(&health, &subject, &planned)["state"], "planned");
    assert_eq!((verdict(&checkpoint), listed()), (json!("valid"), json!([])), "he is on his way there");
}

#[test]
fn citizens_keep_a_diary_of_their_own_order_and_see_no_other() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let health = Browser::new(&server).sign_in("dichte");
    let mut terms = at_home();
    terms["origin"] = json!("contacts of 3ZK7Q2VHB0A1M4XD, 15m");
    let made = ordered(&health, &subject, &terms);
    let an = Browser::new(&server).redeem(AN, PHONE);
    let (status, own) = an.get("/api/v1/orders/own");
    assert_eq!((status, &own["orders"][0]["order"]), (200, &made["order"]));
    let of_the_case = |told: &Value| told.to_string().contains("3ZK7Q2VHB0A1M4XD");
    assert!(of_the_case(&made) && of_the_case(&health.get(&path(&made, "")).1));
    assert!(
        !of_the_case(&own) && !of_the_case(&an.get(&path(&made, "")).1),
        "who the case is, is not An's to know"
    );
    let entry =
        json!({"temperature_c": 38.24, "symptoms": ["fever", "cough", "fever"], "note": " Đau  đầu "});
    let write = || {
        let diary = path(&made, "/diary");
        let (status, said) =
            an.ask("POST", &diary, &[("idempotency-key", "k")], entry.to_string().as_bytes());
        (status, serde_json::from_slice::<Value>(&said).expect("JSON"))
    };
    write();
    let (status, shown) = write();
    assert_eq!((status, &shown["entries"]), (201, &json!(1)), "an answer that was lost: {shown}");
    assert!(!of_the_case(&shown));
    let written = &shown["diary"][0];
    assert_eq!((&written["temperature_c"], &written["note"]), (&json!(38.2), &json!("Đau đầu")));
    assert_eq!((&written["symptoms"], &written["by"]), (&json!(["fever", "cough"]), &json!("citizen")));
    let ward = Browser::new(&server).sign_in("xa1");
    let now = TimeMs::now().get();
    let tested = json!({"test": {"kind": "pcr", "result": "negative", "taken_at": now}});
    assert_eq!(ward.post(&path(&made, "/diary"), &tested).1["diary"][1]["by"], "xa1");
    for wrong in [json!({"temperature_c": 368}), json!({"note": "x".repeat(301)}), json!({"at": 0})] {
        assert_eq!(an.post(&path(&made, "/diary"), &wrong).0, 422, "{wrong}");
    }
    // With An's document and a telephone of one's own one is not An.
    let thief = Browser::new(&server).redeem(AN, "0977777777");
    assert_eq!(thief.get("/api/v1/orders/own").1["orders"], json!([]));
    assert_eq!((thief.get(&path(&made, "")).0, thief.post(&path(&made, "/diary"), &entry).0), (404, 404));
    let mai_herself = Browser::new(&server).redeem(MAI, "0901234568");
    mai_herself.declare(&mai());
    assert_eq!(mai_herself.get(&path(&made, "")).0, 404);
    let elsewhere = Browser::new(&server).sign_in("xa2");
    assert_eq!(elsewhere.post(&path(&made, "/diary"), &entry).0, 404);
    assert_eq!(Browser::new(&server).sign_in("chot1").post(&path(&made, "/diary"), &entry).0, 403);
}

#[test]
fn five_thousand_whom_one_met_are_ordered_home_in_one_request() {
    const MET: usize = 5_000;
    let (server, _folder) = with_facility();
    let met = settle(&server, MET, "W1");
    let mut scans = "subject,site,unix_ms\nX,C1,1000\nmoto-1,C1,1000\n".to_owned();
    met.iter().for_each(|code| scans.push_str(&format!("{code},C1,2000\n")));
    let (status, _) = server.post("/api/v1/import/scans?format=csv&name=f.csv", scans.as_bytes());
    assert_eq!(status, 200);
    let health = Browser::new(&server).sign_in("dichte");
    let question = json!({"subject": ["X"], "from": 0, "to": 60_000, "window": "15m"});
    let body = json!({"contacts": question, "terms": at_home()});
    let acts = || server.app.people.registry.verify_audit().expect("whole").expect("unbroken").seq;
    let (begun, before) = (Instant::now(), acts());
    let (status, made) = in_bulk(&health, "k", &body);
    println!("{MET} orders of one request in {:?}", begun.elapsed());
    assert_eq!((status, &made["ordered"], &made["cut"]), (200, &json!(MET), &json!(false)), "{made}");
    assert_eq!(made["not_ordered"][0]["list"], json!(["moto-1"]));
    assert_eq!(acts() - before, MET as u64 + 1, "an act for each, and one for the question");
    assert_eq!(listed(&health, "?area=W1&limit=200").len(), 200);
    let (_, again) = in_bulk(&health, "k", &body);
    assert_eq!((&again["ordered"], &again["ordered_before"]), (&json!(0), &json!(MET)));
    let lists = Browser::new(&server).sign_in("chot1").lists();
    assert_eq!((lists["quarantine"].as_array().map(Vec::len), &lists["is_cut"]), (Some(MET), &json!(false)));
    let chain = json!({"seed": ["X"], "from": 0, "to": 60_000, "generations": 1, "count": true});
    let (status, tried) = in_bulk(&health, "l", &json!({"chain": chain, "terms": at_home(), "tried": true}));
    assert_eq!((status, &tried["not_ordered"][1]["subjects"]), (200, &json!(MET)), "those all have one");
}

#[test]
fn whom_several_answers_name_is_ordered_once() {
    let (server, _folder) = with_facility_and(|config| config.people.orders_bulk_max = 3);
    let codes = settle(&server, 4, "W1");
    let [case, met, inside, passed] = &codes[..] else { panic!("four") };
    let rows = [(case, 1_000, "in"), (met, 2_000, "in"), (inside, 5_000_000, "in"), (case, 6_000_000, "out")];
    let mut scans = "subject,site,unix_ms,direction\n".to_owned();
    rows.iter().for_each(|(code, at, way)| scans.push_str(&format!("{code},C1,{at},{way}\n")));
    scans.push_str(&format!("{passed},C1,90000000,pass\n"));
    let (status, told) = server.post("/api/v1/import/scans?format=csv&name=f.csv", scans.as_bytes());
    assert_eq!(status, 200, "{told}");
    let health = Browser::new(&server).sign_in("dichte");
    let time = |mut question: Value| {
        (question["from"], question["to"]) = (json!(0), json!(80_000_000));
        question
    };
    let (contacts, stays) = (time(json!({"subject": [case]})), time(json!({"subject": [case]})));
    let passed_there = time(json!({"site": ["C1"]}));
    let tried = |mut body: Value| {
        (body["terms"], body["tried"]) = (at_home(), json!(true));
        let (status, told) = in_bulk(&health, "k", &body);
        (status, told["ordered"].as_u64())
    };
    assert_eq!(tried(json!({"contacts": contacts})), (200, Some(2)), "by scans, and inside together");
    assert_eq!(tried(json!({"stays": stays})), (200, Some(2)));
    assert_eq!(tried(json!({"contacts": contacts, "stays": stays})), (200, Some(2)), "each once");
    assert_eq!(tried(json!({"contacts": contacts, "stays": stays, "seeds": true})), (200, Some(3)));
    assert_eq!(tried(json!({"stays": stays, "subjects": [passed]})), (200, Some(3)));
    assert_eq!(tried(json!({"passed": passed_there})), (200, Some(3)), "all but who came a day later");
    let body = json!({"passed": passed_there, "subjects": [passed], "terms": at_home()});
    assert_eq!(in_bulk(&health, "k", &body).0, 413, "four are more than three");
}

/// So many people who live in this area; their codes.
fn settle(server: &Server, people: usize, area: &str) -> Vec<String> {
    let declare = |number: usize| {
        let json = json!({
            "person": {"name": "Người", "birth_date": "1990", "sex": "male",
                "documents": [{"kind": "citizen_id", "number": format!("00107{number:07}")}],
                "permanent": {"area": area}},
            "journey": {"from": "W1", "to": "W2", "departs_at": 0, "purpose": "work"},
            "health": {"exposure": "none", "vaccine_doses": 2},
        });
        let declaration: Declaration = serde_json::from_value(json).expect("as the contract has it");
        let how = Declaring {
            state: DeclarationState::Verified,
            issued: UnixSeconds::new(0),
            valid_until: UnixSeconds::new(1),
            phone: "",
            request: None,
            entered_by: None,
        };
        let made = server.app.people.registry.declare(
            &declaration.tidied(),
            how,
            crate::people::act(TimeMs::now(), "test", "declaration.make", "-"),
        );
        made.expect("room").record.subject.to_string()
    };
    // Many at once share one sync.
    let numbers: Vec<usize> = (0..people).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = numbers
            .chunks(people.div_ceil(32))
            .map(|chunk| scope.spawn(move || chunk.iter().map(|number| declare(*number)).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    })
}

/// Code of a vehicle that was declared.
fn with_vehicle(server: &Server) -> String {
    let now = TimeMs::now().get();
    let trip = json!({
        "vehicle": {"plate": "51b-123.45", "kind": "truck", "operator": "Một", "seats": 3},
        "depot": "C1", "route": ["P1"], "departs_at": now, "until": now + 36_000_000, "cargo": {"kind": "food"},
        "aboard": [{"duty": "driver", "name": "Nguyễn Văn An", "birth_date": "1990-03-02", "sex": "male",
            "document": {"kind": "citizen_id", "number": AN}}],
    });
    let (status, made) = Browser::new(server).redeem(AN, PHONE).post("/api/v1/vehicles/trips", &trip);
    assert_eq!(status, 201, "{made}");
    made["subject"].as_str().expect("a code").to_owned()
}

#[test]
fn who_is_known_from_a_manifest_alone_is_held_by_an_order() {
    let (server, _folder) = with_facility();
    with_vehicle(&server);
    let subject = holder(&server, AN);
    let [checkpoint, facility] = ["chot1", "khu"].map(|account| Browser::new(&server).sign_in(account));
    let shown = json!({"document": {"kind": "citizen_id", "number": AN}});
    let verdict = |browser: &Browser<'_>| {
        let (_, checked) = browser.post("/api/v1/checkpoint/check", &shown);
        (checked["verdict"].clone(), checked.get("reason").cloned())
    };
    assert_eq!(verdict(&checkpoint), (json!("unknown"), Some(json!("no_declaration"))));
    ordered(&Browser::new(&server).sign_in("dichte"), &subject, &in_facility());
    assert_eq!(verdict(&checkpoint), (json!("quarantine"), None));
    assert_eq!(verdict(&facility).0, "unknown", "there he is to be");
}

#[test]
fn the_ward_that_loses_somebody_hears_of_it() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let [health, ward] = ["dichte", "xa1"].map(|account| Browser::new(&server).sign_in(account));
    let mut events = ward.events("/api/v1/orders/live");
    ordered(&health, &subject, &at_home());
    assert_eq!(events.next().expect("an event").0, "changed");
    ordered(&health, &subject, &in_facility());
    assert_eq!(events.next().expect("an event").0, "changed", "he is in W2 from now on");
    let other = settle(&server, 1, "W1");
    let home = json!({"subjects": other, "terms": at_home()});
    assert_eq!(in_bulk(&health, "1", &home).1["ordered"], 1);
    assert_eq!(events.next().expect("an event").0, "changed");
    let moved = json!({"subjects": other, "terms": in_facility()});
    assert_eq!(in_bulk(&health, "2", &moved).1["ordered"], 1);
    assert_eq!(events.next().expect("an event").0, "changed");
}

#[test]
fn an_order_of_which_scans_are_gone_says_so() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let [health, ward] = ["dichte", "xa1"].map(|account| Browser::new(&server).sign_in(account));
    let today = TimeMs::now().get() / DAY_MS * DAY_MS;
    let mut terms = at_home();
    terms["from"] = json!(today - 3 * DAY_MS);
    let made = ordered(&health, &subject, &terms);
    let checkpoint = Checkpoint::open(&server);
    checkpoint.pass_all(&[subject], 1, TimeMs::new(today - 2 * DAY_MS));
    assert_eq!(ward.get(&path(&made, "")).1["breaches"], 1);
    let all = (TimeMs::new(0), TimeMs::new(today + DAY_MS));
    server.app.engine.drop_days(all.0, all.1).expect("room");
    let row = &listed(&ward, "")[0];
    assert_eq!((&row["breaches"], &row["incomplete"][0]["why"]), (&json!(0), &json!("dropped")), "{row}");
}

#[test]
fn what_the_answers_leave_open_is_told_with_the_orders() {
    let (server, _folder) = with_facility();
    let subject = declared(&server);
    let health = Browser::new(&server).sign_in("dichte");
    let question = json!({"subject": ["MISTYPED"], "from": 0, "to": 60_000});
    let body = json!({"subjects": [subject], "contacts": question, "terms": at_home(), "tried": true});
    let (status, told) = in_bulk(&health, "k", &body);
    assert_eq!(
        (status, &told["ordered"], &told["unknown"]),
        (200, &json!(1), &json!(["MISTYPED"])),
        "{told}"
    );
}
