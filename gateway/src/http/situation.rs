//! The epidemic situation: read by everybody, often; changed by health officials of the area.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::LevelSet;
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::problems::problems;
use crate::people::{
    AreaName, Caller, JourneySituation, Permission, SITUATION_AREAS_MAX, Scale, SetLevel, Situation,
};

problems!(Looking: WRONG_USAGE, BUSY, UNAVAILABLE, FAILED);
problems!(Travelling: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, FAILED);
problems!(Setting: WRONG_USAGE, CONFLICT, AREA_MERGED, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Ending: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

/// Parameters of the situation of areas, as documented; they are read pair by pair, since `area` comes
/// more than once.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes parameters")]
pub(super) struct Areas {
    /// Code of an area; repeated for several, 100 at most. Without it: all areas of today that lie directly
    /// below a nation.
    #[param(required = false)]
    area: Vec<String>,
    /// The situation at this instant, unix milliseconds; now unless given, and never before.
    #[param(required = false)]
    at: i64,
}

/// Which epidemic level holds in areas, since when and until when, and the measures that follow. An area
/// without a level of its own has that of the nearest above it. Send `if-none-match` with the `etag` of the
/// answer before: while nothing has changed the answer is 304, without a body.
#[utoipa::path(get, path = "/api/v1/situation", tag = "situation", operation_id = "situation", params(Areas),
    responses((status = 200, description = "The levels", body = Situation),
        (status = 304, description = "As in the answer with this `etag`"), Looking))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Asked(pairs): Asked<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let (mut areas, mut at) = (Vec::new(), None);
    for (name, value) in pairs {
        match name.as_str() {
            "area" => areas.push(value),
            "at" => {
                at = Some(value.parse().map_err(|_| Problem::Usage("`at` is unix milliseconds".to_owned()))?)
            }
            _ => return Err(Problem::Usage("only `area` and `at` may be given here".to_owned())),
        }
    }
    if areas.len() > SITUATION_AREAS_MAX {
        return Err(Problem::Usage(format!("ask for {SITUATION_AREAS_MAX} areas at once, at most")));
    }
    let (at, shared) = (instant(at)?, Arc::clone(&app));
    let work = app.citizens_work.run(move || match areas.is_empty() {
        true => shared.people.situation_of_tops(at),
        false => shared.people.situation(&areas, at),
    });
    Ok(tagged(&headers, &work.await??))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Journey {
    /// Code of the area where it begins.
    from: String,
    /// Code of the area where it ends.
    to: String,
    /// When it begins, unix milliseconds; now unless given, and never before.
    at: Option<i64>,
}

/// Which epidemic levels a journey meets, and what those need who arrive by it. With `etag`, as the situation
/// of areas.
#[utoipa::path(get, path = "/api/v1/situation/journey", tag = "situation",
    operation_id = "situation_of_journey", params(Journey),
    responses((status = 200, description = "The levels along it", body = JourneySituation),
        (status = 304, description = "As in the answer with this `etag`"), Travelling))]
pub(super) async fn journey(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Asked(Journey { from, to, at }): Asked<Journey>,
) -> Result<Response, Problem> {
    let (at, shared) = (instant(at)?, Arc::clone(&app));
    let work = app.citizens_work.run(move || shared.people.situation_of_journey(&from, &to, at));
    let unknown = || Problem::NotFound("no area has such a code; look for it by its name".to_owned());
    Ok(tagged(&headers, &work.await??.ok_or_else(unknown)?))
}

/// The scale of epidemic levels that is in use, from the least to the gravest. With `etag`.
#[utoipa::path(get, path = "/api/v1/situation/scale", tag = "situation", operation_id = "situation_scale",
    responses((status = 200, description = "The scale", body = Scale),
        (status = 304, description = "As in the answer with this `etag`")))]
pub(super) async fn scale(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    tagged(&headers, &app.people.scale)
}

/// A level that was set for an area.
#[derive(Serialize, ToSchema)]
#[schema(as = LevelSet)]
pub(super) struct Shown {
    /// Its number among those of the area, from 1.
    number: u64,
    /// Code of the area.
    area: String,
    /// The level's code in the scale.
    level: String,
    /// Unix milliseconds.
    from: i64,
    /// Unix milliseconds; no longer holds at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    to: Option<i64>,
    /// When it was set, unix milliseconds.
    set_at: i64,
    /// When it was ended before its time, unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ended_at: Option<i64>,
    /// The account that set it; officials alone are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<String>,
    /// The account that ended it; officials alone are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ended_by: Option<String>,
}

/// Sets an area's epidemic level, from an instant on and until another. The newest that holds counts; those
/// before it stay in the history. For health officials and epidemiologists, within their own area.
#[utoipa::path(post, path = "/api/v1/situation", tag = "situation", operation_id = "set_level",
    request_body = SetLevel,
    responses((status = 201, description = "Set", body = Shown), Setting))]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(sent): Body<SetLevel>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let account = asking.official(Permission::Situation)?.clone();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.set_level(sent, &account, TimeMs::now()));
    Ok((StatusCode::CREATED, Json(shown(work.await??, true))))
}

/// Ends an area's epidemic level now. What was set stays in the history. Twice is as good as once.
#[utoipa::path(delete, path = "/api/v1/situation/{area}/{number}", tag = "situation",
    operation_id = "end_level",
    params(("area" = String, Path, description = "Code of the area"),
        ("number" = u64, Path, description = "The level's number in the area's history")),
    responses((status = 200, description = "Over", body = Shown), Ending))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named((area, number)): Named<(String, u64)>,
) -> Result<Json<Shown>, Problem> {
    let account = asking.official(Permission::Situation)?.clone();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.end_level(&area, number, &account, TimeMs::now()));
    Ok(Json(shown(work.await??, true)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Past {
    /// Code of the area.
    area: String,
    /// Only levels before the one of this number.
    before: Option<u64>,
    /// At most so many; 20 unless given, 100 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct History {
    area: AreaName,
    /// The newest first.
    sets: Vec<Shown>,
    /// The value of `before` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// The levels that were set for an area itself, the newest first. Those of areas above are not among them.
#[utoipa::path(get, path = "/api/v1/situation/history", tag = "situation",
    operation_id = "situation_history", params(Past),
    responses((status = 200, description = "A page of levels", body = History), Looking))]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(Past { area, before, limit }): Asked<Past>,
) -> Result<Json<History>, Problem> {
    let limit = limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
    let is_official = matches!(asking.caller, Caller::Official(_));
    let shared = Arc::clone(&app);
    let work = app.citizens_work.run(move || -> Result<_, Problem> {
        let sets = shared.people.registry.levels(&area, before, limit + 1)?;
        let next = sets.get(limit - 1).filter(|_| sets.len() > limit).map(|last| last.number);
        let sets = sets.into_iter().take(limit).map(|set| shown(set, is_official)).collect();
        Ok(History { area: shared.people.areas.name(&area), sets, next })
    });
    Ok(Json(work.await??))
}

fn shown(set: LevelSet, is_official: bool) -> Shown {
    let (ended_at, ended_by) = set.ended.map(|ended| (ended.at, ended.by)).unzip();
    Shown {
        number: set.number,
        area: set.area,
        level: set.level,
        from: set.from,
        to: set.to,
        set_at: set.at,
        ended_at,
        by: Some(set.by).filter(|_| is_official),
        ended_by: ended_by.filter(|_| is_official),
    }
}

/// What was before now is in the history: of levels that are over, answers know no more.
fn instant(at: Option<i64>) -> Result<TimeMs, Problem> {
    let now = TimeMs::now();
    match at {
        None => Ok(now),
        // Clocks of telephones go slow.
        Some(at) if at >= now.get() - SLOW_MS => Ok(TimeMs::new(at.max(now.get()))),
        Some(_) => {
            Err(Problem::Usage("`at` lies before now; ask /api/v1/situation/history for what was".to_owned()))
        }
    }
}

/// The answer, or that it is as before. It says nothing of when it was asked, so it stays the same until a
/// level changes.
fn tagged(headers: &HeaderMap, answer: &impl Serialize) -> Response {
    let body = match serde_json::to_vec(answer) {
        Ok(body) => body,
        Err(error) => return Problem::Failed(error.to_string()).into_response(),
    };
    let tag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..32]);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known =
        known.flat_map(|tags| tags.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
    };
    let set = response.headers_mut();
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        set.insert(header::ETAG, tag);
    }
    response
}

const SLOW_MS: i64 = 86_400_000;
const LISTED_DEFAULT: usize = 20;
const LISTED_MAX: usize = 100;
