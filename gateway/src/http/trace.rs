//! Trace questions: `GET` with the flags' names as parameters, or `POST` with them as a JSON body.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use truyvet_engine::{
    ChainAnswer, CommonAnswer, ContactsAnswer, Explained, OccupancyAnswer, PassedAnswer, SetAnswer,
    StaysAnswer, TrailAnswer,
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

/// The two handlers of a question: its parameters in the address, or in a body where they are too long.
macro_rules! question {
    ($path:literal, $by_query:ident $id:literal $says:literal, $by_body:ident $body_id:literal $body_says:literal,
     $kind:ident -> $answer:ident $order:literal) => {
        #[doc = $says]
        #[utoipa::path(get, path = $path, operation_id = $id, tag = "trace", params(words::$kind),
            responses(
                (status = 200, description = $order, content(
                    (Told<$answer> = "application/json"),
                    (String = "text/csv"),
                    (File = "application/vnd.apache.parquet")
                )),
                Asking
            ))]
        pub(super) async fn $by_query(State(app): State<Arc<App>>, Asked(query): Asked<Pairs>) -> Answered {
            answer(app, Kind::$kind, query.into_iter().collect()).await
        }

        #[doc = $body_says]
        #[utoipa::path(post, path = $path, operation_id = $body_id, tag = "trace", request_body = words::$kind,
            responses(
                (status = 200, description = $order, content(
                    (Told<$answer> = "application/json"),
                    (String = "text/csv"),
                    (File = "application/vnd.apache.parquet")
                )),
                Asking
            ))]
        pub(super) async fn $by_body(State(app): State<Arc<App>>, request: Request) -> Answered {
            answer_body(app, Kind::$kind, request).await
        }
    };
}

question!(
    "/api/v1/trace/passed",
    passed "trace_passed" "Who passed sites or areas.",
    passed_by_body "trace_passed_by_body" "Who passed sites or areas: a question too long for an address.",
    Passed -> PassedAnswer "By subject"
);
question!(
    "/api/v1/trace/trail",
    trail "trace_trail" "Where a subject was.",
    trail_by_body "trace_trail_by_body" "Where a subject was: a question too long for an address.",
    Trail -> TrailAnswer "In order of time"
);
question!(
    "/api/v1/trace/contacts",
    contacts "trace_contacts" "Whom subjects met.",
    contacts_by_body "trace_contacts_by_body" "Whom subjects met: a question too long for an address.",
    Contacts -> ContactsAnswer "By number of meetings, most first"
);
question!(
    "/api/v1/trace/chain",
    chain "trace_chain" "Who met whom, generation by generation.",
    chain_by_body "trace_chain_by_body" "Who met whom, generation by generation: a question too long for an address.",
    Chain -> ChainAnswer "The seeds, then those whom they met, and so on"
);
question!(
    "/api/v1/trace/common",
    common "trace_common" "Where and when several subjects were.",
    common_by_body "trace_common_by_body" "Where and when several subjects were: a question too long for an address.",
    Common -> CommonAnswer "By number of the given subjects, most first"
);
question!(
    "/api/v1/trace/stays",
    stays "trace_stays" "When subjects were inside sites that scan in and out, and who was inside with them.",
    stays_by_body "trace_stays_by_body" "When subjects were inside, and who was inside with them: a question too long for an address.",
    Stays -> StaysAnswer "By overlap, most first"
);
question!(
    "/api/v1/trace/occupancy",
    occupancy "trace_occupancy" "How many were inside a site that scans in and out.",
    occupancy_by_body "trace_occupancy_by_body" "How many were inside a site: a question with a body.",
    Occupancy -> OccupancyAnswer "In order of time"
);
question!(
    "/api/v1/trace/set",
    set "trace_set" "Who is in a combination of sets of those who passed.",
    set_by_body "trace_set_by_body" "Who is in a combination of sets of those who passed: a question too long for an address.",
    Set -> SetAnswer "By subject"
);

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
