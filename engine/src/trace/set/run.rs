//! A plan performed. Sets come from whoever calls, so that this is tested without an engine.

use roaring::RoaringBitmap;

use super::plan::{Plan, Step};

/// Performs the plan: the set of the whole expression, and the size of each operand's set, as far as it
/// was read. `read` gives the set of an operand.
///
/// # Errors
/// That of `read`.
pub(super) fn perform<E>(
    plan: &Plan,
    operands: usize,
    read: impl FnMut(usize) -> Result<RoaringBitmap, E>,
) -> Result<(RoaringBitmap, Vec<Option<u64>>), E> {
    let mut reads_left = vec![0; operands];
    plan.count_reads(&mut reads_left);
    let (again, sizes) = (vec![None; operands], vec![None; operands]);
    let mut sets = Sets { read, reads_left, again, room_bytes: AGAIN_BYTES_MAX, sizes };
    let found = sets.evaluate(plan, None)?;
    Ok((found, sets.sizes))
}

struct Sets<R> {
    read: R,
    reads_left: Vec<u32>,
    /// Sets that were read and will be needed again, while there is room; others are read again.
    again: Vec<Option<RoaringBitmap>>,
    room_bytes: usize,
    sizes: Vec<Option<u64>>,
}

impl<E, R: FnMut(usize) -> Result<RoaringBitmap, E>> Sets<R> {
    /// The plan's set, of which only those in `within` are wanted.
    fn evaluate(&mut self, plan: &Plan, within: Option<&RoaringBitmap>) -> Result<RoaringBitmap, E> {
        match plan {
            Plan::Read(operand) => {
                let mut set = self.set(*operand)?;
                if let Some(within) = within {
                    set &= within;
                }
                Ok(set)
            }
            Plan::Any(sets) => {
                let mut sum = RoaringBitmap::new();
                for set in sets {
                    sum |= self.evaluate(set, within)?;
                }
                Ok(sum)
            }
            Plan::All { first, then } => {
                let mut left = self.evaluate(first, within)?;
                for step in then {
                    if left.is_empty() {
                        break;
                    }
                    match step {
                        Step::Keep(plan) => left = self.evaluate(plan, Some(&left))?,
                        Step::Remove(plan) => left -= self.evaluate(plan, Some(&left))?,
                    }
                }
                Ok(left)
            }
        }
    }

    fn set(&mut self, operand: usize) -> Result<RoaringBitmap, E> {
        self.reads_left[operand] -= 1;
        let is_last = self.reads_left[operand] == 0;
        if let Some(set) = &mut self.again[operand] {
            return Ok(if is_last { std::mem::take(set) } else { set.clone() });
        }
        let set = (self.read)(operand)?;
        self.sizes[operand] = Some(set.len());
        let bytes = set.serialized_size();
        if !is_last && bytes <= self.room_bytes {
            self.room_bytes -= bytes;
            self.again[operand] = Some(set.clone());
        }
        Ok(set)
    }
}

/// Bytes of sets kept for being needed again: a few sets of millions, or all small ones.
const AGAIN_BYTES_MAX: usize = 64 << 20;
