//! The load test as a client of a real server: it passes where every promise holds, and fails, saying
//! which, where one does not.

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::{More, Server, program};

#[test]
fn a_run_passes_on_a_server_that_keeps_its_promises() {
    let server = Server::start(CONFIG);
    let reports = TempDir::new().unwrap();
    let folder = reports.path().to_str().unwrap();
    let more = ["--query-rate", "20", "--probe-rate", "20", "--report", folder];
    let done = loadtest(&server, &["run"], &[&STEADY[..], &more].concat());
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let report: Value =
        serde_json::from_slice(&std::fs::read(reports.path().join("report.json")).unwrap()).unwrap();
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= 8 && checks.iter().all(|check| check["holds"] == true), "{said}");
    for name in ["sent to acknowledged", "sent to visible in a query", "background question"] {
        let latencies = report["latencies"].as_array().unwrap();
        let latency = latencies.iter().find(|latency| latency["name"] == name);
        assert!(latency.unwrap()["count"].as_u64().unwrap() > 10, "{name}: {said}");
    }
    let page = std::fs::read_to_string(reports.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("http://") && !page.contains("<script"));
    assert_eq!(report["totals"]["acknowledged"], report["totals"]["sent"]);
}

#[test]
fn a_run_fails_on_a_server_that_acknowledges_and_stores_nothing() {
    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    let bare =
        Server::start_with(place, data, CONFIG, More { args: vec!["--bare".into()], ..More::default() });
    let done = loadtest(&bare, &["run"], &STEADY);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(1), "{said}");
    for broken in [
        "BROKEN the server holds exactly what was sent",
        "BROKEN the sampled subjects' trails",
        "BROKEN no acknowledged scan was missing from an answer",
    ] {
        assert!(said.contains(broken), "{broken}: {said}");
    }
    let done = loadtest(&bare, &["run", "--bare"], &STEADY);
    assert!(done.status.success(), "told that it is bare: {}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn hundreds_of_devices_connect_while_others_stream() {
    let server = Server::start(CONFIG);
    let storm = ["--devices", "400", "--within", "60s", "--streaming", "10", "--rate", "2000"];
    let done = loadtest(&server, &["connect"], &storm);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

fn loadtest(server: &Server, command: &[&str], more: &[&str]) -> Output {
    Command::new(program("truyvet-loadtest"))
        .args(command)
        .args(["--url", server.url(), "--gateway", &server.quic().to_string()])
        .args(["--people", "20000", "--sites", "100"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n";
const STEADY: [&str; 10] =
    ["--devices", "20", "--batch", "50", "--rate", "5000", "--duration", "3s", "--ramp", "1s"];
