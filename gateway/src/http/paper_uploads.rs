//! Tables as they are taken in: 202, then how far it is; rows with passes, rows that were
//! refused.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::Account;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::{Asked, Named};
use super::paper::{ON_A_SHEET, printed_sheet, svg};
use super::paper_file::PaperFile;
use super::paper_preview::{FLAWS_TOLD_MAX, ToldFlaw};
use super::passes::{PRIVATE, Words};
use super::problems::problems;
use super::trace_words::File;
use crate::paper::{
    Declarations, Header, Language, Mapping, Rows, Sent, State as UploadState, Table, Upload,
};
use crate::people::Permission;

problems!(Sending: WRONG_USAGE, TOO_LARGE, INVALID, BUSY, TIMEOUT, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HowToTake {
    /// Which column holds each field, as `name:A,birth_date:B`. Remembered for tables with this header.
    #[param(example = "name:A,birth_date:B,document:C,permanent:D,to:E,departs_at:F")]
    pub(super) columns: String,
    /// Place of the sheet in a spreadsheet, from 0.
    #[serde(default)]
    pub(super) sheet: usize,
    /// Whether the official has compared every row with the person's document; they are verified then.
    #[serde(default)]
    pub(super) document_seen: bool,
    /// Take rows although the register, or the document's own number, has something else.
    #[serde(default)]
    pub(super) accept_mismatches: bool,
}

/// How far an upload is, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = PaperUpload)]
pub(super) struct Told {
    /// Its id.
    upload: String,
    state: UploadState,
    /// Rows below the header.
    rows: u32,
    /// Rows declared by this upload.
    accepted: u32,
    /// Rows that had been declared before.
    was_there: u32,
    /// Rows that were not taken.
    refused: u32,
    /// Sheets of eight passes, once it has ended.
    sheets: usize,
    /// The first flaws, once it has ended.
    flaws: Vec<ToldFlaw>,
}

/// Takes a table in: the good rows are declared, the others refused with reasons.
///
/// The answer comes at once, and the upload goes on. A row is known by what it declares and by its place among
/// equal rows, so the same file again, one that was cut off, or a corrected one adds nothing twice.
#[utoipa::path(post, path = "/api/v1/paper/uploads", tag = "paper", operation_id = "upload_paper",
    params(HowToTake),
    request_body(description = "The file, CSV or XLSX, of 32 MiB, 100,000 rows and 100 columns at most",
        content((File = "text/csv"), (File = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 202, description = "It goes on", body = Told), Sending))]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(how): Asked<HowToTake>,
    body: Body,
) -> Result<(StatusCode, Json<Told>), Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    begin(app, account, Declarations, how, body).await
}

/// Takes a table of such rows in.
pub(super) async fn begin<R: Rows>(
    app: Arc<App>,
    account: Account,
    rows: R,
    how: HowToTake,
    body: Body,
) -> Result<(StatusCode, Json<Told>), Problem> {
    let mapping = Mapping::parse(R::FORM, &how.columns)?;
    mapping.check()?;
    app.check_room()?;
    let file = PaperFile::take(&app, body).await?;
    let shared = Arc::clone(&app);
    let begun = app.paper_work.run(move || -> Result<_, Problem> {
        let table = Table::read(&file.bytes, how.sheet)?;
        drop(file);
        let header = Header::of(&table, R::FORM);
        let (registry, line) = (&shared.people.registry, R::FORM.header_line(&header));
        registry.remember_table_columns(&account.account, &line, &mapping.numbers())?;
        let HowToTake { document_seen, accept_mismatches, .. } = how;
        let sent = Sent { rows, account, table, header, mapping, document_seen, accept_mismatches };
        let upload = Arc::new(Upload::new(&sent));
        let begun = shared.uploads.begin(Arc::clone(&upload));
        begun.map_err(|_| Problem::Busy("another upload is going on; send yours when it has ended"))?;
        Ok((upload, sent))
    });
    let (upload, sent) = begun.await??;
    let told = Told::of(&upload);
    tokio::task::spawn_blocking(move || {
        let _broken_off = BrokenOff(Arc::clone(&upload));
        upload.run(&app.people, sent, || app.is_stopping());
        let progress = upload.progress();
        let (accepted, refused) = (progress.accepted, progress.refused);
        tracing::info!(
            accepted,
            refused,
            is_whole = progress.state == UploadState::Done,
            form = ?R::FORM,
            "an upload ended"
        );
    });
    Ok((StatusCode::ACCEPTED, Json(told)))
}

/// An upload whose thread meets a bug has ended, too.
struct BrokenOff(Arc<Upload>);

impl Drop for BrokenOff {
    fn drop(&mut self) {
        self.0.break_off();
    }
}

/// How far an upload is. It is known for as long as the server runs and others have not followed by the dozen.
#[utoipa::path(get, path = "/api/v1/paper/uploads/{upload}", tag = "paper", operation_id = "paper_upload",
    params(("upload" = String, Path, description = "Its id")),
    responses((status = 200, description = "Where it stands", body = Told), Reading))]
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(upload): Named<String>,
) -> Result<Json<Told>, Problem> {
    Ok(Json(Told::of(&*own_upload(&app, &asking, &upload)?)))
}

impl Told {
    fn of(upload: &Upload) -> Self {
        // What has ended is counted first: then the counts are the last ones.
        let ended = upload.ended();
        let progress = upload.progress();
        let flaws = ended.iter().flat_map(|ended| &ended.refused).flat_map(|(_, flaws)| flaws);
        Self {
            upload: upload.id.clone(),
            state: progress.state,
            rows: upload.rows,
            accepted: progress.accepted,
            was_there: progress.was_there,
            refused: progress.refused,
            sheets: ended.map_or(0, |ended| ended.accepted.len().div_ceil(ON_A_SHEET)),
            flaws: flaws.take(FLAWS_TOLD_MAX).map(ToldFlaw::of).collect(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InLanguage {
    /// `vi` or `en`; `vi` unless given.
    #[param(pattern = "^(vi|en)$")]
    lang: Option<String>,
}

/// The rows that were not taken, as CSV to correct and send again: as they were, with two columns more that say
/// which row it was and what is wrong.
#[utoipa::path(get, path = "/api/v1/paper/uploads/{upload}/refused.csv", tag = "paper", operation_id = "paper_refused",
    params(("upload" = String, Path, description = "Its id"), InLanguage),
    responses((status = 200, description = "The rows", content_type = "text/csv", body = String), Reading))]
pub(super) async fn refused(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named(upload): Named<String>,
    Asked(InLanguage { lang }): Asked<InLanguage>,
) -> Result<Response, Problem> {
    let language = match lang.as_deref() {
        None | Some("vi") => Language::Vietnamese,
        Some("en") => Language::English,
        Some(_) => return Err(Problem::Usage("`lang` is `vi` or `en`".to_owned())),
    };
    let upload = own_upload(&app, &asking, &upload)?;
    let csv = app.paper_work.run(move || upload.ended().map(|ended| ended.refused_csv(language))).await?;
    let csv = csv.ok_or_else(still_running)?;
    let named = (header::CONTENT_DISPOSITION, "attachment; filename=\"truyvet-errors.csv\"");
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8"), named, PRIVATE], csv).into_response())
}

/// A sheet of eight passes of an upload, in the order of its rows, with the holders' names.
#[utoipa::path(get, path = "/api/v1/paper/uploads/{upload}/sheets/{number}", tag = "paper", operation_id = "paper_upload_sheet",
    params(("upload" = String, Path, description = "Its id"), ("number" = usize, Path, description = "The sheet, from 1"), InLanguage),
    responses((status = 200, description = "An A4 page", content_type = "image/svg+xml", body = String), Reading))]
pub(super) async fn upload_sheet(
    State(app): State<Arc<App>>,
    asking: Asking,
    Named((upload, number)): Named<(String, usize)>,
    Asked(InLanguage { lang }): Asked<InLanguage>,
) -> Result<Response, Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let words = Words::of(lang.as_deref())?;
    let upload = own_upload(&app, &asking, &upload)?;
    let shared = Arc::clone(&app);
    let sheet = app.people_work.run(move || -> Result<_, Problem> {
        let ended = upload.ended().ok_or_else(still_running)?;
        let numbers = ended.accepted.iter().map(|accepted| accepted.declaration);
        printed_sheet(&shared.people, &account, numbers, number, words)
    });
    Ok(svg(sheet.await??))
}

fn own_upload(app: &App, asking: &Asking, upload: &str) -> Result<Arc<Upload>, Problem> {
    let account = asking.official(Permission::Paper)?;
    let unknown = || {
        Problem::NotFound(
            "there is no such upload any more; send the file again: nothing is added twice".to_owned(),
        )
    };
    app.uploads.find(upload, &account.account).ok_or_else(unknown)
}

fn still_running() -> Problem {
    Problem::NotFound("the upload is still going on; ask again when it has ended".to_owned())
}
