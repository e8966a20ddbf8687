//! The server's HTTP side, as an operator uses it.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use truyvet_schemas::key_file::KeyFile;
use ureq::Agent;

use crate::generate::{areas_csv, sites_csv};
use crate::nation::Land;

/// A running server. Cheap to clone; calls block.
#[derive(Clone, Debug)]
pub struct Server {
    agent: Agent,
    url: String,
}

impl Server {
    /// The server at this address; nothing is sent yet.
    pub fn new(url: &str) -> Self {
        let config =
            Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT)).http_status_as_error(false);
        Self { agent: config.build().into(), url: url.trim_end_matches('/').to_owned() }
    }

    /// Makes the areas, and these sites of the nation, known.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn import_sites(&self, land: &Land, sites: &[u32]) -> Result<(), ServerError> {
        let (mut areas, mut rows) = (Vec::new(), Vec::new());
        areas_csv(land, &mut areas).expect("memory is always writable");
        sites_csv(land, sites.iter().copied(), &mut rows).expect("memory is always writable");
        for (what, body) in [("areas", areas), ("sites", rows)] {
            let request = self.agent.post(self.at(&format!("import/{what}"))).content_type("text/csv");
            self.read(request.send(&body[..]))?;
        }
        Ok(())
    }

    /// Enrols a device at each of these sites.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn enrol(&self, sites: &[String]) -> Result<Vec<KeyFile>, ServerError> {
        let mut keys = Vec::with_capacity(sites.len());
        for some in sites.chunks(ENROL_AT_ONCE) {
            let request = self.agent.post(self.at("devices/batch"));
            let text = self.read(request.send_json(json!({ "sites": some })))?;
            keys.extend(self.parse::<Vec<KeyFile>>(&text)?);
        }
        Ok(keys)
    }

    /// How many scans answers include.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn scans(&self) -> Result<u64, ServerError> {
        let text = self.read(self.agent.get(self.at("status")).call())?;
        let status: Value = self.parse(&text)?;
        let scans = status.pointer("/engine/scans").and_then(Value::as_u64);
        scans.ok_or_else(|| self.answer_error("the status tells no number of scans"))
    }

    /// Whether the server takes scans now.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn ready(&self) -> Result<(), ServerError> {
        self.read(self.agent.get(format!("{}/readyz", self.url)).call()).map(|_| ())
    }

    /// A subject's scans in `[from_ms, to_ms)` as instants and codes of sites.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn trail(&self, subject: &str, from_ms: i64, to_ms: i64) -> Result<Vec<(i64, String)>, ServerError> {
        let text = self.ask("trail", &[("subject", subject)], from_ms, to_ms)?;
        let trail: TrailAnswer = self.parse(&text)?;
        Ok(trail.scans.into_iter().map(|scan| (scan.at, scan.site)).collect())
    }

    /// Asks a question and returns the answer's text.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn ask(
        &self,
        question: &str,
        about: &[(&str, &str)],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<String, ServerError> {
        let request = self.agent.get(self.at(&format!("trace/{question}")));
        let request = request.query("from", from_ms.to_string()).query("to", to_ms.to_string());
        self.read(request.query_pairs(about.iter().copied()).call())
    }

    /// Writes what is in memory and merges the runs of closed days; waits until that is done.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn seal(&self) -> Result<(), ServerError> {
        let request = self.agent.post(self.at("seal")).config().timeout_global(Some(SEAL_TIMEOUT)).build();
        self.read(request.send_json(json!({}))).map(|_| ())
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.url)
    }

    fn read(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<String, ServerError> {
        let unreachable = |source| ServerError::Unreachable { url: self.url.clone(), source };
        let mut response = response.map_err(unreachable)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let text = body.read_to_string().map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(text);
        }
        Err(self.answer_error(&format!(
            "{} {}",
            response.status(),
            text.chars().take(300).collect::<String>()
        )))
    }

    fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, ServerError> {
        serde_json::from_str(text).map_err(|e| self.answer_error(&format!("not the JSON expected: {e}")))
    }

    fn answer_error(&self, answer: &str) -> ServerError {
        ServerError::Answer { url: self.url.clone(), answer: answer.to_owned() }
    }
}

#[derive(Deserialize)]
struct TrailAnswer {
    scans: Vec<TrailScan>,
}

#[derive(Deserialize)]
struct TrailScan {
    at: i64,
    site: String,
}

/// Why the server gave no answer of use.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Start the server, or mend its address.
    #[error("{url}: {source}")]
    Unreachable {
        /// The server.
        url: String,
        /// What went wrong.
        source: ureq::Error,
    },
    /// Is it a Truyvet server of this version?
    #[error("{url} answered: {answer}")]
    Answer {
        /// The server.
        url: String,
        /// What it said, shortened.
        answer: String,
    },
}

/// Answers of contacts at a crowded site are a few megabytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// An import of all sites takes a second; a question under full load a few.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

const SEAL_TIMEOUT: Duration = Duration::from_secs(1_800);

/// The server enrols at most 10,000 at once.
const ENROL_AT_ONCE: usize = 5_000;
