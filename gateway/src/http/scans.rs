//! Scans from browsers at checkpoints: the frames of the protocol, over HTTP. What has come over WebTransport
//! is in `ingest/web.rs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use truyvet_schemas::DeviceId;
use truyvet_schemas::wire::{Reason, Refusal};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Sent};
use super::problems::problems;
use crate::ingest::NotTaken;
use crate::people::Permission;

problems!(Sending: WRONG_USAGE, NOT_FOUND, SEQ_GAP, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The device's number.
    device: u32,
}

/// What became of a batch.
#[derive(Serialize, ToSchema)]
pub(super) struct Delivered {
    /// Every scan of the device up to and including this one is durable: it may be deleted.
    durable_seq: String,
    /// Scans that are kept aside; they count as delivered.
    refused: Vec<Refused>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Refused {
    seq: String,
    /// As PROTOCOL.md names it.
    #[schema(example = "TimeInFuture")]
    reason: String,
}

/// Takes one signed batch of a checkpoint's browser. Sent again it is kept once.
#[utoipa::path(post, path = "/api/v1/scans", tag = "checkpoint", operation_id = "send_scans", params(From),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "One frame of PROTOCOL.md with a SignedBatch, without the length before it"),
    responses((status = 200, description = "All of it is durable", body = Delivered), Sending))]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(From { device }): Asked<From>,
    Sent(payload): Sent,
) -> Result<Json<Delivered>, Problem> {
    // Any officer's session will do: what is sent was signed by the device where it was taken, perhaps by
    // another officer, and nothing is read.
    asking.official(Permission::Check)?;
    let device = DeviceId::new(device);
    if app.engine.catalog().device(device).is_none() {
        return Err(Problem::NotFound("there is no such device; enrol this browser again".to_owned()));
    }
    let delivered = app.posted.take(device, &payload).await.map_err(problem)?;
    let refused =
        |(seq, reason): (u64, Reason)| Refused { seq: seq.to_string(), reason: format!("{reason:?}") };
    Ok(Json(Delivered {
        durable_seq: delivered.durable_seq.to_string(),
        refused: delivered.refused.into_iter().map(refused).collect(),
    }))
}

fn problem(not_taken: NotTaken) -> Problem {
    match not_taken {
        NotTaken::Refused(Refusal { reason: Reason::SeqGap, expected_seq, .. }) => {
            Problem::SeqGap { expected_seq }
        }
        NotTaken::Refused(Refusal { reason: Reason::RevokedDevice, .. }) => {
            Problem::NotFound("this device was revoked; enrol the browser again".to_owned())
        }
        NotTaken::Refused(refusal) => {
            Problem::Usage(format!("{:?}: {}; correct the batch", refusal.reason, refusal.detail))
        }
        NotTaken::StorageFull => {
            Problem::StorageFull("there is no space for scans; keep them, and send them later".to_owned())
        }
        NotTaken::Failed => {
            Problem::Unavailable("the scans could not be stored now; send them again".to_owned())
        }
        NotTaken::Stopped => Problem::Unavailable("the server is stopping; send the scans again".to_owned()),
    }
}
