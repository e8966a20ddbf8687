//! The scripts' own checks, run with npm in the copy that `build.rs` has made and installed.

use std::process::Command;

#[test]
fn the_scripts_keep_to_their_types() {
    npm("types");
}

#[test]
fn the_scripts_pass_their_tests() {
    npm("test");
}

fn npm(script: &str) {
    let web = concat!(env!("OUT_DIR"), "/web");
    // The vectors of passes and of the wire, which the copy is too far away from.
    let schemas = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas");
    let mut command = Command::new("npm");
    command.args(["run", "--silent", script]).current_dir(web).env("TRUYVET_SCHEMAS", schemas);
    let output = command.output();
    let output = output.expect("npm built this crate");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "npm run {script}: {told}{}", String::from_utf8_lossy(&output.stderr));
}
