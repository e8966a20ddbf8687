//! A partition's family, dropped after its last reader.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

/// Where families go whose last reader is gone. One thread receives, and drops them in the store:
/// the store must not see two drops at once.
pub(crate) type Reaper = Sender<String>;

/// Keeps a partition's family in the store for as long as anybody holds it.
pub(crate) struct Family {
    name: String,
    doomed: AtomicBool,
    reaper: Reaper,
}

impl Family {
    pub(crate) fn new(name: String, reaper: Reaper) -> Self {
        Self { name, doomed: AtomicBool::new(false), reaper }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The family goes when the last reader lets go. The manifest must not name it any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if *self.doomed.get_mut() {
            // With the receiver gone the engine is closing; the next start drops what no manifest names.
            self.reaper.try_send(std::mem::take(&mut self.name)).ok();
        }
    }
}
