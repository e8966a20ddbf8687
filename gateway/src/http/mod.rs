//! Questions and operation over HTTP.
//!
//! ```text
//! listener -> guard (whose request, how long) -> handler -> turns, pool -> engine
//! ```
//! The handlers by what they are for: `trace`, `devices`, `import`, `backup`,
//! `operate`, `page`. What goes wrong
//! becomes a status code in `error` and nowhere else.

mod app;
mod backup;
mod busiest;
mod devices;
mod error;
mod guard;
mod import;
mod listener;
mod metrics;
mod operate;
mod page;
mod pool;
#[cfg(test)]
mod question_tests;
mod stream;
#[cfg(test)]
mod tests;
mod trace;
mod turns;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::net::TcpListener;

pub use app::App;
pub use error::Problem;
pub(crate) use import::TMP;
pub use operate::{DEAD_LETTERS_DEFAULT, StatusReport};

/// Answers requests until `stop` is done and those under way are answered.
///
/// # Errors
/// The socket fails.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = listener::Bounded::new(listener, app.config.http.connections_max);
    axum::serve(listener, router(app)).with_graceful_shutdown(stop).await
}

fn router(app: Arc<App>) -> Router {
    let timed = Router::new()
        .route("/", get(page::page))
        .route("/assets/{file}", get(page::asset))
        .route("/healthz", get(operate::healthz))
        .route("/readyz", get(operate::readyz))
        .route("/metrics", get(operate::metrics))
        .route("/api/v1/status", get(operate::status))
        .route("/api/v1/busiest", get(busiest::busiest))
        .route("/api/v1/examples", get(operate::examples))
        .route("/api/v1/sites", get(operate::sites))
        .route("/api/v1/areas", get(operate::areas))
        .route("/api/v1/devices", get(devices::list).post(devices::add))
        .route("/api/v1/devices/batch", post(devices::add_batch))
        .route("/api/v1/devices/{device}/move", post(devices::move_to))
        .route("/api/v1/devices/{device}/revoke", post(devices::revoke))
        .route("/api/v1/backups", get(backup::list))
        .route("/api/v1/dead-letters", get(operate::dead_letters))
        .layer(from_fn_with_state(Arc::clone(&app), guard::time_out));
    // Questions have a time of their own.
    let asked = Router::new().route("/api/v1/trace/{question}", get(trace::get).post(trace::post));
    // What takes as long as it takes.
    let untimed = Router::new()
        .route("/api/v1/backup", post(backup::make))
        .route("/api/v1/seal", post(operate::seal))
        .route("/api/v1/drop", post(operate::drop_days));
    // Bounds its own input, which is on disk.
    let import =
        Router::new().route("/api/v1/import/{what}", post(import::import)).layer(DefaultBodyLimit::disable());
    timed
        .merge(asked)
        .merge(untimed)
        .layer(DefaultBodyLimit::max(app.config.http.body_bytes_max))
        .merge(import)
        .fallback(async || Problem::NotFound("there is nothing at this address".to_owned()))
        .layer(from_fn_with_state(Arc::clone(&app), guard::check))
        .layer(from_fn(guard::log))
        .with_state(app)
}
