//! Answers held against the naive twin, over what devices sent.

use std::time::Duration;

use truyvet_engine::naive::{Naive, NaiveScan};
use truyvet_engine::{Chain, Common, Contacts, Engine, Interval, Passed, Trail};
use truyvet_schemas::TimeMs;
use truyvet_schemas::key_file::KeyFile;

use super::stream::Sent;

/// What an engine must know: of each device all up to its mark there, which no acknowledgement may be
/// above.
pub(crate) fn twin(engine: &Engine, sent: &[Sent]) -> Naive {
    let mut naive = Naive::default();
    for Sent { key, scans, acknowledged } in sent {
        let durable_seq = engine.durable_seq(truyvet_schemas::DeviceId::new(key.device));
        assert!(durable_seq >= *acknowledged, "device {}: acknowledged scans are gone", key.device);
        let durable = &scans[..durable_seq as usize];
        naive.scans.extend((1..).zip(durable).map(|(seq, scan)| naive_scan(key, seq, scan)));
    }
    naive
}

fn naive_scan(key: &KeyFile, seq: u64, scan: &truyvet_schemas::Scan) -> NaiveScan {
    NaiveScan {
        subject: scan.subject.clone(),
        site: key.site.clone(),
        at: scan.at,
        direction: scan.direction,
        verdict: scan.verdict,
        device: key.device,
        seq,
    }
}

/// Exactly the twin's scans are there, and all five questions have its answers.
pub(crate) fn assert_answers_like(engine: &Engine, naive: &Naive) {
    assert_eq!(engine.status().scans, naive.scans.len() as u64, "neither lost nor doubled");
    let Some(last) = naive.scans.iter().map(|scan| scan.at).max() else { return };
    let all = Interval::new(TimeMs::new(0), TimeMs::new(i64::MAX)).unwrap();
    let late = Interval::new(TimeMs::new(last.get() - 10_000), TimeMs::new(last.get() + 1)).unwrap();
    let mut sites: Vec<String> = naive.scans.iter().map(|scan| scan.site.clone()).collect();
    sites.sort_unstable();
    sites.dedup();
    for interval in [all, late] {
        // Every subject with its first and last scan and their number.
        let passed = Passed { sites: sites.clone(), areas: Vec::new(), interval, list: true };
        assert_eq!(engine.passed(&passed).unwrap(), naive.passed(&passed));
    }
    let some: Vec<String> =
        naive.scans.iter().rev().step_by(97).take(12).map(|s| s.subject.clone()).collect();
    for subject in &some {
        let trail = Trail { subject: subject.clone(), interval: all };
        assert_eq!(engine.trail(&trail).unwrap(), naive.trail(&trail));
    }
    let window = Duration::from_millis(20);
    let contacts = Contacts { subjects: some.clone(), interval: all, window, pairs: true };
    assert_eq!(engine.contacts(&contacts).unwrap(), naive.contacts(&contacts));
    let seeds = some.iter().take(3).map(|seed| (seed.clone(), None)).collect();
    let chain = Chain { seeds, interval: late, window, generations: 2, list: true };
    assert_eq!(engine.chain(&chain).unwrap(), naive.chain(&chain));
    let common = Common { subjects: some, interval: all, cell: Duration::from_secs(60), top: 100 };
    assert_eq!(engine.common(&common).unwrap(), naive.common(&common));
}
