//! Pseudonymous codes of people: twelve characters that tell nothing of their order or home, and
//! lead back to the person's number only with the nation's seed.
//!
//! ```text
//! person u32 -> keyed permutation of 60 bits (Feistel, 4 rounds) -> 12 characters of base 32
//! ```

use super::dice::{Dice, Purpose, mix};

/// Bytes of a person's code.
pub const CODE_BYTES: usize = 12;

/// Turns a person's number into the code and back.
#[derive(Clone, Debug)]
pub struct Codes {
    round_keys: [u64; ROUNDS],
    pairs: Box<[[u8; 2]; PAIRS]>,
}

impl Codes {
    /// The codes of the nation with this seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, Purpose::Code, 0, 0);
        let mut pairs = Box::new([[0; 2]; PAIRS]);
        for (i, pair) in pairs.iter_mut().enumerate() {
            *pair = [ALPHABET[i >> 5], ALPHABET[i & 31]];
        }
        Self { round_keys: std::array::from_fn(|_| dice.roll()), pairs }
    }

    /// The code of the person with this number.
    pub fn encode(&self, person: u32) -> [u8; CODE_BYTES] {
        let scrambled = self.permute(u64::from(person));
        let mut code = [0; CODE_BYTES];
        for (i, two) in code.chunks_exact_mut(2).enumerate() {
            let shift = 10 * (CODE_BYTES / 2 - 1 - i);
            two.copy_from_slice(&self.pairs[(scrambled >> shift) as usize & (PAIRS - 1)]);
        }
        code
    }

    /// The code as text.
    pub fn text(&self, person: u32) -> String {
        self.encode(person).iter().map(|byte| char::from(*byte)).collect()
    }

    /// The number of the person with this code; `None` when it is nobody's.
    pub fn decode(&self, code: &str) -> Option<u32> {
        if code.len() != CODE_BYTES {
            return None;
        }
        let mut scrambled = 0;
        for byte in code.bytes() {
            let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
            scrambled = scrambled << 5 | digit as u64;
        }
        u32::try_from(self.restore(scrambled)).ok()
    }

    fn permute(&self, number: u64) -> u64 {
        let (mut left, mut right) = (number >> HALF_BITS, number & HALF);
        for key in self.round_keys {
            (left, right) = (right, left ^ (mix(right ^ key) & HALF));
        }
        left << HALF_BITS | right
    }

    fn restore(&self, scrambled: u64) -> u64 {
        let (mut left, mut right) = (scrambled >> HALF_BITS, scrambled & HALF);
        for key in self.round_keys.iter().rev() {
            (left, right) = (right ^ (mix(left ^ key) & HALF), left);
        }
        left << HALF_BITS | right
    }
}

const ROUNDS: usize = 4;
const HALF_BITS: u32 = 30;
const HALF: u64 = (1 << HALF_BITS) - 1;
const PAIRS: usize = 1 << 10;

/// Crockford's base 32: no letter that is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const _: () = assert!(CODE_BYTES * 5 == 2 * HALF_BITS as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_lead_back_to_the_person() {
        let codes = Codes::new(7);
        let people = (0..20_000).chain(u32::MAX - 1_000..=u32::MAX);
        let texts: HashSet<_> = people.clone().map(|p| codes.text(p)).collect();
        assert_eq!(texts.len(), people.clone().count());
        for person in people {
            assert_eq!(codes.decode(&codes.text(person)), Some(person));
        }
    }

    #[test]
    fn a_code_of_another_nation_is_not_ours() {
        let (ours, theirs) = (Codes::new(7), Codes::new(8));
        let known = (0..1_000).filter(|p| ours.decode(&theirs.text(*p)).is_some()).count();
        assert_eq!(known, 0);
        assert_eq!(ours.decode("short"), None);
        assert_eq!(ours.decode("ILOU-ILOU-IL"), None);
    }

    #[test]
    fn codes_carry_no_order() {
        let codes = Codes::new(7);
        let rising = (0..1_000).filter(|p| codes.text(*p) < codes.text(p + 1)).count();
        assert!((400..600).contains(&rising), "{rising}");
    }
}
