//! Whose requests are looked at at all: this machine's, unless `allow_remote` is set, and none that a page
//! of another site makes through a browser. Who asks, and whether they may, is `caller`'s.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::error::Problem;

/// Lets a request through, or says why not.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let allow_remote = app.config.http.allow_remote;
    if let Err(problem) = check_headers(request.method(), request.headers(), allow_remote) {
        return problem.into_response();
    }
    let is_page = !request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if !is_page && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Ends a request that takes too long. Work that has begun goes on to its end on its own thread.
pub(super) async fn time_out(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let limit = Duration::from_millis(app.config.http.request_timeout_ms);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let why = "no answer within `request_timeout_ms`; ask for less, or again later";
            Problem::Timeout(why.to_owned()).into_response()
        }
    }
}

/// One line a request, without what it asks: codes of subjects do not belong in logs.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // As it is in the list of routes: what varies in a path may be a subject's code.
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), started.elapsed());
    tracing::debug!(%method, path, status, ?took, "request");
    response
}

fn check_headers(method: &Method, headers: &HeaderMap, allow_remote: bool) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // Something in front of it brings strangers, who would all be this machine's.
    let is_brought = PROXYS.iter().any(|name| headers.contains_key(*name));
    if is_brought && !allow_remote {
        return Err(Problem::ForeignHost);
    }
    let host =
        text(header::HOST).filter(|host| allow_remote || is_loopback(host)).ok_or(Problem::ForeignHost)?;
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    // A browser names the page that a write comes from; other programs name none.
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    // From elsewhere the server is reached through something that speaks TLS.
    let scheme = if allow_remote { "https://" } else { "http://" };
    if origin.is_none_or(|origin| origin.strip_prefix(scheme) == Some(host)) {
        Ok(())
    } else {
        Err(Problem::Forbidden("a page of another site may not change anything here".to_owned()))
    }
}

/// What proxies add.
const PROXYS: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// A name of this machine alone. A foreign name that resolves to a loopback address is how a page of
/// another site would get in (DNS rebinding).
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "example.org", "localhost.example.org:80", "127.0.0.1.example.org", "0.0.0.0", "10.0.0.1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn writes_from_pages_of_other_sites_are_refused() {
        let host = (header::HOST, "localhost:8080");
        let from = |origin| headers(&[host.clone(), (header::ORIGIN, origin)]);
        assert!(check_headers(&Method::POST, &headers(std::slice::from_ref(&host)), false).is_ok());
        assert!(check_headers(&Method::POST, &from("http://localhost:8080"), false).is_ok());
        assert!(check_headers(&Method::GET, &from("http://example.org"), false).is_ok());
        for origin in ["http://example.org", "null", "http://localhost:9", "https://localhost:8080"] {
            assert!(check_headers(&Method::POST, &from(origin), false).is_err(), "{origin}");
        }
        assert!(check_headers(&Method::GET, &headers(&[]), false).is_err());
        let brought = [host.clone(), (header::VIA, "1.1 proxy")];
        assert!(
            check_headers(&Method::GET, &headers(&brought), false).is_err(),
            "a stranger through a proxy"
        );
        assert!(check_headers(&Method::GET, &headers(&brought), true).is_ok());
        let own = [(header::HOST, "truyvet.example"), (header::ORIGIN, "https://truyvet.example")];
        assert!(check_headers(&Method::POST, &headers(&own), true).is_ok());
        assert!(check_headers(&Method::POST, &from("https://example.org"), true).is_err());
    }
}
