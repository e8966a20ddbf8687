//! What an HTTP client is told when something cannot be done: the only place with status codes of
//! errors. The body is a problem document (RFC 9457) whose `detail` says what to do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use truyvet_engine::{BackupError, CatalogError, EngineError, TraceError};

use crate::question::Usage;

/// A request that gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Correct the request as the message says.
    #[error("{0}")]
    Usage(String),
    /// Nothing is there, or nothing is known by this name.
    #[error("{0}")]
    NotFound(String),
    /// The thing is in a state that does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The request comes from where it must not.
    #[error("{0}")]
    Forbidden(String),
    /// The address was reached under a foreign name.
    #[error(
        "this server answers to loopback names alone; use http://localhost or http://127.0.0.1, or set \
         `allow_remote = true` in the section [http] of its configuration"
    )]
    ForeignHost,
    /// Send or ask for less, or raise the limit that the message names.
    #[error("{0}")]
    TooLarge(String),
    /// Free some disk space.
    #[error("{0}")]
    StorageFull(String),
    /// Come back a little later.
    #[error("{0}")]
    Busy(&'static str),
    /// The server is stopping: ask again when it has started.
    #[error("{0}")]
    Unavailable(String),
    /// Ask for less, or allow more time.
    #[error("{0}")]
    Timeout(String),
    /// Look at the server's log.
    #[error("{0}")]
    Failed(String),
}

impl Problem {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Usage(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::StorageFull(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Busy(_) | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if matches!(self, Self::Failed(_)) {
            tracing::error!(error = %self, "a request failed");
        }
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Usage> for Problem {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage.to_string())
    }
}

impl From<TraceError> for Problem {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Question(_) => Self::Usage(error.to_string()),
            // Not 422, which is wrong usage: the same question may do with other limits.
            TraceError::TooLarge { .. } | TraceError::TooCostly { .. } => Self::TooLarge(error.to_string()),
            TraceError::Deadline { .. } => Self::Timeout(error.to_string()),
            TraceError::Busy | TraceError::Stopped => Self::Unavailable(error.to_string()),
            TraceError::Engine(error) => error.into(),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Stopped => Self::Unavailable(error.to_string()),
            EngineError::NoSpace => Self::StorageFull(error.to_string()),
            EngineError::SharedPartition { .. } | EngineError::SubjectLimit(_) => {
                Self::Conflict(error.to_string())
            }
            EngineError::Store(_) | EngineError::Corrupt { .. } => Self::Failed(error.to_string()),
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::UnknownSite(_) | CatalogError::UnknownArea(_) | CatalogError::UnknownDevice(_) => {
                Self::NotFound(error.to_string())
            }
            CatalogError::RevokedDevice(_) | CatalogError::AreaCycle(_) | CatalogError::SubjectLimit(_) => {
                Self::Conflict(error.to_string())
            }
            CatalogError::Code(_) => Self::Usage(error.to_string()),
            CatalogError::Engine(error) => error.into(),
        }
    }
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let said = error.to_string();
        match error {
            BackupError::KeepNone => Self::Usage(said),
            BackupError::NoBackup(_) | BackupError::Unknown { .. } => Self::NotFound(said),
            BackupError::Full { .. } | BackupError::NoSpace(_) => Self::StorageFull(said),
            BackupError::Io { .. } | BackupError::Open(_) | BackupError::Damaged { .. } => Self::Failed(said),
            BackupError::Engine(error) => error.into(),
            BackupError::Running
            | BackupError::InUse(_)
            | BackupError::Foreign(_)
            | BackupError::Within { .. }
            | BackupError::NewerVersion { .. }
            | BackupError::NotEmpty(_) => Self::Conflict(said),
        }
    }
}
