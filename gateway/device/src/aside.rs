//! Scans kept aside as NDJSON beside the spool: those a gateway refused, and those whose fate is
//! unknown. The lines are ones that an agent can take as input again.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use truyvet_schemas::{Direction, Verdict};

use crate::spool::Run;

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct AsideLine<'a> {
    /// The scan's seq.
    pub(crate) seq: u64,
    /// Why the gateway refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    /// Code of the site where it was taken.
    pub(crate) site: &'a str,
    /// The subject's code.
    pub(crate) subject: &'a str,
    /// Device time.
    pub(crate) unix_ms: i64,
    /// Which way.
    pub(crate) direction: &'a str,
    /// What the officer decided.
    pub(crate) verdict: &'a str,
}

/// Appends these scans, durably.
pub(crate) fn append_scans(path: &Path, run: &Run) -> io::Result<()> {
    let lines = run.scans.iter().zip(run.first_seq..).map(|(scan, seq)| AsideLine {
        seq,
        reason: None,
        site: &run.site,
        subject: &scan.subject,
        unix_ms: scan.at.get(),
        direction: scan.direction.as_str(),
        verdict: scan.verdict.as_str(),
    });
    append_lines(path, lines, u64::MAX).map(|_| ())
}

/// Appends lines, durably and all or none, unless the file has reached `bytes_max`; tells whether they
/// are in it.
pub(crate) fn append_lines<'a>(
    path: &Path,
    lines: impl Iterator<Item = AsideLine<'a>>,
    bytes_max: u64,
) -> io::Result<bool> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let bytes = file.metadata()?.len();
    if bytes >= bytes_max {
        return Ok(false);
    }
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    match file.write_all(&text).and_then(|()| file.sync_all()) {
        Ok(()) => Ok(true),
        Err(error) => {
            // Half a line would spoil the one after it.
            file.set_len(bytes)?;
            Err(error)
        }
    }
}

/// The words for numbers that were checked before; a number not known here has none.
pub(crate) fn words(direction: u8, verdict: u8) -> (&'static str, &'static str) {
    (
        Direction::from_number(direction).unwrap_or_default().as_str(),
        Verdict::from_number(verdict).unwrap_or_default().as_str(),
    )
}
