//! Trace questions: `GET` with the flags' names as parameters, or `POST` with them as a JSON body.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use truyvet_engine::{
    ChainAnswer, CommonAnswer, ContactsAnswer, Explained, PassedAnswer, SetAnswer, TrailAnswer,
};

use super::app::App;
use super::error::Problem;
use super::extract::{Asked, Sent};
use super::problems::problems;
use super::stream;
use super::trace_words::{self as words, File, Told};
use crate::question::{Answer, Kind, Params, Question, Reply, Terms, Usage};
use crate::sheet::Sheet;
use crate::sheet::listed::{self, Listed};

problems!(Asking: WRONG_USAGE, TOO_LARGE, BUSY, UNAVAILABLE, TIMEOUT, FAILED);

/// Who passed sites or areas.
#[utoipa::path(get, path = "/api/v1/trace/passed", operation_id = "trace_passed", tag = "trace",
    params(words::Passed),
    responses(
        (status = 200, description = "By subject", content(
            (Told<PassedAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn passed(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
    answer(app, Kind::Passed, query.into_iter().collect()).await
}

/// Who passed sites or areas: a question too long for an address.
#[utoipa::path(post, path = "/api/v1/trace/passed", operation_id = "trace_passed_by_body", tag = "trace",
    request_body = words::Passed,
    responses(
        (status = 200, description = "By subject", content(
            (Told<PassedAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn passed_by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
    answer_body(app, Kind::Passed, request).await
}

/// Where a subject was.
#[utoipa::path(get, path = "/api/v1/trace/trail", operation_id = "trace_trail", tag = "trace",
    params(words::Trail),
    responses(
        (status = 200, description = "In order of time", content(
            (Told<TrailAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn trail(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
    answer(app, Kind::Trail, query.into_iter().collect()).await
}

/// Where a subject was: a question too long for an address.
#[utoipa::path(post, path = "/api/v1/trace/trail", operation_id = "trace_trail_by_body", tag = "trace",
    request_body = words::Trail,
    responses(
        (status = 200, description = "In order of time", content(
            (Told<TrailAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn trail_by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
    answer_body(app, Kind::Trail, request).await
}

/// Whom subjects met.
#[utoipa::path(get, path = "/api/v1/trace/contacts", operation_id = "trace_contacts", tag = "trace",
    params(words::Contacts),
    responses(
        (status = 200, description = "By number of meetings, most first", content(
            (Told<ContactsAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn contacts(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
    answer(app, Kind::Contacts, query.into_iter().collect()).await
}

/// Whom subjects met: a question too long for an address.
#[utoipa::path(post, path = "/api/v1/trace/contacts", operation_id = "trace_contacts_by_body", tag = "trace",
    request_body = words::Contacts,
    responses(
        (status = 200, description = "By number of meetings, most first", content(
            (Told<ContactsAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn contacts_by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
    answer_body(app, Kind::Contacts, request).await
}

/// Who met whom, generation by generation.
#[utoipa::path(get, path = "/api/v1/trace/chain", operation_id = "trace_chain", tag = "trace",
    params(words::Chain),
    responses(
        (status = 200, description = "The seeds, then those whom they met, and so on", content(
            (Told<ChainAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn chain(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
    answer(app, Kind::Chain, query.into_iter().collect()).await
}

/// Who met whom, generation by generation: a question too long for an address.
#[utoipa::path(post, path = "/api/v1/trace/chain", operation_id = "trace_chain_by_body", tag = "trace",
    request_body = words::Chain,
    responses(
        (status = 200, description = "The seeds, then those whom they met, and so on", content(
            (Told<ChainAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn chain_by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
    answer_body(app, Kind::Chain, request).await
}

/// Where and when several subjects were.
#[utoipa::path(get, path = "/api/v1/trace/common", operation_id = "trace_common", tag = "trace",
    params(words::Common),
    responses(
        (status = 200, description = "By number of the given subjects, most first", content(
            (Told<CommonAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn common(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
    answer(app, Kind::Common, query.into_iter().collect()).await
}

/// Where and when several subjects were: a question too long for an address.
#[utoipa::path(post, path = "/api/v1/trace/common", operation_id = "trace_common_by_body", tag = "trace",
    request_body = words::Common,
    responses(
        (status = 200, description = "By number of the given subjects, most first", content(
            (Told<CommonAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn common_by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
    answer_body(app, Kind::Common, request).await
}

/// Who is in a combination of sets of those who passed.
#[utoipa::path(get, path = "/api/v1/trace/set", operation_id = "trace_set", tag = "trace",
    params(words::Set),
    responses(
        (status = 200, description = "By subject", content(
            (Told<SetAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn set(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
    answer(app, Kind::Set, query.into_iter().collect()).await
}

/// Who is in a combination of sets of those who passed: a question too long for an address.
#[utoipa::path(post, path = "/api/v1/trace/set", operation_id = "trace_set_by_body", tag = "trace",
    request_body = words::Set,
    responses(
        (status = 200, description = "By subject", content(
            (Told<SetAnswer> = "application/json"),
            (String = "text/csv"),
            (File = "application/vnd.apache.parquet")
        )),
        Asking
    ))]
pub(super) async fn set_by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
    answer_body(app, Kind::Set, request).await
}

type Pairs = Vec<(String, String)>;
type Answered = Result<Response, Problem>;

async fn answer_body(app: Arc<App>, kind: Kind, request: Request) -> Answered {
    let patience = Duration::from_millis(app.config.http.request_timeout_ms);
    let Sent(body) = tokio::time::timeout(patience, Sent::from_request(request, &()))
        .await
        .map_err(|_| Problem::Timeout("the question did not come to its end in time".to_owned()))??;
    let body = serde_json::from_slice(&body).map_err(|e| {
        Problem::Usage(format!("the body is no JSON (line {}, column {})", e.line(), e.column()))
    })?;
    answer(app, kind, Params::from_json(&body)?).await
}

async fn answer(app: Arc<App>, kind: Kind, mut params: Params) -> Answered {
    let format = Format::take(&mut params)?;
    let terms = Terms::take(&mut params)?;
    if terms.explain && !matches!(format, Format::Json) {
        return Err(Usage::Unexplained.into());
    }
    let question = Question::parse(kind, params)?;
    let asking = terms.asking(&app.config.engine)?;
    let bytes_max = app.config.http.answer_bytes_max;
    let shared = Arc::clone(&app);
    let asked = app.turns.ask(asking, move |asking| {
        let started = Instant::now();
        let reply = question.ask(&shared.engine.asked_within(Arc::clone(&asking)));
        shared.metrics.asked(kind, started.elapsed(), reply.is_ok());
        let explain = terms.explain.then(|| asking.explained());
        Ok::<_, Problem>(match reply? {
            Reply::Whole(answer) => Body::from(format.write(&answer, explain.as_ref(), bytes_max)?),
            Reply::PassedList(found) => format.stream(&shared, found, explain)?,
            Reply::SetList(found) => format.stream(&shared, found, explain)?,
        })
    });
    Ok(([(header::CONTENT_TYPE, format.content_type())], asked.await??).into_response())
}

/// How the answer is written.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
    Parquet,
}

impl Format {
    fn take(params: &mut Params) -> Result<Self, Usage> {
        match params.take_one("format")?.as_deref() {
            None | Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            Some(_) => Err(Usage::Word { name: "format", words: "json, csv, parquet" }),
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    fn stream(
        self,
        app: &App,
        found: impl Listed + Send + 'static,
        explain: Option<Explained>,
    ) -> Result<Body, Problem> {
        stream::body(app, move |out| match self {
            Self::Json => listed::write_json(found, explain.as_ref(), out),
            Self::Csv => listed::write_csv(found, out),
            Self::Parquet => listed::write_parquet(found, out),
        })
    }

    fn write(
        self,
        answer: &Answer,
        explain: Option<&Explained>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Problem> {
        let failed =
            |e: &dyn std::fmt::Display| Problem::Failed(format!("the answer cannot be written: {e}"));
        let bytes = match self {
            Self::Json => {
                let mut body = Bounded { bytes: Vec::new(), bytes_max };
                answer.write_json(explain, &mut body).map_err(|_| too_large(bytes_max))?;
                body.bytes
            }
            Self::Csv => Sheet::of(answer).to_csv().into_bytes(),
            Self::Parquet => Sheet::of(answer).to_parquet().map_err(|e| failed(&e))?,
        };
        if bytes.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(bytes) }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::TooLarge(format!(
        "the answer is longer than {bytes_max} bytes; ask for a shorter time, or with `count=true`"
    ))
}

/// Memory that does not grow beyond a bound.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.bytes_max {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
