//! Epidemic levels over HTTP: who may change them, what becomes of bad input, what everybody is told.

use serde_json::{Value, json};
use truyvet_engine::AreaRecord;
use truyvet_schemas::TimeMs;

use super::people_tests::{Browser, served};
use super::tests::Server;

const DAY_MS: i64 = 86_400_000;

fn level(area: &str, level: &str) -> Value {
    json!({"area": area, "level": level})
}

fn of(browser: &Browser<'_>, area: &str) -> Value {
    let (status, told) = browser.get(&format!("/api/v1/situation?area={area}"));
    assert_eq!(status, 200, "{told}");
    told["areas"][0].clone()
}

#[test]
fn a_level_holds_for_the_areas_below_until_it_is_ended_and_stays_in_the_history() {
    let (server, _folder) = served();
    let (nobody, health) = (Browser::new(&server), Browser::new(&server).sign_in("dichte"));
    assert_eq!(of(&nobody, "W1").get("level"), None, "nothing was set");
    let until = TimeMs::now().get() + 9 * DAY_MS;
    let (status, set) = health.post("/api/v1/situation", &level("P1", "orange"));
    assert_eq!((status, &set["number"], &set["by"]), (201, &json!(1), &json!("dichte")), "{set}");
    let own = json!({"area": "W1", "level": "red", "to": until});
    assert_eq!(health.post("/api/v1/situation", &own).0, 201);
    let (_, told) = nobody.get("/api/v1/situation?area=W1&area=W2&area=P1&area=W9");
    let level_of =
        |place: usize| (told["areas"][place]["code"].clone(), told["areas"][place]["level"].clone());
    assert_eq!(level_of(0), (json!("W1"), json!("red")));
    assert_eq!(level_of(1), (json!("W2"), Value::Null));
    assert_eq!(level_of(2), (json!("P1"), json!("orange")));
    assert_eq!((&told["unknown"], &told["scale"]), (&json!(["W9"]), &json!("vn-128")));
    assert_eq!(told["areas"][0]["until"], json!(until));
    let named: Vec<&Value> = told["levels"].as_array().expect("levels").iter().map(|l| &l["code"]).collect();
    assert_eq!(named, ["orange", "red"], "with their measures, the least first");
    assert_eq!(told["levels"][1]["arrivals"]["home_days"], 7);
    assert_eq!(health.json("DELETE", "/api/v1/situation/W1/1", &json!({})).0, 200);
    assert_eq!(
        health.json("DELETE", "/api/v1/situation/W1/1", &json!({})).0,
        200,
        "once is as good as twice"
    );
    let ward = of(&nobody, "W1");
    assert_eq!((&ward["level"], &ward["inherited_from"]["code"]), (&json!("orange"), &json!("P1")));
    let history = |browser: &Browser<'_>| browser.get("/api/v1/situation/history?area=W1").1;
    let past = history(&health)["sets"][0].clone();
    assert_eq!((&past["to"], &past["ended_by"]), (&json!(until), &json!("dichte")), "what was set stays");
    assert!(past["ended_at"].is_i64());
    assert_eq!(history(&nobody)["sets"][0].get("by"), None, "who it was is told to officials alone");
    for _ in 0..3 {
        assert_eq!(health.post("/api/v1/situation", &level("W1", "green")).0, 201);
    }
    let page = nobody.get("/api/v1/situation/history?area=W1&limit=3").1;
    assert_eq!((page["sets"][0]["number"].clone(), page["next"].clone()), (json!(4), json!(2)));
    let rest = nobody.get("/api/v1/situation/history?area=W1&before=2").1;
    assert_eq!((rest["sets"][0]["number"].clone(), rest.get("next")), (json!(1), None));
    let log = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000").1.to_string();
    assert!(log.contains("\"P1 orange\"") && log.contains("\"situation.end\""), "every change is in the log");
}

#[test]
fn an_official_of_one_area_does_not_change_anothers() {
    let (server, _folder) = served();
    let health = Browser::new(&server).sign_in("yte3");
    assert_eq!(health.post("/api/v1/situation", &level("W3", "yellow")).0, 201, "their own");
    for (area, whose) in [("W2", "the neighbours'"), ("P2", "the province around it"), ("W1", "far away")] {
        let (status, told) = health.post("/api/v1/situation", &level(area, "red"));
        assert_eq!((status, &told["type"]), (403, &json!("/problems/not-allowed")), "{whose}: {told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("outside yours")));
        assert_eq!(of(&health, area).get("level"), None, "{whose}");
    }
    let nations = Browser::new(&server).sign_in("dichte");
    assert_eq!(nations.post("/api/v1/situation", &level("W2", "red")).0, 201);
    assert_eq!(health.json("DELETE", "/api/v1/situation/W2/1", &json!({})).0, 403);
    assert_eq!(of(&health, "W2")["level"], "red", "it still holds");
    for account in ["chot1", "xa1", "maychu", "quantri"] {
        let other = Browser::new(&server).sign_in(account);
        assert_eq!(other.post("/api/v1/situation", &level("W1", "red")).0, 403, "{account}");
        assert_eq!(other.json("DELETE", "/api/v1/situation/W2/1", &json!({})).0, 403, "{account}");
    }
    let nobody = Browser::new(&server);
    assert_eq!(nobody.post("/api/v1/situation", &level("W1", "red")).0, 401, "not even this machine");
    let log = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000").1;
    let refused = |entry: &&Value| entry["actor"] == "yte3" && entry["result"] == "refused";
    assert_eq!(log["entries"].as_array().expect("entries").iter().filter(refused).count(), 4);
}

#[test]
fn a_level_for_an_area_that_was_merged_is_refused_with_the_one_that_took_it_in() {
    let (server, _folder) = served();
    let health = Browser::new(&server).sign_in("dichte");
    let (status, told) = health.post("/api/v1/situation", &level("W0", "red"));
    assert_eq!((status, &told["type"]), (409, &json!("/problems/area-merged")), "{told}");
    assert_eq!(
        (&told["successor"]["code"], &told["successor"]["name"]),
        (&json!("W1"), &json!("Phường Bến Nghé"))
    );
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("Phường Bến Nghé (W1)")));
    let lost = AreaRecord {
        area: "W8".to_owned(),
        name: "Xã Mất".to_owned(),
        valid_to: Some("2020-01-01".to_owned()),
        ..AreaRecord::default()
    };
    server.app.engine.catalog().put_areas(vec![lost]).expect("a tree");
    let (status, told) = health.post("/api/v1/situation", &level("W8", "red"));
    assert_eq!((status, told.get("successor")), (409, None), "none is told");
    // Who asks by the old code is told how it is there now.
    assert_eq!(health.post("/api/v1/situation", &level("W1", "red")).0, 201);
    let merged = of(&health, "W0");
    assert_eq!((&merged["level"], &merged["successor"]["code"]), (&json!("red"), &json!("W1")));
}

#[test]
fn levels_that_nobody_knows_and_instants_that_cannot_be_are_told_by_field() {
    let (server, _folder) = served();
    let health = Browser::new(&server).sign_in("dichte");
    let now = TimeMs::now().get();
    for (sent, field, code) in [
        (level("W1", "blue"), "level", "unknown"),
        (level("W9", "red"), "area", "unknown"),
        (json!({"area": "W1", "level": "red", "from": now - 40 * DAY_MS}), "from", "time"),
        (json!({"area": "W1", "level": "red", "from": now + 400 * DAY_MS}), "from", "time"),
        (json!({"area": "W1", "level": "red", "from": i64::MIN, "to": i64::MAX}), "from", "time"),
        (json!({"area": "W1", "level": "red", "to": i64::MAX}), "to", "time"),
        (json!({"area": "W1", "level": "red", "from": now - DAY_MS, "to": now - 1000}), "to", "time"),
        (json!({"area": "W1", "level": "red", "from": now, "to": now}), "to", "disagrees"),
        (json!({"area": "W1", "level": "red", "from": now + DAY_MS, "to": now}), "to", "disagrees"),
    ] {
        let (status, told) = health.post("/api/v1/situation", &sent);
        assert_eq!((status, &told["errors"][0]), (422, &json!({"field": field, "code": code})), "{sent}");
    }
    assert_eq!(health.post("/api/v1/situation", &json!({"area": "W1", "colour": "red"})).0, 400);
    assert_eq!(of(&health, "W1").get("level"), None, "nothing of it was set");
    assert_eq!(health.json("DELETE", "/api/v1/situation/W1/7", &json!({})).0, 404);
    assert_eq!(health.json("DELETE", "/api/v1/situation/W9/1", &json!({})).0, 404);
    assert_eq!(health.json("DELETE", "/api/v1/situation/W1/first", &json!({})).0, 400);
    for query in ["at=1", "at=soon", "place=W1", &"area=W1&".repeat(101)] {
        assert_eq!(health.get(&format!("/api/v1/situation?{query}")).0, 400, "{query}");
    }
    assert_eq!(health.get("/api/v1/situation/journey?from=W1").0, 400);
    assert_eq!(health.get("/api/v1/situation/journey?from=W1&to=W9").0, 404);
}

#[test]
fn a_journey_is_told_what_follows_from_where_it_begins_and_what_lies_between() {
    let (server, _folder) = served();
    let area = |code: &str, parent: Option<&str>, kind: &str| AreaRecord {
        area: code.to_owned(),
        parent: parent.map(str::to_owned),
        name: code.to_owned(),
        kind: Some(kind.to_owned()),
        ..AreaRecord::default()
    };
    let mut areas = vec![area("VN", None, "nation"), area("N1", Some("VN25-40"), "ward")];
    areas.extend(["VN25-38", "VN25-40", "VN25-42"].map(|code| area(code, Some("VN"), "province")));
    server.app.engine.catalog().put_areas(areas).expect("a tree");
    let health = Browser::new(&server).sign_in("dichte");
    let journey = |query: &str| {
        let (status, told) = health.get(&format!("/api/v1/situation/journey?{query}"));
        assert_eq!(status, 200, "{told}");
        told
    };
    // Nghệ An lies between Thanh Hóa and Hà Tĩnh; where one goes to asks nothing of who arrives.
    assert_eq!(health.post("/api/v1/situation", &level("VN25-42", "red")).0, 201);
    let told = journey("from=VN25-38&to=VN25-42");
    assert_eq!((&told["between"][0]["code"], &told["arrivals"]), (&json!("VN25-40"), &json!({})));
    assert_eq!(health.post("/api/v1/situation", &level("VN25-40", "orange")).0, 201);
    let told = journey("from=VN25-38&to=VN25-42");
    assert_eq!((&told["arrivals"], &told["arrivals_through"]), (&json!({}), &json!({"test_hours": 72})));
    let told = journey("from=VN25-42&to=VN25-38");
    assert_eq!(told["arrivals"], json!({"test_hours": 72, "home_days": 7}));
    assert_eq!(told["arrivals_through"], Value::Null, "what lies between asks for no more");
    let told = journey("from=N1&to=VN25-42");
    assert_eq!((&told["from"]["inherited_from"]["code"], &told["between"]), (&json!("VN25-40"), &json!([])));
    assert_eq!(journey("from=W1&to=W2")["between"], json!([]), "no neighbours are known there");
    // What will hold when one leaves counts, not what holds now.
    let tomorrow = TimeMs::now().get() + DAY_MS;
    let later = json!({"area": "VN25-40", "level": "green", "from": tomorrow});
    assert_eq!(health.post("/api/v1/situation", &later).0, 201);
    assert_eq!(journey("from=VN25-40&to=VN25-42")["from"]["until"], json!(tomorrow));
    let told = journey(&format!("from=VN25-40&to=VN25-42&at={}", tomorrow + 1));
    assert_eq!((&told["from"]["level"], &told["arrivals"]), (&json!("green"), &json!({})));
    let tops = health.get("/api/v1/situation").1;
    let codes: Vec<&str> =
        tops["areas"].as_array().expect("areas").iter().filter_map(|area| area["code"].as_str()).collect();
    assert!(codes.contains(&"VN25-40") && !codes.contains(&"VN") && !codes.contains(&"N1"), "{codes:?}");
}

#[test]
fn phones_that_ask_again_are_told_that_nothing_has_changed() {
    let (server, _folder) = served();
    let health = Browser::new(&server).sign_in("dichte");
    let first = tag(&server, None);
    assert_eq!(first.0, 200);
    assert_eq!(tag(&server, Some(&first.1)), (304, first.1.clone()));
    assert_eq!(tag(&server, Some(&format!("\"x\", W/{}", first.1))).0, 304);
    assert_eq!(health.post("/api/v1/situation", &level("P1", "red")).0, 201);
    let changed = tag(&server, Some(&first.1));
    assert_eq!(changed.0, 200);
    assert_ne!(changed.1, first.1);
    let (status, scale) = health.get("/api/v1/situation/scale");
    let codes: Vec<Option<&str>> =
        scale["levels"].as_array().expect("levels").iter().map(|level| level["code"].as_str()).collect();
    assert_eq!((status, codes), (200, ["green", "yellow", "orange", "red"].map(Some).to_vec()));
}

/// Status and `etag` of the answer about a ward, to somebody who knows one already.
fn tag(server: &Server, known: Option<&str>) -> (u16, String) {
    let mut request = ureq::http::Request::builder().uri(format!("{}/api/v1/situation?area=W1", server.url));
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    let answer = Server::agent().run(request.body(()).expect("a whole request")).expect("an answer");
    let tag = answer.headers()["etag"].to_str().expect("text").to_owned();
    (answer.status().as_u16(), tag)
}

#[test]
fn another_scale_takes_the_place_of_the_built_in_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scale.toml");
    let words = |text: &str| format!("{{ vi = \"{text}\", en = \"{text}\" }}");
    let scale = format!(
        "scale = \"two\"\nname = {0}\n[[levels]]\ncode = \"calm\"\nsign = \"-\"\nink = \"#000000\"\n\
         ground = \"#ffffff\"\nname = {0}\nabout = {0}\nnote = {0}\n",
        words("x")
    );
    std::fs::write(&file, scale).expect("room");
    let server = Server::start(|config| config.people.situation_file = Some(file));
    let told = Browser::new(&server).get("/api/v1/situation/scale").1;
    assert_eq!((&told["scale"], &told["levels"][0]["code"]), (&json!("two"), &json!("calm")));
}
