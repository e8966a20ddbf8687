//! The sites with most scans in the last hour, for the page. Counted at most every few seconds,
//! however many pages are open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use parking_lot::Mutex;
use serde::Serialize;
use truyvet_engine::{Engine, Interval, Passed, TraceError};
use truyvet_schemas::TimeMs;
use utoipa::ToSchema;

use super::app::App;
use super::error::Problem;
use super::problems::problems;

/// The last count, and when it was taken.
#[derive(Debug, Default)]
pub(super) struct Busiest {
    last: Mutex<Option<(Instant, Count)>>,
}

/// The busiest sites of the last hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Busiest)]
pub(super) struct Count {
    /// Start of the hour.
    from: i64,
    /// End of the hour: when it was counted.
    to: i64,
    /// The busiest first; empty where a nation has too many to count each.
    sites: Vec<SiteCount>,
}

/// How busy a site was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SiteCount {
    /// The site's code.
    site: String,
    /// Its name, where one is known.
    name: Option<String>,
    /// Scans in the hour.
    scans: u64,
    /// Distinct subjects in the hour.
    subjects: u64,
}

problems!(Counting: BUSY, UNAVAILABLE, FAILED);

/// The sites with most scans in the last hour.
#[utoipa::path(get, path = "/api/v1/busiest", operation_id = "list_busiest_sites", tag = "catalog",
    responses((status = 200, description = "At most ten, counted at most every few seconds", body = Count), Counting))]
pub(super) async fn busiest(State(app): State<Arc<App>>) -> Result<Json<Count>, Problem> {
    let shared = Arc::clone(&app);
    let count = app.turns.run_short(move || {
        // Held while counting: others wait for this count instead of counting too.
        let mut last = shared.busiest.last.lock();
        if let Some((at, count)) = last.as_ref()
            && at.elapsed() < AGE_MAX
        {
            return Ok(count.clone());
        }
        let count = count(&shared.engine, TimeMs::now())?;
        *last = Some((Instant::now(), count.clone()));
        Ok::<_, TraceError>(count)
    });
    Ok(Json(count.await??))
}

fn count(engine: &Engine, now: TimeMs) -> Result<Count, TraceError> {
    let (from, to) = (TimeMs::new(now.get() - HOUR_MS), now);
    let mut counts = Vec::new();
    let sites = engine.catalog().sites();
    if sites.len() <= SITES_MAX {
        for site in sites {
            counts.extend(count_site(engine, site.site, site.name, from, to)?);
        }
    }
    counts.sort_by(|a, b| b.scans.cmp(&a.scans).then_with(|| a.site.cmp(&b.site)));
    counts.truncate(TOP);
    Ok(Count { from: from.get(), to: to.get(), sites: counts })
}

fn count_site(
    engine: &Engine,
    site: String,
    name: Option<String>,
    from: TimeMs,
    to: TimeMs,
) -> Result<Option<SiteCount>, TraceError> {
    let Ok(interval) = Interval::new(from, to) else {
        return Ok(None);
    };
    let question = Passed { sites: vec![site.clone()], areas: Vec::new(), interval, list: false };
    let answer = engine.passed(&question)?;
    let count = SiteCount { site, name, scans: answer.scans, subjects: answer.subjects };
    Ok((answer.scans > 0).then_some(count))
}

const HOUR_MS: i64 = 3_600_000;

/// Sites shown.
const TOP: usize = 10;

/// Counting a site takes some 50 us, so this many a tenth of a second.
const SITES_MAX: usize = 2_000;

const AGE_MAX: Duration = Duration::from_secs(5);
