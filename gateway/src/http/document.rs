//! The OpenAPI document. Handlers describe themselves, and the router collects what they say; here stands
//! what is said once for all of them.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, RefOr};

use super::error::ProblemDocument;
use super::problems::{self, Kind};
use crate::backup::Event as BackupEvent;
use crate::import::Event as ImportEvent;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Truyvet",
        description = "Declarations, passes, checkpoints and trace questions.\n\nTimes are integers, unix \
            milliseconds, and intervals half-open: `from <= at < to`. Codes are compared byte by byte. \
            Further members may be added to any answer; none is renamed. Whatever goes wrong is told as a \
            problem document (RFC 9457), whose `type` leads to what it means.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemDocument, BackupEvent, ImportEvent)),
    tags(
        (name = "declarations", description = "Declarations, passes, areas"),
        (name = "paper", description = "What citizens declared on paper, one by one or as a table"),
        (name = "arrivals", description = "Who arrives at the border, one by one or as lists of passengers"),
        (name = "checkpoint", description = "Checking passes and confirming passages"),
        (name = "wards", description = "Who leaves an area and who comes to it"),
        (name = "quarantine", description = "Quarantine orders: who is to stay where, diaries, breaches"),
        (name = "vehicles", description = "Vehicles on the green lane: trips, depots, who is aboard"),
        (name = "venues", description = "Venues: how many are inside, posters, visitors who scan them"),
        (name = "people", description = "Sessions, accounts, who a person is, the audit log"),
        (name = "situation", description = "Epidemic levels of areas"),
        (name = "trace", description = "Who passed, where one was, whom they met, and so on"),
        (name = "catalog", description = "Areas and sites"),
        (name = "devices", description = "Enrolled devices"),
        (name = "import", description = "Files into the engine"),
        (name = "backup", description = "Copies of the whole server"),
        (name = "operation", description = "How the server is, and its upkeep"),
        (name = "problems", description = "What problems mean")
    )
)]
struct Common;

/// The document before any route is in it.
pub(super) fn common() -> OpenApi {
    let mut document = Common::openapi();
    let session = ApiKeyValue::with_description(
        SESSION_COOKIE,
        "Set by signing in with an account, or with a one-time code; ends with the session. A request from \
         the server's own machine needs none for what operators do.",
    );
    let scheme = SecurityScheme::ApiKey(ApiKey::Cookie(session));
    document.components.get_or_insert_with(Components::new).add_security_scheme("session", scheme);
    document
}

/// Adds what the guard in front of all handlers answers.
pub(super) fn add_guard(document: &mut OpenApi) {
    add(document, is_any, &[&problems::FOREIGN_HOST]);
    add(document, is_write, &[&problems::FOREIGN_PAGE]);
}

/// Adds what those are told who may not.
pub(super) fn add_permission(document: &mut OpenApi) {
    add(document, is_any, &[&problems::SIGN_IN_NEEDED, &problems::NOT_ALLOWED]);
}

/// Adds what a limit on bodies answers.
pub(super) fn add_body_limit(document: &mut OpenApi) {
    add(document, is_write, &[&problems::TOO_LARGE]);
}

/// Adds what a limit on the time of requests answers.
pub(super) fn add_time_limit(document: &mut OpenApi) {
    add(document, is_any, &[&problems::TIMEOUT]);
}

/// The document itself.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "read_openapi_document", tag = "operation",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)))]
pub(super) async fn read() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        super::openapi().to_json().expect("texts, numbers and maps by text are always JSON")
    });
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

fn add(document: &mut OpenApi, concerns: fn(Method) -> bool, kinds: &[&Kind]) {
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            if concerns(method) {
                add_to(operation, kinds);
            }
        }
    }
}

/// Adds answers to an operation; those of a status that it has already are told along with it.
fn add_to(operation: &mut Operation, kinds: &[&Kind]) {
    for (status, added) in problems::responses(kinds) {
        match (operation.responses.responses.get_mut(&status), added) {
            (Some(RefOr::T(told)), RefOr::T(added)) => {
                told.description = format!("{}; {}", told.description, added.description);
            }
            (Some(_), _) => {}
            (None, added) => {
                operation.responses.responses.insert(status, added);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Read,
    Write,
}

fn is_any(_: Method) -> bool {
    true
}

fn is_write(method: Method) -> bool {
    method == Method::Write
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let reads = [&mut item.get].into_iter().flatten().map(|operation| (Method::Read, operation));
    let writes = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    reads.chain(writes.into_iter().flatten().map(|operation| (Method::Write, operation)))
}

/// The name of the cookie that a session is known by.
const SESSION_COOKIE: &str = super::caller::COOKIE;
