//! Combinations of passed-sets: each operand's subjects as a bitmap, from rollups or from postings, then
//! the algebra. Only counted; listing is `trace`'s.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench set
//! TRUYVET_BENCH_SCANS=200000 cargo bench -p truyvet-benches --bench set
//! ```

use divan::Bencher;
use truyvet_benches::world::{remove_world, world};
use truyvet_engine::{SetExpression, SetQuestion, UtcOffset};

fn main() {
    divan::main();
    remove_world();
}

/// Two provinces and a week: rollups alone.
#[divan::bench(sample_count = 50)]
fn areas_and(bencher: Bencher<'_, '_>) {
    measure(bencher, "area P01 on 2021-08-04..2021-08-10 and area P02 on 2021-08-04..2021-08-10");
}

/// Many bitmaps united, a district's week taken away.
#[divan::bench(sample_count = 50)]
fn areas_or_not(bencher: Bencher<'_, '_>) {
    let either = "(area P01 on 2021-08-04..2021-08-15 or area P02 on 2021-08-04..2021-08-15)";
    measure(bencher, &format!("{either} not area P01-D01 on 2021-08-04..2021-08-10"));
}

/// A market on two days: postings alone.
#[divan::bench(sample_count = 50)]
fn sites_and(bencher: Bencher<'_, '_>) {
    measure(bencher, "site MK-00001 on 2021-08-05 and site MK-00001 on 2021-08-09");
}

/// A few, then a province: what is small is asked first.
#[divan::bench(sample_count = 50)]
fn site_and_area(bencher: Bencher<'_, '_>) {
    measure(bencher, "area P01 on 2021-08-04..2021-08-10 and site MK-00001 on 2021-08-05");
}

fn measure(bencher: Bencher<'_, '_>, text: &str) {
    let expression = SetExpression::parse(text, UtcOffset::default()).expect("it is of the language");
    let question = SetQuestion { expression, list: false };
    let ask = || world().engine.set(&question).expect("the store works").head.subjects;
    ask();
    bencher.bench(ask);
}
