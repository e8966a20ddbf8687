//! A server process on loopback, on ports of the system's choice.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::FigureError;
use crate::run::Server;

/// A running server; killed when dropped.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
    /// Where it can be asked.
    pub(super) url: String,
    /// Where devices connect.
    pub(super) gateway: String,
    /// From the start of the process until it took scans.
    pub(super) ready_after: Duration,
}

#[derive(Deserialize)]
struct ServerFile {
    http: String,
    quic: String,
    pid: u32,
}

impl Process {
    /// Starts the program on a data directory and waits until it takes scans.
    pub(super) fn start(program: &Path, data: &Path, bare: bool) -> Result<Self, FigureError> {
        let log = data.with_extension("log");
        let failed = |e| FigureError::Folder(log.clone(), e);
        let out = File::create(&log).map_err(failed)?;
        let began = Instant::now();
        let mut command = Command::new(program);
        command.arg("serve").arg("--data").arg(data);
        command.args(["--quic", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(bare.then_some("--bare"));
        command.stdin(Stdio::null()).stdout(out.try_clone().map_err(failed)?).stderr(out);
        let child = command.spawn().map_err(|e| FigureError::Folder(program.to_owned(), e))?;
        let mut process =
            Self { child, log, url: String::new(), gateway: String::new(), ready_after: Duration::ZERO };
        process.wait(data, began)?;
        Ok(process)
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its HTTP side.
    pub(super) fn server(&self) -> Server {
        Server::new(&self.url)
    }

    fn wait(&mut self, data: &Path, began: Instant) -> Result<(), FigureError> {
        while began.elapsed() < START_TIMEOUT {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(FigureError::Server(format!("ended with {status}"), self.log.clone()));
            }
            // A file of a server before it names another process.
            let file = std::fs::read(data.join("server.json")).ok();
            let file = file.and_then(|text| serde_json::from_slice::<ServerFile>(&text).ok());
            if let Some(file) = file.filter(|file| file.pid == self.child.id())
                && Server::new(&file.http).ready().is_ok()
            {
                (self.url, self.gateway) = (file.http, file.quic);
                self.ready_after = began.elapsed();
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(FigureError::Server("was not ready in time".into(), self.log.clone()))
    }
}

impl Drop for Process {
    /// As a power cut would: what must survive that, does.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const START_TIMEOUT: Duration = Duration::from_secs(120);
