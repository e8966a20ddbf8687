//! What operators ask: health, readiness, status, the catalog, dead letters, sealing, verification.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use truyvet_engine::{AreaRecord, SiteRecord};
use truyvet_engine::{DeadLetter, Status, VerifyReport};
use truyvet_schemas::TimeMs;

use super::app::App;
use super::error::Problem;
use super::metrics::gateway_json;

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.not_ready() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let shared = Arc::clone(&app);
    let text = app.operations.run(move || shared.metrics.text(&shared)).await??;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// The body of `/api/v1/status`, and of `truyvet status`.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// The program's version.
    pub version: &'static str,
    /// When the server started, unix milliseconds; absent without a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// What the engine holds and does.
    pub engine: Status,
    /// What the gateway holds and does; absent without a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Value>,
}

pub(super) async fn status(State(app): State<Arc<App>>) -> Result<Json<StatusReport>, Problem> {
    let shared = Arc::clone(&app);
    let engine = app.operations.run(move || shared.engine.status()).await?;
    let gateway = app.gateway.as_ref().map(|gateway| gateway_json(&gateway.metrics()));
    Ok(Json(StatusReport {
        version: env!("CARGO_PKG_VERSION"),
        started_at: Some(app.started_at.get()),
        engine,
        gateway,
    }))
}

pub(super) async fn sites(State(app): State<Arc<App>>) -> Result<Json<Vec<SiteRecord>>, Problem> {
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.catalog().sites()).await?))
}

pub(super) async fn areas(State(app): State<Arc<App>>) -> Result<Json<Vec<AreaRecord>>, Problem> {
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.catalog().areas()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    limit: Option<usize>,
}

pub(super) async fn dead_letters(
    State(app): State<Arc<App>>,
    query: Result<Query<Limit>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<DeadLetter>>, Problem> {
    let Query(Limit { limit }) =
        query.map_err(|_| Problem::Usage("the only parameter is `limit`, a whole number".to_owned()))?;
    let limit = limit.unwrap_or(DEAD_LETTERS_DEFAULT).min(DEAD_LETTERS_MAX);
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.dead_letters(limit)).await??))
}

pub(super) async fn seal(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let shared = Arc::clone(&app);
    app.operations.run(move || shared.engine.seal_behind()).await??;
    Ok(Json(json!({"sealed": true})))
}

/// One at a time; it ends when the asker goes away or the server stops.
pub(super) async fn verify(State(app): State<Arc<App>>) -> Result<Json<VerifyReport>, Problem> {
    let shared = Arc::clone(&app);
    let asker = Asker::default();
    let is_gone = Arc::clone(&asker.is_gone);
    let verified = app.verifications.run(move || {
        shared.engine.verify(&mut |_| match is_gone.load(Ordering::Relaxed) || shared.is_stopping() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    });
    Ok(Json(verified.await??))
}

/// Says when the request is over, however it ends.
#[derive(Default)]
struct Asker {
    is_gone: Arc<AtomicBool>,
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

/// Whole days, given by their dates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    from: String,
    to: String,
}

pub(super) async fn drop_days(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, Problem> {
    let days: Days = serde_json::from_slice(&body)
        .map_err(|_| Problem::Usage(r#"send the JSON object {"from": T, "to": T}"#.to_owned()))?;
    let instant = |text: &str| TimeMs::parse(text).map_err(|e| Problem::Usage(e.to_string()));
    let (from, to) = (instant(&days.from)?, instant(&days.to)?);
    let shared = Arc::clone(&app);
    let scans = app.operations.run(move || shared.engine.drop_days(from, to)).await??;
    Ok(Json(json!({"dropped_scans": scans})))
}

/// The codes of a demonstration, if there is one.
pub(super) async fn examples(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let path = app.data.join("examples.json");
    let read = tokio::fs::read(path).await.ok().filter(|text| text.len() <= EXAMPLES_BYTES_MAX);
    let text = read.ok_or_else(|| Problem::NotFound("there are no examples here".to_owned()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Dead letters told when no number is asked.
pub const DEAD_LETTERS_DEFAULT: usize = 100;

/// Dead letters told at most: some 20 MB.
const DEAD_LETTERS_MAX: usize = 100_000;

const EXAMPLES_BYTES_MAX: usize = 1 << 20;
