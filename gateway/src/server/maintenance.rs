//! What is done by the clock: every minute days older than the retention are dropped, every hour
//! closed days are sealed and the registry loses what time has ended. Sealing writes what is in memory
//! first, so more often would mean more and smaller runs.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use truyvet_schemas::TimeMs;

use crate::http::App;

/// The thread that does it.
pub(super) struct Maintenance {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Maintenance {
    pub(super) fn start(app: Arc<App>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded::<()>(1);
        let thread = std::thread::Builder::new().name("maintenance".to_owned()).spawn(move || {
            for minute in 1u64.. {
                if stopped.recv_timeout(MINUTE) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                maintain(&app, minute);
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Lets what is being done end, and does no more.
    pub(super) fn stop(self) {
        self.stop.send(()).ok();
        if self.thread.join().is_err() {
            tracing::error!("the maintenance thread met a bug");
        }
    }
}

fn maintain(app: &App, minute: u64) {
    if let Err(error) = app.engine.apply_retention(TimeMs::now()) {
        tracing::error!(%error, "days older than the retention could not be dropped");
    }
    if !minute.is_multiple_of(MINUTES_AN_HOUR) {
        return;
    }
    if let Err(error) = app.engine.seal_behind() {
        tracing::error!(%error, "closed days could not be sealed");
    }
    if let Err(error) = app.people.registry.sweep(TimeMs::now()) {
        tracing::error!(%error, "what has ended could not be taken out of the registry");
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const MINUTES_AN_HOUR: u64 = 60;
