//! Lists of passengers: tables whose rows arrive on one carriage. Followed, corrected and printed as every
//! upload is: at `/api/v1/paper/uploads`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use truyvet_engine::registry::Account;
use truyvet_schemas::TimeMs;
use truyvet_schemas::arrival::{Carriage, CarriageKind, Landing, QUARANTINE_DAYS_MAX};
use truyvet_schemas::checking::{Flaw, Wrong};
use utoipa::IntoParams;

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::Asked;
use super::paper_preview::{Preview, Wishes, previewed};
use super::paper_uploads::{HowToTake, Told, begin};
use super::problems::problems;
use super::trace_words::File;
use crate::paper::{Facilities, Passengers};
use crate::people::{FACILITY_KINDS, Permission};

problems!(Previewing: WRONG_USAGE, INVALID, TOO_LARGE, BUSY, TIMEOUT, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Sending: WRONG_USAGE, TOO_LARGE, INVALID, BUSY, TIMEOUT, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// Which column holds each field, as `name:A,birth_date:B`; for a preview as remembered or guessed unless
    /// given.
    #[param(example = "seat:A,name:B,birth_date:C,sex:D,document:E,nationality:F")]
    columns: Option<String>,
    /// Place of the sheet in a spreadsheet, from 0.
    #[serde(default)]
    sheet: usize,
    /// Whether the official has compared every row with the passport; they are verified then.
    #[serde(default)]
    document_seen: bool,
    /// Take rows although their passport is known with another name, birth date or sex.
    #[serde(default)]
    accept_mismatches: bool,
    /// Code of the site of the border.
    site: String,
    /// What all came on; `flight` unless given.
    kind: Option<CarriageKind>,
    /// Number of the flight, plate or name of the ship.
    #[param(example = "VN51")]
    carriage: Option<String>,
    /// Its day, `YYYY-MM-DD`.
    #[param(example = "2021-08-20")]
    date: String,
    /// Country that all came from, ISO 3166 in two letters or three.
    #[param(example = "KR")]
    from: String,
    /// When all arrived, unix milliseconds.
    arrived_at: i64,
    /// Code of the facility of quarantine of those whose row names none.
    facility: Option<String>,
    /// Days of quarantine of those whose row tells none; 14 unless given.
    days: Option<i64>,
}

/// What would become of a list of passengers. Nothing is kept of it.
#[utoipa::path(post, path = "/api/v1/arrivals/lists/preview", tag = "arrivals", operation_id = "preview_arrivals",
    params(List),
    request_body(description = "The file, CSV or XLSX, of 32 MiB, 100,000 rows and 100 columns at most",
        content((File = "text/csv"), (File = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 200, description = "Columns, the first rows, flaws", body = Preview), Previewing))]
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(list): Asked<List>,
    body: Body,
) -> Result<Json<Preview>, Problem> {
    let account = asking.official(Permission::Border)?.clone();
    let passengers = list.passengers(&app, &account).await?;
    let List { columns, sheet, accept_mismatches, .. } = list;
    previewed(app, account, passengers, Wishes { columns, sheet, accept_mismatches }, body).await
}

/// Takes a list of passengers in: the good rows get their passes, the others are refused with reasons.
///
/// The answer comes at once, and the upload goes on; it is followed at `/api/v1/paper/uploads`. A row is known by
/// what it says, so the same list again, one that was cut off, or a corrected one adds nothing twice.
#[utoipa::path(post, path = "/api/v1/arrivals/lists", tag = "arrivals", operation_id = "upload_arrivals",
    params(List),
    request_body(description = "The file, CSV or XLSX, of 32 MiB, 100,000 rows and 100 columns at most",
        content((File = "text/csv"), (File = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 202, description = "It goes on", body = Told), Sending))]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(list): Asked<List>,
    body: Body,
) -> Result<(StatusCode, Json<Told>), Problem> {
    let account = asking.official(Permission::Border)?.clone();
    let passengers = list.passengers(&app, &account).await?;
    let List { columns, sheet, document_seen, accept_mismatches, .. } = list;
    let columns = columns.ok_or_else(|| Problem::Usage("say with `columns` which is which".to_owned()))?;
    let how = HowToTake { columns, sheet, document_seen, accept_mismatches };
    begin(app, account, passengers, how, body).await
}

impl List {
    /// What is told once for all rows, checked before any is read.
    async fn passengers(&self, app: &Arc<App>, account: &Account) -> Result<Passengers, Problem> {
        let landing = Landing {
            site: self.site.clone(),
            arrived_at: self.arrived_at,
            carriage: Carriage {
                kind: self.kind.unwrap_or(CarriageKind::Flight),
                number: self.carriage.clone(),
                date: self.date.clone(),
            },
            from: self.from.clone(),
        };
        let (landing, facility) = (landing.tidied(), self.facility.clone().filter(|code| !code.is_empty()));
        let days = self.days.unwrap_or(DAYS_DEFAULT);
        let (shared, account) = (Arc::clone(app), account.clone());
        let work = app.people_work.run(move || -> Result<Passengers, Problem> {
            let people = &shared.people;
            let mut flaws = people.check_landing(&landing, &account, TimeMs::now())?;
            let mut wrong = |field: &str, code| flaws.push(Flaw { field: field.to_owned(), code });
            let sites = people.sites_of_kind(&FACILITY_KINDS);
            if facility.as_ref().is_some_and(|code| !sites.iter().any(|site| site.site == *code)) {
                wrong("facility", Wrong::Unknown);
            }
            if !(1..=QUARANTINE_DAYS_MAX).contains(&days) {
                wrong("days", Wrong::Count);
            }
            if !flaws.is_empty() {
                return Err(Problem::Invalid(flaws));
            }
            let facilities = Facilities::new(sites.into_iter().map(|site| (site.site, site.name)));
            Ok(Passengers::new(landing, facility, days, facilities))
        });
        work.await?
    }
}

const DAYS_DEFAULT: i64 = 14;
