//! DATA/server.json: where the server that has the data directory open can be asked.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where a server can be asked. Left behind by a crash it is stale, so it is only a hint for people
/// once the data directory was found in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// Address for questions.
    pub http: String,
    /// Address for devices.
    pub quic: String,
    /// Address for browsers, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
    /// The process.
    pub pid: u32,
}

impl ServerFile {
    /// The file of a data directory, if it has one.
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data.join(NAME)).ok()?).ok()
    }

    pub(super) fn write(
        data: &Path,
        http: SocketAddr,
        quic: SocketAddr,
        web: Option<SocketAddr>,
    ) -> io::Result<Self> {
        let (http, quic, web) = (format!("http://{http}"), quic.to_string(), web.map(|web| web.to_string()));
        let file = Self { http, quic, web, pid: std::process::id() };
        let mut text = serde_json::to_string(&file)?;
        text.push('\n');
        // Whole or not at all: others read it at any time.
        let temporary = data.join("server.json.new");
        std::fs::write(&temporary, text)?;
        std::fs::rename(temporary, data.join(NAME))?;
        Ok(file)
    }

    pub(super) fn remove(&self, data: &Path) {
        std::fs::remove_file(data.join(NAME)).ok();
    }

    /// Tells people where to go, and what to ask.
    pub(super) fn announce(&self, data: &Path, bare: bool) {
        tracing::info!(http = self.http, quic = self.quic, "ready");
        if bare {
            tracing::warn!("bare mode: scans are verified and acknowledged, and stored nowhere");
        }
        let mut text = format!("page and questions  {}/\ndevices (QUIC)      {}\n", self.http, self.quic);
        // As it was started, so that the lines can be pasted.
        let program = std::env::args().next().unwrap_or_else(|| "truyvet".into());
        let commands = examples(data).unwrap_or_default();
        if !commands.is_empty() {
            text += "ask, for example:\n";
        }
        for command in commands {
            text += &format!("  {program} {command} --url {}\n", self.http);
        }
        eprint!("{text}");
    }
}

/// Questions that a demonstration's generator found interesting.
fn examples(data: &Path) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Examples {
        commands: Vec<String>,
    }
    let text = std::fs::read(data.join("examples.json")).ok()?;
    Some(serde_json::from_slice::<Examples>(&text).ok()?.commands)
}

const NAME: &str = "server.json";
