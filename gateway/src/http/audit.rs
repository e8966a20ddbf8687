//! The audit log, and new keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::{AuditBreak, AuditEntry};
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Body};
use super::problems::problems;
use crate::people::{Permission, act};

problems!(Reading: WRONG_USAGE, BUSY, UNAVAILABLE, FAILED);
problems!(Verifying: BUSY, UNAVAILABLE, FAILED);
problems!(Rotating: WRONG_USAGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The first entry's number; 1 unless given.
    from: Option<u64>,
    /// At most so many; 100 unless given, 10,000 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Entries {
    #[schema(value_type = Vec<Object>)]
    entries: Vec<AuditEntry>,
}

/// Entries of the audit log, the oldest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "people", operation_id = "read_audit", params(From),
    responses((status = 200, description = "Entries in the order of their numbers", body = Entries), Reading))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(page): Asked<From>,
) -> Result<Json<Entries>, Problem> {
    asking.need(Permission::Audit)?;
    let limit = page.limit.unwrap_or(100).min(10_000);
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.registry.audit(page.from.unwrap_or(1), limit));
    Ok(Json(Entries { entries: work.await?? }))
}

/// What following the audit log's chain from its beginning found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// Whether every entry follows from the one before.
    pub is_whole: bool,
    /// Entries that do.
    pub entries: u64,
    /// Hash of the last of them: kept elsewhere it shows later that the end was not cut off.
    pub hash: String,
    /// What is wrong, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

impl AuditReport {
    /// Follows the chain.
    ///
    /// # Errors
    /// The store fails.
    pub fn of(
        registry: &truyvet_engine::registry::Registry,
    ) -> Result<Self, truyvet_engine::registry::RegistryError> {
        let (tip, broken) = match registry.verify_audit()? {
            Ok(tip) => (Some(tip), None),
            Err(AuditBreak::Missing(seq)) => (None, Some(format!("entry {seq} is missing"))),
            Err(AuditBreak::Changed(seq)) => {
                (None, Some(format!("entry {seq} or one before it was changed")))
            }
            Err(AuditBreak::Unreadable(seq)) => (None, Some(format!("entry {seq} cannot be read"))),
        };
        let (entries, hash) = tip.map(|tip| (tip.seq, tip.hash)).unwrap_or_default();
        Ok(Self { is_whole: broken.is_none(), entries, hash, broken })
    }
}

/// Follows the audit log's chain from its beginning.
#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "people", operation_id = "verify_audit",
    responses((status = 200, description = "Whether it is whole", body = AuditReport), Verifying))]
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    asking: Asking,
) -> Result<Json<AuditReport>, Problem> {
    // It tells numbers and hashes alone.
    if asking.need(Permission::Audit).is_err() {
        asking.need(Permission::Operate)?;
    }
    let shared = Arc::clone(&app);
    let work = app.verifications.run(move || AuditReport::of(&shared.people.registry));
    Ok(Json(work.await??))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    /// `master`: the key that wraps people's keys; `pass`: the key that signs passes, from an hour later on,
    /// so that checkpoints have it by then.
    which: Which,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    Master,
    Pass,
}

/// What became of making a new key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotated {
    /// People's and accounts' keys that were wrapped anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrapped: Option<u64>,
    /// Number of the new key for passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_key: Option<u16>,
}

/// Makes a new key.
#[utoipa::path(post, path = "/api/v1/keys/rotate", tag = "people", operation_id = "rotate_keys",
    request_body = Rotate,
    responses((status = 200, description = "Made", body = Rotated), Rotating))]
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(Rotate { which }): Body<Rotate>,
) -> Result<Json<Rotated>, Problem> {
    asking.need(Permission::Keys)?;
    let shared = Arc::clone(&app);
    let work = app.verifications.run(move || -> Result<_, Problem> {
        let (people, now) = (&shared.people, TimeMs::now());
        let actor = asking.caller.actor();
        Ok(match which {
            Which::Master => {
                people.registry.note(act(now, actor, "keys.rotate", "master"))?;
                let rewrapped = people.registry.rotate_master(act(now, actor, "keys.rotated", "master"))?;
                Rotated { rewrapped: Some(rewrapped), pass_key: None }
            }
            Which::Pass => {
                people.registry.note(act(now, actor, "keys.rotate", "pass"))?;
                Rotated {
                    rewrapped: None,
                    pass_key: Some(people.issuer.rotate(now, TimeMs::new(now.get() + KEY_KNOWN_BEFORE_MS))?),
                }
            }
        })
    });
    Ok(Json(work.await??))
}

/// Checkpoints fetch the keys more often than this.
const KEY_KNOWN_BEFORE_MS: i64 = 3_600_000;
