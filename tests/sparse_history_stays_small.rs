//! Ten years with a few scans a day are a few partitions.

use truyvet_engine::{CodeColumn, Interval, RowChunk, Trail};
use truyvet_schemas::TimeMs;

use crate::support::{House, START_MS};

#[test]
fn a_decade_in_any_order_imports_into_few_partitions() {
    let house = House::new();
    let (mut subjects, mut sites, mut at_ms) = (CodeColumn::plain(), CodeColumn::plain(), Vec::new());
    for i in 0..36_500i64 {
        let day = i * 7_919 % 3_650;
        subjects.push(&format!("p{}", i % 97));
        sites.push(&format!("s{}", i % 11));
        at_ms.push(START_MS - day * 86_400_000 + i);
    }
    let chunk = RowChunk { first_row: 1, rows: 36_500, subjects, sites, at_ms, directions: Vec::new() };
    let mut import = house.engine().begin_import([1; 32], "decade.csv").unwrap();
    import.push(chunk).unwrap();
    assert_eq!(import.commit().unwrap().rows_done, 36_500);
    let status = house.engine().status();
    assert_eq!((status.scans, status.partitions.len()), (36_500, 1));
    let interval = Interval::new(TimeMs::new(0), TimeMs::new(START_MS * 2)).unwrap();
    let trail = house.engine().trail(&Trail { subject: "p5".into(), interval }).unwrap();
    assert_eq!(trail.scans.len(), 377);
}
