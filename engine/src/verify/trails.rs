//! Trails against postings, without holding either: both sides are added up, pointer by pointer, as a mixing
//! hash in 128 bits. The sums do not depend on the order, and are equal only if each side has the same
//! pointers as often as the other (but for chance, once in 10^38).

use super::Checker;
use super::report::At;
use crate::error::EngineError;
use crate::index::keys;
use crate::index::rows::FullPosting;
use crate::index::trails::{Leaf, Pointer};
use crate::partition::run::Run;

/// Pointers, added up.
#[derive(Default)]
pub(super) struct Sum {
    pointers: u64,
    hashes: u128,
    places: Vec<u64>,
}

impl PartialEq for Sum {
    fn eq(&self, other: &Self) -> bool {
        (self.pointers, self.hashes) == (other.pointers, other.hashes)
    }
}

impl Sum {
    pub(super) fn pointers(&self) -> u64 {
        self.pointers
    }

    /// Adds the pointers that a posting leaf must have: to each subject's first scan.
    pub(super) fn add_leaf(&mut self, leaf: u32, rows: &[FullPosting]) {
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        places.extend((0u64..).zip(rows).map(|(place, row)| u64::from(row.subject) << 32 | place));
        places.sort_unstable();
        places.dedup_by_key(|place| *place >> 32);
        for place in &places {
            self.add(Pointer { subject: (place >> 32) as u32, leaf, place: *place as u16 });
        }
        self.places = places;
    }

    fn add(&mut self, pointer: Pointer) {
        let Pointer { subject, leaf, place } = pointer;
        let word = u64::from(subject) << 32 | u64::from(leaf);
        let high = mix(word ^ mix(u64::from(place) ^ SEED));
        let low = mix(high ^ word.rotate_left(32));
        self.pointers += 1;
        self.hashes = self.hashes.wrapping_add(u128::from(high) << 64 | u128::from(low));
    }
}

/// Checks all trail leaves; tells where they point, if none is damaged.
pub(super) fn check(checker: &mut Checker<'_>, at: At<'_>, run: &Run) -> Result<Option<Sum>, EngineError> {
    let (mut sum, mut is_whole) = (Sum::default(), true);
    let mut pointers = Vec::new();
    let ids_end = checker.shared.catalog.subjects.read().ids_end();
    let groups = ids_end.div_ceil(1 << run.entry.group_shift);
    for group in 0..groups {
        pointers.clear();
        let key = keys::trail(run.entry.number, group);
        let read = run.read(&checker.shared.store, &key, |bytes| {
            Leaf::parse(bytes)?.read_all(&mut pointers)?;
            Some(bytes.len() as u64)
        });
        let bytes = match read {
            Ok(None) => continue,
            Ok(Some(Some(bytes))) => bytes,
            Ok(Some(None)) => {
                checker.damage("trails", At { leaf: Some(group), ..at }, "it cannot be decoded");
                is_whole = false;
                continue;
            }
            Err(error) => {
                checker.damage("trails", At { leaf: Some(group), ..at }, error);
                is_whole = false;
                continue;
            }
        };
        let is_sorted = pointers.windows(2).all(|p| (p[0].subject, p[0].leaf) < (p[1].subject, p[1].leaf));
        if !is_sorted || pointers.iter().any(|p| p.subject >> run.entry.group_shift != group) {
            checker.damage(
                "trails",
                At { leaf: Some(group), ..at },
                "subjects of another group, or no order",
            );
        }
        pointers.drain(..).for_each(|pointer| sum.add(pointer));
        checker.report.trail_leaves += 1;
        checker.advance(bytes)?;
    }
    Ok(is_whole.then_some(sum))
}

/// The finalizer of SplitMix64: every bit of the input changes half of the output's.
fn mix(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_equal_for_the_same_pointers_in_any_order_alone() {
        let row = |subject| FullPosting { at_ms: 0, subject, flags: 0, device: 1, seq: 1 };
        let mut postings = Sum::default();
        postings.add_leaf(7, &[row(5), row(3), row(5), row(9)]);
        postings.add_leaf(8, &[row(5)]);
        let pointer = |subject, leaf, place| Pointer { subject, leaf, place };
        let all = [pointer(3, 7, 1), pointer(5, 7, 0), pointer(5, 8, 0), pointer(9, 7, 3)];
        let sum = |pointers: &[Pointer]| {
            let mut sum = Sum::default();
            pointers.iter().for_each(|pointer| sum.add(*pointer));
            sum
        };
        assert!(postings == sum(&all));
        assert!(postings != sum(&all[1..]), "one is missing");
        assert!(postings != sum(&[all[0], all[1], all[2], all[2]]), "one twice in the place of another");
        assert!(postings != sum(&[all[0], pointer(5, 7, 2), all[2], all[3]]), "not the first scan");
    }
}
