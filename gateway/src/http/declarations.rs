//! Declarations and passes: made by citizens, seen by those who made them, taken back by officials.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use truyvet_areas::Query;
use truyvet_engine::registry::{DeclarationRecord, DeclarationState};
use truyvet_qr::{Card, Field, Format, pages};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::PassId;
use truyvet_schemas::person::Document;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::body::Body;
use super::caller::Asking;
use super::error::{Problem, ProblemDocument};
use super::extract::{Asked, Named};
use crate::people::{AreaName, Found, PassView, People, Permission, act};

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
    responses((status = 201, description = "Kept, and a pass issued", body = Made),
        (status = 400, description = "The body cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The code was for another document", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The register disagrees, or the documents are two people's", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Too many today", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "There is no room now", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Some fields must be corrected", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn declare(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(sent): Body<Declare>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let (document, phone) = owned(asking.citizen()?);
    let request = idempotency_key(&headers)?;
    check_room(&app)?;
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
    declaration: String,
    #[schema(value_type = String, example = "verified")]
    state: DeclarationState,
    /// Unix milliseconds.
    made_at: i64,
    from: AreaName,
    to: AreaName,
    /// Unix milliseconds.
    departs_at: i64,
    pass: PassView,
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
pub(super) struct Before {
    /// Only declarations before this one.
    before: Option<u64>,
    /// At most so many; 10 unless given, 50 at most.
    limit: Option<usize>,
}

/// The citizen's own declarations, made with the same document and phone, the newest first.
#[utoipa::path(get, path = "/api/v1/declarations", tag = "declarations", operation_id = "own_declarations",
    params(Before),
    responses((status = 200, description = "A page of declarations", body = Declarations),
        (status = 400, description = "A parameter cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(page): Asked<Before>,
) -> Result<Json<Declarations>, Problem> {
    let (document, phone) = owned(asking.citizen()?);
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
    responses((status = 200, description = "The newest declaration", body = Last),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "None was made yet", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn last(State(app): State<Arc<App>>, asking: Asking) -> Result<Json<Last>, Problem> {
    let (document, phone) = owned(asking.citizen()?);
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let newest = shared.people.own_declarations(&document, &phone, None, 1)?.pop();
        let newest = newest.ok_or_else(|| Problem::NotFound("no declaration was made yet".to_owned()))?;
        let (_, declaration) = opened(&shared.people, &newest)?;
        Ok(Last { declaration })
    });
    Ok(Json(work.await??))
}

/// A pass of the citizen's own.
#[utoipa::path(get, path = "/api/v1/passes/{pass}", tag = "declarations", operation_id = "own_pass",
    params(("pass" = String, Path, description = "Its number")),
    responses((status = 200, description = "The pass and its declaration", body = Listed),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No pass of the citizen's own has this number", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn pass(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(pass): Named<String>,
) -> Result<Json<Listed>, Problem> {
    Ok(Json(own_pass(app, asking, &pass).await?))
}

/// The QR code of a pass, as SVG.
#[utoipa::path(get, path = "/api/v1/passes/{pass}/qr.svg", tag = "declarations", operation_id = "pass_svg",
    params(("pass" = String, Path, description = "Its number")),
    responses((status = 200, description = "A picture", content_type = "image/svg+xml", body = String),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No pass of the citizen's own has this number", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn svg(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(pass): Named<String>,
) -> Result<Response, Problem> {
    let pass = own_pass(app, asking, &pass).await?.pass;
    let svg = qr(&pass)?.svg(&pass.pass);
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), PRIVATE], svg).into_response())
}

/// The QR code of a pass, as PNG.
#[utoipa::path(get, path = "/api/v1/passes/{pass}/qr.png", tag = "declarations", operation_id = "pass_png",
    params(("pass" = String, Path, description = "Its number")),
    responses((status = 200, description = "A picture", content_type = "image/png", body = Vec<u8>),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No pass of the citizen's own has this number", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn png(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(pass): Named<String>,
) -> Result<Response, Problem> {
    let pass = own_pass(app, asking, &pass).await?.pass;
    let png = qr(&pass)?.png(PNG_MODULE_PIXELS).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "image/png"), PRIVATE], png).into_response())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Printed {
    /// Passes on the A4 page: 1 or 8; 1 unless given. Eight are copies to be cut apart.
    cards: Option<u8>,
    /// `vi` or `en`; `vi` unless given.
    lang: Option<String>,
}

/// A pass to print, as SVG of an A4 page.
#[utoipa::path(get, path = "/api/v1/passes/{pass}/sheet.svg", tag = "declarations", operation_id = "pass_sheet",
    params(("pass" = String, Path, description = "Its number"), Printed),
    responses((status = 200, description = "A page", content_type = "image/svg+xml", body = String),
        (status = 400, description = "A parameter cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "A one-time code is needed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No pass of the citizen's own has this number", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn sheet(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(pass): Named<String>,
    Asked(printed): Asked<Printed>,
) -> Result<Response, Problem> {
    let format = match printed.cards.unwrap_or(1) {
        1 => Format::One,
        8 => Format::Eight,
        _ => return Err(Problem::Usage("`cards` is 1 or 8".to_owned())),
    };
    let words = match printed.lang.as_deref().unwrap_or("vi") {
        "vi" => &VIETNAMESE,
        "en" => &ENGLISH,
        _ => return Err(Problem::Usage("`lang` is `vi` or `en`".to_owned())),
    };
    let listed = own_pass(app, asking, &pass).await?;
    let sheet = page(&listed, words, format)?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), PRIVATE], sheet).into_response())
}

/// The words on a printed pass.
struct Words {
    heading: &'static str,
    valid_until: &'static str,
    from: &'static str,
    to: &'static str,
    departs: &'static str,
}

static VIETNAMESE: Words = Words {
    heading: "Giấy xác nhận khai báo di chuyển",
    valid_until: "Có giá trị đến",
    from: "Nơi đi",
    to: "Nơi đến",
    departs: "Khởi hành",
};

static ENGLISH: Words = Words {
    heading: "Pass for a declared journey",
    valid_until: "Valid until",
    from: "From",
    to: "To",
    departs: "Departs",
};

/// Without the holder's name: a sheet that is lost tells nobody's.
fn page(listed: &Listed, words: &Words, format: Format) -> Result<String, Problem> {
    let code = qr(&listed.pass)?;
    let place = |area: &AreaName| match area.path.is_empty() {
        true => area.name.clone(),
        false => format!("{}, {}", area.name, area.path),
    };
    let (from, to) = (place(&listed.from), place(&listed.to));
    let (until, departs) = (printed_time(listed.pass.valid_until), printed_time(listed.departs_at));
    let fields = [
        Field { label: words.valid_until, text: &until },
        Field { label: words.from, text: &from },
        Field { label: words.to, text: &to },
        Field { label: words.departs, text: &departs },
    ];
    let card = Card { code: &code, heading: words.heading, number: &listed.pass.pass, fields: &fields };
    let copies = if format == Format::Eight { 8 } else { 1 };
    let sheet = pages(&vec![card; copies], format).next();
    sheet.ok_or_else(|| Problem::Failed("a sheet without a card".to_owned()))
}

/// As officers read it, whatever the language: `21/11/2026 14:05`, in the time of the country.
fn printed_time(unix_ms: i64) -> String {
    const HOURS_EAST_MS: i64 = 7 * 3_600_000;
    let text = TimeMs::new(unix_ms + HOURS_EAST_MS).rfc3339();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let date: Vec<&str> = date.rsplit('-').collect();
    format!("{} {}", date.join("/"), time.get(..5).unwrap_or_default())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    /// A word, such as `case`; nothing about the person.
    reason: String,
}

/// Takes a pass back.
#[utoipa::path(post, path = "/api/v1/passes/{pass}/revoke", tag = "declarations", operation_id = "revoke_pass",
    params(("pass" = String, Path, description = "Its number")), request_body = Revoke,
    responses((status = 204, description = "Taken back"),
        (status = 400, description = "The body or the number cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No pass of the area's people has this number", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The reason is not a word", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(pass): Named<String>,
    Body(Revoke { reason }): Body<Revoke>,
) -> Result<StatusCode, Problem> {
    let account = asking.official(Permission::Hold)?.clone();
    let pass = number(&pass)?;
    let reason = super::people::reason(&reason)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<(), Problem> {
        let people = &shared.people;
        let known = people.registry.pass(pass)?.ok_or_else(unknown_pass)?;
        if !people.is_in_reach(known.subject, &account)? {
            return Err(unknown_pass());
        }
        let act = act(TimeMs::now(), &account.account, "pass.revoke", &pass.to_string());
        people.registry.revoke(pass, &reason, act)?;
        Ok(())
    });
    work.await??;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// The server's clock, unix milliseconds.
    now: i64,
}

/// A key that signs passes.
#[derive(Serialize, ToSchema)]
#[schema(as = PassKey)]
pub(super) struct Key {
    id: u16,
    /// 32 bytes in base64.
    public_key: String,
    /// It signs from here on, unix milliseconds.
    from: i64,
    /// It signs before this, unix milliseconds; null: it still does.
    until: Option<i64>,
}

/// The keys that passes are verified with.
#[utoipa::path(get, path = "/api/v1/passes/keys", tag = "declarations", operation_id = "pass_keys",
    responses((status = 200, description = "All keys that ever signed", body = Keys)))]
pub(super) async fn keys(State(app): State<Arc<App>>) -> Json<Keys> {
    Json(Keys { keys: public_keys(&app.people), now: TimeMs::now().get() })
}

pub(super) fn public_keys(people: &People) -> Vec<Key> {
    let shown = |key: truyvet_schemas::pass::PassKey| Key {
        id: key.id,
        public_key: BASE64.encode(key.key.as_bytes()),
        from: key.from.get(),
        until: key.until.map(TimeMs::get),
    };
    people.issuer.public().into_iter().map(shown).collect()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// As one types, with or without diacritics.
    #[serde(default)]
    q: String,
    /// At most so many; 10 unless given, 50 at most.
    limit: Option<usize>,
    /// Only areas that exist at this instant, unix milliseconds.
    at: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct FoundAreas {
    /// The best first.
    areas: Vec<Found>,
}

/// Areas by what one types of their names.
#[utoipa::path(get, path = "/api/v1/areas/search", tag = "declarations", operation_id = "search_areas",
    params(Search),
    responses((status = 200, description = "The areas meant", body = FoundAreas),
        (status = 400, description = "A parameter cannot be read", body = ProblemDocument, content_type = "application/problem+json")))]
pub(super) async fn search_areas(
    State(app): State<Arc<App>>,
    Asked(search): Asked<Search>,
) -> Result<Json<FoundAreas>, Problem> {
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || {
        let limit = search.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
        let query = Query { at_ms: search.at, limit, ..Query::new(&search.q) };
        shared.people.areas.find(&query, TimeMs::now().get())
    });
    Ok(Json(FoundAreas { areas: work.await? }))
}

/// A pass's number as people type it.
pub(super) fn number(text: &str) -> Result<PassId, Problem> {
    let wrong = |_| Problem::Usage("this is no number of a pass; type it again".to_owned());
    text.parse().map_err(wrong)
}

async fn own_pass(app: Arc<App>, asking: Asking, pass: &str) -> Result<Listed, Problem> {
    let (document, phone) = owned(asking.citizen()?);
    let pass = number(pass)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let record = shared.people.own_pass(&document, &phone, pass)?.ok_or_else(unknown_pass)?;
        let (record, declaration) = opened(&shared.people, &record)?;
        listed(&shared.people, record, &declaration)
    });
    work.await?
}

fn listed(people: &People, record: DeclarationRecord, declaration: &Declaration) -> Result<Listed, Problem> {
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
fn opened(people: &People, record: &DeclarationRecord) -> Result<(DeclarationRecord, Declaration), Problem> {
    let act = act(TimeMs::now(), "citizen", "declaration.read", &record.pass.to_string());
    people.registry.declaration(record.declaration, act)?.ok_or_else(unknown_pass)
}

fn qr(pass: &PassView) -> Result<truyvet_qr::QrCode, Problem> {
    truyvet_qr::QrCode::new(&pass.token).map_err(|error| Problem::Failed(error.to_string()))
}

fn unknown_pass() -> Problem {
    Problem::NotFound(
        "there is no such pass among those that you may see; look at its number again".to_owned(),
    )
}

fn owned((document, phone): (&Document, &str)) -> (Document, String) {
    (document.clone(), phone.to_owned())
}

/// Scans come first: what citizens write is refused while the disk is full.
pub(super) fn check_room(app: &App) -> Result<(), Problem> {
    match app.not_ready() {
        None => Ok(()),
        Some(_) => Err(Problem::Unavailable("the server has no room now; send it again later".to_owned())),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()));
    let wrong = || Problem::Usage("the header Idempotency-Key is 1 to 100 characters of ASCII".to_owned());
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

const PRIVATE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, no-store");
const LISTED_DEFAULT: usize = 10;
const LISTED_MAX: usize = 50;
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 100;

/// Enough for a sheet of paper, and small enough for a message: 424 pixels.
const PNG_MODULE_PIXELS: usize = 8;
