//! What the spool knows beside its scans: how its numbers relate to the gateway's, what is
//! acknowledged, and the site. One small file, replaced whole.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{SpoolError, segment};

/// The file `mark.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    /// Format of the whole spool.
    pub(super) version: u32,
    /// Whose scans these are.
    pub(super) device: u32,
    /// Added to the spool's own numbers, from 1, to make seqs. Absent until the first welcome: a new
    /// spool cannot know what a lost one before it has numbered.
    pub(super) shift: Option<u64>,
    /// The last acknowledged of the spool's own numbers.
    pub(super) acked: u64,
    /// Code of the site that the gateway named last.
    pub(super) site: Option<String>,
    /// Something here is not on disk yet.
    #[serde(skip)]
    unsaved: bool,
}

impl Mark {
    /// The mark of a spool that has never met a gateway.
    pub(super) fn new(device: u32) -> Self {
        Self { version: VERSION, device, shift: None, acked: 0, site: None, unsaved: true }
    }

    /// Reads the mark; `None` where there is none.
    pub(super) fn load(dir: &Path) -> Result<Option<Self>, SpoolError> {
        let path = dir.join(FILE_NAME);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(SpoolError::io("read", &path))?,
        };
        let mark: Self =
            serde_json::from_slice(&text).map_err(|_| SpoolError::damaged(&path, "it is no mark"))?;
        if mark.version != VERSION {
            return Err(SpoolError::OtherVersion { found: mark.version });
        }
        Ok(Some(mark))
    }

    /// Changes the mark on disk and, when that holds, here.
    pub(super) fn replace(&mut self, dir: &Path, change: impl FnOnce(&mut Self)) -> Result<(), SpoolError> {
        let mut mark = self.clone();
        mark.change(change);
        mark.save(dir)?;
        *self = mark;
        Ok(())
    }

    /// Changes the mark here alone; the next [`Mark::save`] makes it durable.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Self)) {
        change(self);
        self.unsaved = true;
    }

    /// Makes durable what is not yet.
    pub(super) fn save(&mut self, dir: &Path) -> Result<(), SpoolError> {
        if !self.unsaved {
            return Ok(());
        }
        let path = dir.join(FILE_NAME);
        let text = serde_json::to_vec(self).expect("numbers and strings are always JSON");
        segment::replace_file(&path, &text).map_err(SpoolError::io("write", &path))?;
        self.unsaved = false;
        Ok(())
    }
}

const FILE_NAME: &str = "mark.json";
const VERSION: u32 = 1;
