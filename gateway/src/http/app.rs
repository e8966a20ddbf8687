//! What every request handler shares.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use truyvet_engine::{Engine, StorageState};
use truyvet_schemas::TimeMs;

use super::busiest::Busiest;
use super::checkpoint::MadeLists;
use super::counts::Counts;
use super::error::Problem;
use super::metrics::Metrics;
use super::pool::Pool;
use super::stream::STREAMS_AT_ONCE;
use super::turns::Turns;
use crate::config::Config;
use crate::enrol::Enrolment;
use crate::ingest::{Gateway, OwnScans, Posted};
use crate::paper::Uploads;
use crate::people::People;

/// What every request handler shares.
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// Devices' connections; none in a test of HTTP alone.
    pub gateway: Option<Arc<Gateway>>,
    /// Declarations, passes and accounts.
    pub people: People,
    /// Takes scans from browsers.
    pub posted: Posted,
    /// Takes visitors' own scans at venues.
    pub own_scans: Arc<OwnScans>,
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
    pub(super) people_work: Pool,
    pub(super) lists_work: Pool,
    pub(super) citizens_work: Pool,
    pub(super) codes_work: Pool,
    pub(super) passwords_work: Pool,
    pub(super) operators_token: blake3::Hash,
    pub(super) verifications: Pool,
    pub(super) imports: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) listeners: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    pub(super) busiest: Busiest,
    pub(super) counts: Counts,
    pub(super) lists: MadeLists,
    pub(super) uploads: Uploads,
    pub(super) paper_files: Arc<Semaphore>,
    pub(super) paper_work: Pool,
    stopping: AtomicBool,
}

impl App {
    /// Puts it together.
    pub fn new(
        engine: Engine,
        gateway: Option<Arc<Gateway>>,
        people: People,
        config: Config,
        data: PathBuf,
        enrolment: Enrolment,
    ) -> Self {
        let sink = gateway.as_ref().map_or_else(|| Arc::new(engine.clone()) as _, |gateway| gateway.sink());
        let metrics_of_gateway = gateway.as_ref().map(|gateway| gateway.metrics()).unwrap_or_default();
        Self {
            turns: Turns::new(&config.http),
            operations: Pool::new(OPERATIONS_AT_ONCE, OPERATIONS_WAITING_MAX),
            people_work: Pool::new(PEOPLE_AT_ONCE, PEOPLE_WAITING_MAX),
            lists_work: Pool::new(LISTS_AT_ONCE, LISTS_WAITING_MAX),
            citizens_work: Pool::new(CITIZENS_AT_ONCE, PEOPLE_WAITING_MAX),
            codes_work: Pool::new(CODES_AT_ONCE, CODES_WAITING_MAX),
            passwords_work: Pool::new(PASSWORDS_AT_ONCE, PASSWORDS_WAITING_MAX),
            operators_token: operators_token(&data),
            own_scans: Arc::new(OwnScans::new(
                engine.clone(),
                Arc::clone(&sink),
                Arc::clone(&metrics_of_gateway),
            )),
            posted: Posted::new(sink, metrics_of_gateway),
            people,
            verifications: Pool::new(1, 0),
            imports: Arc::new(Semaphore::new(config.import.imports_at_once)),
            streams: Arc::new(Semaphore::new(STREAMS_AT_ONCE)),
            // Others must find a connection, too.
            listeners: Arc::new(Semaphore::new(config.http.connections_max / 4 * 3)),
            metrics: Metrics::default(),
            busiest: Busiest::default(),
            counts: Counts::default(),
            lists: MadeLists::default(),
            uploads: Uploads::default(),
            paper_files: Arc::new(Semaphore::new(PAPER_FILES_AT_ONCE)),
            paper_work: Pool::new(PAPER_AT_ONCE, PAPER_FILES_AT_ONCE),
            stopping: AtomicBool::new(false),
            started_at: TimeMs::now(),
            engine,
            gateway,
            config,
            data,
            enrolment,
        }
    }

    /// From now on the server is not ready; imports end, and so does what wards hear.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.people.live.end();
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

    /// Scans come first: what citizens write is refused while the server takes none.
    pub(super) fn check_room(&self) -> Result<(), Problem> {
        match self.not_ready() {
            None => Ok(()),
            Some(why) => Err(Problem::Unavailable(format!("{why}; send it again later"))),
        }
    }
}

/// Operators and their programs: few, and each piece is short.
const OPERATIONS_AT_ONCE: usize = 4;
const OPERATIONS_WAITING_MAX: usize = 64;

/// Each waits for a disk most of the time, and many share one write.
const PEOPLE_AT_ONCE: usize = 64;

/// Lists that are long to make: the watch list, digests. No officer at a checkpoint waits for them.
const LISTS_AT_ONCE: usize = 4;
const LISTS_WAITING_MAX: usize = 256;

/// Declarations have places of their own, since each may wait for a register; and so have codes, for the
/// program that sends them: officers wait for neither.
const CITIZENS_AT_ONCE: usize = 64;
const CODES_AT_ONCE: usize = 8;
const CODES_WAITING_MAX: usize = 256;
const PEOPLE_WAITING_MAX: usize = 4_096;

/// Tables that are read: each file takes 32 MiB, and 160 MB more once it is unpacked.
const PAPER_FILES_AT_ONCE: usize = 4;
const PAPER_AT_ONCE: usize = 2;

/// Each takes 19 MiB and a processor.
const PASSWORDS_AT_ONCE: usize = 2;
const PASSWORDS_WAITING_MAX: usize = 256;

/// The digest of what the operator's own programs show where others may connect: the content of
/// DATA/operator.token, which its owner alone can read. One that cannot be kept is known to nobody.
fn operators_token(data: &Path) -> blake3::Hash {
    let path = data.join(OPERATORS_TOKEN);
    let token = std::fs::read_to_string(&path).ok().filter(|token| token.trim().len() >= 32);
    let token = token.unwrap_or_else(|| {
        let token = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 32]>());
        let mut file = std::fs::OpenOptions::new();
        let written = file.create(true).write(true).truncate(true).mode(0o600).open(&path);
        if let Err(error) = written.and_then(|mut file| file.write_all(token.as_bytes())) {
            tracing::warn!(%error, "{OPERATORS_TOKEN} cannot be written into the data directory");
        }
        token
    });
    blake3::hash(token.trim().as_bytes())
}

/// The file in the data directory that only its owner can read.
pub const OPERATORS_TOKEN: &str = "operator.token";
