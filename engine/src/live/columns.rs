//! Columns of atomics: written in place by one thread while others read.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use bytemuck::allocation::zeroed_slice_box;

macro_rules! column {
    ($name:ident, $atomic:ty, $value:ty) => {
        /// A column of fixed length. Zeroed memory: the system hands out pages as they are touched.
        pub(super) struct $name(Box<[$atomic]>);

        impl $name {
            pub(super) fn new(len: usize) -> Self {
                Self(zeroed_slice_box(len))
            }

            #[inline]
            pub(super) fn get(&self, i: usize) -> $value {
                self.0[i].load(Ordering::Relaxed)
            }

            #[inline]
            pub(super) fn set(&self, i: usize, value: $value) {
                self.0[i].store(value, Ordering::Relaxed);
            }
        }
    };
}

column!(Column8, AtomicU8, u8);
column!(Column32, AtomicU32, u32);
column!(Column64, AtomicU64, u64);

impl Column32 {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A column over all ids, with memory only where ids are in use.
pub(super) struct Chunked(Box<[OnceLock<Column32>]>);

impl Chunked {
    pub(super) fn new() -> Self {
        Self((0..CHUNKS).map(|_| OnceLock::new()).collect())
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> u32 {
        let chunk = self.0[(id >> CHUNK_BITS) as usize].get();
        // Acquire pairs with the release in `publish`: what the link leads to is written.
        chunk.map_or(0, |chunk| chunk.0[(id & CHUNK_MASK) as usize].load(Ordering::Acquire))
    }

    /// Stores a link for readers to follow. Everything that it leads to must be written before. One
    /// thread only.
    #[inline]
    pub(super) fn publish(&self, id: u32, link: u32) {
        let chunk = self.0[(id >> CHUNK_BITS) as usize].get_or_init(|| Column32::new(1 << CHUNK_BITS));
        chunk.0[(id & CHUNK_MASK) as usize].store(link, Ordering::Release);
    }
}

/// Ids of one chunk: 2^16 of 4 bytes, 256 KiB; 65,536 chunks cover all ids.
const CHUNK_BITS: u32 = 16;
const CHUNK_MASK: u32 = (1 << CHUNK_BITS) - 1;
const CHUNKS: usize = 1 << (u32::BITS - CHUNK_BITS);
