//! Vehicles on the green lane: declared by drivers, sealed at depots, listed for officials.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use truyvet_engine::SiteRecord;
use truyvet_engine::registry::{TripPlace, TripState};
use truyvet_qr::{Card, Field, Format, QrCode, pages};
use truyvet_schemas::TimeMs;
use truyvet_schemas::vehicle::{Aboard, Checklist, Trip};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::declarations::idempotency_key;
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::passes::{number, printed_time};
use super::problems::problems;
use crate::people::{Caller, Permission, TripRow, TripShown, TripsAsked};

problems!(Declaring: WRONG_USAGE, CONFLICT, INVALID, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Listing: WRONG_USAGE, NOT_FOUND, TIMEOUT, TOO_LARGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Changing: WRONG_USAGE, NOT_FOUND, CONFLICT, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Serialize, ToSchema)]
pub(super) struct Depots {
    /// By name.
    depots: Vec<Depot>,
}

/// A site where vehicles are checked before they leave.
#[derive(Serialize, ToSchema)]
pub(super) struct Depot {
    /// Its code.
    site: String,
    name: String,
    /// Name of the area that it lies in, and of those above; empty where none is known.
    area: String,
}

/// The depots of the country: sites of the kinds `depot` and `bus_station`. For everybody.
#[utoipa::path(get, path = "/api/v1/vehicles/depots", tag = "vehicles", operation_id = "list_depots",
    responses((status = 200, description = "All of them; 2,000 at most", body = Depots)))]
pub(super) async fn depots(State(app): State<Arc<App>>) -> Json<Depots> {
    let is_depot = |site: &SiteRecord| site.kind.as_deref().is_some_and(|kind| DEPOT_KINDS.contains(&kind));
    let sites = app.engine.catalog().sites().into_iter().filter(is_depot).take(DEPOTS_MAX);
    let depot = |site: SiteRecord| {
        let area = site.area.map(|area| app.people.areas.name(&area));
        let parts = area.map(|area| [area.name, area.path]).unwrap_or_default();
        let area: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let name = site.name.unwrap_or_else(|| site.site.clone());
        Depot { site: site.site, name, area: area.join(", ") }
    };
    let mut depots: Vec<Depot> = sites.map(depot).collect();
    depots.sort_by(|a, b| a.name.cmp(&b.name));
    Json(Depots { depots })
}

/// Declares a trip: by the driver, signed in with the driver's document, or by an officer of the depot. The
/// vehicle's pass is good once the trip is sealed. Sent again with the same key it answers the same.
#[utoipa::path(post, path = "/api/v1/vehicles/trips", tag = "vehicles", operation_id = "declare_trip",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each trip")),
    request_body = Trip,
    responses((status = 201, description = "Kept, and a pass issued", body = TripShown), Declaring))]
pub(super) async fn declare(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(trip): Body<Trip>,
) -> Result<(StatusCode, Json<TripShown>), Problem> {
    let by = driver_or(asking, Permission::Seal)?;
    let request = idempotency_key(&headers)?;
    app.check_room()?;
    let shared = Arc::clone(&app);
    let work = app
        .citizens_work
        .run(move || shared.people.declare_trip(&by, trip, request.as_deref(), TimeMs::now()));
    Ok((StatusCode::CREATED, Json(work.await??)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Code of the area, with all below it and those above; the official's own unless given. Officers are told
    /// of the trips that begin at their site, and drivers of their own.
    area: Option<String>,
    /// Only trips in this state.
    state: Option<TripState>,
    /// Only trips that were seen off their route.
    #[serde(default)]
    off_route: bool,
    /// Only trips declared before this one.
    before: Option<u64>,
    /// At most so many; 20 unless given, 100 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Trips {
    /// The newest first.
    trips: Vec<TripRow>,
    /// The value of `before` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Trips that begin at the officer's depot, or begin in an official's area or lead through it, or that a driver
/// has declared; without names of those aboard. Each look is in the audit log.
#[utoipa::path(get, path = "/api/v1/vehicles/trips", tag = "vehicles", operation_id = "list_trips",
    params(Which),
    responses((status = 200, description = "A page of trips", body = Trips), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(which): Asked<Which>,
) -> Result<Json<Trips>, Problem> {
    let by = reader(asking)?;
    let asked = TripsAsked {
        state: which.state,
        is_off_route: which.off_route,
        before: which.before,
        limit: which.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX),
    };
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let (people, now) = (&shared.people, TimeMs::now());
        Ok(match &by {
            Caller::Citizen { document, phone } => people.own_trips(document, phone, &asked, now)?,
            Caller::Official(account) => {
                let place = match (&account.site, which.area.as_ref().or(account.area.as_ref())) {
                    (Some(site), _) => TripPlace::Depot(site),
                    (None, Some(area)) => TripPlace::Area(area),
                    (None, None) => return Err(no_area()),
                };
                let is_theirs = match place {
                    TripPlace::Depot(_) => true,
                    TripPlace::Area(area) => {
                        shared.engine.catalog().area(area).is_some() && people.reaches_area(area, account)
                    }
                };
                if !is_theirs {
                    return Err(Problem::NotFound("your area has no such area in it".to_owned()));
                }
                people.trips_at(place, &asked, account, now)?
            }
            _ => return Err(Problem::SignInNeeded),
        })
    });
    let found = work.await??;
    Ok(Json(Trips { trips: found.trips, next: found.next.map(|next| next.to_string()) }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ByPlate {
    /// The number plate, in any form.
    #[schema(min_length = 1, example = "51F-123.45")]
    plate: String,
}

/// The newest trips of the vehicle with this plate that the official reaches.
#[utoipa::path(post, path = "/api/v1/vehicles/find", tag = "vehicles", operation_id = "find_vehicle",
    request_body = ByPlate,
    responses((status = 200, description = "Its trips, the newest first; none where there are none", body = Trips), Listing))]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(ByPlate { plate }): Body<ByPlate>,
) -> Result<Json<Trips>, Problem> {
    let Caller::Official(account) = reader(asking)? else {
        return Err(Problem::NotAllowed("officials look for vehicles; sign in as one".to_owned()));
    };
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.trips_of_plate(&plate, &account, TimeMs::now()));
    Ok(Json(Trips { trips: work.await??, next: None }))
}

/// A trip with everyone aboard: for its driver, officers of its depot or who have just scanned its pass, and
/// officials of the areas that it touches. Each look is in the audit log.
#[utoipa::path(get, path = "/api/v1/vehicles/trips/{trip}", tag = "vehicles", operation_id = "read_trip",
    params(("trip" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The trip", body = TripShown), Reading))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(trip): Named<u64>,
) -> Result<Json<TripShown>, Problem> {
    Ok(Json(found(app, asking, trip).await?))
}

/// Seals a trip whose vehicle was checked at its depot; for officers of that site.
#[utoipa::path(post, path = "/api/v1/vehicles/trips/{trip}/seal", tag = "vehicles", operation_id = "seal_trip",
    params(("trip" = u64, Path, description = "Its number")), request_body = Checklist,
    responses((status = 200, description = "Sealed: its pass is good now", body = TripShown), Changing))]
pub(super) async fn seal(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(trip): Named<u64>,
    Body(checklist): Body<Checklist>,
) -> Result<Json<TripShown>, Problem> {
    decide(app, asking, trip, checklist, true).await
}

/// Does not let a trip go; for officers of its depot. Its pass is taken back.
#[utoipa::path(post, path = "/api/v1/vehicles/trips/{trip}/refuse", tag = "vehicles", operation_id = "refuse_trip",
    params(("trip" = u64, Path, description = "Its number")), request_body = Checklist,
    responses((status = 200, description = "Refused", body = TripShown), Changing))]
pub(super) async fn refuse(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(trip): Named<u64>,
    Body(checklist): Body<Checklist>,
) -> Result<Json<TripShown>, Problem> {
    decide(app, asking, trip, checklist, false).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AboardChange)]
pub(super) struct Change {
    /// Everyone who is aboard from now on, the driver first.
    #[schema(min_items = 1)]
    aboard: Vec<Aboard>,
}

/// Writes down who is aboard from now on: for officers of the depot, and those who have just scanned the
/// vehicle's pass. Who was aboard before stays written down.
#[utoipa::path(post, path = "/api/v1/vehicles/trips/{trip}/aboard", tag = "vehicles", operation_id = "change_aboard",
    params(("trip" = u64, Path, description = "Its number")), request_body = Change,
    responses((status = 200, description = "Written down", body = TripShown), Changing))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(trip): Named<u64>,
    Body(Change { aboard }): Body<Change>,
) -> Result<Json<TripShown>, Problem> {
    let account = asking.official(Permission::Seal)?.clone();
    app.check_room()?;
    let shared = Arc::clone(&app);
    let work =
        app.people_work.run(move || shared.people.change_aboard(trip, aboard, &account, TimeMs::now()));
    Ok(Json(work.await??))
}

/// Ends a trip before its time, in the same officers' hands. Its pass is taken back.
#[utoipa::path(post, path = "/api/v1/vehicles/trips/{trip}/end", tag = "vehicles", operation_id = "end_trip",
    params(("trip" = u64, Path, description = "Its number")),
    responses((status = 200, description = "Over", body = TripShown), Changing))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(trip): Named<u64>,
) -> Result<Json<TripShown>, Problem> {
    let account = asking.official(Permission::Seal)?.clone();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.end_trip(trip, &account, TimeMs::now()));
    Ok(Json(work.await??))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Printed {
    /// `vi` or `en`; `vi` unless given.
    #[param(pattern = "^(vi|en)$")]
    lang: Option<String>,
}

/// The vehicle's pass to print and put behind the windscreen, as SVG of an A4 page. It names the vehicle, and
/// nobody aboard.
#[utoipa::path(get, path = "/api/v1/vehicles/trips/{trip}/sheet.svg", tag = "vehicles", operation_id = "trip_sheet",
    params(("trip" = u64, Path, description = "Its number"), Printed),
    responses((status = 200, description = "A page", content_type = "image/svg+xml", body = String), Reading))]
pub(super) async fn sheet(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(trip): Named<u64>,
    Asked(printed): Asked<Printed>,
) -> Result<Response, Problem> {
    let words = match printed.lang.as_deref().unwrap_or("vi") {
        "vi" => &VIETNAMESE,
        "en" => &ENGLISH,
        _ => return Err(Problem::Usage("`lang` is `vi` or `en`".to_owned())),
    };
    let trip = found(app, asking, trip).await?;
    let kept = (header::CACHE_CONTROL, "private, no-store");
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), kept], page(&trip, words)?).into_response())
}

/// The words on a printed pass of a vehicle.
struct Words {
    heading: &'static str,
    plate: &'static str,
    valid_until: &'static str,
    depot: &'static str,
    route: &'static str,
    aboard: &'static str,
}

static VIETNAMESE: Words = Words {
    heading: "Giấy nhận diện phương tiện luồng xanh",
    plate: "Biển số",
    valid_until: "Có giá trị đến",
    depot: "Nơi kiểm tra",
    route: "Lộ trình",
    aboard: "Số người trên xe",
};

static ENGLISH: Words = Words {
    heading: "Green-lane pass for a vehicle",
    plate: "Number plate",
    valid_until: "Valid until",
    depot: "Depot",
    route: "Route",
    aboard: "People aboard",
};

fn page(trip: &TripShown, words: &Words) -> Result<String, Problem> {
    let code = QrCode::new(&trip.pass.token).map_err(|error| Problem::Failed(error.to_string()))?;
    let until = printed_time(trip.pass.valid_until);
    let names: Vec<&str> = trip.route.iter().map(|area| area.name.as_str()).collect();
    let route = match names.as_slice() {
        // A long route is told by its ends: the pass itself leads to the whole of it.
        [first, .., last] if names.len() > 4 => format!("{first} – … – {last}"),
        _ => names.join(" – "),
    };
    let aboard = trip.aboard.len().to_string();
    let fields = [
        Field { label: words.plate, text: &trip.vehicle.plate },
        Field { label: words.valid_until, text: &until },
        Field { label: words.depot, text: &trip.depot_name },
        Field { label: words.route, text: &route },
        Field { label: words.aboard, text: &aboard },
    ];
    let card = Card { code: &code, heading: words.heading, number: &trip.pass.pass, fields: &fields };
    let sheet = pages(&[card], Format::One).next();
    sheet.ok_or_else(|| Problem::Failed("a sheet without a card".to_owned()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AboardWhen)]
pub(super) struct When {
    /// Number of the vehicle's pass.
    #[schema(min_length = 1, example = "QGC5B-2VEV0-QW2R")]
    pass: String,
    /// The instant of the scan, unix milliseconds.
    at: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AboardThen {
    /// Codes of those who were aboard then, each once.
    subjects: Vec<String>,
}

/// Who was aboard a vehicle when its pass was scanned, by codes: for a checkpoint that scanned it without a
/// network. What is answered for an instant of the past never changes.
#[utoipa::path(post, path = "/api/v1/checkpoint/aboard", tag = "checkpoint", operation_id = "aboard_at",
    request_body = When,
    responses((status = 200, description = "Those aboard then", body = AboardThen), Reading))]
pub(super) async fn aboard(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(When { pass, at }): Body<When>,
) -> Result<Json<AboardThen>, Problem> {
    let account = asking.official(Permission::Check)?.account.clone();
    let pass = number(&pass)?;
    let shared = Arc::clone(&app);
    let work =
        app.people_work.run(move || shared.people.aboard_at(pass, TimeMs::new(at), &account, TimeMs::now()));
    let subjects = work.await??.iter().map(ToString::to_string).collect();
    Ok(Json(AboardThen { subjects }))
}

async fn decide(
    app: Arc<App>,
    asking: Asking,
    trip: u64,
    checklist: Checklist,
    is_good: bool,
) -> Result<Json<TripShown>, Problem> {
    let account = asking.official(Permission::Seal)?.clone();
    let shared = Arc::clone(&app);
    let work = app
        .people_work
        .run(move || shared.people.decide_trip(trip, is_good, checklist, &account, TimeMs::now()));
    Ok(Json(work.await??))
}

async fn found(app: Arc<App>, asking: Asking, trip: u64) -> Result<TripShown, Problem> {
    let by = reader(asking)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.find_trip(trip, &by, TimeMs::now()));
    Ok(work.await??)
}

/// A driver, an officer, or an official who may see who travels.
fn reader(asking: Asking) -> Result<Caller, Problem> {
    let needed = if asking.caller.may(Permission::Seal) { Permission::Seal } else { Permission::FindPeople };
    driver_or(asking, needed)
}

fn driver_or(asking: Asking, permission: Permission) -> Result<Caller, Problem> {
    if !matches!(asking.caller, Caller::Citizen { .. }) {
        asking.official(permission)?;
    }
    Ok(asking.caller)
}

fn no_area() -> Problem {
    Problem::Usage("your account has no area of its own: name one with `area`".to_owned())
}

/// As the import of sites has them.
const DEPOT_KINDS: [&str; 2] = ["depot", "bus_station"];
const DEPOTS_MAX: usize = 2_000;

const LISTED_DEFAULT: usize = 20;
const LISTED_MAX: usize = 100;
