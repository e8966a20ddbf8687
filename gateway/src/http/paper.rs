//! What citizens declared on paper: entered by officials one by one, or as a table.
//!
//! ```text
//! file -> preview   what each column is, how rows are understood, what is wrong     nothing is kept
//!      -> uploads   202, then how far it is; rows with passes, rows that were refused
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body as Bytes;
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
use super::paper_file::PaperFile;
use super::passes::{PRIVATE, Words, named_page, unknown_pass};
use super::problems::problems;
use super::trace_words::File;
use crate::paper::{
    Converter, Header, Language, Mapping, Places, RowFlaw, Sent, State as UploadState, Table, Upload, Why,
    check_row, column_letters,
};
use crate::people::{AreaName, OnPaper, People, Permission, act};

problems!(Entering: WRONG_USAGE, REGISTER_DISAGREES, TWO_PEOPLE, CONFLICT, INVALID, TOO_MANY_ATTEMPTS, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Reading: WRONG_USAGE, NOT_FOUND, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Previewing: WRONG_USAGE, TOO_LARGE, BUSY, TIMEOUT, UNAVAILABLE, FAILED);
problems!(Sending: WRONG_USAGE, TOO_LARGE, INVALID, BUSY, TIMEOUT, UNAVAILABLE, STORAGE_FULL, FAILED);

// ---- one by one ------------------------------------------------------------------------------------------

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

// ---- tables ----------------------------------------------------------------------------------------------

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HowToPreview {
    /// Which column holds each field, as `name:A,birth_date:B`; as remembered or guessed unless given.
    #[param(example = "name:A,birth_date:B,document:C,permanent:D,to:E,departs_at:F")]
    columns: Option<String>,
    /// Place of the sheet in a spreadsheet, from 0.
    #[serde(default)]
    sheet: usize,
    /// Count rows as good although their document's own number says something else.
    #[serde(default)]
    accept_mismatches: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PaperPreview)]
pub(super) struct Preview {
    /// Names of all sheets of a spreadsheet.
    sheets: Vec<String>,
    /// The row that names the columns.
    header_row: u32,
    /// What stands above each column.
    header: Vec<ColumnName>,
    /// The column that holds each field.
    columns: BTreeMap<String, String>,
    /// Whether these columns are those that the official chose for such a table before.
    remembered: bool,
    /// Fields that every declaration needs and that have no column.
    missing: Vec<String>,
    /// Rows below the header.
    rows: usize,
    /// Rows with nothing wrong, as far as that can be told without the register.
    good: usize,
    /// Rows with flaws.
    bad: usize,
    /// The first rows, as they were understood.
    first: Vec<PreviewRow>,
    /// The first flaws.
    flaws: Vec<ToldFlaw>,
}

/// A column of a table.
#[derive(Serialize, ToSchema)]
pub(super) struct ColumnName {
    #[schema(example = "A")]
    column: String,
    name: String,
}

/// A row as it was understood.
#[derive(Serialize, ToSchema)]
pub(super) struct PreviewRow {
    row: u32,
    /// Texts by field; empty where the row has flaws.
    fields: BTreeMap<String, String>,
    flaws: Vec<ToldFlaw>,
}

/// What is wrong with a row: where, and what; never what stands there.
#[derive(Serialize, ToSchema)]
#[schema(as = RowFlaw)]
pub(super) struct ToldFlaw {
    row: u32,
    /// The column; absent where the whole row is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "C", nullable = false)]
    column: Option<String>,
    /// The field; absent where the whole row is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "birth_date", nullable = false)]
    field: Option<String>,
    code: Why,
    /// Areas that the cell could mean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<AreaName>,
}

/// What would become of a table. Nothing is kept of it.
#[utoipa::path(post, path = "/api/v1/paper/preview", tag = "paper", operation_id = "preview_paper",
    params(HowToPreview),
    request_body(description = "The file, CSV or XLSX, of 32 MiB, 100,000 rows and 100 columns at most",
        content((File = "text/csv"), (File = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 200, description = "Columns, the first rows, flaws", body = Preview), Previewing))]
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    asking: Asking,
    Asked(how): Asked<HowToPreview>,
    body: Bytes,
) -> Result<Json<Preview>, Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let said = how.columns.as_deref().map(Mapping::parse).transpose()?;
    let file = PaperFile::take(&app, body).await?;
    let shared = Arc::clone(&app);
    let previewed = app.paper_work.run(move || -> Result<_, Problem> {
        let table = Table::read(&file.bytes, how.sheet)?;
        drop(file);
        let header = Header::of(&table);
        let remembered = shared.people.registry.table_columns(&account.account, &header.line())?;
        let is_remembered = said.is_none() && remembered.is_some();
        let remembered = remembered.map(|numbers| Mapping::of_numbers(&numbers));
        let mapping = said.or(remembered).unwrap_or_else(|| Mapping::guess(&header.names));
        Ok(Preview::of(
            &shared.people,
            &account,
            &table,
            header,
            mapping,
            is_remembered,
            how.accept_mismatches,
        ))
    });
    Ok(Json(previewed.await??))
}

impl Preview {
    fn of(
        people: &People,
        account: &Account,
        table: &Table,
        header: Header,
        mapping: Mapping,
        remembered: bool,
        accept_mismatches: bool,
    ) -> Self {
        let name = |(at, name): (usize, &String)| ColumnName {
            column: column_letters(at as u16),
            name: name.clone(),
        };
        let shown = (0..header.names.len()).zip(&header.names).filter(|(at, _)| !header.is_own(*at));
        let missing = match mapping.check() {
            Err(crate::paper::MappingError::Missing(fields)) => fields,
            _ => Vec::new(),
        };
        let below = table.rows.get(header.at + 1..).unwrap_or_default();
        let mut preview = Self {
            sheets: table.sheets.clone(),
            header_row: header.row,
            header: shown.map(name).collect(),
            columns: mapping
                .letters()
                .into_iter()
                .map(|(field, column)| (field.as_str().to_owned(), column))
                .collect(),
            remembered,
            missing: missing.iter().map(|field| field.as_str().to_owned()).collect(),
            rows: below.len(),
            good: 0,
            bad: 0,
            first: Vec::new(),
            flaws: Vec::new(),
        };
        if !preview.missing.is_empty() {
            return preview;
        }
        let now = TimeMs::now();
        let mut converter =
            Converter::new(mapping, Places::new(people.areas.now(), now.get()), table.is_1904);
        for row in below {
            let checked = check_row(people, &mut converter, row, (account, accept_mismatches), now);
            let (fields, flaws) = match checked {
                Ok(understood) => (converter.shown(&understood), Vec::new()),
                Err(flaws) => (Vec::new(), flaws),
            };
            preview.take(row.number, fields, &flaws);
        }
        preview
    }

    fn take(&mut self, row: u32, fields: Vec<(crate::paper::Field, String)>, flaws: &[RowFlaw]) {
        let is_good = flaws.is_empty();
        self.good += usize::from(is_good);
        self.bad += usize::from(!is_good);
        let left = FLAWS_TOLD_MAX - self.flaws.len();
        self.flaws.extend(flaws.iter().take(left).map(ToldFlaw::of));
        if self.first.len() < ROWS_SHOWN {
            let fields = fields.into_iter().map(|(field, text)| (field.as_str().to_owned(), text)).collect();
            self.first.push(PreviewRow { row, fields, flaws: flaws.iter().map(ToldFlaw::of).collect() });
        }
    }
}

impl ToldFlaw {
    fn of(flaw: &RowFlaw) -> Self {
        Self {
            row: flaw.row,
            column: flaw.column.map(column_letters),
            field: flaw.field.map(|field| field.as_str().to_owned()),
            code: flaw.why,
            candidates: flaw.candidates.iter().flat_map(|areas| areas.iter().cloned()).collect(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HowToTake {
    /// Which column holds each field, as `name:A,birth_date:B`. Remembered for tables with this header.
    #[param(example = "name:A,birth_date:B,document:C,permanent:D,to:E,departs_at:F")]
    columns: String,
    /// Place of the sheet in a spreadsheet, from 0.
    #[serde(default)]
    sheet: usize,
    /// Whether the official has compared every row with the person's document; they are verified then.
    #[serde(default)]
    document_seen: bool,
    /// Take rows although the register, or the document's own number, has something else.
    #[serde(default)]
    accept_mismatches: bool,
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
    body: Bytes,
) -> Result<(StatusCode, Json<Told>), Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let mapping = Mapping::parse(&how.columns)?;
    mapping.check()?;
    app.check_room()?;
    let file = PaperFile::take(&app, body).await?;
    let shared = Arc::clone(&app);
    let begun = app.paper_work.run(move || -> Result<_, Problem> {
        let table = Table::read(&file.bytes, how.sheet)?;
        drop(file);
        let header = Header::of(&table);
        let registry = &shared.people.registry;
        registry.remember_table_columns(&account.account, &header.line(), &mapping.numbers())?;
        let HowToTake { document_seen, accept_mismatches, .. } = how;
        let sent = Sent { account, table, header, mapping, document_seen, accept_mismatches };
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
            "an upload of declarations ended"
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

/// The passes of a sheet; that they are printed with names is in the audit log before.
fn printed_sheet(
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

fn svg(sheet: String) -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml"), PRIVATE], sheet).into_response()
}

/// Most declarations that are listed of one official.
const ENTRIES_MAX: usize = 1_000;
const ON_A_SHEET: usize = 8;

/// Rows shown in a preview.
const ROWS_SHOWN: usize = 20;

/// Flaws told at once; the file of refused rows has all.
const FLAWS_TOLD_MAX: usize = 200;
