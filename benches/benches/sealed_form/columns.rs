//! Candidates for a posting leaf's times and subjects.

use bitpacking::{BitPacker, BitPacker4x};
use truyvet_engine::bench_support::{
    pack, read_ids, read_times, read_varint, unpack, write_ids, write_times, write_varint,
};

use super::Candidate;

pub(crate) struct TimesPacked;

impl Candidate<i64> for TimesPacked {
    fn write(&mut self, part: &[i64], out: &mut Vec<u8>) {
        pack(part.iter().map(|at| *at as u64), out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<i64>) -> Option<()> {
        unpack(bytes, len, |at| out.push(at as i64))
    }
}

pub(crate) struct EliasFano;

impl Candidate<i64> for EliasFano {
    fn write(&mut self, part: &[i64], out: &mut Vec<u8>) {
        write_times(part, out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<i64>) -> Option<()> {
        read_times(bytes, len, out)
    }
}

/// `first varint | blocks: width u8, deltas | varints of the deltas that fill no block`
pub(crate) struct Deltas<P>(pub(crate) P);

impl<P: BitPacker> Candidate<i64> for Deltas<P> {
    fn write(&mut self, part: &[i64], out: &mut Vec<u8>) {
        write_varint(part[0] as u64, out);
        let distances: Vec<u32> = part.iter().map(|at| (at - part[0]) as u32).collect();
        let blocks = distances.chunks_exact(P::BLOCK_LEN);
        let mut last = 0;
        for block in blocks.clone() {
            let width = self.0.num_bits_sorted(last, block);
            out.push(width);
            let start = out.len();
            out.resize(start + P::compressed_block_size(width), 0);
            self.0.compress_sorted(last, block, &mut out[start..], width);
            last = block[P::BLOCK_LEN - 1];
        }
        for distance in blocks.remainder() {
            write_varint(u64::from(distance - last), out);
            last = *distance;
        }
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<i64>) -> Option<()> {
        let first = read_varint(bytes)? as i64;
        let (mut block, mut last) = ([0; BitPacker4x::BLOCK_LEN], 0);
        let block = &mut block[..P::BLOCK_LEN];
        for _ in 0..len / P::BLOCK_LEN {
            let (width, rest) = bytes.split_first()?;
            let size = self.0.decompress_sorted(last, rest, block, *width);
            *bytes = &rest[size..];
            last = block[P::BLOCK_LEN - 1];
            out.extend(block.iter().map(|distance| first + i64::from(*distance)));
        }
        for _ in 0..len % P::BLOCK_LEN {
            last += read_varint(bytes)? as u32;
            out.push(first + i64::from(last));
        }
        Some(())
    }
}

pub(crate) struct SubjectsPacked;

impl Candidate<u32> for SubjectsPacked {
    fn write(&mut self, part: &[u32], out: &mut Vec<u8>) {
        pack(part.iter().map(|subject| u64::from(*subject)), out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<u32>) -> Option<()> {
        unpack(bytes, len, |subject| out.push(subject as u32))
    }
}

pub(crate) struct DistinctAndPlaces;

impl Candidate<u32> for DistinctAndPlaces {
    fn write(&mut self, part: &[u32], out: &mut Vec<u8>) {
        write_ranked(part.iter().copied(), out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<u32>) -> Option<()> {
        read_ranked(bytes, len, |subject| out.push(subject))
    }
}

/// `distinct varint | distinct ids as gaps | of each value its place, packed`
pub(crate) fn write_ranked(values: impl Iterator<Item = u32> + Clone, out: &mut Vec<u8>) {
    let mut distinct: Vec<u32> = values.clone().collect();
    distinct.sort_unstable();
    distinct.dedup();
    write_varint(distinct.len() as u64, out);
    write_ids(&distinct, out);
    pack(values.map(|value| distinct.partition_point(|other| *other < value) as u64), out);
}

pub(crate) fn read_ranked(bytes: &mut &[u8], len: usize, mut value: impl FnMut(u32)) -> Option<()> {
    let mut distinct = Vec::new();
    let count = read_varint(bytes)? as usize;
    read_ids(bytes, count, &mut distinct)?;
    unpack(bytes, len, |place| value(distinct[place as usize]))
}
