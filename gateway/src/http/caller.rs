//! Who is asking, and whether they may: the session's cookie, this machine itself, or nobody.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use truyvet_engine::registry::{Account, Session};
use truyvet_schemas::TimeMs;
use truyvet_schemas::person::Document;

use super::app::App;
use super::error::Problem;
use crate::people::{Caller, Permission, act};

/// Who is asking.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// Who.
    pub(super) caller: Caller,
    /// The session, where there is one.
    pub(super) session: Option<Session>,
    /// Its token.
    pub(super) token: Option<String>,
}

impl FromRequestParts<Arc<App>> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let asking = find(&parts.headers, app).await?;
        parts.extensions.insert(asking.clone());
        Ok(asking)
    }
}

impl Asking {
    /// Lets on whoever may, and says to others what would help.
    pub(super) fn need(&self, permission: Permission) -> Result<(), Problem> {
        match &self.caller {
            caller if caller.may(permission) => Ok(()),
            Caller::Nobody | Caller::Local | Caller::Operator => Err(Problem::SignInNeeded),
            Caller::Citizen { .. } | Caller::Official(_) => Err(Problem::NotAllowed(
                "this account may not do that; sign in as somebody who may".to_owned(),
            )),
        }
    }

    /// The official's account, who must have this permission.
    pub(super) fn official(&self, permission: Permission) -> Result<&Account, Problem> {
        self.need(permission)?;
        match &self.caller {
            Caller::Official(account) => Ok(account),
            _ => Err(Problem::SignInNeeded),
        }
    }

    /// The citizen's document and phone.
    pub(super) fn citizen(self) -> Result<(Document, String), Problem> {
        match self.caller {
            Caller::Citizen { document, phone } => Ok((document, phone)),
            Caller::Official(_) => Err(Problem::NotAllowed(
                "citizens do this for themselves; sign out, and ask for a code".to_owned(),
            )),
            Caller::Nobody | Caller::Local | Caller::Operator => Err(Problem::SignInNeeded),
        }
    }
}

/// Lets requests on to what is behind it where the caller has the permission.
pub(super) async fn require(
    State((app, permission)): State<(Arc<App>, Permission)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let asking = Asking::from_request_parts(&mut parts, &app).await;
    match asking.and_then(|asking| asking.need(permission)) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

/// Notes which official asks a trace question, and which it is, before it is answered. What is asked
/// stands in no log.
pub(super) async fn note_question(
    State(app): State<Arc<App>>,
    asking: Asking,
    request: Request,
    next: Next,
) -> Response {
    if let Caller::Official(account) = asking.caller {
        let question = request.uri().path().rsplit('/').next().unwrap_or_default();
        let act = act(TimeMs::now(), &account.account, &format!("trace.{question}"), "-");
        let noted = app.people_work.run({
            let app = Arc::clone(&app);
            move || app.people.registry.note(act)
        });
        if let Err(problem) = noted.await.and_then(|noted| Ok(noted?)) {
            return problem.into_response();
        }
    }
    next.run(request).await
}

async fn find(headers: &HeaderMap, app: &Arc<App>) -> Result<Asking, Problem> {
    let Some(token) = token(headers) else {
        let caller = match has_operators_token(headers, app) {
            true => Caller::Operator,
            false if app.config.http.allow_remote => Caller::Nobody,
            false => Caller::Local,
        };
        return Ok(Asking { caller, session: None, token: None });
    };
    let (shared, asked) = (Arc::clone(app), token.clone());
    let found = app.people_work.run(move || shared.people.caller(&asked, TimeMs::now())).await??;
    Ok(match found {
        Some((caller, session)) => Asking { caller, session: Some(session), token: Some(token) },
        None => Asking { caller: Caller::Nobody, session: None, token: None },
    })
}

fn token(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = sent.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == COOKIE).map(|cookie| cookie.value().to_owned())
}

/// Whoever can read the data directory is its operator, on this machine or through a proxy.
fn has_operators_token(headers: &HeaderMap, app: &App) -> bool {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.strip_prefix("Bearer "));
    // Digests: comparing them tells nothing of the token.
    sent.is_some_and(|sent| blake3::hash(sent.as_bytes()) == app.operators_token)
}

/// The header that begins a session in a browser.
pub(super) fn begin_cookie(token: &str, session: &Session, app: &App) -> String {
    let seconds = (session.expires_at - session.begun_at) / 1_000;
    cookie(token, Duration::seconds(seconds), app)
}

/// The header that ends it.
pub(super) fn end_cookie(app: &App) -> String {
    cookie("", Duration::ZERO, app)
}

fn cookie(token: &str, lasts: Duration, app: &App) -> String {
    let cookie = Cookie::build((COOKIE, token)).path("/").http_only(true).same_site(SameSite::Strict);
    // Reached from elsewhere the server stands behind something that speaks TLS.
    cookie.secure(app.config.http.allow_remote).max_age(lasts).build().to_string()
}

pub(super) const COOKIE: &str = "truyvet_session";
