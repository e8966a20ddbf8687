//! The token: 102 bytes behind a prefix, as text that a QR code holds in its alphanumeric mode.
//!
//! ```text
//!  0  version u8 = 1 | 1 key id u16 | 3 pass id u64 | 11 subject, 10 bytes | 21 issued u32
//! 25  valid until u32 | 29 flags u8 | 30 home area u32 | 34 destination area u32
//! 38  Ed25519 signature, 64 bytes, over "truyvet/1 pass\n" and bytes 0 to 37
//! ```
//!
//! Numbers are big-endian. Base32 rather than base45 costs no larger QR code at this size, and its
//! characters survive scanners that type.

use std::cmp::Ordering;
use std::mem::offset_of;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{AreaNumber, NO_AREA, Pass, PassFlags, PassId, SubjectCode, UnixSeconds};
use crate::signing::{SIGNATURE_BYTES, sign_pass, verify_pass};
use crate::time::TimeMs;

/// The token of a pass, signed with the key whose number it names.
pub fn issue(key: &SigningKey, pass: &Pass) -> String {
    let facts = Facts::of(pass);
    let token = Token { facts, signature: sign_pass(key, facts.as_bytes()) };
    let mut text = String::with_capacity(TOKEN_CHARS);
    text.push_str(PREFIX);
    BASE32_NOPAD.encode_append(token.as_bytes(), &mut text);
    text
}

/// Reads what a scanner or a keyboard has delivered: either case of letters, with spaces and line
/// ends anywhere.
///
/// # Errors
/// The text is not a pass of a version that is known here.
pub fn read(text: &str) -> Result<UnverifiedPass, PassError> {
    let text = tidied(text)?;
    let letters = text.strip_prefix(PREFIX.as_bytes()).ok_or_else(|| beginning_error(&text))?;
    let version = version(letters)?;
    if version != VERSION {
        return Err(PassError::UnknownVersion(version));
    }
    match text.len().cmp(&TOKEN_CHARS) {
        Ordering::Less => return Err(PassError::Truncated),
        Ordering::Greater => return Err(PassError::Damaged),
        Ordering::Equal => {}
    }
    let mut bytes = [0; TOKEN_BYTES];
    BASE32_NOPAD.decode_mut(letters, &mut bytes).map_err(|_| PassError::Damaged)?;
    Ok(UnverifiedPass(zerocopy::transmute!(bytes)))
}

/// A token that is whole, of which anybody may be the author.
#[derive(Clone, Copy)]
pub struct UnverifiedPass(Token);

impl UnverifiedPass {
    /// Number of the key that it claims to be signed with.
    pub fn key_id(&self) -> u16 {
        self.0.facts.key_id.get()
    }

    /// The pass that it claims to be, to be looked up.
    pub fn id(&self) -> PassId {
        PassId::new(self.0.facts.pass.get())
    }

    /// What the pass says, if a known key has signed it and it is valid `now`. `skew` is by how much
    /// the issuer's clock may be ahead of the one that told `now`.
    ///
    /// # Errors
    /// The first of these that holds: unknown key, bad signature, unknown flags, not yet valid, expired.
    pub fn verify(&self, keys: &[PassKey], now: TimeMs, skew: Duration) -> Result<Pass, PassError> {
        let facts = &self.0.facts;
        let issued = UnixSeconds::new(facts.issued.get()).time();
        let is_meant = |key: &&PassKey| key.id == self.key_id() && key.signs_at(issued);
        let key = keys.iter().find(is_meant).ok_or(PassError::UnknownKey(self.key_id()))?;
        if !verify_pass(&key.key, facts.as_bytes(), &self.0.signature) {
            return Err(PassError::BadSignature);
        }
        let pass = facts.pass().ok_or(PassError::UnknownFlags(facts.flags))?;
        let skew_ms = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
        if now.get().saturating_add(skew_ms) < issued.get() {
            return Err(PassError::NotYetValid { from: issued });
        }
        if now >= pass.valid_until.time() {
            return Err(PassError::Expired { at: pass.valid_until.time() });
        }
        Ok(pass)
    }
}

/// A public key of the issuer, and the passes that it speaks for: those issued in `from <= at < until`.
/// A key whose secret got out is taken off the list instead, with all its passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassKey {
    /// The number by which passes name it.
    pub id: u16,
    /// The key itself.
    pub key: VerifyingKey,
    /// When it began to sign.
    pub from: TimeMs,
    /// When it signed no more; none as long as it does.
    pub until: Option<TimeMs>,
}

impl PassKey {
    fn signs_at(&self, at: TimeMs) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Why a text is no valid pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassError {
    /// Ask for the pass; the text may be another system's code.
    #[error("this is no pass of this system; ask for the pass, or for its number")]
    NotAPass,
    /// Scan again.
    #[error("a part of the pass is missing; scan it again, or type its number")]
    Truncated,
    /// Scan again; a keyboard-type scanner may be typing through an input method.
    #[error("the pass was not read correctly; scan it again, or type its number")]
    Damaged,
    /// Update the reader.
    #[error("a pass of version {0}, which is not known here; update this program")]
    UnknownVersion(u8),
    /// Fetch the issuer's keys anew; where they are fresh, treat the pass as forged.
    #[error("no key {0} is known for the day of this pass; fetch the issuer's keys, then check it again")]
    UnknownKey(u16),
    /// Treat the pass as forged.
    #[error("the pass was not signed by the issuer; hold the bearer, and check the document")]
    BadSignature,
    /// Update the reader.
    #[error("the pass states something that is not known here (flags {0:#010b}); update this program")]
    UnknownFlags(u8),
    /// Check the clock, then wait.
    #[error("the pass is valid from {from} on; check the clock of this device")]
    NotYetValid {
        /// When it becomes valid.
        from: TimeMs,
    },
    /// Ask for a new declaration.
    #[error("the pass was valid until {at}; ask for a new declaration")]
    Expired {
        /// The first instant at which it was no longer valid.
        at: TimeMs,
    },
}

impl PassError {
    /// The word for it in answers and in the vectors of PASS.md.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAPass => "not_a_pass",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::UnknownVersion(_) => "unknown_version",
            Self::UnknownKey(_) => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::UnknownFlags(_) => "unknown_flags",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } => "expired",
        }
    }
}

/// The bytes of a token.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Token {
    facts: Facts,
    signature: [u8; SIGNATURE_BYTES],
}

/// The bytes that are signed.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Facts {
    version: u8,
    key_id: U16,
    pass: U64,
    subject: [u8; SubjectCode::BYTES],
    issued: U32,
    valid_until: U32,
    flags: u8,
    home: U32,
    destination: U32,
}

impl Facts {
    fn of(pass: &Pass) -> Self {
        let area = |area: Option<AreaNumber>| U32::new(area.map_or(NO_AREA, AreaNumber::get));
        Self {
            version: VERSION,
            key_id: U16::new(pass.key_id),
            pass: U64::new(pass.id.get()),
            subject: pass.subject.bytes(),
            issued: U32::new(pass.issued.get()),
            valid_until: U32::new(pass.valid_until.get()),
            flags: pass.flags.to_bits(),
            home: area(pass.home),
            destination: area(pass.destination),
        }
    }

    /// None where there are flags that are not known here.
    fn pass(&self) -> Option<Pass> {
        Some(Pass {
            key_id: self.key_id.get(),
            id: PassId::new(self.pass.get()),
            subject: SubjectCode::new(self.subject),
            issued: UnixSeconds::new(self.issued.get()),
            valid_until: UnixSeconds::new(self.valid_until.get()),
            flags: PassFlags::from_bits(self.flags)?,
            home: AreaNumber::new(self.home.get()),
            destination: AreaNumber::new(self.destination.get()),
        })
    }
}

/// The text in upper case without white space and control characters.
fn tidied(text: &str) -> Result<Vec<u8>, PassError> {
    let is_kept = |byte: &u8| *byte != b' ' && !byte.is_ascii_control();
    let mut kept = text.bytes().filter(is_kept).map(|byte| byte.to_ascii_uppercase());
    let tidied: Vec<u8> = kept.by_ref().take(TIDIED_CHARS_MAX).collect();
    match kept.next() {
        Some(_) if tidied.starts_with(PREFIX.as_bytes()) => Err(PassError::Damaged),
        Some(_) => Err(PassError::NotAPass),
        None => Ok(tidied),
    }
}

/// What is wrong with a text that does not begin like a pass.
fn beginning_error(text: &[u8]) -> PassError {
    match !text.is_empty() && PREFIX.as_bytes().starts_with(text) {
        true => PassError::Truncated,
        false => PassError::NotAPass,
    }
}

/// The first byte of a token, which decides how the others are laid out. Eight letters are five bytes.
fn version(letters: &[u8]) -> Result<u8, PassError> {
    let first = letters.first_chunk::<8>().ok_or(PassError::Truncated)?;
    let mut bytes = [0; 5];
    BASE32_NOPAD.decode_mut(first, &mut bytes).map_err(|_| PassError::Damaged)?;
    Ok(bytes[0])
}

/// What a pass's text begins with.
pub const PREFIX: &str = "TVP1:";

/// Characters of a pass's text. A QR code of version 7 at level M takes 178 of the alphanumeric mode.
pub const TOKEN_CHARS: usize = PREFIX.len() + (TOKEN_BYTES * 8).div_ceil(5);

const VERSION: u8 = 1;

const TOKEN_BYTES: usize = size_of::<Token>();

/// Room for the larger tokens of later versions, so that they are told from other texts.
const TIDIED_CHARS_MAX: usize = 512;

const _: () = {
    assert!(offset_of!(Facts, version) == 0 && offset_of!(Facts, key_id) == 1);
    assert!(offset_of!(Facts, pass) == 3 && offset_of!(Facts, subject) == 11);
    assert!(offset_of!(Facts, issued) == 21 && offset_of!(Facts, valid_until) == 25);
    assert!(offset_of!(Facts, flags) == 29 && offset_of!(Facts, home) == 30);
    assert!(offset_of!(Facts, destination) == 34 && offset_of!(Token, signature) == 38);
    assert!(TOKEN_BYTES == 102 && TOKEN_CHARS == 169 && TOKEN_CHARS <= 178);
};
