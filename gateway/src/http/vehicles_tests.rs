//! Vehicles on the green lane, at a real server on loopback: declared, sealed, scanned, their crew changed.

use serde_json::{Value, json};
use truyvet_engine::SiteRecord;
use truyvet_engine::registry::Account;
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::PassId;

use super::notices_tests::Checkpoint;
use super::people_tests::{AN, Browser, MAI, declaration, mai, served, served_and};
use super::tests::Server;
use crate::people::{Asked, Caller, NewAccount, TripError};

/// The server of the other tests, with a checkpoint far from the routes, and officials of both provinces.
pub(super) fn with_road() -> (Server, tempfile::TempDir) {
    let (server, folder) = served();
    let far = SiteRecord { site: "C9".to_owned(), area: Some("W2".to_owned()), ..SiteRecord::default() };
    server.app.engine.catalog().put_sites(vec![far]).expect("a site");
    for (account, role, site, area) in [
        ("chot9", "officer", Some("C9"), None),
        ("tinh1", "health", None, Some("P1")),
        ("tinh2", "health", None, Some("P2")),
    ] {
        let new = json!({"account": account, "name": "Cán bộ", "role": role, "site": site, "area": area,
            "password": "một mật khẩu dài"});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    (server, folder)
}

pub(super) fn aboard(number: &str, name: &str, duty: &str) -> Value {
    json!({"duty": duty, "name": name, "birth_date": "1990-03-02", "sex": "male",
        "document": {"kind": "citizen_id", "number": number}})
}

/// So many aboard a coach; the driver is An.
pub(super) fn coach(people: usize) -> Value {
    let passenger = |i: usize| aboard(&format!("0010850{i:05}"), &format!("Khách {i}"), "passenger");
    let driver = aboard(AN, "Nguyễn Văn An", "driver");
    let aboard: Vec<Value> = [driver].into_iter().chain((1..people).map(passenger)).collect();
    let now = TimeMs::now().get();
    json!({
        "vehicle": {"plate": "51b-123.45", "kind": "bus", "operator": "Xe khách Một", "seats": 60},
        "depot": "C1", "route": ["P1"], "departs_at": now, "until": now + 36_000_000,
        "cargo": {"kind": "passengers"}, "aboard": aboard,
    })
}

pub(super) fn all_checked() -> Value {
    json!({"checks": ["vehicle", "people", "health", "tests", "cargo", "disinfected"], "remark": "Niêm phong 7"})
}

pub(super) fn path(trip: &Value, rest: &str) -> String {
    format!("/api/v1/vehicles/trips/{}{rest}", trip["trip"].as_str().expect("a number"))
}

fn declared(server: &Server, people: usize) -> Value {
    let driver = Browser::new(server).redeem(AN, "0901234567");
    let (status, trip) = driver.post("/api/v1/vehicles/trips", &coach(people));
    assert_eq!((status, &trip["state"]), (201, &json!("declared")), "{trip}");
    trip
}

fn sealed(server: &Server, people: usize) -> Value {
    let trip = declared(server, people);
    let (status, trip) = Browser::new(server).sign_in("chot1").post(&path(&trip, "/seal"), &all_checked());
    assert_eq!((status, &trip["state"]), (200, &json!("sealed")), "{trip}");
    trip
}

fn check(officer: &Browser<'_>, trip: &Value) -> Value {
    let (status, checked) =
        officer.post("/api/v1/checkpoint/check", &json!({"token": trip["pass"]["token"]}));
    assert_eq!(status, 200, "{checked}");
    checked
}

/// The vehicle and everyone aboard, as a check tells them.
fn subjects(checked: &Value) -> Vec<String> {
    let text = |value: &Value| value["subject"].as_str().expect("a code").to_owned();
    let vehicle = &checked["vehicle"];
    let aboard = vehicle["aboard"].as_array().expect("a list").iter().map(text);
    [text(vehicle)].into_iter().chain(aboard).collect()
}

fn trail(server: &Server, subject: &str) -> Vec<String> {
    let tracer = Browser::new(server).sign_in("dichte");
    let asked = json!({"subject": subject, "from": 0, "to": TimeMs::now().get() + 86_400_000});
    let (status, trail) = tracer.post("/api/v1/trace/trail", &asked);
    assert_eq!(status, 200, "{trail}");
    let scans = trail["scans"].as_array().expect("a list");
    scans.iter().map(|scan| scan["site"].as_str().expect("a code").to_owned()).collect()
}

#[test]
fn a_vehicle_is_let_through_once_it_is_sealed_at_its_depot() {
    let (server, _folder) = with_road();
    let trip = declared(&server, 3);
    assert_eq!(
        (&trip["vehicle"]["plate"], &trip["pass"]["registered"]),
        (&json!("51B-123.45"), &json!(false))
    );
    let [depot, elsewhere] = ["chot1", "chot2"].map(|account| Browser::new(&server).sign_in(account));
    assert_eq!(check(&elsewhere, &trip)["verdict"], "not_sealed");
    let (status, told) = elsewhere.post(&path(&trip, "/seal"), &all_checked());
    assert_eq!((status, &told["type"]), (403, &json!("/problems/not-allowed")), "another site's officer");
    let (status, told) = depot.post(&path(&trip, "/seal"), &json!({"checks": ["vehicle"]}));
    assert_eq!((status, &told["errors"]), (422, &json!([{"field": "checks", "code": "missing"}])));
    let (status, sealed) = depot.post(&path(&trip, "/seal"), &all_checked());
    assert_eq!((status, &sealed["decided"]["by"]), (200, &json!("chot1")), "{sealed}");
    assert_eq!(depot.post(&path(&trip, "/seal"), &all_checked()).0, 409, "once");
    let checked = check(&elsewhere, &sealed);
    assert_eq!((&checked["verdict"], checked.get("off_route")), (&json!("valid"), None));
    assert_eq!(checked["vehicle"]["aboard"].as_array().map(Vec::len), Some(3));
    assert_eq!(check(&elsewhere, &trip)["verdict"], "valid", "the code of before the seal is as good");
    let lists = elsewhere.lists();
    let listed = lists["vehicles"].as_array().expect("a list");
    assert!(listed.is_empty() || listed[0]["aboard"].as_array().map(Vec::len) == Some(3));
    let off = check(&Browser::new(&server).sign_in("chot9"), &sealed);
    assert_eq!((&off["verdict"], &off["off_route"]), (&json!("valid"), &json!(true)), "still the officer's");
    let (status, over) = depot.post(&path(&trip, "/end"), &json!({}));
    assert_eq!((status, &over["state"]), (200, &json!("over")));
    assert_eq!(check(&elsewhere, &sealed)["verdict"], "revoked");
}

#[test]
fn a_vehicle_that_is_refused_at_its_depot_goes_nowhere() {
    let (server, _folder) = with_road();
    let trip = declared(&server, 1);
    let depot = Browser::new(&server).sign_in("chot1");
    let (status, told) = depot.post(&path(&trip, "/refuse"), &json!({"checks": []}));
    assert_eq!((status, &told["errors"][0]["field"]), (422, &json!("remark")), "it says why");
    let refusal = json!({"checks": ["vehicle"], "remark": "Sai hàng hóa"});
    assert_eq!(depot.post(&path(&trip, "/refuse"), &refusal).1["state"], "refused");
    let checked = check(&depot, &trip);
    assert_eq!((&checked["verdict"], &checked["reason"]), (&json!("revoked"), &json!("depot_refused")));
    let lists = depot.lists();
    assert_eq!(lists["revoked"], json!([trip["pass"]["pass"]]), "checkpoints without a network know it");
}

#[test]
fn one_scan_of_a_coach_is_sixty_one_scans_and_sixty_one_aboard_are_refused() {
    let (server, _folder) = with_road();
    let driver = Browser::new(&server).redeem(AN, "0901234567");
    let (status, told) = driver.post("/api/v1/vehicles/trips", &coach(61));
    assert_eq!((status, &told["errors"]), (422, &json!([{"field": "aboard", "code": "count"}])));
    assert_eq!(driver.get("/api/v1/vehicles/trips").1["trips"], json!([]), "nothing was kept");
    let trip = sealed(&server, 60);
    let checkpoint = Checkpoint::open_as(&server, "chot2", "C2");
    let all = subjects(&check(&checkpoint.officer, &trip));
    assert_eq!(all.len(), 61);
    checkpoint.pass_all(&all, 1, TimeMs::now());
    for subject in [&all[0], &all[1], &all[60]] {
        assert_eq!(trail(&server, subject), ["C2"]);
    }
    let tracer = Browser::new(&server).sign_in("dichte");
    let asked = json!({"subject": [all[1]], "from": 0, "to": TimeMs::now().get() + 1_000});
    let (_, contacts) = tracer.post("/api/v1/trace/contacts", &asked);
    assert_eq!(contacts["contacts"].as_array().map(Vec::len), Some(60), "the vehicle and 59 people");
}

#[test]
fn who_leaves_a_vehicle_on_the_way_is_traced_up_to_there_and_who_joins_from_there() {
    let (server, _folder) = with_road();
    let trip = sealed(&server, 2);
    let [first, second] =
        [("chot1", "C1"), ("chot2", "C2")].map(|(account, site)| Checkpoint::open_as(&server, account, site));
    let before = subjects(&check(&first.officer, &trip));
    let scanned_at = TimeMs::now();
    first.pass_all(&before, 1, scanned_at);
    let crew = json!({"aboard": [aboard(AN, "Nguyễn Văn An", "driver"), aboard(MAI, "Trần Mai", "crew")]});
    let (status, told) = second.officer.post(&path(&trip, "/aboard"), &crew);
    assert_eq!((status, &told["type"]), (403, &json!("/problems/not-allowed")), "not before this officer");
    check(&second.officer, &trip);
    std::thread::sleep(std::time::Duration::from_millis(5));
    let (status, changed) = second.officer.post(&path(&trip, "/aboard"), &crew);
    assert_eq!((status, &changed["changes"]), (200, &json!(1)), "{changed}");
    let after = subjects(&check(&second.officer, &trip));
    second.pass_all(&after, 1, TimeMs::now());
    let (left, joined) = (&before[2], &after[2]);
    assert_eq!(
        (trail(&server, left), trail(&server, joined)),
        (vec!["C1".to_owned()], vec!["C2".to_owned()])
    );
    assert_eq!(trail(&server, &after[0]), ["C1", "C2"], "the vehicle itself");
    let contacts = |subject: &String| {
        let asked = json!({"subject": [subject], "from": 0, "to": TimeMs::now().get() + 1_000});
        let (_, told) = Browser::new(&server).sign_in("dichte").post("/api/v1/trace/contacts", &asked);
        told["contacts"].to_string()
    };
    assert!(contacts(left).contains(&before[1]) && contacts(joined).contains(&after[1]), "with the driver");
    assert!(!contacts(left).contains(joined.as_str()) && !contacts(joined).contains(left.as_str()));
    // A checkpoint that had no network asks who was aboard then, and never gets another answer.
    let aboard_at = |at: i64| {
        let asked = json!({"pass": trip["pass"]["pass"], "at": at});
        second.officer.post("/api/v1/checkpoint/aboard", &asked).1["subjects"].clone()
    };
    assert_eq!(aboard_at(scanned_at.get()), json!(before[1..]));
    assert_eq!(aboard_at(TimeMs::now().get()), json!(after[1..]));
    let too_many: Vec<Value> = coach(61)["aboard"].as_array().expect("a list").clone();
    assert_eq!(second.officer.post(&path(&trip, "/aboard"), &json!({"aboard": too_many})).0, 422);
    let nobody = json!({"pass": PassId::new(1).to_string(), "at": 0});
    assert_eq!(second.officer.post("/api/v1/checkpoint/aboard", &nobody).0, 404);
}

#[test]
fn who_is_watched_holds_the_vehicle_that_they_are_aboard() {
    let (server, _folder) = with_road();
    let trip = sealed(&server, 2);
    let officer = Browser::new(&server).sign_in("chot2");
    let aboard = subjects(&check(&officer, &trip));
    let watch = json!({"subject": aboard[2], "reason": "quarantine"});
    let (status, told) = Browser::new(&server).sign_in("tinh1").post("/api/v1/watch", &watch);
    assert!(status < 300, "the health of a province that it leads through: {told}");
    let checked = check(&officer, &trip);
    assert_eq!((&checked["verdict"], &checked["reason"]), (&json!("watch"), &json!("quarantine")));
}

#[test]
fn what_was_scanned_is_before_the_officer_for_a_quarter_of_an_hour_while_the_account_stays_as_it_was() {
    let (server, _folder) = with_road();
    let trip = sealed(&server, 1);
    let declared = Browser::new(&server).redeem(MAI, "0909999999").declare(&mai()).1;
    let people = &server.app.people;
    let officer = people.registry.account("chot2").expect("whole").expect("known");
    let (now, minute) = (TimeMs::now(), 60_000);
    let later = |ms: i64| TimeMs::new(now.get() + ms);
    for shown in [&trip, &declared] {
        let token = shown["pass"]["token"].as_str().expect("text").to_owned();
        people.check(&Asked::Token(token), &officer, now).expect("whole");
    }
    let number = |shown: &Value, field: &str| -> u64 {
        shown[field].as_str().and_then(|number| number.parse().ok()).expect("a number")
    };
    let (trip, declared) = (number(&trip, "trip"), number(&declared, "declaration"));
    let reads = |account: &Account, at: TimeMs| {
        people.find_trip(trip, &Caller::Official(Box::new(account.clone())), at).is_ok()
    };
    let changed = [
        Account { site: Some("C9".to_owned()), ..officer.clone() },
        Account { generation: officer.generation + 1, ..officer.clone() },
    ];
    for account in &changed {
        assert!(people.verified(declared, account, later(minute)).is_err() && !reads(account, later(minute)));
        assert!(people.end_trip(trip, account, later(minute)).is_err());
    }
    let over = later(15 * minute);
    assert!(people.verified(declared, &officer, over).is_err() && !reads(&officer, over));
    assert!(matches!(people.end_trip(trip, &officer, over), Err(TripError::NotBeforeYou)));
    let in_time = later(15 * minute - 1);
    assert!(people.verified(declared, &officer, in_time).is_ok() && reads(&officer, in_time));
    assert!(people.end_trip(trip, &officer, in_time).is_ok());
}

#[test]
fn who_is_known_from_a_manifest_alone_and_watched_is_held_without_a_pass() {
    let (server, _folder) = with_road();
    let trip = sealed(&server, 2);
    let officer = Browser::new(&server).sign_in("chot2");
    let passenger = &subjects(&check(&officer, &trip))[2];
    let card = "001085000001||Khách 1|02031990|Nam|Bến Nghé|01012021";
    let shown =
        [json!({"document": {"kind": "citizen_id", "number": "001085000001"}}), json!({"card": card})];
    let check = |shown: &Value| officer.post("/api/v1/checkpoint/check", shown).1;
    for shown in &shown {
        let unknown = check(shown);
        assert_eq!((&unknown["verdict"], &unknown["reason"]), (&json!("unknown"), &json!("no_declaration")));
    }
    let watch = json!({"subject": passenger, "reason": "quarantine"});
    assert_eq!(Browser::new(&server).sign_in("tinh1").post("/api/v1/watch", &watch).0, 204);
    for shown in &shown {
        let held = check(shown);
        assert_eq!((&held["verdict"], &held["reason"]), (&json!("watch"), &json!("quarantine")), "{held}");
        assert_eq!((held.get("pass"), held.get("facts")), (None, None));
    }
    let log = server.app.people.registry.audit(1, 1_000).expect("whole");
    let looks = log
        .iter()
        .filter(|entry| (entry.act.action.as_str(), &entry.act.object) == ("declaration.check", passenger));
    let results: Vec<&str> = looks.map(|entry| entry.act.result.as_str()).collect();
    assert_eq!(results, ["unknown", "unknown", "ok", "ok"], "each look is written down");
}

#[test]
fn a_passage_off_the_route_is_told_to_officials_and_in_what_wards_hear_of_those_aboard() {
    let (server, _folder) = with_road();
    // An has a journey of his own, of which the wards are told.
    Browser::new(&server).redeem(AN, "0901234567").declare(&declaration(AN, "Nguyễn Văn An"));
    let trip = sealed(&server, 2);
    let far = Checkpoint::open_as(&server, "chot9", "C9");
    far.pass_all(&subjects(&check(&far.officer, &trip)), 1, TimeMs::now());
    let (near, other) = (Browser::new(&server).sign_in("tinh1"), Browser::new(&server).sign_in("tinh2"));
    let (status, listed) = near.get("/api/v1/vehicles/trips?off_route=true");
    assert_eq!(status, 200, "{listed}");
    assert_eq!(listed["trips"][0]["off_route"][0]["site"], "C9");
    assert!(!listed.to_string().contains("Nguyễn"), "a list names nobody");
    assert_eq!(other.get("/api/v1/vehicles/trips").1["trips"], json!([]), "not its area");
    assert_eq!(other.get(&path(&trip, "")).0, 404);
    assert_eq!(near.get(&path(&trip, "")).1["aboard"][0]["name"], "Nguyễn Văn An");
    let (_, told) = Browser::new(&server).sign_in("xa1").get("/api/v1/notices");
    assert_eq!(told["notices"][0]["off_route"], 1, "{told}");
    let plate = json!({"plate": "51b12345"});
    assert_eq!(near.post("/api/v1/vehicles/find", &plate).1["trips"].as_array().map(Vec::len), Some(1));
    assert_eq!(other.post("/api/v1/vehicles/find", &plate).1["trips"], json!([]));
    let log = server.app.people.registry.audit(1, 1_000).expect("whole");
    let actions: Vec<&str> = log.iter().map(|entry| entry.act.action.as_str()).collect();
    for action in ["trip.declare", "trip.seal", "trip.check", "trips.read", "trip.read"] {
        assert!(actions.contains(&action), "{action}");
    }
    let log = serde_json::to_string(&log).expect("JSON");
    assert!(!log.contains("51B") && !log.contains("Nguyễn"), "the log names nobody");
}

#[test]
fn a_trip_is_declared_by_its_driver_or_its_depot_and_by_nobody_else() {
    let (server, _folder) = with_road();
    let trips = "/api/v1/vehicles/trips";
    let mai = Browser::new(&server).redeem(MAI, "0909999999");
    assert_eq!(mai.post(trips, &coach(2)).0, 403, "another drives");
    assert_eq!(Browser::new(&server).post(trips, &coach(2)).0, 401);
    assert_eq!(Browser::new(&server).sign_in("chot2").post(trips, &coach(2)).0, 403, "another depot");
    assert_eq!(Browser::new(&server).sign_in("xa1").post(trips, &coach(2)).0, 403);
    let depot = Browser::new(&server).sign_in("chot1");
    let (status, trip) = depot.post(trips, &coach(2));
    assert_eq!(status, 201, "{trip}");
    assert_eq!(mai.get(&path(&trip, "")).0, 404, "who is not its driver");
    let (status, svg) = depot.ask("GET", &path(&trip, "/sheet.svg?lang=en"), &[], b"");
    let svg = String::from_utf8(svg).expect("text");
    assert!(status == 200 && svg.contains("51B-123.45") && !svg.contains("Nguyễn"));
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut sent = coach(2);
        change(&mut sent);
        depot.post(trips, &sent).1["errors"][0].clone()
    };
    assert_eq!(wrong(&|trip| trip["route"] = json!(["P9"])), json!({"field": "route[0]", "code": "unknown"}));
    assert_eq!(wrong(&|trip| trip["depot"] = json!("C7")), json!({"field": "depot", "code": "unknown"}));
    let repeated = wrong(&|trip| trip["aboard"][1]["document"]["number"] = json!(AN));
    assert_eq!(repeated, json!({"field": "aboard[1].document.number", "code": "repeated"}));
    let key = [("idempotency-key", "k")];
    let body = coach(2).to_string();
    let send = || {
        let (status, bytes) = depot.ask("POST", trips, &key, body.as_bytes());
        (status, serde_json::from_slice::<Value>(&bytes).expect("JSON")["trip"].clone())
    };
    let first = send();
    assert_eq!(first.0, 201);
    assert_eq!(send(), first, "the same again makes nothing new");
}

#[test]
fn a_trip_sent_again_is_answered_though_no_more_may_be_declared_today() {
    let (server, _folder) = served_and(false, |config| config.people.declarations_a_day = 1);
    let driver = Browser::new(&server).redeem(AN, "0901234567");
    let body = coach(2).to_string();
    let send = |key: &str| {
        let (status, bytes) =
            driver.ask("POST", "/api/v1/vehicles/trips", &[("idempotency-key", key)], body.as_bytes());
        (status, serde_json::from_slice::<Value>(&bytes).expect("JSON")["trip"].clone())
    };
    let first = send("a");
    assert_eq!(first.0, 201);
    assert_eq!(send("a"), first);
    assert_eq!(send("b").0, 429, "another is one too many");
}
