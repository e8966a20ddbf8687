//! How often somebody may do something in a day. In memory: a restart gives everybody a new day.

use std::collections::HashMap;

use parking_lot::Mutex;
use truyvet_schemas::TimeMs;
use truyvet_schemas::time::MS_PER_DAY;

/// Counts of today.
pub(super) struct Quota {
    /// So that what is counted tells nothing of whose it is.
    key: [u8; 32],
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    day: i64,
    of: HashMap<[u8; 16], u32>,
}

/// It was done too often today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this was done too often today; go on in {retry_after_s} seconds, or have an official do it")]
pub struct TooMany {
    /// Seconds until the next day begins.
    pub retry_after_s: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { key: rand::random(), counts: Mutex::default() }
    }
}

impl Quota {
    /// Counts one more for `whose`, or refuses it beyond `most` in a day (UTC).
    pub(super) fn take(&self, whose: &str, most: u32, now: TimeMs) -> Result<(), TooMany> {
        let mut digest = [0; 16];
        blake3::Hasher::new_keyed(&self.key).update(whose.as_bytes()).finalize_xof().fill(&mut digest);
        let day = now.get().div_euclid(MS_PER_DAY);
        let mut counts = self.counts.lock();
        if counts.day != day {
            *counts = Counts { day, of: HashMap::new() };
        }
        let has_room = counts.of.len() < COUNTED_MAX;
        let count = match counts.of.get_mut(&digest) {
            Some(count) => count,
            None if has_room => counts.of.entry(digest).or_default(),
            None => return Ok(()), // so many people declare today that one more is no matter
        };
        if *count >= most {
            let left_ms = (day + 1) * MS_PER_DAY - now.get();
            return Err(TooMany { retry_after_s: left_ms.unsigned_abs().div_ceil(1_000) });
        }
        *count += 1;
        Ok(())
    }
}

/// Whose counts are kept: some 500 MB, a nation's busiest day.
const COUNTED_MAX: usize = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_a_day_and_a_new_day_begins() {
        let quota = Quota::default();
        let at = |ms| TimeMs::new(18_000 * MS_PER_DAY + ms);
        for _ in 0..3 {
            assert_eq!(quota.take("a", 3, at(0)), Ok(()));
        }
        assert_eq!(quota.take("a", 3, at(MS_PER_DAY - 1_500)), Err(TooMany { retry_after_s: 2 }));
        assert_eq!(quota.take("b", 3, at(0)), Ok(()), "others have their own");
        assert_eq!(quota.take("a", 3, at(MS_PER_DAY)), Ok(()));
    }
}
