//! Areas as people look for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use truyvet_areas::Query;
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::error::Problem;
use super::extract::Asked;
use super::problems::problems;
use crate::people::Found;

problems!(Searching: WRONG_USAGE, BUSY, UNAVAILABLE, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
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
    responses((status = 200, description = "The areas meant", body = FoundAreas), Searching))]
pub(super) async fn search(
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

const LISTED_DEFAULT: usize = 10;
const LISTED_MAX: usize = 50;
