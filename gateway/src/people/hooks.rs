//! Hooks: journeys told to addresses outside as they change, until each has taken them.
//!
//! ```text
//! what happens (live) -> due, on disk -> one thread: whose turn is it?
//!                                          -> workers: the journeys as they are now -> POST, signed -> settled
//! ```
//! - Messages are signed as Standard Webhooks has it, so that receivers check them with a library.
//! - Nothing is lost: what happened while nobody noted it (a crash, too much at once) is found by comparing the
//!   journeys of the area with what the hook knows. A message can come twice; a notice says how things are,
//!   not what changed, so that does no harm.
//! - A hook has one message on its way at a time, and waits longer after each failure; hooks that failed before
//!   never hold more than half of the workers, so that the others are told at once.

mod address;
mod trouble;
mod turns;

use std::path::Path;
use std::time::Duration;

use standardwebhooks::Webhook;
use truyvet_engine::registry::{Due, Hook, NewHook, RegistryError, Told, Travelling};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

pub use trouble::Trouble as HookTrouble;
use turns::{Comparing, Sent, Task, Went};
pub use turns::{HookState, Hooks};

use super::access::Caller;
use super::config::PeopleConfig;
use super::notices::{Journey, Notice, NoticesError};
use super::{People, act};

/// Why a hook cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Correct the fields.
    #[error("some fields are not as they must be; correct those named")]
    Invalid(Vec<Flaw>),
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What asks hooks: it follows nowhere else, since what is sent was meant for the address alone.
///
/// # Errors
/// The file of authorities cannot be read, or has no certificate.
pub(super) fn agent(config: &PeopleConfig) -> Result<ureq::Agent, HookConfigError> {
    let roots = match &config.hook_ca_file {
        Some(file) => RootCerts::from(authorities(file)?),
        None => RootCerts::WebPki,
    };
    let builder = ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_global(Some(Duration::from_millis(config.hook_timeout_ms)))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    Ok(builder.build().into())
}

fn authorities(file: &Path) -> Result<Vec<Certificate<'static>>, HookConfigError> {
    let wrong = |why: String| HookConfigError { file: file.display().to_string(), why };
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(wrong("there is no certificate in it".to_owned())),
        false => Ok(certificates),
    }
}

/// The file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}; check `hook_ca_file` in the configuration")]
pub struct HookConfigError {
    file: String,
    why: String,
}

/// What a receiver gets.
#[derive(serde::Serialize)]
struct Message<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'m>,
}

#[derive(serde::Serialize)]
struct Data<'m> {
    hook: String,
    area: &'m str,
    notices: &'m [Notice],
}

impl People {
    /// Makes a hook for an area; its secret is told this once.
    ///
    /// # Errors
    /// Nothing is made then; the error says what to do.
    pub fn add_hook(
        &self,
        area: String,
        url: String,
        caller: &Caller,
        now: TimeMs,
    ) -> Result<Hook, HookError> {
        let mut check = Check::default();
        check.that(self.areas.wrong(&area, now.get()).is_none(), "area", Wrong::Unknown);
        check.that(address::is_good(&url), "url", Wrong::Form);
        let flaws = check.flaws();
        if !flaws.is_empty() {
            return Err(HookError::Invalid(flaws));
        }
        let secret = format!("whsec_{}", data_encoding::BASE64.encode(&rand::random::<[u8; SECRET_BYTES]>()));
        let act = act(now, caller.actor(), "hook.add", &area);
        let hook = self.registry.add_hook(NewHook { area, url, secret }, act)?;
        self.hooks.put(hook.clone());
        Ok(hook)
    }

    /// Removes a hook: it is told nothing more.
    ///
    /// # Errors
    /// There is no such hook, or the store fails.
    pub fn remove_hook(&self, number: u64, caller: &Caller, now: TimeMs) -> Result<(), RegistryError> {
        let act = act(now, caller.actor(), "hook.remove", &number.to_string());
        self.registry.remove_hook(number, act)?;
        self.hooks.forget(number);
        Ok(())
    }

    /// Notes for the hooks of these areas (each with the journey's number) that something happened.
    pub(super) fn note_due(&self, happened: &[(u64, Vec<String>)]) {
        let mut due: Vec<(u64, u64)> = Vec::new();
        for (declaration, areas) in happened {
            let hooks = self.hooks.of_areas(areas.iter().map(String::as_str));
            due.extend(hooks.into_iter().map(|hook| (hook, *declaration)));
        }
        due.sort_unstable();
        due.dedup();
        if due.is_empty() {
            return;
        }
        match self.registry.put_due(&due) {
            Ok(()) => self.hooks.are_due(due.chunk_by(|a, b| a.0 == b.0).map(|of_hook| of_hook[0].0)),
            Err(error) => {
                tracing::error!(%error, "what hooks are to be told is not noted; it is looked for later");
                self.hooks.compare_all();
            }
        }
    }

    /// Tells hooks what is due to them until `stops` says so. For a thread of its own.
    pub fn tell_hooks(&self, stops: impl Fn() -> bool + Sync) {
        self.hooks.run(stops, |hook, task| self.take_turn(hook, &task));
    }

    /// A page of the comparison, where one is wanted, and one message, where something is due: neither waits for
    /// the whole of the other.
    fn take_turn(&self, hook: &Hook, Task { comparing, after }: &Task) -> Went {
        let compared = comparing.map_or(Ok(None), |from| self.compare_page(hook, from, TimeMs::now()));
        let told = self.tell_due(hook, *after);
        match compared {
            Ok(comparing) => Went { comparing, told },
            Err(error) => {
                let trouble = not_read(hook, &error);
                Went { comparing: *comparing, told: told.and(Err(trouble)) }
            }
        }
    }

    /// One message, or none where nothing is due.
    fn tell_due(&self, hook: &Hook, after: u64) -> Result<Sent, HookTrouble> {
        let due = self.due_from(hook.number, after).map_err(|error| not_read(hook, &error.into()))?;
        let (mut notices, mut told) = (Vec::new(), Vec::with_capacity(due.len()));
        for due in &due {
            // One that cannot be read stays due, and keeps no other back.
            match self.notice_for(hook, due.declaration) {
                Ok(notice) => {
                    told.push((*due, notice.as_ref().map(|notice| told_of(&notice.journey))));
                    notices.extend(notice);
                }
                Err(error) => {
                    not_read(hook, &error);
                }
            }
        }
        if !notices.is_empty() {
            self.post(hook, &notices, TimeMs::now())?;
        }
        if !told.is_empty() {
            self.registry.settle(&told).map_err(|error| not_read(hook, &error.into()))?;
        }
        let last = due.last().map_or(0, |last| last.declaration);
        Ok(Sent { to: (!notices.is_empty()).then_some(last), more: due.len() == NOTICES_MAX })
    }

    /// What is due behind the declaration of this number, and then from the beginning.
    fn due_from(&self, hook: u64, after: u64) -> Result<Vec<Due>, RegistryError> {
        let mut due = self.registry.due(hook, after, NOTICES_MAX)?;
        if after > 0 && due.len() < NOTICES_MAX {
            let first = self.registry.due(hook, 0, NOTICES_MAX - due.len())?;
            due.extend(first.into_iter().take_while(|due| due.declaration <= after));
        }
        Ok(due)
    }

    /// A journey as it is now, as the hook's area sees it; none where there is nothing to tell.
    fn notice_for(&self, hook: &Hook, declaration: u64) -> Result<Option<Notice>, NoticesError> {
        let Some((record, leg)) = self.verified_leg(declaration)? else { return Ok(None) };
        let Some(side) = self.ends(&leg).remove(&hook.area) else { return Ok(None) };
        let journey = self.journey(&record, &leg, TimeMs::now())?;
        Ok(journey.map(|journey| Notice { side, journey }))
    }

    /// Notes as due what the hook does not know of a page of the journeys of its area, the newest first. Where the
    /// next page begins; none at the end.
    fn compare_page(
        &self,
        hook: &Hook,
        Comparing { before }: Comparing,
        now: TimeMs,
    ) -> Result<Option<Comparing>, NoticesError> {
        let areas = self.areas.all_within(&hook.area);
        let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
        let since = self.holding_since(now).get() - COMPARED_BEFORE_MS;
        // Each page looks into each area once.
        let limit = COMPARED_AT_ONCE.max(areas.len());
        let page = self.registry.travelling(&areas, before, limit)?;
        let mut due = Vec::new();
        for travelling in page.iter().filter(|travelling| travelling.record.made_at >= since) {
            let number = travelling.record.declaration;
            let told = self.registry.told(hook.number, number)?;
            match self.journey(&travelling.record, &travelling.leg, now) {
                Ok(journey) if journey.as_ref().map(told_of) == told => {}
                Ok(_) => due.push((hook.number, number)),
                Err(error) => {
                    not_read(hook, &error);
                }
            }
        }
        self.registry.put_due(&due)?;
        let goes_on = |last: &Travelling| page.len() == limit && last.record.made_at >= since;
        let last = page.last().filter(|last| goes_on(last));
        Ok(last.map(|last| Comparing { before: Some(last.record.declaration) }))
    }

    /// Sends a message. The error says why it was not taken.
    fn post(&self, hook: &Hook, notices: &[Notice], now: TimeMs) -> Result<(), HookTrouble> {
        let data = Data { hook: hook.number.to_string(), area: &hook.area, notices };
        // The same content has the same id, so that a receiver knows it again.
        let id = serde_json::to_vec(&data).map_err(|_| HookTrouble::Registry)?;
        let id = format!("msg_{}", &blake3::hash(&id).to_hex()[..32]);
        let message = Message { kind: "journeys.changed", timestamp: now.rfc3339(), data };
        let body = serde_json::to_vec(&message).map_err(|_| HookTrouble::Registry)?;
        let at_s = now.get() / 1_000;
        let signature = Webhook::new(&hook.secret).and_then(|webhook| webhook.sign(&id, at_s, &body));
        let signature = signature.map_err(|_| HookTrouble::Secret)?;
        let request = self
            .hooks
            .agent
            .post(&hook.url)
            .header("content-type", "application/json")
            .header("user-agent", concat!("truyvet/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", at_s.to_string())
            .header("webhook-signature", signature);
        let answer = request.send(&body).map_err(|error| HookTrouble::of_error(&error))?;
        HookTrouble::of_status(answer.status().as_u16()).map_or(Ok(()), Err)
    }
}

fn not_read(hook: &Hook, error: &NoticesError) -> HookTrouble {
    tracing::error!(%error, hook = hook.number, "what a hook is to be told cannot be read");
    HookTrouble::Registry
}

fn told_of(journey: &Journey) -> Told {
    Told { passages: journey.passages, arrived: journey.arrival.is_some(), revoked: journey.revoked }
}

const SECRET_BYTES: usize = 32;
/// Journeys in a message: some 100 KB.
const NOTICES_MAX: usize = 100;
const COMPARED_AT_ONCE: usize = 500;
/// A server that was off for so long still tells what happened before.
const COMPARED_BEFORE_MS: i64 = 7 * 86_400_000;

/// A hook waits twice as long after each failure, and so long at most.
const WAIT_MAX: Duration = Duration::from_secs(3_600);
