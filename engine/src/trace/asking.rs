//! What a question may cost, and what it has cost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::TraceError;

/// Limits of one question, a meter of what it has read, and the possibility to stop it from elsewhere.
#[derive(Debug, Default)]
pub struct Asking {
    /// After this much time the question is given up.
    time_max: Option<(Instant, Duration)>,
    /// Leaves of the index that it may read.
    leaves_max: Option<u64>,
    is_stopped: AtomicBool,
    leaves: AtomicU64,
    steps: AtomicU64,
    steps_all: AtomicU64,
}

impl Asking {
    /// Without limits, until [`Asking::stop`].
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// With a deadline from now on, and a limit of leaves to read; `None`: no limit.
    pub fn limited(time_max: Option<Duration>, leaves_max: Option<u64>) -> Self {
        Self { time_max: time_max.map(|max| (Instant::now(), max)), leaves_max, ..Self::default() }
    }

    /// Makes the question end soon, with [`TraceError::Stopped`].
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Leaves of the index that the question has read.
    pub fn leaves(&self) -> u64 {
        self.leaves.load(Ordering::Relaxed)
    }

    /// How far a long question has come: steps done, of how many; 0 of 0 where it is not told.
    pub fn progress(&self) -> (u64, u64) {
        (self.steps(), self.steps_all.load(Ordering::Relaxed))
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    pub(crate) fn expect_steps(&self, steps: u64) {
        self.steps_all.store(steps, Ordering::Relaxed);
    }

    pub(crate) fn reach_step(&self, step: u64) {
        self.steps.fetch_max(step, Ordering::Relaxed);
    }

    /// One more leaf is read. Looks at the clock now and then.
    pub(crate) fn spend_leaf(&self) -> Result<(), TraceError> {
        self.spend_leaves(1)
    }

    /// Some more leaves are read.
    pub(crate) fn spend_leaves(&self, leaves: u64) -> Result<(), TraceError> {
        let before = self.leaves.fetch_add(leaves, Ordering::Relaxed);
        let after = before + leaves;
        if let Some(limit) = self.leaves_max.filter(|max| after > *max) {
            return Err(TraceError::TooCostly { limit });
        }
        if before / LOOK_EVERY_LEAVES != after / LOOK_EVERY_LEAVES {
            self.look()?;
        }
        Ok(())
    }

    fn look(&self) -> Result<(), TraceError> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Err(TraceError::Stopped);
        }
        match self.time_max {
            Some((start, max)) if start.elapsed() > max => Err(TraceError::Deadline { max }),
            _ => Ok(()),
        }
    }
}

/// At a microsecond a leaf, a deadline is kept to a tenth of a millisecond; cold, to some.
const LOOK_EVERY_LEAVES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_ends_at_its_limits_or_when_it_is_stopped() {
        let asking = Asking::limited(None, Some(100));
        assert!(asking.spend_leaves(100).is_ok());
        assert!(matches!(asking.spend_leaf(), Err(TraceError::TooCostly { limit: 100 })));
        let late = Asking::limited(Some(Duration::ZERO), None);
        let read = (0..=LOOK_EVERY_LEAVES).try_for_each(|_| late.spend_leaf());
        assert!(matches!(read, Err(TraceError::Deadline { .. })));
        let stopped = Asking::unlimited();
        stopped.stop();
        let read = (0..=LOOK_EVERY_LEAVES).try_for_each(|_| stopped.spend_leaf());
        assert!(matches!(read, Err(TraceError::Stopped)));
    }
}
