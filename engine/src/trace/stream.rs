//! Codes of subjects in code order, a chunk at a time, in little memory.
//!
//! A list of millions is sorted as an external sort would: by runs that fit, then merged while it is
//! read. What lies outside is not a file but the dictionary: an id stands for its code.
//!
//! ```text
//! ids         | run 0, its ids in code order | run 1 | run 2 | ...     4 bytes each, sorted in place
//! read ahead    the next codes of each run
//! heap          the first code of each run -> the least of them -> chunk
//! ```
//!
//! So memory is the ids, one run's codes while it is sorted, and `AHEAD_CODES` codes a run. The
//! dictionary is locked for a few thousand codes at a time, and never while codes are compared, so that
//! arriving scans are not held up. A list of one run is sorted once and kept.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use super::answer::Code;
use super::by_code::prefix;
use crate::engine::Engine;

/// A subject's code and its id; ordered by the code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Coded {
    /// Decides most comparisons: a list takes half as long again without it.
    prefix: u64,
    pub(crate) code: Code,
    pub(crate) id: u32,
}

impl Coded {
    fn new(code: &str, id: u32) -> Self {
        Self { prefix: prefix(code.as_bytes()), code: Code::new(code), id }
    }
}

/// The subjects in code order: chunks that are never empty.
pub(crate) struct CodeOrder {
    read: ReadCodes,
    sizes: Sizes,
    ids: Vec<u32>,
    /// For each run the ids that are in no read-ahead yet.
    rest: Vec<Range<usize>>,
    heads: BinaryHeap<Head>,
    left: usize,
}

/// The codes of ids, in the order of the ids.
type ReadCodes = Box<dyn Fn(&[u32]) -> Vec<Coded> + Send>;

/// The codes of a run that come next, the first of them foremost.
struct Head {
    run: usize,
    next: Coded,
    ahead: std::vec::IntoIter<Coded>,
}

impl CodeOrder {
    /// Sorts the runs, and keeps the engine open. Subjects with near ids, whose codes lie near each other
    /// in memory, should stand near each other in `ids`.
    pub(crate) fn new(engine: Engine, ids: Vec<u32>) -> Self {
        Self::with(Box::new(move |ids| codes(&engine, ids)), ids, SIZES)
    }

    fn with(read: ReadCodes, ids: Vec<u32>, sizes: Sizes) -> Self {
        let left = ids.len();
        let mut order = Self { read, sizes, ids, rest: Vec::new(), heads: BinaryHeap::new(), left };
        let mut codes = Vec::new();
        for start in (0..left).step_by(sizes.run) {
            let run = start..left.min(start + sizes.run);
            codes = (order.read)(&order.ids[run.clone()]);
            codes.sort_unstable();
            order.ids[run.clone()].iter_mut().zip(&codes).for_each(|(id, coded)| *id = coded.id);
            order.rest.push(run);
        }
        if order.rest.len() == 1 {
            order.rest[0] = left..left;
            order.push_head(0, codes);
        } else {
            (0..order.rest.len()).for_each(|run| order.read_ahead(run));
        }
        order
    }

    /// Number of subjects that are still to come.
    pub(crate) fn len(&self) -> usize {
        self.left
    }

    fn read_ahead(&mut self, run: usize) {
        let Range { start, end } = self.rest[run];
        let next = end.min(start + self.sizes.ahead);
        self.rest[run].start = next;
        let codes = (self.read)(&self.ids[start..next]);
        self.push_head(run, codes);
    }

    fn push_head(&mut self, run: usize, codes: Vec<Coded>) {
        let mut ahead = codes.into_iter();
        self.heads.extend(ahead.next().map(|next| Head { run, next, ahead }));
    }

    /// The subject whose code is the least of those left.
    fn next_coded(&mut self) -> Option<Coded> {
        let mut head = self.heads.peek_mut()?;
        if let Some(next) = head.ahead.next() {
            return Some(std::mem::replace(&mut head.next, next));
        }
        let Head { run, next, .. } = PeekMut::pop(head);
        self.read_ahead(run);
        Some(next)
    }
}

impl Iterator for CodeOrder {
    type Item = Vec<Coded>;

    fn next(&mut self) -> Option<Vec<Coded>> {
        let size = self.left.min(self.sizes.chunk);
        let chunk: Vec<Coded> = std::iter::from_fn(|| self.next_coded()).take(size).collect();
        self.left -= chunk.len();
        (!chunk.is_empty()).then_some(chunk)
    }
}

/// The heap's greatest is the run whose next code is the least.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.next.cmp(&self.next)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

fn codes(engine: &Engine, ids: &[u32]) -> Vec<Coded> {
    let mut codes = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(LOCKED_CODES) {
        let subjects = engine.shared().catalog.subjects.read();
        let mut ids = chunk.iter();
        subjects.read_codes(chunk, |code| codes.extend(ids.next().map(|id| Coded::new(code, *id))));
    }
    codes
}

/// How many codes are held where.
#[derive(Clone, Copy)]
struct Sizes {
    /// In a run.
    run: usize,
    /// Of a run, read ahead while merging.
    ahead: usize,
    /// In a chunk.
    chunk: usize,
}

/// A run's codes are 3 MB as they usually are, at most 20. Twenty million subjects are 306 runs, which
/// read 2 MB ahead, at most 12. A chunk is 160 KB, at most 1.3 MB.
const SIZES: Sizes = Sizes { run: 1 << 16, ahead: 128, chunk: 4_096 };

/// Codes read under one lock: a few tenths of a millisecond.
const LOCKED_CODES: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_code_comes_once_and_in_order(
            codes in prop::collection::btree_set("(same-start)?[ab\u{0}\\PC]{1,3}", 0..60),
            (run, ahead, chunk) in (1usize..20, 1usize..8, 1usize..10),
        ) {
            // Ids that have nothing to do with the order of the codes.
            let ids: BTreeMap<u32, String> = (1u32..).zip(codes.clone()).map(|(i, c)| (i * 7_919 % 1_009, c)).collect();
            let known = ids.clone();
            let read = move |ids: &[u32]| ids.iter().map(|id| Coded::new(&known[id], *id)).collect();
            let order = CodeOrder::with(Box::new(read), ids.keys().copied().collect(), Sizes { run, ahead, chunk });
            prop_assert_eq!(order.len(), codes.len());
            let chunks: Vec<Vec<Coded>> = order.collect();
            let (last, full) = chunks.split_last().map_or((0, &[][..]), |(last, full)| (last.len(), full));
            prop_assert!(last <= chunk && full.iter().all(|full| full.len() == chunk));
            let told: Vec<Coded> = chunks.into_iter().flatten().collect();
            prop_assert!(told.iter().all(|coded| ids[&coded.id] == coded.code));
            prop_assert!(told.into_iter().map(|coded| coded.code).eq(codes));
        }
    }
}
