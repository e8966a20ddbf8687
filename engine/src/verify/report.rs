//! What a verification tells.

use std::path::Path;

use serde::{Deserialize, Serialize};
use truyvet_schemas::utoipa::{self, ToSchema};

use crate::partition::plan::Span;

/// How far a verification has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes read.
    pub bytes: u64,
    /// Bytes to read, about.
    pub bytes_all: u64,
}

/// What a verification has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerifyReport {
    /// Number of damages; 0: all is as it was written.
    pub damaged: u64,
    /// The first thousand of them.
    pub damages: Vec<Damage>,
    /// Runs checked.
    pub runs: u64,
    /// Bytes of their files.
    pub run_bytes: u64,
    /// Scans in them.
    pub scans: u64,
    /// Posting leaves checked.
    pub posting_leaves: u64,
    /// Trail leaves checked against the postings.
    pub trail_leaves: u64,
    /// Rollups checked against the postings.
    pub rollups: u64,
    /// Runs whose rollups were not: they hold for another state of the tree of areas, and no question uses
    /// them.
    pub unchecked_rollups: Vec<u32>,
    /// Devices whose seqs were counted.
    pub devices: u64,
    /// Devices' scans that were dropped, or were lost and known to be.
    pub gone_scans: u64,
    /// Records of the journal that are in no run yet.
    pub journal_records: u64,
    /// Codes of subjects.
    pub subjects: u64,
    /// Refused scans.
    pub dead_letters: u64,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Damage {
    /// `file`, `directory`, `postings`, `trails`, `rollups`, `subjects`, `seqs`, `journal` or `catalog`.
    pub part: String,
    /// What is wrong.
    pub what: String,
    /// The run's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// First instant of the days, unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// First instant after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The leaf, or the group of a trail leaf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u32>,
    /// The device's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<u32>,
}

/// Where a damage is, as far as that says something.
#[derive(Clone, Copy, Default)]
pub(super) struct At<'a> {
    pub(super) run: Option<u32>,
    pub(super) days: Option<Span>,
    pub(super) file: Option<&'a Path>,
    pub(super) leaf: Option<u32>,
    pub(super) device: Option<u32>,
}

impl VerifyReport {
    pub(super) fn add(&mut self, part: &str, at: At<'_>, what: String) {
        self.damaged += 1;
        if self.damages.len() >= DAMAGES_TOLD_MAX {
            return;
        }
        let At { run, days, file, leaf, device } = at;
        self.damages.push(Damage {
            part: part.to_owned(),
            what,
            run,
            from: days.map(Span::start_ms),
            to: days.map(Span::end_ms),
            file: file.map(|file| file.display().to_string()),
            leaf,
            device,
        });
    }
}

const DAMAGES_TOLD_MAX: usize = 1_000;
