//! Backups of the running server, onto its own machine.
//!
//! ```text
//! POST {"dir": ABSOLUTE, "keep": N, "verify": true}
//!      <- one JSON event a line: progress, done or failed
//! ```
//! What fails before there is anything to tell has a status of its own. A client that goes away does not
//! end a backup.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, channel};
use truyvet_engine::{Backup, BackupError, Backups};

use super::app::App;
use super::error::Problem;
use crate::backup::{self, Event, Wishes};

type Told = Result<Event, BackupError>;

pub(super) async fn make(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Problem> {
    let wishes: Wishes = serde_json::from_slice(&body).map_err(|_| {
        Problem::Usage(r#"send the JSON object {"dir": ABSOLUTE PATH, "keep": N, "verify": true}"#.to_owned())
    })?;
    check_absolute(&wishes.dir)?;
    let (tell, mut told) = channel::<Told>(EVENTS_MAX);
    tokio::task::spawn_blocking(move || {
        // Progress that nobody reads in time is not told.
        let progress = |event| drop(tell.try_send(Ok(event)));
        let done = backup::run(&app.engine, Some(&app.config), &wishes, &progress);
        if let Err(error) = &done {
            tracing::error!(%error, "a backup failed");
        }
        // A client that has gone away hears nothing; the backup is there all the same.
        tell.blocking_send(done.map(Event::Done)).ok();
    });
    let first = told
        .recv()
        .await
        .ok_or_else(|| Problem::Failed("the backup met a bug; the log has the place".to_owned()))??;
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Where {
    dir: PathBuf,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<Where>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<Backup>>, Problem> {
    let Query(Where { dir }) =
        query.map_err(|_| Problem::Usage("the only parameter is `dir`, where the backups are".to_owned()))?;
    check_absolute(&dir)?;
    Ok(Json(app.operations.run(move || Backups::at(&dir)?.list()).await??))
}

fn check_absolute(dir: &std::path::Path) -> Result<(), Problem> {
    if dir.is_absolute() {
        return Ok(());
    }
    Err(Problem::Usage("`dir` is a path on the server's machine: write it whole, from / on".to_owned()))
}

/// Events on their way.
const EVENTS_MAX: usize = 16;
