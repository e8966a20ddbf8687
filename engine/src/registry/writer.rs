//! The one thread that writes: many changes become one synced write, and their acts one stretch of the
//! audit log's chain.
//!
//! ```text
//! callers (changes, acts) -> bounded queue -> chain, one write, one sync -> each is told
//! ```

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::audit::{Act, AuditTip};
use super::keys;
use crate::catalog::json;
use crate::error::EngineError;
use crate::store::table::Table;

/// What is to be written together.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) puts: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) deletes: Vec<Vec<u8>>,
    /// From the first key up to the second.
    pub(crate) ranges: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) acts: Vec<Act>,
}

/// The way to the thread, which ends when this goes.
pub(crate) struct Writer {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    changes: Changes,
    done: Sender<Result<(), EngineError>>,
}

impl Writer {
    pub(crate) fn start(table: Arc<Table>, tip: AuditTip) -> Result<Self, EngineError> {
        let (requests, queue) = bounded(REQUESTS_MAX);
        let spawned = std::thread::Builder::new().name("truyvet-registry".to_owned());
        let thread = spawned
            .spawn(move || run(&table, tip, &queue))
            .map_err(|error| EngineError::Store(format!("no thread for the registry: {error}")))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Returns when the changes are on disk.
    pub(crate) fn write(&self, changes: Changes) -> Result<(), EngineError> {
        let (done, waits) = bounded(1);
        let requests = self.requests.as_ref().ok_or(EngineError::Stopped)?;
        requests.send(Request { changes, done }).map_err(|_| EngineError::Stopped)?;
        waits.recv().map_err(|_| EngineError::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn run(table: &Table, mut tip: AuditTip, queue: &Receiver<Request>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP_MAX - 1));
        let mut next = tip.clone();
        let (mut puts, mut deletes, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        let mut done = Vec::with_capacity(group.len());
        for Request { mut changes, done: caller } in group {
            puts.append(&mut changes.puts);
            deletes.append(&mut changes.deletes);
            ranges.append(&mut changes.ranges);
            let entries = changes.acts.into_iter().map(|act| next.append(act));
            puts.extend(entries.map(|entry| (keys::audit(entry.seq), json(&entry))));
            done.push(caller);
        }
        let written = table.write(&puts, &deletes, &ranges);
        match &written {
            Ok(()) => tip = next,
            Err(error) => tracing::error!(%error, "the registry cannot be written"),
        }
        for caller in done {
            caller.send(written.clone()).ok();
        }
    }
}

/// Changes that wait; beyond, callers do.
const REQUESTS_MAX: usize = 1_024;

/// Changes in one write: a few hundred kilobytes.
const GROUP_MAX: usize = 256;
