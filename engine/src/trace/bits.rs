//! One bit a subject.

/// A set of ids, dense from 0 on. Grows as it is added to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits(Vec<u8>);

impl Bits {
    /// Nobody, with room for ids below `end`.
    pub(crate) fn new(end: u32) -> Self {
        Self(vec![0; (end as usize).div_ceil(8)])
    }

    /// Whether nothing was ever added and there is no room.
    pub(crate) fn has_no_room(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn insert(&mut self, id: u32) {
        let byte = id as usize / 8;
        if byte >= self.0.len() {
            self.0.resize((byte + 1).next_multiple_of(4_096), 0);
        }
        self.0[byte] |= 1 << (id % 8);
    }

    #[inline]
    pub(crate) fn contains(&self, id: u32) -> bool {
        self.0.get(id as usize / 8).is_some_and(|byte| byte >> (id % 8) & 1 == 1)
    }

    /// The lowest ids in the lowest bits of the first bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
