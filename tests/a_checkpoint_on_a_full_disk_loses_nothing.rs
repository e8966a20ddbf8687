//! A checkpoint whose own disk fills up: it says so, takes no more than it can keep, and goes on by
//! itself when there is space.

use std::time::Duration;

use truyvet_schemas::TimeMs;

use crate::support::checkpoint::Checkpoint;
use crate::support::disk::SmallDisk;
use crate::support::server::{Server, eventually, truyvet_ok};

#[test]
fn input_stops_while_the_disk_is_full_and_goes_on_when_space_returns() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let mut server = Server::start(CONFIG);
    server.put_sites(&["here", "there"]);
    let mut checkpoint = Checkpoint::start_in(&server, "here", disk.path().join("spool"), Vec::new());
    write(&mut checkpoint, 500);
    eventually("scans arrive", PATIENCE, || server.scans() == 500);
    disk.fill(0);
    write(&mut checkpoint, 5_000);
    eventually("it is said", PATIENCE, || checkpoint.notes("INPUT STOPPED") && checkpoint.notes("No space"));
    assert!(checkpoint.log().contains("no input is taken until space returns"), "{}", checkpoint.log());

    // None of this finds space, and none of it is the end.
    truyvet_ok(&["device", "move", "1", "--site", "there", "--url", server.url()]);
    server.restart();
    eventually("it connects again", PATIENCE, || checkpoint.state()["connected"] == true);
    checkpoint.restart(&server);
    eventually("a new start says so too", PATIENCE, || {
        checkpoint.log().matches("no input is taken").count() > 1
    });
    assert!(checkpoint.is_running(), "{}", checkpoint.log());
    assert!(server.scans() < 5_500, "what there is no space for is not taken");

    disk.clear();
    eventually("every scan arrives", PATIENCE, || server.scans() >= checkpoint.count());
    eventually("nothing is to be said any more", PATIENCE, || !checkpoint.notes("INPUT STOPPED"));
    assert_all_well(&server, &checkpoint);
}

#[test]
fn a_spool_that_filled_its_own_disk_empties_itself_when_the_server_is_back() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let mut server = Server::start(CONFIG);
    server.put_sites(&["here"]);
    let mut checkpoint = Checkpoint::start_in(&server, "here", disk.path().join("spool"), Vec::new());
    write(&mut checkpoint, 1);
    eventually("the first scan arrives", PATIENCE, || server.scans() == 1);
    server.kill();
    let scans = 2 * DISK_BYTES as usize / CODE_BYTES;
    write(&mut checkpoint, scans);
    eventually("the disk is full", PATIENCE, || checkpoint.notes("INPUT STOPPED"));
    disk.fill(0);
    server.launch();
    server.wait();
    // Nobody makes space.
    eventually("every scan arrives", PATIENCE * 2, || server.scans() >= checkpoint.count());
    assert_all_well(&server, &checkpoint);
}

/// Scans of yesterday, with codes that fill a disk.
fn write(checkpoint: &mut Checkpoint, scans: usize) {
    let first = checkpoint.count();
    let start_ms = TimeMs::now().get() - 86_400_000;
    let scan = |n: u64| (format!("{:0>CODE_BYTES$}", n % 101), start_ms + (n - first) as i64);
    checkpoint.write((first..first + scans as u64).map(scan));
}

fn assert_all_well(server: &Server, checkpoint: &Checkpoint) {
    assert_eq!(server.scans(), checkpoint.count());
    checkpoint.assert_exactly_once(server);
    assert_eq!(truyvet_ok(&["dead-letters", "--url", server.url()]).trim(), "[]", "nothing was refused");
}

/// A silence so short that an agent soon sees its server gone.
const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n[gateway]\nidle_timeout_ms = 1_000\n";

/// Several of a spool's segments.
const DISK_BYTES: u64 = 12 << 20;
const CODE_BYTES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);
