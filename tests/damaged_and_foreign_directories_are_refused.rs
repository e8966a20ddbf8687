//! A data directory belongs to one process, and only what it made is opened.

use truyvet_engine::{Engine, OpenError};

use crate::support::{House, config};

#[test]
fn a_directory_in_use_is_refused_and_free_afterwards() {
    let mut house = House::new();
    let dir = house.engine().dir().to_owned();
    let again = Engine::open(&dir, config()).map(drop).unwrap_err();
    assert!(matches!(again, OpenError::InUse(_)), "{again}");
    house.reopen();
}

#[test]
fn a_directory_of_a_newer_version_is_refused_and_untouched() {
    let dir = tempfile::TempDir::new().unwrap();
    Engine::open(dir.path(), config()).unwrap().close();
    std::fs::write(dir.path().join("FORMAT"), "999\n").unwrap();
    let newer = Engine::open(dir.path(), config()).map(drop).unwrap_err();
    assert!(matches!(newer, OpenError::NewerVersion { found: 999, .. }), "{newer}");
    assert!(newer.to_string().contains("run the newer program"));
}

#[test]
fn a_directory_with_other_files_is_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("holiday.jpg"), "x").unwrap();
    let foreign = Engine::open(dir.path(), config()).map(drop).unwrap_err();
    assert!(matches!(foreign, OpenError::Foreign(_)), "{foreign}");
}
