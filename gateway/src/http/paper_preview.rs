//! A table before it is sent: which column is what, how its rows are understood, what is
//! wrong with them. Nothing is kept of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use truyvet_engine::registry::Account;
use truyvet_schemas::TimeMs;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Asking;
use super::error::Problem;
use super::extract::Asked;
use super::paper_file::PaperFile;
use super::problems::problems;
use super::trace_words::File;
use crate::paper::{
    Converter, Declarations, Field, Header, Mapping, MappingError, Places, RowFlaw, Rows, Table, Why,
    check_row, column_letters,
};
use crate::people::{AreaName, OnPaper, Permission, act_with};

problems!(Previewing: WRONG_USAGE, TOO_LARGE, BUSY, TIMEOUT, UNAVAILABLE, STORAGE_FULL, FAILED);

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
    /// The row that names the columns; 0 where there is none, and the first row is of people.
    header_row: u32,
    /// What stands above each column.
    header: Vec<ColumnName>,
    /// The column that holds each field.
    columns: BTreeMap<String, String>,
    /// Whether these columns are those that the official chose for such a table before.
    remembered: bool,
    /// Fields that every row needs and that have no column.
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
    body: Body,
) -> Result<Json<Preview>, Problem> {
    let account = asking.official(Permission::Paper)?.clone();
    let HowToPreview { columns, sheet, accept_mismatches } = how;
    let wishes = Wishes { columns, sheet, accept_mismatches };
    previewed(app, account, Declarations, wishes, body).await
}

/// How a table of whatever rows is to be looked at.
pub(super) struct Wishes {
    pub(super) columns: Option<String>,
    pub(super) sheet: usize,
    pub(super) accept_mismatches: bool,
}

/// What would become of a table of such rows.
pub(super) async fn previewed<R: Rows>(
    app: Arc<App>,
    account: Account,
    rows: R,
    how: Wishes,
    body: Body,
) -> Result<Json<Preview>, Problem> {
    let form = R::FORM;
    let said = how.columns.as_deref().map(|said| Mapping::parse(form, said)).transpose()?;
    let file = PaperFile::take(&app, body).await?;
    let shared = Arc::clone(&app);
    let previewed = app.paper_work.run(move || -> Result<_, Problem> {
        let table = Table::read(&file.bytes, how.sheet)?;
        drop(file);
        let header = Header::of(&table, form);
        let remembered =
            shared.people.registry.table_columns(&account.account, &form.header_line(&header))?;
        let is_remembered = said.is_none() && remembered.is_some();
        let remembered = remembered.map(|numbers| Mapping::of_numbers(form, &numbers));
        let mapping = said.or(remembered).unwrap_or_else(|| Mapping::guess(form, &header.names));
        let mut preview = Preview::of(&table, &header, &mapping, is_remembered);
        if preview.missing.is_empty() {
            let how = OnPaper {
                account: &account,
                phone: None,
                document_seen: false,
                accept_mismatches: how.accept_mismatches,
                request: None,
            };
            preview.take_all(&shared, &rows, (&table, &header), mapping, &how)?;
        }
        Ok(preview)
    });
    Ok(Json(previewed.await??))
}

impl Preview {
    /// What is told before any row is looked at.
    fn of(table: &Table, header: &Header, mapping: &Mapping, remembered: bool) -> Self {
        let name = |(at, name): (usize, &String)| ColumnName {
            column: column_letters(at as u16),
            name: name.clone(),
        };
        let shown = (0..header.names.len()).zip(&header.names).filter(|(at, _)| !header.is_own(*at));
        let missing = match mapping.check() {
            Err(MappingError::Missing(fields)) => fields,
            _ => Vec::new(),
        };
        let letters = mapping.letters().into_iter();
        Self {
            sheets: table.sheets.clone(),
            header_row: header.row,
            header: shown.map(name).collect(),
            columns: letters.map(|(field, column)| (field.as_str().to_owned(), column)).collect(),
            remembered,
            missing: missing.iter().map(|field| field.as_str().to_owned()).collect(),
            rows: table.rows.len().saturating_sub(header.below),
            good: 0,
            bad: 0,
            first: Vec::new(),
            flaws: Vec::new(),
        }
    }

    fn take_all<R: Rows>(
        &mut self,
        app: &App,
        rows: &R,
        (table, header): (&Table, &Header),
        mapping: Mapping,
        how: &OnPaper<'_>,
    ) -> Result<(), Problem> {
        let (people, now) = (&app.people, TimeMs::now());
        let places = Places::new(people.areas.now(), now.get());
        let (mut converter, mut disagreeing) = (Converter::new(rows, mapping, places, table.is_1904), 0);
        for row in table.rows.get(header.below..).unwrap_or_default() {
            if app.is_stopping() {
                let why = "the server is stopping; send the table again later";
                return Err(Problem::Unavailable(why.to_owned()));
            }
            let (fields, flaws) = match check_row(people, &mut converter, row, how, now) {
                Ok(understood) => (converter.shown(&understood), Vec::new()),
                Err(flaws) => (Vec::new(), flaws),
            };
            disagreeing += usize::from(flaws.iter().any(|flaw| flaw.why == Why::Disagrees));
            self.take(row.number, fields, &flaws);
        }
        if let Some(action) = R::PREVIEW_ACT.filter(|_| disagreeing > 0) {
            let told = format!("{disagreeing} disagree");
            people.registry.note(act_with(now, &how.account.account, action, "-", &told))?;
        }
        Ok(())
    }

    fn take(&mut self, row: u32, fields: Vec<(Field, String)>, flaws: &[RowFlaw]) {
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
    pub(super) fn of(flaw: &RowFlaw) -> Self {
        Self {
            row: flaw.row,
            column: flaw.column.map(column_letters),
            field: flaw.field.map(|field| field.as_str().to_owned()),
            code: flaw.why,
            candidates: flaw.candidates.iter().flat_map(|areas| areas.iter().cloned()).collect(),
        }
    }
}

/// Rows shown in a preview.
const ROWS_SHOWN: usize = 20;

/// Flaws told at once; the file of refused rows has all.
pub(super) const FLAWS_TOLD_MAX: usize = 200;
