//! What a signed batch holds: a device's scans at one site, in columns.
//!
//! ```text
//! made   scans or columns -> BatchBuilder -> bytes of a finished ScanBatch, to be signed
//! read   bytes -> BatchView -> ScanView, ScanView, ...      in place, checked once
//! ```

use flatbuffers::FlatBufferBuilder;

use super::{Malformed, fb};
use crate::limits::{BATCH_SCANS_MAX, TIME_MS_RANGE};
use crate::scan::{Direction, Scan, Verdict};
use crate::time::TimeMs;

/// A device's scans at one site, read in place. All columns are equally long, and the codes' lengths
/// add up.
#[derive(Clone, Copy, Debug)]
pub struct BatchView<'a> {
    /// The device's number.
    pub device: u32,
    /// Code of the site where the scans were taken.
    pub site: &'a str,
    /// Seq of the first scan.
    pub first_seq: u64,
    /// Device clock when the batch was made.
    pub sent_at: TimeMs,
    /// What the offsets count from.
    pub base: TimeMs,
    /// So many scans from `first_seq` on are lost: acknowledged once, and deleted on the device. Then
    /// there are no scans in the batch.
    pub lost: u64,
    offset_ms: &'a [u8],
    code_bytes: &'a [u8],
    codes: &'a [u8],
    directions: &'a [u8],
    verdicts: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// Reads a finished `ScanBatch` buffer.
    ///
    /// # Errors
    /// The bytes are no batch, its columns disagree, it is empty or too long, a direction or verdict
    /// is unknown, or its base time is absurd.
    pub fn parse(batch: &'a [u8]) -> Result<Self, Malformed> {
        let batch = flatbuffers::root::<fb::ScanBatch<'a>>(batch)
            .map_err(|_| Malformed("the batch is not a ScanBatch buffer"))?;
        let view = Self {
            device: batch.device(),
            site: batch.site().ok_or(Malformed("the batch names no site"))?,
            first_seq: batch.first_seq(),
            sent_at: TimeMs::new(batch.sent_at_ms()),
            base: TimeMs::new(batch.base_ms()),
            lost: batch.lost(),
            offset_ms: batch.offset_ms().map(|v| v.bytes()).unwrap_or_default(),
            code_bytes: batch.code_bytes().map(|v| v.bytes()).unwrap_or_default(),
            codes: batch.codes().map(|v| v.bytes()).unwrap_or_default(),
            directions: batch.directions().map(|v| v.bytes()).unwrap_or_default(),
            verdicts: batch.verdicts().map(|v| v.bytes()).unwrap_or_default(),
        };
        view.check().map(|()| view)
    }

    fn check(&self) -> Result<(), Malformed> {
        let scans = self.code_bytes.len();
        if (scans == 0) != (self.lost > 0) || scans > BATCH_SCANS_MAX {
            return Err(Malformed("the batch has no scans, or too many"));
        }
        if self.offset_ms.len() != scans * size_of::<u32>() {
            return Err(Malformed("the batch's columns are not equally long"));
        }
        let optional = |column: &[u8]| column.is_empty() || column.len() == scans;
        if !optional(self.directions) || !optional(self.verdicts) {
            return Err(Malformed("the batch's columns are not equally long"));
        }
        let code_bytes: usize = self.code_bytes.iter().map(|n| usize::from(*n)).sum();
        if code_bytes != self.codes.len() {
            return Err(Malformed("the codes' lengths do not add up"));
        }
        if self.directions.iter().any(|n| Direction::from_number(*n).is_none()) {
            return Err(Malformed("the batch has an unknown direction"));
        }
        if self.verdicts.iter().any(|n| Verdict::from_number(*n).is_none()) {
            return Err(Malformed("the batch has an unknown verdict"));
        }
        // Keeps every sum of base and offset far from overflow; single scans are judged later.
        if !(-BASE_MS_LIMIT..BASE_MS_LIMIT).contains(&self.base.get()) {
            return Err(Malformed("the batch's base time is absurd"));
        }
        Ok(())
    }

    /// Number of scans.
    pub fn len(&self) -> usize {
        self.code_bytes.len()
    }

    /// Whether it only declares scans lost.
    pub fn is_empty(&self) -> bool {
        self.code_bytes.is_empty()
    }

    /// Seq of the last scan, or of the last lost one; `None` when the seqs overflow or begin at 0.
    pub fn last_seq(&self) -> Option<u64> {
        if self.first_seq == 0 {
            return None;
        }
        self.first_seq.checked_add(self.lost.max(self.len() as u64) - 1)
    }

    /// The scans in order of seq.
    pub fn scans(&self) -> impl Iterator<Item = ScanView<'a>> + Clone + use<'a> {
        let Self { offset_ms, code_bytes, directions, verdicts, codes, .. } = *self;
        let mut rest = codes;
        let offsets = offset_ms.chunks_exact(size_of::<u32>());
        code_bytes.iter().zip(offsets).enumerate().map(move |(i, (length, offset))| {
            let (code, tail) = rest.split_at(usize::from(*length));
            rest = tail;
            ScanView {
                code,
                offset_ms: u32::from_le_bytes([offset[0], offset[1], offset[2], offset[3]]),
                direction: directions.get(i).copied().unwrap_or_default(),
                verdict: verdicts.get(i).copied().unwrap_or_default(),
            }
        })
    }
}

/// One scan of a [`BatchView`]. Numbers were checked when the batch was parsed.
#[derive(Clone, Copy, Debug)]
pub struct ScanView<'a> {
    /// The subject's code: bytes not yet checked to be UTF-8, nor to be there at all.
    pub code: &'a [u8],
    /// Milliseconds from the batch's base.
    pub offset_ms: u32,
    /// A [`Direction`]'s number.
    pub direction: u8,
    /// A [`Verdict`]'s number.
    pub verdict: u8,
}

/// What a batch is made from.
#[derive(Clone, Copy, Debug)]
pub struct BatchFacts<'a> {
    /// The device's number.
    pub device: u32,
    /// Code of the site where the scans were taken.
    pub site: &'a str,
    /// Seq of the first scan.
    pub first_seq: u64,
    /// Device clock.
    pub sent_at: TimeMs,
}

/// Makes the bytes of a `ScanBatch` of the longest prefix of `scans` that fits one batch, and tells
/// how many that is. A scan that lies more than 49 days from the earliest before it, or whose code
/// is over 255 bytes, ends the prefix; `None` when even the first has no place.
pub fn encode_batch(facts: BatchFacts<'_>, scans: &[Scan]) -> Option<(Vec<u8>, usize)> {
    let taken = prefix_of_one_batch(scans);
    let scans = &scans[..taken];
    let base = scans.iter().map(|scan| scan.at.get()).min()?;
    let columns = BatchColumns {
        base: TimeMs::new(base),
        offset_ms: &scans.iter().map(|scan| (scan.at.get() - base) as u32).collect::<Vec<_>>(),
        code_bytes: &scans.iter().map(|scan| scan.subject.len() as u8).collect::<Vec<_>>(),
        codes: &scans.iter().flat_map(|scan| scan.subject.bytes()).collect::<Vec<_>>(),
        directions: &scans.iter().map(|scan| scan.direction).collect::<Vec<_>>(),
        verdicts: &scans.iter().map(|scan| scan.verdict).collect::<Vec<_>>(),
    };
    Some((BatchBuilder::default().build(facts, columns).to_vec(), taken))
}

/// Makes the bytes of a `ScanBatch` without scans, which declares so many from `first_seq` on lost.
pub fn encode_lost(facts: BatchFacts<'_>, lost: u64) -> Vec<u8> {
    let mut b = FlatBufferBuilder::new();
    let args = fb::ScanBatchArgs {
        device: facts.device,
        site: Some(b.create_string(facts.site)),
        first_seq: facts.first_seq,
        sent_at_ms: facts.sent_at.get(),
        base_ms: facts.sent_at.get(),
        lost,
        ..fb::ScanBatchArgs::default()
    };
    let batch = fb::ScanBatch::create(&mut b, &args);
    b.finish(batch, None);
    b.finished_data().to_vec()
}

/// The columns of a batch, one entry a scan; codes one after the other.
#[derive(Clone, Copy, Debug)]
pub struct BatchColumns<'a> {
    /// What the offsets count from.
    pub base: TimeMs,
    /// Milliseconds from `base`.
    pub offset_ms: &'a [u32],
    /// Length of each code in bytes.
    pub code_bytes: &'a [u8],
    /// The codes' bytes.
    pub codes: &'a [u8],
    /// Empty: every one is `Pass`.
    pub directions: &'a [Direction],
    /// Empty: every one is `Passed`.
    pub verdicts: &'a [Verdict],
}

/// Makes batches from columns in a buffer of its own, used again for each: nothing is allocated per
/// scan. For senders of millions of scans a second.
#[derive(Default)]
pub struct BatchBuilder {
    builder: FlatBufferBuilder<'static>,
}

impl BatchBuilder {
    /// The bytes of a `ScanBatch`. Whether the columns agree and keep the limits is the caller's
    /// care; the gateway checks.
    pub fn build(&mut self, facts: BatchFacts<'_>, columns: BatchColumns<'_>) -> &[u8] {
        let b = &mut self.builder;
        b.reset();
        let offset_ms = b.create_vector(columns.offset_ms);
        let code_bytes = b.create_vector(columns.code_bytes);
        let codes = b.create_vector(columns.codes);
        let directions =
            columns.directions.iter().any(|direction| *direction != Direction::Pass).then(|| {
                b.create_vector_from_iter(columns.directions.iter().map(|d| fb::Direction(*d as u8)))
            });
        let verdicts = columns
            .verdicts
            .iter()
            .any(|verdict| *verdict != Verdict::Passed)
            .then(|| b.create_vector_from_iter(columns.verdicts.iter().map(|v| fb::Verdict(*v as u8))));
        let args = fb::ScanBatchArgs {
            device: facts.device,
            site: Some(b.create_string(facts.site)),
            first_seq: facts.first_seq,
            sent_at_ms: facts.sent_at.get(),
            base_ms: columns.base.get(),
            offset_ms: Some(offset_ms),
            code_bytes: Some(code_bytes),
            codes: Some(codes),
            directions,
            verdicts,
            lost: 0,
        };
        let batch = fb::ScanBatch::create(b, &args);
        b.finish(batch, None);
        b.finished_data()
    }
}

fn prefix_of_one_batch(scans: &[Scan]) -> usize {
    let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
    let fits = |scan: &&Scan| {
        earliest = earliest.min(scan.at.get());
        latest = latest.max(scan.at.get());
        let spread = i128::from(latest) - i128::from(earliest);
        spread <= i128::from(u32::MAX) && scan.subject.len() <= usize::from(u8::MAX)
    };
    scans.iter().take(BATCH_SCANS_MAX).take_while(fits).count()
}

/// Ten times the range in which scans may lie.
const BASE_MS_LIMIT: i64 = TIME_MS_RANGE.end * 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(subject: &str, at: i64, direction: Direction) -> Scan {
        Scan { subject: subject.into(), at: TimeMs::new(at), direction, verdict: Verdict::Passed }
    }

    fn facts() -> BatchFacts<'static> {
        BatchFacts { device: 7, site: "HN-01", first_seq: 41, sent_at: TimeMs::new(9) }
    }

    #[test]
    fn a_batch_is_read_back_as_it_was_written() {
        let scans = [scan("a", 50, Direction::In), scan("điểm", 20, Direction::Out)];
        let (bytes, taken) = encode_batch(facts(), &scans).expect("two scans fit");
        let view = BatchView::parse(&bytes).expect("just written");
        assert_eq!((taken, view.len(), view.site, view.last_seq()), (2, 2, "HN-01", Some(42)));
        let read: Vec<_> = view.scans().map(|s| (s.code, s.offset_ms, s.direction)).collect();
        assert_eq!(read, [("a".as_bytes(), 30, 1), ("điểm".as_bytes(), 0, 2)]);
    }

    #[test]
    fn a_builder_used_again_makes_the_same_bytes_as_a_fresh_one() {
        let scans = [scan("a", 50, Direction::In), scan("điểm", 20, Direction::Out)];
        let (expected, _) = encode_batch(facts(), &scans).expect("two scans fit");
        let columns = BatchColumns {
            base: TimeMs::new(20),
            offset_ms: &[30, 0],
            code_bytes: &[1, 7],
            codes: "ađiểm".as_bytes(),
            directions: &[Direction::In, Direction::Out],
            verdicts: &[],
        };
        let mut builder = BatchBuilder::default();
        builder.build(facts(), BatchColumns { directions: &[], ..columns });
        assert_eq!(builder.build(facts(), columns), expected);
    }

    #[test]
    fn a_batch_ends_where_the_times_lie_too_far_apart() {
        let far = i64::from(u32::MAX) + 1;
        let scans = [scan("a", 0, Direction::Pass), scan("b", far, Direction::Pass)];
        let (_, taken) = encode_batch(facts(), &scans).expect("one scan fits");
        assert_eq!(taken, 1);
    }

    proptest::proptest! {
        #[test]
        fn a_batch_with_a_flipped_byte_is_read_without_panic(at in 0usize..200, flip in 1u8..) {
            let scans = [scan("a", 50, Direction::In), scan("b", 20, Direction::Out)];
            let (mut bytes, _) = encode_batch(facts(), &scans).expect("two scans fit");
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(view) = BatchView::parse(&bytes) {
                assert_eq!(view.scans().count(), view.len());
            }
        }
    }
}
