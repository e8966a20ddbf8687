//! The test vectors of PASS.md: read from the page, and held against the code.
//!
//! A token is a fenced block that begins with ```` ```pass NAME ````; a table says what comes of it at
//! which time. When one differs, the failure tells what the code makes, to be pasted.

mod page;

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ed25519_dalek::SigningKey;
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{
    AreaNumber, PREFIX, Pass, PassError, PassFlags, PassId, PassKey, SubjectCode, UnixSeconds, issue, read,
};
use truyvet_schemas::signing::sign_pass;

type Blocks = BTreeMap<String, String>;

#[test]
fn the_page_and_the_code_agree() {
    let block = |name: &str, text: &String| format!("```pass {name}\n{text}\n```");
    page::assert_agrees("PASS.md", &blocks_of_the_page(), &blocks_of_the_code(), block);
}

#[test]
fn every_row_of_the_page_comes_true() {
    let (blocks, rows) = (blocks_of_the_page(), rows_of_the_page());
    for (name, now, expected) in &rows {
        let outcome = read(&blocks[name]).and_then(|pass| pass.verify(&keys(), *now, SKEW));
        assert_eq!(outcome.map_or_else(PassError::as_str, |_| "valid"), expected, "{name} at {now}");
    }
    let without_row = |name: &&String| rows.iter().all(|(row, ..)| row != *name);
    let tokens = blocks.keys().filter(|name| !HEX_BLOCKS.contains(&name.as_str()));
    let untold: Vec<_> = tokens.filter(without_row).collect();
    assert!(untold.is_empty(), "PASS.md does not say what comes of {untold:?}");
}

#[test]
fn the_valid_pass_of_the_page_says_what_the_page_says() {
    let valid = read(&blocks_of_the_page()["valid"]).expect("a pass");
    assert_eq!(valid.verify(&keys(), TimeMs::new(1_628_164_800_000), SKEW), Ok(pass()));
}

#[test]
fn every_outcome_of_the_code_is_on_the_page() {
    let at = TimeMs::new(0);
    let errors = [
        PassError::NotAPass,
        PassError::Truncated,
        PassError::Damaged,
        PassError::UnknownVersion(2),
        PassError::UnknownKey(2),
        PassError::BadSignature,
        PassError::UnknownFlags(8),
        PassError::NotYetValid { from: at },
        PassError::Expired { at },
    ];
    for error in errors {
        let row = format!("| `{}` |", error.as_str());
        assert!(PAGE.contains(&row), "PASS.md lacks a row that begins {row}");
        let outcome = |(_, _, outcome): &(String, TimeMs, String)| outcome == error.as_str();
        assert!(rows_of_the_page().iter().any(outcome), "PASS.md has no vector for {}", error.as_str());
    }
}

#[test]
fn the_numbers_and_codes_of_the_page_are_those_of_the_code() {
    for number in [0, 1, 0x0123_4567_89AB_CDEF, u64::MAX] {
        let row = format!("| {number:#018x} | `{}` |", PassId::new(number));
        assert!(PAGE.contains(&row), "PASS.md lacks the row {row}");
    }
    let row = format!("| `{}` | `{}` |", HEXLOWER.encode(&pass().subject.bytes()), pass().subject);
    assert!(PAGE.contains(&row), "PASS.md lacks the row {row}");
}

fn blocks_of_the_page() -> Blocks {
    page::blocks(PAGE, "pass")
}

/// The rows `| NAME | NOW | OUTCOME | ...` of the page's last table.
fn rows_of_the_page() -> Vec<(String, TimeMs, String)> {
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`').to_owned());
        let (name, now, outcome) = (cells.next()?, cells.next()?, cells.next()?);
        Some((name, TimeMs::new(now.parse().ok()?), outcome))
    };
    let (_, table) = PAGE.split_once("| token | now |").expect("there is the table");
    table.lines().filter_map(row).collect()
}

fn blocks_of_the_code() -> Blocks {
    let (valid, mut bytes) = (issue(&secret(), &pass()), bytes_of(&issue(&secret(), &pass())));
    let facts = HEXLOWER.encode(&bytes[..FACTS_BYTES]);
    bytes[11] ^= 1;
    let flipped = text_of(&bytes);
    let blocks = [
        ("secret-key", HEXLOWER.encode(&secret().to_bytes())),
        ("public-key", HEXLOWER.encode(&secret().verifying_key().to_bytes())),
        ("facts", facts),
        ("typed", format!("  {}\n  {}  ", valid[..80].to_lowercase(), valid[80..].to_lowercase())),
        ("truncated", valid[..100].to_owned()),
        ("padding", format!("{}7", &valid[..valid.len() - 1])),
        ("foreign-prefix", format!("HC1:{}", &valid[PREFIX.len()..])),
        ("unknown-version", signed_with(0, 2)),
        ("unknown-key", issue(&secret(), &Pass { key_id: 2, ..pass() })),
        ("flipped-bit", flipped),
        ("foreign-signer", issue(&SigningKey::from_bytes(&[9; 32]), &pass())),
        ("malleable", malleable(&valid)),
        ("unknown-flag", signed_with(29, 0b1001)),
        ("valid", valid),
    ];
    blocks.map(|(name, text)| (name.to_owned(), text)).into()
}

/// The pass with another byte in one place, and a good signature.
fn signed_with(at: usize, byte: u8) -> String {
    let mut bytes = bytes_of(&issue(&secret(), &pass()));
    bytes[at] = byte;
    let signature = sign_pass(&secret(), &bytes[..FACTS_BYTES]);
    bytes[FACTS_BYTES..].copy_from_slice(&signature);
    text_of(&bytes)
}

/// The same signature with the group's order added to its scalar: good by the equation alone.
fn malleable(token: &str) -> String {
    let mut bytes = bytes_of(token);
    let mut carry = 0;
    for (byte, order) in bytes[FACTS_BYTES + 32..].iter_mut().zip(GROUP_ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = carry as u8;
        carry >>= 8;
    }
    text_of(&bytes)
}

fn bytes_of(token: &str) -> Vec<u8> {
    BASE32_NOPAD.decode(&token.as_bytes()[PREFIX.len()..]).expect("a token is base32")
}

fn text_of(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", BASE32_NOPAD.encode(bytes))
}

fn pass() -> Pass {
    Pass {
        key_id: 1,
        id: PassId::new(0x0123_4567_89AB_CDEF),
        subject: SubjectCode::new([0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9]),
        issued: UnixSeconds::new(1_628_121_600),
        valid_until: UnixSeconds::new(1_628_380_800),
        flags: PassFlags { registered: true, vehicle: false, companions: false },
        home: AreaNumber::new(26_740),
        destination: None,
    }
}

fn keys() -> [PassKey; 1] {
    let from = TimeMs::new(1_627_776_000_000);
    [PassKey { id: 1, key: secret().verifying_key(), from, until: None }]
}

fn secret() -> SigningKey {
    SigningKey::from_bytes(&std::array::from_fn(|i| i as u8))
}

const SKEW: Duration = Duration::from_secs(60);

/// Bytes of a token before its signature.
const FACTS_BYTES: usize = 38;

/// 2^252 + 27742317777372353535851937790883648493, little-endian.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Blocks that are no tokens.
const HEX_BLOCKS: [&str; 3] = ["secret-key", "public-key", "facts"];

const PAGE: &str = include_str!("../PASS.md");
