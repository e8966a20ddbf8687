//! A running server, asked over HTTP.

use std::io::{self, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::middleware::MiddlewareNext;
use ureq::{Agent, Body, SendBody};

use super::error::CliError;

/// A running server.
pub(super) struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self, CliError> {
        let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        Self::with_token(url, token.trim())
    }

    /// A client that shows the operator's token, to a server on this machine alone: it goes in the clear.
    pub(super) fn with_token(url: &str, token: &str) -> Result<Self, CliError> {
        if !url.starts_with("http://") {
            return Err(CliError::Usage(
                "--url: write the server's address, such as http://127.0.0.1:8080".to_owned(),
            ));
        }
        let shown = format!("Bearer {token}");
        let show = move |mut request: Request<SendBody<'_>>, next: MiddlewareNext<'_>| {
            let is_near = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
            if let Ok(shown) = shown.parse()
                && shown != "Bearer "
                && request.uri().host().is_some_and(is_near)
            {
                request.headers_mut().insert("authorization", shown);
            }
            next.handle(request)
        };
        // No limit of our own: the server has one, and an import takes as long as it takes.
        let config = Agent::config_builder().http_status_as_error(false).middleware(show).build();
        Ok(Self { agent: config.into(), url: url.trim_end_matches('/').to_owned() })
    }

    /// Asks for JSON.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        let response = self.agent.get(self.address(path)).call();
        self.json(&self.read(response)?)
    }

    /// Asks for JSON, with parameters.
    pub(super) fn get_with<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CliError> {
        let response = self.agent.get(self.address(path)).query_pairs(query.iter().copied()).call();
        self.json(&self.read(response)?)
    }

    /// Sends JSON; the answer comes bit by bit.
    pub(super) fn post_streaming(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Box<dyn Read>, CliError> {
        let response = self.check(self.agent.post(self.address(path)).send_json(body))?;
        Ok(Box::new(response.into_body().into_reader()))
    }

    /// Sends JSON, and gives the bytes of the answer.
    pub(super) fn post_raw(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>, CliError> {
        self.read(self.agent.post(self.address(path)).send_json(body))
    }

    /// Sends JSON; the answer comes bit by bit, and is not bounded.
    pub(super) fn post_reader(&self, path: &str, body: &impl Serialize) -> Result<impl Read, CliError> {
        let response = self.check(self.agent.post(self.address(path)).send_json(body))?;
        Ok(Coming { url: self.url.clone(), answer: response.into_body().into_reader() })
    }

    /// Sends JSON, and reads JSON.
    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        self.json(&self.post_raw(path, body)?)
    }

    /// Has something deleted.
    pub(super) fn delete(&self, path: &str) -> Result<(), CliError> {
        self.check(self.agent.delete(self.address(path)).call()).map(drop)
    }

    /// Sends so many bytes of a file; the answer comes bit by bit.
    pub(super) fn send_file(
        &self,
        path: &str,
        query: &[(&str, &str)],
        bytes: u64,
        file: &mut dyn Read,
    ) -> Result<Box<dyn Read>, CliError> {
        // The server may say no before it has read everything; with this header it says so before
        // anything is sent.
        let request = self
            .agent
            .post(self.address(path))
            .query_pairs(query.iter().copied())
            .header("content-length", bytes.to_string())
            .header("expect", "100-continue");
        let response = self.check(request.send(SendBody::from_reader(file)))?;
        Ok(Box::new(response.into_body().into_reader()))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn read(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>, CliError> {
        let mut response = self.check(response)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        body.read_to_vec().map_err(|e| CliError::Failed(format!("{}: the answer broke off: {e}", self.url)))
    }

    fn check(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, CliError> {
        let mut response = response.map_err(|e| {
            CliError::Failed(format!("{}: {e}; is a server running there? (`truyvet serve`)", self.url))
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let said = response.body_mut().with_config().limit(PROBLEM_BYTES_MAX).read_to_string();
        let problem: Option<Value> = said.ok().and_then(|said| serde_json::from_str(&said).ok());
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
        let mut message = detail.map_or_else(|| format!("{}: status {status}", self.url), str::to_owned);
        for flaw in problem.iter().flat_map(|problem| problem["errors"].as_array()).flatten() {
            message += &format!("; {}: {}", text(&flaw["field"]), text(&flaw["code"]));
        }
        Err(match status.as_u16() {
            400 | 422 => CliError::Usage(message),
            _ => CliError::Failed(message),
        })
    }

    fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CliError> {
        serde_json::from_slice(body).map_err(|_| {
            CliError::Failed(format!("{}: the answer is none of a Truyvet server of this version", self.url))
        })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An answer on its way; its errors say so.
struct Coming<R> {
    url: String,
    answer: R,
}

impl<R: Read> Read for Coming<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let broke_off = |e| io::Error::other(format!("{}: the answer broke off: {e}", self.url));
        self.answer.read(bytes).map_err(broke_off)
    }
}

/// The largest answer a server may be set to give.
const ANSWER_BYTES_MAX: u64 = 1 << 34;

const PROBLEM_BYTES_MAX: u64 = 1 << 20;

/// The content of DATA/operator.token, for servers that take connections from elsewhere.
const TOKEN_VARIABLE: &str = "TRUYVET_OPERATOR_TOKEN";
