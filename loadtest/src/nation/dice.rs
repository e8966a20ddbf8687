//! Randomness without state: a number for any (seed, purpose, a, b), the same on every machine.

/// A short stream of random numbers for one decision: SplitMix64 started from a hash.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream for this purpose and these two numbers.
    pub(crate) fn new(seed: u64, purpose: Purpose, a: u64, b: u64) -> Self {
        let start = mix(seed ^ (purpose as u64).wrapping_mul(0xA076_1D64_78BD_642F));
        Self(mix(start ^ a.wrapping_mul(GOLDEN)) ^ b.wrapping_mul(0xE703_7ED1_A0B4_28DB))
    }

    /// The next number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        scale(self.roll(), limit)
    }

    /// True in this many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        (self.roll() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// At least so many minutes, and up to so many more.
    pub(crate) fn minutes(&mut self, least: i64, more: u32) -> i64 {
        least + i64::from(self.below(more))
    }

    /// A number around 0, at most `reach` away, nearer ones more likely (two dice).
    pub(crate) fn spread(&mut self, reach: i64) -> i64 {
        let both = i64::from(self.below(reach as u32 + 1)) + i64::from(self.below(reach as u32 + 1));
        both - reach
    }
}

/// What a stream of numbers is for; numbers of different purposes have nothing in common.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Purpose {
    Person = 1,
    Day = 2,
    Slot = 3,
    SiteKind = 4,
    Place = 5,
    Passerby = 6,
    Stream = 7,
    Code = 8,
}

/// Scrambles a number; a bijection (the finalizer of SplitMix64).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The number's upper half, scaled to [0, limit).
pub(crate) const fn scale(random: u64, limit: u32) -> u32 {
    (((random >> 32) * limit as u64) >> 32) as u32
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
