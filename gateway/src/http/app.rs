//! What every request handler shares.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use truyvet_engine::{Engine, StorageState};
use truyvet_schemas::TimeMs;

use super::busiest::Busiest;
use super::metrics::Metrics;
use super::pool::Pool;
use super::stream::STREAMS_AT_ONCE;
use super::turns::Turns;
use crate::config::Config;
use crate::enrol::Enrolment;
use crate::ingest::Gateway;

/// What every request handler shares.
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// Devices' connections; none in a test of HTTP alone.
    pub gateway: Option<Arc<Gateway>>,
    /// All settings.
    pub config: Config,
    /// The data directory.
    pub data: PathBuf,
    /// What new devices are told about this gateway.
    pub enrolment: Enrolment,
    /// When the server started.
    pub started_at: TimeMs,
    pub(super) turns: Turns,
    pub(super) operations: Pool,
    pub(super) imports: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    pub(super) busiest: Busiest,
    stopping: AtomicBool,
}

impl App {
    /// Puts it together.
    pub fn new(
        engine: Engine,
        gateway: Option<Arc<Gateway>>,
        config: Config,
        data: PathBuf,
        enrolment: Enrolment,
    ) -> Self {
        Self {
            turns: Turns::new(&config.http),
            operations: Pool::new(OPERATIONS_AT_ONCE, OPERATIONS_WAITING_MAX),
            imports: Arc::new(Semaphore::new(config.import.imports_at_once)),
            streams: Arc::new(Semaphore::new(STREAMS_AT_ONCE)),
            metrics: Metrics::default(),
            busiest: Busiest::default(),
            stopping: AtomicBool::new(false),
            started_at: TimeMs::now(),
            engine,
            gateway,
            config,
            data,
            enrolment,
        }
    }

    /// From now on the server is not ready, and imports end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Why the server takes no scans now, if it does not.
    pub fn not_ready(&self) -> Option<String> {
        if self.is_stopping() {
            return Some("the server is stopping".to_owned());
        }
        match self.engine.storage_state() {
            StorageState::Ok => None,
            StorageState::Full { free_bytes, needed_bytes } => Some(format!(
                "the disk is full: {free_bytes} bytes are free, {needed_bytes} are needed; free some space"
            )),
            StorageState::Failed(why) => {
                Some(format!("the storage cannot be written ({why}); scans are taken again once it can"))
            }
        }
    }
}

/// Operators and their programs: few, and each piece is short.
const OPERATIONS_AT_ONCE: usize = 4;
const OPERATIONS_WAITING_MAX: usize = 64;
