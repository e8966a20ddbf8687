//! What handlers take from a request. Where it is not as it must be, these say so in a problem document,
//! and without repeating what stood there.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::Problem;

/// The whole body, which the layer around the handler bounds.
pub(super) struct Sent(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge(
                "the body is too long; send less at once, or raise `body_bytes_max` in the section [http]"
                    .to_owned(),
            ),
            _ => Problem::Usage("the body broke off; send it again".to_owned()),
        })
    }
}

/// The parts of the path that vary.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named)).map_err(|_| {
            Problem::Usage("a part of the address is not written as it must be; correct it".to_owned())
        })
    }
}

/// The parameters in the query string. What is wrong is told by axum's own sentence, which names the
/// parameter; those that carry personal data go in a body.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|refused| Problem::Usage(refused.body_text()))
    }
}

/// A JSON body. What is wrong with it is told by its place alone: it may be personal.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Sent(bytes) = Sent::from_request(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Problem::Usage(format!(
                "the body is not the JSON that this address takes (line {line}, column {column}); /api/docs \
                 shows it"
            ))
        })
    }
}
