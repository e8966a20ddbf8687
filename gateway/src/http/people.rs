//! What officials of an area do: see who a person is, have people held at checkpoints.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::Watched;
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Flaw, Wrong};
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::Document;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::checkpoint::checked_document;
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::passes::number;
use super::problems::problems;
use crate::people::{People, Permission, Person, act, act_with};

problems!(Finding: WRONG_USAGE, NOT_FOUND, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Ending: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Listing: BUSY, UNAVAILABLE, FAILED);

/// One of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Whom {
    /// A document of the person's.
    Document(Document),
    /// The number of a pass of the person's.
    Pass(String),
    /// The subject's code, as trace answers have it.
    Subject(String),
}

/// Who a person is, for officials of an area that the person lives in or travels from or to, as was verified.
/// Of others they see what they entered themselves. Each look is in the audit log.
#[utoipa::path(post, path = "/api/v1/people/find", tag = "people", operation_id = "find_person",
    request_body = Whom,
    responses((status = 200, description = "The person, with the newest declarations", body = Person), Finding))]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(whom): Body<Whom>,
) -> Result<Json<Person>, Problem> {
    let account = asking.official(Permission::FindPeople)?.clone();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let people = &shared.people;
        let now = TimeMs::now();
        let Some(subject) = subject(people, whom)? else {
            people.registry.note(act_with(now, &account.account, "person.read", "-", "unknown"))?;
            return Err(nobody());
        };
        people.find_person(subject, &account, now)?.ok_or_else(nobody)
    });
    Ok(Json(work.await??))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Watch {
    /// The subject's code.
    #[serde(default)]
    subject: Option<String>,
    /// Or the number of a pass of theirs.
    #[serde(default)]
    pass: Option<String>,
    /// A word, such as `quarantine`; nothing about the person.
    #[schema(min_length = 1, example = "quarantine")]
    reason: String,
    /// Unix milliseconds; 14 days from now unless given.
    #[serde(default)]
    until: Option<i64>,
}

/// Has checkpoints hold somebody of the area's people.
#[utoipa::path(post, path = "/api/v1/watch", tag = "people", operation_id = "watch", request_body = Watch,
    responses((status = 204, description = "On the watch list"), Finding))]
pub(super) async fn watch(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(sent): Body<Watch>,
) -> Result<StatusCode, Problem> {
    let account = asking.official(Permission::Hold)?.clone();
    let (reason, now) = (reason(&sent.reason)?, TimeMs::now());
    let until = sent.until.unwrap_or(now.get() + WATCHED_MS);
    if !(now.get() + 1..=now.get() + WATCHED_MS_MAX).contains(&until) {
        return Err(Problem::Invalid(vec![Flaw { field: "until".to_owned(), code: Wrong::Time }]));
    }
    let whom = match (sent.subject, sent.pass) {
        (Some(subject), None) => Whom::Subject(subject),
        (None, Some(pass)) => Whom::Pass(pass),
        _ => return Err(Problem::Usage("name either `subject` or `pass`".to_owned())),
    };
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let people = &shared.people;
        let subject = subject(people, whom)?.ok_or_else(nobody)?;
        if !people.is_in_reach(subject, &account)? {
            return Err(nobody());
        }
        let by = account.account;
        let act = act(now, &by, "watch.add", &subject.to_string());
        people.registry.watch(&Watched { subject, reason, by, at: now.get(), until }, act)?;
        Ok(StatusCode::NO_CONTENT)
    });
    work.await?
}

/// Takes somebody off the watch list.
#[utoipa::path(delete, path = "/api/v1/watch/{subject}", tag = "people", operation_id = "unwatch",
    params(("subject" = String, Path, description = "The subject's code")),
    responses((status = 204, description = "Not on the watch list"), Ending))]
pub(super) async fn unwatch(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(code): Named<String>,
) -> Result<StatusCode, Problem> {
    let account = asking.official(Permission::Hold)?.clone();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let people = &shared.people;
        let subject = subject(people, Whom::Subject(code))?.ok_or_else(nobody)?;
        if !people.is_in_reach(subject, &account)? {
            return Err(nobody());
        }
        let act = act(TimeMs::now(), &account.account, "watch.end", &subject.to_string());
        people.registry.unwatch(subject, act)?;
        Ok(StatusCode::NO_CONTENT)
    });
    work.await?
}

#[derive(Serialize, ToSchema)]
pub(super) struct WatchList {
    watch: Vec<WatchedShown>,
    /// The value of `after` that goes on from here; absent at the end. A page may be short: entries of others
    /// were passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BehindSubject {
    /// Only entries behind the one of this subject's code.
    after: Option<String>,
}

/// An entry of the watch list.
#[derive(Serialize, ToSchema)]
#[schema(as = Watched)]
pub(super) struct WatchedShown {
    subject: String,
    reason: String,
    /// The account that asked for it.
    by: String,
    /// Unix milliseconds.
    at: i64,
    /// Unix milliseconds.
    until: i64,
}

/// Whom checkpoints hold now, as far as they are people of the official's area.
#[utoipa::path(get, path = "/api/v1/watch", tag = "people", operation_id = "watch_list", params(BehindSubject),
    responses((status = 200, description = "The watch list", body = WatchList), Listing))]
pub(super) async fn watch_list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(BehindSubject { after }): Asked<BehindSubject>,
) -> Result<Json<WatchList>, Problem> {
    let account = asking.official(Permission::Hold)?.clone();
    let after = after.as_deref().map(subject_code).transpose()?;
    let shared = Arc::clone(&app);
    let work = app.lists_work.run(move || -> Result<_, Problem> {
        let people = &shared.people;
        let looked_at = people.registry.watch_list(after, TimeMs::now(), WATCHED_LOOKED_AT)?;
        let last = looked_at.last().filter(|_| looked_at.len() == WATCHED_LOOKED_AT);
        let next = last.map(|last| last.subject.to_string());
        let mut watch = Vec::new();
        for watched in looked_at {
            if people.is_in_reach(watched.subject, &account)? {
                let Watched { subject, reason, by, at, until } = watched;
                watch.push(WatchedShown { subject: subject.to_string(), reason, by, at, until });
            }
        }
        Ok(WatchList { watch, next })
    });
    Ok(Json(work.await??))
}

/// A reason: one word, so that nobody writes about a person.
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    let word = text.trim();
    let fits = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '-');
    match (1..=REASON_CHARS_MAX).contains(&word.len()) && word.chars().all(fits) {
        true => Ok(word.to_owned()),
        false => Err(Problem::Invalid(vec![Flaw { field: "reason".to_owned(), code: Wrong::Form }])),
    }
}

fn subject(people: &People, whom: Whom) -> Result<Option<SubjectCode>, Problem> {
    Ok(match whom {
        Whom::Document(document) => people.registry.holder(&checked_document(document)?)?,
        Whom::Pass(pass) => people.registry.pass(number(&pass)?)?.map(|pass| pass.subject),
        Whom::Subject(code) => Some(subject_code(&code)?),
    })
}

fn subject_code(code: &str) -> Result<SubjectCode, Problem> {
    code.parse().map_err(|_| Problem::Usage("this is no code of a subject; copy it again".to_owned()))
}

fn nobody() -> Problem {
    Problem::NotFound("nobody whose records you may see is found by it; look at it again".to_owned())
}

const WATCHED_MS: i64 = 14 * 86_400_000;
const WATCHED_MS_MAX: i64 = 365 * 86_400_000;

/// Entries of the nation's watch list that are looked at for one page.
const WATCHED_LOOKED_AT: usize = 1_000;
const REASON_CHARS_MAX: usize = 40;
