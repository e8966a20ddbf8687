//! Files into the running server.
//!
//! ```text
//! body -> DATA/tmp/upload-* (bounded in bytes, disk space checked) -> the import of the command line
//!      <- one JSON event a line: progress, bad_line, done or failed
//! ```
//! The file is kept whole before it is read, since its digest decides what of it is new.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::{ReaderStream, SyncIoBridge};
use truyvet_schemas::TimeMs;
use utoipa::IntoParams;

use super::app::App;
use super::error::Problem;
use super::extract::{Asked, Named};
use super::problems::problems;
use super::trace_words::File;
use crate::import::{self, Event, Format, ImportError, OnError, Options, Source, Totals, What};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wishes {
    /// `csv`, `csv.gz` or `parquet`; left out, the name tells.
    #[param(pattern = "^(csv|csv\\.gz|parquet)$", example = "csv")]
    format: Option<String>,
    /// The file's name, for people.
    #[param(example = "scans.csv")]
    name: Option<String>,
    /// What a bad line does: `stop`, which is meant when it is left out, or `skip`.
    #[param(pattern = "^(stop|skip)$", example = "stop")]
    on_error: Option<String>,
    /// Whether scans outside the retention are left out.
    #[serde(default)]
    apply_retention: bool,
}

problems!(Importing: WRONG_USAGE, NOT_FOUND, TOO_LARGE, BUSY, TIMEOUT, STORAGE_FULL, FAILED);

/// Takes a file in.
///
/// The same content again adds nothing twice. What stands before a bad line is kept.
#[utoipa::path(post, path = "/api/v1/import/{what}", operation_id = "import_file", tag = "import",
    params(
        ("what" = String, Path, description = "`scans`, `areas`, `sites` or `people`",
            pattern = "^(scans|areas|sites|people)$"),
        Wishes
    ),
    request_body(description = "The file: CSV as it is or packed with gzip, or Parquet",
        content((File = "text/csv"), (File = "application/gzip"), (File = "application/vnd.apache.parquet"))),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson",
            description = "As it goes on: one `ImportEvent` a line; the last is `done` or `failed`",
            example = "{\"event\":\"progress\",\"stage\":\"rows\",\"bytes\":512,\"bytes_total\":512,\"rows\":3}\n\
                {\"event\":\"done\",\"rows\":3,\"rows_before\":0,\"bad\":0,\"left_out\":0}\n"),
        Importing
    ))]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    Named(what): Named<String>,
    Asked(wishes): Asked<Wishes>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let what = What::parse(&what)
        .ok_or_else(|| Problem::NotFound("import scans, areas, sites or people".to_owned()))?;
    let (format, options) = judge(&app, &wishes)?;
    let turn = Arc::clone(&app.imports)
        .try_acquire_owned()
        .map_err(|_| Problem::Busy("another import is running; try again when it is done"))?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let spooled = spool(&app, announced, body.into_data_stream()).await?;
    let name = wishes.name.unwrap_or_else(|| format!("upload.{}", format.as_str()));
    let source = Source::named(spooled.path(), name, format);

    let (to_client, from_import) = tokio::io::duplex(EVENTS_BYTES);
    let mut to_client = SyncIoBridge::new(to_client);
    tokio::task::spawn_blocking(move || {
        let mut tell = |event: &Event| {
            let written =
                serde_json::to_writer(&mut to_client, event).is_ok() && to_client.write_all(b"\n").is_ok();
            if written && !app.is_stopping() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let result = import::run(&app.engine, what, &source, &options, &mut |event| tell(&event));
        tracing::info!(what = what.as_str(), ok = result.is_ok(), "an import ended");
        let end = match result {
            Ok(totals) => Event::Done(totals),
            Err(error) => Event::Failed { totals: totals_of(&error), reason: error.to_string() },
        };
        // Whoever hears the end may begin the next import at once.
        drop((spooled, turn));
        // A client that has gone away hears nothing; what was taken in is kept all the same.
        let _ = tell(&end);
    });
    let events = Body::from_stream(ReaderStream::new(from_import));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], events).into_response())
}

fn judge(app: &App, wishes: &Wishes) -> Result<(Format, Options), Problem> {
    let format = match &wishes.format {
        Some(word) => Format::parse(word)
            .ok_or_else(|| Problem::Usage("`format`: write one of csv, csv.gz, parquet".to_owned()))?,
        None => Format::of(Path::new(wishes.name.as_deref().unwrap_or_default())),
    };
    let on_error = match wishes.on_error.as_deref() {
        None | Some("stop") => OnError::Stop,
        Some("skip") => OnError::Skip,
        Some(_) => return Err(Problem::Usage("`on_error`: write skip or stop".to_owned())),
    };
    let kept = wishes.apply_retention.then(|| import::kept(&app.config.engine, TimeMs::now()));
    Ok((format, Options { on_error, kept }))
}

fn totals_of(error: &ImportError) -> Totals {
    match error {
        ImportError::Stopped { totals, .. } => *totals,
        _ => Totals::default(),
    }
}

async fn spool(
    app: &App,
    announced: Option<u64>,
    mut body: BodyDataStream,
) -> Result<NamedTempFile, Problem> {
    let folder = app.data.join(TMP);
    let failed = |e: std::io::Error| Problem::Failed(format!("the upload cannot be kept on disk: {e}"));
    check_space(app, &folder, announced.unwrap_or(0))?;
    let spooled = tempfile::Builder::new().prefix("upload-").tempfile_in(&folder).map_err(failed)?;
    let mut file = tokio::fs::File::from_std(spooled.reopen().map_err(failed)?);
    let (mut bytes, mut checked) = (0, 0);
    loop {
        let more = tokio::time::timeout(SILENCE_MAX, body.next()).await.map_err(|_| {
            Problem::Timeout("no more of the file came for a while; send it again".to_owned())
        })?;
        let Some(more) = more else { break };
        let more = more.map_err(|_| Problem::Usage("the body broke off; send the file again".to_owned()))?;
        bytes += more.len() as u64;
        if bytes >= checked + CHECK_BYTES {
            checked = bytes;
            check_space(app, &folder, 0)?;
        }
        check_length(app, bytes)?;
        file.write_all(&more).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Ok(spooled)
}

fn check_length(app: &App, bytes: u64) -> Result<(), Problem> {
    let max = app.config.import.upload_bytes_max;
    if bytes <= max {
        return Ok(());
    }
    Err(Problem::TooLarge(format!(
        "the file is longer than {max} bytes; split it, or raise `upload_bytes_max` in the section [import]"
    )))
}

/// Whether so many bytes more leave the engine what it needs.
fn check_space(app: &App, folder: &Path, bytes: u64) -> Result<(), Problem> {
    check_length(app, bytes)?;
    std::fs::create_dir_all(folder).map_err(|e| Problem::Failed(format!("{}: {e}", folder.display())))?;
    let Ok(stat) = rustix::fs::statvfs(folder) else {
        return Ok(());
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let needed = bytes.saturating_add(app.config.engine.free_bytes_min);
    if free >= needed {
        return Ok(());
    }
    Err(Problem::StorageFull(format!(
        "{free} bytes are free on the server's disk, and the file needs {needed}; free some space, or send it in parts"
    )))
}

/// Where uploads wait, in the data directory.
pub(crate) const TMP: &str = "tmp";

/// Events on their way; beyond, the import waits for its client.
const EVENTS_BYTES: usize = 64 * 1024;

/// Silence after which an upload is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Disk space is looked at this often.
const CHECK_BYTES: u64 = 64 << 20;
