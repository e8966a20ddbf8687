//! Codes as they are drawn, without a camera between.

use truyvet_qr::{ADDRESS_BYTES_MAX, PIXELS_PER_MODULE_MAX, QrCode, TEXT_CHARS_MAX, TextError};

use crate::grey::Grey;
use crate::readers::{rqrr, zbar};
use crate::tokens::{picture, tokens, vectors};

#[test]
fn every_token_of_the_page_is_read_back_from_its_png() {
    let tokens: Vec<&str> = tokens().into_values().collect();
    assert_eq!(tokens.len(), 10);
    for pixels_per_module in [3, 8] {
        assert_read_back(&tokens, pixels_per_module);
    }
}

#[test]
fn what_a_keyboard_typed_is_refused_since_an_issuer_writes_capitals() {
    assert_eq!(QrCode::new(vectors()["typed"]).err(), Some(TextError::Character { at: 3 }));
}

#[test]
fn the_shortest_and_the_longest_text_are_read_back_at_every_size() {
    let longest = "Z:9 $%*+-./".chars().cycle().take(TEXT_CHARS_MAX - 1).chain(['A']).collect::<String>();
    for pixels_per_module in [2, PIXELS_PER_MODULE_MAX] {
        assert_read_back(&["A", longest.as_str()], pixels_per_module);
    }
}

#[test]
fn addresses_are_read_back_as_they_are() {
    let longest = format!("https://truyvet.example.vn/venue#{}", "aB%E1-_.".repeat(12));
    let longest = &longest[..ADDRESS_BYTES_MAX];
    for address in ["http://127.0.0.1:8080/venue#MK-00001.AEAACAJDIVTYTK6N", longest] {
        let png = QrCode::of_address(address).expect("fits").png(4).expect("no large picture");
        let picture = Grey::of_png(&png);
        assert_eq!(rqrr(&picture), [address]);
        if let Some(read) = zbar(&[picture]) {
            assert_eq!(read, [address]);
        }
    }
}

/// The tests can fail: a reader that finds nothing finds nothing.
#[test]
fn nothing_is_read_where_a_finder_is_covered() {
    let mut covered = picture(tokens()["valid"], 8);
    let width = covered.width;
    for row in 0..96 {
        covered.pixels[row * width..row * width + 96].fill(255);
    }
    assert_eq!(rqrr(&covered), [""; 0]);
    assert!(zbar(&[covered]).is_none_or(|read| read.is_empty()));
}

fn assert_read_back(texts: &[&str], pixels_per_module: usize) {
    let pictures: Vec<Grey> = texts.iter().map(|text| picture(text, pixels_per_module)).collect();
    for (text, picture) in texts.iter().zip(&pictures) {
        assert_eq!(rqrr(picture), [*text], "{pixels_per_module}");
    }
    if let Some(read) = zbar(&pictures) {
        assert_eq!(read, texts, "{pixels_per_module}");
    }
}
