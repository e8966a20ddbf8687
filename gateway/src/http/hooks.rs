//! Hooks: which addresses outside are told of journeys, and how each does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::{Hook, RegistryError};
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::problems::problems;
use crate::people::{AreaName, HookState, HookTrouble, People, Permission};

problems!(Listing: WRONG_USAGE, BUSY, UNAVAILABLE, FAILED);
problems!(Adding: WRONG_USAGE, CONFLICT, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Removing: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Retrying: WRONG_USAGE, NOT_FOUND);

/// A hook, and how it does.
#[derive(Serialize, ToSchema)]
#[schema(as = Hook)]
pub(super) struct Shown {
    /// Its number.
    hook: String,
    /// The area whose journeys it is told of.
    area: AreaName,
    url: String,
    /// The account that made it.
    by: String,
    /// When, unix milliseconds.
    made_at: i64,
    /// Journeys that it is still to be told of; 1,000 stands for more.
    due: usize,
    /// Failures since it last took a message.
    failures: u32,
    /// When it last took a message, unix milliseconds, since the server's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    taken_at: Option<i64>,
    /// When it last failed, unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failed_at: Option<i64>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    why: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    trouble: Option<HookTrouble>,
    /// When it is tried again, unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_at: Option<i64>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Behind {
    /// Only hooks behind the one of this number.
    after: Option<u64>,
    /// At most so many; 100 unless given, 1,000 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct HookList {
    hooks: Vec<Shown>,
    /// The value of `after` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Addresses outside that are told of journeys, by number; without their secrets.
#[utoipa::path(get, path = "/api/v1/hooks", tag = "wards", operation_id = "list_hooks", params(Behind),
    responses((status = 200, description = "A page of hooks", body = HookList), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(Behind { after, limit }): Asked<Behind>,
) -> Result<Json<HookList>, Problem> {
    asking.need(Permission::Accounts)?;
    let limit = limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, RegistryError> {
        let people = &shared.people;
        let hooks = people.registry.hooks(after, limit + 1)?;
        let next = hooks.get(limit - 1).filter(|_| hooks.len() > limit).map(|last| last.number.to_string());
        let hooks = hooks.into_iter().take(limit).map(|hook| shown(people, hook));
        Ok(HookList { hooks: hooks.collect::<Result<_, _>>()?, next })
    });
    Ok(Json(work.await??))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewHook {
    /// Code of the area whose journeys are told, with all below it.
    #[schema(min_length = 1, example = "VN25-26740")]
    area: String,
    /// Where messages are posted to: `https`, or `http` within this machine and private networks.
    #[schema(min_length = 1, max_length = 2000, example = "https://ward.example/truyvet")]
    url: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MadeHook {
    #[serde(flatten)]
    hook: Shown,
    /// What its messages are signed with, for the receiver to check them (Standard Webhooks); told this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Has an address outside told of journeys from and to an area as they change, beginning with those under way.
/// Messages are signed as Standard Webhooks has it, hold up to 100 notices as `read_notices` has them, and come
/// again until they are taken.
#[utoipa::path(post, path = "/api/v1/hooks", tag = "wards", operation_id = "add_hook", request_body = NewHook,
    responses((status = 201, description = "Made", body = MadeHook), Adding))]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(NewHook { area, url }): Body<NewHook>,
) -> Result<(StatusCode, Json<MadeHook>), Problem> {
    asking.need(Permission::Accounts)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let hook = shared.people.add_hook(area, url, &asking.caller, TimeMs::now())?;
        let secret = hook.secret.clone();
        Ok(MadeHook { hook: shown(&shared.people, hook)?, secret })
    });
    Ok((StatusCode::CREATED, Json(work.await??)))
}

/// Removes a hook: it is told nothing more.
#[utoipa::path(delete, path = "/api/v1/hooks/{hook}", tag = "wards", operation_id = "remove_hook",
    params(("hook" = u64, Path, description = "Its number")),
    responses((status = 204, description = "Removed"), Removing))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(hook): Named<u64>,
) -> Result<StatusCode, Problem> {
    asking.need(Permission::Accounts)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.remove_hook(hook, &asking.caller, TimeMs::now()));
    work.await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a hook that failed again at once, instead of when its time comes.
#[utoipa::path(post, path = "/api/v1/hooks/{hook}/retry", tag = "wards", operation_id = "retry_hook",
    params(("hook" = u64, Path, description = "Its number")),
    responses((status = 204, description = "Its turn comes at once"), Retrying))]
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(hook): Named<u64>,
) -> Result<StatusCode, Problem> {
    asking.need(Permission::Accounts)?;
    match app.people.hooks.retry(hook) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(RegistryError::UnknownHook.into()),
    }
}

fn shown(people: &People, hook: Hook) -> Result<Shown, RegistryError> {
    let due = people.registry.due(hook.number, 0, DUE_COUNTED_MAX)?.len();
    let HookState { failures, taken_at, failed, next_at } =
        people.hooks.state(hook.number).unwrap_or_default();
    let (failed_at, trouble) = failed.unzip();
    Ok(Shown {
        hook: hook.number.to_string(),
        area: people.areas.name(&hook.area),
        url: hook.url,
        by: hook.by,
        made_at: hook.at,
        due,
        failures,
        taken_at,
        failed_at,
        why: trouble.map(|trouble| trouble.to_string()),
        trouble,
        next_at,
    })
}

const LISTED_DEFAULT: usize = 100;
const LISTED_MAX: usize = 1_000;
const DUE_COUNTED_MAX: usize = 1_000;
