//! Requests by the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// How many, how fast.
pub(super) struct Paced {
    pub(super) rate: u32,
    pub(super) duration: Duration,
    pub(super) at_once: u32,
}

/// Does the work `rate` times a second, numbered from 0; gives what each gave, and microseconds from when
/// each was due.
pub(super) fn paced<T: Send>(
    plan: &Paced,
    work: impl Fn(u64) -> Option<T> + Sync,
) -> (Vec<Option<T>>, Histogram<u64>) {
    let count = (plan.duration.as_secs_f64() * f64::from(plan.rate)) as u64;
    let (next, started) = (AtomicU64::new(0), Instant::now());
    let all = Mutex::new((Vec::with_capacity(count as usize), histogram()));
    std::thread::scope(|scope| {
        for _ in 0..plan.at_once {
            scope.spawn(|| {
                let (mut done, mut latencies) = (Vec::new(), histogram());
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let due = started + Duration::from_secs_f64(number as f64 / f64::from(plan.rate));
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    done.push(work(number));
                    latencies.saturating_record(due.elapsed().as_micros() as u64);
                }
                let mut all = all.lock();
                all.0.append(&mut done);
                all.1.add(&latencies).expect("the same bounds");
            });
        }
    });
    all.into_inner()
}

pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_done_once_at_its_time_and_lateness_counts() {
        let plan = Paced { rate: 100, duration: Duration::from_millis(300), at_once: 1 };
        let started = Instant::now();
        // The first takes as long as ten are due in: all of those are late.
        let (done, latencies) = paced(&plan, |number| {
            std::thread::sleep(Duration::from_millis(if number == 0 { 100 } else { 0 }));
            (number % 2 == 0).then_some(number)
        });
        assert!(started.elapsed() >= Duration::from_millis(290));
        assert_eq!(
            done.iter().flatten().copied().collect::<Vec<_>>(),
            (0..30).step_by(2).collect::<Vec<_>>()
        );
        assert_eq!((done.len(), latencies.len()), (30, 30));
        assert!(latencies.count_between(10_000, 60_000_000) >= 9, "those behind the slow one were late");
    }
}
