//! What people read, type and say: the number of a pass, and a subject's code, in Crockford's base32.
//!
//! Its alphabet has no I, L, O and U. Both cases are read, I and L as 1, O as 0, with spaces and dashes
//! anywhere.
//!
//! ```text
//! subject code   10 bytes -> 16 characters
//! pass number     8 bytes -> 13 characters, of which the last holds one bit of padding, 0
//!                          + 1 check character; written XXXXX-XXXXX-XXXX
//! ```
//!
//! Crockford's own check character is one of 37 and needs `*~$=U`, which nobody can dictate. Ours stays
//! in the alphabet: characters are elements of the field of 32, and the check is the remainder of a
//! Reed-Solomon code. Any one wrong character and any two that changed places are found.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

use super::PassId;

/// The pseudonym of who or what carries a pass; as text it is the subject's code in the engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SubjectCode([u8; Self::BYTES]);

impl SubjectCode {
    /// Bytes of a code.
    pub const BYTES: usize = 10;

    /// Characters of a code as text.
    pub const CHARS: usize = Self::BYTES * 8 / 5;

    /// The code with these bytes.
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The code's bytes.
    pub const fn bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

impl fmt::Display for SubjectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&CROCKFORD.encode(&self.0))
    }
}

/// Tells nothing: codes do not belong into logs.
impl fmt::Debug for SubjectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectCode(..)")
    }
}

impl FromStr for SubjectCode {
    type Err = SubjectCodeError;

    fn from_str(text: &str) -> Result<Self, SubjectCodeError> {
        let typed: [u8; Self::CHARS] = typed(text).ok_or(SubjectCodeError)?;
        let mut bytes = [0; Self::BYTES];
        CROCKFORD.decode_mut(&typed, &mut bytes).map_err(|_| SubjectCodeError)?;
        Ok(Self(bytes))
    }
}

/// Look at the code again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a subject's code has 16 digits and letters, none of them U; look at it again")]
pub struct SubjectCodeError;

impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = CROCKFORD.encode(&self.get().to_be_bytes());
        let check = char::from(check(number.as_bytes()));
        write!(f, "{}-{}-{}{check}", &number[..5], &number[5..10], &number[10..])
    }
}

impl FromStr for PassId {
    type Err = PassIdError;

    fn from_str(text: &str) -> Result<Self, PassIdError> {
        let typed: [u8; NUMBER_CHARS + 1] = typed(text).ok_or(PassIdError::NotANumber)?;
        let (number, last) = typed.split_at(NUMBER_CHARS);
        let mut bytes = [0; 8];
        let decoded = CROCKFORD.decode_mut(number, &mut bytes);
        if last != [check(number)] || decoded.is_err() {
            return Err(PassIdError::Mistyped);
        }
        Ok(Self::new(u64::from_be_bytes(bytes)))
    }
}

/// Why a text is not the number of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassIdError {
    /// Ask for the number that stands below the QR code.
    #[error("the number of a pass has 14 digits and letters, none of them U, like 00000-00000-0000")]
    NotANumber,
    /// Compare it with the pass, and type it again.
    #[error("a character of the number is wrong; compare it with the pass")]
    Mistyped,
}

/// Exactly `N` characters of the alphabet, as people type them.
fn typed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut typed = [0; N];
    let mut places = typed.iter_mut();
    for character in text.chars().filter(|c| !c.is_whitespace() && !DASHES.contains(c)) {
        *places.next()? = symbol(character)?;
    }
    places.next().is_none().then_some(typed)
}

fn symbol(character: char) -> Option<u8> {
    match character.to_ascii_uppercase() {
        'I' | 'L' => Some(b'1'),
        'O' => Some(b'0'),
        other => u8::try_from(other).ok().filter(|symbol| ALPHABET.contains(symbol)),
    }
}

/// The check character of these characters of the alphabet: with c0 first, the element
/// c0 x^n + ... + c(n-1) x of the field.
fn check(symbols: &[u8]) -> u8 {
    let value = |symbol: u8| ALPHABET.iter().position(|s| *s == symbol).unwrap_or_default();
    let sum = symbols.iter().fold(0, |sum, symbol| times_x(sum) ^ value(*symbol));
    ALPHABET[times_x(sum)]
}

/// An element of the field of 32 times x, modulo x^5 + x^2 + 1, of which x is a generator.
const fn times_x(element: usize) -> usize {
    let doubled = element << 1;
    if doubled & 0b10_0000 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a number without its check.
const NUMBER_CHARS: usize = 13;

/// The hyphen of keyboards, and what word processors and telephones put in its place.
const DASHES: &[char] = &['-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}'];

static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.extend(ALPHABET.map(char::from));
    specification.encoding().expect("32 distinct ASCII symbols are an alphabet")
});
