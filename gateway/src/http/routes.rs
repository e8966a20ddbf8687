//! Which address leads to which handler, who may go there, and how long it may take.
//!
//! Each group is behind one permission; in `people` each handler asks for its own, since it also depends on
//! whose record is asked about.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use truyvet_schemas::limits::FRAME_BYTES_MAX;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::error::Problem;
use super::{
    accounts, areas, arrival_lists, arrivals, audit, backup, busiest, caller, checkpoint, declarations,
    devices, document, guard, hooks, import, notices, operate, orders, pages, paper, paper_preview,
    paper_uploads, passes, people, problems, scans, situation, trace, vehicles, venues,
};
use crate::people::Permission;

type Routes = OpenApiRouter<Arc<App>>;

/// All addresses, behind the guard.
pub(super) fn router(app: Arc<App>) -> Router {
    let need = |permission| from_fn_with_state((Arc::clone(&app), permission), caller::require);
    // What strangers send is small.
    let small = open().merge(people()).layer(DefaultBodyLimit::max(PEOPLE_BODY_BYTES_MAX));
    let timed = small
        .merge(scans().layer(DefaultBodyLimit::max(FRAME_BYTES_MAX)))
        .merge(look().layer(need(Permission::Look)))
        .merge(operate().layer(need(Permission::Operate)))
        .layer(from_fn_with_state(Arc::clone(&app), guard::time_out));
    let asked = asked().layer(from_fn_with_state(Arc::clone(&app), caller::note_question));
    let bounded = timed
        .merge(asked.layer(need(Permission::Trace)))
        .merge(untimed().layer(need(Permission::Operate)))
        .merge(keys_and_log())
        .merge(wards())
        .layer(DefaultBodyLimit::max(app.config.http.body_bytes_max));
    // Bounds its own input, which is on disk.
    let unbounded = import().layer(need(Permission::Operate)).layer(DefaultBodyLimit::disable());
    let tables = tables().layer(need(Permission::Paper)).layer(DefaultBodyLimit::disable());
    let passengers = passengers().layer(need(Permission::Border)).layer(DefaultBodyLimit::disable());
    Router::from(bounded.merge(unbounded).merge(tables).merge(passengers))
        .merge(pages::routes())
        .fallback(async || Problem::NotFound("there is nothing at this address".to_owned()))
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::check))
        .layer(from_fn(guard::log))
        .with_state(app)
}

/// What the server answers to, as OpenAPI 3.1.
pub fn openapi() -> OpenApi {
    let closed = [
        people(),
        scans(),
        keys_and_log(),
        wards(),
        look(),
        operate(),
        asked(),
        untimed(),
        import(),
        tables(),
        passengers(),
    ]
    .into_iter()
    .map(|mut group| {
        document::add_permission(group.get_openapi_mut());
        group
    });
    let mut document = closed.fold(open(), OpenApiRouter::merge).into_openapi();
    document::add_guard(&mut document);
    document
}

/// For everybody.
fn open() -> Routes {
    let mut routes = OpenApiRouter::with_openapi(document::common())
        .routes(routes!(operate::healthz))
        .routes(routes!(operate::readyz))
        .routes(routes!(document::read))
        .routes(routes!(problems::list))
        .routes(routes!(problems::explain))
        .routes(routes!(accounts::sign_in, accounts::me, accounts::sign_out))
        .routes(routes!(accounts::send_code))
        .routes(routes!(accounts::redeem_code))
        .routes(routes!(areas::search))
        .routes(routes!(situation::read))
        .routes(routes!(situation::journey))
        .routes(routes!(situation::scale))
        .routes(routes!(situation::history))
        .routes(routes!(vehicles::depots))
        .routes(routes!(arrivals::places))
        .routes(routes!(venues::read_poster))
        .routes(routes!(venues::visit))
        .routes(routes!(passes::keys));
    document::add_body_limit(routes.get_openapi_mut());
    document::add_time_limit(routes.get_openapi_mut());
    routes
}

/// For citizens, and for officials by their work.
fn people() -> Routes {
    let mut routes = OpenApiRouter::default()
        .routes(routes!(declarations::declare, declarations::list))
        .routes(routes!(declarations::last))
        .routes(routes!(passes::pass))
        .routes(routes!(passes::svg))
        .routes(routes!(passes::png))
        .routes(routes!(passes::sheet))
        .routes(routes!(passes::revoke))
        .routes(routes!(paper::declare))
        .routes(routes!(paper::entries))
        .routes(routes!(paper::entries_sheet))
        .routes(routes!(paper_uploads::upload))
        .routes(routes!(paper_uploads::refused))
        .routes(routes!(paper_uploads::upload_sheet))
        .routes(routes!(arrivals::enter, arrivals::list))
        .routes(routes!(arrivals::find))
        .routes(routes!(arrivals::sheet))
        .routes(routes!(checkpoint::enrol))
        .routes(routes!(checkpoint::transports))
        .routes(routes!(checkpoint::lists))
        .routes(routes!(checkpoint::check))
        .routes(routes!(checkpoint::verified))
        .routes(routes!(vehicles::aboard))
        .routes(routes!(vehicles::declare, vehicles::list))
        .routes(routes!(vehicles::find))
        .routes(routes!(vehicles::read))
        .routes(routes!(vehicles::seal))
        .routes(routes!(vehicles::refuse))
        .routes(routes!(vehicles::change))
        .routes(routes!(vehicles::end))
        .routes(routes!(vehicles::sheet))
        .routes(routes!(people::find))
        .routes(routes!(notices::list))
        .routes(routes!(notices::arrive))
        .routes(routes!(orders::make, orders::list))
        .routes(routes!(orders::own))
        .routes(routes!(orders::facilities))
        .routes(routes!(orders::read))
        .routes(routes!(orders::write))
        .routes(routes!(orders::end))
        .routes(routes!(orders::change_place))
        .routes(routes!(people::watch, people::watch_list))
        .routes(routes!(people::unwatch))
        .routes(routes!(situation::set))
        .routes(routes!(situation::end))
        .routes(routes!(accounts::list, accounts::add))
        .routes(routes!(accounts::set_password))
        .routes(routes!(accounts::disable))
        .routes(routes!(accounts::enable))
        .routes(routes!(hooks::list, hooks::add))
        .routes(routes!(hooks::remove))
        .routes(routes!(hooks::retry))
        .routes(routes!(audit::read));
    document::add_body_limit(routes.get_openapi_mut());
    document::add_time_limit(routes.get_openapi_mut());
    routes
}

/// For officers' browsers.
fn scans() -> Routes {
    let mut routes = OpenApiRouter::default().routes(routes!(scans::send));
    document::add_body_limit(routes.get_openapi_mut());
    document::add_time_limit(routes.get_openapi_mut());
    routes
}

/// For officials of an area; takes as long as it takes.
fn wards() -> Routes {
    OpenApiRouter::default()
        .routes(routes!(notices::live))
        .routes(routes!(notices::digest))
        .routes(routes!(orders::live))
        .routes(routes!(orders::make_all))
}

/// For administrators; takes as long as it takes.
fn keys_and_log() -> Routes {
    OpenApiRouter::default().routes(routes!(audit::verify)).routes(routes!(audit::rotate))
}

/// For every official.
fn look() -> Routes {
    let mut routes = OpenApiRouter::default()
        .routes(routes!(operate::status))
        .routes(routes!(busiest::busiest))
        .routes(routes!(operate::examples))
        .routes(routes!(operate::sites))
        .routes(routes!(operate::areas))
        .routes(routes!(venues::list))
        .routes(routes!(venues::read))
        .routes(routes!(venues::poster))
        .routes(routes!(venues::poster_address))
        .routes(routes!(venues::replace_poster));
    document::add_time_limit(routes.get_openapi_mut());
    routes
}

/// For operators.
fn operate() -> Routes {
    let mut routes = OpenApiRouter::default()
        .routes(routes!(operate::metrics))
        .routes(routes!(devices::list, devices::add))
        .routes(routes!(devices::add_batch))
        .routes(routes!(devices::move_to))
        .routes(routes!(devices::revoke))
        .routes(routes!(backup::list))
        .routes(routes!(operate::dead_letters));
    document::add_time_limit(routes.get_openapi_mut());
    routes
}

/// For operators; takes as long as it takes.
fn untimed() -> Routes {
    OpenApiRouter::default()
        .routes(routes!(backup::make))
        .routes(routes!(operate::seal))
        .routes(routes!(operate::verify))
        .routes(routes!(operate::drop_days))
}

/// For operators.
fn import() -> Routes {
    OpenApiRouter::default().routes(routes!(import::import))
}

/// For officials with tables, whose handlers bound what they read.
fn tables() -> Routes {
    OpenApiRouter::default().routes(routes!(paper_preview::preview)).routes(routes!(paper_uploads::send))
}

/// For officials at the border with lists of passengers, bounded as tables are.
fn passengers() -> Routes {
    OpenApiRouter::default().routes(routes!(arrival_lists::preview)).routes(routes!(arrival_lists::send))
}

/// For those who trace. Questions have a time of their own.
fn asked() -> Routes {
    OpenApiRouter::default()
        .routes(routes!(trace::passed, trace::passed_by_body))
        .routes(routes!(trace::trail, trace::trail_by_body))
        .routes(routes!(trace::contacts, trace::contacts_by_body))
        .routes(routes!(trace::chain, trace::chain_by_body))
        .routes(routes!(trace::common, trace::common_by_body))
        .routes(routes!(trace::stays, trace::stays_by_body))
        .routes(routes!(trace::occupancy, trace::occupancy_by_body))
        .routes(routes!(trace::set, trace::set_by_body))
}

/// A declaration with all its companions takes a tenth, a coach with sixty aboard a third.
const PEOPLE_BODY_BYTES_MAX: usize = 64 << 10;
