//! Searches in Vietnam's two trees together, 14,723 areas, on one core; and building the search.
//!
//! ```text
//! cargo bench -p truyvet-areas
//! ```

#[path = "../tests/vn/mod.rs"]
mod vn;

use std::sync::LazyLock;

use divan::Bencher;
use truyvet_areas::{Query, Search, Tree};

fn main() {
    LazyLock::force(&VIETNAM);
    divan::main();
}

static VIETNAM: LazyLock<Search> = LazyLock::new(|| Search::new(Tree::new(vn::areas()).expect("is a tree")));

/// From the commonest first letter, which most areas have, to a whole address.
#[divan::bench(args = ["t", "th", "ha n", "ben nghe", "Bến Nghé", "q1", "tan binh hcm", "p ben nghe, quan 1, tp hcm"])]
fn find(bencher: Bencher<'_, '_>, typed: &str) {
    bencher.bench(|| VIETNAM.find(&Query::new(typed)));
}

/// Ten of all areas.
#[divan::bench]
fn find_nothing_typed(bencher: Bencher<'_, '_>) {
    bencher.bench(|| VIETNAM.find(&Query::new("")));
}

/// After an import.
#[divan::bench]
fn build(bencher: Bencher<'_, '_>) {
    let areas = vn::areas();
    bencher
        .with_inputs(|| areas.clone())
        .bench_values(|areas| Search::new(Tree::new(areas).expect("is a tree")));
}
