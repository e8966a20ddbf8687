//! Backups of the running server, onto its own machine.
//!
//! ```text
//! POST {"dir": ABSOLUTE, "keep": N, "verify": true}
//!      <- one JSON event a line: progress, done or failed
//! ```
//! What fails before there is anything to tell has a status of its own. A client that goes away does not
//! end a backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, channel};
use truyvet_engine::{Backup, BackupError, Backups};
use utoipa::IntoParams;

use super::app::App;
use super::error::Problem;
use super::extract::{Asked, Sent};
use super::problems::problems;
use crate::backup::{self, Event, Wishes};

type Told = Result<Event, BackupError>;

problems!(Making: WRONG_USAGE, NOT_FOUND, CONFLICT, TOO_LARGE, STORAGE_FULL, UNAVAILABLE, FAILED);
problems!(Listing: WRONG_USAGE, NOT_FOUND, CONFLICT, STORAGE_FULL, BUSY, UNAVAILABLE, FAILED);

/// Makes a backup onto the server's own machine.
///
/// It goes on to its end also when the client goes away.
#[utoipa::path(post, path = "/api/v1/backup", operation_id = "make_backup", tag = "backup",
    request_body = Wishes,
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson",
            description = "As it goes on: one `BackupEvent` a line; the last is `done`, or \
                `{\"event\": \"failed\", \"reason\": TEXT}`",
            example = "{\"event\":\"progress\",\"stage\":\"copy\",\"bytes\":4096,\"bytes_total\":8192}\n\
                {\"event\":\"done\",\"backup\":1,\"at\":1629400000000,\"bytes\":8192,\"damaged\":false,\"deleted\":0}\n"),
        Making
    ))]
pub(super) async fn make(State(app): State<Arc<App>>, Sent(body): Sent) -> Result<Response, Problem> {
    let wishes: Wishes = serde_json::from_slice(&body).map_err(|_| {
        Problem::Usage(r#"send the JSON object {"dir": ABSOLUTE PATH, "keep": N, "verify": true}"#.to_owned())
    })?;
    check_absolute(&wishes.dir)?;
    let dir = wishes.dir.clone();
    let (tell, mut told) = channel::<Told>(EVENTS_MAX);
    tokio::task::spawn_blocking(move || {
        // Progress that nobody reads in time is not told.
        let progress = |event| drop(tell.try_send(Ok(event)));
        let done = backup::run(
            &app.engine,
            Some(&app.people.registry.store()),
            Some(&app.config),
            &wishes,
            &progress,
        );
        if let Err(error) = &done {
            tracing::error!(%error, "a backup failed");
        }
        // A client that has gone away hears nothing; the backup is there all the same.
        tell.blocking_send(done.map(Event::Done)).ok();
    });
    let first = told
        .recv()
        .await
        .ok_or_else(|| Problem::Failed("the backup met a bug; the log has the place".to_owned()))?
        .map_err(|error| problem(error, &dir))?;
    let events = Body::from_stream(lines(first, told));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], events).into_response())
}

fn lines(
    first: Event,
    rest: Receiver<Told>,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, std::convert::Infallible>> {
    futures_util::stream::unfold((Some(Ok(first)), rest), async |(first, mut rest)| {
        let told = match first {
            Some(first) => first,
            None => rest.recv().await?,
        };
        let line = match told {
            Ok(event) => serde_json::to_vec(&event).unwrap_or_default(),
            Err(error) => json!({"event": "failed", "reason": error.to_string()}).to_string().into_bytes(),
        };
        Some((Ok([line, b"\n".to_vec()].concat()), (None, rest)))
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Where {
    /// Whole path of the folder on the server's machine.
    #[param(value_type = String, pattern = "^/", example = "/var/backups/truyvet")]
    dir: PathBuf,
}

/// Backups in a folder.
#[utoipa::path(get, path = "/api/v1/backups", operation_id = "list_backups", tag = "backup",
    params(Where),
    responses((status = 200, description = "By number", body = Vec<Backup>), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Asked(Where { dir }): Asked<Where>,
) -> Result<Json<Vec<Backup>>, Problem> {
    check_absolute(&dir)?;
    let listed = app.operations.run(move || {
        Backups::at(&dir).and_then(|backups| backups.list()).map_err(|error| problem(error, &dir))
    });
    Ok(Json(listed.await??))
}

/// A folder that cannot be used is for whoever named it to correct; it is no failure of the server.
fn problem(error: BackupError, dir: &Path) -> Problem {
    match &error {
        BackupError::Io { path, .. } if path.starts_with(dir) => Problem::Conflict(error.to_string()),
        _ => error.into(),
    }
}

fn check_absolute(dir: &Path) -> Result<(), Problem> {
    if dir.is_absolute() {
        return Ok(());
    }
    Err(Problem::Usage("`dir` is a path on the server's machine: write it whole, from / on".to_owned()))
}

/// Events on their way.
const EVENTS_MAX: usize = 16;
