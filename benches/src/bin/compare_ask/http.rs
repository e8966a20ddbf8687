//! A server over HTTP, on one connection that stays open: what a client sees.

use std::error::Error;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use truyvet_engine::SetAnswer;

use super::Asker;
use super::digest::Digest;
use super::engine::both_expression;
use super::question::{Question, Visit};

/// A client of a running server.
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
}

impl Http {
    /// A client; connects at the first question.
    pub(crate) fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        Self { agent: config.build().into(), base: format!("{}/api/v1/trace", url.trim_end_matches('/')) }
    }

    fn post(&self, word: &str, body: &Value) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut response = self.agent.post(format!("{}/{word}", self.base)).send_json(body)?;
        let bytes = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
        match response.status().as_u16() {
            200 => Ok(bytes),
            status => Err(format!("{word}: status {status}: {}", String::from_utf8_lossy(&bytes)).into()),
        }
    }

    fn passed(&self, visit: &Visit) -> Result<Vec<u8>, Box<dyn Error>> {
        self.post("passed", &json!({"site": visit.site, "from": visit.from_ms, "to": visit.to_ms}))
    }
}

impl Asker for Http {
    /// The body of the answer.
    type Answer = Vec<u8>;

    fn ask(&self, question: &Question) -> Result<Vec<u8>, Box<dyn Error>> {
        match question {
            Question::Passed(visit) => self.passed(visit),
            Question::Distinct { area, from_ms, to_ms } => {
                self.post("passed", &json!({"area": area, "from": from_ms, "to": to_ms, "count": true}))
            }
            Question::Trail { subject, from_ms, to_ms } => {
                self.post("trail", &json!({"subject": subject, "from": from_ms, "to": to_ms}))
            }
            Question::Contacts { subject, from_ms, to_ms, window_ms } => {
                let window = format!("{window_ms}ms");
                let body = json!({"subject": subject, "from": from_ms, "to": to_ms, "window": window});
                self.post("contacts", &body)
            }
            Question::Chain { seeds, from_ms, to_ms, window_ms, generations } => {
                let seeds: Vec<_> =
                    seeds.iter().map(|s| format!("{}@{}", s.subject, s.exposed_at_ms)).collect();
                let window = format!("{window_ms}ms");
                let body = json!({"seed": seeds, "from": from_ms, "to": to_ms, "window": window,
                    "generations": generations});
                self.post("chain", &body)
            }
            Question::Both { first, second } => {
                self.post("set", &json!({"expr": both_expression(first, second)}))
            }
            Question::Common { subjects, from_ms, to_ms, cell_ms, top } => {
                let cell = format!("{cell_ms}ms");
                let body =
                    json!({"subjects": subjects, "from": from_ms, "to": to_ms, "cell": cell, "top": top});
                self.post("common", &body)
            }
        }
    }

    fn digest(&self, question: &Question, body: &Vec<u8>) -> Result<Digest, Box<dyn Error>> {
        Ok(match question {
            Question::Passed(_) => Digest::passed(&parse(body)?),
            Question::Distinct { .. } => Digest::distinct(&parse(body)?),
            Question::Trail { .. } => Digest::trail(&parse(body)?),
            Question::Contacts { .. } => Digest::contacts(&parse(body)?),
            Question::Chain { .. } => Digest::chain(&parse(body)?),
            Question::Common { .. } => Digest::common(&parse(body)?),
            Question::Both { .. } => Digest::subjects(&parse::<SetAnswer>(body)?.list),
        })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

/// The server's own limit of an answer, and some.
const BODY_BYTES_MAX: u64 = 1 << 30;

const TIMEOUT: Duration = Duration::from_secs(600);
