//! `make run` after the build: a province of data, a live stream, and questions worth asking.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::questions_end_when_they_must::hears_interrupts;
use crate::support::server::{eventually, program, truyvet_ok};

#[test]
fn it_streams_answers_its_own_examples_and_stops_when_told_to() {
    let place = TempDir::new().unwrap();
    let mut demo = Demo::start(place.path());
    eventually("the server is ready", PATIENCE, || demo.log().contains("page and questions"));
    for command in demo.examples() {
        let words: Vec<&str> = command.split(' ').collect();
        let answer: Value = serde_json::from_str(&truyvet_ok(&words)).unwrap();
        let found = answer["contacts"].as_array().map(Vec::len);
        let found = found.or_else(|| answer["generations"][1]["list"].as_array().map(Vec::len));
        let found = found.or_else(|| answer["list"].as_array().map(Vec::len));
        assert!(found.unwrap() > 100, "{command} shows little: {found:?}");
    }
    eventually("checkpoints stream", PATIENCE, || demo.scans_taken() > 500);
    demo.stop();

    // At the second start the data is there; what a killed server left behind misleads nobody.
    std::fs::write(demo.data().join("server.json"), "{\"http\":\"\",\"quic\":\"\",\"pid\":1}\n").unwrap();
    let mut again = Demo::start(place.path());
    eventually("checkpoints stream again", PATIENCE, || again.scans_taken() > 500);
    assert!(!again.log().contains("importing"), "{}", again.log());
    again.stop();
}

/// The script behind `make run`, on ports of the system's choice.
struct Demo {
    place: PathBuf,
    url: String,
    child: Child,
}

impl Demo {
    fn start(place: &Path) -> Self {
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let quic = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let log = File::create(place.join("log")).unwrap();
        let programs = program("truyvet");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/demo");
        let child = Command::new(script)
            .arg(programs.parent().unwrap())
            .arg(place.join("data"))
            .args([&http, &quic])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self { place: place.to_owned(), url: format!("http://{http}"), child: child.unwrap() }
    }

    /// Scans that came in over QUIC; 0 while nobody answers.
    fn scans_taken(&self) -> u64 {
        let status = Command::new(program("truyvet")).args(["status", "--url", &self.url]).output().unwrap();
        let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        status["engine"]["scans_taken"].as_u64().unwrap_or(0)
    }

    fn data(&self) -> PathBuf {
        self.place.join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.place.join("log")).unwrap()
    }

    /// The commands that it prints, without the program.
    fn examples(&self) -> Vec<String> {
        let log = self.log();
        let commands = log.lines().filter_map(|line| line.trim().split_once("truyvet trace "));
        let commands: Vec<String> = commands.map(|(_, rest)| format!("trace {rest}")).collect();
        assert_eq!(commands.len(), 3, "{log}");
        commands
    }

    /// As Ctrl-C ends it; everything that it started ends with it, in good order.
    fn stop(&mut self) {
        // A shell that was started without interrupts cannot be given them back.
        let signal = if hears_interrupts(self.child.id()) { "-INT" } else { "-TERM" };
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
        assert!(!self.data().join("server.json").exists(), "the server did not end well: {}", self.log());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After a failure: the script's own handler ends what it started.
        if self.child.try_wait().unwrap().is_none() {
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().ok();
            self.child.wait().ok();
            eprintln!("the demo's last words:\n{}", self.log());
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
