//! Each device's scans: every seq up to its mark is there once, in a run, in a live table or as a dead
//! letter.
//!
//! A bit a seq, so many devices a pass that the bits fit; each pass reads the devices' runs once. Runs that
//! are gone took their scans with them, and only their number is known: so many may be missing in all.

use std::collections::HashMap;
use std::sync::Arc;

use super::report::At;
use super::run::LeafReader;
use super::{Checker, runs};
use crate::catalog::records::{DeadLetter, DeviceRecord};
use crate::error::EngineError;
use crate::partition::Partition;
use crate::shared::{Shared, State};
use crate::store::Base;

/// What there should be.
pub(super) struct Census {
    /// Devices and their marks.
    marks: Vec<(u32, u64)>,
    /// What is in memory: device, first seq, number.
    live: Vec<(u32, u64, u64)>,
    /// Scans that may be missing.
    gone: u64,
    /// All that there are or were.
    scans: u64,
}

impl Census {
    pub(super) fn new(
        shared: &Shared,
        devices: Vec<DeviceRecord>,
        state: &State,
    ) -> Result<Self, EngineError> {
        let marks = devices.iter().map(|device| (device.device, device.durable_seq)).collect();
        let mut live: Vec<(u32, u64, u64)> = Vec::new();
        for table in &state.tables {
            table.seqs(|device, first, count| match live.last_mut() {
                Some((of, start, sum)) if *of == device && *start + *sum == first => *sum += count,
                _ => live.push((device, first, count)),
            });
        }
        let runs = state.partitions.iter().flat_map(|partition| &partition.runs);
        let in_runs: u64 = runs.filter(|run| !run.entry.imported).map(|run| run.entry.scans).sum();
        let in_memory: u64 = live.iter().map(|(.., count)| count).sum();
        let mut refused = 0;
        for entry in shared.store.scan(Base::DeadLetters, &[], &[]) {
            refused += u64::from(entry.is_ok());
        }
        let gone = state.gaps.device_scans();
        Ok(Self { marks, live, gone, scans: in_runs + in_memory + refused + gone })
    }

    /// The devices of each pass: as many as fit, and one at least.
    pub(super) fn passes(&self) -> Vec<&[(u32, u64)]> {
        let mut passes = Vec::new();
        let (mut start, mut seqs) = (0, 0);
        for (i, (_, mark)) in self.marks.iter().enumerate() {
            let own = self.counted(*mark);
            if i > start && seqs + own > SEQS_AT_ONCE {
                passes.push(&self.marks[start..i]);
                (start, seqs) = (i, 0);
            }
            seqs += own;
        }
        if start < self.marks.len() {
            passes.push(&self.marks[start..]);
        }
        passes
    }

    /// Seqs of a device that get a bit. A mark beyond all scans is damage of its own, and not believed.
    fn counted(&self, mark: u64) -> u64 {
        mark.min(self.scans)
    }
}

pub(super) fn check(
    checker: &mut Checker<'_>,
    partitions: &[Arc<Partition>],
    census: &Census,
) -> Result<(), EngineError> {
    checker.report.devices = census.marks.len() as u64;
    checker.report.gone_scans = census.gone;
    let mut missing = Vec::new();
    for pass in census.passes() {
        let seqs = pass.iter().map(|(device, mark)| (*device, Seqs::new(*mark, census.counted(*mark))));
        let mut seqs: HashMap<u32, Seqs> = seqs.collect();
        for (device, first, count) in &census.live {
            if let Some(seqs) = seqs.get_mut(device) {
                (*first..first + count).for_each(|seq| seqs.note(seq));
            }
        }
        note_runs(checker, partitions, &mut seqs)?;
        note_dead_letters(checker, &mut seqs);
        for (device, _) in pass {
            let seqs = &seqs[device];
            if seqs.twice > 0 {
                let what = format!("{} seqs are there twice, the first is {}", seqs.twice, seqs.first_twice);
                checker.damage("seqs", At { device: Some(*device), ..At::default() }, what);
            }
            missing.extend(seqs.missing().map(|(first, count)| (*device, first, count)));
        }
    }
    let all: u64 = missing.iter().map(|(.., count)| count).sum();
    if all > census.gone {
        for (device, first, count) in missing {
            let what = format!(
                "{count} seqs are nowhere, the first is {first}; in all {all} are missing, and {} were dropped or \
                 lost",
                census.gone
            );
            checker.damage("seqs", At { device: Some(device), ..At::default() }, what);
        }
    }
    Ok(())
}

fn note_runs(
    checker: &mut Checker<'_>,
    partitions: &[Arc<Partition>],
    seqs: &mut HashMap<u32, Seqs>,
) -> Result<(), EngineError> {
    let mut reader = LeafReader::default();
    for (_, run) in runs(partitions).filter(|(_, run)| !run.entry.imported) {
        // Damage in a run was told before; what cannot be read is missing here.
        let leaves = run.directory(&checker.shared.store).map_or(0, |directory| directory.len());
        for leaf in 0..leaves {
            let Ok(bytes) = reader.read(checker, run, leaf) else { continue };
            for row in &reader.rows {
                if let Some(seqs) = seqs.get_mut(&row.device) {
                    seqs.note(row.seq);
                }
            }
            checker.advance(bytes)?;
        }
    }
    Ok(())
}

fn note_dead_letters(checker: &Checker<'_>, seqs: &mut HashMap<u32, Seqs>) {
    for (_, value) in checker.shared.store.scan(Base::DeadLetters, &[], &[]).flatten() {
        let Ok(letter) = serde_json::from_slice::<DeadLetter>(&value) else { continue };
        if let Some(seqs) = seqs.get_mut(&letter.device) {
            seqs.note(letter.seq);
        }
    }
}

/// The seqs of a device.
struct Seqs {
    mark: u64,
    counted: u64,
    bits: Vec<u64>,
    twice: u64,
    first_twice: u64,
}

impl Seqs {
    fn new(mark: u64, counted: u64) -> Self {
        Self { mark, counted, bits: vec![0; counted.div_ceil(64) as usize], twice: 0, first_twice: 0 }
    }

    /// A scan with this seq is there. Later ones than the mark came while everything was read.
    fn note(&mut self, seq: u64) {
        let Some(i) = seq.checked_sub(1).filter(|i| *i < self.counted) else { return };
        let (word, bit) = (&mut self.bits[(i / 64) as usize], 1 << (i % 64));
        if *word & bit != 0 {
            self.twice += 1;
            self.first_twice = if self.twice == 1 { seq } else { self.first_twice.min(seq) };
        }
        *word |= bit;
    }

    /// The first missing seq, and how many are missing, if any is.
    fn missing(&self) -> Option<(u64, u64)> {
        let there: u64 = self.bits.iter().map(|word| u64::from(word.count_ones())).sum();
        let missing = self.mark - there;
        let word = self.bits.iter().position(|word| *word != u64::MAX);
        let full = word.map_or(0, |word| u64::from(self.bits[word].trailing_ones()));
        let first = word.unwrap_or(self.bits.len()) as u64 * 64 + full + 1;
        (missing > 0).then_some((first, missing))
    }
}

/// Bits of a pass: 128 MB.
const SEQS_AT_ONCE: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_repeated_seqs_are_told() {
        let mut seqs = Seqs::new(130, 130);
        (1..=130).filter(|seq| ![70, 90].contains(seq)).for_each(|seq| seqs.note(seq));
        assert_eq!(seqs.missing(), Some((70, 2)));
        for seq in [70, 90, 131, 0] {
            seqs.note(seq);
        }
        assert_eq!((seqs.missing(), seqs.twice), (None, 0));
        for seq in [5, 3] {
            seqs.note(seq);
        }
        assert_eq!((seqs.twice, seqs.first_twice), (2, 3));
        let mut beyond = Seqs::new(u64::MAX, 64);
        (1..=64).for_each(|seq| beyond.note(seq));
        assert_eq!(beyond.missing(), Some((65, u64::MAX - 64)));
    }

    #[test]
    fn passes_take_as_many_devices_as_fit() {
        let marks = vec![(1, SEQS_AT_ONCE), (2, 5), (3, u64::MAX), (4, 1)];
        let census = Census { marks, live: Vec::new(), gone: 0, scans: SEQS_AT_ONCE + 6 };
        let passes: Vec<Vec<u32>> =
            census.passes().iter().map(|pass| pass.iter().map(|(device, _)| *device).collect()).collect();
        assert_eq!(passes, [vec![1], vec![2], vec![3], vec![4]]);
    }
}
