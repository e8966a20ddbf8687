//! Once days are sealed, who passed an area is counted from its rollups alone, whatever was merged before;
//! and so it is again when areas have changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use truyvet_engine::{AreaRecord, Asking, CodeColumn, Interval, Passed, RowChunk, SiteRecord};
use truyvet_schemas::TimeMs;

use crate::support::{House, START_MS};

#[test]
fn sealing_makes_the_rollups_that_merges_left_out_and_those_of_changed_areas() {
    let house = House::new();
    let catalog = house.engine().catalog();
    catalog.put_areas(vec![AreaRecord { area: "ward".into(), ..AreaRecord::default() }]).unwrap();
    catalog.put_sites((0..SITES).map(in_ward).collect()).unwrap();
    // As many files as the runs that are merged by themselves: that run has no rollups.
    for file in 0..3 {
        import(&house, file);
    }
    eventually_one_run(&house);
    assert_eq!(count(&house), (SCANS * 3, false));
    house.engine().seal().unwrap();
    assert_eq!(count(&house), (SCANS * 3, true));
    // A site more, with scans from before: today's ward has other sites than the rollups.
    catalog.put_sites(vec![in_ward(SITES)]).unwrap();
    assert_eq!(count(&house), (SCANS * 3 + 3, false));
    house.engine().seal().unwrap();
    assert_eq!(count(&house), (SCANS * 3 + 3, true));
    let runs = house.engine().status().runs_written;
    house.engine().seal().unwrap();
    assert_eq!(house.engine().status().runs_written, runs, "nothing is left to do");
    house.assert_sound();
}

/// Scans in the ward that day, and whether they were counted from rollups alone.
fn count(house: &House) -> (u64, bool) {
    let asking = Arc::new(Asking::unlimited());
    let interval = Interval::new(TimeMs::new(START_MS), TimeMs::new(START_MS + DAY_MS)).unwrap();
    let question = Passed { sites: Vec::new(), areas: vec!["ward".into()], interval, list: false };
    let answer = house.engine().asked_within(asking.clone()).passed(&question).unwrap();
    let explained = asking.explained();
    assert!(explained.rollups > 0 || explained.posting_leaves > 0);
    (answer.scans, explained.posting_leaves == 0)
}

/// A day of scans in the ward, and one at a site that is in no area yet.
fn import(house: &House, file: u8) {
    let (mut subjects, mut sites, mut at_ms) = (CodeColumn::plain(), CodeColumn::plain(), Vec::new());
    for i in 0..=SCANS {
        subjects.push(&format!("p{}", (i + u64::from(file)) * 7_919 % 1_009));
        sites.push(&site(if i == SCANS { SITES } else { i as u32 % SITES }).site);
        at_ms.push(START_MS + i as i64 * 10_000);
    }
    let rows = SCANS + 1;
    let chunk = RowChunk { first_row: 1, rows, subjects, sites, at_ms, directions: Vec::new() };
    let mut import = house.engine().begin_import([file; 32], "a file").unwrap();
    import.push(chunk).unwrap();
    import.commit().unwrap();
}

fn eventually_one_run(house: &House) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while house.engine().status().partitions[0].runs > 1 {
        assert!(Instant::now() < deadline, "runs of a size are merged by themselves");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn in_ward(number: u32) -> SiteRecord {
    SiteRecord { area: Some("ward".into()), ..site(number) }
}

fn site(number: u32) -> SiteRecord {
    SiteRecord { site: format!("s{number}"), ..SiteRecord::default() }
}

const SITES: u32 = 30;
const SCANS: u64 = 8_000;
const DAY_MS: i64 = 86_400_000;
