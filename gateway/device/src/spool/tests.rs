use std::fs;

use proptest::prelude::*;
use truyvet_schemas::{Direction, TimeMs, Verdict};

use super::open::list_segments;
use super::*;

const BYTES_MAX: u64 = 64 << 20;

fn scan(number: u64) -> Scan {
    Scan {
        subject: format!("subject-{number}"),
        at: TimeMs::new(number as i64 * 1_000),
        direction: Direction::In,
        verdict: Verdict::Corrected,
    }
}

fn scans(numbers: std::ops::Range<u64>) -> Vec<Scan> {
    numbers.map(scan).collect()
}

fn open(dir: &Path) -> Arc<Spool> {
    try_open(dir, BYTES_MAX).expect("opens")
}

/// Another test's child process may hold an inherited lock between its fork and its exec.
fn try_open(dir: &Path, bytes_max: u64) -> Result<Arc<Spool>, SpoolError> {
    for _ in 0..100 {
        match Spool::open(dir, DeviceId::new(7), bytes_max) {
            Err(SpoolError::InUse { .. }) => std::thread::sleep(std::time::Duration::from_millis(10)),
            opened => return opened,
        }
    }
    Spool::open(dir, DeviceId::new(7), bytes_max)
}

fn read_all(spool: &Arc<Spool>) -> Vec<(u64, Scan)> {
    let mut cursor = spool.cursor();
    let mut all = Vec::new();
    while let Some(run) = cursor.read(3).expect("reads") {
        all.extend((run.first_seq..).zip(run.scans));
    }
    all
}

fn numbered(numbers: std::ops::Range<u64>) -> Vec<(u64, Scan)> {
    numbers.map(|n| (n, scan(n))).collect()
}

fn only_segment(dir: &Path) -> PathBuf {
    let segments = list_segments(dir).expect("lists");
    assert_eq!(segments.len(), 1);
    segment::path(dir, segments[0].first)
}

#[test]
fn scans_are_read_back_in_order_after_reopening() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(dir.path());
    assert_eq!(spool.bind(0).expect("binds"), Bound::First { seq: 1 });
    let position = Position { file: (1, 2), offset: 30, line: 4, check: 5 };
    spool.append("A", &scans(1..6), Some(&position)).expect("appends");
    spool.append("B", &scans(6..8), None).expect("appends");
    drop(spool);
    let spool = open(dir.path());
    assert_eq!(spool.position(), Some(position));
    assert_eq!(spool.bind(0).expect("binds"), Bound::Resumed);
    assert_eq!(read_all(&spool), numbered(1..8));
    let mut cursor = spool.cursor();
    let run = cursor.read(100).expect("reads").expect("some");
    assert_eq!((run.first_seq, run.site.as_str(), run.scans.len()), (1, "A", 5));
    cursor.unread(2);
    assert_eq!(cursor.read(100).expect("reads").expect("some").first_seq, 4);
    assert_eq!(cursor.read(100).expect("reads").expect("some").site, "B");
}

#[test]
fn a_tail_cut_at_any_byte_loses_the_torn_record_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(dir.path());
    spool.bind(0).expect("binds");
    spool.append("A", &scans(1..4), None).expect("appends");
    let path = only_segment(dir.path());
    let whole = fs::metadata(&path).expect("is there").len();
    spool.append("A", &scans(4..6), None).expect("appends");
    drop(spool);
    let bytes = fs::read(&path).expect("reads");
    for length in whole..=bytes.len() as u64 {
        fs::write(&path, &bytes[..length as usize]).expect("writes");
        let spool = open(dir.path());
        let end = if length == bytes.len() as u64 { 6 } else { 4 };
        assert_eq!(read_all(&spool), numbered(1..end), "cut at {length}");
        spool.append("A", &scans(end..end + 1), None).expect("appends");
        assert_eq!(read_all(&spool), numbered(1..end + 1), "cut at {length}");
    }
}

#[test]
fn a_flipped_byte_cuts_the_last_record_and_is_damage_before_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(dir.path());
    spool.bind(0).expect("binds");
    spool.append("A", &scans(1..4), None).expect("appends");
    let path = only_segment(dir.path());
    let first_end = fs::metadata(&path).expect("is there").len() as usize;
    spool.append("A", &scans(4..6), None).expect("appends");
    drop(spool);
    let bytes = fs::read(&path).expect("reads");
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).expect("writes");
        let opened = try_open(dir.path(), BYTES_MAX);
        if at < first_end {
            assert!(matches!(opened, Err(SpoolError::Damaged { .. })), "byte {at}");
        } else {
            assert_eq!(read_all(&opened.expect("opens")), numbered(1..4), "byte {at}");
        }
    }
}

#[test]
fn numbering_goes_on_when_everything_was_acknowledged_and_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = Spool::open(dir.path(), DeviceId::new(7), SPOOL_BYTES_MIN).expect("opens");
    spool.bind(0).expect("binds");
    let mut next = 1;
    for _ in 0..60 {
        spool.append("A", &scans(next..next + 1_000), None).expect("acknowledged space is given back");
        next += 1_000;
        spool.acknowledge(next - 1);
        spool.tidy().expect("tidies");
    }
    assert!(spool.stats().bytes < SPOOL_BYTES_MIN / 8);
    drop(spool);
    let spool = open(dir.path());
    assert_eq!(spool.bind(next - 1).expect("binds"), Bound::Resumed);
    assert_eq!(spool.stats().numbered_seq, next - 1);
    spool.append("A", &scans(next..next + 1), None).expect("appends");
    assert_eq!(read_all(&spool), numbered(next..next + 1));
}

#[test]
fn a_full_spool_takes_nothing_until_space_returns() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = Spool::open(dir.path(), DeviceId::new(7), SPOOL_BYTES_MIN).expect("opens");
    spool.bind(0).expect("binds");
    let mut next = 1;
    while spool.append("A", &scans(next..next + 1_000), None).is_ok() {
        next += 1_000;
    }
    assert!(spool.stats().bytes <= SPOOL_BYTES_MIN);
    assert_eq!(spool.stats().numbered_seq, next - 1);
    spool.acknowledge(next / 2);
    spool.tidy().expect("tidies");
    spool.append("A", &scans(next..next + 1_000), None).expect("there is space again");
    assert_eq!(read_all(&spool), numbered(next / 2 + 1..next + 1_000));
}

#[test]
fn a_new_spool_goes_on_above_a_lost_one_with_the_scans_it_took_meanwhile() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(dir.path());
    spool.append("A", &scans(1..4), None).expect("appends");
    assert_eq!(spool.bind(100).expect("binds"), Bound::First { seq: 101 });
    let seqs: Vec<u64> = read_all(&spool).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [101, 102, 103]);
}

#[test]
fn seqs_that_others_have_used_are_jumped_over_and_their_scans_set_aside() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(dir.path());
    spool.bind(0).expect("binds");
    spool.append("A", &scans(1..11), None).expect("appends");
    spool.acknowledge(8);
    assert_eq!(spool.bind(50).expect("binds"), Bound::Ahead { unsure: 2 });
    let aside = fs::read_to_string(dir.path().join(UNSURE_FILE)).expect("is there");
    assert_eq!(aside.lines().count(), 2);
    drop(spool);
    let spool = open(dir.path());
    assert_eq!(spool.bind(50).expect("binds"), Bound::Resumed);
    spool.append("A", &scans(51..53), None).expect("appends");
    assert_eq!(read_all(&spool), numbered(51..53));
}

#[test]
fn a_gateway_that_forgot_gets_again_what_is_still_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = Spool::open(dir.path(), DeviceId::new(7), SPOOL_BYTES_MIN).expect("opens");
    spool.bind(0).expect("binds");
    for first in (1..20_001).step_by(1_000) {
        spool.append("A", &scans(first..first + 1_000), None).expect("appends");
    }
    spool.acknowledge(20_000);
    spool.tidy().expect("tidies");
    assert_eq!(spool.bind(19_990).expect("binds"), Bound::Behind);
    assert_eq!(read_all(&spool), numbered(19_991..20_001));
    let lost = spool.bind(10).expect("binds");
    let Bound::Lost { from_seq: 11, held_seq } = lost else { panic!("{lost:?}") };
    assert_eq!(read_all(&spool), numbered(held_seq..20_001));
    assert_eq!(spool.bind(10).expect("binds"), lost, "as long as the gateway does not know it");
    assert_eq!(spool.bind(held_seq - 1).expect("binds"), Bound::Resumed);
}

#[test]
fn a_spool_is_one_agents_and_one_devices() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(dir.path());
    let second = Spool::open(dir.path(), DeviceId::new(7), BYTES_MAX);
    assert!(matches!(second, Err(SpoolError::InUse { .. })));
    drop(spool);
    let other = Spool::open(dir.path(), DeviceId::new(8), BYTES_MAX);
    assert!(matches!(other, Err(SpoolError::OtherDevice { found: 7 })));
}

#[test]
fn a_full_disk_takes_nothing_and_spoils_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(_mount) = SmallDisk::mount(dir.path()) else {
        eprintln!("skipped: mounting a small tmpfs takes root");
        return;
    };
    let spool = open(dir.path());
    spool.bind(0).expect("binds");
    let ballast = dir.path().join("ballast");
    let mut next = 1;
    for round in 0..3 {
        let full = loop {
            match spool.append("A", &scans(next..next + 100), None) {
                Ok(()) => next += 100,
                Err(error) => break error,
            }
            if round == 0 && next == 1_001 {
                fs::write(&ballast, vec![0; 200_000]).expect("fits");
            }
        };
        assert!(matches!(full, AppendError::Disk(_)), "{full}");
        assert!(spool.append("A", &scans(next..next + 100), None).is_err(), "still full");
        assert_eq!(read_all(&spool), numbered(1..next));
        if round == 0 {
            fs::remove_file(&ballast).expect("is there");
            spool.append("A", &scans(next..next + 100), None).expect("space returned");
            next += 100;
        }
    }
    drop(spool);
    let spool = open(dir.path());
    assert_eq!(read_all(&spool), numbered(1..next));
}

#[test]
fn what_is_acknowledged_makes_room_on_a_disk_that_the_spool_filled() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(_mount) = SmallDisk::mount(dir.path()) else {
        eprintln!("skipped: mounting a small tmpfs takes root");
        return;
    };
    // Four segments fill the disk, long before the spool's own bound.
    let spool = Spool::open(dir.path(), DeviceId::new(7), SPOOL_BYTES_MIN).expect("opens");
    spool.bind(0).expect("binds");
    let mut next = 1;
    while spool.append("A", &scans(next..next + 100), None).is_ok() {
        next += 100;
    }
    fill(&dir.path().join("ballast"));
    spool.set_site("B").expect_err("the mark finds no room");
    assert_eq!(spool.site().as_deref(), Some("B"), "but the site holds");
    spool.acknowledge(next - 1);
    spool.tidy().expect("segments go first where nothing can be written");
    spool.append("B", &scans(next..next + 100), None).expect("there is space");
    drop(spool);
    let spool = open(dir.path());
    assert_eq!((spool.site().as_deref(), spool.stats().waiting), (Some("B"), 100));
    assert_eq!(read_all(&spool), numbered(next..next + 100));
}

/// Writes until nothing more can be written.
fn fill(path: &Path) {
    let mut ballast = File::create(path).expect("creates");
    while io::Write::write_all(&mut ballast, &[0; 4_096]).is_ok() {}
}

/// A tmpfs of 1 MiB, for as long as it is held.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(dir: &Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "truyvet-test"]).arg(dir);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(dir.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the spool may still hold its files.
        std::process::Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Acknowledge(u64),
    Tidy,
    Reopen,
    /// A torn record of this many bytes of a real one is left at the end, then reopen.
    TearAndReopen(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..2_000).prop_map(Step::Append),
        2 => (0u64..3_000).prop_map(Step::Acknowledge),
        1 => Just(Step::Tidy),
        1 => Just(Step::Reopen),
        1 => (1usize..200).prop_map(Step::TearAndReopen),
    ]
}

fn reopen(dir: &Path, spool: Arc<Spool>) -> Arc<Spool> {
    drop(spool);
    try_open(dir, SPOOL_BYTES_MIN).expect("opens")
}

fn tear(dir: &Path, next: u64, bytes: usize) {
    let record = record::encode(next, None, "A", &scans(next..next + 10));
    let last = list_segments(dir).expect("lists").back().expect("one").first;
    let mut file = File::options().append(true).open(segment::path(dir, last)).expect("opens");
    io::Write::write_all(&mut file, &record[..bytes.min(record.len() - 1)]).expect("writes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_spool_is_a_queue_whatever_happens(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut spool = Spool::open(dir.path(), DeviceId::new(7), SPOOL_BYTES_MIN).expect("opens");
        spool.bind(0).expect("binds");
        // The model: every scan's seq is its number; these two say which are in the queue.
        let (mut next, mut acked) = (1, 0);
        for step in steps {
            match step {
                Step::Append(count) => {
                    if spool.append("A", &scans(next..next + count), None).is_ok() {
                        next += count;
                    }
                }
                Step::Acknowledge(more) => {
                    acked = (acked + more).min(next - 1);
                    spool.acknowledge(acked);
                }
                Step::Tidy => spool.tidy().expect("tidies"),
                Step::Reopen => spool = reopen(dir.path(), spool),
                Step::TearAndReopen(bytes) => {
                    tear(dir.path(), next, bytes);
                    spool = reopen(dir.path(), spool);
                }
            }
            spool.bind(acked).expect("binds");
            prop_assert_eq!(spool.stats().waiting, next - 1 - acked);
            prop_assert_eq!(spool.stats().numbered_seq, next - 1);
        }
        prop_assert_eq!(read_all(&spool), numbered(acked + 1..next));
    }
}
