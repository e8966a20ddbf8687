//! The engine's memory is one setting: what subjects take, the cache of blocks gives up; and a setting
//! that cannot work is refused with what would.

use std::time::Duration;

use truyvet_engine::{CodeColumn, Engine, EngineConfig, RowChunk};

use crate::support::server::eventually;
use crate::support::{House, START_MS, config};

#[test]
fn what_subjects_take_the_cache_gives_up() {
    let mut house = House::with(config());
    let before = house.engine().status().memory;
    assert!(before.block_cache_bytes < before.limit_bytes && before.subjects_bytes < 1 << 20, "{before:?}");
    import(house.engine(), 300_000);
    let is_fitted = |house: &House| {
        let now = house.engine().status().memory;
        let grown = now.subjects_bytes + now.directories_bytes - before.subjects_bytes;
        let given = before.block_cache_bytes - now.block_cache_bytes;
        grown > 10 << 20 && given.abs_diff(grown) < 1 << 20
    };
    eventually("the cache gives up what subjects took", PATIENCE, || is_fitted(&house));
    house.reopen();
    eventually("so it does after a start", PATIENCE, || is_fitted(&house));
}

#[test]
fn too_little_memory_is_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    let config = EngineConfig { memory_bytes: 256 << 20, ..EngineConfig::default() };
    let Err(refused) = Engine::open(&dir.path().join("data"), config) else { panic!("it cannot work") };
    let said = refused.to_string();
    assert!(said.contains("memory_bytes = 268435456 is too little: with live_scans_max = 4000000"), "{said}");
}

fn import(engine: &Engine, subjects: u32) {
    let (mut codes, mut sites) = (CodeColumn::plain(), CodeColumn::plain());
    for subject in 0..subjects {
        codes.push(&format!("a subject with a long code {subject:>8}"));
        sites.push("gate");
    }
    let at_ms = (0..i64::from(subjects)).map(|i| START_MS + i).collect();
    let rows = u64::from(subjects);
    let chunk = RowChunk { first_row: 1, rows, subjects: codes, sites, at_ms, directions: Vec::new() };
    let mut import = engine.begin_import([1; 32], "subjects").unwrap();
    import.push(chunk).unwrap();
    import.commit().unwrap();
}

const PATIENCE: Duration = Duration::from_secs(20);
