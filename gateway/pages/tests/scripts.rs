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
    let output = Command::new("npm").args(["run", "--silent", script]).current_dir(web).output();
    let output = output.expect("npm built this crate");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "npm run {script}: {told}{}", String::from_utf8_lossy(&output.stderr));
}
