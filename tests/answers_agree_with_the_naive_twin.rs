//! Whatever arrives, in whatever order, through whatever reopening, crash, flush, seal, drop and restore in
//! between: every question has the answer of its definition, says which days it does not cover, and
//! everything on disk agrees with everything else.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use truyvet_engine::naive::{Naive, NaiveScan};
use truyvet_engine::{
    AreaRecord, Chain, CodeColumn, Common, Contacts, EngineError, Incomplete, Interval, Occupancy, Passed,
    RowChunk, SiteRecord, Stays, Trail, Why,
};
use truyvet_schemas::{DeviceId, Direction, Scan, TimeMs, Verdict};

use crate::support::{House, START_MS};

/// Subject, site, minutes, direction.
type Row = (u8, u8, u32, u8);

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// A device sends scans: (subject, minutes, direction).
    Send {
        device: usize,
        scans: Vec<(u8, u32, u8)>,
    },
    /// A file is imported: (subject, site, minutes, direction).
    Import {
        rows: Vec<Row>,
    },
    /// The last import is imported again.
    ImportAgain,
    Flush,
    Seal,
    Reopen,
    Crash,
    /// Days are dropped, the first of them and how many.
    Drop {
        first: u32,
        days: u32,
    },
    /// A backup is made and restored elsewhere, and all goes on there.
    Restore,
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let minutes = prop_oneof![0u32..60, 0u32..3 * 24 * 60, Just(23 * 60 + 59), Just(24 * 60)];
    let scan = (0u8..8, minutes.clone(), 0u8..3);
    let row = (0u8..8, 0u8..3, minutes, 0u8..3);
    prop_oneof![
        6 => (0usize..4, vec(scan, 1..12)).prop_map(|(device, scans)| Operation::Send { device, scans }),
        2 => vec(row, 0..15).prop_map(|rows| Operation::Import { rows }),
        1 => Just(Operation::ImportAgain),
        2 => Just(Operation::Flush),
        1 => Just(Operation::Seal),
        1 => Just(Operation::Reopen),
        2 => Just(Operation::Crash),
        1 => (0u32..3, 1u32..4).prop_map(|(first, days)| Operation::Drop { first, days }),
        1 => Just(Operation::Restore),
    ]
}

pub(crate) const SITES: [&str; 3] = ["B", "A", "ă"];

pub(crate) const AREAS: [(&str, &[&str]); 3] =
    [("ward 1", &["B", "A"]), ("ward 2", &["ă"]), ("district", &["A", "B", "ă"])];

/// The engine and its twin, fed alike.
pub(crate) struct Pair {
    pub(crate) house: House,
    pub(crate) naive: Naive,
    devices: Vec<(DeviceId, &'static str, u64)>,
    imported: Option<(Vec<Row>, [u8; 32])>,
    imports: u32,
    /// Stretches of time whose scans were dropped.
    dropped: Vec<(i64, i64)>,
    /// Subjects that ever had a scan: they stay known.
    known: BTreeSet<String>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let house = House::new();
        let area = |area: &str, parent: Option<&str>| AreaRecord {
            area: area.into(),
            parent: parent.map(Into::into),
            ..AreaRecord::default()
        };
        let areas =
            vec![area("ward 1", Some("district")), area("ward 2", Some("district")), area("district", None)];
        house.engine().catalog().put_areas(areas).unwrap();
        for (area, sites) in &AREAS[..2] {
            let site = |site: &&str| SiteRecord {
                site: (*site).into(),
                area: Some((*area).into()),
                ..SiteRecord::default()
            };
            house.engine().catalog().put_sites(sites.iter().map(site).collect()).unwrap();
        }
        let site = |i: usize| SITES[i % SITES.len()];
        let devices = (0..4).map(|i| (house.add_device(site(i)), site(i), 0)).collect();
        Self {
            house,
            naive: Naive::default(),
            devices,
            imported: None,
            imports: 0,
            dropped: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    pub(crate) fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Send { device, scans } => self.send(device, &scans),
            Operation::Import { rows } => {
                self.imports += 1;
                let digest = *blake3::hash(&self.imports.to_le_bytes()).as_bytes();
                self.import(&rows, digest);
                let device = 5 + self.imports - 1;
                for (seq, (subject, site, minutes, direction)) in (1..).zip(&rows) {
                    self.naive.scans.push(NaiveScan {
                        subject: code(*subject),
                        site: SITES[usize::from(*site)].into(),
                        at: at(*minutes),
                        direction: Direction::from_number(*direction).unwrap(),
                        verdict: Verdict::Passed,
                        device,
                        seq,
                    });
                }
                self.imported = Some((rows, digest));
            }
            Operation::ImportAgain => {
                if let Some((rows, digest)) = self.imported.clone() {
                    self.import(&rows, digest);
                }
            }
            Operation::Flush => self.house.engine().flush().unwrap(),
            Operation::Seal => self.house.engine().seal().unwrap(),
            Operation::Reopen => self.house.reopen(),
            Operation::Crash => self.house.crash(),
            Operation::Drop { first, days } => self.drop_days(first * DAY, (first + days) * DAY),
            Operation::Restore => self.house.restore(),
        }
        self.known.extend(self.naive.scans.iter().map(|scan| scan.subject.clone()));
    }

    /// Partitions that lie within the days go, or none where one lies there only in part.
    fn drop_days(&mut self, from: u32, to: u32) {
        let engine = self.house.engine();
        engine.flush().unwrap();
        let before = engine.status().partitions;
        match engine.drop_days(at(from), at(to)) {
            Err(EngineError::SharedPartition { .. }) => return,
            dropped => dropped.unwrap(),
        };
        let instant = |text: &str| TimeMs::parse(text).unwrap().get();
        for partition in before {
            let (start, end) = (instant(&partition.from), instant(&partition.to));
            if at(from).get() <= start && end <= at(to).get() {
                self.dropped.push((start, end));
                self.naive.scans.retain(|scan| !(start..end).contains(&scan.at.get()));
            }
        }
    }

    /// The dropped days that the interval touches, those that touch each other as one.
    pub(crate) fn incomplete(&self, interval: Interval) -> Vec<Incomplete> {
        let mut dropped = self.dropped.clone();
        dropped.sort_unstable();
        let mut joined: Vec<Incomplete> = Vec::new();
        for (from, to) in dropped {
            match joined.last_mut().filter(|last| from <= last.to) {
                Some(last) => last.to = last.to.max(to),
                None => joined.push(Incomplete { from, to, why: Why::Dropped }),
            }
        }
        let (from, to) = (interval.from().get(), interval.to().get());
        joined.retain(|days| from < to && days.from < to && from < days.to);
        joined
    }

    fn send(&mut self, device: usize, scans: &[(u8, u32, u8)]) {
        let (id, site, last_seq) = self.devices[device];
        let sent: Vec<Scan> = scans
            .iter()
            .map(|(subject, minutes, direction)| Scan {
                subject: code(*subject),
                at: at(*minutes),
                direction: Direction::from_number(*direction).unwrap(),
                verdict: Verdict::Passed,
            })
            .collect();
        // Sent twice, as after a lost acknowledgement.
        let first = self.house.submit(id, site, last_seq + 1, &sent);
        assert_eq!(first.durable, Some(last_seq + sent.len() as u64), "{first:?}");
        assert_eq!(self.house.submit(id, site, last_seq + 1, &sent).durable, first.durable);
        self.devices[device].2 += sent.len() as u64;
        for (seq, scan) in (last_seq + 1..).zip(sent) {
            let Scan { subject, at, direction, verdict } = scan;
            self.naive.scans.push(NaiveScan {
                subject,
                site: site.into(),
                at,
                direction,
                verdict,
                device: id.get(),
                seq,
            });
        }
    }

    fn import(&self, rows: &[Row], digest: [u8; 32]) {
        let mut import = self.house.engine().begin_import(digest, "rows.csv").unwrap();
        let done = import.rows_done() as usize;
        if done < rows.len() {
            let rows = &rows[done..];
            let (mut subjects, mut sites) = (CodeColumn::plain(), CodeColumn::plain());
            rows.iter().for_each(|row| subjects.push(&code(row.0)));
            rows.iter().for_each(|row| sites.push(SITES[usize::from(row.1)]));
            let chunk = RowChunk {
                first_row: done as u64 + 1,
                rows: rows.len() as u64,
                subjects,
                sites,
                at_ms: rows.iter().map(|row| at(row.2).get()).collect(),
                directions: rows.iter().map(|row| row.3).collect(),
            };
            import.push(chunk).unwrap();
        }
        import.commit().unwrap();
    }

    fn compare(&self, (from, length, window): (u32, u32, u32), subjects: &[u8]) {
        let engine = self.house.engine();
        let interval = Interval::new(at(from), at(from + length)).unwrap();
        let window = Duration::from_secs(u64::from(window) * 60);
        let subjects: Vec<String> = subjects.iter().map(|subject| code(*subject)).collect();
        for list in [true, false] {
            let sites = vec!["A".into(), "ă".into(), "nowhere".into()];
            let mut passed = Passed { sites, areas: Vec::new(), interval, list };
            assert_eq!(engine.passed(&passed).unwrap(), self.naive_passed(&passed));
            passed.sites.remove(0);
            assert_eq!(engine.passed(&passed).unwrap(), self.naive_passed(&passed));
        }
        for (area, sites) in AREAS {
            for list in [true, false] {
                let by_area = Passed { sites: Vec::new(), areas: vec![area.into()], interval, list };
                let sites = sites.iter().map(|site| (*site).into()).collect();
                let by_site = Passed { sites, areas: Vec::new(), interval, list };
                assert_eq!(engine.passed(&by_area).unwrap(), self.naive_passed(&by_site), "area {area}");
            }
        }
        let incomplete = self.incomplete(interval);
        for subject in &subjects {
            let trail = Trail { subject: subject.clone(), interval };
            let mut naive = self.naive.trail(&trail);
            self.amend(&mut naive.unknown, &mut naive.incomplete, &incomplete);
            assert_eq!(engine.trail(&trail).unwrap(), naive);
        }
        let contacts = Contacts { subjects: subjects.clone(), interval, window, pairs: true };
        let mut naive = self.naive.contacts(&contacts);
        self.amend(&mut naive.unknown, &mut naive.incomplete, &incomplete);
        assert_eq!(engine.contacts(&contacts).unwrap(), naive);
        let start = |i: usize| (i % 2 == 1).then(|| at(from + length / 3));
        let seeds = subjects.iter().cloned().enumerate().map(|(i, seed)| (seed, start(i))).collect();
        let chain = Chain { seeds, interval, window, generations: 3, list: true };
        let mut naive = self.naive.chain(&chain);
        self.amend(&mut naive.unknown, &mut naive.incomplete, &incomplete);
        assert_eq!(engine.chain(&chain).unwrap(), naive);
        for (cell, top) in [(Duration::from_secs(3_600), 3), (Duration::from_secs(7 * 60), 50)] {
            let common = Common { subjects: subjects.clone(), interval, cell, top };
            let mut naive = self.naive.common(&common);
            self.amend(&mut naive.unknown, &mut naive.incomplete, &incomplete);
            assert_eq!(engine.common(&common).unwrap(), naive);
        }
        for longest in [window.max(Duration::from_millis(1)), Duration::from_secs(12 * 3_600)] {
            self.compare_stays(interval, &subjects, longest);
        }
    }

    fn compare_stays(&self, interval: Interval, subjects: &[String], longest: Duration) {
        let engine = self.house.engine();
        let before = TimeMs::new(interval.from().get() - longest.as_millis() as i64);
        let incomplete = self.incomplete(Interval::new(before, interval.to()).unwrap());
        for overlap in [Duration::from_millis(1), Duration::from_secs(20 * 60)] {
            let stays = Stays { subjects: subjects.to_vec(), interval, overlap, longest: Some(longest) };
            let mut naive = self.naive.stays(&stays);
            self.amend(&mut naive.unknown, &mut naive.incomplete, &incomplete);
            assert_eq!(engine.stays(&stays).unwrap(), naive);
        }
        for (site, minutes) in SITES.iter().zip([60, 7].into_iter().cycle()) {
            let cell = Duration::from_secs(minutes * 60);
            let occupancy = Occupancy { site: (*site).into(), interval, cell, longest: Some(longest) };
            let mut naive = self.naive.occupancy(&occupancy);
            if naive.unknown.is_empty() {
                naive.incomplete.clone_from(&incomplete);
                assert_eq!(engine.occupancy(&occupancy).unwrap(), naive);
            }
        }
    }

    /// The twin knows a subject only by its scans, and of no days that are gone.
    fn amend(&self, unknown: &mut Vec<String>, told: &mut Vec<Incomplete>, incomplete: &[Incomplete]) {
        unknown.retain(|code| !self.known.contains(code));
        *told = incomplete.to_vec();
    }

    /// The twin knows a site only by its scans; here they were all put in before.
    fn naive_passed(&self, passed: &Passed) -> truyvet_engine::PassedAnswer {
        let mut answer = self.naive.passed(passed);
        answer.unknown.retain(|code| !SITES.contains(&code.as_str()));
        answer.incomplete = self.incomplete(passed.interval);
        answer
    }
}

fn code(subject: u8) -> String {
    // The order of codes is not the order in which they come.
    format!("s{}", (subject * 5) % 8)
}

pub(crate) fn at(minutes: u32) -> TimeMs {
    TimeMs::new(START_MS + i64::from(minutes) * 60_000)
}

/// Minutes of a day.
const DAY: u32 = 24 * 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn answers_agree(
        operations in vec(operation(), 1..14),
        questions in vec(((0u32..3 * 24 * 60, 0u32..2 * 24 * 60, 0u32..40), vec(0u8..9, 1..4)), 3),
    ) {
        let mut pair = Pair::new();
        for operation in operations {
            pair.perform(operation);
            let (spans, subjects) = &questions[0];
            pair.compare(*spans, subjects);
        }
        for (spans, subjects) in &questions {
            pair.compare(*spans, subjects);
        }
        pair.compare((0, 4 * 24 * 60, 15), &[0, 3]);
        pair.house.assert_sound();
    }
}
