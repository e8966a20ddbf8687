//! An officer's browser at a checkpoint: a device like any other, its lists, and checks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use data_encoding::BASE64;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::Watched;
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use truyvet_schemas::person::Document;
use utoipa::ToSchema;

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::Body;
use super::passes::{Key, number, public_keys};
use super::problems::problems;
use crate::ingest::WEB_PATH;
use crate::people::{Asked, Card, Checked, Permission, act};
use crate::tls::CertificateHash;

problems!(Enrolling: WRONG_USAGE, NOT_FOUND, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Listing: BUSY, UNAVAILABLE, FAILED);
problems!(Offering: BUSY, UNAVAILABLE, FAILED);
problems!(Checking: WRONG_USAGE, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Verifying: WRONG_USAGE, NOT_FOUND, TWO_PEOPLE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDevice {
    /// Ed25519, 32 bytes in base64.
    #[schema(min_length = 44, max_length = 44)]
    public_key: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Enrolled {
    /// The device's number.
    device: u32,
    /// The number of its next scan: 1 where it is new.
    next_seq: String,
    /// Code of its site.
    site: String,
    site_name: String,
    /// The server's clock, unix milliseconds.
    now: i64,
}

/// Makes the officer's browser a device of the officer's site; the same key there is the same device.
#[utoipa::path(post, path = "/api/v1/checkpoint/device", tag = "checkpoint", operation_id = "enrol_browser",
    request_body = NewDevice,
    responses((status = 201, description = "Enrolled", body = Enrolled), Enrolling))]
pub(super) async fn enrol(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(sent): Body<NewDevice>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    let account = asking.official(Permission::Check)?.clone();
    let flaw = || Problem::Invalid(vec![Flaw { field: "public_key".to_owned(), code: Wrong::Form }]);
    let key = BASE64.decode(sent.public_key.as_bytes()).ok().and_then(|key| key.try_into().ok());
    let key: [u8; 32] = key.ok_or_else(flaw)?;
    ed25519_dalek::VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak()).ok_or_else(flaw)?;
    let site = account.site.ok_or_else(|| Problem::NotAllowed("this account has no site".to_owned()))?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let (catalog, now) = (shared.engine.catalog(), TimeMs::now());
        // A browser that asks again has lost the answer, not the key.
        let device = catalog.find_or_add_device(&site, key, true, now)?;
        let number = device.device.to_string();
        shared.people.registry.note(act(now, &account.account, "device.enrol", &number))?;
        let site_name = shared.people.site_name(&site);
        let next_seq = (device.durable_seq + 1).to_string();
        Ok(Enrolled { device: device.device, next_seq, site, site_name, now: now.get() })
    });
    Ok((StatusCode::CREATED, Json(work.await??)))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Lists {
    /// The server's clock, unix milliseconds: the lists are as they were then.
    now: i64,
    /// How far a device's clock may be off, milliseconds.
    skew_ms: u64,
    /// Numbers of passes that were taken back and have not expired.
    revoked: Vec<String>,
    /// Subjects to be held.
    watch: Vec<Hold>,
    /// Subjects who are to stay in quarantine. Who of them may be at the checkpoint's own site, as in their
    /// facility, is told online.
    quarantine: Vec<String>,
    /// The keys that passes are verified with.
    keys: Vec<Key>,
    /// Vehicles that were sealed at their depots and are under way; those that are over first come first. Who is
    /// aboard one that is not here is asked of the server.
    vehicles: Vec<UnderWay>,
    /// Whether a list was cut at its bound: what is not on it must be checked online.
    is_cut: bool,
}

/// A subject to be held.
#[derive(Serialize, ToSchema)]
pub(super) struct Hold {
    subject: String,
    reason: String,
}

/// A vehicle that is under way.
#[derive(Serialize, ToSchema)]
pub(super) struct UnderWay {
    /// Number of its pass.
    pass: String,
    /// Codes of those aboard.
    aboard: Vec<String>,
}

/// How scans may be sent, beside `POST /api/v1/scans`.
#[derive(Serialize, ToSchema)]
pub(super) struct Transports {
    /// Absent where this server, or the way to it, has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    webtransport: Option<WebTransport>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WebTransport {
    /// Where to connect.
    #[schema(example = "https://127.0.0.1:4434/api/v1/scans")]
    url: String,
    /// SHA-256 of the certificates to accept, in base64; none: the browser checks the certificate itself.
    certificate_hashes: Vec<String>,
    /// What each request begins with, 32 bytes in base64. A secret of this session.
    ticket: String,
    /// How long the ticket holds, milliseconds; shorter where the session or the account ends before.
    ticket_holds_ms: i64,
}

/// Tells how scans may be sent over WebTransport, as PROTOCOL.md says, and gives a ticket for it.
#[utoipa::path(post, path = "/api/v1/checkpoint/transports", tag = "checkpoint", operation_id = "offer_transports",
    responses((status = 200, description = "What there is", body = Transports), Offering))]
pub(super) async fn transports(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
) -> Result<Json<Transports>, Problem> {
    asking.official(Permission::Check)?;
    let none = Json(Transports { webtransport: None });
    let offer = web_origin(&app, &headers);
    let (Some((origin, certificate_hashes)), Some(token)) = (offer, asking.token) else { return Ok(none) };
    let shared = Arc::clone(&app);
    let now = TimeMs::now();
    let issuing = app.people_work.run(move || shared.people.issue_ticket(&token, now));
    let Some(issued) = issuing.await?? else { return Ok(none) };
    let webtransport = WebTransport {
        url: format!("{origin}{WEB_PATH}"),
        certificate_hashes: certificate_hashes.iter().map(|hash| BASE64.encode(hash)).collect(),
        ticket: BASE64.encode(&issued.ticket),
        ticket_holds_ms: issued.expires_at.get() - now.get(),
    };
    Ok(Json(Transports { webtransport: Some(webtransport) }))
}

/// `https://NAME:PORT` where the browser that sent these headers can reach the gateway, and the digests of
/// what it is shown there.
pub(super) fn web_origin(app: &App, headers: &HeaderMap) -> Option<(String, Vec<CertificateHash>)> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let (origin, offer) = app.gateway.as_ref()?.offer(host)?;
    Some((origin, offer.hashes()))
}

/// All that a checkpoint needs to check passes without a network.
#[utoipa::path(get, path = "/api/v1/checkpoint/lists", tag = "checkpoint", operation_id = "checkpoint_lists",
    responses((status = 200, description = "The lists as they are now", body = Lists),
        (status = 304, description = "As the caller has them (If-None-Match)"), Listing))]
pub(super) async fn lists(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    asking.official(Permission::Check)?;
    let made = match app.lists.fresh(&app, TimeMs::now()) {
        Some(made) => made,
        None => {
            let shared = Arc::clone(&app);
            app.lists_work.run(move || shared.lists.now(&shared)).await??
        }
    };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = [(header::ETAG, made.tag.clone()), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    // The server's clock goes along in the header `date`.
    if known == Some(&made.tag) {
        return Ok((StatusCode::NOT_MODIFIED, fresh).into_response());
    }
    let json = (header::CONTENT_TYPE, "application/json");
    Ok((fresh, [json], made.body.clone()).into_response())
}

/// The lists, made once for all who ask: thousands of checkpoints do every minute.
#[derive(Default)]
pub(super) struct MadeLists {
    made: Mutex<Option<Arc<Made>>>,
    /// Held while they are made.
    making: Mutex<()>,
}

struct Made {
    /// State of the registry that they were made of.
    revision: u64,
    made_at: TimeMs,
    tag: String,
    body: Bytes,
}

impl MadeLists {
    /// The lists that were made, where they are good enough to be told. Waits for nobody.
    fn fresh(&self, app: &App, now: TimeMs) -> Option<Arc<Made>> {
        let made = self.made.lock().clone()?;
        let is_last = made.revision == app.people.registry.lists_revision();
        let holds_ms = if is_last { LISTS_HOLD_MS } else { LISTS_BEHIND_MS };
        (0..holds_ms).contains(&(now.get() - made.made_at.get())).then_some(made)
    }

    /// The lists as they are now. Who comes while they are made waits for them.
    fn now(&self, app: &App) -> Result<Arc<Made>, Problem> {
        let _alone = self.making.lock();
        let now = TimeMs::now();
        if let Some(made) = self.fresh(app, now) {
            return Ok(made);
        }
        let failed = |error: serde_json::Error| Problem::Failed(error.to_string());
        let revision = app.people.registry.lists_revision();
        let lists = lists_at(app, now)?;
        let content = lists.content().map_err(failed)?;
        let tag = format!("\"{}\"", &blake3::hash(&content).to_hex()[..32]);
        let body = serde_json::to_vec(&lists).map_err(failed)?.into();
        // They hold from when they are there: long lists of a busy hour would be old at once.
        let made = Arc::new(Made { revision, made_at: TimeMs::now(), tag, body });
        *self.made.lock() = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl Lists {
    /// What changes them: all but the time.
    fn content(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&(&self.revoked, &self.watch, &self.quarantine, &self.keys, &self.vehicles))
    }
}

fn lists_at(app: &App, now: TimeMs) -> Result<Lists, Problem> {
    let registry = &app.people.registry;
    let revoked = registry.revoked(now, LISTED_MAX)?;
    let watch = registry.watch_list(None, now, LISTED_MAX)?;
    let quarantine = in_quarantine(app, now)?;
    let is_cut = [revoked.len(), watch.len(), quarantine.len()].contains(&LISTED_MAX);
    let hold = |watched: Watched| Hold { subject: watched.subject.to_string(), reason: watched.reason };
    Ok(Lists {
        now: now.get(),
        skew_ms: app.config.people.clock_skew_ms,
        revoked: revoked.iter().map(ToString::to_string).collect(),
        watch: watch.into_iter().map(hold).collect(),
        quarantine,
        keys: public_keys(&app.people),
        vehicles: under_way(app, now)?,
        is_cut,
    })
}

/// Codes alone, 19 bytes each: what is ordered and where is nobody's business at a checkpoint.
fn in_quarantine(app: &App, now: TimeMs) -> Result<Vec<String>, Problem> {
    let mut codes = Vec::new();
    app.people.registry.open_orders(now, |open| {
        codes.extend(open.holds_at(now).then(|| open.subject.to_string()));
        codes.len() < LISTED_MAX
    })?;
    Ok(codes)
}

/// What was sealed since is on the lists with the next that are made: half a minute later at most.
fn under_way(app: &App, now: TimeMs) -> Result<Vec<UnderWay>, Problem> {
    let (mut vehicles, mut room) = (Vec::new(), ABOARD_LISTED_MAX);
    app.people.registry.trips_under_way(now, |trip, aboard| {
        let fits = aboard.len() < room;
        if fits {
            room -= aboard.len() + 1;
            let aboard = aboard.iter().map(ToString::to_string).collect();
            vehicles.push(UnderWay { pass: trip.pass.to_string(), aboard });
        }
        fits
    })?;
    Ok(vehicles)
}

/// One of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Shown {
    /// What a pass's QR code says.
    Token(String),
    /// A pass's number, as typed.
    Pass(String),
    /// What the QR code of a chip citizen card says.
    Card(String),
    /// A document, as typed.
    Document(Document),
}

/// What is found, and since when the holder is inside where it is checked.
#[derive(Serialize, ToSchema)]
pub(super) struct CheckedHere {
    #[serde(flatten)]
    checked: Checked,
    /// The holder has been inside the officer's venue since then, unix milliseconds; absent where nobody knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inside_since: Option<i64>,
}

/// Checks what an officer holds in hand, and tells what was declared.
#[utoipa::path(post, path = "/api/v1/checkpoint/check", tag = "checkpoint", operation_id = "check_pass",
    request_body = Shown,
    responses((status = 200, description = "The verdict; `unknown` where it is no pass of this system", body = CheckedHere), Checking))]
pub(super) async fn check(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(shown): Body<Shown>,
) -> Result<Json<CheckedHere>, Problem> {
    let account = asking.official(Permission::Check)?.clone();
    let asked = match shown {
        Shown::Token(token) => Asked::Token(token),
        Shown::Pass(pass) => Asked::Pass(number(&pass)?),
        Shown::Card(text) => Asked::Card(Card::parse(&text).ok_or_else(|| {
            Problem::Usage("this is not what the code of a citizen card says; scan it again".to_owned())
        })?),
        Shown::Document(document) => Asked::Document(checked_document(document)?),
    };
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let (people, now) = (&shared.people, TimeMs::now());
        let checked = people.check(&asked, &account, now)?;
        let venue = account.site.as_deref().and_then(|site| people.venue_site(site));
        let inside_since = match (venue, &checked.facts) {
            (Some(venue), Some(facts)) => people.inside_since(&facts.subject, &venue.site, now)?,
            _ => None,
        };
        Ok(CheckedHere { checked, inside_since: inside_since.map(TimeMs::get) })
    });
    Ok(Json(work.await??))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verified {
    /// The declaration's number.
    #[schema(pattern = "^[0-9]+$", example = "17")]
    declaration: String,
}

/// Notes that the officer compared a declaration, checked before, with the document in hand, and found it
/// right.
#[utoipa::path(post, path = "/api/v1/checkpoint/verified", tag = "checkpoint", operation_id = "verified",
    request_body = Verified,
    responses((status = 204, description = "Noted"), Verifying))]
pub(super) async fn verified(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(sent): Body<Verified>,
) -> Result<StatusCode, Problem> {
    let account = asking.official(Permission::Check)?.clone();
    let wrong = |_| Problem::Usage("a declaration's number is a whole number, as text".to_owned());
    let declaration: u64 = sent.declaration.parse().map_err(wrong)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.verified(declaration, &account, TimeMs::now()));
    work.await??;
    Ok(StatusCode::NO_CONTENT)
}

/// A document, tidied and of the right form.
pub(super) fn checked_document(document: Document) -> Result<Document, Problem> {
    let document = document.tidied();
    let mut check = Check::default();
    check.within("document", |check| document.check(check));
    let flaws = check.flaws();
    if flaws.is_empty() { Ok(document) } else { Err(Problem::Invalid(flaws)) }
}

/// Entries of one list: some 4 MB.
const LISTED_MAX: usize = 100_000;

/// Vehicles under way and people aboard them on one list: some 2 MB.
const ABOARD_LISTED_MAX: usize = 100_000;

/// What has ended meanwhile stays on the lists for so long at most.
const LISTS_HOLD_MS: i64 = 30_000;

/// What is new is there after so long: orders for thousands change the lists many times a second, and making them
/// takes a good part of one where they are full.
const LISTS_BEHIND_MS: i64 = 1_000;
