//! A checkpoint at the roadside: the real `truyvet-device`, and the file that its officer's scans go to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use truyvet_schemas::key_file::KeyFile;

use super::server::{Server, program, truyvet_ok};

/// A device that follows a file. Its key, its input, its log and its state lie together.
pub(crate) struct Checkpoint {
    dir: PathBuf,
    spool: PathBuf,
    input: File,
    envs: Vec<(&'static str, OsString)>,
    agent: Option<Child>,
    /// The instants of each subject's scans, in the order in which they were written.
    written: BTreeMap<String, Vec<i64>>,
    count: u64,
}

impl Checkpoint {
    /// Enrols a device at this site, in the server's own place, and starts it.
    pub(crate) fn start(server: &Server, site: &str) -> Self {
        let spool = server.place().join(site).join("spool");
        Self::start_in(server, site, spool, Vec::new())
    }

    /// The same with the spool elsewhere, and with variables of its environment.
    pub(crate) fn start_in(
        server: &Server,
        site: &str,
        spool: PathBuf,
        envs: Vec<(&'static str, OsString)>,
    ) -> Self {
        let dir = server.place().join(site);
        std::fs::create_dir(&dir).unwrap();
        let key = dir.join("key.json");
        let key = key.to_str().unwrap();
        truyvet_ok(&["device", "add", "--site", site, "--key-file", key, "--url", server.url()]);
        let input = File::options().create(true).append(true).open(dir.join("scans.ndjson")).unwrap();
        let mut this = Self { dir, spool, input, envs, agent: None, written: BTreeMap::new(), count: 0 };
        this.launch(server);
        this
    }

    /// Starts the agent.
    pub(crate) fn launch(&mut self, server: &Server) {
        let path = |name: &str| self.dir.join(name);
        let log = File::options().create(true).append(true).open(path("log"));
        let agent = Command::new(program("truyvet-device"))
            .args(["run", "--follow", "--batch-delay", "20ms"])
            .args(["--gateway", &server.quic().to_string()])
            .arg("--key")
            .arg(path("key.json"))
            .arg("--input")
            .arg(path("scans.ndjson"))
            .arg("--spool")
            .arg(&self.spool)
            .arg("--status-file")
            .arg(path("state.json"))
            .envs(self.envs.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn();
        self.agent = Some(agent.unwrap());
    }

    /// As a power cut would end it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }

    pub(crate) fn restart(&mut self, server: &Server) {
        self.kill();
        self.launch(server);
    }

    /// Whether the agent still works.
    pub(crate) fn is_running(&mut self) -> bool {
        self.agent.as_mut().is_some_and(|agent| agent.try_wait().unwrap().is_none())
    }

    /// Adds scans to the officer's file: subject and instant.
    pub(crate) fn write(&mut self, scans: impl IntoIterator<Item = (String, i64)>) {
        let mut text = String::new();
        for (subject, at) in scans {
            text += &format!("{{\"subject\":\"{subject}\",\"unix_ms\":{at}}}\n");
            self.written.entry(subject).or_default().push(at);
            self.count += 1;
        }
        // In two writes, so that at times the file ends in half a line.
        let (front, back) = text.as_bytes().split_at(text.len() / 2);
        self.input.write_all(front).unwrap();
        self.input.write_all(back).unwrap();
    }

    /// Adds scans of a subject that tell no time: the device's clock does.
    pub(crate) fn write_now(&mut self, subject: &str, scans: u64) {
        for _ in 0..scans {
            writeln!(self.input, "{{\"subject\":\"{subject}\"}}").unwrap();
        }
        self.count += scans;
    }

    /// Scans written so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Every scan that was written is there, once.
    pub(crate) fn assert_exactly_once(&self, server: &Server) {
        for (subject, written) in &self.written {
            let mut written = written.clone();
            written.sort_unstable();
            let told: Vec<i64> = server.trail(subject).into_iter().map(|(at, _, _)| at).collect();
            assert!(
                told == written,
                "{subject}: {} lines written, {} in the trail",
                written.len(),
                told.len()
            );
        }
    }

    /// What the status file says; null before it was written.
    pub(crate) fn state(&self) -> Value {
        let text = std::fs::read(self.dir.join("state.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Whether the state's notes hold this text.
    pub(crate) fn notes(&self, text: &str) -> bool {
        self.state()["notes"].to_string().contains(text)
    }

    /// What the agent logged, over all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap()
    }

    pub(crate) fn key(&self) -> KeyFile {
        KeyFile::parse(&std::fs::read_to_string(self.dir.join("key.json")).unwrap()).unwrap()
    }

    pub(crate) fn spool(&self) -> &Path {
        &self.spool
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the agent's last words:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"));
        }
    }
}
