//! Declarations: made by citizens, and seen by those who made them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::{DeclarationRecord, DeclarationState};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::Declaration;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Body};
use super::passes::unknown_pass;
use super::problems::problems;
use crate::people::{AreaName, PassView, People, act};

problems!(Declaring: WRONG_USAGE, REGISTER_DISAGREES, TWO_PEOPLE, CONFLICT, INVALID, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Listing: WRONG_USAGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Reading: NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Declare {
    declaration: Declaration,
    /// Go on although the register has something else: an officer compares it with the document then.
    #[serde(default)]
    accept_unverified: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    /// The declaration's number.
    declaration: String,
    #[schema(value_type = String, example = "verified")]
    state: DeclarationState,
    /// Unix milliseconds.
    made_at: i64,
    pass: PassView,
    /// Fields that the register has otherwise.
    mismatches: Vec<Flaw>,
}

/// Makes a declaration and issues its pass. Sent again with the same key it answers the same.
#[utoipa::path(post, path = "/api/v1/declarations", tag = "declarations", operation_id = "declare",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each declaration")),
    request_body = Declare,
    responses((status = 201, description = "Kept, and a pass issued", body = Made), Declaring))]
pub(super) async fn declare(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(sent): Body<Declare>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let (document, phone) = asking.citizen()?;
    let request = idempotency_key(&headers)?;
    app.check_room()?;
    let shared = Arc::clone(&app);
    let made = app.citizens_work.run(move || {
        let whose = (&document, phone.as_str());
        let Declare { declaration, accept_unverified } = sent;
        shared.people.declare(whose, declaration, accept_unverified, request.as_deref(), TimeMs::now())
    });
    let made = made.await??;
    let made = Made {
        declaration: made.record.declaration.to_string(),
        state: made.record.state,
        made_at: made.record.made_at,
        pass: made.pass,
        mismatches: made.mismatches,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    pub(super) declaration: String,
    #[schema(value_type = String, example = "verified")]
    pub(super) state: DeclarationState,
    /// Unix milliseconds.
    pub(super) made_at: i64,
    pub(super) from: AreaName,
    pub(super) to: AreaName,
    /// Unix milliseconds.
    pub(super) departs_at: i64,
    pub(super) pass: PassView,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Declarations {
    /// The newest first.
    declarations: Vec<Listed>,
    /// The value of `before` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    /// Only declarations before this one.
    before: Option<u64>,
    /// At most so many; 10 unless given, 50 at most.
    limit: Option<usize>,
}

/// The citizen's own declarations, made with the same document and phone, the newest first.
#[utoipa::path(get, path = "/api/v1/declarations", tag = "declarations", operation_id = "own_declarations",
    params(Before),
    responses((status = 200, description = "A page of declarations", body = Declarations), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(page): Asked<Before>,
) -> Result<Json<Declarations>, Problem> {
    let (document, phone) = asking.citizen()?;
    let limit = page.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let people = &shared.people;
        let own = people.own_declarations(&document, &phone, page.before, limit + 1)?;
        let next = own.get(limit - 1).filter(|_| own.len() > limit).map(|last| last.declaration.to_string());
        let look = act(TimeMs::now(), "citizen", "declaration.read", "-");
        let opened = people.registry.declarations(&own[..own.len().min(limit)], look)?;
        let listed = opened.into_iter().map(|(record, declaration)| listed(people, record, &declaration));
        Ok(Declarations { declarations: listed.collect::<Result<_, _>>()?, next })
    });
    Ok(Json(work.await??))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Last {
    declaration: Declaration,
}

/// The citizen's newest declaration, to be used again.
#[utoipa::path(get, path = "/api/v1/declarations/last", tag = "declarations", operation_id = "last_declaration",
    responses((status = 200, description = "The newest declaration", body = Last), Reading))]
pub(super) async fn last(State(app): State<Arc<App>>, asking: Asking) -> Result<Json<Last>, Problem> {
    let (document, phone) = asking.citizen()?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let newest = shared.people.own_declarations(&document, &phone, None, 1)?.pop();
        let newest = newest.ok_or_else(|| Problem::NotFound("no declaration was made yet".to_owned()))?;
        let (_, declaration) = opened(&shared.people, &newest)?;
        Ok(Last { declaration })
    });
    Ok(Json(work.await??))
}

pub(super) fn listed(
    people: &People,
    record: DeclarationRecord,
    declaration: &Declaration,
) -> Result<Listed, Problem> {
    let pass = people.registry.pass(record.pass)?.ok_or_else(unknown_pass)?;
    let journey = &declaration.journey;
    Ok(Listed {
        declaration: record.declaration.to_string(),
        state: record.state,
        made_at: record.made_at,
        from: people.areas.name(&journey.from),
        to: people.areas.name(&journey.to),
        departs_at: journey.departs_at,
        pass: people.view(declaration, &record, &pass),
    })
}

/// Citizens' looks at their own declarations are acts like any other.
pub(super) fn opened(
    people: &People,
    record: &DeclarationRecord,
) -> Result<(DeclarationRecord, Declaration), Problem> {
    let act = act(TimeMs::now(), "citizen", "declaration.read", &record.pass.to_string());
    people.registry.declaration(record.declaration, act)?.ok_or_else(unknown_pass)
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()));
    let wrong = || Problem::Usage("the header Idempotency-Key is 1 to 100 characters of ASCII".to_owned());
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

const LISTED_DEFAULT: usize = 10;
const LISTED_MAX: usize = 50;
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 100;
