//! The readers: a library, and a program of Debian's package zbar-tools.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::Command;

use crate::grey::Grey;

/// What rqrr reads in the picture, in no order.
pub(crate) fn rqrr(picture: &Grey) -> Vec<String> {
    let shade = |x, y| picture.pixels[y * picture.width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(picture.width, picture.height, shade);
    prepared.detect_grids().iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect()
}

/// What `zbarimg` reads in the pictures, one after the other; `None` where it is not installed. In
/// continuous integration it must be.
pub(crate) fn zbar(pictures: &[Grey]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    for (index, picture) in pictures.iter().enumerate() {
        std::fs::write(folder.path().join(file_name(index)), picture.to_png()).expect("can be written");
    }
    let lines = run_zbar(folder.path(), pictures.len());
    if lines.is_none() {
        assert!(std::env::var_os("CI").is_none(), "zbarimg is missing: install zbar-tools");
        tell_skipped("zbar reads codes (zbarimg is missing: install zbar-tools)");
    }
    lines
}

fn run_zbar(folder: &Path, pictures: usize) -> Option<Vec<String>> {
    let mut zbar = Command::new("zbarimg");
    zbar.args(["--nodbus", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]);
    zbar.args((0..pictures).map(file_name)).current_dir(folder);
    let output = match zbar.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        output => output.expect("zbarimg can be run"),
    };
    let found_nothing_in_one = output.status.code() == Some(4);
    assert!(output.status.success() || found_nothing_in_one, "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("is text").lines().map(str::to_owned).collect())
}

fn file_name(index: usize) -> String {
    format!("{index}.png")
}

/// Says what is not tested, past the harness, which keeps what passing tests print to itself.
fn tell_skipped(what: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).expect("can be told");
}
