//! A file system that fills up while devices stream: nothing is acknowledged that does not hold, it is
//! said, and all goes on by itself when space returns.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use truyvet_schemas::wire::Notice;

use crate::support::disk::SmallDisk;
use crate::support::server::{Server, eventually, truyvet_ok};
use crate::support::stream::{Stream, assert_exactly_once};

#[test]
fn a_disk_below_its_reserve_holds_devices_back_until_space_returns() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let mut server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), &config(16 << 20));
    let stream = stream(&server);
    eventually("scans are taken", PATIENCE, || stream.acknowledged() > 5_000);
    disk.fill(8 << 20);
    eventually("it is said", PATIENCE, || not_ready(&server).is_some_and(|why| why.contains("full")));
    eventually("devices are told", PATIENCE, || stream.heard(&Notice::StorageFull));
    goes_on_when_space_returns(&disk, &mut server, stream);
}

#[test]
fn a_disk_without_a_byte_left_loses_nothing_that_was_acknowledged() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let mut server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), &config(0));
    let stream = stream(&server);
    eventually("scans are taken", PATIENCE, || stream.acknowledged() > 5_000);
    disk.fill(0);
    eventually("it is said", PATIENCE, || not_ready(&server).is_some());
    std::thread::sleep(Duration::from_secs(1));
    goes_on_when_space_returns(&disk, &mut server, stream);
}

#[test]
fn a_server_killed_on_a_full_disk_starts_again_with_all_that_was_acknowledged() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let mut server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), &config(0));
    let stream = stream(&server);
    eventually("scans are taken", PATIENCE, || stream.acknowledged() > 5_000);
    disk.fill(0);
    eventually("it is said", PATIENCE, || not_ready(&server).is_some());
    server.kill();
    disk.clear();
    server.restart();
    stream.reconnect(server.quic());
    let sent = stream.finish();
    assert_exactly_once(&server, &sent);
}

/// What failed half-way on the full disk must not stand in the way of the next attempt.
#[test]
fn sealing_that_failed_on_a_full_disk_works_when_space_returns() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), &config(0));
    let stream = stream(&server);
    eventually("scans are taken", PATIENCE, || stream.acknowledged() > 1_000);
    let sent = stream.finish();
    disk.fill(0);
    assert_ne!(server.post("/api/v1/seal", &json!({})).0, 200);
    disk.clear();
    eventually("sealing works", PATIENCE, || server.post("/api/v1/seal", &json!({})).0 == 200);
    assert_exactly_once(&server, &sent);
}

/// The way out for an operator whose disk is full: the reserve is room enough to drop what is old.
#[test]
fn days_can_be_dropped_while_scans_are_held_back_and_that_makes_room() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let mut server = Server::start_in(TempDir::new().unwrap(), disk.path().join("data"), &config(48 << 20));
    let stream = stream(&server);
    eventually("scans are taken", PATIENCE, || stream.acknowledged() > 5_000);
    let old = server.place().join("old.csv");
    let row = |i: u64| format!("{},gate,{}\n", i * 7_919 % 20_011, OLD_MS + i as i64);
    let rows = (0..OLD_SCANS).map(row);
    std::fs::write(&old, "subject,site,unix_ms\n".to_owned() + &rows.collect::<String>()).unwrap();
    truyvet_ok(&["import", "--url", server.url(), "--scans", old.to_str().unwrap()]);
    disk.fill(32 << 20);
    eventually("it is said", PATIENCE, || not_ready(&server).is_some());
    let (before, scans) = (disk.free_bytes(), server.scans());
    truyvet_ok(&["drop", "2001-09-09", "--url", server.url()]);
    eventually("there is more room", PATIENCE, || disk.free_bytes() > before + (1 << 20));
    assert_eq!(server.scans(), scans - OLD_SCANS);
    goes_on_when_space_returns(&disk, &mut server, stream);
}

fn config(free_bytes_min: u64) -> String {
    format!(
        "[engine]\nfree_bytes_min = {free_bytes_min}\nlive_scans_max = 10_000\nruns_max = 3\n\
         wal_bytes_max = 16_777_216\nmemory_bytes = 134_217_728\n"
    )
}

fn stream(server: &Server) -> Stream {
    let sites = ["north", "south", "east", "west"];
    server.put_sites(&sites);
    Stream::start(server.enrol(&sites), server.quic(), Duration::from_millis(10))
}

fn not_ready(server: &Server) -> Option<String> {
    let (status, why) = server.get("/readyz", &[]);
    (status == 503).then_some(why)
}

fn goes_on_when_space_returns(disk: &SmallDisk, server: &mut Server, stream: Stream) {
    disk.clear();
    eventually("the server is ready again", PATIENCE, || not_ready(server).is_none());
    let before = stream.acknowledged();
    // More than memory holds: runs are written again too.
    let many = before + 40_000;
    eventually("scans are taken again", PATIENCE, || stream.acknowledged() > many);
    server.restart();
    stream.reconnect(server.quic());
    let sent = stream.finish();
    assert_exactly_once(server, &sent);
}

const DISK_BYTES: u64 = 128 << 20;

/// 9 September 2001.
const OLD_MS: i64 = 1_000_000_000_000;
const OLD_SCANS: u64 = 1_500_000;

const PATIENCE: Duration = Duration::from_secs(30);
