//! What an HTTP client is told when something cannot be done. The body is a problem document (RFC 9457):
//! its `type` names the kind, of which `problems` knows the status code and a page; its `detail` says what
//! to do in this case.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use truyvet_engine::registry::{NotOrdered, RegistryError, VaultError};
use truyvet_engine::{BackupError, CatalogError, EngineError, TraceError};
use truyvet_schemas::checking::{Flaw, Wrong};
use utoipa::ToSchema;

use super::problems::{self as kinds, Kind};
use crate::ingest::{NotTaken, VisitError};
use crate::paper::{Field, MappingError, TableError};
use crate::people::{
    AccountError, AreaName, CodeError, DeclareError, HookError, NoticesError, OrderError, PaperError,
    SignInError, SituationError, TooMany, TripError, VisitRefused,
};
use crate::question::Usage;

/// A request that gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Correct the request as the message says.
    #[error("{0}")]
    Usage(String),
    /// Correct the fields that are named.
    #[error("some fields must be corrected; `errors` names them")]
    Invalid(Vec<Flaw>),
    /// Correct the fields that are named, or send them again as they are, to go on unverified.
    #[error("the population register has something else for these fields; `errors` names them")]
    Disagrees(Vec<Flaw>),
    /// Sign in.
    #[error("sign in, and ask again")]
    SignInNeeded,
    /// Type account and password again.
    #[error("there is no such account with this password")]
    WrongCredentials,
    /// Type the code again.
    #[error("this is not the code that was sent")]
    WrongCode,
    /// Ask for a new code.
    #[error("the code is no longer valid; ask for a new one")]
    CodeExpired,
    /// Come back after so many seconds.
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    TooMany {
        /// How long to wait.
        retry_after_s: u64,
    },
    /// Ask somebody who may.
    #[error("{0}")]
    NotAllowed(String),
    /// Ask a desk: the documents are known as those of two people.
    #[error("these documents are known as those of two different people; a desk can tell which is right")]
    TwoPeople,
    /// Send the scans from the one that is expected on.
    #[error("scans are missing before these; send them from {expected_seq} on")]
    SeqGap {
        /// The seq that comes next.
        expected_seq: u64,
    },
    /// Do the same for the area that took it in.
    #[error("{said}")]
    AreaMerged {
        /// What to do.
        said: String,
        /// The area that took it in, where one is told.
        successor: Option<Box<AreaName>>,
    },
    /// Nothing is there, or nothing is known by this name.
    #[error("{0}")]
    NotFound(String),
    /// Scan the poster again.
    #[error("{0}")]
    UnknownPoster(String),
    /// Send the token of a person's pass.
    #[error("{0}")]
    UnknownPass(String),
    /// Ask the health authority.
    #[error("{0}")]
    PassRevoked(String),
    /// Show the pass to the staff.
    #[error("{0}")]
    NotVerified(String),
    /// Scan again.
    #[error("{0}")]
    TooOld(String),
    /// Declare again.
    #[error("{0}")]
    PassExpired(String),
    /// Use a method that the header `allow` names.
    #[error("this address does not take such a request; the header `allow` names those that it takes")]
    Method,
    /// The thing is in a state that does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// Do as the message says; `why` is the same as a word.
    #[error("{said}")]
    NotOrdered {
        /// What to do.
        said: String,
        /// Why nothing was ordered.
        why: NotOrdered,
    },
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

/// A problem as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub struct ProblemDocument {
    /// The kind of problem: the address on this server where its meaning is told.
    #[serde(rename = "type")]
    #[schema(example = "/problems/wrong-usage")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status code, again.
    pub status: u16,
    /// What to do in this case.
    pub detail: String,
    /// The fields that must be corrected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Flaw>,
    /// The seq that comes next, as text, since it may be beyond what a JSON number holds exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "17", pattern = "^[0-9]+$", nullable = false)]
    pub expected_seq: Option<String>,
    /// The area that took another in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<AreaName>)]
    pub successor: Option<Box<AreaName>>,
    /// Why no quarantine was ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub why: Option<NotOrdered>,
}

impl Problem {
    /// What kind of problem it is.
    pub(super) fn kind(&self) -> &'static Kind {
        match self {
            Self::Usage(_) => &kinds::WRONG_USAGE,
            Self::Invalid(_) => &kinds::INVALID,
            Self::Disagrees(_) => &kinds::REGISTER_DISAGREES,
            Self::SignInNeeded => &kinds::SIGN_IN_NEEDED,
            Self::WrongCredentials => &kinds::WRONG_CREDENTIALS,
            Self::WrongCode => &kinds::WRONG_CODE,
            Self::CodeExpired => &kinds::CODE_EXPIRED,
            Self::TooMany { .. } => &kinds::TOO_MANY_ATTEMPTS,
            Self::NotAllowed(_) => &kinds::NOT_ALLOWED,
            Self::TwoPeople => &kinds::TWO_PEOPLE,
            Self::SeqGap { .. } => &kinds::SEQ_GAP,
            Self::AreaMerged { .. } => &kinds::AREA_MERGED,
            Self::NotFound(_) => &kinds::NOT_FOUND,
            Self::UnknownPoster(_) => &kinds::UNKNOWN_POSTER,
            Self::UnknownPass(_) => &kinds::UNKNOWN_PASS,
            Self::PassRevoked(_) => &kinds::PASS_REVOKED,
            Self::NotVerified(_) => &kinds::NOT_VERIFIED,
            Self::TooOld(_) => &kinds::TOO_OLD,
            Self::PassExpired(_) => &kinds::PASS_EXPIRED,
            Self::Method => &kinds::METHOD_NOT_ALLOWED,
            Self::Conflict(_) | Self::NotOrdered { .. } => &kinds::CONFLICT,
            Self::Forbidden(_) => &kinds::FOREIGN_PAGE,
            Self::ForeignHost => &kinds::FOREIGN_HOST,
            Self::TooLarge(_) => &kinds::TOO_LARGE,
            Self::StorageFull(_) => &kinds::STORAGE_FULL,
            Self::Busy(_) => &kinds::BUSY,
            Self::Unavailable(_) => &kinds::UNAVAILABLE,
            Self::Timeout(_) => &kinds::TIMEOUT,
            Self::Failed(_) => &kinds::FAILED,
        }
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.kind().status
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after_s } => Some(*retry_after_s),
            _ => (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }

    fn into_document(self) -> ProblemDocument {
        let (kind, detail) = (self.kind(), self.to_string());
        let expected_seq = match &self {
            Self::SeqGap { expected_seq } => Some(expected_seq.to_string()),
            _ => None,
        };
        let why = match &self {
            Self::NotOrdered { why, .. } => Some(*why),
            _ => None,
        };
        let (errors, successor) = match self {
            Self::Invalid(flaws) | Self::Disagrees(flaws) => (flaws, None),
            Self::AreaMerged { successor, .. } => (Vec::new(), successor),
            _ => (Vec::new(), None),
        };
        let (title, status) = (kind.title.to_owned(), kind.status.as_u16());
        ProblemDocument { kind: kind.path(), title, status, detail, errors, expected_seq, successor, why }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if matches!(self, Self::Failed(_)) {
            tracing::error!(error = %self, "a request failed");
        }
        let (status, retry_after_s) = (self.status(), self.retry_after_s());
        let mut response = (status, Json(self.into_document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kinds::CONTENT_TYPE));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
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

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Vault(error) => error.into(),
            RegistryError::Engine(error) => error.into(),
            RegistryError::UnknownPass
            | RegistryError::UnknownDeclaration
            | RegistryError::UnknownTrip
            | RegistryError::UnknownLevel
            | RegistryError::UnknownOrder
            | RegistryError::UnknownHook => Self::NotFound(error.to_string()),
            RegistryError::TwoPeople => Self::TwoPeople,
            RegistryError::OtherPerson(fields) => {
                Self::Disagrees(fields.into_iter().map(other_field).collect())
            }
            RegistryError::KeyReused
            | RegistryError::TripState
            | RegistryError::TooManyManifests
            | RegistryError::OrderOver
            | RegistryError::DiaryFull
            | RegistryError::TooManyLevels
            | RegistryError::TooManyHooks => Self::Conflict(error.to_string()),
        }
    }
}

fn other_field(field: &str) -> Flaw {
    Flaw { field: format!("traveller.{field}"), code: Wrong::Disagrees }
}

impl From<NoticesError> for Problem {
    fn from(error: NoticesError) -> Self {
        match error {
            NoticesError::Registry(error) => error.into(),
            NoticesError::Trace(error) => error.into(),
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Invalid(flaws) => Self::Invalid(flaws),
            OrderError::Unknown => Self::NotFound(error.to_string()),
            OrderError::Not(why) => Self::NotOrdered { said: error.to_string(), why },
            OrderError::OutOfReach => Self::NotAllowed(error.to_string()),
            OrderError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            OrderError::TooMany(TooMany { retry_after_s }) => Self::TooMany { retry_after_s },
            OrderError::Registry(error) => error.into(),
            OrderError::Trace(error) => error.into(),
        }
    }
}

impl From<TripError> for Problem {
    fn from(error: TripError) -> Self {
        match error {
            TripError::Invalid(flaws) => Self::Invalid(flaws),
            TripError::NotTheDriver | TripError::NotTheDepot | TripError::NotBeforeYou => {
                Self::NotAllowed(error.to_string())
            }
            TripError::Unknown => Self::NotFound(error.to_string()),
            TripError::TooMany(TooMany { retry_after_s }) => Self::TooMany { retry_after_s },
            TripError::Registry(error) => error.into(),
            TripError::Trace(error) => error.into(),
        }
    }
}

impl From<VisitRefused> for Problem {
    fn from(refused: VisitRefused) -> Self {
        let said = refused.to_string();
        match refused {
            VisitRefused::UnknownPoster => Self::UnknownPoster(said),
            VisitRefused::UnknownPass | VisitRefused::Vehicle => Self::UnknownPass(said),
            VisitRefused::Expired => Self::PassExpired(said),
            VisitRefused::Revoked => Self::PassRevoked(said),
            VisitRefused::NotVerified => Self::NotVerified(said),
            VisitRefused::TooOld => Self::TooOld(said),
            VisitRefused::Trace(error) => error.into(),
            VisitRefused::TooMany(TooMany { retry_after_s }) => Self::TooMany { retry_after_s },
            VisitRefused::Registry(error) => error.into(),
        }
    }
}

impl From<VisitError> for Problem {
    fn from(error: VisitError) -> Self {
        let said = error.to_string();
        match error {
            VisitError::Closed | VisitError::Refused(_) => Self::Conflict(said),
            VisitError::NotTaken(NotTaken::StorageFull) => Self::StorageFull(said),
            VisitError::NotTaken(_) | VisitError::BrokenOff | VisitError::Busy => Self::Unavailable(said),
            VisitError::Trace(error) => error.into(),
            VisitError::Catalog(error) => error.into(),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::TooMany { retry_after_s } => Self::TooMany { retry_after_s },
            CodeError::NotSent => Self::Unavailable(error.to_string()),
            CodeError::Wrong { .. } => Self::WrongCode,
            CodeError::Expired => Self::CodeExpired,
        }
    }
}

impl From<PaperError> for Problem {
    fn from(error: PaperError) -> Self {
        match error {
            PaperError::OutOfReach | PaperError::OtherBorder => Self::NotAllowed(error.to_string()),
            PaperError::Declare(error) => error.into(),
        }
    }
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Rows | TableError::Columns | TableError::TooLarge => {
                Self::TooLarge(error.to_string())
            }
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        let flaw = |field: Field| Flaw { field: format!("columns.{}", field.as_str()), code: Wrong::Missing };
        match error {
            MappingError::Form => Self::Usage(error.to_string()),
            MappingError::Missing(fields) => Self::Invalid(fields.into_iter().map(flaw).collect()),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::WrongCredentials,
            SignInError::TooMany { retry_after_s } => Self::TooMany { retry_after_s },
            SignInError::Registry(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(flaws) => Self::Invalid(flaws),
            AccountError::Taken => Self::Conflict(error.to_string()),
            AccountError::Unknown => Self::NotFound(error.to_string()),
            AccountError::Registry(error) => error.into(),
        }
    }
}

impl From<HookError> for Problem {
    fn from(error: HookError) -> Self {
        match error {
            HookError::Invalid(flaws) => Self::Invalid(flaws),
            HookError::Registry(error) => error.into(),
        }
    }
}

impl From<SituationError> for Problem {
    fn from(error: SituationError) -> Self {
        match error {
            SituationError::Invalid(flaws) => Self::Invalid(flaws),
            SituationError::Merged { said, successor } => Self::AreaMerged { said, successor },
            SituationError::OutOfReach => Self::NotAllowed(error.to_string()),
            SituationError::Registry(error) => error.into(),
        }
    }
}

impl From<DeclareError> for Problem {
    fn from(error: DeclareError) -> Self {
        match error {
            DeclareError::Invalid(flaws) => Self::Invalid(flaws),
            DeclareError::Disagrees(flaws) => Self::Disagrees(flaws),
            DeclareError::NotYours => Self::NotAllowed(error.to_string()),
            DeclareError::TooMany(TooMany { retry_after_s }) => Self::TooMany { retry_after_s },
            DeclareError::Registry(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn told(problem: Problem) -> (StatusCode, Option<String>, Value) {
        let response = problem.into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let retry = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let (status, retry) = (response.status(), retry.map(str::to_owned));
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a whole body");
        (status, retry, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn flaws_are_told_by_field_and_code() {
        let flaw = Flaw { field: "person.name".to_owned(), code: Wrong::TooLong };
        let (status, retry, body) = told(Problem::Invalid(vec![flaw])).await;
        assert_eq!((status.as_u16(), retry), (422, None));
        let expected = json!({
            "type": "/problems/invalid", "title": "Some fields are not valid", "status": 422,
            "detail": "some fields must be corrected; `errors` names them",
            "errors": [{"field": "person.name", "code": "too_long"}],
        });
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn who_comes_too_often_is_told_how_long_to_wait() {
        let (status, retry, body) = told(Problem::TooMany { retry_after_s: 90 }).await;
        assert_eq!((status.as_u16(), retry.as_deref()), (429, Some("90")));
        assert_eq!(body["type"], "/problems/too-many-attempts");
        assert_eq!(told(Problem::Busy("wait")).await.1.as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_gap_tells_the_seq_that_comes_next_as_text() {
        let (status, _, body) = told(Problem::SeqGap { expected_seq: u64::MAX }).await;
        assert_eq!((status.as_u16(), &body["expected_seq"]), (409, &json!("18446744073709551615")));
        assert_eq!(body.get("errors"), None);
    }
}
