//! The kinds of problems: the only place with status codes of errors. Each kind has a name that programs
//! rely on, and at `/problems/NAME` a document that says what it means and what to do.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{Content, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::openapi::{ObjectBuilder, schema::Type};

use super::error::{Problem, ProblemDocument};
use super::extract::Named;

/// What all problems of a kind have in common.
#[derive(Debug)]
pub(super) struct Kind {
    /// Stands in `type`; never changes.
    pub(super) name: &'static str,
    pub(super) status: StatusCode,
    /// The kind in words.
    pub(super) title: &'static str,
    /// What to do.
    advice: &'static str,
}

impl Kind {
    /// Where its meaning is told.
    pub(super) fn path(&self) -> String {
        format!("/problems/{}", self.name)
    }
}

macro_rules! kinds {
    ($($id:ident = $name:literal, $status:ident, $title:literal, $advice:literal;)*) => {
        $(pub(super) static $id: Kind =
            Kind { name: $name, status: StatusCode::$status, title: $title, advice: $advice };)*

        /// All kinds, in the order of their status codes.
        static ALL: &[&Kind] = &[$(&$id),*];
    };
}

kinds! {
    WRONG_USAGE = "wrong-usage", BAD_REQUEST, "The request is not as it must be",
        "Correct it as `detail` says. The same request will never be answered.";
    SIGN_IN_NEEDED = "sign-in-needed", UNAUTHORIZED, "Nobody is signed in",
        "Sign in with an account or with a one-time code, and send the request again with the cookie.";
    WRONG_CREDENTIALS = "wrong-credentials", UNAUTHORIZED, "Account or password is wrong",
        "Type both again. Whether the account exists is not told. After several attempts there is a pause.";
    WRONG_CODE = "wrong-code", UNAUTHORIZED, "The one-time code is wrong",
        "Type the newest code that was sent to this phone for this document.";
    FOREIGN_PAGE = "foreign-page", FORBIDDEN, "A page of another site may not change anything here",
        "Send the request from a page of this server, or from a program that sends no header `origin`.";
    NOT_ALLOWED = "not-allowed", FORBIDDEN, "This session may not do that",
        "Sign in as somebody who may: permission depends on the role, and on the area or site.";
    NOT_FOUND = "not-found", NOT_FOUND, "There is nothing here",
        "Check the address and the codes in it. What others own is told as not found, too.";
    UNKNOWN_POSTER = "unknown-poster", NOT_FOUND, "The poster is none of this server",
        "Scan it again; if it stays so, it is another system's, forged or of a site that is no venue any more. Show \
         the pass to the staff.";
    UNKNOWN_PASS = "unknown-pass", NOT_FOUND, "The pass is none of this server",
        "Send the token of a pass that this server has issued to a person.";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "The address takes no such request",
        "Use one of the methods in the header `allow`.";
    CONFLICT = "conflict", CONFLICT, "The state of the thing does not allow it",
        "Read the thing again; `detail` says what stands in the way.";
    AREA_MERGED = "area-merged", CONFLICT, "The area is no more",
        "Do the same for the area that `successor` names, which took it in; where there is none, choose an \
         area of today.";
    REGISTER_DISAGREES = "register-disagrees", CONFLICT, "The population register has something else",
        "Correct the fields that `errors` names. Whoever is sure of them sends the same again with \
         `accept_unverified: true`, and an officer will compare them with the document.";
    TWO_PEOPLE = "two-people", CONFLICT, "The documents are known as those of two people",
        "Send the documents of one person. If they are, a desk must put the records right.";
    PASS_REVOKED = "pass-revoked", CONFLICT, "The pass was taken back",
        "Nobody goes in with it, and whoever is inside may scan out. Ask the health authority.";
    NOT_VERIFIED = "not-verified", CONFLICT, "The declaration has not been compared with the document yet",
        "Show the pass and the document to the staff of the venue, who scan it.";
    TOO_OLD = "too-old", CONFLICT, "The scan was some time ago",
        "Scan again, as things are now. Whoever is inside is counted from then on.";
    SEQ_GAP = "seq-gap", CONFLICT, "Scans are missing before these",
        "Send the scans from `expected_seq` on. What was acknowledged is kept.";
    CODE_EXPIRED = "code-expired", GONE, "The one-time code is no longer valid",
        "Ask for a new code.";
    PASS_EXPIRED = "pass-expired", GONE, "The pass is not valid now",
        "Nobody goes in with it, and whoever is inside may scan out. Declare again, and use the new pass.";
    TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "The request or its answer is too large",
        "Send or ask for less at once, or raise the limit that `detail` names.";
    FOREIGN_HOST = "foreign-host", MISDIRECTED_REQUEST, "The server does not answer to this name",
        "Use http://localhost or http://127.0.0.1, or let the operator set `allow_remote`.";
    INVALID = "invalid", UNPROCESSABLE_ENTITY, "Some fields are not valid",
        "Correct the fields that `errors` names: each has a path and a code that says what is wrong.";
    TOO_MANY_ATTEMPTS = "too-many-attempts", TOO_MANY_REQUESTS, "There were too many attempts",
        "Wait as many seconds as the header `retry-after` says.";
    FAILED = "failed", INTERNAL_SERVER_ERROR, "The server failed",
        "The operator finds the reason in the server's log. The request may be sent again.";
    BUSY = "busy", SERVICE_UNAVAILABLE, "The server has much to do",
        "Send the request again after as many seconds as the header `retry-after` says.";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The server is starting, stopping or overloaded",
        "Send the request again after as many seconds as the header `retry-after` says.";
    TIMEOUT = "timeout", GATEWAY_TIMEOUT, "There was no answer in time",
        "Ask for less, allow more time with `timeout`, or ask again later.";
    STORAGE_FULL = "storage-full", INSUFFICIENT_STORAGE, "The server's disk is full",
        "The operator must free some space; then send the request again.";
}

/// What a kind of problem means.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Meaning {
    /// As in the `type` of a problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/wrong-usage")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The status code of its answers.
    status: u16,
    /// What to do.
    advice: &'static str,
}

impl From<&Kind> for Meaning {
    fn from(kind: &Kind) -> Self {
        Self { kind: kind.path(), title: kind.title, status: kind.status.as_u16(), advice: kind.advice }
    }
}

/// All kinds of problems
#[utoipa::path(get, path = "/problems", operation_id = "list_problems", tag = "problems",
    responses((status = 200, description = "What each kind means", body = Vec<Meaning>)))]
pub(super) async fn list() -> Json<Vec<Meaning>> {
    Json(ALL.iter().copied().map(Meaning::from).collect())
}

/// What a kind of problem means, and what to do
#[utoipa::path(get, path = "/problems/{name}", operation_id = "explain_problem", tag = "problems",
    params(("name" = String, Path, description = "The kind's name", example = "wrong-usage")),
    responses((status = 200, description = "What it means", body = Meaning), Unknown))]
pub(super) async fn explain(Named(name): Named<String>) -> Result<Json<Meaning>, Problem> {
    let kind = ALL.iter().find(|kind| kind.name == name);
    let kind = kind.ok_or_else(|| Problem::NotFound("there is no such kind of problem".to_owned()))?;
    Ok(Json(Meaning::from(*kind)))
}

/// Names a set of problems, so that handlers can tell in their documentation that they answer with them.
macro_rules! problems {
    ($set:ident: $($kind:ident),+) => {
        enum $set {}

        impl utoipa::IntoResponses for $set {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::http::problems::responses(&[$(&$crate::http::problems::$kind),+])
            }
        }
    };
}
pub(super) use problems;

problems!(Unknown: WRONG_USAGE, NOT_FOUND);

/// The answers that tell of these kinds of problems, by status code.
pub(super) fn responses(kinds: &[&Kind]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<&Kind>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status.as_str().to_owned()).or_default().push(kind);
    }
    by_status.into_iter().map(|(status, kinds)| (status, response(&kinds).into())).collect()
}

fn response(kinds: &[&Kind]) -> Response {
    let told: Vec<_> = kinds.iter().map(|kind| format!("`{}`: {}", kind.name, kind.title)).collect();
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let mut response = ResponseBuilder::new()
        .description(told.join("; "))
        .content(CONTENT_TYPE, Content::new(Some(RefOr::Ref(schema))));
    for (status, name, header) in headers() {
        if kinds.iter().any(|kind| kind.status == status) {
            response = response.header(name, header);
        }
    }
    response.build()
}

/// What stands in the headers of problems with these status codes.
fn headers() -> [(StatusCode, &'static str, Header); 3] {
    let header = |kind, says| {
        let schema = ObjectBuilder::new().schema_type(kind);
        HeaderBuilder::new().schema(Some(schema)).description(Some(says)).build()
    };
    let seconds = || header(Type::Integer, "Seconds to wait");
    [
        (StatusCode::SERVICE_UNAVAILABLE, "retry-after", seconds()),
        (StatusCode::TOO_MANY_REQUESTS, "retry-after", seconds()),
        (StatusCode::METHOD_NOT_ALLOWED, "allow", header(Type::String, "Methods that are taken")),
    ]
}

/// The media type of a problem document.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_in_kebab_case_and_there_once() {
        let names: HashSet<_> = ALL.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }

    #[test]
    fn problems_of_one_status_share_its_answer() {
        let answers = responses(&[&TWO_PEOPLE, &NOT_FOUND, &SEQ_GAP]);
        assert_eq!(answers.keys().collect::<Vec<_>>(), ["404", "409"]);
        let RefOr::T(conflict) = &answers["409"] else { panic!("told in place") };
        assert!(conflict.description.contains("`two-people`") && conflict.description.contains("`seq-gap`"));
    }
}
