//! Quarantine orders: made for one, or for all that a trace question finds; listed, kept, ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use truyvet_engine::{Chain, ChainAnswer, Code, Incomplete, Passed};
use truyvet_schemas::TimeMs;
use truyvet_schemas::quarantine::{DiaryEntry, EndReason, OrderTerms};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::declarations::idempotency_key;
use super::error::Problem;
use super::extract::{Asked, Body, Named};
use super::notices::{area_of, breached, hear, missed};
use super::problems::problems;
use super::trace_words as words;
use crate::people::{
    BulkOrdered, Caller, FACILITY_KINDS, Facility, Heard, OrderError, OrderRow, OrderShown, Ordering,
    OrdersAsked, OrdersWanted, Permission, act,
};
use crate::question::{Answer, Kind, Params, Question, Reply, Terms};

problems!(Making: WRONG_USAGE, NOT_FOUND, CONFLICT, INVALID, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(MakingAll: WRONG_USAGE, CONFLICT, INVALID, TOO_LARGE, TIMEOUT, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Listing: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, TIMEOUT, TOO_LARGE, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, TIMEOUT, TOO_LARGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Writing: WRONG_USAGE, NOT_FOUND, CONFLICT, INVALID, TOO_MANY_ATTEMPTS, TIMEOUT, TOO_LARGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Hearing: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderForOne)]
pub(super) struct ForOne {
    /// The subject's code.
    #[schema(min_length = 1, example = "3ZK7Q2VHB0A1M4XD")]
    subject: String,
    /// What is ordered.
    terms: OrderTerms,
}

/// Orders quarantine for one person, by the code that trace answers have. At home means where the person is
/// known to live now. Sent again with the same key it answers the same.
#[utoipa::path(post, path = "/api/v1/orders", tag = "quarantine", operation_id = "order_quarantine",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each order")),
    request_body = ForOne,
    responses((status = 201, description = "Ordered", body = OrderShown), Making))]
pub(super) async fn make(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(ForOne { subject, terms }): Body<ForOne>,
) -> Result<(StatusCode, Json<OrderShown>), Problem> {
    let account = asking.official(Permission::Order)?.clone();
    let ordering = Ordering { terms, request: idempotency_key(&headers)? };
    app.check_room()?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.order(&subject, ordering, &account, TimeMs::now()));
    Ok((StatusCode::CREATED, Json(work.await??)))
}

/// For whom is ordered: all whom at least one of `subjects`, `contacts`, `chain`, `stays` and `passed` names.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderForMany)]
pub(super) struct ForMany {
    /// Codes of subjects.
    #[serde(default)]
    #[schema(nullable = false)]
    subjects: Option<Vec<String>>,
    /// All whom the answer to this question names, as `/api/v1/trace/contacts` takes it.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<words::Contacts>)]
    contacts: Option<Value>,
    /// All whom the answer to this question names in its generations from the first on, as
    /// `/api/v1/trace/chain` takes it.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<words::Chain>)]
    chain: Option<Value>,
    /// All who were inside with those of this question, as `/api/v1/trace/stays` takes it.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<words::Stays>)]
    stays: Option<Value>,
    /// All who passed, as `/api/v1/trace/passed` takes the question.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<words::Passed>)]
    passed: Option<Value>,
    /// Also for those whom the questions begin with.
    #[serde(default)]
    seeds: bool,
    /// What is ordered; `area` and `address` are of one person's order alone.
    terms: OrderTerms,
    /// Nothing is written: only told what would be.
    #[serde(default)]
    tried: bool,
}

/// Orders quarantine for many, by codes or for all whom trace questions find. Each home order goes to where
/// the person is known to live; for whom nothing is ordered is told by reason. Sent again with the same key
/// nothing is ordered twice, and what was interrupted goes on.
#[utoipa::path(post, path = "/api/v1/orders/bulk", tag = "quarantine", operation_id = "order_quarantine_for_many",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each order; needed unless `tried`")),
    request_body = ForMany,
    responses((status = 200, description = "What became of it", body = BulkOrdered), MakingAll))]
pub(super) async fn make_all(
    State(app): State<Arc<App>>,
    asking: Asking,
    headers: HeaderMap,
    Body(sent): Body<ForMany>,
) -> Result<Json<BulkOrdered>, Problem> {
    let account = asking.official(Permission::Order)?.clone();
    let (is_tried, request) = (sent.tried, idempotency_key(&headers)?);
    if request.is_none() && !is_tried {
        let why = "send a header Idempotency-Key, so that nothing is ordered twice when it comes again";
        return Err(Problem::Usage(why.to_owned()));
    }
    app.check_room()?;
    let questions = [
        (Kind::Contacts, sent.contacts),
        (Kind::Chain, sent.chain),
        (Kind::Stays, sent.stays),
        (Kind::Passed, sent.passed),
    ];
    let whom = Whom::of(sent.subjects, questions)?;
    let (shared, asks) =
        (Arc::clone(&app), act(TimeMs::now(), &account.account, "orders.make", &whom.words()));
    app.people_work.run(move || shared.people.registry.note(asks)).await??;
    let WhomFound { codes: subjects, is_cut, unknown, incomplete } = whom.find(&app, sent.seeds).await?;
    let ordering = Ordering { terms: sent.terms, request };
    let shared = Arc::clone(&app);
    let work = app
        .operations
        .run(move || shared.people.order_all(&subjects, ordering, &account, is_tried, TimeMs::now()));
    let (unknown, incomplete) = (unknown.into_iter().collect(), incomplete.into_iter().collect());
    Ok(Json(BulkOrdered { is_cut, unknown, incomplete, ..work.await?? }))
}

/// Whom a request names: by codes, and by questions.
struct Whom {
    codes: Option<Vec<String>>,
    questions: Vec<(Kind, Question, Terms)>,
}

impl Whom {
    fn of(
        codes: Option<Vec<String>>,
        asked: impl IntoIterator<Item = (Kind, Option<Value>)>,
    ) -> Result<Self, Problem> {
        let mut questions = Vec::new();
        for (kind, body) in asked {
            let Some(body) = body else { continue };
            let mut params = Params::from_json(&body)?;
            let terms = Terms::take(&mut params)?;
            questions.push((kind, with_list(Question::parse(kind, params)?), terms));
        }
        if codes.is_none() && questions.is_empty() {
            let why = "say for whom: `subjects`, `contacts`, `chain`, `stays` or `passed`";
            return Err(Problem::Usage(why.to_owned()));
        }
        Ok(Self { codes, questions })
    }

    /// How they are named, for the audit log.
    fn words(&self) -> String {
        let codes = self.codes.as_ref().map(|_| "subjects");
        let kinds = self.questions.iter().map(|(kind, ..)| kind.as_str());
        codes.into_iter().chain(kinds).collect::<Vec<_>>().join(", ")
    }

    /// Each code once, and what the answers leave open.
    async fn find(self, app: &Arc<App>, with_seeds: bool) -> Result<WhomFound, Problem> {
        let (mut found, mut known) = (WhomFound::default(), BTreeSet::new());
        let mut each_once = |mut codes: Vec<String>| {
            codes.retain(|code| known.insert(code.clone()));
            codes
        };
        found.codes = each_once(self.codes.unwrap_or_default());
        for (_, question, terms) in self.questions {
            if with_seeds {
                found.codes.extend(each_once(seeds(&question)));
            }
            let (asking, shared) = (terms.asking(&app.config.engine)?, Arc::clone(app));
            let asked = app.turns.ask(asking, move |asking| {
                let reply = question.ask(&shared.engine.asked_within(asking))?;
                named(reply, shared.config.people.orders_bulk_max as usize)
            });
            let more = asked.await??;
            found.codes.extend(each_once(more.codes));
            found.is_cut |= more.is_cut;
            found.unknown.extend(more.unknown);
            found.incomplete.extend(more.incomplete);
        }
        Ok(found)
    }
}

/// Whom answers name, and what they leave open.
#[derive(Default)]
struct WhomFound {
    codes: Vec<String>,
    is_cut: bool,
    /// Asked codes that are not known.
    unknown: BTreeSet<String>,
    /// Days in question of which scans are gone.
    incomplete: BTreeSet<Incomplete>,
}

impl WhomFound {
    fn new(codes: impl Iterator<Item = Code>, unknown: Vec<String>, incomplete: Vec<Incomplete>) -> Self {
        let (unknown, incomplete) = (unknown.into_iter().collect(), incomplete.into_iter().collect());
        Self { codes: codes.map(String::from).collect(), is_cut: false, unknown, incomplete }
    }
}

/// The codes are what is wanted.
fn with_list(question: Question) -> Question {
    match question {
        Question::Chain(chain) => Question::Chain(Chain { list: true, ..chain }),
        Question::Passed(passed) => Question::Passed(Passed { list: true, ..passed }),
        other => other,
    }
}

/// Those whom the question begins with.
fn seeds(question: &Question) -> Vec<String> {
    match question {
        Question::Contacts(contacts) => contacts.subjects.clone(),
        Question::Stays(stays) => stays.subjects.clone(),
        Question::Chain(chain) => chain.seeds.iter().map(|(code, _)| code.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Whom an answer names.
fn named(reply: Reply, max: usize) -> Result<WhomFound, Problem> {
    Ok(match reply {
        Reply::Whole(Answer::Contacts(answer)) => {
            let scanned = answer.contacts.into_iter().map(|contact| contact.subject);
            let codes = scanned.chain(answer.inside.into_iter().map(|met| met.subject));
            let found = WhomFound::new(codes, answer.unknown, answer.incomplete);
            WhomFound { is_cut: answer.cut.is_some(), ..found }
        }
        Reply::Whole(Answer::Stays(answer)) => {
            let codes = answer.met.into_iter().map(|met| met.subject);
            WhomFound::new(codes, answer.unknown, answer.incomplete)
        }
        Reply::Whole(Answer::Chain(ChainAnswer { generations, unknown, incomplete })) => {
            // Seeds stand in generation 0.
            let later = generations.into_iter().filter(|generation| generation.generation > 0);
            let codes = later.flat_map(|generation| generation.list).map(|exposure| exposure.subject);
            WhomFound::new(codes, unknown, incomplete)
        }
        Reply::Whole(Answer::Passed(answer)) => {
            let codes = answer.list.into_iter().map(|passed| passed.subject);
            WhomFound::new(codes, answer.unknown, answer.incomplete)
        }
        Reply::PassedList(found) if found.listed() > max => {
            return Err(OrderError::TooLarge { subjects: found.listed(), max }.into());
        }
        Reply::PassedList(found) => {
            let (unknown, incomplete) = (found.head.unknown.clone(), found.head.incomplete.clone());
            WhomFound::new(found.chunks().flatten().map(|passed| passed.subject), unknown, incomplete)
        }
        _ => return Err(Problem::Failed("an answer to another question".to_owned())),
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Code of the area, with all below it; the official's own unless given.
    area: Option<String>,
    /// `open`: all that are not over; `breached`: all that were broken, over or not; `open_breached`: those that
    /// were broken and are not over; `planned`; `ended`.
    #[param(inline)]
    state: Option<OrdersWanted>,
    /// Only orders made before this one.
    before: Option<u64>,
    /// At most so many; 50 unless given, 200 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Orders {
    /// The newest first.
    orders: Vec<OrderRow>,
    /// The value of `before` that goes on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Orders that are to be kept in an area, with the scans that break them. Without names: `find_person` tells
/// who it is. Each look is in the audit log.
#[utoipa::path(get, path = "/api/v1/orders", tag = "quarantine", operation_id = "list_orders", params(Which),
    responses((status = 200, description = "A page of orders", body = Orders), Listing))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(which): Asked<Which>,
) -> Result<Json<Orders>, Problem> {
    let (account, area) = area_of(&app, &asking, which.area)?;
    let asked = OrdersAsked {
        area,
        state: which.state,
        before: which.before,
        limit: which.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX),
    };
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.orders_in(&asked, &account, TimeMs::now()));
    let found = work.await??;
    Ok(Json(Orders { orders: found.orders, next: found.next.map(|next| next.to_string()) }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct OwnOrders {
    /// The newest first.
    orders: Vec<OrderShown>,
}

/// A citizen's own orders, with their diaries: of the holder of the document, where somebody has verified a
/// declaration that was made with the same phone.
#[utoipa::path(get, path = "/api/v1/orders/own", tag = "quarantine", operation_id = "own_orders",
    responses((status = 200, description = "The newest 20", body = OwnOrders), Reading))]
pub(super) async fn own(State(app): State<Arc<App>>, asking: Asking) -> Result<Json<OwnOrders>, Problem> {
    let (document, phone) = asking.citizen()?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.own_orders(&document, &phone, TimeMs::now()));
    Ok(Json(OwnOrders { orders: work.await?? }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Facilities {
    /// By name.
    facilities: Vec<Facility>,
}

/// Where people can be ordered to: sites of the kinds `facility`, `quarantine` and `hospital`.
#[utoipa::path(get, path = "/api/v1/orders/facilities", tag = "quarantine", operation_id = "list_facilities",
    responses((status = 200, description = "All of them; 2,000 at most", body = Facilities), Hearing))]
pub(super) async fn facilities(
    State(app): State<Arc<App>>,
    asking: Asking,
) -> Result<Json<Facilities>, Problem> {
    asking.official(Permission::FindPeople)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.facilities(&FACILITY_KINDS));
    Ok(Json(Facilities { facilities: work.await? }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Where {
    /// Code of the area, with all below it; the official's own unless given.
    area: Option<String>,
}

/// What happens to the orders of an area: server-sent events `breached`, with the order, as soon as somebody is
/// seen elsewhere, `changed` where orders were made, ended or written about, and `missed` where some events were
/// left out: the list has them. It ends with the session; browsers connect again.
#[utoipa::path(get, path = "/api/v1/orders/live", tag = "quarantine", operation_id = "hear_orders", params(Where),
    responses((status = 200, description = "Until the caller has enough", body = String,
        content_type = "text/event-stream"), Hearing))]
pub(super) async fn live(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(Where { area }): Asked<Where>,
) -> Result<Response, Problem> {
    hear(app, asking, area, |heard| match heard {
        Heard::Breach(order) => breached(order),
        Heard::Orders => Some(Event::default().event("changed").data("{}")),
        Heard::Missed => Some(missed()),
        Heard::Notice { .. } => None,
    })
    .await
}

/// An order with its diary and what broke it: for officials of the area where it is to be kept, and for whom it
/// is. Each look is in the audit log.
#[utoipa::path(get, path = "/api/v1/orders/{order}", tag = "quarantine", operation_id = "read_order",
    params(("order" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The order", body = OrderShown), Reading))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(order): Named<u64>,
) -> Result<Json<OrderShown>, Problem> {
    let by = keeper(asking)?;
    let shared = Arc::clone(&app);
    let work = app.people_work.run(move || shared.people.find_order(order, &by, TimeMs::now()));
    Ok(Json(work.await??))
}

/// Writes into the diary of an order: officials of the area, or whom it is for; two weeks after its end what was
/// so while it held. Sent again with the same key it is written once.
#[utoipa::path(post, path = "/api/v1/orders/{order}/diary", tag = "quarantine", operation_id = "write_diary",
    params(("order" = u64, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Any text of up to 100 characters, new for each entry")),
    request_body = DiaryEntry,
    responses((status = 201, description = "Written", body = OrderShown), Writing))]
pub(super) async fn write(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(order): Named<u64>,
    headers: HeaderMap,
    Body(entry): Body<DiaryEntry>,
) -> Result<(StatusCode, Json<OrderShown>), Problem> {
    let (by, request) = (keeper(asking)?, idempotency_key(&headers)?);
    app.check_room()?;
    let shared = Arc::clone(&app);
    let work = app
        .people_work
        .run(move || shared.people.write_diary(order, entry, request.as_deref(), &by, TimeMs::now()));
    Ok((StatusCode::CREATED, Json(work.await??)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndOfOrder)]
pub(super) struct End {
    /// Why.
    reason: EndReason,
    /// What else is to be said.
    #[serde(default)]
    #[schema(min_length = 1)]
    note: Option<String>,
}

/// Ends an order before its time: for officials of the area who may order, and for whoever made it. What gave
/// way to one that has not begun goes on.
#[utoipa::path(post, path = "/api/v1/orders/{order}/end", tag = "quarantine", operation_id = "end_order",
    params(("order" = u64, Path, description = "Its number")), request_body = End,
    responses((status = 204, description = "It is over"), Writing))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(order): Named<u64>,
    Body(End { reason, note }): Body<End>,
) -> Result<StatusCode, Problem> {
    let account = asking.official(Permission::Order)?.clone();
    let shared = Arc::clone(&app);
    let work = app
        .people_work
        .run(move || shared.people.end_order(order, reason, note.as_deref(), &account, TimeMs::now()));
    work.await??;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderMove)]
pub(super) struct Move {
    /// Code of the facility's site; home, where the person is known to live, unless given.
    #[serde(default)]
    #[schema(min_length = 1, example = "KCL-01")]
    site: Option<String>,
}

/// Has somebody stay elsewhere from now on, until the same instant: another order in the place of this one. For a
/// day they may be seen at the facility that they leave; elsewhere on the way breaks the order as ever.
#[utoipa::path(post, path = "/api/v1/orders/{order}/move", tag = "quarantine", operation_id = "move_order",
    params(("order" = u64, Path, description = "Its number")), request_body = Move,
    responses((status = 201, description = "The order that goes on", body = OrderShown), Writing))]
pub(super) async fn change_place(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(order): Named<u64>,
    Body(Move { site }): Body<Move>,
) -> Result<(StatusCode, Json<OrderShown>), Problem> {
    let account = asking.official(Permission::Order)?.clone();
    let shared = Arc::clone(&app);
    let work = app
        .people_work
        .run(move || shared.people.move_order(order, site.as_deref(), &account, TimeMs::now()));
    Ok((StatusCode::CREATED, Json(work.await??)))
}

/// Whom it is for, or an official who may see who people are.
fn keeper(asking: Asking) -> Result<Caller, Problem> {
    if !matches!(asking.caller, Caller::Citizen { .. }) {
        asking.official(Permission::FindPeople)?;
    }
    Ok(asking.caller)
}

const LISTED_DEFAULT: usize = 50;
const LISTED_MAX: usize = 200;
