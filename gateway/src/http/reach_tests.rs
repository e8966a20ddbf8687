//! Nobody pulls anybody into their reach by what they say of them: by paper, an accomplice, a vehicle.

use serde_json::{Value, json};
use truyvet_engine::AreaRecord;
use truyvet_schemas::TimeMs;

use super::people_tests::{AN, Browser, MAI, declaration, served};
use super::tests::Server;
use super::vehicles_tests::{aboard, all_checked, coach, path, with_road};
use crate::people::{Caller, NewAccount};

/// An, verified, lives in W1 and stays there; none of his areas is in the second province.
fn an_declares(server: &Server) -> String {
    let mut an = declaration(AN, "Nguyễn Văn An");
    an["journey"]["to"] = json!("W1");
    let (status, made) = Browser::new(server).redeem(AN, "0901234567").declare(&an);
    assert_eq!((status, &made["state"]), (201, &json!("verified")), "{made}");
    made["pass"]["pass"].as_str().expect("a number").to_owned()
}

/// What anybody may say of An: that he comes to W3.
fn said_of_an() -> Value {
    let mut said = declaration(AN, "Ai Đó");
    said["person"]["permanent"] = json!({"area": "W3"});
    said["journey"]["to"] = json!("W3");
    said
}

fn find(official: &Browser<'_>) -> (u16, Value) {
    official.post("/api/v1/people/find", &json!({"document": {"kind": "citizen_id", "number": AN}}))
}

fn hold(official: &Browser<'_>, subject: &Value) -> [u16; 2] {
    let watched = official.post("/api/v1/watch", &json!({"subject": subject, "reason": "case"})).0;
    let path = format!("/api/v1/watch/{}", subject.as_str().expect("a code"));
    [watched, official.json("DELETE", &path, &json!({})).0]
}

fn revoke(official: &Browser<'_>, pass: &str) -> u16 {
    official.post(&format!("/api/v1/passes/{pass}/revoke"), &json!({"reason": "case"})).0
}

#[test]
fn an_official_reaches_nobody_by_entering_them_from_paper_and_works_with_what_they_entered() {
    let (server, _folder) = served();
    let ans = an_declares(&server);
    let subject = find(&Browser::new(&server).sign_in("xa1")).1["subject"].clone();
    let health = Browser::new(&server).sign_in("yte3");
    assert_eq!(find(&health).0, 404);
    for (entries, is_seen) in [(1, false), (2, true)] {
        let sent = json!({"declaration": said_of_an(), "document_seen": is_seen, "accept_mismatches": true});
        let (status, made) = health.post("/api/v1/paper/declarations", &sent);
        assert_eq!(status, 201, "{made}");
        let (status, found) = find(&health);
        assert_eq!((status, &found["person"]["name"]), (200, &json!("Ai Đó")), "what was entered");
        let listed = found["declarations"].as_array().expect("a list");
        assert!(listed.len() == entries && !found.to_string().contains(&ans), "and no more: {found}");
        assert_eq!(hold(&health, &subject), [404, 404]);
        assert_eq!(revoke(&health, &ans), 404);
        let (status, sheet) = health.ask("GET", "/api/v1/paper/entries/sheets/1", &[], b"");
        let sheet = String::from_utf8(sheet).expect("text");
        assert!(status == 200 && sheet.contains("Ai Đó") && !sheet.contains("Nguyễn"));
        let own = made["pass"]["pass"].as_str().expect("a number");
        assert_eq!(revoke(&health, own), 204, "a pass that was entered by mistake is taken back");
    }
    let ward = Browser::new(&server).sign_in("xa1");
    assert_eq!(find(&ward).1["declarations"].as_array().map(Vec::len), Some(3), "his own ward sees all");
    let log = server.app.people.registry.audit(1, 1_000).expect("whole");
    let looks =
        log.iter().filter(|entry| entry.act.actor == "yte3" && entry.act.action == "declaration.read");
    assert_eq!(looks.count(), 2, "each look is written down");
}

#[test]
fn an_accomplice_who_declares_with_a_strangers_document_opens_nothing() {
    let (server, _folder) = served();
    let ans = an_declares(&server);
    let subject = find(&Browser::new(&server).sign_in("xa1")).1["subject"].clone();
    let accomplice = Browser::new(&server).redeem(AN, "0909999999");
    let (status, made) = accomplice.declare(&said_of_an());
    assert_eq!((status, &made["state"]), (201, &json!("unverified")));
    let health = Browser::new(&server).sign_in("yte3");
    let theirs = made["pass"]["pass"].as_str().expect("a number");
    assert_eq!(find(&health).0, 404);
    assert_eq!(
        (hold(&health, &subject), revoke(&health, &ans), revoke(&health, theirs)),
        ([404; 2], 404, 404)
    );
    // An officer has seen the document since: then he does come.
    let officer = Browser::new(&server).sign_in("chot1");
    officer.post("/api/v1/checkpoint/check", &json!({"token": made["pass"]["token"]}));
    let compared = json!({"declaration": made["declaration"]});
    assert_eq!(officer.post("/api/v1/checkpoint/verified", &compared).0, 204);
    assert_eq!((find(&health).0, hold(&health, &subject)), (200, [204, 204]));
}

#[test]
fn officials_of_the_nation_reach_whoever_has_only_declared() {
    let (server, _folder) = served();
    let (code, name, kind) = ("VN".to_owned(), "Việt Nam".to_owned(), Some("nation".to_owned()));
    let nation = AreaRecord { area: code, name, kind, ..AreaRecord::default() };
    server.app.engine.catalog().put_areas(vec![nation]).expect("a tree");
    for (account, area) in [("ca_nuoc", "VN"), ("tinh1", "P1")] {
        let new = json!({"account": account, "name": "Cán bộ", "role": "epidemiologist", "area": area,
            "password": "một mật khẩu dài"});
        let new: NewAccount = serde_json::from_value(new).expect("as the API has it");
        server.app.people.add_account(new, &Caller::Local, TimeMs::now()).expect("a good account");
    }
    let accomplice = Browser::new(&server).redeem(AN, "0909999999");
    assert_eq!(accomplice.declare(&said_of_an()).1["state"], "unverified");
    assert_eq!(find(&Browser::new(&server).sign_in("ca_nuoc")).0, 200);
    assert_eq!(find(&Browser::new(&server).sign_in("tinh1")).0, 404);
}

#[test]
fn a_trip_opens_those_aboard_once_it_is_sealed_with_them_aboard() {
    let (server, _folder) = with_road();
    an_declares(&server);
    let province = Browser::new(&server).sign_in("tinh2");
    let depot = Browser::new(&server).sign_in("chot1");
    let crew = |people: &[(&str, &str)]| -> Vec<Value> {
        people.iter().map(|(number, duty)| aboard(number, "Ai Đó", duty)).collect()
    };
    let driver = Browser::new(&server).redeem(MAI, "0909999999");
    let declared = || {
        let mut trip = coach(2);
        trip["route"] = json!(["W3"]);
        trip["aboard"] = json!(crew(&[(MAI, "driver"), (AN, "passenger")]));
        let (status, made) = driver.post("/api/v1/vehicles/trips", &trip);
        assert_eq!(status, 201, "{made}");
        made
    };
    let without = declared();
    assert_eq!(find(&province).0, 404, "anybody may name anybody");
    let left = json!({"aboard": crew(&[(MAI, "driver")])});
    assert_eq!(depot.post(&path(&without, "/aboard"), &left).0, 200);
    assert_eq!(depot.post(&path(&without, "/seal"), &all_checked()).0, 200);
    assert_eq!(find(&province).0, 404, "the depot found him not to be aboard");
    let refused = declared();
    let why = json!({"checks": ["vehicle"], "remark": "Sai"});
    assert_eq!(depot.post(&path(&refused, "/refuse"), &why).0, 200);
    assert_eq!(find(&province).0, 404);
    let with = declared();
    assert_eq!(depot.post(&path(&with, "/seal"), &all_checked()).0, 200);
    assert_eq!(find(&province).0, 200);
    assert_eq!(depot.post(&path(&with, "/end"), &json!({})).0, 200);
    assert_eq!(find(&province).0, 200, "where it led stays known");
}
