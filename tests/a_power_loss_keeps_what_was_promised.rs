//! The power goes at moments that nobody chose: what nobody synced is gone, what was acknowledged is
//! there, once, and what was said to be finished is whole.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;
use truyvet_engine::{Backups, Engine};

use crate::support::config;
use crate::support::power::PowerDisk;
use crate::support::server::{Server, eventually, program, truyvet, truyvet_ok};
use crate::support::stream::{Sent, Stream, assert_exactly_once};
use crate::support::twin::{assert_answers_like, twin};

/// Without this, the tests below would prove nothing.
#[test]
fn what_is_synced_outlasts_a_power_loss_and_what_is_not_does_not() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let path = |name: &str| disk.path().join(name);
    let (synced, renamed, unsynced) = (path("synced"), path("renamed"), path("unsynced"));
    std::fs::write(&unsynced, "scan").unwrap();
    std::fs::write(path("new"), "scan").unwrap();
    std::fs::rename(path("new"), &renamed).unwrap();
    std::fs::write(&synced, "scan").unwrap();
    File::open(&synced).and_then(|file| file.sync_all()).unwrap();
    std::fs::write(path("late"), "scan").unwrap();
    disk.lose_power();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(read(&synced), "scan");
    assert_ne!(read(&unsynced), "scan");
    assert_ne!(read(&renamed), "scan", "the name may be there, the contents are not");
    assert!(!disk.path().join("late").exists());
}

#[test]
fn power_loss_keeps_every_acknowledged_scan_once() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let mut server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), CONFIG);
    let stream = stream(&server);
    let mut dice = ChaCha8Rng::seed_from_u64(11);
    for _ in 0..LOSSES {
        std::thread::sleep(Duration::from_millis(dice.random_range(200..1_500)));
        server.kill();
        disk.lose_power();
        check(server.data(), &stream.sent());
        server.launch();
        server.wait();
        stream.reconnect(server.quic());
    }
    let runs = server.json("/api/v1/status", &[])["engine"]["partitions"].to_string();
    assert_ne!(runs, "[]", "runs were written between the losses");
    assert_exactly_once(&server, &stream.finish());
}

#[test]
fn power_loss_in_a_backup_or_a_restore_keeps_what_was_finished() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let mut server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), CONFIG);
    let stream = stream(&server);
    let (backups, restored) = (disk.path().join("backups"), disk.path().join("restored"));
    let (from, to) = (backups.to_str().unwrap(), restored.to_str().unwrap());
    let mut dice = ChaCha8Rng::seed_from_u64(12);
    let mut finished: Vec<u32> = Vec::new();
    for _ in 0..LOSSES {
        let goal = stream.acknowledged() + 5_000;
        eventually("scans are taken", PATIENCE, || stream.acknowledged() > goal);
        let asking = start(&["backup", from, "--url", server.url()]);
        std::thread::sleep(Duration::from_millis(dice.random_range(0..250)));
        server.kill();
        finished.extend(made(asking));
        disk.lose_power();
        finished.iter().for_each(|backup| verify(from, *backup));
        check(server.data(), &stream.sent());
        server.launch();
        server.wait();
        stream.reconnect(server.quic());
    }
    // From here on nothing is acknowledged that the last backup does not have.
    let sent: Vec<Sent> = stream.finish().into_iter().map(Sent::from).collect();
    let last: Value = serde_json::from_str(&truyvet_ok(&["backup", from, "--url", server.url()])).unwrap();
    let last = last["backup"].as_u64().unwrap().to_string();
    server.kill();
    for _ in 0..LOSSES {
        let mut restoring = start(&["restore", "--from", from, "--data", to, "--backup", &last]);
        std::thread::sleep(Duration::from_millis(dice.random_range(0..120)));
        restoring.kill().unwrap();
        restoring.wait().unwrap();
        disk.lose_power();
        if restored.join("FORMAT").exists() {
            check(&restored, &sent);
            std::fs::remove_dir_all(&restored).unwrap();
        } else if restored.exists() {
            assert!(!truyvet(&["status", "--data", to]).status.success(), "half a restore was opened");
        }
    }
    truyvet_ok(&["restore", "--from", from, "--data", to, "--backup", &last]);
    disk.lose_power();
    check(&restored, &sent);
}

/// Holds a data directory that nobody has open against what the devices were told.
fn check(data: &Path, sent: &[Sent]) {
    let engine = Engine::open(data, config()).unwrap();
    let naive = twin(&engine, sent);
    assert_answers_like(&engine, &naive);
    engine.close();
}

fn verify(dir: &str, backup: u32) {
    let verified = Backups::at(Path::new(dir)).and_then(|backups| backups.verify(Some(backup), &|_| {}));
    verified.unwrap();
}

fn stream(server: &Server) -> Stream {
    let sites = ["north", "south", "east", "west"];
    server.put_sites(&sites);
    Stream::start(server.enrol(&sites), server.quic(), Duration::from_millis(5))
}

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(program("truyvet"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The number of the backup, if it was told to be finished.
fn made(asking: Child) -> Option<u32> {
    let output = asking.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(told["backup"].as_u64().unwrap() as u32)
}

/// Segments, runs and merges all the time.
const CONFIG: &str = "[engine]\nlive_scans_max = 10_000\nruns_max = 2\nfree_bytes_min = 0\n\
                      wal_bytes_max = 16_777_216\nmemory_bytes = 134_217_728\n";
const LOSSES: usize = 12;
const PATIENCE: Duration = Duration::from_secs(30);
