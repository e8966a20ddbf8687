//! Scans come when they come: for a day that is open, in runs, sealed or gone, and a month at once. And days
//! go while they are asked for.

use std::sync::atomic::{AtomicBool, Ordering};

use truyvet_engine::naive::{Naive, NaiveScan};
use truyvet_engine::{Incomplete, Interval, Passed, Trail, Why};
use truyvet_schemas::{DeviceId, Direction, Scan, TimeMs, Verdict};

use crate::support::{House, START_MS};

#[test]
fn late_scans_are_taken_whatever_state_their_day_is_in() {
    let mut sender = Sender::new();
    let states: [(&str, Reach); 6] = [
        ("in memory", |_| {}),
        ("in a run", |house| house.engine().flush().unwrap()),
        ("sealed", |house| house.engine().seal().unwrap()),
        ("read back from the journal", House::crash),
        ("sealed again", |house| house.engine().seal().unwrap()),
        ("read from disk", House::reopen),
    ];
    for (state, reach) in states {
        sender.send(0, 300);
        reach(&mut sender.house);
        sender.send(0, 50);
        sender.assert_answers(state);
        sender.house.engine().flush().unwrap();
        sender.assert_answers(state);
    }
    // Dropped days take scans again, and go on telling that some are gone.
    sender.house.engine().flush().unwrap();
    sender.house.engine().drop_days(day(0).from(), day(0).to()).unwrap();
    sender.naive.scans.clear();
    sender.send(0, 20);
    let passed = sender.house.engine().passed(&passed(day(0))).unwrap();
    assert_eq!((passed.scans, passed.incomplete.len()), (20, 1));
    sender.house.engine().seal().unwrap();
    sender.house.assert_sound();
    let runs = sender.house.engine().status().partitions.iter().map(|p| p.runs).max();
    assert_eq!(runs, Some(1), "a sealed day is one run again");
}

#[test]
fn a_device_may_send_a_whole_month_at_once() {
    let mut sender = Sender::new();
    // From the newest to the oldest, as a spool that was read backwards.
    for number in (0..31).rev() {
        sender.send(number, 400);
    }
    sender.assert_answers("in memory and runs");
    sender.house.crash();
    sender.house.engine().seal().unwrap();
    sender.assert_answers("sealed");
    sender.house.assert_sound();
}

#[test]
fn a_question_over_a_day_that_is_dropped_has_all_of_it_or_says_that_it_is_gone() {
    let mut sender = Sender::new();
    for number in 0..3 {
        sender.send(number, 4_000);
    }
    sender.house.engine().seal().unwrap();
    let (engine, is_over) = (sender.house.engine(), AtomicBool::new(false));
    let whole = Interval::new(day(0).from(), day(2).to()).unwrap();
    let found = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut found = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                found.push(engine.passed(&passed(whole)).unwrap());
            }
            found
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        engine.drop_days(whole.from(), whole.to()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        is_over.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    let gone = Incomplete { from: whole.from().get(), to: whole.to().get(), why: Why::Dropped };
    for answer in &found {
        match answer.incomplete.as_slice() {
            [] => assert_eq!((answer.scans, answer.list.iter().map(|s| s.scans).sum()), (12_000, 12_000)),
            told => assert_eq!((answer.scans, told), (0, std::slice::from_ref(&gone))),
        }
    }
    assert!(found.first().unwrap().incomplete.is_empty() && !found.last().unwrap().incomplete.is_empty());
}

/// Brings the day into a state.
type Reach = fn(&mut House);

/// A device, the engine it sends to, and its twin.
struct Sender {
    house: House,
    device: DeviceId,
    sent: u64,
    naive: Naive,
}

impl Sender {
    fn new() -> Self {
        let house = House::new();
        house.put_sites(&["gate"]);
        let device = house.add_device("gate");
        Self { house, device, sent: 0, naive: Naive::default() }
    }

    /// Scans all over the day.
    fn send(&mut self, number: i64, scans: u64) {
        let first_seq = self.sent + 1;
        let scan = |i: u64| Scan {
            subject: format!("p{}", (first_seq + i) * 7_919 % 101),
            at: TimeMs::new(day(number).from().get() + ((first_seq + i) * 104_729 % 86_400_000) as i64),
            direction: Direction::Pass,
            verdict: Verdict::Passed,
        };
        let batch: Vec<Scan> = (0..scans).map(scan).collect();
        let told = self.house.submit(self.device, "gate", first_seq, &batch);
        assert_eq!(told.durable, Some(self.sent + scans), "{told:?}");
        self.sent += scans;
        let known = |(seq, scan): (u64, Scan)| NaiveScan {
            subject: scan.subject,
            site: "gate".into(),
            at: scan.at,
            direction: scan.direction,
            verdict: scan.verdict,
            device: self.device.get(),
            seq,
        };
        self.naive.scans.extend((first_seq..).zip(batch).map(known));
    }

    fn assert_answers(&self, state: &str) {
        let engine = self.house.engine();
        let all = Interval::new(TimeMs::new(START_MS), TimeMs::new(START_MS + 40 * DAY_MS)).unwrap();
        assert_eq!(engine.status().scans, self.naive.scans.len() as u64, "{state}");
        for question in [passed(all), passed(day(0)), passed(day(17))] {
            assert_eq!(engine.passed(&question).unwrap(), self.naive.passed(&question), "{state}");
        }
        let trail = Trail { subject: "p7".into(), interval: all };
        assert_eq!(engine.trail(&trail).unwrap(), self.naive.trail(&trail), "{state}");
    }
}

fn passed(interval: Interval) -> Passed {
    Passed { sites: vec!["gate".into()], areas: Vec::new(), interval, list: true }
}

fn day(number: i64) -> Interval {
    let start_ms = START_MS + number * DAY_MS;
    Interval::new(TimeMs::new(start_ms), TimeMs::new(start_ms + DAY_MS)).unwrap()
}

const DAY_MS: i64 = 86_400_000;
