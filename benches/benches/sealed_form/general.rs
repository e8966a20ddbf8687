//! Candidates that are compressors of anything, a site's day at once.

use truyvet_engine::bench_support::{read_varint, write_varint};

use super::Candidate;

/// `size varint | what the crate makes of it at its default level`
pub(crate) struct Pco;

impl<T: pco::data_types::Number> Candidate<T> for Pco {
    fn write(&mut self, part: &[T], out: &mut Vec<u8>) {
        let compressed = pco::standalone::simple_compress(part, &pco::ChunkConfig::default());
        write_sized(&compressed.expect("the crate takes every number"), out);
    }

    fn read(&mut self, bytes: &mut &[u8], _: usize, out: &mut Vec<T>) -> Option<()> {
        out.extend(pco::standalone::simple_decompress::<T>(take_sized(bytes)?).ok()?);
        Some(())
    }
}

/// `size varint | zstd of varints`; how values become varints and back is told.
pub(crate) struct Zstd<T> {
    compressor: zstd::bulk::Compressor<'static>,
    decompressor: zstd::bulk::Decompressor<'static>,
    plain: Vec<u8>,
    to_varints: fn(&[T], &mut Vec<u8>),
    to_values: fn(&mut &[u8], usize, &mut Vec<T>) -> Option<()>,
}

impl<T> Zstd<T> {
    pub(crate) fn new(
        to_varints: fn(&[T], &mut Vec<u8>),
        to_values: fn(&mut &[u8], usize, &mut Vec<T>) -> Option<()>,
    ) -> Self {
        let compressor = zstd::bulk::Compressor::new(3).expect("the level exists");
        let decompressor = zstd::bulk::Decompressor::new().expect("there is memory");
        Self { compressor, decompressor, plain: Vec::new(), to_varints, to_values }
    }
}

impl<T> Candidate<T> for Zstd<T> {
    fn write(&mut self, part: &[T], out: &mut Vec<u8>) {
        self.plain.clear();
        (self.to_varints)(part, &mut self.plain);
        write_sized(&self.compressor.compress(&self.plain).expect("a vector takes every write"), out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<T>) -> Option<()> {
        self.plain.clear();
        self.plain.reserve((len + 1) * VARINT_BYTES_MAX);
        self.decompressor.decompress_to_buffer(take_sized(bytes)?, &mut self.plain).ok()?;
        (self.to_values)(&mut self.plain.as_slice(), len, out)
    }
}

pub(crate) fn deltas(part: &[i64], out: &mut Vec<u8>) {
    write_varint(part[0] as u64, out);
    part.windows(2).for_each(|pair| write_varint((pair[1] - pair[0]) as u64, out));
}

pub(crate) fn undo_deltas(bytes: &mut &[u8], len: usize, out: &mut Vec<i64>) -> Option<()> {
    let mut at_ms = 0;
    for _ in 0..len {
        at_ms += read_varint(bytes)? as i64;
        out.push(at_ms);
    }
    Some(())
}

pub(crate) fn from_least(part: &[u32], out: &mut Vec<u8>) {
    let least = part.iter().copied().min().unwrap_or_default();
    write_varint(least.into(), out);
    part.iter().for_each(|subject| write_varint((subject - least).into(), out));
}

pub(crate) fn add_least(bytes: &mut &[u8], len: usize, out: &mut Vec<u32>) -> Option<()> {
    let least = read_varint(bytes)? as u32;
    for _ in 0..len {
        out.push(least + read_varint(bytes)? as u32);
    }
    Some(())
}

pub(crate) fn write_sized(part: &[u8], out: &mut Vec<u8>) {
    write_varint(part.len() as u64, out);
    out.extend_from_slice(part);
}

pub(crate) fn take_sized<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let size = read_varint(bytes)? as usize;
    let (part, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(part)
}

const VARINT_BYTES_MAX: usize = 10;
