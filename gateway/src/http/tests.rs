//! A real server on loopback, asked by a real client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use truyvet_engine::Engine;
use ureq::http::StatusCode;

use super::*;
use crate::config::Config;
use crate::enrol::Enrolment;
use crate::ingest::Gateway;
use crate::people::People;
use crate::tls::TlsIdentity;

pub(super) struct Server {
    pub(super) url: String,
    pub(super) app: Arc<App>,
    _stop: tokio::sync::oneshot::Sender<()>,
    _runtime: tokio::runtime::Runtime,
    folder: TempDir,
}

impl Server {
    pub(super) fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with(change, false)
    }

    /// With the gateway's sockets too, on loopback.
    pub(super) fn start_with(change: impl FnOnce(&mut Config), has_gateway: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let mut config = Config::default();
        change(&mut config);
        let engine = Engine::open(&data, config.engine.clone()).expect("a new engine");
        let enrolment = Enrolment { server_name: "localhost".into(), authority: None };
        let people = People::open(&data, &engine, &config.people).expect("a new registry");
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let gateway = has_gateway.then(|| {
            let _within = runtime.enter();
            let identity = TlsIdentity::development(&data).expect("made");
            config.gateway.listen = ([127, 0, 0, 1], 0).into();
            let (sink, tickets) = (Arc::new(engine.clone()), people.tickets.clone());
            Arc::new(
                Gateway::start(config.gateway.clone(), sink, identity, tickets).expect("loopback is free"),
            )
        });
        let app = Arc::new(App::new(engine, gateway, people, config, data, enrolment));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        runtime.spawn(serve(Arc::clone(&app), listener, async {
            stopped.await.ok();
        }));
        Self { url, app, _stop: stop, _runtime: runtime, folder }
    }

    pub(super) fn agent() -> ureq::Agent {
        ureq::Agent::config_builder().http_status_as_error(false).build().into()
    }

    pub(super) fn get(&self, path: &str) -> (StatusCode, String) {
        let mut response = Self::agent().get(format!("{}{path}", self.url)).call().expect("an answer");
        (response.status(), response.body_mut().read_to_string().expect("text"))
    }

    pub(super) fn post(&self, path: &str, body: &[u8]) -> (StatusCode, String) {
        let mut response = Self::agent().post(format!("{}{path}", self.url)).send(body).expect("an answer");
        (response.status(), response.body_mut().read_to_string().expect("text"))
    }

    pub(super) fn detail(&self, path: &str) -> (u16, String) {
        let (status, body) = self.get(path);
        let problem: Value = serde_json::from_str(&body).expect("a problem document");
        assert_eq!(problem["status"], status.as_u16());
        (status.as_u16(), problem["detail"].as_str().unwrap_or_default().to_owned())
    }
}

const SCANS: &str = "subject,site,unix_ms\na,s,1000\nb,s,2000\nc,s,5000000\n";

#[test]
fn a_file_is_imported_and_questions_answered_either_way() {
    let server = Server::start(|_| {});
    let (status, events) = server.post("/api/v1/import/scans?format=csv&name=f.csv", SCANS.as_bytes());
    assert_eq!(status, 200);
    let last: Value = serde_json::from_str(events.lines().last().expect("events")).expect("JSON");
    assert_eq!(last, json!({"event": "done", "rows": 3, "rows_before": 0, "bad": 0, "left_out": 0}));
    let got = server.get("/api/v1/trace/contacts?subject=a&from=0&to=1970-01-01T01:00:00Z");
    let body = json!({"subject": ["a"], "from": 0, "to": 3_600_000, "window": "15m"}).to_string();
    let posted = server.post("/api/v1/trace/contacts", body.as_bytes());
    assert_eq!((got.0.as_u16(), &got), (200, &posted));
    let expected =
        json!({"contacts": [{"subject": "b", "events": 1, "min_gap_ms": 1000, "first": 2000, "last": 2000}]});
    assert_eq!(serde_json::from_str::<Value>(&got.1).expect("JSON"), expected);
    let csv = server.get("/api/v1/trace/contacts?subject=a&from=0&to=3600000&format=csv").1;
    assert_eq!(csv, "subject,events,min_gap_ms,first,last\nb,1,1000,2000,2000\n");
}

#[test]
fn wrong_questions_are_told_what_to_do() {
    let server = Server::start(|_| {});
    let said = |path| server.detail(path);
    assert_eq!(said("/api/v1/trace/guess").0, 404);
    assert_eq!(said("/api/v1/trace/passed?from=0&to=1"), (400, "name at least one `site` or `area`".into()));
    assert_eq!(said("/api/v1/trace/passed?site=a&from=2&to=1").0, 400);
    assert!(said("/api/v1/trace/passed?site=a&from=0&to=1&colour=red").1.contains("`colour`"));
    assert!(said("/api/v1/trace/passed?site=a&from=0&to=1&format=xml").1.contains("`format`"));
    assert_eq!(said("/api/v1/dead-letters?limit=many").0, 400);
    assert_eq!(said("/nowhere").0, 404);
    assert_eq!(server.post("/api/v1/trace/trail", b"{").0, 400);
    assert_eq!(server.post("/api/v1/trace/trail", b"[]").0, 400);
    assert_eq!(server.post("/api/v1/devices", br#"{"place": "s"}"#).0, 400);
}

#[test]
fn whoever_hears_the_end_of_an_import_may_begin_the_next() {
    let server = Server::start(|_| {});
    let address = format!("{}/api/v1/import/scans?format=csv", server.url);
    for round in 0..500 {
        let rows = format!("subject,site,unix_ms\na,s,{round}\n");
        let answer = Server::agent().post(&address).send(rows.as_bytes()).expect("an answer");
        assert_eq!(answer.status(), 200, "import {round}");
        let mut events = BufReader::new(answer.into_body().into_reader()).lines();
        // The end is its last line: whoever waits for no more is as fast as one can be.
        assert!(events.any(|line| line.is_ok_and(|line| line.contains("\"done\""))), "import {round}");
    }
}

#[test]
fn a_stopped_import_tells_its_line_and_keeps_what_stands_before() {
    let server = Server::start(|_| {});
    let text = "subject,site,unix_ms\na,s,1\nb,s,x\n";
    let (_, events) = server.post("/api/v1/import/scans?name=f.csv", text.as_bytes());
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events.iter().any(|event| event["event"] == "bad_line" && event["line"] == 3), "{events:?}");
    assert_eq!(events.last().map(|event| event["totals"]["rows"].clone()), Some(json!(1)));
    let uploads =
        std::fs::read_dir(server.folder.path().join("data").join(TMP)).expect("made for the upload");
    assert_eq!(uploads.count(), 0);
    assert_eq!(server.app.engine.status().scans, 1);
}

#[test]
fn bodies_and_uploads_are_bounded() {
    let server = Server::start(|config| {
        config.http.body_bytes_max = 2_000;
        config.import.upload_bytes_max = 10;
    });
    for path in ["/api/v1/trace/trail", "/api/v1/drop"] {
        assert_eq!(server.post(path, &[b' '; 3_000]).0, 413, "{path}");
    }
    assert_eq!(server.post("/api/v1/import/scans", SCANS.as_bytes()).0, 413);
    let full = Server::start(|config| config.engine.free_bytes_min = 1 << 50);
    assert_eq!(full.post("/api/v1/import/scans", SCANS.as_bytes()).0, 507);
}

#[test]
fn devices_are_enrolled_moved_and_revoked() {
    let server = Server::start(|_| {});
    assert_eq!(server.post("/api/v1/devices", br#"{"site": "s"}"#).0, 404);
    server.post("/api/v1/import/sites?name=s.csv", b"site,area\ns,\nt,\n");
    let (status, key) = server.post("/api/v1/devices", br#"{"site": "s"}"#);
    assert_eq!(status, 200);
    let key = truyvet_schemas::key_file::KeyFile::parse(&key).expect("a key file");
    assert_eq!((&*key.site, &*key.server_name), ("s", "localhost"));
    let (_, batch) = server.post("/api/v1/devices/batch", br#"{"sites": ["s", "t"]}"#);
    assert_eq!(serde_json::from_str::<Value>(&batch).expect("JSON").as_array().map(Vec::len), Some(2));
    let path = format!("/api/v1/devices/{}", key.device);
    assert_eq!(server.post(&format!("{path}/move"), br#"{"site": "t"}"#).0, 200);
    assert_eq!(server.post(&format!("{path}/revoke"), b"").0, 200);
    assert_eq!(server.post(&format!("{path}/move"), br#"{"site": "s"}"#).0, 409);
    let devices: Value = serde_json::from_str(&server.get("/api/v1/devices").1).expect("JSON");
    assert_eq!(devices.as_array().map(Vec::len), Some(3));
}

#[test]
fn operators_see_health_readiness_and_numbers() {
    let server = Server::start(|_| {});
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.get("/readyz").0, 200);
    server.get("/api/v1/trace/trail?subject=a&from=0&to=1");
    let metrics = server.get("/metrics").1;
    for name in [
        "truyvet_question_seconds_count{question=\"trail\",answered=\"yes\"} 1",
        "truyvet_engine_scans_kept 0",
        "truyvet_process_resident_memory_bytes ",
        "truyvet_engine_memory_block_cache_bytes ",
    ] {
        assert!(metrics.contains(name), "{name} is missing in\n{metrics}");
    }
    let status: Value = serde_json::from_str(&server.get("/api/v1/status").1).expect("JSON");
    assert_eq!(status["engine"]["scans"], 0);
    assert_eq!(status["engine"]["memory"]["limit_bytes"], server.app.config.engine.memory_bytes);
    server.app.stop();
    let (status, why) = server.get("/readyz");
    assert_eq!((status.as_u16(), &*why), (503, "the server is stopping\n"));
}

#[test]
fn backups_go_to_whole_paths_and_their_events_end_with_what_was_done() {
    let server = Server::start(|_| {});
    let dir = server.folder.path().join("backups");
    let ask =
        |dir: &std::path::Path| server.post("/api/v1/backup", json!({"dir": dir}).to_string().as_bytes());
    let list = |dir: &str| server.get(&format!("/api/v1/backups?dir={dir}"));
    let path = dir.to_str().expect("UTF-8");
    assert_eq!(list(path).0, 404);
    assert_eq!(list("backups").0, 400);
    assert_eq!(ask(std::path::Path::new("backups")).0, 400);
    assert_eq!(server.post("/api/v1/backup", b"{}").0, 400);
    assert_eq!(server.post("/api/v1/backup", json!({"dir": path, "keep": 0}).to_string().as_bytes()).0, 400);
    assert_eq!(ask(&server.app.data.join("backups")).0, 409);
    let (status, events) = ask(&dir);
    assert_eq!(status, 200);
    let last: Value = serde_json::from_str(events.lines().last().expect("an event")).expect("JSON");
    assert_eq!((&last["event"], &last["backup"]), (&json!("done"), &json!(1)));
    let backups: Value = serde_json::from_str(&list(path).1).expect("JSON");
    assert_eq!(backups[0]["backup"], 1);
}

#[test]
fn foreign_hosts_and_pages_of_other_sites_are_kept_out() {
    let server = Server::start(|_| {});
    let get = |host: &str| {
        let request = Server::agent().get(format!("{}/healthz", server.url)).header("host", host);
        request.call().expect("an answer").status().as_u16()
    };
    assert_eq!((get("localhost:1"), get("rebound.example.org")), (200, 421));
    let post =
        Server::agent().post(format!("{}/api/v1/seal", server.url)).header("origin", "http://example.org");
    assert_eq!(post.send(&b""[..]).expect("an answer").status(), 403);
}

#[test]
fn every_page_is_there_with_all_that_it_loads() {
    let server = Server::start(|_| {});
    let pages = [
        "/",
        "/declare",
        "/passes",
        "/pass/K7M4",
        "/sign-in",
        "/venue",
        "/occupancy",
        "/checkpoint",
        "/desk",
        "/ward",
        "/accounts",
        "/trace",
        "/api/docs",
    ];
    for (page, lang) in pages.iter().flat_map(|page| ["vi", "en"].map(|lang| (page, lang))) {
        let (status, html) = server.get(&format!("{page}?lang={lang}"));
        assert_eq!(status, 200, "{page}");
        assert!(html.contains(&format!("<html lang=\"{lang}\"")), "{page} in {lang}");
        let files: Vec<&str> = html.split(['"', '\'']).filter(|text| text.starts_with("/assets/")).collect();
        assert!(!files.is_empty(), "{page} has its styles");
        for file in files {
            assert_eq!(server.get(file).0, 200, "{page} loads {file}");
        }
    }
    assert_eq!(server.get("/service-worker.js").0, 200);
    assert_eq!(server.get("/assets/../Cargo.toml").0, 404);
    assert_eq!(server.get("/api/v1/examples").1, "{}", "no demonstration");
    assert_eq!(server.get("/api/v1/busiest").0, 200);
}

#[test]
fn a_client_that_does_not_take_its_list_loses_it_and_gives_way() {
    let server = Server::start(|config| config.http.request_timeout_ms = 500);
    // More than the buffers of two sockets hold.
    let rows: String = (0..80_000).map(|i| format!("{i:0>250},s,1\n")).collect();
    server.post("/api/v1/import/scans?format=csv", format!("subject,site,unix_ms\n{rows}").as_bytes());
    let path = "/api/v1/trace/set?expr=site+s+from+0+to+9&format=csv";
    let stall = || {
        let mut socket = TcpStream::connect(&server.url["http://".len()..]).expect("listening");
        write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("open");
        socket
    };
    let mut stalled: Vec<TcpStream> = (0..stream::STREAMS_AT_ONCE).map(|_| stall()).collect();
    let wait_for = |places| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while server.app.streams.available_permits() != places {
            assert!(Instant::now() < deadline, "{places} places are never free");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    wait_for(0);
    assert_eq!(server.detail(path).0, 503);
    wait_for(stream::STREAMS_AT_ONCE);
    let mut taken = Vec::new();
    stalled[0].read_to_end(&mut taken).ok();
    assert!(taken.starts_with(b"HTTP/1.1 200") && !taken.ends_with(b"0\r\n\r\n"), "a list cut short says so");
    let mut response = Server::agent().get(format!("{}{path}", server.url)).call().expect("an answer");
    let whole = response.body_mut().with_config().limit(1 << 30).read_to_string().expect("text");
    assert_eq!(whole.lines().count(), 80_001);
}

#[test]
fn everything_is_verified_and_answers_say_what_was_dropped() {
    let server = Server::start(|_| {});
    server.post("/api/v1/import/scans?format=csv&name=f.csv", SCANS.as_bytes());
    let verified = |server: &Server| {
        let (status, report) = server.post("/api/v1/verify", b"");
        assert_eq!(status, 200, "{report}");
        serde_json::from_str::<Value>(&report).expect("JSON")
    };
    let report = verified(&server);
    assert_eq!((&report["damaged"], &report["runs"], &report["scans"]), (&json!(0), &json!(1), &json!(3)));
    let day = json!({"from": "1970-01-01T00:00:00Z", "to": "1970-01-02T00:00:00Z"}).to_string();
    assert_eq!(server.post("/api/v1/drop", day.as_bytes()).1, r#"{"dropped_scans":3}"#);
    let (_, answer) = server.get("/api/v1/trace/passed?site=s&from=0&to=5000");
    let gone = json!([{"from": 0, "to": 86_400_000, "why": "dropped"}]);
    assert_eq!(serde_json::from_str::<Value>(&answer).expect("JSON")["incomplete"], gone);
    assert_eq!(verified(&server)["damaged"], 0);
}
