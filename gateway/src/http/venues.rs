//! Venues: how many are inside, posters to print, and visitors who scan one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use truyvet_engine::SiteRecord;
use truyvet_engine::registry::RegistryError;
use truyvet_qr::{Card, Field, Format, QrCode, pages};
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::declarations::idempotency_key;
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::passes::PRIVATE;
use super::problems::problems;
use crate::ingest::Visit;
use crate::people::{Caller, Permission, Venue, VenuesAsked, VisitAdmitted, VisitAsked, VisitRefused, Way};

problems!(Listing: WRONG_USAGE, TIMEOUT, BUSY, UNAVAILABLE, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, TIMEOUT, BUSY, UNAVAILABLE, FAILED);
problems!(Printing: WRONG_USAGE, NOT_ALLOWED, NOT_FOUND, TOO_LARGE, UNAVAILABLE, FAILED);
problems!(Replacing: WRONG_USAGE, NOT_ALLOWED, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Scanning: WRONG_USAGE, UNKNOWN_POSTER, UNAVAILABLE, FAILED);
problems!(Visiting: WRONG_USAGE, UNKNOWN_POSTER, UNKNOWN_PASS, PASS_REVOKED, NOT_VERIFIED, TOO_OLD, CONFLICT, PASS_EXPIRED, TOO_MANY_ATTEMPTS, TIMEOUT, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Code of an area: only venues there and below.
    area: Option<String>,
    /// Only venues behind this one.
    after: Option<String>,
    /// At most so many; 20 unless given, 100 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Venues {
    /// By code.
    venues: Vec<Venue>,
    /// The value of `after` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Venues, and how many are inside each: an officer's own, those of an official's area. Venues are sites whose kind
/// is told, but for those that one only passes (`checkpoint`, `border_gate`), `depot` and quarantine facilities.
#[utoipa::path(get, path = "/api/v1/venues", tag = "venues", operation_id = "list_venues", params(Which),
    responses((status = 200, description = "A page of venues, without their hours", body = Venues), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(which): Asked<Which>,
) -> Result<Json<Venues>, Problem> {
    let limit = which.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
    let asked = VenuesAsked { area: which.area, after: which.after, limit: limit + 1 };
    let shared = Arc::clone(&app);
    let work = app.lists_work.run(move || shared.people.venues(&asked, &asking.caller, TimeMs::now()));
    let mut venues = work.await??;
    let has_more = venues.len() > limit;
    venues.truncate(limit);
    let next = venues.last().filter(|_| has_more).map(|venue| venue.site.clone());
    Ok(Json(Venues { venues, next }))
}

/// How many are inside a venue now, and the day by hour, by all scans acknowledged before.
#[utoipa::path(get, path = "/api/v1/venues/{site}", tag = "venues", operation_id = "read_venue",
    params(("site" = String, Path, description = "Its code")),
    responses((status = 200, description = "Now", body = Venue), Reading))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(site): Named<String>,
) -> Result<Json<Venue>, Problem> {
    let site = seen(&app, &asking.caller, &site)?;
    let shared = Arc::clone(&app);
    let work = app.lists_work.run(move || shared.people.venue(site, TimeMs::now()));
    Ok(Json(work.await??))
}

/// A venue's poster to print, as SVG of an A4 page: for its officers, and for operators. A telephone's camera opens
/// the page of the server by it, where a visitor with a pass scans in and out.
#[utoipa::path(get, path = "/api/v1/venues/{site}/poster.svg", tag = "venues", operation_id = "venue_poster",
    params(("site" = String, Path, description = "Its code")),
    responses((status = 200, description = "A page", content_type = "image/svg+xml", body = String), Printing))]
pub(super) async fn poster(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Named(site): Named<String>,
) -> Result<Response, Problem> {
    let (site, address) = posted(&app, &asking.caller, &headers, &site)?;
    let code = QrCode::of_address(&address).map_err(|error| Problem::TooLarge(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), PRIVATE], page(&app, &site, &code)?).into_response())
}

/// What a poster's QR code says.
#[derive(Serialize, ToSchema)]
pub(super) struct PosterAddress {
    #[schema(example = "https://truyvet.example/venue#MK-00001.AEAACAJDIVTYTK6N")]
    address: String,
}

/// The address that a venue's poster carries, for posters of one's own making.
#[utoipa::path(get, path = "/api/v1/venues/{site}/poster", tag = "venues", operation_id = "venue_poster_address",
    params(("site" = String, Path, description = "Its code")),
    responses((status = 200, description = "The address", body = PosterAddress), Printing))]
pub(super) async fn poster_address(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Named(site): Named<String>,
) -> Result<Json<PosterAddress>, Problem> {
    let (_, address) = posted(&app, &asking.caller, &headers, &site)?;
    Ok(Json(PosterAddress { address }))
}

/// Replaces a venue's poster, as where somebody scans a picture of it from elsewhere: the old one is good no more, and
/// this is the address of the new one. Whoever went in by the old one goes out by the new one.
#[utoipa::path(post, path = "/api/v1/venues/{site}/poster/replace", tag = "venues", operation_id = "replace_poster",
    params(("site" = String, Path, description = "Its code")),
    responses((status = 200, description = "The new address", body = PosterAddress), Replacing))]
pub(super) async fn replace_poster(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Named(site): Named<String>,
) -> Result<Json<PosterAddress>, Problem> {
    let (site, _) = posted(&app, &asking.caller, &headers, &site)?;
    let shared = Arc::clone(&app);
    let replacing = app.people_work.run(move || -> Result<_, RegistryError> {
        shared.people.replace_poster(&site.site, &asking.caller, TimeMs::now())?;
        Ok(site)
    });
    let site = replacing.await??;
    let address = app.people.poster_address(&origin(&app, &headers)?, &site.site)?;
    Ok(Json(PosterAddress { address }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Poster {
    /// Code of the site, as on the poster.
    site: String,
    /// What stands behind it on the poster.
    seal: String,
}

/// The venue of a poster.
#[derive(Serialize, ToSchema)]
pub(super) struct PosterVenue {
    site: String,
    name: String,
    /// Name of the area that it lies in, and of those above; empty where none is known.
    area: String,
}

/// Which venue a poster is of.
#[utoipa::path(get, path = "/api/v1/visits/poster", tag = "venues", operation_id = "read_poster", params(Poster),
    responses((status = 200, description = "Its venue", body = PosterVenue), Scanning))]
pub(super) async fn read_poster(
    State(app): State<Arc<App>>,
    Asked(Poster { site, seal }): Asked<Poster>,
) -> Result<Json<PosterVenue>, Problem> {
    let site = app.people.poster_venue(&site, &seal)?;
    let (name, area) = (site.shown_name().to_owned(), whereabouts(&app, &site));
    Ok(Json(PosterVenue { site: site.site, name, area }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scanned {
    /// Code of the site, as on the poster.
    site: String,
    /// What stands behind it on the poster.
    seal: String,
    direction: Way,
    /// What the QR code of the visitor's pass says.
    token: String,
    /// When the visitor pressed, by the phone's clock, unix milliseconds; now where it is not told. A scan that was
    /// on its way for more than ten minutes is not taken.
    #[serde(default)]
    #[schema(nullable = false)]
    at: Option<i64>,
}

/// A visitor's scan that was taken.
#[derive(Serialize, ToSchema)]
pub(super) struct Visited {
    /// Code of the site.
    site: String,
    name: String,
    direction: Way,
    /// When, by the server's clock; unix milliseconds.
    at: i64,
    /// How many are inside now, and may be at once; where there is such a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    room: Option<Room>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Room {
    inside: u64,
    capacity: u32,
}

/// Scans a venue's poster, in or out, with a pass: a scan like any other from then on. Sent again with the same key
/// it is one scan, at the instant of the first. Who is inside may scan out though the pass has expired or was taken
/// back since. A venue that is full is told, and the scan is kept all the same: who is inside is known then.
#[utoipa::path(post, path = "/api/v1/visits", tag = "venues", operation_id = "visit",
    params(("Idempotency-Key" = String, Header, description = "Any text of up to 100 characters, new for each scan")),
    request_body = Scanned,
    responses((status = 201, description = "The scan is durable", body = Visited), Visiting))]
pub(super) async fn visit(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(scanned): Body<Scanned>,
) -> Result<(StatusCode, Json<Visited>), Problem> {
    let needed = || Problem::Usage("send the header Idempotency-Key, new for each scan".to_owned());
    let request = idempotency_key(&headers)?.ok_or_else(needed)?;
    app.check_room()?;
    let Scanned { site, seal, direction: way, token, at } = scanned;
    let site = app.people.poster_venue(&site, &seal)?;
    let (shared, of) = (Arc::clone(&app), site.clone());
    let admitting = app.citizens_work.run(move || {
        let pressed_at = at.map(TimeMs::new);
        let asked = VisitAsked { way, token: &token, pressed_at, request: &request };
        let admitted = shared.people.admit_visit(&of, asked, TimeMs::now())?;
        Ok::<_, VisitRefused>((admitted, *shared.people.registry.visitors_key(&of.site)?))
    });
    let (VisitAdmitted { subject, at, is_taken }, secret) = admitting.await??;
    if !is_taken {
        let visit =
            Visit { site: site.site.clone(), subject: subject.to_string(), direction: way.into(), at };
        Arc::clone(&app.own_scans).take(visit, secret).await?;
    }
    let (name, room) = (site.shown_name().to_owned(), room(&app, &site).await);
    let visited = Visited { site: site.site, name, direction: way, at: at.get(), room };
    Ok((StatusCode::CREATED, Json(visited)))
}

/// None where nobody knows it now: the scan is taken all the same.
async fn room(app: &Arc<App>, site: &SiteRecord) -> Option<Room> {
    let capacity = site.capacity?;
    let inside = app.counts.of(&site.site, || count(Arc::clone(app), site.site.clone())).await?;
    Some(Room { inside, capacity })
}

async fn count(app: Arc<App>, site: String) -> Option<u64> {
    let shared = Arc::clone(&app);
    let counting = app.citizens_work.run(move || {
        let counted = shared.people.inside(&site, TimeMs::now());
        counted.inspect_err(|error| tracing::warn!(%error, site, "visitors are not told how many are inside"))
    });
    counting.await.ok()?.ok()?
}

/// The venue, where the caller sees it; another's is told like what is not there.
fn seen(app: &App, caller: &Caller, site: &str) -> Result<SiteRecord, Problem> {
    let unknown = || {
        let said = "there is no such venue among those that you may see; look at its code, and at the kind of the \
                    site in the list of sites";
        Problem::NotFound(said.to_owned())
    };
    let site = app.people.venue_site(site);
    site.filter(|site| app.people.sees_venue(site, caller)).ok_or_else(unknown)
}

/// A venue and the address on its poster, for whoever may print one.
fn posted(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    site: &str,
) -> Result<(SiteRecord, String), Problem> {
    let site = seen(app, caller, site)?;
    if !caller.may(Permission::Operate) && !caller.may(Permission::Check) {
        let why = "posters are printed by officers of the venue and by operators; ask one of them";
        return Err(Problem::NotAllowed(why.to_owned()));
    }
    let address = app.people.poster_address(&origin(app, headers)?, &site.site)?;
    Ok((site, address))
}

/// How the caller has reached this server, and visitors will.
fn origin(app: &App, headers: &HeaderMap) -> Result<String, Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Problem::Usage("the request names no host".to_owned()))?;
    // From elsewhere the server is reached through something that speaks TLS.
    let scheme = if app.config.http.allow_remote { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}

/// In both languages: who stands before it is not known.
fn page(app: &App, site: &SiteRecord, code: &QrCode) -> Result<String, Problem> {
    let place = whereabouts(app, site);
    let capacity = site.capacity.map(|capacity| capacity.to_string()).unwrap_or_default();
    let fields = [
        ("Nơi", site.shown_name()),
        ("Địa chỉ", place.as_str()),
        ("Khi vào và khi ra", "Quét bằng máy ảnh của điện thoại, rồi bấm Vào hoặc Ra."),
        ("Entering and leaving", "Scan with your phone's camera, then press In or Out."),
        ("Số người tối đa · At most", capacity.as_str()),
    ];
    let fields: Vec<Field<'_>> = fields
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| Field { label, text })
        .collect();
    let card = Card { code, heading: "Quét mã khi vào và khi ra", number: &site.site, fields: &fields };
    let sheet = pages(&[card], Format::One).next();
    sheet.ok_or_else(|| Problem::Failed("a sheet without a card".to_owned()))
}

fn whereabouts(app: &App, site: &SiteRecord) -> String {
    let area = site.area.as_ref().map(|area| app.people.areas.name(area));
    let parts = area.map(|area| [area.name, area.path]).unwrap_or_default();
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

const LISTED_DEFAULT: usize = 20;
const LISTED_MAX: usize = 100;
