//! A file in order of days becomes a run a day, with its rollups, so that sealing has nothing to do; stopped
//! anywhere, it goes on from what is durable, and adds nothing twice.

use truyvet_engine::{CodeColumn, EngineConfig, Import, RowChunk};

use crate::support::ward::{count_in_ward, put_ward, ward_site};
use crate::support::{House, START_MS, config};

#[test]
fn days_are_runs_and_nothing_is_left_to_merge() {
    let house = house();
    let mut import = begin(&house);
    push(&mut import, 1, 0);
    assert_eq!(import.commit().unwrap().rows_done, ROWS);
    assert_eq!(runs(&house), [1; DAYS as usize]);
    (0..DAYS).for_each(|day| assert_eq!(count(&house, day), (DAY_ROWS, true)));
    let written = house.engine().status().runs_written;
    house.engine().seal().unwrap();
    assert_eq!(house.engine().status().runs_written, written);
    house.assert_sound();
}

#[test]
fn an_import_that_was_killed_goes_on_with_the_day_after() {
    let mut house = house();
    let mut import = begin(&house);
    push(&mut import, 1, 0);
    // Its last step is handed over by `commit` alone.
    drop(import);
    house.crash();
    let mut import = begin(&house);
    let done = import.rows_done();
    assert!(done > 0 && done < ROWS && done.is_multiple_of(DAY_ROWS), "{done} rows are durable");
    push(&mut import, done + 1, 0);
    assert_eq!(import.commit().unwrap().rows_done, ROWS);
    (0..DAYS).for_each(|day| assert_eq!(count(&house, day), (DAY_ROWS, true)));
}

#[test]
fn bad_rows_are_counted_wherever_a_step_ends() {
    let mut house = house();
    let mut import = begin(&house);
    push(&mut import, 1, BAD_A_CHUNK);
    drop(import);
    house.crash();
    let mut import = begin(&house);
    let done = import.rows_done();
    assert!(done > 0 && done.is_multiple_of(CHUNK_ROWS + BAD_A_CHUNK), "{done} rows are durable");
    push(&mut import, done + 1, BAD_A_CHUNK);
    import.commit().unwrap();
    house.engine().seal().unwrap();
    assert!(runs(&house).iter().all(|runs| *runs == 1));
    (0..DAYS).for_each(|day| assert_eq!(count(&house, day), (DAY_ROWS, true)));
    house.assert_sound();
}

fn house() -> House {
    // A step takes a day and no two.
    let house = House::with(EngineConfig { memory_bytes: 300 << 20, ..config() });
    put_ward(&house, 0..SITES);
    house
}

fn begin(house: &House) -> Import {
    house.engine().begin_import([1; 32], "days.csv").unwrap()
}

/// The file's rows from one on, in chunks, each with so many bad ones before the good ones.
fn push(import: &mut Import, first_row: u64, bad: u64) {
    let chunk_rows = CHUNK_ROWS + bad;
    let mut good = (first_row - 1) / chunk_rows * CHUNK_ROWS + (first_row - 1) % chunk_rows;
    let mut first_row = first_row;
    while good < ROWS {
        let rows = good..ROWS.min(good + CHUNK_ROWS);
        good = rows.end;
        let (mut subjects, mut sites, mut at_ms) = (CodeColumn::plain(), CodeColumn::plain(), Vec::new());
        for row in rows {
            subjects.push(&format!("p{}", row * 7_919 % 1_009));
            sites.push(&ward_site((row % u64::from(SITES)) as u32));
            let (day, of_day) = (row / DAY_ROWS, row % DAY_ROWS);
            // Within a day in any order.
            at_ms.push(START_MS + (day * DAY_MS + of_day * 7_919 % DAY_ROWS * 150) as i64);
        }
        let rows = at_ms.len() as u64 + bad;
        import.push(RowChunk { first_row, rows, subjects, sites, at_ms, directions: Vec::new() }).unwrap();
        first_row += rows;
    }
}

fn runs(house: &House) -> Vec<usize> {
    house.engine().status().partitions.iter().map(|partition| partition.runs).collect()
}

fn count(house: &House, day: u64) -> (u64, bool) {
    count_in_ward(house, START_MS + (day * DAY_MS) as i64)
}

const SITES: u32 = 30;
const DAYS: u64 = 3;
/// Too many for two days to share a partition.
const DAY_ROWS: u64 = 550_000;
const ROWS: u64 = DAYS * DAY_ROWS;
const CHUNK_ROWS: u64 = 130_000;
const BAD_A_CHUNK: u64 = 3;
const DAY_MS: u64 = 86_400_000;
