//! A register behind an HTTP address.

use std::time::Duration;

use serde_json::json;
use truyvet_schemas::person::{Document, Person};

use super::{Comparison, Entry, PopulationRegister, declared, facts};

/// A register that is asked each time.
pub(super) struct HttpRegister {
    agent: ureq::Agent,
    url: String,
}

impl HttpRegister {
    pub(super) fn new(url: &str, timeout_ms: u64) -> Self {
        let timeout = Some(Duration::from_millis(timeout_ms));
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(timeout);
        Self { agent: config.build().into(), url: url.to_owned() }
    }

    /// What the register knows; nothing where it knows nobody.
    fn ask(&self, document: &Document) -> Result<Option<Entry>, ureq::Error> {
        let asked = json!({"kind": document.kind, "number": document.number, "country": document.country});
        let mut response = self.agent.post(&self.url).send_json(asked)?;
        match response.status().as_u16() {
            404 => Ok(None),
            200 => response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json().map(Some),
            status => Err(ureq::Error::StatusCode(status)),
        }
    }
}

impl PopulationRegister for HttpRegister {
    fn compare(&self, document: &Document, person: &Person) -> Comparison {
        let entry = match self.ask(document) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Comparison::Unknown,
            Err(error) => {
                // Its own words may repeat what the register answered.
                let why = match error {
                    ureq::Error::Timeout(_) => "it takes too long",
                    ureq::Error::StatusCode(_) => "its status is neither 200 nor 404",
                    ureq::Error::Json(_) => "its answer is not the JSON expected",
                    _ => "it cannot be reached",
                };
                tracing::warn!(why, "the population register gives no answer");
                return Comparison::Silent;
            }
        };
        let known = facts(&entry.name, &entry.birth_date, entry.sex, entry.permanent.as_deref());
        let pairs = declared(person).into_iter().zip(known);
        let differs = pairs.filter(|(declared, known)| !known.1.is_empty() && declared != known);
        let fields: Vec<_> = differs.map(|(declared, _)| declared.0).collect();
        if fields.is_empty() { Comparison::Agrees } else { Comparison::Differs(fields) }
    }
}

const ANSWER_BYTES_MAX: u64 = 64 << 10;
