//! One device's batches: who passes comes from the site's crowd, when from the schedule. Columns are
//! filled and encoded in buffers that are used again; nothing is allocated per scan.

use truyvet_schemas::TimeMs;
use truyvet_schemas::wire::{BatchBuilder, BatchColumns, BatchFacts};

use crate::nation::{CODE_BYTES, Codes, Nation, SiteStream};

/// Makes a device's batches, one after the other, and keeps those scans that will be checked.
pub(crate) struct Source {
    codes: Codes,
    stream: SiteStream,
    device: u32,
    site: String,
    next_seq: u64,
    /// Every person whose number is a multiple of this is checked at the end.
    sample_every: u32,
    sampled: Vec<Sampled>,
    columns: Columns,
    builder: BatchBuilder,
}

/// A scan that was sent and will be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sampled {
    /// Who.
    pub(crate) person: u32,
    /// When.
    pub(crate) at_ms: i64,
    /// The site's number.
    pub(crate) site: u32,
}

#[derive(Default)]
struct Columns {
    offset_ms: Vec<u32>,
    code_bytes: Vec<u8>,
    codes: Vec<u8>,
}

/// The time that a batch covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Of the first scan, unix milliseconds.
    pub(crate) from_ms: i64,
    /// The end, unix milliseconds; at least `from_ms`.
    pub(crate) to_ms: i64,
}

impl Source {
    /// The source of the device with this number (on the wire) at this site (of the nation).
    pub(crate) fn new(nation: &Nation, site: u32, device: u32, site_code: String, sample_every: u32) -> Self {
        Self {
            codes: nation.codes.clone(),
            stream: SiteStream::new(&nation.land, site, u64::from(device)),
            device,
            site: site_code,
            next_seq: 1,
            sample_every,
            sampled: Vec::new(),
            columns: Columns::default(),
            builder: BatchBuilder::default(),
        }
    }

    /// Goes on after what the gateway has.
    pub(crate) fn resume(&mut self, durable_seq: u64) {
        self.next_seq = durable_seq + 1;
    }

    /// The seq of the next scan.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The bytes of the next `ScanBatch`, with `scans` scans spread evenly over `span`.
    pub(crate) fn batch(&mut self, scans: u32, span: Span, site_number: u32) -> &[u8] {
        let facts = BatchFacts {
            device: self.device,
            site: &self.site,
            first_seq: self.next_seq,
            sent_at: TimeMs::new(span.to_ms),
        };
        self.columns.clear();
        let span_ms = (span.to_ms - span.from_ms).max(0) as u64;
        for i in 0..u64::from(scans) {
            let offset_ms = (i * span_ms / u64::from(scans)) as u32;
            let person = self.stream.next_person();
            if person.is_multiple_of(self.sample_every) && self.sampled.len() < SAMPLED_MAX {
                let at_ms = span.from_ms + i64::from(offset_ms);
                self.sampled.push(Sampled { person, at_ms, site: site_number });
            }
            self.columns.push(offset_ms, &self.codes.encode(person));
        }
        self.next_seq += u64::from(scans);
        self.builder.build(facts, self.columns.view(span.from_ms))
    }

    /// The scans to look for.
    pub(crate) fn into_sampled(self) -> Vec<Sampled> {
        self.sampled
    }
}

impl Columns {
    fn clear(&mut self) {
        self.offset_ms.clear();
        self.code_bytes.clear();
        self.codes.clear();
    }

    fn push(&mut self, offset_ms: u32, code: &[u8; CODE_BYTES]) {
        self.offset_ms.push(offset_ms);
        self.code_bytes.push(CODE_BYTES as u8);
        self.codes.extend_from_slice(code);
    }

    fn view(&self, base_ms: i64) -> BatchColumns<'_> {
        BatchColumns {
            base: TimeMs::new(base_ms),
            offset_ms: &self.offset_ms,
            code_bytes: &self.code_bytes,
            codes: &self.codes,
            directions: &[],
            verdicts: &[],
        }
    }
}

/// 24 bytes each: 24 MB a device at most, reached by no run of fewer than 60 billion scans of a
/// million people.
const SAMPLED_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use truyvet_schemas::wire::BatchView;

    #[test]
    fn batches_follow_each_other_without_gap_and_lie_in_their_span() {
        let nation = Nation::new(1, 10_000, 20);
        let mut source = Source::new(&nation, 3, 77, nation.land.site_code(3), 100);
        source.resume(40);
        for batch in 0..3 {
            let span = Span { from_ms: 1_000 * batch, to_ms: 1_000 * (batch + 1) };
            let bytes = source.batch(50, span, 3).to_vec();
            let view = BatchView::parse(&bytes).expect("well formed");
            assert_eq!((view.first_seq, view.len(), view.device), (41 + 50 * batch as u64, 50, 77));
            assert_eq!(view.base.get(), 1_000 * batch);
            let offsets: Vec<_> = view.scans().map(|scan| scan.offset_ms).collect();
            assert_eq!((offsets[0], offsets[49]), (0, 980));
            assert!(
                view.scans()
                    .all(|scan| nation.codes.decode(str::from_utf8(scan.code).expect("ASCII")).is_some())
            );
        }
        assert_eq!(source.next_seq(), 191);
    }

    #[test]
    fn one_core_makes_scans_faster_than_a_server_takes_them() {
        let nation = Nation::new(1, 1_000_000, 2_000);
        let mut source = Source::new(&nation, 3, 77, nation.land.site_code(3), 171);
        let started = std::time::Instant::now();
        for _ in 0..1_000 {
            source.batch(500, Span { from_ms: 0, to_ms: 10 }, 3);
        }
        let rate = 500_000.0 / started.elapsed().as_secs_f64();
        assert!(rate > 1e6 || cfg!(debug_assertions), "{rate:.0} scans/s");
        assert!(!source.into_sampled().is_empty());
    }
}
