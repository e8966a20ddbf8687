//! A server restored from an older backup meets devices to which more had been acknowledged: what they
//! still hold comes again, the rest is noted as lost, and nobody waits for ever.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use truyvet_device::spool::{GROUP_SCANS_MAX, SPOOL_BYTES_MIN};
use truyvet_device::{Agent, AgentOptions, Spool};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::{DeviceId, Direction, Scan, TimeMs, Verdict};

use crate::support::server::{Server, truyvet_ok};

#[test]
fn what_devices_still_hold_comes_again_and_the_rest_is_noted_as_lost() {
    let server = Server::start(CONFIG);
    server.put_sites(&["gate", "door"]);
    let keys = server.enrol(&["gate", "door"]);
    let (busy_dir, quiet_dir, backups) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let (mut busy, mut quiet) =
        (Device::new(&keys[0], busy_dir.path()), Device::new(&keys[1], quiet_dir.path()));
    busy.deliver(&server, 1..10_001);
    quiet.deliver(&server, 1..101);
    let path = backups.path().to_str().unwrap();
    truyvet_ok(&["backup", path, "--url", server.url()]);
    // More than a spool holds, and less.
    busy.deliver(&server, 10_001..60_001);
    quiet.deliver(&server, 101..201);
    drop(server);

    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    truyvet_ok(&["restore", "--from", path, "--data", data.to_str().unwrap()]);
    let mut server = Server::start_in(place, data, CONFIG);
    assert_eq!(server.scans(), 10_100);
    busy.deliver(&server, 60_001..60_011);
    quiet.deliver(&server, 201..211);

    let lost = lost(&server, 1);
    assert_eq!(lost.len(), 1, "{lost:?}");
    let (first, last) = lost[0];
    assert_eq!(first, 10_001);
    assert!(last > first && last < 60_000, "some were deleted, not all: {lost:?}");
    assert!(busy.notes().contains(&format!("lost scans {first} to {last}")), "{}", busy.notes());
    for _ in 0..2 {
        assert_eq!(server.json("/api/v1/status", &[])["engine"]["lost_scans"], json!(last - first + 1));
        assert_eq!(self::lost(&server, 1), lost, "noted once");
        assert_eq!(self::lost(&server, 2), [], "a device that held everything lost nothing");
        assert_eq!((server.durable_seq(1), server.durable_seq(2)), (60_010, 210));
        assert_eq!(passed(&server, "gate"), subjects((1..first).chain(last + 1..60_011)));
        assert_eq!(passed(&server, "door"), subjects(1..211));
        server.restart();
    }
}

/// A checkpoint's agent with its spool; a session only while it delivers.
struct Device {
    agent: Agent,
    spool: Arc<Spool>,
    key: KeyFile,
}

impl Device {
    fn new(key: &KeyFile, dir: &Path) -> Self {
        let spool = Spool::open(dir, DeviceId::new(key.device), SPOOL_BYTES_MIN).unwrap();
        let agent = Self::agent(key, &spool, "127.0.0.1:1".to_owned());
        Self { agent, spool, key: key.clone() }
    }

    fn agent(key: &KeyFile, spool: &Arc<Spool>, gateway: String) -> Agent {
        let options = AgentOptions::new(gateway, key.authority.clone().unwrap());
        Agent::new(key.clone(), Arc::clone(spool), options).unwrap()
    }
}

impl Device {
    /// Takes scans of subjects with these numbers, and sees them delivered.
    fn deliver(&mut self, server: &Server, numbers: std::ops::Range<u64>) {
        self.agent = Self::agent(&self.key, &self.spool, server.quic().to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = async {
            for first in numbers.clone().step_by(GROUP_SCANS_MAX) {
                let scans: Vec<Scan> =
                    (first..numbers.end.min(first + GROUP_SCANS_MAX as u64)).map(scan).collect();
                while self.spool.append(&self.key.site, &scans, None).is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            self.agent.delivered().await;
        };
        runtime.block_on(async {
            tokio::select! {
                error = self.agent.run() => panic!("{error}"),
                done = tokio::time::timeout(PATIENCE, work) => done.expect("delivered in time"),
            }
        });
    }

    fn notes(&self) -> String {
        self.agent.status().report().notes.join("; ")
    }
}

fn scan(number: u64) -> Scan {
    Scan {
        subject: format!("p{number}"),
        at: TimeMs::new(1_700_000_000_000 + number as i64),
        direction: Direction::Pass,
        verdict: Verdict::Passed,
    }
}

fn subjects(numbers: impl Iterator<Item = u64>) -> BTreeSet<String> {
    numbers.map(|number| format!("p{number}")).collect()
}

/// Who passed the site, each once.
fn passed(server: &Server, site: &str) -> BTreeSet<String> {
    let answer =
        server.json("/api/v1/trace/passed", &[("site", site), ("from", "0"), ("to", "4102444800000")]);
    let list = answer["list"].as_array().unwrap();
    assert!(list.iter().all(|subject| subject["scans"] == json!(1)), "nothing is there twice");
    list.iter().map(|subject| subject["subject"].as_str().unwrap().to_owned()).collect()
}

fn lost(server: &Server, device: u32) -> Vec<(u64, u64)> {
    let devices = server.json("/api/v1/devices", &[]);
    let record = devices.as_array().unwrap().iter().find(|record| record["device"] == json!(device)).unwrap();
    let range = |lost: &Value| (lost["first_seq"].as_u64().unwrap(), lost["last_seq"].as_u64().unwrap());
    record["lost"].as_array().map(|lost| lost.iter().map(range).collect()).unwrap_or_default()
}

const CONFIG: &str = "[engine]\nlive_scans_max = 10_000\nruns_max = 2\nfree_bytes_min = 0\n";
const PATIENCE: Duration = Duration::from_secs(60);
