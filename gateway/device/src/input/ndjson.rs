//! A scan as a JSON object on a line.

use serde::Deserialize;
use truyvet_schemas::{Scan, TimeMs};

use super::{BadLine, Fields};

#[derive(Deserialize)]
struct Line {
    subject: Option<String>,
    unix_ms: Option<i64>,
    at: Option<Instant>,
    direction: Option<String>,
    verdict: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Instant {
    UnixMs(i64),
    Text(String),
}

/// Reads one line; `now` is the scan's time where it tells none.
pub(super) fn parse(line: &[u8], now: TimeMs) -> Result<Scan, BadLine> {
    let line: Line =
        serde_json::from_slice(line).map_err(|error| BadLine::Json { column: error.column() })?;
    let at = match (line.unix_ms, line.at) {
        (Some(_), Some(_)) => return Err(BadLine::TwoTimes),
        (Some(unix_ms), None) | (None, Some(Instant::UnixMs(unix_ms))) => TimeMs::new(unix_ms),
        (None, Some(Instant::Text(text))) => TimeMs::parse(&text).map_err(|_| BadLine::Time)?,
        (None, None) => now,
    };
    let text = |field: Option<String>| field.unwrap_or_default();
    Fields {
        subject: &text(line.subject),
        at,
        direction: &text(line.direction),
        verdict: &text(line.verdict),
    }
    .check()
}
