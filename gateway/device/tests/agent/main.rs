//! The agent against a gateway that restarts, forgets to answer, refuses and moves the device; and
//! the program itself killed at random moments.

mod gateway;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gateway::{DEVICE, Gateway, SITE};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use truyvet_device::spool::SPOOL_BYTES_MIN;
use truyvet_device::{Agent, AgentOptions, Spool};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::{DeviceId, Direction, Scan, TimeMs, Verdict};

const SPOOL_BYTES_MAX: u64 = 64 << 20;

fn subject(number: u64) -> String {
    format!("subject-{number}")
}

fn scans(numbers: std::ops::Range<u64>) -> Vec<Scan> {
    let scan = |number| Scan {
        subject: subject(number),
        at: TimeMs::new(1_628_000_000_000 + number as i64),
        direction: Direction::Pass,
        verdict: Verdict::Passed,
    };
    numbers.map(scan).collect()
}

fn agent(gateway: &Gateway, spool: &Arc<Spool>) -> Agent {
    Agent::new(gateway.key.clone(), Arc::clone(spool), agent_options(gateway)).expect("an agent")
}

fn agent_options(gateway: &Gateway) -> AgentOptions {
    let authority = gateway.key.authority.clone().expect("made with one");
    AgentOptions {
        batch_scans: 50,
        batch_delay: Duration::from_millis(5),
        ..AgentOptions::new(gateway.address.to_string(), authority)
    }
}

fn command(key: &KeyFile, gateway: SocketAddr, dir: &Path) -> Command {
    let key_file = dir.join("key.json");
    fs::write(&key_file, key.to_json()).expect("writes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_truyvet-device"));
    command.arg("run").arg("--key").arg(key_file).arg("--gateway").arg(gateway.to_string());
    command.stdin(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn give(child: &mut Child, lines: impl Iterator<Item = u64>) {
    let mut stdin = child.stdin.take().expect("a pipe");
    for number in lines {
        let line = format!("{{\"subject\":\"{}\",\"unix_ms\":1628000000000}}\n", subject(number));
        stdin.write_all(line.as_bytes()).await.expect("the agent reads");
    }
}

#[tokio::test]
async fn scans_come_once_through_restarts_and_lost_acknowledgements() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start();
    gateway.store.break_percent.store(3, Ordering::Relaxed);
    let spool = Spool::open(dir.path(), DeviceId::new(DEVICE), SPOOL_BYTES_MAX).expect("opens");
    let agent = agent(&gateway, &spool);
    let (total, per_group) = (20_000, 100);
    let work = async {
        for (round, first) in (1..=total).step_by(per_group).enumerate() {
            spool.append(SITE, &scans(first..first + per_group as u64), None).expect("appends");
            tokio::time::sleep(Duration::from_millis(10)).await;
            if round % 60 == 59 {
                gateway.restart(Duration::from_millis(100)).await;
            }
        }
        agent.delivered().await;
    };
    tokio::select! {
        error = agent.run() => panic!("{error}"),
        result = tokio::time::timeout(Duration::from_secs(120), work) => result.expect("in time"),
    }
    gateway.assert_taken((1..=total).map(subject));
    assert!(gateway.store.sessions.load(Ordering::Relaxed) > 4);
    assert_eq!(spool.stats().waiting, 0);
}

#[tokio::test]
async fn refused_scans_are_kept_aside_and_a_moved_device_numbers_on_at_its_new_site() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    gateway.store.refuse_each.store(10, Ordering::Relaxed);
    *gateway.store.move_to.lock() = Some("HN-02".into());
    let spool = Spool::open(dir.path(), DeviceId::new(DEVICE), SPOOL_BYTES_MAX).expect("opens");
    let agent = agent(&gateway, &spool);
    let work = async {
        spool.append(SITE, &scans(1..101), None).expect("appends");
        agent.delivered().await;
        assert_eq!(spool.site().as_deref(), Some("HN-02"));
        spool.append("HN-02", &scans(101..111), None).expect("appends");
        agent.delivered().await;
    };
    tokio::select! {
        error = agent.run() => panic!("{error}"),
        result = tokio::time::timeout(Duration::from_secs(30), work) => result.expect("in time"),
    }
    gateway.assert_taken((1..=110).map(subject));
    assert_eq!(gateway.store.scans.lock()[105].2, "HN-02");
    assert_eq!(agent.status().report().refused, 11);
    let aside = fs::read_to_string(dir.path().join("refused.ndjson")).expect("is there");
    assert_eq!(aside.lines().count(), 11);
    assert!(aside.contains("\"seq\":30") && aside.contains("time_in_future"));
}

#[tokio::test]
async fn what_a_restored_gateway_lacks_is_sent_again_or_reported_as_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    let spool = Spool::open(dir.path(), DeviceId::new(DEVICE), SPOOL_BYTES_MIN).expect("opens");
    let agent = agent(&gateway, &spool);
    let work = async {
        for first in (1..20_001).step_by(1_000) {
            spool.append(SITE, &scans(first..first + 1_000), None).expect("appends");
        }
        agent.delivered().await;
        spool.tidy().expect("tidies");
    };
    tokio::select! {
        error = agent.run() => panic!("{error}"),
        result = tokio::time::timeout(Duration::from_secs(30), work) => result.expect("in time"),
    }
    // Restored from a backup of long ago.
    *gateway.store.durable_seq.lock() = 10;
    gateway.store.scans.lock().truncate(10);
    spool.append(SITE, &scans(20_001..20_011), None).expect("appends");
    let held = tokio::select! {
        error = agent.run() => panic!("{error}"),
        () = gateway.wait_for_seq(20_010) => gateway.store.scans.lock()[10].0,
    };
    assert!(agent.status().report().notes.iter().any(|note| note.contains("lost scans 11 to")));
    assert!(held > 11, "some scans were deleted as acknowledged");
    assert_eq!(*gateway.store.lost.lock(), [(11, held - 1)]);
    let taken: Vec<u64> = gateway.store.scans.lock().iter().map(|(seq, ..)| *seq).collect();
    assert_eq!(taken, (1..=10).chain(held..=20_010).collect::<Vec<u64>>());
}

#[tokio::test]
async fn the_program_ends_well_when_its_input_ended_and_everything_is_delivered() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    let mut child = command(&gateway.key, gateway.address, dir.path()).spawn().expect("starts");
    give(&mut child, 1..=30_000).await;
    let output = child.wait_with_output().await.expect("ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    gateway.assert_taken((1..=30_000).map(subject));
}

#[tokio::test]
async fn the_program_fails_when_scans_cannot_be_delivered_and_the_next_run_delivers_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut child = command(&gateway.key, silent.local_addr().expect("bound"), dir.path())
        .args(["--drain-timeout", "500ms"])
        .spawn()
        .expect("starts");
    give(&mut child, 1..=10).await;
    let output = child.wait_with_output().await.expect("ends");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let mut child = command(&gateway.key, gateway.address, dir.path()).spawn().expect("starts");
    give(&mut child, 11..=20).await;
    assert!(child.wait_with_output().await.expect("ends").status.success());
    gateway.assert_taken((1..=20).map(subject));
}

#[tokio::test]
async fn a_connection_that_nobody_answers_is_given_up_for_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let spool = Spool::open(dir.path(), DeviceId::new(DEVICE), SPOOL_BYTES_MAX).expect("opens");
    let options = AgentOptions {
        gateway: silent.local_addr().expect("bound").to_string(),
        connect_timeout: Duration::from_millis(300),
        ..agent_options(&gateway)
    };
    let agent = Agent::new(gateway.key.clone(), spool, options).expect("an agent");
    // Each attempt comes from a socket of its own.
    let attempts = async {
        let mut from = std::collections::HashSet::new();
        let mut packet = [0; 2_048];
        while from.len() < 3 {
            from.insert(silent.recv_from(&mut packet).await.expect("a packet").1);
        }
    };
    tokio::select! {
        error = agent.run() => panic!("{error}"),
        result = tokio::time::timeout(Duration::from_secs(20), attempts) => result.expect("in time"),
    }
}

/// QUIC fixes the keep-alive when a connection begins: the first session is lost, and tells for the next.
#[tokio::test]
async fn a_silent_device_keeps_its_session_with_an_impatient_gateway() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(Duration::from_millis(900));
    let spool = Spool::open(dir.path(), DeviceId::new(DEVICE), SPOOL_BYTES_MAX).expect("opens");
    let agent = agent(&gateway, &spool);
    tokio::time::timeout(Duration::from_secs(8), agent.run()).await.expect_err("it goes on");
    // One more on a machine that is short of time; without keep-alives there would be five.
    let sessions = gateway.store.sessions.load(Ordering::Relaxed);
    assert!((2..=3).contains(&sessions), "{sessions} sessions");
}

#[tokio::test]
async fn a_scan_of_an_idle_device_does_not_wait_for_its_batch_to_fill() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    let spool = Spool::open(dir.path(), DeviceId::new(DEVICE), SPOOL_BYTES_MAX).expect("opens");
    let options = AgentOptions { batch_delay: Duration::from_secs(3_600), ..agent_options(&gateway) };
    let agent = Agent::new(gateway.key.clone(), Arc::clone(&spool), options).expect("an agent");
    let work = async {
        for number in 1..=5 {
            spool.append(SITE, &scans(number..number + 1), None).expect("appends");
            agent.delivered().await;
        }
        // More than a batch beside one in flight: the rest goes when that one is acknowledged.
        spool.append(SITE, &scans(6..6 + 120), None).expect("appends");
        agent.delivered().await;
    };
    tokio::select! {
        error = agent.run() => panic!("{error}"),
        result = tokio::time::timeout(Duration::from_secs(30), work) => result.expect("in time"),
    }
    gateway.assert_taken((1..=125).map(subject));
}

#[tokio::test]
async fn a_revoked_device_stops_and_keeps_its_spool() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    gateway.store.revoked.store(true, Ordering::Relaxed);
    let mut child = command(&gateway.key, gateway.address, dir.path()).spawn().expect("starts");
    let stdin = child.stdin.take();
    let output = child.wait_with_output().await.expect("ends");
    drop(stdin);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("revoked_device"), "{stderr}");
    assert!(dir.path().join("key.json.spool/mark.json").exists());
}

#[tokio::test]
async fn the_program_killed_at_random_moments_neither_loses_nor_doubles_a_line() {
    const KILLS: u64 = 25;
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start();
    gateway.store.break_percent.store(5, Ordering::Relaxed);
    let input = dir.path().join("scans.csv");
    fs::write(&input, "subject,unix_ms\n").expect("writes");
    let mut file = OpenOptions::new().append(true).open(&input).expect("opens");
    let mut written = 0;
    for kill in 0..=KILLS {
        let mut child = command(&gateway.key, gateway.address, dir.path())
            .arg("--input")
            .arg(&input)
            .args(["--follow", "--batch-scans", "20", "--batch-delay", "5ms"])
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let lives_ms = rand::random_range(20..250);
        for _ in 0..lives_ms / 5 {
            for _ in 0..30 {
                written += 1;
                // In two writes, so that the agent also sees half a line.
                write!(file, "{},16280", subject(written)).expect("writes");
                writeln!(file, "00000000").expect("writes");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if kill == KILLS {
            gateway.wait_for(written as usize).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        child.kill().await.expect("SIGKILL");
    }
    let sessions = gateway.store.sessions.load(Ordering::Relaxed);
    assert!(u64::from(sessions) > KILLS / 2, "killed before they got anywhere: {sessions} sessions");
    gateway.assert_taken((1..=written).map(subject));
}
