//! How much of the processors the threads take that write and merge runs.
//!
//! On few processors a merge beside arrivals makes these wait at every turn. So such threads work *behind*:
//! with what others leave. Only while nobody waits for them, because it may be nothing, and only for work
//! that holds no lock for long: whoever needs it would wait for a thread that gets no time.

use std::os::unix::thread::{JoinHandleExt as _, RawPthread};
use std::sync::OnceLock;
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
    /// Tells whether the system allows it.
    fn set(self, thread: RawPthread) -> bool {
        let policy = match self {
            Self::Alike => NormalThreadSchedulePolicy::Other,
            Self::Behind => NormalThreadSchedulePolicy::Idle,
        };
        let policy = ThreadSchedulePolicy::Normal(policy);
        let niceness = rustix::process::getpriority_process(None);
        let set = set_thread_priority_and_policy(
            thread,
            ThreadPriority::Os(ThreadPriorityOsValue::default()),
            policy,
        );
        // The library sets a niceness too, and that of the thread that calls, whichever was meant.
        niceness.and_then(|niceness| rustix::process::setpriority_process(None, niceness)).ok();
        set.is_ok()
    }
}

/// Does `work` behind others unless it is urgent; then the thread is as everybody.
pub(crate) fn behind_unless<T>(is_urgent: impl Fn() -> bool, work: impl FnOnce() -> T) -> T {
    if is_urgent() || !may_come_back() {
        return work();
    }
    Pace::Behind.set(thread_native_id());
    // It may have become urgent just before, and `Hurry` have come too early.
    if is_urgent() {
        Pace::Alike.set(thread_native_id());
    }
    let done = work();
    Pace::Alike.set(thread_native_id());
    done
}

/// Whether a thread that works behind may go on as everybody: to leave a policy takes a right that to take it
/// does not (`CAP_SYS_NICE`, or a limit of niceness of 20).
fn may_come_back() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    let try_it = || Pace::Behind.set(thread_native_id()) && Pace::Alike.set(thread_native_id());
    *MAY.get_or_init(|| {
        let may = std::thread::spawn(try_it).join().unwrap_or(false);
        if !may {
            tracing::info!(
                "merges run beside arrivals with equal right: this process may not raise a thread's priority again \
                 (LimitNICE=+0 of a unit, `--ulimit nice=20` of a container)"
            );
        }
        may
    })
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
        if may_come_back() {
            Pace::Alike.set(self.0);
        }
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
            behind_unless(
                || false,
                || {
                    reached.send(thread_schedule_policy()).expect("is read");
                    goes.recv().expect("is told");
                    reached.send(thread_schedule_policy()).expect("is read");
                },
            );
            behind_unless(|| false, || ());
            reached.send(thread_schedule_policy()).expect("is read");
            assert_eq!(niceness(), before);
        });
        let behind = reports.recv().expect("is told").expect("the system tells it");
        let expected = match may_come_back() {
            true => NormalThreadSchedulePolicy::Idle,
            false => NormalThreadSchedulePolicy::Other,
        };
        assert_eq!(behind, ThreadSchedulePolicy::Normal(expected));
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
