//! A pass: the signed token that a QR code carries, and the short texts that people read and type.
//!
//! Whoever holds the issuer's public keys checks a pass without a network. `schemas/PASS.md` is the
//! contract for other implementers; this is its one implementation here.
//!
//! ```text
//! facts -- issue --> "TVP1:AEAA..." -- QR, scanner, keyboard --> read --> UnverifiedPass
//!                                                                           | keys, now
//! Pass  <-------------------------- verify ---------------------------------+
//! ```
//!
//! - Nothing of a pass is told before its signature is good, but for its key and its number, by which
//!   it can be looked up where there is a network.
//! - A token is a bearer's: it belongs into no log, and neither does a subject's code.

mod codes;
mod token;

#[cfg(test)]
mod tests;

use crate::time::TimeMs;

pub use codes::{PassIdError, SubjectCode, SubjectCodeError};
pub use token::{PREFIX, PassError, PassKey, TOKEN_CHARS, UnverifiedPass, issue, read};

/// What a pass says. Only what a key has signed becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Number of the key that signs it.
    pub key_id: u16,
    /// The pass's own number, never used twice.
    pub id: PassId,
    /// Who or what carries it.
    pub subject: SubjectCode,
    /// It is valid from here on.
    pub issued: UnixSeconds,
    /// It is valid before this instant, and no longer at it.
    pub valid_until: UnixSeconds,
    /// What else is known of the carrier.
    pub flags: PassFlags,
    /// Where the carrier lives.
    pub home: Option<AreaNumber>,
    /// Where the carrier goes.
    pub destination: Option<AreaNumber>,
}

/// The number of a pass. As text it has a check character and groups: `QGC5B-2VEV0-QW2R`, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct PassId(u64);

impl PassId {
    /// The pass with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The pass's number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Facts of one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassFlags {
    /// The person was found in the population register as declared.
    pub registered: bool,
    /// The pass of a vehicle.
    pub vehicle: bool,
    /// Others travel on this pass too.
    pub companions: bool,
}

impl PassFlags {
    const fn to_bits(self) -> u8 {
        self.registered as u8 | (self.vehicle as u8) << 1 | (self.companions as u8) << 2
    }

    /// None where a bit is set that this version gives no meaning.
    const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !0b111 != 0 {
            return None;
        }
        Some(Self { registered: bits & 1 != 0, vehicle: bits & 2 != 0, companions: bits & 4 != 0 })
    }
}

/// The dense number of an area in the system that issues passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct AreaNumber(u32);

impl AreaNumber {
    /// The area with this number; none for 0xFFFFFFFF, which stands for "no area" in a token.
    pub const fn new(number: u32) -> Option<Self> {
        if number == NO_AREA { None } else { Some(Self(number)) }
    }

    /// The area's number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// An instant in whole seconds since 1970-01-01T00:00Z, up to the year 2106: finer is of no use on a
/// pass, and would make its QR code denser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct UnixSeconds(u32);

impl UnixSeconds {
    /// The instant this many seconds after the epoch.
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The second that an instant falls into; none before 1970 and after 2106.
    pub fn of(at: TimeMs) -> Option<Self> {
        u32::try_from(at.get().div_euclid(1_000)).ok().map(Self)
    }

    /// The instant at which the second begins.
    pub const fn time(self) -> TimeMs {
        TimeMs::new(self.0 as i64 * 1_000)
    }
}

/// What a token holds where there is no area.
const NO_AREA: u32 = u32::MAX;
