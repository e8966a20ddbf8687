//! Pages and what they load, all from this binary; no request goes elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use truyvet_pages::{Asset, Html, Language, POLICY, Page, policy_connecting_to};

use super::app::App;
use super::checkpoint;
use super::error::Problem;
use super::extract::Named;

/// A page at its address, in the language asked or preferred.
macro_rules! pages {
    ($($path:literal => $page:ident),* $(,)?) => {
        /// Every page, at its address.
        pub(super) fn routes() -> Router<Arc<App>> {
            Router::new()
                $(.route($path, get(async |State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap| {
                    let policy = policy(Page::$page, &app, &headers);
                    respond(Page::$page, policy, query.as_deref(), &headers)
                })))*
                .route("/assets/{file}", get(asset))
                .route("/service-worker.js", get(service_worker))
        }
    };
}

pages! {
    "/" => Home,
    "/declare" => Declare,
    "/passes" => Passes,
    "/pass/{pass}" => Pass,
    "/vehicle" => Vehicle,
    "/quarantine/own" => OwnQuarantine,
    "/situation" => Situation,
    "/venue" => Venue,
    "/sign-in" => SignIn,
    "/checkpoint" => Checkpoint,
    "/depot" => Depot,
    "/desk" => Desk,
    "/paper" => Paper,
    "/arrivals" => Arrivals,
    "/ward" => Ward,
    "/quarantine" => Quarantine,
    "/occupancy" => Occupancy,
    "/accounts" => Accounts,
    "/hooks" => Hooks,
    "/trace" => Trace,
    "/api/docs" => Docs,
}

/// What the page may load and ask: of this server alone, and the checkpoint of its gateway for browsers.
fn policy(page: Page, app: &App, headers: &HeaderMap) -> HeaderValue {
    let origin = (page == Page::Checkpoint).then(|| checkpoint::web_origin(app, headers)).flatten();
    let policy = origin.and_then(|(origin, _)| policy_connecting_to(&origin).try_into().ok());
    policy.unwrap_or(HeaderValue::from_static(POLICY))
}

fn respond(page: Page, policy: HeaderValue, query: Option<&str>, headers: &HeaderMap) -> Response {
    let accepts = text(headers, header::ACCEPT_LANGUAGE);
    let language = Language::choose(query.unwrap_or_default(), accepts);
    let Html { text, gzip } = truyvet_pages::page(page, language);
    let kept = "no-cache";
    let mut response = compressed(headers, text.as_bytes(), Some(gzip), "text/html; charset=utf-8", kept);
    let set = response.headers_mut();
    set.insert(header::CONTENT_SECURITY_POLICY, policy);
    set.append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

async fn asset(headers: HeaderMap, Named(file): Named<String>) -> Result<Response, Problem> {
    let asset = truyvet_pages::asset(&file);
    let asset =
        asset.ok_or_else(|| Problem::NotFound("there is no such file; load the page anew".to_owned()))?;
    Ok(respond_asset(&headers, asset, "public, max-age=31536000, immutable"))
}

async fn service_worker(headers: HeaderMap) -> Response {
    respond_asset(&headers, truyvet_pages::service_worker(), "no-cache")
}

fn respond_asset(headers: &HeaderMap, asset: &'static Asset, kept: &'static str) -> Response {
    compressed(headers, asset.bytes, asset.gzip, asset.content_type, kept)
}

fn compressed(
    headers: &HeaderMap,
    bytes: &'static [u8],
    gzip: Option<&'static [u8]>,
    content_type: &'static str,
    kept: &'static str,
) -> Response {
    let takes_gzip =
        text(headers, header::ACCEPT_ENCODING).split(',').any(|coding| coding.trim().starts_with("gzip"));
    let set = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, kept),
        (header::VARY, "accept-encoding"),
    ];
    match gzip.filter(|_| takes_gzip) {
        Some(gzip) => (set, [(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
        None => (set, bytes).into_response(),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
