//! What operators ask: health, readiness, status, the catalog, dead letters, sealing, verification.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use truyvet_engine::{AreaRecord, SiteRecord};
use truyvet_engine::{DeadLetter, Status, VerifyReport};
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::error::Problem;
use super::extract::{Asked, Sent};
use super::metrics::gateway_json;
use super::problems::problems;

problems!(Working: BUSY, UNAVAILABLE, FAILED);
problems!(Listing: WRONG_USAGE, BUSY, UNAVAILABLE, FAILED);
problems!(Sealing: BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Dropping: WRONG_USAGE, CONFLICT, TOO_LARGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

/// Whether the server runs.
#[utoipa::path(get, path = "/healthz", operation_id = "check_health", tag = "operation",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain", example = "ok\n")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the server takes scans now.
#[utoipa::path(get, path = "/readyz", operation_id = "check_readiness", tag = "operation",
    responses(
        (status = 200, description = "It does", body = String, content_type = "text/plain", example = "ready\n"),
        (status = 503, description = "It does not, and why", body = String, content_type = "text/plain")
    ))]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.not_ready() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}

/// Numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "read_metrics", tag = "operation",
    responses(
        (status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"),
        Working
    ))]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let shared = Arc::clone(&app);
    let text = app.operations.run(move || shared.metrics.text(&shared)).await??;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// The body of `/api/v1/status`, and of `truyvet status`.
#[derive(Debug, Serialize, ToSchema)]
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
    #[schema(value_type = Option<std::collections::BTreeMap<String, u64>>)]
    pub gateway: Option<Value>,
}

/// What the server holds and does.
#[utoipa::path(get, path = "/api/v1/status", operation_id = "read_status", tag = "operation",
    responses((status = 200, description = "Now", body = StatusReport), Working))]
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

/// All sites.
#[utoipa::path(get, path = "/api/v1/sites", operation_id = "list_sites", tag = "catalog",
    responses((status = 200, description = "By code", body = Vec<SiteRecord>), Working))]
pub(super) async fn sites(State(app): State<Arc<App>>) -> Result<Json<Vec<SiteRecord>>, Problem> {
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.catalog().sites()).await?))
}

/// All areas.
#[utoipa::path(get, path = "/api/v1/areas", operation_id = "list_areas", tag = "catalog",
    responses((status = 200, description = "By code", body = Vec<AreaRecord>), Working))]
pub(super) async fn areas(State(app): State<Arc<App>>) -> Result<Json<Vec<AreaRecord>>, Problem> {
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.catalog().areas()).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Limit {
    /// How many at most; 100 when left out, and never more than 100,000.
    limit: Option<u64>,
}

/// Refused scans, the newest first.
#[utoipa::path(get, path = "/api/v1/dead-letters", operation_id = "list_dead_letters", tag = "operation",
    params(Limit),
    responses((status = 200, description = "The newest first", body = Vec<DeadLetter>), Listing))]
pub(super) async fn dead_letters(
    State(app): State<Arc<App>>,
    Asked(Limit { limit }): Asked<Limit>,
) -> Result<Json<Vec<DeadLetter>>, Problem> {
    let limit = limit.map_or(DEAD_LETTERS_DEFAULT, |limit| limit.min(DEAD_LETTERS_MAX) as usize);
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.dead_letters(limit)).await??))
}

/// What sealing tells.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sealed {
    /// Always true.
    sealed: bool,
}

/// Writes what is in memory, and merges the runs of closed days.
#[utoipa::path(post, path = "/api/v1/seal", operation_id = "seal", tag = "operation",
    responses((status = 200, description = "Done", body = Sealed), Sealing))]
pub(super) async fn seal(State(app): State<Arc<App>>) -> Result<Json<Sealed>, Problem> {
    let shared = Arc::clone(&app);
    app.operations.run(move || shared.engine.seal_behind()).await??;
    Ok(Json(Sealed { sealed: true }))
}

/// Reads everything that is stored, and checks it.
///
/// One at a time; it ends when the asker goes away or the server stops.
#[utoipa::path(post, path = "/api/v1/verify", operation_id = "verify", tag = "operation",
    responses((status = 200, description = "What was found", body = VerifyReport), Sealing))]
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

/// Whole days.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    /// The first instant of the first day, RFC 3339.
    #[schema(format = DateTime, example = "2021-08-05T00:00:00Z")]
    from: String,
    /// The first instant after the last day.
    #[schema(format = DateTime, example = "2021-08-06T00:00:00Z")]
    to: String,
}

/// What dropping tells.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dropped {
    /// Scans that are gone.
    dropped_scans: u64,
}

/// Drops whole days, imported scans too.
#[utoipa::path(post, path = "/api/v1/drop", operation_id = "drop_days", tag = "operation",
    request_body = Days,
    responses((status = 200, description = "Done", body = Dropped), Dropping))]
pub(super) async fn drop_days(
    State(app): State<Arc<App>>,
    Sent(body): Sent,
) -> Result<Json<Dropped>, Problem> {
    let days: Days = serde_json::from_slice(&body)
        .map_err(|_| Problem::Usage(r#"send the JSON object {"from": T, "to": T}"#.to_owned()))?;
    let instant = |text: &str| TimeMs::parse(text).map_err(|e| Problem::Usage(e.to_string()));
    let (from, to) = (instant(&days.from)?, instant(&days.to)?);
    let shared = Arc::clone(&app);
    let dropped_scans = app.operations.run(move || shared.engine.drop_days(from, to)).await??;
    Ok(Json(Dropped { dropped_scans }))
}

/// The codes of a demonstration; nothing where there is none.
#[utoipa::path(get, path = "/api/v1/examples", operation_id = "read_examples", tag = "catalog",
    responses(
        (status = 200, body = Object,
            description = "Codes and times worth asking for, as texts; which they are depends on the demonstration",
            example = json!({"subject": "s-000123", "site": "p-001", "from": "2021-08-05T00:00:00Z",
                "to": "2021-08-19T00:00:00Z"}))
    ))]
pub(super) async fn examples(State(app): State<Arc<App>>) -> Response {
    let path = app.data.join("examples.json");
    let read = tokio::fs::read(path).await.ok().filter(|text| text.len() <= EXAMPLES_BYTES_MAX);
    let text = read.unwrap_or_else(|| b"{}".to_vec());
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Dead letters told when no number is asked.
pub const DEAD_LETTERS_DEFAULT: usize = 100;

/// Dead letters told at most: some 20 MB.
const DEAD_LETTERS_MAX: u64 = 100_000;

const EXAMPLES_BYTES_MAX: usize = 1 << 20;
