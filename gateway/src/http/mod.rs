//! Questions and operation over HTTP.
//!
//! ```text
//! listener -> guard (whose request, how long) -> handler -> turns, pool -> engine
//! ```
//! The handlers by what they are for: `trace`, `devices`, `import`, `backup`, `operate`, `page`. What goes
//! wrong becomes a problem in `error`, whose kind `problems` knows, and nowhere else. Each handler says what
//! it takes and answers, and the router makes the OpenAPI `document` of that.

mod app;
mod backup;
mod busiest;
mod devices;
mod document;
mod error;
mod extract;
mod guard;
mod import;
mod listener;
mod metrics;
mod operate;
mod page;
mod pool;
mod problems;
#[cfg(test)]
mod question_tests;
mod stream;
#[cfg(test)]
mod tests;
mod trace;
mod trace_words;
mod turns;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::net::TcpListener;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use app::App;
pub use error::{Problem, ProblemDocument};
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

/// What the server answers to, as OpenAPI 3.1.
pub fn document() -> OpenApi {
    let all = timed().merge(asked()).merge(untimed()).merge(import());
    let mut document = all.into_openapi();
    document::add_guard(&mut document);
    document
}

fn router(app: Arc<App>) -> Router {
    let bounded = timed()
        .layer(from_fn_with_state(Arc::clone(&app), guard::time_out))
        .merge(asked())
        .merge(untimed())
        .layer(DefaultBodyLimit::max(app.config.http.body_bytes_max));
    // Bounds its own input, which is on disk.
    let unbounded = import().layer(DefaultBodyLimit::disable());
    Router::from(bounded.merge(unbounded))
        .fallback(async || Problem::NotFound("there is nothing at this address".to_owned()))
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::check))
        .layer(from_fn(guard::log))
        .with_state(app)
}

type Routes = OpenApiRouter<Arc<App>>;

fn timed() -> Routes {
    let mut routes = OpenApiRouter::with_openapi(document::common())
        .routes(routes!(page::page))
        .routes(routes!(page::asset))
        .routes(routes!(operate::healthz))
        .routes(routes!(operate::readyz))
        .routes(routes!(operate::metrics))
        .routes(routes!(operate::status))
        .routes(routes!(busiest::busiest))
        .routes(routes!(operate::examples))
        .routes(routes!(operate::sites))
        .routes(routes!(operate::areas))
        .routes(routes!(devices::list, devices::add))
        .routes(routes!(devices::add_batch))
        .routes(routes!(devices::move_to))
        .routes(routes!(devices::revoke))
        .routes(routes!(backup::list))
        .routes(routes!(operate::dead_letters))
        .routes(routes!(document::read))
        .routes(routes!(problems::list))
        .routes(routes!(problems::explain));
    document::add_time_limit(routes.get_openapi_mut());
    routes
}

/// Questions have a time of their own.
fn asked() -> Routes {
    OpenApiRouter::default()
        .routes(routes!(trace::passed, trace::passed_by_body))
        .routes(routes!(trace::trail, trace::trail_by_body))
        .routes(routes!(trace::contacts, trace::contacts_by_body))
        .routes(routes!(trace::chain, trace::chain_by_body))
        .routes(routes!(trace::common, trace::common_by_body))
        .routes(routes!(trace::set, trace::set_by_body))
}

/// What takes as long as it takes.
fn untimed() -> Routes {
    OpenApiRouter::default()
        .routes(routes!(backup::make))
        .routes(routes!(operate::seal))
        .routes(routes!(operate::verify))
        .routes(routes!(operate::drop_days))
}

fn import() -> Routes {
    OpenApiRouter::default().routes(routes!(import::import))
}
