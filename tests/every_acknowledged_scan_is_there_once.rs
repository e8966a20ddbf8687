//! Scans are taken once, refused with a reason, and never lost.

use truyvet_engine::{CodeColumn, Interval, RowChunk, Trail};
use truyvet_schemas::wire::{BatchFacts, Reason, encode_lost};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use crate::support::{House, NOW_MS, START_MS, Told, config};

fn scan(subject: &str, at_ms: i64) -> Scan {
    Scan {
        subject: subject.into(),
        at: TimeMs::new(at_ms),
        direction: Direction::Pass,
        verdict: Verdict::Passed,
    }
}

fn trail_len(house: &House, subject: &str) -> usize {
    let interval = Interval::new(TimeMs::new(0), TimeMs::new(i64::MAX)).unwrap();
    house.engine().trail(&Trail { subject: subject.into(), interval }).unwrap().scans.len()
}

#[test]
fn a_gap_is_refused_and_tells_what_is_expected() {
    let house = House::new();
    house.put_sites(&["A"]);
    let device = house.add_device("A");
    let told = house.submit(device, "A", 3, &[scan("x", START_MS)]);
    assert_eq!(told, Told { gap: Some(1), ..Told::default() });
    assert_eq!(trail_len(&house, "x"), 0);
}

#[test]
fn refused_scans_are_kept_aside_with_their_reason() {
    let mut house = House::new();
    house.put_sites(&["A", "B"]);
    let device = house.add_device("A");
    let scans = [scan("x", NOW_MS), scan("x", NOW_MS + 300_001), scan("x", NOW_MS + 300_000)];
    let told = house.submit(device, "A", 1, &scans);
    assert_eq!((told.durable, told.refused), (Some(3), vec![(Reason::TimeInFuture, vec![2])]));
    let told = house.submit(device, "B", 4, &[scan("x", START_MS)]);
    assert_eq!((told.durable, told.refused), (Some(4), vec![(Reason::WrongSite, vec![4])]));
    let told = house.submit(device, "no such site", 5, &[scan("x", START_MS)]);
    assert_eq!(told.refused, vec![(Reason::WrongSite, vec![5])]);
    house.crash();
    assert_eq!(trail_len(&house, "x"), 2);
    let letters = house.engine().dead_letters(10).unwrap();
    let reasons: Vec<_> = letters.iter().map(|letter| (letter.seq, letter.reason.as_str())).collect();
    assert_eq!(reasons, [(5, "wrong_site"), (4, "wrong_site"), (2, "time_in_future")]);
}

#[test]
fn scans_that_a_device_declares_lost_are_noted_once_and_it_goes_on_behind_them() {
    let mut house = House::new();
    house.put_sites(&["A"]);
    let device = house.add_device("A");
    house.submit(device, "A", 1, &[scan("x", START_MS)]);
    let lost = |first_seq, lost| {
        let facts = BatchFacts { device: device.get(), site: "A", first_seq, sent_at: TimeMs::new(0) };
        encode_lost(facts, lost)
    };
    let gap = house.submit_batch(device, lost(3, 5));
    assert_eq!(gap, Told { gap: Some(2), ..Told::default() });
    for _ in 0..2 {
        assert_eq!(house.submit_batch(device, lost(1, 10)).durable, Some(10), "1 is there, 2 to 10 are not");
        house.crash();
    }
    assert_eq!(house.submit(device, "A", 11, &[scan("x", START_MS)]).durable, Some(11));
    house.engine().seal().unwrap();
    house.reopen();
    assert_eq!(trail_len(&house, "x"), 2);
    let record = house.engine().catalog().device(device).unwrap();
    let noted: Vec<_> = record.lost.iter().map(|lost| (lost.first_seq, lost.last_seq, lost.at)).collect();
    assert_eq!(noted, [(2, 10, NOW_MS)]);
    assert_eq!((record.durable_seq, house.engine().status().lost_scans), (11, 9));
}

#[test]
fn dead_letters_outlast_flushes_and_restarts() {
    let mut house = House::new();
    house.put_sites(&["A"]);
    let device = house.add_device("A");
    for seq in 1..=4 {
        house.submit(device, "A", seq, &[scan("x", NOW_MS + 300_001)]);
        house.engine().flush().unwrap();
        if seq % 2 == 0 { house.crash() } else { house.reopen() }
    }
    let seqs: Vec<u64> = house.engine().dead_letters(10).unwrap().iter().map(|letter| letter.seq).collect();
    assert_eq!(seqs, [4, 3, 2, 1]);
}

#[test]
fn scans_of_before_a_move_still_count_for_the_former_site() {
    let house = House::new();
    house.put_sites(&["A", "B"]);
    let device = house.add_device("A");
    house.engine().catalog().move_device(device, "B", TimeMs::new(START_MS)).unwrap();
    let told = house.submit(device, "A", 1, &[scan("x", START_MS - 1), scan("x", START_MS)]);
    assert_eq!(told.refused, vec![(Reason::WrongSite, vec![2])]);
    let told = house.submit(device, "B", 3, &[scan("x", START_MS)]);
    assert_eq!(told.refused, vec![]);
    assert_eq!(trail_len(&house, "x"), 2);
}

#[test]
fn subjects_beyond_the_limit_become_dead_letters_and_known_ones_go_on() {
    let mut config = config();
    config.subjects_max = 1_000;
    let house = House::with(config);
    house.put_sites(&["A"]);
    let device = house.add_device("A");
    let told = house.submit(device, "A", 1, &[scan("x", START_MS)]);
    assert_eq!(told.refused, vec![(Reason::SubjectLimit, vec![1])]);
}

#[test]
fn many_batches_survive_many_crashes_and_rotations() {
    let mut house = House::new();
    house.put_sites(&["A"]);
    let device = house.add_device("A");
    let mut sent = 0u64;
    for round in 0..6 {
        for batch in 0..10 {
            let scans: Vec<Scan> =
                (0..500).map(|i| scan(&format!("p{}", (i * 7 + batch) % 900), START_MS + i)).collect();
            let told = house.submit(device, "A", sent + 1, &scans);
            sent += 500;
            assert_eq!(told.durable, Some(sent));
        }
        if round % 2 == 0 {
            house.crash()
        } else {
            house.reopen()
        }
        assert_eq!(house.engine().status().scans, sent, "round {round}");
        assert_eq!(house.engine().durable_seq(device), sent);
    }
    house.engine().seal().unwrap();
    assert_eq!(house.engine().status().scans, sent);
    assert_eq!(trail_len(&house, "p0") + trail_len(&house, "p1"), expected(sent, &[0, 1]));
}

fn expected(sent: u64, subjects: &[i64]) -> usize {
    let per_round = (0..10i64)
        .flat_map(|batch| (0..500i64).map(move |i| (i * 7 + batch) % 900))
        .filter(|subject| subjects.contains(subject))
        .count();
    per_round * (sent / 5_000) as usize
}

#[test]
fn retention_drops_devices_scans_and_leaves_imports() {
    let mut config = config();
    config.retention_days = 500;
    let mut house = House::with(config);
    house.put_sites(&["A"]);
    let device = house.add_device("A");
    house.submit(device, "A", 1, &[scan("x", START_MS), scan("x", START_MS + 1)]);
    house.engine().flush().unwrap();
    import(&house, "x", START_MS + 2);
    house.engine().apply_retention(TimeMs::new(START_MS + 400 * 86_400_000)).unwrap();
    assert_eq!(trail_len(&house, "x"), 3);
    house.engine().seal().unwrap();
    house.engine().apply_retention(TimeMs::new(START_MS + 502 * 86_400_000)).unwrap();
    assert_eq!(trail_len(&house, "x"), 1, "what was imported stays");
    house.reopen();
    assert_eq!((trail_len(&house, "x"), house.engine().status().scans), (1, 1));
    let day = TimeMs::new(START_MS - START_MS % 86_400_000);
    let next = TimeMs::new(day.get() + 86_400_000);
    assert_eq!(house.engine().drop_days(day, next).unwrap(), 1, "until it is named");
    assert_eq!((trail_len(&house, "x"), house.engine().status().partitions.len()), (0, 0));
}

fn import(house: &House, subject: &str, at_ms: i64) {
    let (mut subjects, mut sites) = (CodeColumn::plain(), CodeColumn::plain());
    subjects.push(subject);
    sites.push("A");
    let mut import = house.engine().begin_import([1; 32], "scans.csv").unwrap();
    let rows =
        RowChunk { first_row: 1, rows: 1, subjects, sites, at_ms: vec![at_ms], directions: Vec::new() };
    import.push(rows).unwrap();
    import.commit().unwrap();
}
