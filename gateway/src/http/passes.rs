//! Passes: shown, drawn and printed for those who hold them, taken back by officials, verified by anybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use truyvet_qr::{Card, Field, Format, pages};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::PassId;
use truyvet_schemas::time::EAST_MS;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::declarations::{Listed, listed, opened};
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::problems::problems;
use crate::people::{AreaName, Happened, PassView, People, Permission, act};

problems!(Showing: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Revoking: WRONG_USAGE, NOT_FOUND, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

/// A pass of the citizen's own.
#[utoipa::path(get, path = "/api/v1/passes/{pass}", tag = "declarations", operation_id = "own_pass",
    params(("pass" = String, Path, description = "Its number")),
    responses((status = 200, description = "The pass and its declaration", body = Listed), Showing))]
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
    responses((status = 200, description = "A picture", content_type = "image/svg+xml", body = String), Showing))]
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
    responses((status = 200, description = "A picture", content_type = "image/png", body = Vec<u8>), Showing))]
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
#[into_params(parameter_in = Query)]
pub(super) struct Printed {
    /// Passes on the A4 page: 1 or 8; 1 unless given. Eight are copies to be cut apart.
    cards: Option<u8>,
    /// `vi` or `en`; `vi` unless given.
    #[param(pattern = "^(vi|en)$")]
    lang: Option<String>,
}

/// A pass to print, as SVG of an A4 page.
#[utoipa::path(get, path = "/api/v1/passes/{pass}/sheet.svg", tag = "declarations", operation_id = "pass_sheet",
    params(("pass" = String, Path, description = "Its number"), Printed),
    responses((status = 200, description = "A page", content_type = "image/svg+xml", body = String), Showing))]
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
    let words = Words::of(printed.lang.as_deref())?;
    let listed = own_pass(app, asking, &pass).await?;
    let sheet = page(&listed, words, format)?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), PRIVATE], sheet).into_response())
}

/// The words on a printed pass.
pub(super) struct Words {
    heading: &'static str,
    name: &'static str,
    valid_until: &'static str,
    from: &'static str,
    to: &'static str,
    departs: &'static str,
}

impl Words {
    /// Those of `vi`, also where no language is named, or `en`.
    pub(super) fn of(language: Option<&str>) -> Result<&'static Self, Problem> {
        match language.unwrap_or("vi") {
            "vi" => Ok(&VIETNAMESE),
            "en" => Ok(&ENGLISH),
            _ => Err(Problem::Usage("`lang` is `vi` or `en`".to_owned())),
        }
    }
}

static VIETNAMESE: Words = Words {
    heading: "Giấy xác nhận khai báo di chuyển",
    name: "Họ và tên",
    valid_until: "Có giá trị đến",
    from: "Nơi đi",
    to: "Nơi đến",
    departs: "Khởi hành",
};

static ENGLISH: Words = Words {
    heading: "Pass for a declared journey",
    name: "Name",
    valid_until: "Valid until",
    from: "From",
    to: "To",
    departs: "Departs",
};

/// Without the holder's name: a sheet that is lost tells nobody's.
fn page(listed: &Listed, words: &Words, format: Format) -> Result<String, Problem> {
    let code = qr(&listed.pass)?;
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

/// Passes of several people on one A4 page, eight at most, with their names beside them: whoever hands them
/// out must know whose is which.
pub(super) fn named_page(people: &[(String, Listed)], words: &Words) -> Result<String, Problem> {
    let codes: Vec<_> = people.iter().map(|(_, listed)| qr(&listed.pass)).collect::<Result<_, _>>()?;
    let text = |(name, listed): &(String, Listed)| {
        [name.clone(), printed_time(listed.pass.valid_until), place(&listed.from), place(&listed.to)]
    };
    let texts: Vec<[String; 4]> = people.iter().map(text).collect();
    let labels = [words.name, words.valid_until, words.from, words.to];
    let fields: Vec<[Field<'_>; 4]> = texts
        .iter()
        .map(|texts| std::array::from_fn(|at| Field { label: labels[at], text: &texts[at] }))
        .collect();
    let card = |at: usize| Card {
        code: &codes[at],
        heading: words.heading,
        number: &people[at].1.pass.pass,
        fields: &fields[at],
    };
    let cards: Vec<Card<'_>> = (0..people.len()).map(card).collect();
    pages(&cards, Format::Eight).next().ok_or_else(unknown_pass)
}

fn place(area: &AreaName) -> String {
    match area.path.is_empty() {
        true => area.name.clone(),
        false => format!("{}, {}", area.name, area.path),
    }
}

/// As officers read it, whatever the language: `21/11/2026 14:05`, in the time of the country.
pub(super) fn printed_time(unix_ms: i64) -> String {
    let text = TimeMs::new(unix_ms + EAST_MS).rfc3339();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let date: Vec<&str> = date.rsplit('-').collect();
    format!("{} {}", date.join("/"), time.get(..5).unwrap_or_default())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    /// A word, such as `case`; nothing about the person.
    #[schema(min_length = 1, example = "misuse")]
    reason: String,
}

/// Takes a pass back.
#[utoipa::path(post, path = "/api/v1/passes/{pass}/revoke", tag = "declarations", operation_id = "revoke_pass",
    params(("pass" = String, Path, description = "Its number")), request_body = Revoke,
    responses((status = 204, description = "Taken back"), Revoking))]
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
        if !people.may_revoke(&known, &account)? {
            return Err(unknown_pass());
        }
        let act = act(TimeMs::now(), &account.account, "pass.revoke", &pass.to_string());
        let revoked = people.registry.revoke(pass, &reason, act)?;
        people.live.happened(Happened::Revoked(revoked.declaration));
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

/// A pass's number as people type it.
pub(super) fn number(text: &str) -> Result<PassId, Problem> {
    let wrong = |_| Problem::Usage("this is no number of a pass; type it again".to_owned());
    text.parse().map_err(wrong)
}

async fn own_pass(app: Arc<App>, asking: Asking, pass: &str) -> Result<Listed, Problem> {
    let (document, phone) = asking.citizen()?;
    let pass = number(pass)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || -> Result<_, Problem> {
        let record = shared.people.own_pass(&document, &phone, pass)?.ok_or_else(unknown_pass)?;
        let (record, declaration) = opened(&shared.people, &record)?;
        listed(&shared.people, record, &declaration)
    });
    work.await?
}

fn qr(pass: &PassView) -> Result<truyvet_qr::QrCode, Problem> {
    truyvet_qr::QrCode::new(&pass.token).map_err(|error| Problem::Failed(error.to_string()))
}

pub(super) fn unknown_pass() -> Problem {
    Problem::NotFound(
        "there is no such pass among those that you may see; look at its number again".to_owned(),
    )
}

pub(super) const PRIVATE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, no-store");

/// Enough for a sheet of paper, and small enough for a message: 424 pixels.
const PNG_MODULE_PIXELS: usize = 8;
