//! A backup is the whole server: made while it works, whole or not there, whatever dies meanwhile; and
//! restored it answers as the server did, to the same devices.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use truyvet_engine::{BackupError, Backups, Beside, CodeColumn, Engine, RowChunk};
use truyvet_schemas::key_file::KeyFile;

use crate::support::disk::SmallDisk;
use crate::support::server::{Server, answers, eventually, program, truyvet, truyvet_ok};
use crate::support::stream::{Stream, assert_exactly_once, assert_exactly_once_beside};
use crate::support::{House, START_MS, config};

#[test]
fn a_restored_server_answers_as_the_first_did_to_the_same_devices() {
    let server = Server::start(CONFIG);
    let stream = stream(&server);
    import_a_day(&server, 300_000);
    eventually("scans are taken", PATIENCE, || stream.acknowledged() > 30_000);
    let dir = TempDir::new().unwrap();
    backup(&server, dir.path(), &[]);
    eventually("more scans are taken", PATIENCE, || stream.acknowledged() > 60_000);
    let sent = stream.finish();
    let before = bytes_below(dir.path());
    let made = backup(&server, dir.path(), &["--verify"]);
    let added = bytes_below(dir.path()) - before;
    assert!(added < made["bytes"].as_u64().unwrap() / 3, "{added} bytes were added: {made}");
    assert_eq!(made["backup"], json!(2));
    let expected = answers(&server);
    drop(server);
    let mut restored = restored(dir.path(), &[]);
    assert_exactly_once_beside(&restored, &sent, 300_000);
    assert_eq!(answers(&restored), expected);
    restored.restart();
    assert_eq!(answers(&restored), expected);
    // With their old key files, so its identity is the first one's; and all that they have is there.
    let keys = sent.iter().map(|(key, _)| key.clone()).collect();
    let records = sent.into_iter().map(|(_, record)| record).collect();
    let stream = Stream::go_on(keys, records, restored.quic(), Duration::from_millis(10));
    eventually("devices go on", PATIENCE, || stream.acknowledged() > 70_000);
    assert_exactly_once_beside(&restored, &stream.finish(), 300_000);
}

/// While segments and partitions begin and end all the time: no mark without its scans.
#[test]
fn every_backup_made_under_load_holds_exactly_the_scans_that_its_marks_say() {
    let server = Server::start(CONFIG);
    let stream = Stream::start(enrolled(&server), server.quic(), Duration::from_millis(1));
    let dir = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..BACKUPS_UNDER_LOAD {
        acknowledged.push(stream.acknowledged());
        backup(&server, dir.path(), &[]);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_exactly_once(&server, &stream.finish());
    for (backup, acknowledged) in (1..).zip(acknowledged) {
        let place = TempDir::new().unwrap();
        let data = place.path().join("data");
        Backups::at(dir.path()).unwrap().restore(Some(backup), &data, &|_| {}).unwrap();
        let engine = Engine::open(&data, config()).unwrap();
        let marked: u64 = engine.catalog().devices().iter().map(|device| device.durable_seq).sum();
        assert_eq!(engine.status().scans, marked, "backup {backup}");
        assert!(
            marked >= acknowledged,
            "backup {backup}: {marked} scans, {acknowledged} acknowledged before"
        );
    }
}

#[test]
fn a_server_killed_while_it_makes_backups_keeps_the_earlier_ones_good() {
    let mut server = Server::start(CONFIG);
    let stream = stream(&server);
    import_a_day(&server, 300_000);
    let dir = TempDir::new().unwrap();
    backup(&server, dir.path(), &[]);
    let mut dice = ChaCha8Rng::seed_from_u64(8);
    for _ in 0..KILLS {
        let mut asking = Command::new(program("truyvet"))
            .args(["backup", dir.path().to_str().unwrap(), "--url", server.url()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(dice.random_range(0..150)));
        server.kill();
        asking.wait().unwrap();
        truyvet_ok(&["backup", dir.path().to_str().unwrap(), "--verify"]);
        server.launch();
        server.wait();
        stream.reconnect(server.quic());
    }
    let sent = stream.finish();
    let made = backup(&server, dir.path(), &["--verify"]);
    assert_eq!(made["backup"], list(dir.path()).last().unwrap()["backup"]);
    assert!(list(dir.path()).iter().all(|backup| backup["damaged"] == json!(false)));
    assert_eq!(leftovers(dir.path()), Vec::<PathBuf>::new(), "unfinished backups are cleaned up");
    let restored = restored(dir.path(), &[]);
    assert_exactly_once_beside(&restored, &sent, 300_000);
}

#[test]
fn a_restore_killed_at_any_moment_is_begun_anew_and_no_server_opens_it_before() {
    let server = Server::start(CONFIG);
    import_a_day(&server, 300_000);
    let dir = TempDir::new().unwrap();
    backup(&server, dir.path(), &[]);
    let expected = answers(&server);
    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    let (from, to) = (dir.path().to_str().unwrap(), data.to_str().unwrap());
    let mut dice = ChaCha8Rng::seed_from_u64(9);
    let mut unfinished = 0;
    for _ in 0..KILLS {
        let mut restoring = Command::new(program("truyvet"));
        restoring.args(["restore", "--from", from, "--data", to]);
        let mut restoring = restoring.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(dice.random_range(0..80)));
        restoring.kill().unwrap();
        restoring.wait().unwrap();
        if data.join("FORMAT").exists() {
            // It was quicker: a finished restore is never overwritten.
            let again = truyvet(&["restore", "--from", from, "--data", to]);
            assert!(said(&again).contains("is not empty"), "{}", said(&again));
            std::fs::remove_dir_all(&data).unwrap();
        } else if data.join("RESTORING").exists() {
            unfinished += 1;
            let opened = truyvet(&["status", "--data", to]);
            assert!(said(&opened).contains("unfinished restore"), "{}", said(&opened));
        }
    }
    assert!(unfinished > 0, "no restore was cut short");
    truyvet_ok(&["restore", "--from", from, "--data", to]);
    assert!(!data.join("RESTORING").exists());
    let restored = Server::start_in(place, data, CONFIG);
    assert_eq!(answers(&restored), expected);
}

#[test]
fn a_full_disk_under_the_backups_is_told_and_leaves_the_earlier_ones() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let server = Server::start(CONFIG);
    let stream = stream(&server);
    import_a_day(&server, 300_000);
    let dir = disk.path().join("backups");
    backup(&server, &dir, &[]);
    // More than the reserve that is looked at beforehand, and less than the next backup needs.
    disk.fill(4 << 20);
    let refused = truyvet(&["backup", dir.to_str().unwrap(), "--url", server.url()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("free some space"), "{}", said(&refused));
    truyvet_ok(&["backup", dir.to_str().unwrap(), "--verify"]);
    assert_eq!(list(&dir).len(), 1);
    disk.clear();
    let sent = stream.finish();
    backup(&server, &dir, &["--verify"]);
    let place = TempDir::new().unwrap();
    // The other way: a restore onto a disk without room for it.
    disk.fill(1 << 20);
    let onto = disk.path().join("data");
    let (from, to) = (dir.to_str().unwrap(), onto.to_str().unwrap());
    let refused = truyvet(&["restore", "--from", from, "--data", to]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("free"), "{}", said(&refused));
    assert!(!onto.join("FORMAT").exists());
    disk.clear();
    truyvet_ok(&["restore", "--from", from, "--data", to]);
    let restored = Server::start_in(place, onto, CONFIG);
    assert_exactly_once_beside(&restored, &sent, 300_000);
}

/// The disk fills up while the files are copied, after it was found to have room for them.
#[test]
fn a_backup_that_runs_out_of_space_half_way_is_not_listed_and_leaves_nothing() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let house = House::new();
    let dir = disk.path().join("backups");
    house.engine().backup(&dir, Beside::default(), &|_| {}).unwrap();
    import_rows(&house, 9_000_000);
    let filled = Mutex::new(false);
    let fill = |_| {
        let mut filled = filled.lock();
        if !std::mem::replace(&mut *filled, true) {
            disk.fill(0);
        }
    };
    let failed = house.engine().backup(&dir, Beside::default(), &fill).unwrap_err();
    assert!(matches!(failed, BackupError::NoSpace(_)), "{failed}");
    let backups = Backups::at(&dir).unwrap();
    assert_eq!(backups.list().unwrap().len(), 1);
    backups.verify(None, &|_| {}).unwrap();
    disk.clear();
    house.engine().backup(&dir, Beside::default(), &|_| {}).unwrap();
    backups.verify(None, &|_| {}).unwrap();
    assert_eq!(leftovers(&dir), Vec::<PathBuf>::new());
}

#[test]
fn a_flipped_bit_and_a_missing_file_are_found_and_named() {
    let house = House::new();
    house.put_sites(&["A"]);
    let dir = TempDir::new().unwrap();
    house.engine().backup(dir.path(), Beside::default(), &|_| {}).unwrap();
    let backups = Backups::at(dir.path()).unwrap();
    assert!(backups.verify(None, &|_| {}).unwrap() > 0);
    let file = files_below(&dir.path().join("store/shared_checksum")).pop().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let flipped = backups.verify(Some(1), &|_| {}).unwrap_err();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(matches!(flipped, BackupError::Damaged { backup: 1, .. }), "{flipped}");
    assert!(flipped.to_string().contains(name), "{flipped}");
    let to = TempDir::new().unwrap();
    let refused = backups.restore(None, to.path(), &|_| {}).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { backup: 1, .. }), "{refused}");
    assert!(!to.path().join("FORMAT").exists(), "damage is never restored");
    std::fs::remove_file(&file).unwrap();
    assert!(backups.verify(None, &|_| {}).is_err());
    assert!(backups.list().unwrap()[0].damaged);
}

#[test]
fn one_backup_at_a_time_and_the_second_is_told_so() {
    let house = House::new();
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let second = Mutex::new(None);
    let watch = |_| {
        let mut second = second.lock();
        second.get_or_insert_with(|| {
            let again = house.engine().backup(other.path(), Beside::default(), &|_| {}).unwrap_err();
            let read = Backups::at(dir.path()).unwrap().verify(None, &|_| {}).unwrap_err();
            (again, read)
        });
    };
    house.engine().backup(dir.path(), Beside::default(), &watch).unwrap();
    let (again, read) = second.into_inner().unwrap();
    assert!(matches!(again, BackupError::Running), "{again}");
    assert!(matches!(read, BackupError::InUse(_)), "{read}");
    house.engine().backup(other.path(), Beside::default(), &|_| {}).unwrap();
}

#[test]
fn only_so_many_are_kept_and_nothing_is_overwritten_or_guessed() {
    let server = Server::start(CONFIG);
    server.put_sites(&["A"]);
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    for backup in 1..=4 {
        assert_eq!(self::backup(&server, dir.path(), &["--keep", "2"])["backup"], json!(backup));
    }
    let numbers = |list: Vec<Value>| list.into_iter().map(|b| b["backup"].clone()).collect::<Vec<_>>();
    assert_eq!(numbers(list(dir.path())), [json!(3), json!(4)]);
    let told: Vec<Value> =
        serde_json::from_str(&truyvet_ok(&["backup", path, "--list", "--url", server.url()])).unwrap();
    assert_eq!(told, list(dir.path()));
    truyvet_ok(&["backup", path, "--keep", "1"]);
    assert_eq!(numbers(list(dir.path())), [json!(4)]);

    let occupied = TempDir::new().unwrap();
    std::fs::write(occupied.path().join("holiday.jpg"), "x").unwrap();
    let full = occupied.path().to_str().unwrap();
    let data = server.data().to_str().unwrap();
    let within = server.data().join("backups");
    let within = within.to_str().unwrap();
    let to = occupied.path().join("new");
    let to = to.to_str().unwrap();
    for (args, code, word) in [
        (&["backup", full, "--url", server.url()][..], 1, "choose an empty one"),
        (&["backup", within, "--url", server.url()], 1, "on another disk"),
        (&["backup", path, "--data", data], 1, "--url"),
        (&["backup", "some/where", "--url", server.url()], 2, "from / on"),
        (&["backup", path], 2, "--data DIR or --url URL"),
        (&["backup", path, "--keep", "0"], 2, "0"),
        (&["backup", full, "--list"], 1, "no finished backup"),
        (&["restore", "--from", path, "--data", full], 1, "is not empty"),
        (&["restore", "--from", path, "--data", to, "--backup", "3"], 1, "--list"),
        (&["restore", "--from", full, "--data", to], 1, "no finished backup"),
    ] {
        let done = truyvet(args);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {}", said(&done));
        assert!(said(&done).contains(word), "{args:?}: {}", said(&done));
    }
    assert!(occupied.path().join("holiday.jpg").exists());
}

#[test]
fn a_closed_directory_is_backed_up_with_its_identity_and_settings() {
    let mut server = Server::start(CONFIG);
    import_a_day(&server, 5_000);
    let expected = answers(&server);
    let dir = TempDir::new().unwrap();
    backup(&server, dir.path(), &[]);
    server.kill();
    let (path, data) = (dir.path().to_str().unwrap(), server.data().to_str().unwrap());
    truyvet_ok(&["backup", path, "--data", data]);
    for number in ["1", "2"] {
        let restored = restored(dir.path(), &["--backup", number]);
        assert_eq!(answers(&restored), expected);
        for name in ["authority.pem", "authority.key", "gateway.pem", "gateway.key", "quic.key"] {
            let read = |data: &Path| std::fs::read(data.join("tls").join(name)).unwrap();
            assert_eq!(read(restored.data()), read(server.data()), "{name}");
        }
        let settings = std::fs::read_to_string(restored.data().join("config.toml"));
        assert_eq!(settings.is_ok_and(|text| text.contains("live_scans_max = 10000")), number == "1");
    }
}

/// `truyvet backup` of the server; what it tells.
fn backup(server: &Server, dir: &Path, flags: &[&str]) -> Value {
    let args = ["backup", dir.to_str().unwrap(), "--url", server.url()];
    serde_json::from_str(&truyvet_ok(&[&args, flags].concat())).unwrap()
}

fn list(dir: &Path) -> Vec<Value> {
    serde_json::from_str(&truyvet_ok(&["backup", dir.to_str().unwrap(), "--list"])).unwrap()
}

/// A server on what `truyvet restore` made of a backup.
fn restored(dir: &Path, flags: &[&str]) -> Server {
    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    let args = ["restore", "--from", dir.to_str().unwrap(), "--data", data.to_str().unwrap()];
    truyvet_ok(&[&args, flags].concat());
    Server::start_in(place, data, CONFIG)
}

fn enrolled(server: &Server) -> Vec<KeyFile> {
    let sites = ["north", "south", "east", "west"];
    server.put_sites(&sites);
    server.enrol(&sites)
}

fn stream(server: &Server) -> Stream {
    Stream::start(enrolled(server), server.quic(), Duration::from_millis(10))
}

/// So many scans of a day in 2021, by subjects that no device knows.
fn import_a_day(server: &Server, scans: usize) {
    let row = |i: usize| {
        let (subject, site, at) = (i * 7_919 % 20_011, i % 40, 1_628_121_600_000u64 + i as u64 * 86);
        format!("imported-{subject},site-{site},{at}\n")
    };
    let rows: String = (0..scans).map(row).collect();
    let file = server.place().join("day.csv");
    std::fs::write(&file, format!("subject,site,unix_ms\n{rows}")).unwrap();
    truyvet_ok(&["import", "--url", server.url(), "--scans", file.to_str().unwrap()]);
}

/// So many scans of one day into an engine.
fn import_rows(house: &House, rows: u64) {
    let mut import = house.engine().begin_import([9; 32], "rows").unwrap();
    let (mut subjects, mut sites) = (CodeColumn::plain(), CodeColumn::plain());
    (0..rows).for_each(|row| subjects.push(&format!("p{}", row * 7_919 % 1_000_003)));
    (0..rows).for_each(|row| sites.push(&format!("site-{}", row % 400)));
    let at_ms = (0..rows as i64).map(|row| START_MS + row * 20).collect();
    let directions = vec![0; rows as usize];
    import.push(RowChunk { first_row: 1, rows, subjects, sites, at_ms, directions }).unwrap();
    import.commit().unwrap();
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What is no part of a finished backup.
fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let finished: Vec<String> = list(dir).iter().map(|backup| backup["backup"].to_string()).collect();
    let mut files = files_below(&dir.join("store"));
    files.retain(|path| {
        let part = |at: usize| path.components().rev().nth(at).unwrap().as_os_str().to_string_lossy();
        match part(1).as_ref() {
            "meta" => !finished.contains(&part(0).into_owned()),
            "shared_checksum" => path.extension().is_none_or(|extension| extension != "sst"),
            number => part(2) == "private" && !finished.contains(&number.to_owned()),
        }
    });
    files
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(files_below(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}

fn bytes_below(dir: &Path) -> u64 {
    files_below(dir).iter().map(|path| path.metadata().unwrap().len()).sum()
}

/// Segments, runs and merges all the time.
const CONFIG: &str = "[engine]\nlive_scans_max = 10_000\nruns_max = 2\nfree_bytes_min = 0\n\
                      wal_bytes_max = 16_777_216\nmemory_bytes = 134_217_728\n";
const DISK_BYTES: u64 = 128 << 20;
const BACKUPS_UNDER_LOAD: usize = 25;
const KILLS: usize = 12;
const PATIENCE: Duration = Duration::from_secs(30);
