//! Devices that stream without end, and an exact record of what they sent and were told.
//!
//! ```text
//! session: welcome.durable_seq -> resend from there (at times from before it) -> new scans
//! address changes -> the session is dropped, and the next one begins
//! ```
//! Every acknowledgement and every welcome is held against the record: neither may go back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use truyvet_device::client::{ConnectOptions, Connection, Receiver, Sender, endpoint_towards};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::wire::{BatchFacts, FromGateway, Notice, Reason, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use super::server::{Seen, Server};

/// What a device did and heard.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Every scan in order of seq, the first being 1.
    pub(crate) scans: Vec<Scan>,
    /// The last seq that was acknowledged.
    pub(crate) durable_seq: u64,
    /// Sessions that began.
    pub(crate) welcomes: usize,
    /// Refusals in the order in which they came.
    pub(crate) refused: Vec<Reason>,
    /// Notices in the order in which they came.
    pub(crate) notices: Vec<Notice>,
}

/// What a device sent so far.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) key: KeyFile,
    /// Every scan in order of seq, the first being 1.
    pub(crate) scans: Vec<Scan>,
    /// The last seq that was acknowledged.
    pub(crate) acknowledged: u64,
}

impl From<(KeyFile, Record)> for Sent {
    fn from((key, record): (KeyFile, Record)) -> Self {
        Self { key, scans: record.scans, acknowledged: record.durable_seq }
    }
}

/// Devices of one gateway that stream until they are told to finish.
pub(crate) struct Stream {
    runtime: Runtime,
    keys: Vec<KeyFile>,
    records: Vec<Arc<Mutex<Record>>>,
    tasks: Vec<JoinHandle<()>>,
    orders: watch::Sender<Orders>,
}

#[derive(Clone, Copy, Debug)]
struct Orders {
    gateway: SocketAddr,
    goes_on: bool,
}

impl Stream {
    /// Starts a device for each key.
    pub(crate) fn start(keys: Vec<KeyFile>, gateway: SocketAddr, pace: Duration) -> Self {
        let records = keys.iter().map(|_| Record::default()).collect();
        Self::go_on(keys, records, gateway, pace)
    }

    /// The same with what the devices did before.
    pub(crate) fn go_on(
        keys: Vec<KeyFile>,
        records: Vec<Record>,
        gateway: SocketAddr,
        pace: Duration,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let orders = watch::Sender::new(Orders { gateway, goes_on: true });
        let records: Vec<_> = records.into_iter().map(|record| Arc::new(Mutex::new(record))).collect();
        let _inside = runtime.enter();
        let device = |(key, record): (&KeyFile, &Arc<Mutex<Record>>)| {
            let authority = key.authority.as_ref().unwrap();
            let mut options = ConnectOptions::new(endpoint_towards(gateway).unwrap(), authority).unwrap();
            options.timeout = CONNECT_TIMEOUT;
            Device {
                key: key.clone(),
                options,
                record: Arc::clone(record),
                orders: orders.subscribe(),
                dice: ChaCha8Rng::seed_from_u64(u64::from(key.device)),
                pace,
            }
        };
        let devices: Vec<Device> = keys.iter().zip(&records).map(device).collect();
        let tasks = devices.into_iter().map(|device| tokio::spawn(device.live())).collect();
        drop(_inside);
        Self { runtime, keys, records, tasks, orders }
    }

    /// The gateway is a new one: every session is dropped and begun again.
    pub(crate) fn reconnect(&self, gateway: SocketAddr) {
        self.orders.send_modify(|orders| orders.gateway = gateway);
    }

    /// The last acknowledged seqs, added up.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.records.iter().map(|record| record.lock().durable_seq).sum()
    }

    /// What each device sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let sent = |(key, record): (&KeyFile, &Arc<Mutex<Record>>)| {
            let record = record.lock();
            Sent { key: key.clone(), scans: record.scans.clone(), acknowledged: record.durable_seq }
        };
        self.keys.iter().zip(&self.records).map(sent).collect()
    }

    /// Whether any device heard this.
    pub(crate) fn heard(&self, notice: &Notice) -> bool {
        self.records.iter().any(|record| record.lock().notices.contains(notice))
    }

    /// Sessions that began, of all devices.
    pub(crate) fn welcomes(&self) -> usize {
        self.records.iter().map(|record| record.lock().welcomes).sum()
    }

    /// No new scans; returns what was sent once all of it is acknowledged.
    pub(crate) fn finish(self) -> Vec<(KeyFile, Record)> {
        self.orders.send_modify(|orders| orders.goes_on = false);
        for task in self.tasks {
            let done = self.runtime.block_on(async { tokio::time::timeout(FINISH_TIMEOUT, task).await });
            done.expect("a device did not end in time").unwrap();
        }
        let records = self.records.iter().map(|record| std::mem::take(&mut *record.lock()));
        self.keys.into_iter().zip(records).collect()
    }
}

/// Every scan that was sent is there, once, and nothing else. All of it was acknowledged before.
pub(crate) fn assert_exactly_once(server: &Server, sent: &[(KeyFile, Record)]) {
    assert_exactly_once_beside(server, sent, 0);
}

/// The same where there are so many scans of others.
pub(crate) fn assert_exactly_once_beside(server: &Server, sent: &[(KeyFile, Record)], others: u64) {
    let mut trails: BTreeMap<&str, Vec<Seen>> = BTreeMap::new();
    for (key, record) in sent {
        assert_eq!(server.durable_seq(key.device), record.durable_seq, "device {}", key.device);
        for scan in &record.scans {
            let seen = (scan.at.get(), key.site.clone(), scan.direction.as_str().to_owned());
            trails.entry(&scan.subject).or_default().push(seen);
        }
    }
    let total: usize = sent.iter().map(|(_, record)| record.scans.len()).sum();
    assert_eq!(server.scans(), total as u64 + others);
    for (subject, mut sent) in trails {
        sent.sort_unstable();
        let told = server.trail(subject);
        assert!(told == sent, "{subject}: {} scans sent, {} in the trail", sent.len(), told.len());
    }
}

struct Device {
    key: KeyFile,
    options: ConnectOptions,
    record: Arc<Mutex<Record>>,
    orders: watch::Receiver<Orders>,
    dice: ChaCha8Rng,
    pace: Duration,
}

impl Device {
    async fn live(mut self) {
        loop {
            let Orders { gateway, goes_on } = *self.orders.borrow_and_update();
            if !goes_on && self.is_delivered() {
                return;
            }
            match Connection::connect(&self.key, gateway, &self.options).await {
                Ok(connection) => self.session(connection).await,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    /// Streams until the session ends, all is delivered, or there is another gateway.
    async fn session(&mut self, connection: Connection) {
        let Connection { welcome, mut sender, mut receiver } = connection;
        self.record.lock().welcomed(welcome.durable_seq);
        let back = if self.dice.random_bool(0.3) { self.dice.random_range(0..100) } else { 0 };
        let first_seq = welcome.durable_seq.saturating_sub(back) + 1;
        let (mut orders, record) = (self.orders.clone(), Arc::clone(&self.record));
        let gateway = orders.borrow_and_update().gateway;
        tokio::select! {
            () = self.send(&mut sender, first_seq) => sender.close(),
            () = hear(&mut receiver, &record) => {}
            _ = orders.changed_gateway(gateway) => {}
        }
    }

    /// Ends when the session does, or when everything is delivered and nothing more is to come.
    async fn send(&mut self, sender: &mut Sender, first_seq: u64) {
        let mut next = first_seq;
        loop {
            let goes_on = self.orders.borrow().goes_on;
            if !goes_on && self.is_delivered() {
                return;
            }
            let (len, durable_seq) = {
                let record = self.record.lock();
                (record.scans.len() as u64, record.durable_seq)
            };
            let open = next.saturating_sub(durable_seq);
            if open > OPEN_MAX || (next > len && !goes_on) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                continue;
            }
            let scans = self.batch(next);
            let facts = BatchFacts {
                device: self.key.device,
                site: &self.key.site,
                first_seq: next,
                sent_at: TimeMs::now(),
            };
            let (batch, taken) = encode_batch(facts, &scans).unwrap();
            if sender.send_batch(&batch).await.is_err() {
                return;
            }
            next += taken as u64;
            tokio::time::sleep(self.pace).await;
        }
    }

    /// Some scans from this seq on: what was sent before, or new ones.
    fn batch(&mut self, first_seq: u64) -> Vec<Scan> {
        let count = self.dice.random_range(1..=BATCH_SCANS);
        let from = first_seq as usize - 1;
        if from == self.record.lock().scans.len() {
            let scans: Vec<Scan> = (0..count).map(|_| self.scan()).collect();
            self.record.lock().scans.extend_from_slice(&scans);
            return scans;
        }
        let record = self.record.lock();
        record.scans[from..record.scans.len().min(from + count)].to_vec()
    }

    /// Mostly of now, some of days ago.
    fn scan(&mut self) -> Scan {
        let age_ms = match self.dice.random_ratio(1, 20) {
            true => self.dice.random_range(0..5 * 86_400_000),
            false => self.dice.random_range(0..60_000),
        };
        Scan {
            subject: format!("s{:04}", self.dice.random_range(0..SUBJECTS)),
            at: TimeMs::new(TimeMs::now().get() - age_ms),
            direction: Direction::from_number(self.dice.random_range(0..3)).unwrap(),
            verdict: Verdict::Passed,
        }
    }

    fn is_delivered(&self) -> bool {
        let record = self.record.lock();
        record.durable_seq == record.scans.len() as u64
    }
}

trait OrdersExt {
    async fn changed_gateway(&mut self, gateway: SocketAddr);
}

impl OrdersExt for watch::Receiver<Orders> {
    /// A new server may have the old one's address: any change but the last order counts.
    async fn changed_gateway(&mut self, gateway: SocketAddr) {
        while self.changed().await.is_ok() {
            let orders = *self.borrow_and_update();
            if orders.goes_on || orders.gateway != gateway {
                return;
            }
        }
    }
}

async fn hear(receiver: &mut Receiver, record: &Mutex<Record>) {
    while let Ok(frame) = receiver.next().await {
        let mut record = record.lock();
        match frame {
            FromGateway::Ack { durable_seq } => record.acknowledged(durable_seq),
            FromGateway::Refusal(refusal) => record.refused.push(refusal.reason),
            FromGateway::Notice(notice) => record.notices.push(notice),
            FromGateway::Welcome(_) | FromGateway::Unknown => {}
        }
    }
}

impl Record {
    fn welcomed(&mut self, durable_seq: u64) {
        assert!(durable_seq >= self.durable_seq, "acknowledged scans are gone");
        self.welcomes += 1;
        self.acknowledged(durable_seq);
    }

    fn acknowledged(&mut self, durable_seq: u64) {
        assert!(durable_seq <= self.scans.len() as u64, "scans are acknowledged that were never sent");
        self.durable_seq = self.durable_seq.max(durable_seq);
    }
}

/// Few enough that every trail can be read, and each spans runs and days.
const SUBJECTS: u32 = 1_500;
const BATCH_SCANS: usize = 200;
/// Scans on their way at most.
const OPEN_MAX: u64 = 5_000;
const RETRY: Duration = Duration::from_millis(20);
/// A server that was just killed answers nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);
const FINISH_TIMEOUT: Duration = Duration::from_secs(60);
