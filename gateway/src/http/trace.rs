//! Trace questions: `GET` with the flags' names as parameters, or `POST` with them as a JSON body.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use truyvet_engine::Explained;

use super::app::App;
use super::error::Problem;
use super::stream;
use crate::question::{Answer, Kind, Params, Question, Reply, Terms, Usage};
use crate::sheet::Sheet;
use crate::sheet::listed::{self, Listed};

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(word): Path<String>,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(pairs) = query.map_err(|_| Problem::Usage("the query string is not readable".to_owned()))?;
    answer(app, &word, pairs.into_iter().collect()).await
}

pub(super) async fn post(
    State(app): State<Arc<App>>,
    Path(word): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let patience = Duration::from_millis(app.config.http.request_timeout_ms);
    let body = match tokio::time::timeout(patience, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return Ok(refused.into_response()),
        Err(_) => return Err(Problem::Timeout("the question did not come to its end in time".to_owned())),
    };
    let body = serde_json::from_slice(&body).map_err(|e| {
        Problem::Usage(format!("the body is no JSON (line {}, column {})", e.line(), e.column()))
    })?;
    answer(app, &word, Params::from_json(&body)?).await
}

async fn answer(app: Arc<App>, word: &str, mut params: Params) -> Result<Response, Problem> {
    let kind = Kind::parse(word).ok_or_else(|| {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        Problem::NotFound(format!("there is no such question; there are {}", known.join(", ")))
    })?;
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
