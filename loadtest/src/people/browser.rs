//! A browser with its cookie.

use std::error::Error;

use parking_lot::RwLock;
use serde_json::Value;
use ureq::Agent;

pub(super) struct Browser {
    agent: Agent,
    url: String,
    cookie: RwLock<String>,
}

impl Browser {
    pub(super) fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(CONNECTIONS_KEPT)
            .max_idle_connections_per_host(CONNECTIONS_KEPT);
        let url = url.trim_end_matches('/').to_owned();
        Self { agent: config.build().into(), url, cookie: RwLock::default() }
    }

    /// Another browser, without a session, that takes turns on the same connections: a server has room for a
    /// thousand or so.
    pub(super) fn another(&self) -> Self {
        Self { agent: self.agent.clone(), url: self.url.clone(), cookie: RwLock::default() }
    }

    /// The answer's JSON; none where it is no good one.
    pub(super) fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let (status, answer) = self.send(path, body).ok()?;
        (200..300).contains(&status).then_some(answer)
    }

    pub(super) fn must_post(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        self.good(path, self.send(path, body)?)
    }

    /// As one request, however often it is sent.
    pub(super) fn must_post_once(
        &self,
        path: &str,
        body: &Value,
        key: &str,
    ) -> Result<Value, Box<dyn Error>> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("idempotency-key", key);
        let mut answer =
            request.header("cookie", self.cookie.read().as_str()).send(body.to_string().as_bytes())?;
        let told = serde_json::from_str(&answer.body_mut().read_to_string()?).unwrap_or_default();
        self.good(path, (answer.status().as_u16(), told))
    }

    pub(super) fn must_send(&self, path: &str, body: &[u8]) -> Result<Value, Box<dyn Error>> {
        self.good(path, self.send_bytes(path, body)?)
    }

    pub(super) fn must_get(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let mut answer = request.header("cookie", self.cookie.read().as_str()).call()?;
        let told = serde_json::from_str(&answer.body_mut().read_to_string()?).unwrap_or_default();
        self.good(path, (answer.status().as_u16(), told))
    }

    fn good(&self, path: &str, (status, answer): (u16, Value)) -> Result<Value, Box<dyn Error>> {
        match (200..300).contains(&status) {
            true => Ok(answer),
            false => Err(format!("{}{path}: {status}: {}", self.url, answer["detail"]).into()),
        }
    }

    /// An answer as it begins; its body is read by the caller.
    pub(super) fn get(&self, path: &str) -> Result<ureq::Body, Box<dyn Error>> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let answer = request.header("cookie", self.cookie.read().as_str()).call()?;
        match answer.status().is_success() {
            true => Ok(answer.into_body()),
            false => Err(format!("{}{path}: {}", self.url, answer.status()).into()),
        }
    }

    fn send(&self, path: &str, body: &Value) -> Result<(u16, Value), Box<dyn Error>> {
        self.send_bytes(path, body.to_string().as_bytes())
    }

    fn send_bytes(&self, path: &str, body: &[u8]) -> Result<(u16, Value), Box<dyn Error>> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("cookie", self.cookie.read().as_str());
        let mut answer = request.send(body)?;
        if let Some(set) = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()) {
            *self.cookie.write() = set.split(';').next().unwrap_or_default().to_owned();
        }
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
    }
}

const CONNECTIONS_KEPT: usize = 1_024;
