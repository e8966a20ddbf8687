//! A combination of passed-sets, and who passed, has one answer, whichever way it is asked: of a server or of a directory,
//! in whatever format, a short list or one so long that it is written while it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use truyvet_schemas::TimeMs;

use crate::support::server::{Server, truyvet, truyvet_ok};

const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n";

const PEOPLE: u32 = 40_000;

/// Half were at the gate on the 2nd, a third at the bus station on the 3rd, a seventh at the market; all
/// by the clocks of Hanoi.
fn was_at(person: u32, place: &str) -> bool {
    let each = match place {
        GATE => 2,
        STATION => 3,
        _ => 7,
    };
    person.is_multiple_of(each)
}

const GATE: &str = "GATE-1";
const STATION: &str = "Bến xe 2";
const MARKET: &str = "MK-7";

/// The order of codes is not the order of persons.
fn code(person: u32) -> String {
    format!("P{:05}", u64::from(person) * 7_919 % 99_991)
}

fn scans() -> String {
    let visits = [
        (GATE, "2021-08-02T00:30:00+07:00"),
        (STATION, "2021-08-03T07:00:00+07:00"),
        (MARKET, "2021-08-04T23:59:59+07:00"),
    ];
    let mut text = "subject,site,unix_ms\n".to_owned();
    for (site, at) in visits {
        let at = TimeMs::parse(at).unwrap().get();
        for person in (0..PEOPLE).filter(|person| was_at(*person, site)) {
            writeln!(text, "{},{site},{at}", code(person)).unwrap();
        }
    }
    text
}

fn server() -> Server {
    let server = Server::start(CONFIG);
    let file = server.place().join("scans.csv");
    std::fs::write(&file, scans()).unwrap();
    truyvet_ok(&["import", "--url", server.url(), "--scans", file.to_str().unwrap()]);
    server
}

fn found(is_in: impl Fn(u32) -> bool) -> BTreeSet<String> {
    (0..PEOPLE).filter(|person| is_in(*person)).map(code).collect()
}

const EITHER: &str =
    r#"(site GATE-1 on 2021-08-02 or site "Bến xe 2" on 2021-08-03) not site MK-7 on 2021-08-04"#;

const BOTH: &str =
    r#"site GATE-1 on 2021-08-02 and site "Bến xe 2" on 2021-08-03 and site MK-7 on 2021-08-04"#;

#[test]
fn a_long_list_is_the_same_however_it_is_asked() {
    let mut server = server();
    let expected = found(|p| (was_at(p, GATE) || was_at(p, STATION)) && !was_at(p, MARKET));
    let query = [("expr", EITHER), ("offset", "+07:00")];
    let answer = server.json("/api/v1/trace/set", &query);
    assert_eq!(answer["subjects"], expected.len());
    assert_eq!(answer["list"], json!(expected));
    let count = |place| found(|p| was_at(p, place)).len();
    let sizes: Vec<_> =
        answer["operands"].as_array().unwrap().iter().map(|o| o["subjects"].clone()).collect();
    assert_eq!(sizes, [count(GATE), count(STATION), count(MARKET)]);
    let gate = &answer["operands"][0];
    assert_eq!(gate["expression"], "site GATE-1 on 2021-08-02+07:00");
    assert_eq!(gate["to"].as_i64().unwrap() - gate["from"].as_i64().unwrap(), 86_400_000);

    let body = json!({"expr": EITHER, "offset": "+07:00", "count": true});
    let (status, counted) = server.post("/api/v1/trace/set", &body);
    let counted: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!((status, &counted["subjects"], &counted["list"]), (200, &answer["subjects"], &json!([])));

    let csv = expected.iter().fold("subject\n".to_owned(), |text, code| text + code + "\n");
    assert_told_alike(&mut server, &["set", EITHER, "--offset", "+07:00"], &answer, &csv);
}

#[test]
fn a_long_list_of_who_passed_is_told_in_the_same_way() {
    let mut server = server();
    let (from, to) = ("2021-08-01T00:00:00Z", "2021-08-06T00:00:00Z");
    let expected = found(|p| was_at(p, GATE) || was_at(p, STATION));
    let at = |text| TimeMs::parse(text).unwrap().get();
    let (gate, station) = (at("2021-08-02T00:30:00+07:00"), at("2021-08-03T07:00:00+07:00"));
    let person: BTreeMap<String, u32> = (0..PEOPLE).map(|person| (code(person), person)).collect();
    let row = |code: &String| {
        let (at_gate, at_station) = (was_at(person[code], GATE), was_at(person[code], STATION));
        let (first, last) = (if at_gate { gate } else { station }, if at_station { station } else { gate });
        (code.clone(), first, last, u32::from(at_gate) + u32::from(at_station))
    };
    let rows: Vec<_> = expected.iter().map(row).collect();
    let scans: u32 = rows.iter().map(|row| row.3).sum();
    let query = [("site", GATE), ("site", STATION), ("site", "nowhere"), ("from", from), ("to", to)];
    let answer = server.json("/api/v1/trace/passed", &query);
    let list: Vec<Value> = rows
        .iter()
        .map(|(subject, first, last, scans)| {
            json!({"subject": subject, "first": first, "last": last, "scans": scans})
        })
        .collect();
    let whole = json!({"subjects": rows.len(), "scans": scans, "unknown": ["nowhere"], "list": list});
    assert_eq!(answer, whole);
    let csv = rows.iter().fold("subject,first,last,scans\n".to_owned(), |mut text, row| {
        writeln!(text, "{},{},{},{}", row.0, row.1, row.2, row.3).unwrap();
        text
    });
    let question = ["passed", "--site", GATE, STATION, "nowhere", "--from", from, "--to", to];
    assert_told_alike(&mut server, &question, &answer, &csv);
}

/// The server and, when it is gone, its directory tell the answer in every format.
fn assert_told_alike(server: &mut Server, question: &[&str], answer: &Value, csv: &str) {
    let place = server.place().to_owned();
    let ask = |target: [&str; 2], format: &str| {
        let file = place.join(format!("answer.{format}"));
        let args = ["--format", format, "--output", file.to_str().unwrap()];
        truyvet_ok(&[&["trace"], question, &args[..], &target[..]].concat());
        std::fs::read(file).unwrap()
    };
    let formats = ["json", "csv", "parquet", "table"];
    let of_server = formats.map(|format| ask(["--url", server.url()], format));
    let data = server.data().to_str().unwrap().to_owned();
    server.kill();
    let of_directory = formats.map(|format| ask(["--data", &data], format));
    assert_eq!(serde_json::from_slice::<Value>(&of_server[0]).unwrap(), *answer);
    assert!(of_server[0].ends_with(b"]}\n"), "a line of JSON");
    assert!(of_server[1] == csv.as_bytes(), "the list as CSV");
    assert!(of_server[2].starts_with(b"PAR1") && of_server[2].ends_with(b"PAR1"), "a Parquet file");
    let head = format!("{} subjects", answer["subjects"]);
    assert!(String::from_utf8_lossy(&of_server[3]).starts_with(&head));
    for (format, (server, directory)) in formats.iter().zip(of_server.iter().zip(&of_directory)).take(3) {
        assert!(server == directory, "{format}");
    }
    assert!(String::from_utf8_lossy(&of_directory[3]).starts_with(&head));
}

#[test]
fn a_short_list_tells_unknown_codes_and_the_size_of_each_operand() {
    let server = server();
    let expected = found(|p| was_at(p, GATE) && was_at(p, STATION) && was_at(p, MARKET));
    let expr = format!("{BOTH} not area Atlantis \"MK-8\" on 2021-08-01..2021-08-05");
    let answer = server.json("/api/v1/trace/set", &[("expr", &expr), ("offset", "+07:00")]);
    assert_eq!(answer["list"], json!(expected));
    assert_eq!(answer["unknown"], json!(["Atlantis", "MK-8"]));
    let args = ["trace", "set", &expr, "--offset", "+07:00", "--url", server.url(), "--format", "table"];
    let table = truyvet_ok(&args);
    for line in [
        &*format!("{} subjects\n", expected.len()),
        "    20000  site GATE-1 on 2021-08-02+07:00\n",
        "unknown: Atlantis, MK-8\n",
    ] {
        assert!(table.contains(line), "{line}\n{table}");
    }
    // By the clocks of Greenwich the gate was passed the day before.
    let answer = server.json("/api/v1/trace/set", &[("expr", BOTH)]);
    assert_eq!((&answer["subjects"], &answer["operands"][0]["subjects"]), (&json!(0), &json!(0)));
}

#[test]
fn what_is_no_expression_is_pointed_at() {
    let server = Server::start(CONFIG);
    let expr = "site A on 2021-08-02 or not site B on 2021-08-02";
    let (status, problem) = server.get("/api/v1/trace/set", &[("expr", expr)]);
    let problem: Value = serde_json::from_str(&problem).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    let pointed = format!("    {expr}\n{}^", " ".repeat(4 + 24));
    assert_eq!(status, 400);
    assert!(
        detail.starts_with("`expr`, at character 25: `not` takes away") && detail.ends_with(&pointed),
        "{detail}"
    );
    let done = truyvet(&["trace", "set", expr, "--url", server.url()]);
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(String::from_utf8(done.stderr).unwrap(), format!("truyvet: {detail}\n"));
    for query in [&[("count", "1")][..], &[("expr", "site A on 2021-08-02"), ("offset", " 07:00")]] {
        assert_eq!(server.get("/api/v1/trace/set", query).0, 400, "{query:?}");
    }
}
