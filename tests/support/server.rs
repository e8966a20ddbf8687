//! The real programs, as an operator starts, asks and kills them.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use truyvet_engine::registry::{Issuer, Registry};
use truyvet_schemas::key_file::KeyFile;
use ureq::Agent;

/// One of the workspace's programs, built beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace --release` first", path.display());
    path
}

/// What `truyvet` says to these arguments.
pub(crate) fn truyvet(args: &[&str]) -> Output {
    Command::new(program("truyvet")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// What it prints, where it must succeed.
pub(crate) fn truyvet_ok(args: &[&str]) -> String {
    let done = truyvet(args);
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// What a process is started with beside the usual.
#[derive(Default)]
pub(crate) struct More {
    pub(crate) args: Vec<OsString>,
    pub(crate) envs: Vec<(&'static str, OsString)>,
}

/// `truyvet serve` in a process of its own, on loopback.
pub(crate) struct Server {
    place: TempDir,
    data: PathBuf,
    more: More,
    child: Option<Child>,
    quic: SocketAddr,
    http: String,
    agent: Agent,
}

/// One directory of keys for all servers, so that one restored from a backup finds its own.
pub(crate) fn keys() -> &'static Path {
    static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
        let place = TempDir::new().unwrap();
        let keys = place.path().join("keys");
        drop(Registry::open(&place.path().join("registry"), &keys, 1 << 20).unwrap());
        drop(Issuer::open(&keys).unwrap());
        place
    });
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| KEYS.path().join("keys"));
    &PATH
}

impl Server {
    /// Starts with this configuration on a data directory of its own.
    pub(crate) fn start(config: &str) -> Self {
        let place = TempDir::new().unwrap();
        let data = place.path().join("data");
        Self::start_in(place, data, config)
    }

    /// The same on a data directory elsewhere.
    pub(crate) fn start_in(place: TempDir, data: PathBuf, config: &str) -> Self {
        Self::start_with(place, data, config, More::default())
    }

    /// The same with more than usual.
    pub(crate) fn start_with(place: TempDir, data: PathBuf, config: &str, more: More) -> Self {
        std::fs::write(place.path().join("config.toml"), config).unwrap();
        let quic = SocketAddr::from(([127, 0, 0, 1], 0));
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let agent = agent.build().into();
        let mut server = Self { place, data, more, child: None, quic, http: String::new(), agent };
        server.launch();
        server.wait();
        server
    }

    /// Starts the process; the devices' port stays what it was. Returns at once.
    pub(crate) fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = Command::new(program("truyvet"))
            .arg("serve")
            .args(["--http", "127.0.0.1:0", "--quic", &self.quic.to_string(), "--data"])
            .arg(&self.data)
            .arg("--config")
            .arg(self.place.path().join("config.toml"))
            .arg("--keys")
            .arg(keys())
            .args(&self.more.args)
            .envs(self.more.envs.clone())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// Waits until the process that was launched answers.
    pub(crate) fn wait(&mut self) {
        let child = self.child.as_mut().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let file = loop {
            let text = std::fs::read(self.data.join("server.json")).unwrap_or_default();
            let file: Value = serde_json::from_slice(&text).unwrap_or_default();
            // A file that a killed server left behind names another process.
            if file["pid"] == json!(child.id()) {
                break file;
            }
            if child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                panic!("the server does not start: {}", tail(&self.place.path().join("server.log")));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.quic = file["quic"].as_str().unwrap().parse().unwrap();
        self.http = file["http"].as_str().unwrap().to_owned();
    }

    /// Ends the process at once; [`Server::kill`] then waits for it.
    pub(crate) fn signal_kill(&self) {
        let pid = self.child.as_ref().map(|child| child.id().cast_signed());
        let pid = pid.and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// As a power cut would end it, apart from what the system had not yet written.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// As an operator stops it; returns how it ended.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        child.wait().unwrap()
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        self.launch();
        self.wait();
    }

    pub(crate) fn quic(&self) -> SocketAddr {
        self.quic
    }

    pub(crate) fn url(&self) -> &str {
        &self.http
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Where a test may keep files of its own.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// Status and body.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> (u16, String) {
        let request = self.agent.get(format!("{}{path}", self.http));
        read(request.query_pairs(query.iter().copied()).call())
    }

    /// Status and body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, String) {
        read(self.agent.post(format!("{}{path}", self.http)).send_json(body))
    }

    /// The JSON of an answer that must come.
    pub(crate) fn json(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let (status, body) = self.get(path, query);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Puts sites into the catalog.
    pub(crate) fn put_sites(&self, sites: &[&str]) {
        let rows: String = sites.iter().map(|site| format!("{site},\n")).collect();
        let file = self.place.path().join("sites.csv");
        std::fs::write(&file, format!("site,area\n{rows}")).unwrap();
        truyvet_ok(&["import", "--url", self.url(), "--sites", file.to_str().unwrap()]);
    }

    /// Enrols a device at each site.
    pub(crate) fn enrol(&self, sites: &[&str]) -> Vec<KeyFile> {
        let (status, body) = self.post("/api/v1/devices/batch", &json!({"sites": sites}));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// How many scans answers include.
    pub(crate) fn scans(&self) -> u64 {
        self.json("/api/v1/status", &[])["engine"]["scans"].as_u64().unwrap()
    }

    /// The device's high-water mark, as the operator sees it.
    pub(crate) fn durable_seq(&self, device: u32) -> u64 {
        let devices = self.json("/api/v1/devices", &[]);
        let found = devices.as_array().unwrap().iter().find(|record| record["device"] == json!(device));
        found.unwrap()["durable_seq"].as_u64().unwrap()
    }

    /// All of a subject's scans, sorted.
    pub(crate) fn trail(&self, subject: &str) -> Vec<Seen> {
        let all = [("subject", subject), ("from", "0"), ("to", "4102444800000")];
        let trail = self.json("/api/v1/trace/trail", &all);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let seen =
            |scan: &Value| (scan["at"].as_i64().unwrap(), text(&scan["site"]), text(&scan["direction"]));
        let mut seen: Vec<Seen> = trail["scans"].as_array().unwrap().iter().map(seen).collect();
        seen.sort_unstable();
        seen
    }

    /// What it logged, over all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let pid = self.child.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn log_path(&self) -> PathBuf {
        self.place.path().join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server's last words:\n{}", tail(&self.log_path()));
        }
    }
}

/// What a server answers to each of the five questions, about scans of files and of devices.
pub(crate) fn answers(server: &Server) -> Vec<Value> {
    let all = json!({"from": 0, "to": 4_102_444_800_000_u64});
    let ask = |question: &str, own: Value| {
        let mut body = all.clone();
        body.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let (status, answer) = server.post(&format!("/api/v1/trace/{question}"), &body);
        assert_eq!(status, 200, "{question}: {answer}");
        serde_json::from_str(&answer).unwrap()
    };
    let people = ["imported-1", "imported-7919", "s0001", "s0002", "s0700", "nobody"];
    let mut answers: Vec<Value> =
        people.iter().map(|subject| ask("trail", json!({"subject": subject}))).collect();
    answers.push(ask("passed", json!({"site": ["north", "site-3", "nowhere"]})));
    answers.push(ask("contacts", json!({"subject": people, "window": "1m", "pairs": true})));
    answers.push(ask("chain", json!({"seed": ["imported-1", "s0001"], "window": "2s", "generations": 2})));
    answers.push(ask("common", json!({"subjects": people, "cell": "1h", "top": 50})));
    answers
}

/// A scan as an answer shows it: instant, site, direction.
pub(crate) type Seen = (i64, String, String);

/// Waits until it holds.
pub(crate) fn eventually(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Says what is not tested, past the harness, which keeps what passing tests print to itself.
pub(crate) fn tell_skipped(what: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, String) {
    let mut response = response.unwrap();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().unwrap();
    (response.status().as_u16(), body)
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// A machine that also builds starts a process in seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: u64 = 256 << 20;
