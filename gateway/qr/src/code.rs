//! The squares of a QR code: error correction level M, version 7; a token in alphanumeric mode, an address in that
//! of bytes.
//!
//! The version is always the same, so that every pass has modules of the same size on a screen and on
//! paper, and a reader that manages one manages all.

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, Version};

/// A QR code that holds a token, without its quiet zone. It can be drawn, and nothing prints the token.
#[derive(Clone)]
pub struct QrCode(qrcode::QrCode);

/// Why a text is not put into a QR code. Neither tells the text: a token is a bearer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing in it: whoever calls lost the token.
    #[error("there is no text to put into a QR code")]
    Empty,
    /// It is no token as an issuer writes it: one that was typed is to be written anew from what it says.
    #[error("character {at} of the text is none that this QR code may have")]
    Character {
        /// Which one, counted from 1.
        at: usize,
    },
    /// It does not fit; later versions of tokens need another version of QR codes.
    #[error(
        "a text of {chars} characters is too long for the QR code of a pass, which holds {TEXT_CHARS_MAX}"
    )]
    TooLong {
        /// How many it has.
        chars: usize,
    },
    /// It does not fit: reach the server by a shorter name, or give the site a shorter code.
    #[error(
        "an address of {chars} characters is too long for a QR code, which holds {ADDRESS_BYTES_MAX}; a shorter \
         code of the site, or a shorter name of the server, fits"
    )]
    TooLongAddress {
        /// How many it has.
        chars: usize,
    },
}

impl QrCode {
    /// The code of a pass's token: 1 to [`TEXT_CHARS_MAX`] of the characters `0-9A-Z $%*+-./:`.
    pub fn new(token: &str) -> Result<Self, TextError> {
        if token.is_empty() {
            return Err(TextError::Empty);
        }
        if let Some(before) = token.chars().position(|letter| !is_alphanumeric(letter)) {
            return Err(TextError::Character { at: before + 1 });
        }
        let chars = token.len();
        if chars > TEXT_CHARS_MAX {
            return Err(TextError::TooLong { chars });
        }
        Ok(Self(encode(token.as_bytes()).expect("characters of the mode, and no more than fit")))
    }

    /// The code of an address that a telephone's camera opens: 1 to [`ADDRESS_BYTES_MAX`] characters of ASCII, none
    /// of them a space or a control character.
    pub fn of_address(address: &str) -> Result<Self, TextError> {
        if address.is_empty() {
            return Err(TextError::Empty);
        }
        if let Some(before) = address.chars().position(|letter| !letter.is_ascii_graphic()) {
            return Err(TextError::Character { at: before + 1 });
        }
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(TextError::TooLongAddress { chars: address.len() });
        }
        let mut bits = Bits::new(VERSION);
        let encoded = bits.push_byte_data(address.as_bytes()).and_then(|()| bits.push_terminator(LEVEL));
        let code = encoded.and_then(|()| qrcode::QrCode::with_bits(bits, LEVEL));
        Ok(Self(code.expect("no more bytes than fit")))
    }

    /// Whether the module is dark. Columns and rows are counted from 0 at the top left, below
    /// [`MODULES`].
    pub fn is_dark(&self, column: usize, row: usize) -> bool {
        self.0[(column, row)] == Color::Dark
    }
}

fn encode(text: &[u8]) -> qrcode::QrResult<qrcode::QrCode> {
    let mut bits = Bits::new(VERSION);
    bits.push_alphanumeric_data(text)?;
    bits.push_terminator(LEVEL)?;
    qrcode::QrCode::with_bits(bits, LEVEL)
}

fn is_alphanumeric(letter: char) -> bool {
    letter.is_ascii_digit() || letter.is_ascii_uppercase() || " $%*+-./:".contains(letter)
}

/// Modules on each side of a code.
pub const MODULES: usize = 17 + 4 * VERSION_NUMBER;

/// Modules of white that a code needs around it, on each side.
pub const QUIET_MODULES: usize = 4;

/// Characters that a code holds. The token of a pass has 169.
pub const TEXT_CHARS_MAX: usize = chars_of_bits(DATA_BYTES * 8 - HEADER_BITS);

/// Characters of an address that a code holds: its mode in 4 bits, their number in 8, then 8 bits each.
pub const ADDRESS_BYTES_MAX: usize = (DATA_BYTES * 8 - 4 - 8) / 8;

const VERSION_NUMBER: usize = 7;
const VERSION: Version = Version::Normal(VERSION_NUMBER as i16);
const LEVEL: EcLevel = EcLevel::M;

/// Bytes of data at this version and level: 4 blocks of 31.
const DATA_BYTES: usize = 4 * 31;

/// The mode in 4 bits, the number of characters in 9.
const HEADER_BITS: usize = 4 + 9;

/// Two characters take 11 bits, one that is left over 6.
const fn chars_of_bits(bits: usize) -> usize {
    bits / 11 * 2 + (bits % 11 >= 6) as usize
}

const _: () = assert!(MODULES == 45 && TEXT_CHARS_MAX == 178 && ADDRESS_BYTES_MAX == 122);

#[cfg(test)]
mod tests {
    use super::*;

    /// The token of a pass fits.
    const _: () = assert!(truyvet_schemas::pass::TOKEN_CHARS <= TEXT_CHARS_MAX);

    #[test]
    fn the_longest_text_fits_and_one_more_is_told() {
        assert!(QrCode::new(&"Z".repeat(TEXT_CHARS_MAX)).is_ok());
        let error = refusal(&"Z".repeat(TEXT_CHARS_MAX + 1));
        assert_eq!(error, TextError::TooLong { chars: 179 });
        assert_eq!(
            error.to_string(),
            "a text of 179 characters is too long for the QR code of a pass, which holds 178"
        );
    }

    #[test]
    fn a_code_of_any_length_has_the_same_size() {
        for text in ["1", "TVP1:", &"A".repeat(TEXT_CHARS_MAX)] {
            assert_eq!(QrCode::new(text).ok().map(|code| code.0.width()), Some(MODULES));
        }
    }

    #[test]
    fn what_the_mode_lacks_is_told_by_its_place() {
        assert_eq!(refusal(""), TextError::Empty);
        assert_eq!(refusal("TVP1:aEAA"), TextError::Character { at: 6 });
        assert_eq!(refusal("TVP1:Ắ"), TextError::Character { at: 6 });
        assert_eq!(refusal("TVP1:\n"), TextError::Character { at: 6 });
        assert!(QrCode::new("09AZ $%*+-./:").is_ok());
    }

    #[test]
    fn the_longest_address_fits_and_what_a_camera_would_not_open_is_told() {
        let address = |chars: usize| format!("https://a.vn/{}", "b".repeat(chars - 13));
        assert!(QrCode::of_address(&address(ADDRESS_BYTES_MAX)).is_ok());
        let refusal = |address: &str| QrCode::of_address(address).err();
        let long = Some(TextError::TooLongAddress { chars: ADDRESS_BYTES_MAX + 1 });
        assert_eq!(refusal(&address(ADDRESS_BYTES_MAX + 1)), long);
        assert_eq!(refusal(""), Some(TextError::Empty));
        assert_eq!(refusal("https://a b"), Some(TextError::Character { at: 10 }));
        assert_eq!(refusal("https://chợ"), Some(TextError::Character { at: 11 }));
    }

    fn refusal(text: &str) -> TextError {
        QrCode::new(text).err().expect("is refused")
    }
}
