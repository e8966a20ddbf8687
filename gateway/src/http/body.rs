//! A JSON body with fields of people.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::error::Problem;
use super::extract::Sent;

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
