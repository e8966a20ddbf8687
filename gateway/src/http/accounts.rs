//! Signing in and out, one-time codes, and the accounts of officials.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use truyvet_engine::SiteRecord;
use truyvet_engine::registry::{Account, Session};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use truyvet_schemas::person::{Document, DocumentKind, tidy_phone};
use utoipa::ToSchema;

use super::app::App;
use super::caller::{Asking, begin_cookie, end_cookie};
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::problems::problems;
use crate::people::{Caller, CodeSent, NewAccount, Permission};

problems!(SigningIn: WRONG_USAGE, WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Knowing: SIGN_IN_NEEDED, BUSY, UNAVAILABLE, FAILED);
problems!(SigningOut: BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Sending: WRONG_USAGE, INVALID, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Redeeming: WRONG_USAGE, WRONG_CODE, CODE_EXPIRED, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Listing: WRONG_USAGE, BUSY, UNAVAILABLE, FAILED);
problems!(Adding: WRONG_USAGE, CONFLICT, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Changing: WRONG_USAGE, NOT_FOUND, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Ending: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Me {
    /// A request from this machine without a session.
    Local,
    /// An official.
    Account {
        #[serde(flatten)]
        shown: Shown,
        /// Unix milliseconds.
        expires_at: i64,
    },
    /// A citizen.
    Citizen {
        document_kind: DocumentKind,
        document_last4: String,
        phone_last3: String,
        /// Unix milliseconds.
        expires_at: i64,
    },
}

/// An account as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct Shown {
    /// What is typed to sign in.
    account: String,
    /// Whose it is.
    name: String,
    /// `officer`, `ward`, `health`, `epidemiologist`, `operator` or `administrator`.
    role: &'static str,
    /// Code of the officer's site.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site_name: Option<String>,
    /// Whether people are scanned in and out there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_venue: bool,
    /// Code of the area that the official works for; none: the nation.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    area_name: Option<String>,
    disabled: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    #[schema(example = "officer")]
    account: String,
    password: String,
}

/// Begins an official's session.
#[utoipa::path(post, path = "/api/v1/session", tag = "people", operation_id = "sign_in",
    request_body = Credentials,
    responses((status = 200, description = "Signed in; the session is in a cookie", body = Me), SigningIn))]
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    Body(sent): Body<Credentials>,
) -> Result<Response, Problem> {
    let shared = Arc::clone(&app);
    // Each takes 19 MiB and some 20 ms of a processor, by design.
    let signing =
        app.passwords_work.run(move || shared.people.sign_in(&sent.account, &sent.password, TimeMs::now()));
    let (account, session, token) = signing.await??;
    let me = Me::Account { shown: shown(&app, account), expires_at: session.expires_at };
    Ok(([(header::SET_COOKIE, begin_cookie(&token, &session, &app))], Json(me)).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "people", operation_id = "who_am_i",
    responses((status = 200, description = "Who is signed in", body = Me), Knowing))]
pub(super) async fn me(State(app): State<Arc<App>>, asking: Asking) -> Result<Json<Me>, Problem> {
    let expires_at = asking.session.map(|session| session.expires_at).unwrap_or_default();
    Ok(Json(match asking.caller {
        Caller::Nobody => return Err(Problem::SignInNeeded),
        Caller::Local | Caller::Operator => Me::Local,
        Caller::Official(account) => Me::Account { shown: shown(&app, *account), expires_at },
        Caller::Citizen { document, phone } => citizen(&document, &phone, expires_at),
    }))
}

/// Ends the session.
#[utoipa::path(delete, path = "/api/v1/session", tag = "people", operation_id = "sign_out",
    responses((status = 204, description = "Nobody is signed in any more"), SigningOut))]
pub(super) async fn sign_out(State(app): State<Arc<App>>, asking: Asking) -> Result<Response, Problem> {
    let actor = asking.caller.actor().to_owned();
    if let Some(token) = asking.token {
        let shared = Arc::clone(&app);
        app.people_work.run(move || shared.people.sign_out(&token, &actor, TimeMs::now())).await??;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, end_cookie(&app))]).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    document: Document,
    #[schema(min_length = 9, example = "0912345678")]
    phone: String,
}

/// Sends a one-time code to a phone, with which a citizen declares for a document.
#[utoipa::path(post, path = "/api/v1/codes", tag = "people", operation_id = "send_code",
    request_body = Whose,
    responses((status = 202, description = "The code is on its way", body = CodeSent), Sending))]
pub(super) async fn send_code(
    State(app): State<Arc<App>>,
    Body(whose): Body<Whose>,
) -> Result<(StatusCode, Json<CodeSent>), Problem> {
    let (document, phone) = tidied(whose)?;
    app.check_room()?;
    let shared = Arc::clone(&app);
    let sent =
        app.codes_work.run(move || shared.people.codes.send(&document, &phone, TimeMs::now())).await??;
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Redeemed {
    document: Document,
    #[schema(min_length = 9, example = "0912345678")]
    phone: String,
    #[schema(example = "123456")]
    code: String,
}

/// Begins a citizen's session with a one-time code.
#[utoipa::path(post, path = "/api/v1/codes/redeem", tag = "people", operation_id = "redeem_code",
    request_body = Redeemed,
    responses((status = 200, description = "Signed in; the session is in a cookie", body = Me), Redeeming))]
pub(super) async fn redeem_code(
    State(app): State<Arc<App>>,
    Body(sent): Body<Redeemed>,
) -> Result<Response, Problem> {
    let (document, phone) = tidied(Whose { document: sent.document, phone: sent.phone })?;
    let shared = Arc::clone(&app);
    let begun = app.people_work.run(move || -> Result<_, Problem> {
        let now = TimeMs::now();
        shared.people.codes.redeem(&document, &phone, &sent.code, now)?;
        let me = |session: &Session| citizen(&document, &phone, session.expires_at);
        let (session, token) = shared.people.citizen_session(document.clone(), phone.clone(), now)?;
        Ok((me(&session), session, token))
    });
    let (me, session, token) = begun.await??;
    Ok(([(header::SET_COOKIE, begin_cookie(&token, &session, &app))], Json(me)).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only accounts behind this one, by name.
    after: Option<String>,
    /// At most so many; 100 unless given, 1,000 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Accounts {
    accounts: Vec<Shown>,
    /// The value of `after` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Accounts, by name.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "people", operation_id = "list_accounts", params(Page),
    responses((status = 200, description = "A page of accounts", body = Accounts), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(page): Asked<Page>,
) -> Result<Json<Accounts>, Problem> {
    asking.need(Permission::Accounts)?;
    let limit = page.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
    let shared = Arc::clone(&app);
    let after = page.after.unwrap_or_default();
    let accounts = app.people_work.run(move || shared.people.registry.accounts(&after, limit)).await??;
    let next = accounts.last().filter(|_| accounts.len() == limit).map(|last| last.account.clone());
    let accounts = accounts.into_iter().map(|account| shown(&app, account)).collect();
    Ok(Json(Accounts { accounts, next }))
}

/// Makes an account.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "people", operation_id = "add_account",
    request_body = NewAccount,
    responses((status = 201, description = "Made", body = Shown), Adding))]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    asking: Asking,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    asking.need(Permission::Accounts)?;
    let shared = Arc::clone(&app);
    let adding =
        app.passwords_work.run(move || shared.people.add_account(new, &asking.caller, TimeMs::now()));
    Ok((StatusCode::CREATED, Json(shown(&app, adding.await??))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// At least ten characters.
    #[schema(min_length = 10)]
    password: String,
}

/// Gives an account a new password; its sessions are over.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/password", tag = "people",
    operation_id = "set_password", params(("account" = String, Path)), request_body = NewPassword,
    responses((status = 200, description = "Changed", body = Shown), Changing))]
pub(super) async fn set_password(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(name): Named<String>,
    Body(sent): Body<NewPassword>,
) -> Result<Json<Shown>, Problem> {
    asking.need(Permission::Accounts)?;
    let shared = Arc::clone(&app);
    let setting = app
        .passwords_work
        .run(move || shared.people.set_password(&name, &sent.password, &asking.caller, TimeMs::now()));
    Ok(Json(shown(&app, setting.await??)))
}

/// Ends an account: nobody signs in with it any more, and its sessions are over.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/disable", tag = "people",
    operation_id = "disable_account", params(("account" = String, Path)),
    responses((status = 200, description = "Disabled", body = Shown), Ending))]
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(name): Named<String>,
) -> Result<Json<Shown>, Problem> {
    change(app, asking, name, true).await
}

/// Lets an account sign in again.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/enable", tag = "people",
    operation_id = "enable_account", params(("account" = String, Path)),
    responses((status = 200, description = "Enabled", body = Shown), Ending))]
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(name): Named<String>,
) -> Result<Json<Shown>, Problem> {
    change(app, asking, name, false).await
}

async fn change(
    app: Arc<App>,
    asking: Asking,
    name: String,
    is_disabled: bool,
) -> Result<Json<Shown>, Problem> {
    asking.need(Permission::Accounts)?;
    let shared = Arc::clone(&app);
    let changing = app
        .people_work
        .run(move || shared.people.disable_account(&name, is_disabled, &asking.caller, TimeMs::now()));
    Ok(Json(shown(&app, changing.await??)))
}

fn shown(app: &App, account: Account) -> Shown {
    let site = account.site.as_deref().and_then(|site| app.engine.catalog().site(site));
    let area = account.area.as_deref().map(|area| app.people.areas.name(area));
    Shown {
        is_venue: site.as_ref().is_some_and(SiteRecord::is_venue),
        site_name: site.map(|site| site.name.unwrap_or(site.site)),
        area_name: area.map(|area| area.name),
        account: account.account,
        name: account.name,
        role: account.role.as_str(),
        site: account.site,
        area: account.area,
        disabled: account.is_disabled,
    }
}

fn citizen(document: &Document, phone: &str, expires_at: i64) -> Me {
    Me::Citizen {
        document_kind: document.kind,
        document_last4: document.last4(),
        phone_last3: phone.get(phone.len().saturating_sub(3)..).unwrap_or_default().to_owned(),
        expires_at,
    }
}

fn tidied(whose: Whose) -> Result<(Document, String), Problem> {
    let document = whose.document.tidied();
    let mut check = Check::default();
    check.within("document", |check| document.check(check));
    let phone = tidy_phone(&whose.phone);
    check.that(phone.is_ok(), "phone", if whose.phone.is_empty() { Wrong::Missing } else { Wrong::Form });
    let flaws: Vec<Flaw> = check.flaws();
    match phone {
        Ok(phone) if flaws.is_empty() => Ok((document, phone)),
        _ => Err(Problem::Invalid(flaws)),
    }
}

const LISTED_DEFAULT: usize = 100;
const LISTED_MAX: usize = 1_000;
