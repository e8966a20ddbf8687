//! What wards are told of those who leave and those who come: an inbox, live, and as a file.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use truyvet_engine::registry::{Account, Arrival, Side};
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Named};
use super::problems::problems;
use crate::people::{DIGEST_MAX, Heard, JourneyState, Notice, NoticesAsked, OrderRow, Permission, act};
use crate::sheet::{Column, Sheet, Values};

problems!(Listing: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Arriving: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Exporting: WRONG_USAGE, NOT_FOUND, TOO_LARGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Hearing: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Code of the area, with all below it; the official's own unless given.
    area: Option<String>,
    /// Only those that leave, or that come.
    side: Option<Side>,
    /// Only journeys in this state.
    state: Option<JourneyState>,
    /// Only journeys declared before this one.
    before: Option<u64>,
    /// At most so many; 50 unless given, 200 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Notices {
    /// The newest first.
    notices: Vec<Notice>,
    /// The value of `before` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Verified journeys from and to an area, with what has become of each: seen at checkpoints, arrived. Without
/// names: `find_person` tells who it is. Each look is in the audit log.
#[utoipa::path(get, path = "/api/v1/notices", tag = "wards", operation_id = "read_notices", params(Which),
    responses((status = 200, description = "A page of notices", body = Notices), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(which): Asked<Which>,
) -> Result<Json<Notices>, Problem> {
    let (account, area) = area_of(&app, &asking, which.area)?;
    let asked = NoticesAsked {
        area,
        side: which.side,
        state: which.state,
        before: which.before,
        limit: which.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX),
    };
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.notices(&asked, &account, TimeMs::now()));
    let found = work.await??;
    Ok(Json(Notices { notices: found.notices, next: found.next.map(|next| next.to_string()) }))
}

/// Notes that the holder of a declaration's pass has arrived; for the ward of destination.
#[utoipa::path(post, path = "/api/v1/notices/{declaration}/arrival", tag = "wards", operation_id = "note_arrival",
    params(("declaration" = u64, Path, description = "Its number")),
    responses((status = 200, description = "Noted, now or before", body = Arrival), Arriving))]
pub(super) async fn arrive(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(declaration): Named<u64>,
) -> Result<Json<Arrival>, Problem> {
    let account = asking.official(Permission::FindPeople)?.clone();
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.arrived(declaration, &account, TimeMs::now()));
    let none = || Problem::NotFound("no journey to your area has this number".to_owned());
    work.await??.map(Json).ok_or_else(none)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Digest {
    /// Code of the area, with all below it; the official's own unless given.
    area: Option<String>,
    /// Declared at or after, unix milliseconds.
    from: i64,
    /// Declared before, unix milliseconds; 31 days later at most.
    to: i64,
}

/// All journeys of an area that were declared in [from, to), as a file for spreadsheets: a day's, for
/// instance. Without names.
#[utoipa::path(get, path = "/api/v1/notices/digest", tag = "wards", operation_id = "export_notices",
    params(Digest),
    responses((status = 200, description = "The newest first", body = String, content_type = "text/csv"), Exporting))]
pub(super) async fn digest(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(Digest { area, from, to }): Asked<Digest>,
) -> Result<Response, Problem> {
    let (account, area) = area_of(&app, &asking, area)?;
    if !(1..=DIGEST_MS_MAX).contains(&to.saturating_sub(from)) {
        return Err(Problem::Usage("`to` lies after `from`, 31 days at most".to_owned()));
    }
    let span = (TimeMs::new(from), TimeMs::new(to));
    let shared = Arc::clone(&app);
    let work = app.lists_work.run(move || shared.people.digest(&area, span, &account, TimeMs::now()));
    let notices = work.await??;
    if notices.len() >= DIGEST_MAX {
        return Err(Problem::TooLarge(format!(
            "there are more than {DIGEST_MAX} journeys; ask for fewer days, or for a smaller area"
        )));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"notices.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, sheet(&notices).to_csv()).into_response())
}

fn sheet(notices: &[Notice]) -> Sheet {
    let text = |name, of: &dyn Fn(&Notice) -> Option<String>| Column {
        name,
        values: Values::Text(notices.iter().map(|notice| of(notice).map(Into::into)).collect()),
    };
    let time = |name, of: &dyn Fn(&Notice) -> Option<i64>| {
        text(name, &|notice| of(notice).map(|at| TimeMs::new(at).rfc3339()))
    };
    let columns = vec![
        text("declaration", &|notice| Some(notice.journey.declaration.clone())),
        text("side", &|notice| word(&notice.side)),
        text("state", &|notice| word(&notice.journey.state)),
        text("from", &|notice| Some(notice.journey.from.code.clone())),
        text("from_name", &|notice| Some(notice.journey.from.name.clone())),
        text("to", &|notice| Some(notice.journey.to.code.clone())),
        text("to_name", &|notice| Some(notice.journey.to.name.clone())),
        time("declared_at", &|notice| Some(notice.journey.declared_at)),
        time("departs_at", &|notice| Some(notice.journey.departs_at)),
        text("companions", &|notice| Some(notice.journey.companions.to_string())),
        text("passages", &|notice| Some(notice.journey.passages.to_string())),
        text("last_site", &|notice| notice.journey.last.as_ref().map(|last| last.site.clone())),
        time("last_at", &|notice| notice.journey.last.as_ref().map(|last| last.at)),
        time("arrived_at", &|notice| notice.journey.arrival.as_ref().map(|arrival| arrival.at)),
        text("pass", &|notice| Some(notice.journey.pass.clone())),
    ];
    Sheet { summary: Vec::new(), columns }
}

/// A word of the API.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Where {
    /// Code of the area, with all below it; the official's own unless given.
    area: Option<String>,
}

/// Notices as they happen: server-sent events `declared`, `passed`, `arrived` and `revoked`, each with a notice,
/// `breached`, with an order of quarantine whose subject was seen elsewhere, and `missed` where some were left
/// out: the inbox has them. It ends with the session; browsers connect again.
#[utoipa::path(get, path = "/api/v1/notices/live", tag = "wards", operation_id = "hear_notices", params(Where),
    responses((status = 200, description = "Until the caller has enough", body = String,
        content_type = "text/event-stream"), Hearing))]
pub(super) async fn live(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(Where { area }): Asked<Where>,
) -> Result<Response, Problem> {
    hear(app, asking, area, |heard| match heard {
        Heard::Notice { what, notice } => Event::default().event(what).json_data(&**notice).ok(),
        Heard::Breach(order) => breached(order),
        Heard::Orders => None,
        Heard::Missed => Some(missed()),
    })
    .await
}

/// Answers with what is heard of an area from now on, as far as `told` makes events of it.
pub(super) async fn hear(
    app: Arc<App>,
    asking: Asking,
    area: Option<String>,
    told: fn(&Heard) -> Option<Event>,
) -> Result<Response, Problem> {
    let (account, area) = area_of(&app, &asking, area)?;
    let place = Arc::clone(&app.listeners).try_acquire_owned();
    let place =
        place.map_err(|_| Problem::Busy("too many listen now; ask the inbox again from time to time"))?;
    let listens = act(TimeMs::now(), &account.account, "notices.listen", &area);
    let shared = Arc::clone(&app);
    app.people_work.run(move || shared.people.registry.note(listens)).await??;
    let stopping = || Problem::Unavailable("the server is stopping; listen again later".to_owned());
    let hearing = Listener {
        heard: app.people.live.listen(&area).ok_or_else(stopping)?,
        told,
        looked_at: Instant::now(),
        app,
        asking,
        _place: place,
    };
    Ok(Sse::new(hearing.events()).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)).into_response())
}

/// Somebody in quarantine was seen elsewhere.
pub(super) fn breached(order: &OrderRow) -> Option<Event> {
    Event::default().event("breached").json_data(order).ok()
}

/// Something was left out.
pub(super) fn missed() -> Event {
    Event::default().event("missed").data("{}")
}

struct Listener {
    heard: Receiver<Heard>,
    told: fn(&Heard) -> Option<Event>,
    /// When it was last seen that the session holds.
    looked_at: Instant,
    app: Arc<App>,
    asking: Asking,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(self, async |mut listener| listener.next().await.map(|event| (Ok(event), listener)))
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            // First, since where there is always something to hear no deadline is ever waited for.
            if self.looked_at.elapsed() >= LOOK_EVERY {
                self.looked_at = Instant::now();
                if !self.still_may().await {
                    return None;
                }
            }
            match timeout_at(self.looked_at + LOOK_EVERY, self.heard.recv()).await {
                Ok(Ok(heard)) => {
                    if let Some(event) = (self.told)(&heard) {
                        return Some(event);
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => return Some(missed()),
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => {}
            }
        }
    }

    /// Sessions end, and accounts are disabled, while somebody listens.
    async fn still_may(&self) -> bool {
        let Some(token) = self.asking.token.clone() else { return false };
        let shared = Arc::clone(&self.app);
        let work = self.app.people_work.run(move || shared.people.caller(&token, TimeMs::now()));
        matches!(work.await, Ok(Ok(Some((caller, _)))) if caller == self.asking.caller)
    }
}

/// The official, and the area that is asked about, which must be within the official's.
pub(super) fn area_of(
    app: &App,
    asking: &Asking,
    asked: Option<String>,
) -> Result<(Account, String), Problem> {
    let account = asking.official(Permission::FindPeople)?.clone();
    let none = || Problem::Usage("your account has no area of its own: name one with `area`".to_owned());
    let area = asked.or_else(|| account.area.clone()).ok_or_else(none)?;
    let is_known = app.engine.catalog().area(&area).is_some();
    if !is_known || !app.people.reaches_area(&area, &account) {
        return Err(Problem::NotFound("your area has no such area in it".to_owned()));
    }
    Ok((account, area))
}

const LISTED_DEFAULT: usize = 50;
const LISTED_MAX: usize = 200;
const DIGEST_MS_MAX: i64 = 31 * 86_400_000;

/// Between two words to an idle listener, so that nothing on the way cuts the connection.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// How often it is seen that the session still holds.
const LOOK_EVERY: Duration = Duration::from_secs(30);
