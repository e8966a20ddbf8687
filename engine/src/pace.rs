//! How much of the processors the threads take that write and merge runs.
//!
//! On few processors a merge beside arrivals makes these wait at every turn. So such threads work *behind*:
//! with what others leave. Only while nobody waits for them, because it may be nothing.

use std::os::unix::thread::{JoinHandleExt as _, RawPthread};
use std::thread::JoinHandle;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// A thread's share of the processors. Where the system allows no other, all are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As everybody.
    Alike,
    /// What others leave.
    Behind,
}

impl Pace {
    /// Behind, unless somebody waits.
    pub(crate) fn unless(is_waited_for: bool) -> Self {
        if is_waited_for { Self::Alike } else { Self::Behind }
    }

    /// For the thread that calls.
    pub(crate) fn take(self) {
        self.set(thread_native_id());
    }

    fn set(self, thread: RawPthread) {
        let policy = match self {
            Self::Alike => NormalThreadSchedulePolicy::Other,
            Self::Behind => NormalThreadSchedulePolicy::Idle,
        };
        let policy = ThreadSchedulePolicy::Normal(policy);
        set_thread_priority_and_policy(thread, ThreadPriority::Min, policy).ok();
    }
}

/// A thread that may be hurried by those who wait for it, while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hurry(RawPthread);

impl Hurry {
    pub(crate) fn of(thread: &JoinHandle<()>) -> Self {
        Self(thread.as_pthread_t())
    }

    /// From now on it works as everybody, until it takes another pace itself.
    pub(crate) fn up(self) {
        Pace::Alike.set(self.0);
    }
}
