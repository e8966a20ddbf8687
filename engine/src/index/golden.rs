//! The sealed form byte by byte, held against files that are kept beside this one.
//!
//! ```text
//! golden/*.hex    what a fixed input is encoded to, 32 bytes a line
//! ```
//!
//! Directories of data that exist hold these bytes. A golden file that has to change means that they can
//! no longer be read: then `FORMAT` in `data_dir.rs` goes up by one, in the same commit. A failed test
//! prints the bytes it found.

use std::fmt::Write as _;

use super::directory::Directory;
use super::keys::{self, MetaTag};
use super::postings::{Leaf, LeafEncoder, Scratch};
use super::rollups::Rollup;
use super::rows::FullPosting;
use super::trails::{self, Pointer};

#[test]
fn a_posting_leaf_of_devices_lies_as_ever() {
    let postings = postings(|i| if i == LATE { 3 } else { 1_000 + i });
    let bytes = golden(include_str!("golden/posting.hex"));
    assert_golden(&LeafEncoder::default().encode(&postings, true), &bytes);
    assert_eq!(read_postings(&bytes), postings);
}

#[test]
fn a_posting_leaf_of_an_import_lies_as_ever() {
    let postings = postings(|_| 0);
    let bytes = golden(include_str!("golden/posting_import.hex"));
    assert_golden(&LeafEncoder::default().encode(&postings, false), &bytes);
    assert_eq!(read_postings(&bytes), postings);
}

#[test]
fn a_trail_leaf_lies_as_ever() {
    let of_one = |subject: u32| {
        let place = move |leaf: u32| ((subject * 7 + leaf) % 1_024) as u16;
        (0..=subject % 3).map(move |n| (subject % 5) * 9 + n).map(move |leaf| Pointer {
            subject,
            leaf,
            place: place(leaf),
        })
    };
    let pointers: Vec<Pointer> = (640..680).chain([700, 767]).flat_map(of_one).collect();
    let bytes = golden(include_str!("golden/trail.hex"));
    assert_golden(&trails::encode_leaf(&pointers), &bytes);
    let mut read = Vec::new();
    trails::Leaf::parse(&bytes).expect("it is sound").read_all(&mut read).expect("it is sound");
    assert_eq!(read, pointers);
}

#[test]
fn a_directory_lies_as_ever() {
    let postings = postings(|i| i);
    let mut directory = Directory::default();
    let leaves = [(3, &postings[..90]), (3, &postings[90..]), (70_000, &postings[5..6])];
    for (site, leaf) in leaves {
        directory.push(site, leaf);
    }
    let bytes = golden(include_str!("golden/directory.hex"));
    assert_golden(&directory.encode(), &bytes);
    let read = Directory::parse(&bytes).expect("it is sound");
    assert_eq!(read.counts(), [90, 60, 1]);
    for (number, (site, leaf)) in (0..).zip(leaves) {
        assert_eq!(read.site_of(number), Some(site));
        assert_eq!(read.times_of(number), Some((leaf[0].at_ms, leaf[leaf.len() - 1].at_ms)));
    }
}

#[test]
fn both_forms_of_a_rollup_lie_as_ever() {
    let neighbours = (1_000..1_040).chain(1_100..1_110).collect();
    // One wide gap among sixteen narrow ones makes the gaps as wide as the bitmap's ids.
    let scattered = (0..16).chain(30_000..30_016).chain([60_000]).collect();
    let forms = [
        (neighbours, 1, include_str!("golden/rollup_gaps.hex")),
        (scattered, 0, include_str!("golden/rollup_bitmap.hex")),
    ];
    for (subjects, form, text) in forms {
        let rollup = Rollup { scans: 345, subjects };
        let bytes = golden(text);
        assert_golden(&rollup.encode(), &bytes);
        assert_eq!(bytes.first(), Some(&form));
        assert_eq!(Rollup::parse(&bytes), Some(rollup));
    }
}

#[test]
fn the_keys_lie_as_ever() {
    let (run, number) = (0x0102_0304, 0x0506_0708);
    let of_runs = [
        (keys::posting(run, number), "01020304050506070800000000"),
        (keys::trail(run, number), "01020304060506070800000000"),
        (keys::rollup(run, number, 18_842), "0102030407050607088000499a"),
        (keys::rollup(run, number, -1), "0102030407050607087fffffff"),
        (keys::directory(run), "01020304080000000000000000"),
    ];
    for (key, hex) in of_runs {
        assert_golden(&key, &golden(hex));
        assert_eq!(keys::run_of(&key), Some(run));
    }
    let tags = [
        (MetaTag::Mark, "0205060708"),
        (MetaTag::Device, "0305060708"),
        (MetaTag::Area, "0405060708"),
        (MetaTag::Site, "0505060708"),
        (MetaTag::Extent, "0705060708"),
    ];
    for (tag, hex) in tags {
        assert_golden(&keys::meta(tag, number), &golden(hex));
        assert_eq!(keys::meta_number(&golden(hex)), Some(number));
    }
    assert_golden(&keys::MANIFEST, &golden("01"));
    assert_golden(&keys::import(&[0xab; 32]), &golden(&format!("06{}", "ab".repeat(32))));
    assert_golden(&keys::subjects(number), &golden("05060708"));
    assert_golden(&keys::position(number.into()), &golden("0000000005060708"));
    assert_golden(&keys::dead_letter(run.into(), number), &golden("000000000102030405060708"));
}

/// A leaf of two chunks of times, with regulars, three kinds of flags and two devices.
fn postings(seq: impl Fn(u64) -> u64) -> Vec<FullPosting> {
    let posting = |i: u64| FullPosting {
        at_ms: 1_628_000_000_000 + (i * 7_919 + i % 5 * 311) as i64,
        subject: 40_000 + (i * i * 7 % 97 * 3) as u32,
        flags: [0, 1, 6][i as usize % 3],
        device: if i.is_multiple_of(4) { 9 } else { 3 },
        seq: seq(i),
    };
    (0..150).map(posting).collect()
}

fn read_postings(bytes: &[u8]) -> Vec<FullPosting> {
    let mut read = Vec::new();
    let leaf = Leaf::parse(bytes).expect("it is sound");
    leaf.read_full(&mut Scratch::default(), &mut read).expect("it is sound");
    read
}

fn assert_golden(found: &[u8], golden: &[u8]) {
    assert!(found == golden, "the sealed form has changed, see the module's doc; it is now:\n{}", hex(found));
}

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(32).fold(String::new(), |mut text, line| {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes every write"));
        text.push('\n');
        text
    })
}

fn golden(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hex digit") as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A scan whose seq is far below those around it: typed in later.
const LATE: u64 = 77;
