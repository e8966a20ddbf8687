//! A family and a run in it, dropped after their last reader.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::{Handle, Store};
use crate::error::EngineError;

/// What nobody reads any more.
pub(crate) enum Unread {
    /// A family with all that is in it; its files go with the last handle.
    Family { name: String, _last: Option<Handle> },
    /// The file of one run.
    Run { family: String, run: u32 },
}

/// Where goes whatever lost its last reader. One thread receives, and drops it in the store: the store
/// must not see two drops at once.
pub(crate) type Reaper = Sender<Unread>;

/// Keeps a family in the store for as long as anybody holds it.
pub(crate) struct Family {
    name: String,
    /// None of a family that is missing.
    handle: Option<Handle>,
    doomed: AtomicBool,
    reaper: Reaper,
}

impl Family {
    pub(crate) fn open(store: &Store, name: String, reaper: Reaper) -> Self {
        let handle = store.find_family(name.clone()).ok();
        Self { name, handle, doomed: AtomicBool::new(false), reaper }
    }

    /// What it is read by.
    ///
    /// # Errors
    /// It was missing when the partition was opened.
    pub(crate) fn handle(&self) -> Result<&Handle, EngineError> {
        let missing = || EngineError::Corrupt { what: format!("the store: family {} is missing", self.name) };
        self.handle.as_ref().ok_or_else(missing)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The family goes when the last reader lets go. The manifest must not name it any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }

    /// The run has no reader, and the manifest does not name it: its file goes.
    pub(crate) fn forget_run(&self, run: u32) {
        self.reap(Unread::Run { family: self.name.clone(), run });
    }

    fn reap(&self, unread: Unread) {
        // With the receiver gone the engine is closing; the next start drops what no manifest names.
        self.reaper.try_send(unread).ok();
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if *self.doomed.get_mut() {
            let name = std::mem::take(&mut self.name);
            let _last = self.handle.take();
            self.reap(Unread::Family { name, _last });
        }
    }
}
