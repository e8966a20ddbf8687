//! How much of the processors the threads take that write and merge runs.
//!
//! On few processors a merge beside arrivals makes these wait at every turn. So such threads work *behind*:
//! with what others leave. Only while nobody waits for them, because it may be nothing, and only for work
//! that holds no lock: whoever needs the lock would wait for a thread that gets no time.

use std::os::unix::thread::{JoinHandleExt as _, RawPthread};
use std::thread::JoinHandle;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
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

    /// Does `work`, which must hold no lock that others need; then the thread is as everybody.
    pub(crate) fn during<T>(self, work: impl FnOnce() -> T) -> T {
        self.set(thread_native_id());
        let done = work();
        Self::Alike.set(thread_native_id());
        done
    }

    fn set(self, thread: RawPthread) {
        let policy = match self {
            Self::Alike => NormalThreadSchedulePolicy::Other,
            Self::Behind => NormalThreadSchedulePolicy::Idle,
        };
        let policy = ThreadSchedulePolicy::Normal(policy);
        let niceness = rustix::process::getpriority_process(None);
        set_thread_priority_and_policy(thread, ThreadPriority::Os(ThreadPriorityOsValue::default()), policy)
            .ok();
        // The library sets a niceness too, and that of the thread that calls, whichever was meant.
        niceness.and_then(|niceness| rustix::process::setpriority_process(None, niceness)).ok();
    }
}

/// A thread that may be hurried by those who wait for it, while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hurry(RawPthread);

impl Hurry {
    pub(crate) fn of(thread: &JoinHandle<()>) -> Self {
        Self(thread.as_pthread_t())
    }

    /// From now on it works as everybody, until it begins other work behind.
    pub(crate) fn up(self) {
        Pace::Alike.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use thread_priority::thread_schedule_policy;

    use super::*;

    #[test]
    fn a_thread_works_behind_until_it_is_hurried_or_done_and_nobodys_niceness_changes() {
        let niceness = || rustix::process::getpriority_process(None).expect("it is always told");
        let (reached, reports) = mpsc::channel();
        let (go_on, goes) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let before = niceness();
            Pace::Behind.during(|| {
                reached.send(thread_schedule_policy()).expect("is read");
                goes.recv().expect("is told");
                reached.send(thread_schedule_policy()).expect("is read");
            });
            Pace::Behind.during(|| ());
            reached.send(thread_schedule_policy()).expect("is read");
            assert_eq!(niceness(), before);
        });
        let behind = reports.recv().expect("is told").expect("the system tells it");
        assert_eq!(behind, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle));
        let before = niceness();
        Hurry::of(&thread).up();
        assert_eq!(niceness(), before);
        go_on.send(()).expect("it waits");
        let hurried = reports.recv().expect("is told").expect("the system tells it");
        assert_eq!(hurried, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other));
        let after = reports.recv().expect("is told").expect("the system tells it");
        assert_eq!(after, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other));
        thread.join().expect("nothing failed there");
    }
}
