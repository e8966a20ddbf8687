//! What citizens declared on paper, entered by officials one by one; and sheets of the passes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::{Account, DeclarationRecord, DeclarationState};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::person::tidy_phone;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::declarations::{Listed, Made, idempotency_key, listed};
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::passes::{PRIVATE, Words, named_page, unknown_pass};
use super::problems::problems;
use crate::people::{OnPaper, People, Permission, act};

problems!(Entering: WRONG_USAGE, REGISTER_DISAGREES, TWO_PEOPLE, CONFLICT, INVALID, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeclareOnPaper)]
pub(super) struct Declare {
    declaration: Declaration,
    /// The citizen's telephone; many have none.
    #[serde(default)]
    #[schema(example = "0901234567")]
    phone: Option<String>,
    /// Whether the official has compared it with the document; it is verified then.
    #[serde(default)]
    document_seen: bool,
    /// Go on although the register, or the document's own number, has something else.
    #[serde(default)]
    accept_mismatches: bool,
}

/// Enters a declaration from paper and issues its pass. Sent again with the same key it answers the same.
///
/// Ward and health officials enter people who live in their area, or travel from it or to it; officers
/// whoever stands before them.
#[utoipa::path(post, path = "/api/v1/paper/declarations", tag = "paper", operation_id = "declare_on_paper",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each declaration")),
    request_body = Declare,
    responses((status = 201, description = "Kept, and a pass issued", body = Made), Entering))]
pub(super) async fn declare(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(sent): Body<Declare>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let key = idempotency_key(&headers)?;
    // Keys of two officials must not meet, whatever they are.
    let request = key.map(|key| format!("entry|{}|{key}", account.account));
    let phone = phone(sent.phone.as_deref())?;
    app.check_room()?;
    let shared = Arc::clone(&app);
    let entered = app.citizens_work.run(move || {
        let how = OnPaper {
            account: &account,
            phone: phone.as_deref(),
            document_seen: sent.document_seen,
            accept_mismatches: sent.accept_mismatches,
            request: request.as_deref(),
        };
        shared.people.declare_on_paper(sent.declaration, &how, TimeMs::now())
    });
    let entered = entered.await??;
    Ok((StatusCode::CREATED, Json(entered.made.into())))
}

fn phone(said: Option<&str>) -> Result<Option<String>, Problem> {
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    let wrong = |code| Problem::Invalid(vec![Flaw { field: "phone".to_owned(), code }]);
    said.map(tidy_phone).transpose().map_err(wrong)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// Only what was entered then or later, unix milliseconds.
    #[serde(default)]
    since: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PaperEntries)]
pub(super) struct Entries {
    /// The newest first; the 1,000 newest at most.
    entries: Vec<Entry>,
}

/// A declaration that was entered from paper.
#[derive(Serialize, ToSchema)]
#[schema(as = PaperEntry)]
pub(super) struct Entry {
    declaration: String,
    #[schema(value_type = String, example = "verified")]
    state: DeclarationState,
    /// Unix milliseconds.
    made_at: i64,
    /// Number of its pass.
    pass: String,
}

/// What the official entered from paper, one by one or as tables. Names nobody.
#[utoipa::path(get, path = "/api/v1/paper/entries", tag = "paper", operation_id = "paper_entries",
    params(Since),
    responses((status = 200, description = "Declarations and their passes", body = Entries), Reading))]
pub(super) async fn entries(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(Since { since }): Asked<Since>,
) -> Result<Json<Entries>, Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let shared = Arc::clone(&app);
    let records = app.people_work.run(move || shared.people.entered(&account, since, ENTRIES_MAX)).await??;
    let entry = |record: DeclarationRecord| Entry {
        declaration: record.declaration.to_string(),
        state: record.state,
        made_at: record.made_at,
        pass: record.pass.to_string(),
    };
    Ok(Json(Entries { entries: records.into_iter().map(entry).collect() }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PrintedSince {
    /// Only what was entered then or later, unix milliseconds.
    #[serde(default)]
    since: i64,
    /// `vi` or `en`; `vi` unless given.
    #[param(pattern = "^(vi|en)$")]
    lang: Option<String>,
}

/// A sheet of eight passes that the official entered, the first entered first, with the holders' names.
#[utoipa::path(get, path = "/api/v1/paper/entries/sheets/{number}", tag = "paper", operation_id = "paper_entries_sheet",
    params(("number" = usize, Path, description = "The sheet, from 1"), PrintedSince),
    responses((status = 200, description = "An A4 page", content_type = "image/svg+xml", body = String), Reading))]
pub(super) async fn entries_sheet(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(number): Named<usize>,
    Asked(printed): Asked<PrintedSince>,
) -> Result<Response, Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let words = Words::of(printed.lang.as_deref())?;
    let shared = Arc::clone(&app);
    let sheet = app.people_work.run(move || -> Result<_, Problem> {
        let mut records = shared.people.entered(&account, printed.since, ENTRIES_MAX)?;
        records.reverse();
        let numbers = records.iter().map(|record| record.declaration);
        printed_sheet(&shared.people, &account, numbers, number, words)
    });
    Ok(svg(sheet.await??))
}

/// The passes of a sheet; that they are printed with names is in the audit log before.
pub(super) fn printed_sheet(
    people: &People,
    account: &Account,
    declarations: impl Iterator<Item = u64>,
    number: usize,
    words: &Words,
) -> Result<String, Problem> {
    let first = number.checked_sub(1).and_then(|before| before.checked_mul(ON_A_SHEET));
    let first = first.ok_or_else(|| Problem::Usage("sheets are counted from 1".to_owned()))?;
    let mut records = Vec::new();
    for declaration in declarations.skip(first).take(ON_A_SHEET) {
        records.extend(people.registry.declaration_record(declaration)?);
    }
    let Some(pass) = records.first().map(|record| record.pass.to_string()) else {
        return Err(unknown_pass());
    };
    let look = act(TimeMs::now(), &account.account, "pass.print", &pass);
    let opened = people.registry.declarations(&records, look)?;
    let named =
        |(record, declaration): (DeclarationRecord, Declaration)| -> Result<(String, Listed), Problem> {
            let listed = listed(people, record, &declaration)?;
            Ok((declaration.person.name, listed))
        };
    let cards: Vec<_> = opened.into_iter().map(named).collect::<Result<_, _>>()?;
    named_page(&cards, words)
}

pub(super) fn svg(sheet: String) -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml"), PRIVATE], sheet).into_response()
}

/// Most declarations that are listed of one official.
const ENTRIES_MAX: usize = 1_000;

/// Passes on a sheet.
pub(super) const ON_A_SHEET: usize = 8;
