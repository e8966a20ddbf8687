//! Once days are sealed, who passed an area is counted from its rollups alone, whatever was merged before;
//! and so it is again when areas have changed.

use std::time::{Duration, Instant};

use truyvet_engine::{CodeColumn, RowChunk};

use crate::support::ward::{count_in_ward, put_ward, ward_site};
use crate::support::{House, START_MS};

#[test]
fn sealing_makes_the_rollups_that_merges_left_out_and_those_of_changed_areas() {
    let house = House::new();
    put_ward(&house, 0..SITES);
    // As many files as the runs that are merged by themselves: that run has no rollups.
    for file in 0..3 {
        import(&house, file);
    }
    eventually_one_run(&house);
    assert_eq!(count(&house), (SCANS * 3, false));
    house.engine().seal().unwrap();
    assert_eq!(count(&house), (SCANS * 3, true));
    // A site more, with scans from before: today's ward has other sites than the rollups.
    put_ward(&house, SITES..SITES + 1);
    assert_eq!(count(&house), (SCANS * 3 + 3, false));
    house.engine().seal().unwrap();
    assert_eq!(count(&house), (SCANS * 3 + 3, true));
    let runs = house.engine().status().runs_written;
    house.engine().seal().unwrap();
    assert_eq!(house.engine().status().runs_written, runs, "nothing is left to do");
    house.assert_sound();
}

fn count(house: &House) -> (u64, bool) {
    count_in_ward(house, START_MS)
}

/// A day of scans in the ward, and one at a site that is in no area yet.
fn import(house: &House, file: u8) {
    let (mut subjects, mut sites, mut at_ms) = (CodeColumn::plain(), CodeColumn::plain(), Vec::new());
    for i in 0..=SCANS {
        subjects.push(&format!("p{}", (i + u64::from(file)) * 7_919 % 1_009));
        sites.push(&ward_site(if i == SCANS { SITES } else { i as u32 % SITES }));
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

const SITES: u32 = 30;
const SCANS: u64 = 8_000;
