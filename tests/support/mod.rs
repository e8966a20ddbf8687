//! An engine in a directory of its own, and what tests ask of it. Whole systems are in the modules.

pub(crate) mod checkpoint;
pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod knock;
pub(crate) mod peer;
pub(crate) mod people;
pub(crate) mod power;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod twin;
pub(crate) mod ward;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use parking_lot::{Condvar, Mutex};
use tempfile::TempDir;
use truyvet_engine::{Backups, BatchReply, Beside, DeviceBatch, Engine, EngineConfig, OpenError, SiteRecord};
use truyvet_schemas::signing::sign_batch;
use truyvet_schemas::wire::{BatchFacts, Reason, encode_batch};
use truyvet_schemas::{DeviceId, Scan, TimeMs};

/// A moment in 2021, far enough in the past for every scan of a test.
pub(crate) const START_MS: i64 = 1_628_121_600_000;

/// When the gateway receives what a test sends.
pub(crate) const NOW_MS: i64 = START_MS + 400 * 86_400_000;

/// Small enough for a test, and no smaller than the settings allow.
pub(crate) fn config() -> EngineConfig {
    EngineConfig {
        live_scans_max: 10_000,
        memory_bytes: 128 << 20,
        free_bytes_min: 0,
        runs_max: 3,
        ..EngineConfig::default()
    }
}

/// An engine that can be closed, opened again, and killed.
pub(crate) struct House {
    dir: TempDir,
    engine: Option<Engine>,
    config: EngineConfig,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: EngineConfig) -> Self {
        let dir = TempDir::new().unwrap();
        let engine = Some(Engine::open(dir.path(), config.clone()).unwrap());
        Self { dir, engine, config }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn reopen(&mut self) {
        drop(self.engine.take());
        self.engine = Some(open(self.dir.path(), &self.config).unwrap());
    }

    /// What a kill leaves: every byte that was written, and nothing that was only in memory.
    pub(crate) fn crash(&mut self) {
        let left = self.moment();
        self.go_on_in(left);
    }

    /// A copy of the directory as it is at one moment.
    fn moment(&self) -> TempDir {
        loop {
            // A kill leaves one moment; files that come and go during a copy would mix two.
            let (before, left) = (listing(self.dir.path()), TempDir::new().unwrap());
            copy(self.dir.path(), left.path());
            if listing(self.dir.path()) == before {
                return left;
            }
        }
    }

    /// The same, but what was written to the store's log since then never reached it.
    pub(crate) fn crash_before(&mut self, then: &StoreLog) {
        let left = self.moment();
        let mut lost_bytes = 0;
        for (name, bytes) in log_files(left.path()) {
            let bytes_then = then.0.get(&name).copied().unwrap_or_default();
            let file = File::options().write(true).open(left.path().join("engine").join(name)).unwrap();
            file.set_len(bytes_then).unwrap();
            lost_bytes += bytes - bytes_then;
        }
        assert!(lost_bytes > 0, "something was written since");
        self.go_on_in(left);
    }

    /// How far the store's log has come.
    pub(crate) fn log(&self) -> StoreLog {
        StoreLog(log_files(self.dir.path()).collect())
    }

    fn go_on_in(&mut self, left: TempDir) {
        drop(self.engine.take());
        self.dir = left;
        self.engine = Some(open(self.dir.path(), &self.config).unwrap());
    }

    /// Everything is as it was written.
    pub(crate) fn assert_sound(&self) {
        let report = self.engine().verify(&mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((report.damaged, &report.damages[..]), (0, &[][..]));
    }

    /// What a closed engine leaves, to be damaged: its directory.
    pub(crate) fn close(&mut self) -> &Path {
        drop(self.engine.take());
        self.dir.path()
    }

    /// Tries to open what is in the directory.
    pub(crate) fn open(&mut self) -> Result<(), OpenError> {
        self.engine = Some(open(self.dir.path(), &self.config)?);
        Ok(())
    }

    /// Goes on in a directory that was restored from a backup of this one.
    pub(crate) fn restore(&mut self) {
        let (backups, restored) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        self.engine().backup(backups.path(), Beside::default(), &|_| {}).unwrap();
        Backups::at(backups.path()).unwrap().restore(None, restored.path(), &|_| {}).unwrap();
        self.go_on_in(restored);
    }

    pub(crate) fn put_sites(&self, codes: &[&str]) {
        let record = |code: &&str| SiteRecord { site: (*code).into(), ..SiteRecord::default() };
        self.engine().catalog().put_sites(codes.iter().map(record).collect()).unwrap();
    }

    pub(crate) fn add_device(&self, site: &str) -> DeviceId {
        let public_key = key().verifying_key().to_bytes();
        let record = self.engine().catalog().add_device(site, public_key, TimeMs::new(0)).unwrap();
        DeviceId::new(record.device)
    }

    /// Submits scans as one batch, and waits for what becomes of it.
    pub(crate) fn submit(&self, device: DeviceId, site: &str, first_seq: u64, scans: &[Scan]) -> Told {
        let facts = BatchFacts { device: device.get(), site, first_seq, sent_at: TimeMs::new(0) };
        let (batch, taken) = encode_batch(facts, scans).unwrap();
        assert_eq!(taken, scans.len(), "the scans of a test fit one batch");
        self.submit_batch(device, batch)
    }

    /// Submits the bytes of a batch, and waits for what becomes of it.
    pub(crate) fn submit_batch(&self, device: DeviceId, batch: Vec<u8>) -> Told {
        let reply = Arc::new(Waiting::default());
        let signature = sign_batch(&key(), &batch);
        let batch = DeviceBatch {
            device,
            received_at: TimeMs::new(NOW_MS),
            batch: Bytes::from(batch),
            signature,
            reply: reply.clone(),
        };
        self.engine().submit(batch).map_err(|(why, _)| why).unwrap();
        reply.wait()
    }
}

/// The files of the store's log and their lengths.
pub(crate) struct StoreLog(BTreeMap<OsString, u64>);

fn log_files(dir: &Path) -> impl Iterator<Item = (OsString, u64)> {
    let files = std::fs::read_dir(dir.join("engine")).unwrap().flatten();
    let logs = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "log"));
    logs.map(|file| (file.file_name(), file.metadata().unwrap().len()))
}

/// Opens a directory that nobody has open. Another test that starts a process holds every open file until
/// that process runs its own program: for a moment the lock, too.
fn open(dir: &Path, config: &EngineConfig) -> Result<Engine, OpenError> {
    let mut attempts = 0..100;
    loop {
        match Engine::open(dir, config.clone()) {
            Err(OpenError::InUse(_)) if attempts.next().is_some() => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
}

/// The key of every device here.
fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Every file below the directory and its size. The store's files only grow.
fn listing(dir: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        // What went meanwhile is missing, and so the next listing differs.
        match entry.metadata() {
            Ok(found) if found.is_dir() => files.extend(listing(&entry.path())),
            Ok(found) => drop(files.insert(entry.path(), found.len())),
            Err(_) => {}
        }
    }
    files
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            // A file that the store drops meanwhile is one that it no longer needs.
            false => drop(std::fs::copy(entry.path(), target)),
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) durable: Option<u64>,
    pub(crate) refused: Vec<(Reason, Vec<u64>)>,
    pub(crate) gap: Option<u64>,
    pub(crate) failed: Option<String>,
}

#[derive(Default)]
struct Waiting {
    told: Mutex<(Told, bool)>,
    done: Condvar,
}

impl Waiting {
    fn tell(&self, last: bool, tell: impl FnOnce(&mut Told)) {
        let mut told = self.told.lock();
        tell(&mut told.0);
        told.1 |= last;
        self.done.notify_all();
    }

    fn wait(&self) -> Told {
        let mut told = self.told.lock();
        let patience = std::time::Duration::from_secs(30);
        while !told.1 {
            assert!(!self.done.wait_for(&mut told, patience).timed_out(), "a batch was never answered");
        }
        told.0.clone()
    }
}

impl BatchReply for Waiting {
    fn durable(&self, durable_seq: u64) {
        self.tell(true, |told| told.durable = Some(durable_seq));
    }

    fn refused(&self, reason: Reason, seqs: Vec<u64>) {
        self.tell(false, |told| told.refused.push((reason, seqs)));
    }

    fn gap(&self, expected_seq: u64) {
        self.tell(true, |told| told.gap = Some(expected_seq));
    }

    fn failed(&self, why: &str) {
        self.tell(true, |told| told.failed = Some(why.to_owned()));
    }
}
