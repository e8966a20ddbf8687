//! A table as the body of a request: bounded, whole or not at all, in memory alone.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use tokio::sync::OwnedSemaphorePermit;

use super::app::App;
use super::error::Problem;
use crate::paper::FILE_BYTES_MAX;

/// A file that was sent, and its place among those that are read at once.
pub(super) struct PaperFile {
    pub(super) bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl PaperFile {
    /// Takes the body in.
    ///
    /// # Errors
    /// Too many are being read, it is too long, or it breaks off: then nothing of it is taken.
    pub(super) async fn take(app: &Arc<App>, body: Body) -> Result<Self, Problem> {
        let place = Arc::clone(&app.paper_files).try_acquire_owned();
        let place = place.map_err(|_| Problem::Busy("other tables are being read; send yours again"))?;
        let whole = tokio::time::timeout(WHOLE_MAX, collected(body.into_data_stream()));
        Ok(Self { bytes: whole.await.map_err(|_| too_slow())??, _place: place })
    }
}

async fn collected(mut body: BodyDataStream) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    loop {
        let more = tokio::time::timeout(SILENCE_MAX, body.next()).await.map_err(|_| too_slow())?;
        let Some(more) = more else { return Ok(bytes) };
        let more = more.map_err(|_| {
            Problem::Usage("the file broke off; nothing of it was taken; send it again".to_owned())
        })?;
        if bytes.len() + more.len() > FILE_BYTES_MAX {
            let max = FILE_BYTES_MAX >> 20;
            return Err(Problem::TooLarge(format!("the file is larger than {max} MiB; split it")));
        }
        bytes.extend_from_slice(&more);
    }
}

fn too_slow() -> Problem {
    Problem::Timeout("the file came too slowly; nothing of it was taken; send it again".to_owned())
}

/// Silence after which a file is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// 32 MiB at half a megabit a second.
const WHOLE_MAX: Duration = Duration::from_secs(600);
