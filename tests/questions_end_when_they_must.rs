//! A question on the command line ends at its time or by Ctrl-C, and says what it took.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::{eventually, program, truyvet, truyvet_ok};

const ROWS: u32 = 1_000_000;

/// A directory with scans enough for a question of seconds.
fn data(place: &Path) -> String {
    let mut rows = "subject,site,unix_ms\n".to_owned();
    for i in 0..ROWS {
        writeln!(rows, "s{},p{},{}", i % 5_003, i % 20, i).unwrap();
    }
    let file = place.join("scans.csv");
    std::fs::write(&file, rows).unwrap();
    let data = place.join("data").to_str().unwrap().to_owned();
    truyvet_ok(&["import", "--data", &data, "--scans", file.to_str().unwrap()]);
    data
}

/// Every scan is read for each of 256 operands.
fn long_question() -> String {
    let sites: String = (0..20).map(|site| format!(" p{site}")).collect();
    let operands: Vec<String> = (0..256).map(|i| format!("site{sites} from {i} to {}", ROWS - i)).collect();
    operands.join(" or ")
}

#[test]
fn it_ends_at_its_time_or_by_ctrl_c_and_says_what_it_took() {
    let place = TempDir::new().unwrap();
    let data = data(place.path());
    let long = long_question();

    let done = truyvet(&["trace", "set", &long, "--count", "--data", &data, "--timeout", "10ms"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("longer than 10 ms"), "{said}");
    let done = truyvet(&["trace", "set", &long, "--count", "--data", &data, "--timeout", "1d"]);
    assert_eq!(done.status.code(), Some(2), "more than may be allowed");

    let trail = ["trace", "trail", "--subject", "s7", "--from", "0", "--to", "9000000", "--data", &data];
    let told: Value = serde_json::from_str(&truyvet_ok(&[&trail[..], &["--explain"]].concat())).unwrap();
    assert!(told["explain"]["bytes_read"].as_u64() > Some(1_000), "{told}");
    let table = truyvet_ok(&[&trail[..], &["--explain", "--format", "table"]].concat());
    assert!(table.contains(" of postings, ") && table.contains(" total "), "{table}");
    let done = truyvet(&[&trail[..], &["--explain", "--format", "csv"]].concat());
    assert_eq!(done.status.code(), Some(2));

    let asked = Command::new(program("truyvet"))
        .args(["trace", "set", &long, "--count", "--data", &data, "--timeout", "5m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = asked.id();
    eventually("it hears Ctrl-C", Duration::from_secs(20), || hears_interrupts(id));
    let told = Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap();
    assert!(told.success());
    let done = asked.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("stopped before it was answered"), "{said}");
}

/// Whether the process catches the second signal, SIGINT.
pub(crate) fn hears_interrupts(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 0b10 != 0))
}
