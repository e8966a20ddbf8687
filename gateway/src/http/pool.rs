//! The engine's work for HTTP: so many pieces at once on blocking threads, so many waiting, no more.
//! The threads of the sockets never wait for a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Problem;

/// A bound on work.
#[derive(Debug)]
pub(super) struct Pool {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Pool {
    /// A pool that works on `at_once` pieces and lets `waiting_max` wait.
    pub(super) fn new(at_once: usize, waiting_max: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), waiting: AtomicUsize::new(0), waiting_max }
    }

    /// Does the work when its turn comes. An asker who goes away gives up its place; work that has
    /// begun keeps its place until it ends.
    ///
    /// # Errors
    /// Too many wait already, or the work panicked.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, Problem>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let permit = self.turn().await?;
        on_thread(move || {
            let _permit = permit;
            work()
        })
        .await
    }

    /// Waits for a turn, which lasts as long as the permit is held.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.place()?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map_err(|_| Problem::Unavailable("the server is stopping".to_owned()))
    }

    /// Pieces that could begin at once.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Pieces that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn place(&self) -> Result<Place<'_>, Problem> {
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.waiting_max {
            return Err(Problem::Busy("too many requests are waiting; come back in a second"));
        }
        Ok(place)
    }
}

/// Does the work on a blocking thread.
///
/// # Errors
/// It panicked.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Problem::Failed("the request met a bug; the log has the place".to_owned()))
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_its_bounds_work_is_refused_at_once() {
        let pool = Arc::new(Pool::new(1, 1));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let other = Arc::clone(&pool);
        let first = tokio::spawn(async move {
            other
                .run(move || {
                    begun.send(()).ok();
                    held.recv().ok();
                })
                .await
        });
        has_begun.await.expect("the first piece begins");
        let other = Arc::clone(&pool);
        let second = tokio::spawn(async move { other.run(|| 2).await });
        while pool.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(|| 3).await, Err(Problem::Busy(_))));
        release.send(()).expect("the first piece waits");
        assert!(first.await.expect("no panic").is_ok());
        assert!(matches!(second.await.expect("no panic"), Ok(2)));
        assert!(matches!(pool.run(|| 4).await, Ok(4)));
    }
}
