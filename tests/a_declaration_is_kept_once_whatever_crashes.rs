//! What a citizen was told is kept, once, wherever the server was killed; it is in backups, and the log of
//! who saw what stays whole.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::people::{Browser, add_account, declaration};
use crate::support::server::{Server, keys, truyvet, truyvet_ok};

#[test]
fn declarations_are_kept_once_through_kills_in_the_middle_of_writing() {
    let mut server = served();
    let mut citizens: Vec<Citizen> = (0..4).map(|i| Citizen::new(&server, i)).collect();
    for round in 0..12 {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for citizen in &mut citizens {
                scope.spawn(|| citizen.declare_until(&server, &is_over));
            }
            std::thread::sleep(Duration::from_millis(30 + 17 * round));
            server.signal_kill();
            is_over.store(true, Ordering::Relaxed);
        });
        server.kill();
        server.restart();
        for citizen in &mut citizens {
            citizen.send_the_last_again(&server);
            assert_eq!(listed(&citizen.browser, &server), citizen.told(), "each once");
        }
    }
    let made: usize = citizens.iter().map(|citizen| citizen.sent.len()).sum();
    assert!(made > 40, "there was something to lose: {made}");
    let report = truyvet_ok(&["audit", "verify", "--url", server.url()]);
    assert!(report.contains("\"is_whole\":true"), "{report}");
    server.kill();
    let report = truyvet_ok(&["audit", "verify", "--data", server.data().to_str().unwrap(), "--config", &{
        let config = server.place().join("keys.toml");
        std::fs::write(&config, format!("[people]\nkeys = {:?}\n", keys())).unwrap();
        config.to_str().unwrap().to_owned()
    }]);
    assert!(report.contains("\"is_whole\":true"), "{report}");
}

#[test]
fn a_backup_has_what_was_declared_and_no_keys() {
    let mut server = served();
    let citizen = Browser::citizen(&server, "001090000001");
    let declare = |server: &Server, key: &str| {
        let sent = declaration("001090000001");
        let (status, made) = citizen.post(server, "/api/v1/declarations", key, &sent).unwrap();
        assert_eq!(status, 201, "{made}");
        made["declaration"].as_str().unwrap().to_owned()
    };
    let backups = TempDir::new().unwrap();
    let path = backups.path().to_str().unwrap();
    let first = declare(&server, "a");
    truyvet_ok(&["backup", path, "--url", server.url(), "--verify"]);
    let second = declare(&server, "b");
    server.kill();
    truyvet_ok(&["backup", path, "--data", server.data().to_str().unwrap()]);
    let restore = |number: &str| {
        let place = TempDir::new().unwrap();
        let data = place.path().join("data");
        truyvet_ok(&["restore", "--from", path, "--data", data.to_str().unwrap(), "--backup", number]);
        Server::start_in(place, data, "")
    };
    // With the session of before: it is in the backup too.
    assert_eq!(listed(&citizen, &restore("1")), BTreeSet::from([first.clone()]));
    assert_eq!(listed(&citizen, &restore("2")), BTreeSet::from([first, second.clone()]));
    truyvet_ok(&["backup", path, "--keep", "1"]);
    truyvet_ok(&["backup", path, "--verify"]);
    assert!(listed(&citizen, &restore("2")).contains(&second), "its registry was kept with it");

    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    truyvet_ok(&["restore", "--from", path, "--data", data.to_str().unwrap()]);
    let keys = place.path().join("other.keys");
    let serve = truyvet(&[
        "serve",
        "--data",
        data.to_str().unwrap(),
        "--keys",
        keys.to_str().unwrap(),
        "--http",
        "127.0.0.1:0",
        "--quic",
        "127.0.0.1:0",
    ]);
    let said = String::from_utf8_lossy(&serve.stderr).into_owned();
    assert!(!serve.status.success() && said.contains("--keys"), "without its keys it does not start: {said}");
}

#[test]
fn officials_are_made_listed_and_ended_from_the_command_line() {
    let server = served();
    add_account(&server, "chot1", &["--role", "officer", "--site", "C1"]);
    let officer = Browser::official(&server, "chot1");
    assert_eq!(officer.get(&server, "/api/v1/session")["site"], "C1");
    let data = server.data().to_str().unwrap();
    let listed = truyvet_ok(&["account", "list", "--data", data]);
    assert!(listed.contains("\"chot1\"") && !listed.contains("argon2"), "{listed}");
    truyvet_ok(&["account", "disable", "chot1", "--data", data]);
    assert_eq!(officer.get(&server, "/api/v1/session")["type"], "/problems/sign-in-needed");
    let rotated = truyvet_ok(&["keys", "rotate", "pass", "--data", data]);
    assert!(rotated.contains("\"pass_key\":"), "{rotated}");
    assert_eq!(server.get("/api/v1/accounts", &[]).0, 401, "whoever is on this machine may not");
    let wrong = truyvet(&["account", "disable", "nobody", "--data", data]);
    assert_eq!(wrong.status.code(), Some(1));
}

#[test]
fn where_others_may_connect_operators_show_the_token_of_the_data_directory() {
    let server = Server::start("[http]\nallow_remote = true\n");
    let token = std::fs::read_to_string(server.data().join("operator.token")).unwrap();
    let ask = |token: &str| {
        let mut command = std::process::Command::new(crate::support::server::program("truyvet"));
        command.args(["status", "--url", server.url()]).env("TRUYVET_OPERATOR_TOKEN", token);
        command.output().unwrap().status.code()
    };
    assert_eq!((ask(&token), ask("guessed")), (Some(0), Some(1)));
    assert_eq!(server.get("/api/v1/status", &[]).0, 401);
    assert_eq!(server.get("/healthz", &[]).0, 200);
}

/// A citizen who declares one journey after another.
struct Citizen {
    browser: Browser,
    number: String,
    sent: Vec<Sent>,
}

/// A declaration on its way: what was sent, and the number that was told, if any was.
struct Sent {
    key: String,
    body: Value,
    told: Option<String>,
}

impl Citizen {
    fn new(server: &Server, at: usize) -> Self {
        let number = format!("00109000000{at}");
        Self { browser: Browser::citizen(server, &number), number, sent: Vec::new() }
    }

    fn declare_until(&mut self, server: &Server, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let (key, body) = (format!("{}", self.sent.len()), declaration(&self.number));
            let told = self.post(server, &key, &body);
            let is_answered = told.is_some();
            self.sent.push(Sent { key, body, told });
            if !is_answered {
                return;
            }
        }
    }

    /// As a browser does that heard no answer; whether it was kept before or not, it is kept once now.
    fn send_the_last_again(&mut self, server: &Server) {
        let Some(Sent { key, body, told }) = self.sent.pop() else { return };
        let again = self.post(server, &key, &body);
        assert!(again.is_some() && (told.is_none() || told == again), "told {told:?}, then {again:?}");
        self.sent.push(Sent { key, body, told: again });
    }

    fn post(&self, server: &Server, key: &str, body: &Value) -> Option<String> {
        let (status, made) = self.browser.post(server, "/api/v1/declarations", key, body)?;
        assert_eq!(status, 201, "{made}");
        made["declaration"].as_str().map(str::to_owned)
    }

    fn told(&self) -> BTreeSet<String> {
        self.sent.iter().filter_map(|sent| sent.told.clone()).collect()
    }
}

fn listed(citizen: &Browser, server: &Server) -> BTreeSet<String> {
    let (mut numbers, mut before) = (BTreeSet::new(), String::new());
    loop {
        let page = citizen.get(server, &format!("/api/v1/declarations?limit=50{before}"));
        for declaration in page["declarations"].as_array().unwrap() {
            assert!(numbers.insert(declaration["declaration"].as_str().unwrap().to_owned()), "listed twice");
        }
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return numbers,
        }
    }
}

fn served() -> Server {
    let server = Server::start("[people]\ndeclarations_a_day = 1000000\n");
    let areas = server.place().join("areas.csv");
    std::fs::write(&areas, "area,parent,name\nP1,,Tỉnh Một\nW1,P1,Phường Một\nW2,P1,Xã Hai\n").unwrap();
    let sites = server.place().join("sites.csv");
    std::fs::write(&sites, "site,area\nC1,W1\n").unwrap();
    let file = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    truyvet_ok(&["import", "--url", server.url(), "--areas", &file(&areas), "--sites", &file(&sites)]);
    server
}
