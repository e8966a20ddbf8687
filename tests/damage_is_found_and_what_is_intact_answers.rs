//! A flipped bit is found wherever it is, and named; a missing file costs its own scans alone; and answers
//! say which days they do not cover.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use truyvet_engine::{
    Damage, Engine, Incomplete, Interval, OpenError, Passed, PassedAnswer, TraceError, Trail, VerifyReport,
    Why,
};
use truyvet_schemas::time::MS_PER_DAY;
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use crate::support::{House, NOW_MS, START_MS, config};

const DAYS: i64 = 3;
const SCANS_A_DAY: i64 = 1_500;

/// Three sealed days of a device, and some scans of the fourth that are in the journal alone.
fn house() -> House {
    let house = House::new();
    house.put_sites(&["gate"]);
    let device = house.add_device("gate");
    let mut seq = 1;
    for day in 0..=DAYS {
        let scan = |i: i64| Scan {
            subject: format!("s{:03}", i * 7 % 400),
            at: TimeMs::new(START_MS + day * MS_PER_DAY + i * 50_000),
            direction: Direction::Pass,
            verdict: Verdict::Passed,
        };
        let scans: Vec<Scan> = (0..SCANS_A_DAY).map(scan).collect();
        house.submit(device, "gate", seq, &scans);
        seq += SCANS_A_DAY as u64;
        if day < DAYS {
            // A run a day: sparse days are merged by sealing alone.
            house.engine().flush().unwrap();
        }
    }
    house
}

fn days(from: i64, to: i64) -> Interval {
    Interval::new(TimeMs::new(START_MS + from * MS_PER_DAY), TimeMs::new(START_MS + to * MS_PER_DAY)).unwrap()
}

fn passed(engine: &Engine, interval: Interval) -> Result<PassedAnswer, TraceError> {
    engine.passed(&Passed { sites: vec!["gate".into()], areas: Vec::new(), interval, list: false })
}

fn verify(house: &House) -> VerifyReport {
    house.engine().verify(&mut |_| ControlFlow::Continue(())).unwrap()
}

/// Files of the store whose names end so, the oldest first.
fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("engine")).unwrap().flatten().map(|entry| entry.path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<PathBuf> = entries.filter(|path| name(path).ends_with(end)).collect();
    files.sort();
    files
}

/// The file of each run, in order of days.
fn run_files(dir: &Path) -> Vec<PathBuf> {
    // Codes and catalog are small beside a day.
    files(dir, ".sst").into_iter().filter(|path| path.metadata().unwrap().len() > 4_000).collect()
}

fn flip(path: &Path, byte: u64, bit: u32) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[byte as usize] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_sound_directory_has_no_damage_and_everything_is_counted() {
    let house = house();
    let report = verify(&house);
    assert_eq!((report.damaged, &report.damages[..]), (0, &[][..]));
    assert_eq!((report.runs, report.scans as i64), (DAYS as u64, DAYS * SCANS_A_DAY));
    assert_eq!((report.journal_records, report.devices, report.subjects), (1, 1, 400));
    assert!(report.posting_leaves >= 6 && report.trail_leaves > 0, "{report:?}");
    let ended = house.engine().verify(&mut |_| ControlFlow::Break(()));
    assert!(ended.is_ok(), "so little is read before anybody is asked");
}

#[test]
fn a_flipped_bit_in_a_runs_file_is_found_and_costs_no_other_day() {
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    for round in 0..12 {
        let mut house = house();
        let whole: Vec<_> =
            (0..DAYS).map(|day| passed(house.engine(), days(day, day + 1)).unwrap()).collect();
        let runs = run_files(house.close());
        assert_eq!(runs.len() as i64, DAYS, "{runs:?}");
        let day = dice.random_range(0..DAYS);
        let file = &runs[day as usize];
        let byte = dice.random_range(0..file.metadata().unwrap().len());
        flip(file, byte, dice.random_range(0..8));
        house.open().unwrap();
        let given_up = verify(&house).runs < DAYS as u64;
        let report = verify(&house);
        let is_named = |damage: &Damage| damage.file.as_deref() == Some(file.to_str().unwrap());
        assert!(given_up || report.damages.iter().any(is_named), "round {round}, byte {byte}: {report:?}");
        for other in (0..DAYS).filter(|other| *other != day) {
            let answer = passed(house.engine(), days(other, other + 1)).unwrap();
            assert_eq!(answer, whole[other as usize], "round {round}");
        }
        match passed(house.engine(), days(day, day + 1)) {
            Ok(answer) if given_up => assert_eq!(answer.incomplete.len(), 1),
            Ok(answer) => assert_eq!(answer, whole[day as usize], "the bit is in no part that it needs"),
            Err(error) => assert!(error.to_string().contains("damaged data in"), "{error}"),
        }
    }
}

#[test]
fn a_missing_file_of_a_run_costs_its_own_days_and_answers_say_so() {
    let mut house = house();
    let whole = passed(house.engine(), days(1, 2)).unwrap();
    let trail = Trail { subject: "s000".into(), interval: days(0, 4) };
    let scans = house.engine().trail(&trail).unwrap().scans.len();
    let runs = run_files(house.close());
    std::fs::remove_file(&runs[2]).unwrap();
    for _ in 0..2 {
        house.open().unwrap();
        let lost =
            Incomplete { from: START_MS + 2 * MS_PER_DAY, to: START_MS + 3 * MS_PER_DAY, why: Why::Lost };
        let answer = passed(house.engine(), days(2, 3)).unwrap();
        assert_eq!((answer.scans, &answer.incomplete), (0, &vec![lost.clone()]));
        assert_eq!(passed(house.engine(), days(1, 2)).unwrap(), whole);
        let left = house.engine().trail(&trail).unwrap();
        assert!(left.scans.len() < scans && left.incomplete == [lost], "{left:?}");
        let report = verify(&house);
        assert_eq!((report.damaged, report.gone_scans as i64), (0, SCANS_A_DAY), "{report:?}");
        house.close();
    }
}

#[test]
fn any_flipped_bit_of_the_log_or_its_manifest_is_refused_by_name() {
    let mut dice = ChaCha8Rng::seed_from_u64(6);
    let mut house = house();
    let dir = house.close().to_owned();
    let manifest = std::fs::read_to_string(dir.join("engine/CURRENT")).unwrap();
    let logs: Vec<PathBuf> =
        files(&dir, ".log").into_iter().filter(|log| log.metadata().unwrap().len() > 0).collect();
    assert!(!logs.is_empty());
    for file in logs.into_iter().chain([dir.join("engine").join(manifest.trim())]) {
        let bytes = file.metadata().unwrap().len();
        for _ in 0..40 {
            let (byte, bit) = (dice.random_range(0..bytes), dice.random_range(0..8));
            flip(&file, byte, bit);
            let refused = house.open().unwrap_err();
            assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
            assert!(refused.to_string().contains(&name(&file)), "{refused}");
            flip(&file, byte, bit);
        }
    }
    house.open().unwrap();
    house.assert_sound();
}

#[test]
fn a_log_that_rots_under_a_running_server_is_found() {
    let house = house();
    let dir = house.engine().dir().to_owned();
    let log = files(&dir, ".log").pop().unwrap();
    flip(&log, log.metadata().unwrap().len() / 2, 3);
    let report = verify(&house);
    assert!(report.damages[0].file.as_deref().is_some_and(|file| file.ends_with(&name(&log))), "{report:?}");
    assert_eq!(passed(house.engine(), days(0, 4)).unwrap().scans as i64, 4 * SCANS_A_DAY);
}

#[test]
fn without_a_base_file_the_directory_is_refused_by_name() {
    let mut house = house();
    // Often enough reopened, the catalog is in files.
    (0..3).for_each(|_| house.reopen());
    let dir = house.close().to_owned();
    let runs = run_files(&dir);
    let base: Vec<PathBuf> = files(&dir, ".sst").into_iter().filter(|path| !runs.contains(path)).collect();
    assert!(!base.is_empty(), "the catalog is in files");
    for file in base {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let refused = house.open().unwrap_err().to_string();
        assert!(refused.contains(&name(&file)) && refused.contains("backup"), "{refused}");
        std::fs::write(&file, &bytes).unwrap();
        // The first block holds entries.
        flip(&file, 20, 1);
        let told = match house.open() {
            Err(refused) => refused.to_string(),
            Ok(()) => format!("{:?}", verify(&house)),
        };
        assert!(told.contains(&name(&file)), "{told}");
        house.close();
        std::fs::write(&file, &bytes).unwrap();
    }
    std::fs::remove_file(dir.join("engine/CURRENT")).unwrap();
    let refused = house.open().unwrap_err().to_string();
    assert!(refused.contains("CURRENT"), "{refused}");
}

#[test]
fn days_dropped_by_retention_are_told_and_are_no_damage() {
    let mut house = House::with(truyvet_engine::EngineConfig { retention_days: 399, ..config() });
    house.put_sites(&["gate"]);
    let device = house.add_device("gate");
    for (seq, day) in [(1, 2), (2, 300)] {
        let at = TimeMs::new(START_MS + day * MS_PER_DAY);
        let (direction, verdict) = (Direction::Pass, Verdict::Passed);
        house.submit(device, "gate", seq, &[Scan { subject: "s".into(), at, direction, verdict }]);
        house.engine().flush().unwrap();
    }
    house.engine().apply_retention(TimeMs::new(NOW_MS + 4 * MS_PER_DAY)).unwrap();
    for _ in 0..2 {
        let all = passed(house.engine(), days(0, 400)).unwrap();
        assert_eq!((all.scans, all.incomplete.len()), (1, 1));
        assert_eq!(all.incomplete[0].why, Why::Dropped);
        assert_eq!(passed(house.engine(), days(299, 400)).unwrap().incomplete, []);
        let report = verify(&house);
        assert_eq!((report.damaged, report.gone_scans), (0, 1), "{report:?}");
        house.reopen();
    }
}
