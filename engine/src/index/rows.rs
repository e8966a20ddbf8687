//! Scans as columns of ids, the form in which they reach a run.

/// Scans, one an index, all columns equally long; `seq` is empty for an import, whose order is its rows'.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) at_ms: Vec<i64>,
    pub(crate) subject: Vec<u32>,
    pub(crate) site: Vec<u32>,
    pub(crate) flags: Vec<u8>,
    pub(crate) device: Vec<u32>,
    pub(crate) seq: Vec<u64>,
}

impl Rows {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            at_ms: Vec::with_capacity(rows),
            subject: Vec::with_capacity(rows),
            site: Vec::with_capacity(rows),
            flags: Vec::with_capacity(rows),
            device: Vec::with_capacity(rows),
            seq: Vec::with_capacity(rows),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.at_ms.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at_ms.is_empty()
    }

    /// Row `i`, without its site.
    pub(crate) fn posting(&self, i: usize) -> FullPosting {
        FullPosting {
            at_ms: self.at_ms[i],
            subject: self.subject[i],
            flags: self.flags[i],
            device: self.device[i],
            seq: self.seq.get(i).copied().unwrap_or_default(),
        }
    }
}

/// A scan at a known site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Posting {
    pub(crate) at_ms: i64,
    pub(crate) subject: u32,
    pub(crate) flags: u8,
}

/// A scan at a known site, with where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FullPosting {
    pub(crate) at_ms: i64,
    pub(crate) subject: u32,
    pub(crate) flags: u8,
    pub(crate) device: u32,
    pub(crate) seq: u64,
}

impl FullPosting {
    /// The order within a site.
    pub(crate) fn order(&self) -> (i64, u32, u64) {
        (self.at_ms, self.device, self.seq)
    }
}

/// A scan of a known subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrailRow {
    pub(crate) at_ms: i64,
    pub(crate) site: u32,
    pub(crate) flags: u8,
}

/// Direction and verdict in one byte: bits 0 and 1, and bits 2 and 3.
pub(crate) mod flags {
    use truyvet_schemas::{Direction, Verdict};

    pub(crate) fn pack(direction: u8, verdict: u8) -> u8 {
        direction | verdict << 2
    }

    pub(crate) fn direction(flags: u8) -> Direction {
        Direction::from_number(flags & 3).unwrap_or_default()
    }

    pub(crate) fn verdict(flags: u8) -> Verdict {
        Verdict::from_number(flags >> 2 & 3).unwrap_or_default()
    }
}
