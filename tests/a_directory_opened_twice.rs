//! What stands in the way of a mistake at the command line: a directory that a server has open, and
//! files with bad lines.

use tempfile::TempDir;

use crate::support::server::{Server, truyvet, truyvet_ok};

const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n";

#[test]
fn a_second_program_on_a_servers_directory_says_whom_to_ask_instead() {
    let server = Server::start(CONFIG);
    let data = server.data().to_str().unwrap();
    let serve = ["serve", "--data", data, "--http", "127.0.0.1:0", "--quic", "127.0.0.1:0"];
    let trace = ["trace", "trail", "--subject", "x", "--from", "0", "--to", "1", "--data", data];
    for args in [&serve[..], &trace[..], &["seal", "--data", data], &["device", "list", "--data", data]] {
        let done = truyvet(args);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(&format!("--url {}", server.url())), "{args:?}: {said}");
    }
    assert_eq!(server.get("/readyz", &[]).0, 200, "the first one goes on");
}

#[test]
fn a_directory_whose_server_was_killed_opens_again() {
    let mut server = Server::start(CONFIG);
    server.kill();
    truyvet_ok(&["status", "--data", server.data().to_str().unwrap()]);
}

#[test]
fn a_bad_line_stops_the_import_and_skipping_it_later_adds_nothing_twice() {
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (file, data) = (path("scans.csv"), path("data"));
    std::fs::write(&file, "subject,site,unix_ms\na,S,1\nb,S,2\nc,S,soon\nd,S,4\n").unwrap();
    let passed = || {
        let args = ["trace", "passed", "--data", &data, "--site", "S", "--from", "0", "--to", "9"];
        serde_json::from_str::<serde_json::Value>(&truyvet_ok(&args)).unwrap()["scans"].as_u64().unwrap()
    };
    for _ in 0..2 {
        let done = truyvet(&["import", "--data", &data, "--scans", &file]);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("scans.csv") && said.contains('4'), "file and line are told: {said}");
        assert_eq!(passed(), 2, "what stands before the bad line is kept, once");
    }
    for _ in 0..2 {
        let done = truyvet(&["import", "--data", &data, "--scans", &file, "--on-error", "skip"]);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(passed(), 3);
    }
}
