//! Questions and operation over HTTP.
//!
//! ```text
//! listener -> guard (whose request, how long) -> handler -> turns, pool -> engine
//! ```
//! `routes` has every address. The handlers by what they are for:
//!
//! ```text
//! citizens, officials   accounts, areas, declarations, passes, checkpoint, scans, people,
//!                       notices, hooks, orders, paper, arrivals, vehicles, situation, audit
//! epidemiologists       trace
//! operators             operate, devices, import, backup
//! everybody             pages
//! ```
//! What goes wrong becomes a problem in `error`, whose kind `problems` knows, and nowhere else. Each handler
//! says what it takes and answers, and the router makes the OpenAPI `document` of that.

mod accounts;
mod app;
mod areas;
mod arrival_lists;
mod arrivals;
#[cfg(test)]
mod arrivals_tests;
mod audit;
mod backup;
mod busiest;
mod caller;
mod checkpoint;
mod counts;
mod declarations;
mod devices;
mod document;
#[cfg(test)]
mod document_tests;
mod error;
mod extract;
mod guard;
mod hooks;
#[cfg(test)]
mod hooks_tests;
mod import;
mod listener;
mod metrics;
mod notices;
#[cfg(test)]
mod notices_tests;
mod operate;
mod orders;
#[cfg(test)]
mod orders_tests;
mod pages;
mod paper;
mod paper_file;
mod paper_preview;
#[cfg(test)]
mod paper_tests;
mod paper_uploads;
mod passes;
mod people;
#[cfg(test)]
mod people_tests;
mod pool;
mod problems;
#[cfg(test)]
mod question_tests;
#[cfg(test)]
mod reach_tests;
mod routes;
mod scans;
mod situation;
#[cfg(test)]
mod situation_tests;
mod stream;
#[cfg(test)]
mod tests;
mod trace;
mod trace_words;
#[cfg(test)]
mod transport_tests;
mod turns;
mod vehicles;
#[cfg(test)]
mod vehicles_tests;
mod venues;
#[cfg(test)]
mod venues_tests;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use app::{App, OPERATORS_TOKEN};
pub use audit::{AuditReport, Rotated};
pub use error::{Problem, ProblemDocument};
pub(crate) use import::TMP;
pub use operate::{DEAD_LETTERS_DEFAULT, StatusReport};
pub use routes::openapi;

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
    axum::serve(listener, routes::router(app)).with_graceful_shutdown(stop).await
}
