//! What a question may take, what it says that it took, and who waits for whom.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::tests::Server;
use crate::config::Config;

const ROWS: u32 = 1_000_000;
const SITES: u32 = 20;

/// A server with scans enough for a question of a second.
fn server(change: impl FnOnce(&mut Config)) -> Server {
    let server = Server::start(|config| {
        config.http.queries_at_once = 1;
        config.http.long_query_after_ms = 1;
        change(config);
    });
    let mut rows = "subject,site,unix_ms\n".to_owned();
    for i in 0..ROWS {
        writeln!(rows, "s{},p{},{}", i % 5_003, i % SITES, i * 4).expect("a text grows");
    }
    assert_eq!(server.post("/api/v1/import/scans", rows.as_bytes()).0, 200);
    server
}

/// Every scan is read for each of 256 operands.
fn long_question() -> String {
    let sites: String = (0..SITES).map(|site| format!(" p{site}")).collect();
    let operands: Vec<String> =
        (0..256).map(|i| format!("site{sites} from {i} to {}", ROWS * 4 - i)).collect();
    json!({"expr": operands.join(" or "), "count": true, "timeout": "5m"}).to_string()
}

const SHORT: &str = "/api/v1/trace/trail?subject=s7&from=0&to=4000000";

#[test]
fn a_question_is_given_up_at_its_limits() {
    let narrow = server(|config| config.engine.query_leaves_max = 300);
    assert_eq!(narrow.get(SHORT).0, 200);
    let sites: String = (0..SITES).map(|site| format!("&site=p{site}")).collect();
    let (status, said) = narrow.detail(&format!("/api/v1/trace/passed?from=0&to=4000000&count{sites}"));
    assert_eq!(status, 413);
    assert!(said.contains("300 leaves") && said.contains("query_leaves_max"), "{said}");

    let server = server(|config| config.engine.query_timeout_ms = 20);
    let hurried = long_question().replace("5m", "20ms");
    let (status, said) = server.post("/api/v1/trace/set", hurried.as_bytes());
    assert_eq!(status, 504);
    assert!(said.contains("20 ms") && said.contains("`timeout`"), "{said}");
    assert_eq!(server.post("/api/v1/trace/set", long_question().as_bytes()).0, 200);
    let (status, said) = server.detail(&format!("{SHORT}&timeout=11m"));
    assert_eq!(status, 400);
    assert!(said.contains("600000ms"), "{said}");
    assert_eq!(server.detail(&format!("{SHORT}&timeout=soon")).0, 400);
}

#[test]
fn an_answer_explains_itself_where_that_is_asked() {
    // On a busy machine a short question would take a long one's turn, and say so.
    let server = server(|config| config.http.long_query_after_ms = 10_000);
    let plain: Value = serde_json::from_str(&server.get(SHORT).1).expect("JSON");
    let mut told: Value = serde_json::from_str(&server.get(&format!("{SHORT}&explain")).1).expect("JSON");
    let explain = told.as_object_mut().and_then(|told| told.remove("explain")).expect("it was asked");
    assert_eq!(told, plain);
    let number = |name: &str| explain[name].as_u64().expect("a number");
    assert_eq!((number("partitions"), number("trail_leaves") >= 1), (1, true));
    assert!(number("runs") >= 1 && number("posting_leaves") >= 1, "{explain}");
    let leaves = number("posting_leaves") + number("trail_leaves") + number("rollups");
    assert_eq!(leaves, number("cache_hits") + number("cache_misses") + number("cache_passed"));
    let ways: Vec<&str> =
        explain["steps"].as_array().expect("a list").iter().filter_map(|s| s["way"].as_str()).collect();
    assert_eq!(ways, ["waiting", "ids", "trails", "telling"]);
    let again: Value = serde_json::from_str(&server.get(&format!("{SHORT}&explain=true")).1).expect("JSON");
    assert_eq!((&again["explain"]["cache_misses"], &again["explain"]["bytes_read"]), (&json!(0), &json!(0)));

    let long_list = "/api/v1/trace/set?expr=site+p0+p1+p2+p3+p4+from+0+to+4000000&explain";
    let told: Value = serde_json::from_str(&server.get(long_list).1).expect("JSON");
    assert_eq!(told["list"].as_array().map(Vec::len), Some(5_003));
    assert!(told["explain"]["posting_leaves"].as_u64() > Some(100), "{}", told["explain"]);
    assert_eq!(server.detail(&format!("{SHORT}&explain&format=csv")).0, 400);
}

#[test]
fn long_questions_wait_for_each_other_and_short_ones_for_none() {
    let server = server(|config| {
        config.http.long_queries_waiting_max = 1;
        config.http.long_query_after_ms = 50; // a short one on a busy machine is still none
    });
    let ask = || server.post("/api/v1/trace/set", long_question().as_bytes());
    thread::scope(|scope| {
        let first = scope.spawn(ask);
        wait_until("one is at work", || server.app.turns.free() == (1, 0, 0));
        let second = scope.spawn(ask);
        wait_until("another waits", || server.app.turns.free() == (1, 0, 1));
        for _ in 0..10 {
            assert_eq!(server.get(SHORT).0, 200);
        }
        assert_eq!(ask().0, 503, "a third has no place");
        assert!(!second.is_finished(), "the short ones did not wait for it");
        for long in [first, second] {
            let (status, said) = long.join().expect("no panic");
            assert_eq!(status, 200, "{said}");
        }
    });
    wait_until("all places are free", || server.app.turns.free() == (1, 1, 0));
}

#[test]
fn a_client_that_goes_away_stops_its_question() {
    let server = server(|_| {});
    let body = long_question();
    let mut socket = TcpStream::connect(&server.url["http://".len()..]).expect("listening");
    let length = body.len();
    write!(
        socket,
        "POST /api/v1/trace/set HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("open");
    wait_until("it is at work", || server.app.turns.free() == (1, 0, 0));
    drop(socket);
    wait_until("it is stopped", || server.app.turns.free() == (1, 1, 0));
    let given_up = "truyvet_question_seconds_count{question=\"set\",answered=\"no\"} 1";
    assert!(server.get("/metrics").1.contains(given_up), "it was not answered");
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
