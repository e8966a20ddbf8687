//! Arrivals at the border: entered one by one, listed by site and by what people came on, printed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::{Account, BORDER_PAGE_MAX};
use truyvet_schemas::TimeMs;
use truyvet_schemas::arrival::{Arrival, Carriage, CarriageKind, Passport};
use truyvet_schemas::checking::Check;
use truyvet_schemas::person::{Document, DocumentKind};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::declarations::{Made, idempotency_key};
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::paper::{printed_sheet, svg};
use super::passes::Words;
use super::problems::problems;
use crate::people::{
    ArrivalShown, ArrivalsFound, BORDER_KINDS, FACILITY_KINDS, Facility, OnPaper, Part, Permission,
};

problems!(Choosing: BUSY, UNAVAILABLE, FAILED);
problems!(Entering: WRONG_USAGE, REGISTER_DISAGREES, CONFLICT, INVALID, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Serialize, ToSchema)]
#[schema(as = ArrivalPlaces)]
pub(super) struct Places {
    /// Sites of the border: of the kinds `airport`, `border_gate` and `port`; by name.
    border: Vec<Facility>,
    /// Facilities of quarantine: sites of the kinds `facility`, `quarantine` and `hospital`; by name.
    quarantine: Vec<Facility>,
}

/// Where people arrive, and where they may stay in quarantine. For everybody.
#[utoipa::path(get, path = "/api/v1/arrivals/places", tag = "arrivals", operation_id = "list_arrival_places",
    responses((status = 200, description = "All of them; 2,000 of each kind at most", body = Places), Choosing))]
pub(super) async fn places(State(app): State<Arc<App>>) -> Result<Json<Places>, Problem> {
    let shared = Arc::clone(&app);
    let work = app.citizens_work.run(move || {
        let people = &shared.people;
        Places { border: people.facilities(&BORDER_KINDS), quarantine: people.facilities(&FACILITY_KINDS) }
    });
    Ok(Json(work.await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnterArrival)]
pub(super) struct Enter {
    arrival: Arrival,
    /// Whether the official has compared it with the passport; it is verified then.
    #[serde(default)]
    document_seen: bool,
    /// Go on although the register has something else, or the passport is known with another name, birth date or
    /// sex. Where somebody verified those it is kept unverified until an officer has compared it.
    #[serde(default)]
    accept_mismatches: bool,
}

/// Enters an arrival and issues a pass for the way to the place of quarantine. Sent again with the same key it
/// answers the same; the same arrival entered twice is kept once.
///
/// Officers enter those who arrive at their own site, health officials those at the sites of their area. The
/// passport decides who it is: a name that differs in case, diacritics, order or separators alone is the same.
#[utoipa::path(post, path = "/api/v1/arrivals", tag = "arrivals", operation_id = "enter_arrival",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each arrival")),
    request_body = Enter,
    responses((status = 201, description = "Kept, and a pass issued", body = Made), Entering))]
pub(super) async fn enter(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(sent): Body<Enter>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let account = asking.official(Permission::Border)?.clone();
    let key = idempotency_key(&headers)?;
    // Keys of two officials must not meet, whatever they are.
    let request = key.map(|key| format!("arrival|{}|{key}", account.account));
    app.check_room()?;
    let shared = Arc::clone(&app);
    let entered = app.citizens_work.run(move || {
        let how = OnPaper {
            account: &account,
            phone: None,
            document_seen: sent.document_seen,
            accept_mismatches: sent.accept_mismatches,
            request: request.as_deref(),
        };
        shared.people.enter_arrival(sent.arrival, &how, TimeMs::now())
    });
    let entered = entered.await??;
    Ok((StatusCode::CREATED, Json(entered.made.into())))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Code of the site, unless what people came on is named; an officer's own unless given.
    site: Option<String>,
    /// What people came on; `flight` unless given.
    kind: Option<CarriageKind>,
    /// Number of the flight, plate or name of the ship.
    #[param(example = "VN51")]
    carriage: Option<String>,
    /// Its day, `YYYY-MM-DD`.
    #[param(example = "2021-08-20")]
    date: Option<String>,
    /// The value of `next` of the page before.
    after: Option<u64>,
    /// At most so many; 100 unless given, 1,000 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BorderArrivals)]
pub(super) struct Arrivals {
    /// Of a carriage by seat, each person once, as entered last; of a site the newest first.
    arrivals: Vec<ArrivalShown>,
    /// The value of `after` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

impl From<ArrivalsFound> for Arrivals {
    fn from(found: ArrivalsFound) -> Self {
        Self { arrivals: found.arrivals, next: found.next.map(|next| next.to_string()) }
    }
}

/// Who arrived at a site, or on a flight, a vehicle or a ship: for officers of the site, officials of its area,
/// and those of the area of quarantine. Each look is in the audit log.
#[utoipa::path(get, path = "/api/v1/arrivals", tag = "arrivals", operation_id = "list_arrivals",
    params(Which),
    responses((status = 200, description = "A page of arrivals", body = Arrivals), Reading))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(which): Asked<Which>,
) -> Result<Json<Arrivals>, Problem> {
    let account = reader(&asking)?.clone();
    let limit = which.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
    let part = Part { after: which.after, limit };
    let carriage = carriage(which.kind, which.carriage, which.date)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<ArrivalsFound, Problem> {
        let (people, now) = (&shared.people, TimeMs::now());
        if let Some(carriage) = carriage {
            return Ok(people.arrivals_on(&carriage, part, &account, now)?);
        }
        let no_site = || Problem::Usage("name the site with `site`, or what people came on".to_owned());
        let site = which.site.or(account.site.clone()).ok_or_else(no_site)?;
        if !people.reaches_border(&site, &account) {
            return Err(Problem::NotFound("no such site of the border is within your reach".to_owned()));
        }
        Ok(people.arrivals_at(&site, part, &account, now)?)
    });
    Ok(Json(work.await??.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ByPassport {
    passport: Passport,
}

/// The newest arrivals of whoever has this passport, as far as the official reaches them; the newest first.
#[utoipa::path(post, path = "/api/v1/arrivals/find", tag = "arrivals", operation_id = "find_arrivals",
    request_body = ByPassport,
    responses((status = 200, description = "Arrivals; none where there are none", body = Arrivals), Reading))]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(ByPassport { passport }): Body<ByPassport>,
) -> Result<Json<Arrivals>, Problem> {
    let account = reader(&asking)?.clone();
    let Passport { number, country } = passport;
    let passport = Document { kind: DocumentKind::Passport, number, country: Some(country) }.tidied();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.arrivals_of(&passport, &account, TimeMs::now()));
    Ok(Json(Arrivals { arrivals: work.await??, next: None }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Printed {
    /// What people came on; `flight` unless given.
    kind: Option<CarriageKind>,
    /// Number of the flight, plate or name of the ship.
    #[param(example = "VN51")]
    carriage: String,
    /// Its day, `YYYY-MM-DD`.
    #[param(example = "2021-08-20")]
    date: String,
    /// `vi` or `en`; `vi` unless given.
    #[param(pattern = "^(vi|en)$")]
    lang: Option<String>,
}

/// A sheet of eight passes of those who came on a flight, a vehicle or a ship, by seat, with their names.
#[utoipa::path(get, path = "/api/v1/arrivals/sheets/{number}", tag = "arrivals", operation_id = "arrivals_sheet",
    params(("number" = usize, Path, description = "The sheet, from 1"), Printed),
    responses((status = 200, description = "An A4 page", content_type = "image/svg+xml", body = String), Reading))]
pub(super) async fn sheet(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(number): Named<usize>,
    Asked(printed): Asked<Printed>,
) -> Result<Response, Problem> {
    let account = asking.official(Permission::Border)?.clone();
    let words = Words::of(printed.lang.as_deref())?;
    let carriage = carriage(printed.kind, Some(printed.carriage), Some(printed.date))?;
    let carriage = carriage.ok_or_else(no_carriage)?;
    let shared = Arc::clone(&app);
    let sheet = app.people_work.run(move || -> Result<_, Problem> {
        let numbers = shared.people.declarations_on(&carriage, &account, TimeMs::now())?;
        printed_sheet(&shared.people, &account, numbers.into_iter(), number, words)
    });
    Ok(svg(sheet.await??))
}

/// What people came on, where it is named.
fn carriage(
    kind: Option<CarriageKind>,
    number: Option<String>,
    date: Option<String>,
) -> Result<Option<Carriage>, Problem> {
    let (number, date) = match (number, date) {
        (None, None) => return Ok(None),
        (Some(number), Some(date)) => (number, date),
        _ => return Err(no_carriage()),
    };
    let kind = kind.unwrap_or(CarriageKind::Flight);
    let carriage = Carriage { kind, number: Some(number), date }.tidied();
    let mut check = Check::default();
    // Of whatever day: old lists are read as well as new ones.
    let noon = carriage
        .date
        .parse::<jiff::civil::Date>()
        .ok()
        .and_then(|date| date.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok());
    let arrived_at = noon.map_or(0, |noon| noon.timestamp().as_millisecond());
    carriage.check(&mut check, arrived_at);
    let flaws = check.flaws();
    if flaws.is_empty() { Ok(Some(carriage)) } else { Err(Problem::Invalid(flaws)) }
}

fn no_carriage() -> Problem {
    Problem::Usage("name both `carriage` and `date`".to_owned())
}

/// An official who enters arrivals, or who may see who travels.
fn reader(asking: &Asking) -> Result<&Account, Problem> {
    let may_enter = asking.caller.may(Permission::Border);
    asking.official(if may_enter { Permission::Border } else { Permission::FindPeople })
}

const LISTED_DEFAULT: usize = 100;
const LISTED_MAX: usize = BORDER_PAGE_MAX - 1;
