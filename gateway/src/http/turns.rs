//! Whose turn it is to be answered, so that wide questions do not starve narrow ones.
//!
//! ```text
//! arrives -> waits for a place -> works -> answered
//!                                   | after long_query_after_ms: gives its place to others
//!                                   +-> waits for a place among the long -> works on -> answered
//! ```
//!
//! How long a question takes depends on crowds that only its reading finds, so it is not estimated: a
//! question that turns out to be long gives up its place, and goes on only when it has one of the few
//! for long ones. A narrow one thus waits for others at most as long as a question may be narrow. While
//! it waits, a long one keeps its thread and what it has found; so few may wait.
//!
//! A client that goes away stops its question: the guard that its request holds is dropped with it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use truyvet_engine::Asking;

use super::error::Problem;
use super::pool::{Pool, on_thread};
use crate::config::HttpConfig;

/// Places for questions.
#[derive(Debug)]
pub(super) struct Turns {
    places: Pool,
    long: Arc<Pool>,
    long_after: Duration,
}

impl Turns {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            places: Pool::new(config.queries_at_once, config.queries_waiting_max),
            long: Arc::new(Pool::new(config.long_queries_at_once, config.long_queries_waiting_max)),
            long_after: Duration::from_millis(config.long_query_after_ms),
        }
    }

    /// Does the work when its turn comes. `work` must ask the engine within what it is given.
    ///
    /// # Errors
    /// Too many wait already, the time of the question passed while it waited, or the work panicked.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        asking: Asking,
        work: impl FnOnce(Arc<Asking>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let time_left = asking.time_left().unwrap_or(Duration::MAX);
        let turn = tokio::time::timeout(time_left, self.places.turn()).await.map_err(|_| {
            let why = "the question's turn did not come within its time; ask again later, or allow more time";
            Problem::Timeout(why.to_owned())
        })??;
        let place = Place(Arc::new(Mutex::new(Some(turn))));
        let gone = CancellationToken::new();
        let long = Long {
            place: Arc::clone(&place.0),
            places: Arc::clone(&self.long),
            gone: gone.clone(),
            deadline: asking.time_left().and_then(|left| Instant::now().checked_add(left)),
            runtime: Handle::current(),
        };
        let asking = Arc::new(asking.long_after(self.long_after, move || long.wait()));
        let _guard = Guard { asking: Arc::clone(&asking), gone };
        on_thread(move || {
            let _place = place;
            work(asking)
        })
        .await
    }

    /// Does work that bounds itself to a short time, when its turn comes.
    ///
    /// # Errors
    /// Too many wait already, or the work panicked.
    pub(super) async fn run_short<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.places.run(work).await
    }

    /// Places that are free for any question, and for long ones; long ones that wait.
    #[cfg(test)]
    pub(super) fn free(&self) -> (usize, usize, usize) {
        (self.places.free(), self.long.free(), self.long.waiting())
    }
}

/// The place of a question, given up with it.
struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().take();
    }
}

/// What a question does when it turns out to be long.
struct Long {
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    places: Arc<Pool>,
    gone: CancellationToken,
    deadline: Option<Instant>,
    runtime: Handle,
}

impl Long {
    /// Gives up the place and waits for one among the long; false where too many wait. It also ends
    /// when the client is gone or the time has passed, which the question then sees for itself.
    fn wait(&self) -> bool {
        self.place.lock().take();
        self.runtime.block_on(async {
            tokio::select! {
                turn = self.places.turn() => match turn {
                    Ok(place) => {
                        *self.place.lock() = Some(place);
                        true
                    }
                    Err(_) => false,
                },
                () = self.gone.cancelled() => true,
                () = passed(self.deadline) => true,
            }
        })
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Stops the question of a client that goes away.
struct Guard {
    asking: Arc<Asking>,
    gone: CancellationToken,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.asking.stop();
        self.gone.cancel();
    }
}
