//! A batch on the wire: made, signed, checked, read. On one core; rates are scans a second.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench wire
//! ```

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ed25519_dalek::SigningKey;
use truyvet_loadtest::nation::Nation;
use truyvet_schemas::signing::{sign_batch, verify_batch};
use truyvet_schemas::wire::{
    BatchBuilder, BatchColumns, BatchFacts, BatchView, FromDevice, SignedBatch, encode_batch,
};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

/// Scans in a batch: of a quiet checkpoint, and of a busy one.
const SIZES: [usize; 2] = [50, 500];

fn main() {
    divan::main();
}

/// From scans as values, each with a code of its own allocation.
#[divan::bench(args = SIZES)]
fn encode(bencher: Bencher<'_, '_>, scans: usize) {
    let values = values(scans);
    bencher.counter(ItemsCount::new(scans)).bench(|| encode_batch(FACTS, black_box(&values)));
}

/// From columns, in a buffer that is used again.
#[divan::bench(args = SIZES)]
fn build_columns(bencher: Bencher<'_, '_>, scans: usize) {
    let codes: Vec<[u8; 12]> = codes(scans).collect();
    let (offset_ms, code_bytes) = ((0..scans as u32).collect::<Vec<_>>(), vec![12; scans]);
    let mut builder = BatchBuilder::default();
    bencher.counter(ItemsCount::new(scans)).bench_local(|| {
        let columns = BatchColumns {
            base: NOW,
            offset_ms: black_box(&offset_ms),
            code_bytes: &code_bytes,
            codes: codes.as_flattened(),
            directions: &[],
            verdicts: &[],
        };
        builder.build(FACTS, columns).len()
    });
}

/// A frame's payload down to every scan of it; no signature is checked.
#[divan::bench(args = SIZES)]
fn parse_and_read(bencher: Bencher<'_, '_>, scans: usize) {
    let batch = encoded(scans);
    let frame = SignedBatch { batch: &batch, signature: sign_batch(&key(), &batch) }.encode();
    bencher.counter(ItemsCount::new(scans)).bench(|| {
        let Ok(FromDevice::Batch(signed)) = FromDevice::parse(black_box(&frame)) else {
            unreachable!("the frame is a batch")
        };
        let view = BatchView::parse(signed.batch).expect("the batch was just made");
        let sum = |sum: u64, scan: truyvet_schemas::wire::ScanView<'_>| {
            sum + u64::from(scan.code[0]) + u64::from(scan.offset_ms) + u64::from(scan.direction)
        };
        view.scans().fold(0, sum)
    });
}

#[divan::bench(args = SIZES)]
fn sign(bencher: Bencher<'_, '_>, scans: usize) {
    let (key, batch) = (key(), encoded(scans));
    bencher.counter(ItemsCount::new(scans)).bench(|| sign_batch(&key, black_box(&batch)));
}

#[divan::bench(args = SIZES)]
fn verify(bencher: Bencher<'_, '_>, scans: usize) {
    let (key, batch) = (key(), encoded(scans));
    let (signature, public) = (sign_batch(&key, &batch), key.verifying_key());
    assert!(verify_batch(&public, &batch, &signature));
    bencher
        .counter(ItemsCount::new(scans))
        .bench(|| verify_batch(&public, black_box(&batch), black_box(&signature)));
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn encoded(scans: usize) -> Vec<u8> {
    let (batch, taken) = encode_batch(FACTS, &values(scans)).expect("the first scan fits");
    assert_eq!(taken, scans);
    batch
}

fn values(scans: usize) -> Vec<Scan> {
    let scan = |(offset, code): (i64, [u8; 12])| Scan {
        subject: String::from_utf8_lossy(&code).into_owned(),
        at: TimeMs::new(NOW.get() + offset * 100),
        direction: Direction::Pass,
        verdict: Verdict::Passed,
    };
    (0..).zip(codes(scans)).map(scan).collect()
}

fn codes(scans: usize) -> impl Iterator<Item = [u8; 12]> {
    let nation = Nation::new(1, 1_000_000, 5_000);
    (0..scans as u32).map(move |person| nation.codes.encode(person * 1_999))
}

const NOW: TimeMs = TimeMs::new(1_627_776_000_000);
const FACTS: BatchFacts<'_> = BatchFacts { device: 1, site: "CP-00042", first_seq: 1, sent_at: NOW };
