//! Citizens and officials at real pages in a real Chromium, with a camera that sees real passes: the
//! walks are in `tests/browser`, and start servers of their own.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::server::{program, tell_skipped};

#[test]
fn every_walk_goes_through_at_a_phones_and_a_desks_width_in_both_languages() {
    if let Some(missing) = TOOLS.into_iter().find(|tool| !is_there(tool)) {
        assert!(std::env::var_os("CI").is_none(), "{missing} is missing: run `.ci/prepare tests`");
        return tell_skipped(&format!("walks in a browser: {missing} is missing"));
    }
    // Packages are installed into a copy, so that the sources stay clean; the walks find the pages' texts
    // from where they stand.
    let place = TempDir::new().unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let walks = place.path().join("tests/browser");
    std::fs::create_dir_all(&walks).unwrap();
    std::os::unix::fs::symlink(sources.join("../gateway"), place.path().join("gateway")).unwrap();
    for entry in std::fs::read_dir(sources.join("browser")).unwrap().flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), walks.join(entry.file_name())).unwrap();
        }
    }
    run(&walks, &["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let files = std::fs::read_dir(&walks).unwrap().flatten().map(|entry| entry.file_name());
    let mut files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    files.retain(|name| name.ends_with(".test.mjs"));
    files.sort();
    assert!(files.len() > 3, "the walks are there: {files:?}");
    for file in &files {
        // A browser on a busy machine may be too slow for a walk's patience: it goes once more then.
        // One that leaves something open would otherwise never end.
        let walk = || attempt(&walks, &["timeout", "600", "node", "--test", "--test-concurrency=1", file]);
        walk().or_else(|_| walk()).unwrap_or_else(|said| panic!("{file}: {said}"));
    }
}

fn run(place: &Path, command: &[&str]) {
    attempt(place, command).unwrap_or_else(|said| panic!("{command:?}: {said}"));
}

/// Runs it, and tells what it said where it failed.
fn attempt(place: &Path, command: &[&str]) -> Result<(), String> {
    let mut run = Command::new(command[0]);
    run.args(&command[1..]).current_dir(place).env("TRUYVET_BIN", program("truyvet"));
    let done = run.output().unwrap();
    let said = [String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)].concat();
    // What was measured on the way.
    println!("{said}");
    if done.status.success() { Ok(()) } else { Err(said) }
}

fn is_there(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool} >/dev/null")]).status().unwrap().success()
}

const TOOLS: [&str; 4] = ["node", "npm", "chromium", "zbarimg"];
