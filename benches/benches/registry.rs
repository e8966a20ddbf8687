//! Look-ups in a registry with many people: whose document is it, and what was declared last.
//!
//! ```text
//! cargo bench -p truyvet-benches --bench registry
//! TRUYVET_BENCH_PEOPLE=10000000 TRUYVET_BENCH_DIR=/var/tmp/people cargo bench -p truyvet-benches --bench registry
//! ```
//! With a directory of its own it stays: the next time goes on where this one was stopped, or only looks. To
//! declare ten million people takes a quarter of an hour and 14 GB.
//!
//! Not with divan: what counts is the hundredth slowest look-up, not the mean.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde_json::json;
use truyvet_engine::registry::{Act, DeclarationState, Declaring, Registry};
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::UnixSeconds;
use truyvet_schemas::person::{Document, DocumentKind};

fn main() {
    let people: u32 =
        std::env::var("TRUYVET_BENCH_PEOPLE").ok().and_then(|people| people.parse().ok()).unwrap_or(100_000);
    let temporary = tempfile::tempdir().expect("there is a directory for temporary files");
    let dir =
        std::env::var_os("TRUYVET_BENCH_DIR").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let open =
        || Registry::open(&dir.join("registry"), &dir.join("keys"), CACHE_BYTES).expect("its own keys");
    let registry = open();
    let reached = reached(&registry, people);
    if reached < people {
        let (started, bar) = (Instant::now(), ProgressBar::new((people - reached).into()));
        fill(&registry, reached..people, &bar);
        bar.finish_and_clear();
        let declared = people - reached;
        println!(
            "{declared} people declared: {:.0} a second, durable",
            f64::from(declared) / started.elapsed().as_secs_f64()
        );
    }
    drop(registry);
    let registry = open();
    let mut latencies = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds");
    for look in 0..LOOKS {
        // Spread over all, so that nearly every look goes to the disk or the system's cache.
        let at = (look.wrapping_mul(2_654_435_761)) % people;
        let started = Instant::now();
        let holder = registry.holder(&document(at)).expect("whole").expect("declared");
        let record = registry.declarations_of(holder, None, 1).expect("whole").pop().expect("declared");
        let pass = registry.pass(record.pass).expect("whole").expect("issued");
        latencies.record(started.elapsed().as_micros().max(1) as u64).expect("within bounds");
        assert_eq!(pass.subject, holder);
    }
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    println!("document to pass: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", ms(0.5), ms(0.99), ms(1.0));
}

/// How many a fill before has reached: all below have declared.
fn reached(registry: &Registry, people: u32) -> u32 {
    let has = |at: u32| registry.holder(&document(at)).expect("whole").is_some();
    let (mut low, mut high) = (0, people);
    while low < high {
        let middle = low + (high - low) / 2;
        if has(middle) { low = middle + 1 } else { high = middle }
    }
    // Each of the threads may have been stopped at one of the last.
    (low.saturating_sub(THREADS)..low).find(|at| !has(*at)).unwrap_or(low)
}

/// Many at once: each waits for the disk, and many share one write.
fn fill(registry: &Registry, people: Range<u32>, bar: &ProgressBar) {
    let next = AtomicU32::new(people.start);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= people.end {
                        break;
                    }
                    declare(registry, at);
                    bar.inc(1);
                }
            });
        }
    });
}

fn declare(registry: &Registry, at: u32) {
    let declaration = json!({
        "person": {"name": format!("Nguyễn Văn {at}"), "birth_date": "1990-03-02", "sex": "male",
            "documents": [document(at)], "permanent": {"area": "VN25-26740", "address": "12 Nguyễn Huệ"}},
        "journey": {"from": "VN25-26740", "to": "VN25-00004", "departs_at": NOW, "purpose": "work"},
        "health": {"exposure": "none", "vaccine_doses": 2},
    });
    let declaration: Declaration = serde_json::from_value(declaration).expect("as the contract has it");
    let now_s = (NOW / 1_000) as u32;
    let how = Declaring {
        state: DeclarationState::Verified,
        issued: UnixSeconds::new(now_s),
        valid_until: UnixSeconds::new(now_s + 259_200),
        phone: "+84901234567",
        request: None,
        entered_by: None,
    };
    let act = Act {
        at: NOW,
        actor: "citizen".to_owned(),
        action: "declaration.make".to_owned(),
        object: "-".to_owned(),
        result: "ok".to_owned(),
    };
    registry.declare(&declaration.tidied(), how, act).expect("the disk has room");
}

fn document(at: u32) -> Document {
    Document { kind: DocumentKind::CitizenId, number: format!("001{at:09}"), country: None }.tidied()
}

const NOW: i64 = 1_629_400_000_000;
const LOOKS: u32 = 100_000;
const THREADS: u32 = 128;

/// As the server has it unless set otherwise.
const CACHE_BYTES: usize = 64 << 20;
