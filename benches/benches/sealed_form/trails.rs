//! Candidates for the trails of a group of neighbouring subjects.

use std::collections::BTreeMap;

use truyvet_engine::bench_support::{
    pack, read_ids, read_trail_leaf, read_varint, trail_leaf, unpack, write_ids, write_varint,
};

use super::Candidate;
use super::columns::{read_ranked, write_ranked};
use super::general::{take_sized, write_sized};

/// A subject's scan, or the pointer to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TrailRow {
    pub(crate) subject: u32,
    /// The site, or the number of the posting leaf.
    pub(crate) at: u32,
    /// The time, or the place in the posting leaf.
    pub(crate) value: i64,
}

/// `subjects and places | first time of each subject, packed | other times as deltas, packed`
pub(crate) struct TimesRepeated;

impl Candidate<TrailRow> for TimesRepeated {
    fn write(&mut self, part: &[TrailRow], out: &mut Vec<u8>) {
        write_subjects_and_places(part, out);
        let (mut firsts, mut deltas) = (Vec::new(), Vec::new());
        for rows in part.chunk_by(|a, b| a.subject == b.subject) {
            firsts.push(rows[0].value as u64);
            deltas.extend(rows.windows(2).map(|pair| (pair[1].value - pair[0].value) as u64));
        }
        pack(firsts.into_iter(), out);
        pack(deltas.into_iter(), out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<TrailRow>) -> Option<()> {
        let subjects = read_subjects_and_places(bytes, len, out)?;
        let mut firsts = Vec::with_capacity(subjects);
        unpack(bytes, subjects, |at| firsts.push(at as i64))?;
        let mut deltas = Vec::with_capacity(len - subjects);
        unpack(bytes, len - subjects, |delta| deltas.push(delta as i64))?;
        let (mut firsts, mut deltas) = (firsts.into_iter(), deltas.into_iter());
        let mut last = None;
        for row in out {
            let at_ms = match last {
                Some((subject, at_ms)) if subject == row.subject => at_ms + deltas.next()?,
                _ => firsts.next()?,
            };
            row.value = at_ms;
            last = Some((row.subject, at_ms));
        }
        Some(())
    }
}

/// `subjects and leaves | places, packed`
pub(crate) struct EveryScan;

impl Candidate<TrailRow> for EveryScan {
    fn write(&mut self, part: &[TrailRow], out: &mut Vec<u8>) {
        write_subjects_and_places(part, out);
        pack(part.iter().map(|row| row.value as u64), out);
    }

    fn read(&mut self, bytes: &mut &[u8], len: usize, out: &mut Vec<TrailRow>) -> Option<()> {
        read_subjects_and_places(bytes, len, out)?;
        let mut rows = out.iter_mut();
        unpack(bytes, len, |place| {
            if let Some(row) = rows.next() {
                row.value = place as i64;
            }
        })
    }
}

/// `subjects varint | ids as gaps | scans of each, packed | sites or leaves, ranked`
fn write_subjects_and_places(part: &[TrailRow], out: &mut Vec<u8>) {
    let mut counts = BTreeMap::new();
    part.iter().for_each(|row| *counts.entry(row.subject).or_insert(0u64) += 1);
    write_varint(counts.len() as u64, out);
    write_ids(&counts.keys().copied().collect::<Vec<_>>(), out);
    pack(counts.values().copied(), out);
    write_ranked(part.iter().map(|row| row.at), out);
}

/// Appends the rows, their values still to be read, and tells the number of subjects.
fn read_subjects_and_places(bytes: &mut &[u8], len: usize, out: &mut Vec<TrailRow>) -> Option<usize> {
    let count = read_varint(bytes)? as usize;
    let mut subjects = Vec::with_capacity(count);
    read_ids(bytes, count, &mut subjects)?;
    let mut next = subjects.into_iter();
    unpack(bytes, count, |scans| {
        let subject = next.next().unwrap_or_default();
        (0..scans).for_each(|_| out.push(TrailRow { subject, at: 0, value: 0 }));
    })?;
    let mut rows = out.iter_mut();
    read_ranked(bytes, len, |at| {
        if let Some(row) = rows.next() {
            row.at = at;
        }
    })?;
    Some(count)
}

/// The leaf as it is, behind its size.
pub(crate) struct FirstOfLeaf;

impl Candidate<TrailRow> for FirstOfLeaf {
    fn write(&mut self, part: &[TrailRow], out: &mut Vec<u8>) {
        write_sized(&trail_leaf(part.iter().map(|row| (row.subject, row.at, row.value as u16))), out);
    }

    fn read(&mut self, bytes: &mut &[u8], _: usize, out: &mut Vec<TrailRow>) -> Option<()> {
        read_trail_leaf(take_sized(bytes)?, |(subject, at, place)| {
            out.push(TrailRow { subject, at, value: place.into() });
        })
    }
}
