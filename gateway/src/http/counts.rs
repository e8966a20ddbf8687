//! How many are inside venues, counted for visitors: one count at a time for each venue. Who asks while one is made
//! shares the next with all others, so that a crowd at a door costs no more than a few people.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

/// The last count of each venue.
#[derive(Default)]
pub(super) struct Counts(Mutex<HashMap<String, Arc<AsyncMutex<Option<Counted>>>>>);

struct Counted {
    begun: Instant,
    inside: Option<u64>,
}

impl Counts {
    /// How many are inside, by a count that has begun after this was asked; none where `count` does not know.
    pub(super) async fn of<C: Future<Output = Option<u64>>>(
        &self,
        site: &str,
        count: impl FnOnce() -> C,
    ) -> Option<u64> {
        let asked = Instant::now();
        let place = Arc::clone(self.0.lock().entry(site.to_owned()).or_default());
        let mut last = place.lock().await;
        if let Some(counted) = last.as_ref().filter(|counted| counted.begun >= asked) {
            return counted.inside;
        }
        let begun = Instant::now();
        let inside = count().await;
        *last = Some(Counted { begun, inside });
        inside
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_crowd_shares_counts_and_each_of_them_began_after_it_was_asked() {
        let (counts, made, inside) = (Arc::new(Counts::default()), Arc::default(), Arc::default());
        let mut crowd = Vec::new();
        for _ in 0..50 {
            let (counts, made, inside) = (Arc::clone(&counts), Arc::clone(&made), Arc::clone(&inside));
            crowd.push(tokio::spawn(async move {
                let (made, inside): (&AtomicU64, &AtomicU64) = (&made, &inside);
                let own = inside.fetch_add(1, Ordering::SeqCst) + 1;
                let counted = counts.of("M1", || async {
                    made.fetch_add(1, Ordering::SeqCst);
                    let now = inside.load(Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some(now)
                });
                assert!(counted.await >= Some(own), "whoever asks is counted");
            }));
        }
        for one in crowd {
            one.await.expect("no panic");
        }
        assert!(made.load(Ordering::SeqCst) <= 3, "{made:?} counts for 50");
        let other = counts.of("M2", || async { None }).await;
        assert_eq!(other, None, "another venue's are its own");
    }
}
