//! Commands that change what is kept or how it is served: done whole or not at all, and told.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::server::{Server, truyvet, truyvet_ok};

#[test]
fn a_day_is_dropped_whole_and_never_with_its_neighbours() {
    let server = Server::start("[engine]\nfree_bytes_min = 0\n");
    let import = |name: &str, days: &[&str]| {
        let file = server.place().join(name);
        let rows: String =
            days.iter().map(|day| format!("a,S,{day}T10:00:00Z\nb,S,{day}T11:00:00Z\n")).collect();
        std::fs::write(&file, format!("subject,site,unix_ms\n{rows}")).unwrap();
        truyvet_ok(&["import", "--url", server.url(), "--scans", file.to_str().unwrap()]);
    };
    import("alone.csv", &["2021-08-01"]);
    import("together.csv", &["2021-08-02", "2021-08-03"]);

    let done = truyvet(&["drop", "2021-08-03", "--url", server.url()]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("2021-08-02T00:00:00.000Z to 2021-08-04T00:00:00.000Z"), "which days: {said}");
    let one_of_two = json!({"from": "2021-08-02T00:00:00Z", "to": "2021-08-03T00:00:00Z"});
    assert_eq!(server.post("/api/v1/drop", &one_of_two).0, 409);
    assert_eq!(server.scans(), 6, "nothing was dropped");

    let dropped = |args: &[&str]| -> Value {
        serde_json::from_str(&truyvet_ok(&[&["drop"], args, &["--url", server.url()]].concat())).unwrap()
    };
    assert_eq!(dropped(&["2021-08-01"]), json!({"dropped_scans": 2}));
    assert_eq!(server.scans(), 4);
    assert_eq!(dropped(&["2021-08-02", "--through", "2021-08-03"]), json!({"dropped_scans": 4}));
    assert_eq!((server.scans(), server.trail("a")), (0, Vec::new()));
}

#[test]
fn the_printed_settings_are_good_ones_and_a_bad_one_is_named_with_its_line() {
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let file = path("config.toml");
    let printed = truyvet_ok(&["config", "print"]);
    std::fs::write(&file, &printed).unwrap();
    assert!(truyvet_ok(&["config", "check", "--config", &file]).contains("good"));
    std::fs::write(&file, printed.replace("runs_max = 12", "runs_max = 0")).unwrap();
    let line = 1 + printed.lines().position(|line| line.starts_with("runs_max")).unwrap();
    for command in [&["config", "check"][..], &["serve", "--data", &path("data")]] {
        let done = truyvet(&[command, &["--config", &file]].concat());
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("config.toml:{line}: [engine] runs_max")), "{said}");
    }
}

#[test]
fn the_tree_that_comes_with_the_program_is_imported_by_name() {
    let server = Server::start("[engine]\nfree_bytes_min = 0\n");
    let import = |areas: &str| truyvet(&["import", "--url", server.url(), "--areas", areas]);
    let done = import("builtin:vn");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("builtin:vn: 14723 areas imported"), "{said}");
    let areas = server.json("/api/v1/areas", &[]);
    let name = |code: &str| {
        let found = areas.as_array().unwrap().iter().find(|area| area["area"] == code);
        found.map(|area| area["name"].as_str().unwrap().to_owned())
    };
    assert_eq!(name("VN21-26740").as_deref(), Some("Phường Bến Nghé"));
    let unknown = import("builtin:atlantis");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("it has vn"));
}
