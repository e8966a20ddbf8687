//! Whose turn it is to be told: hooks in memory, what is known of each, and the workers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Mutex, RwLock};
use truyvet_engine::registry::Hook;
use truyvet_schemas::TimeMs;

use super::WAIT_MAX;
use super::trouble::Trouble;

/// All hooks, and whose turn comes when.
pub struct Hooks {
    /// Asks them.
    pub(super) agent: ureq::Agent,
    known: RwLock<Known>,
    /// Whose turn comes when, the next first. One that is there twice is passed over the second time.
    queue: Mutex<BinaryHeap<Reverse<(Instant, u64)>>>,
    first_wait: Duration,
    wakes: (Sender<()>, Receiver<()>),
    /// Hooks on their turn that failed the time before.
    struggling: AtomicUsize,
    taken: AtomicU64,
    failed: AtomicU64,
}

#[derive(Default)]
struct Known {
    all: BTreeMap<u64, Arc<Turn>>,
    by_area: HashMap<String, Vec<u64>>,
}

struct Turn {
    hook: Hook,
    state: Mutex<State>,
}

struct State {
    /// Something may be due.
    is_due: bool,
    /// Something may have happened that was not noted.
    compares: Option<Comparing>,
    /// The journey that it was told of last: it goes on behind that one, so that none waits for all others.
    told_to: u64,
    is_queued: bool,
    is_on: bool,
    not_before: Instant,
    shown: HookState,
}

/// Where the comparison of a hook's journeys with what it knows goes on: before the declaration of this number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparing {
    pub(super) before: Option<u64>,
}

/// What is to be done on a turn.
pub(super) struct Task {
    pub(super) comparing: Option<Comparing>,
    /// What is due is told from behind the declaration of this number on.
    pub(super) after: u64,
}

/// What a turn has come to.
pub(super) struct Went {
    /// Where the comparison goes on; none where it is through.
    pub(super) comparing: Option<Comparing>,
    /// What became of the message.
    pub(super) told: Result<Sent, Trouble>,
}

/// A message that was taken, or none that was needed.
pub(super) struct Sent {
    /// The journey that was told of last; 0: from the beginning again. None where there was nothing to tell.
    pub(super) to: Option<u64>,
    /// Whether more is due.
    pub(super) more: bool,
}

/// How a hook does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookState {
    /// Failures since it last took a message.
    pub failures: u32,
    /// When it last took a message, unix milliseconds; since the server's start.
    pub taken_at: Option<i64>,
    /// When it last failed, unix milliseconds, and why.
    pub failed: Option<(i64, Trouble)>,
    /// When it is tried again after a failure, unix milliseconds.
    pub next_at: Option<i64>,
}

impl Hooks {
    pub(in crate::people) fn new(hooks: Vec<Hook>, agent: ureq::Agent, first_wait: Duration) -> Self {
        let new = Self {
            agent,
            known: RwLock::default(),
            queue: Mutex::default(),
            first_wait,
            wakes: bounded(1),
            struggling: AtomicUsize::default(),
            taken: AtomicU64::default(),
            failed: AtomicU64::default(),
        };
        hooks.into_iter().for_each(|hook| new.put(hook));
        new
    }

    /// Knows this hook from now on; it is told of what is under way first.
    pub(super) fn put(&self, hook: Hook) {
        let (number, area) = (hook.number, hook.area.clone());
        let known = &mut *self.known.write();
        let of_area = known.by_area.entry(area).or_default();
        if !of_area.contains(&number) {
            of_area.push(number);
        }
        let turn = known.all.entry(number).or_insert_with(|| Arc::new(Turn::new(hook)));
        self.want(turn, |state| state.compares = Some(Comparing::default()));
    }

    /// Knows this hook no more.
    pub(super) fn forget(&self, number: u64) {
        let known = &mut *self.known.write();
        let Some(turn) = known.all.remove(&number) else { return };
        if let Some(of_area) = known.by_area.get_mut(&turn.hook.area) {
            of_area.retain(|other| *other != number);
        }
    }

    /// Whether there is none.
    pub(in crate::people) fn are_none(&self) -> bool {
        self.known.read().all.is_empty()
    }

    /// Numbers of the hooks of these areas.
    pub(super) fn of_areas<'a>(&self, areas: impl Iterator<Item = &'a str>) -> Vec<u64> {
        let known = self.known.read();
        areas.filter_map(|area| known.by_area.get(area)).flatten().copied().collect()
    }

    /// How the hook of this number does.
    pub fn state(&self, number: u64) -> Option<HookState> {
        Some(self.known.read().all.get(&number)?.state.lock().shown.clone())
    }

    /// Tries a hook again at once; whether there is such a hook.
    pub fn retry(&self, number: u64) -> bool {
        let known = self.known.read();
        let Some(turn) = known.all.get(&number) else { return false };
        self.want(turn, |state| {
            (state.is_due, state.is_queued, state.not_before) = (true, false, Instant::now());
            state.shown.next_at = None;
        });
        true
    }

    /// Messages that were taken, and tries that failed, since the start.
    pub fn counted(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    pub(super) fn are_due(&self, numbers: impl Iterator<Item = u64>) {
        let known = self.known.read();
        let turns = numbers.filter_map(|number| known.all.get(&number));
        turns.for_each(|turn| self.want(turn, |state| state.is_due = true));
    }

    /// Has every hook's journeys compared with what it knows.
    pub fn compare_all(&self) {
        let compare = |state: &mut State| state.compares = Some(Comparing::default());
        self.known.read().all.values().for_each(|turn| self.want(turn, compare));
    }

    /// Notes what a hook's turn is wanted for, and queues it where it is not queued yet.
    fn want(&self, turn: &Turn, note: impl FnOnce(&mut State)) {
        let mut state = turn.state.lock();
        note(&mut state);
        self.queue_up(turn, &mut state);
    }

    fn queue_up(&self, turn: &Turn, state: &mut State) {
        let is_wanted = state.is_due || state.compares.is_some();
        if !is_wanted || state.is_queued || state.is_on {
            return;
        }
        state.is_queued = true;
        self.queue.lock().push(Reverse((state.not_before.max(Instant::now()), turn.hook.number)));
        self.wakes.0.try_send(()).ok(); // one that waits is enough
    }

    /// Gives turns until `stops` says so. `tell` does what is to be done on one.
    pub(super) fn run(&self, stops: impl Fn() -> bool + Sync, tell: impl Fn(&Hook, Task) -> Went + Sync) {
        let (work, turns) = bounded::<(Arc<Turn>, Task)>(WORKERS);
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                let (turns, tell, stops) = (turns.clone(), &tell, &stops);
                let go = |(turn, task): (Arc<Turn>, Task)| self.go(&turn, task, tell);
                scope.spawn(move || turns.iter().take_while(|_| !stops()).for_each(go));
            }
            drop(turns);
            while !stops() {
                self.wakes.1.recv_timeout(LOOK_EVERY).ok();
                while let Some(turn) = self.next().filter(|_| !stops()) {
                    if let Some(task) = self.begin(&turn) {
                        work.send((turn, task)).ok();
                    }
                }
            }
            drop(work);
        });
    }

    /// The hook whose turn has come.
    fn next(&self) -> Option<Arc<Turn>> {
        loop {
            let number = self.pop()?;
            if let Some(turn) = self.known.read().all.get(&number) {
                return Some(Arc::clone(turn));
            }
        }
    }

    /// Its number. By itself, since whoever knows a hook may wait for the queue: nobody who holds the queue
    /// waits for anything.
    fn pop(&self) -> Option<u64> {
        let mut queue = self.queue.lock();
        let Reverse((at, _)) = queue.peek()?;
        if Instant::now() < *at {
            return None;
        }
        queue.pop().map(|Reverse((_, number))| number)
    }

    /// What is to be done, where it is the hook's turn now.
    fn begin(&self, turn: &Turn) -> Option<Task> {
        let mut state = turn.state.lock();
        state.is_queued = false;
        if state.is_on || state.not_before > Instant::now() {
            self.queue_up(turn, &mut state);
            return None;
        }
        if state.shown.failures > 0 {
            if self.struggling.load(Ordering::Relaxed) >= WORKERS / 2 {
                state.not_before = Instant::now() + LOOK_EVERY;
                self.queue_up(turn, &mut state);
                return None;
            }
            self.struggling.fetch_add(1, Ordering::Relaxed);
        }
        // Before anything is read: what happens from now on is due anew.
        (state.is_on, state.is_due) = (true, false);
        Some(Task { comparing: state.compares.take(), after: state.told_to })
    }

    fn go(&self, turn: &Turn, task: Task, tell: &impl Fn(&Hook, Task) -> Went) {
        let Went { comparing, told } = tell(&turn.hook, task);
        let now = TimeMs::now().get();
        let mut state = turn.state.lock();
        if state.shown.failures > 0 {
            self.struggling.fetch_sub(1, Ordering::Relaxed);
        }
        // One that was wanted meanwhile begins from the beginning.
        state.compares = state.compares.or(comparing);
        match told {
            Ok(Sent { to, more }) => {
                state.is_due |= more;
                (state.shown.failures, state.shown.next_at) = (0, None);
                if let Some(to) = to {
                    state.told_to = to;
                    state.shown.taken_at = Some(now);
                    self.taken.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(why) => {
                // What went wrong here is not the hook's failure: it waits no longer each time.
                let wait = if why.is_ours() { OWN_WAIT } else { self.wait_after(state.shown.failures) };
                state.is_due = true;
                state.not_before = Instant::now() + wait;
                state.shown.failures += u32::from(!why.is_ours());
                state.shown.next_at = Some(now + wait.as_millis() as i64);
                tracing::warn!(hook = turn.hook.number, %why, "a hook takes no message; it is tried again");
                state.shown.failed = Some((now, why));
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        state.is_on = false;
        self.queue_up(turn, &mut state);
    }

    fn wait_after(&self, failures: u32) -> Duration {
        self.first_wait.saturating_mul(1 << failures.min(20)).min(WAIT_MAX)
    }
}

impl Turn {
    /// One that begins by comparing: what happened while the server was off is not noted.
    fn new(hook: Hook) -> Self {
        let state = State {
            is_due: true,
            compares: Some(Comparing::default()),
            told_to: 0,
            is_queued: false,
            is_on: false,
            not_before: Instant::now(),
            shown: HookState::default(),
        };
        Self { hook, state: Mutex::new(state) }
    }
}

/// Messages on their way at once; each waits for the network most of the time.
const WORKERS: usize = 32;

/// How long a hook waits after a failure that was not its own.
const OWN_WAIT: Duration = Duration::from_secs(10);

/// How late a try after a failure may be.
const LOOK_EVERY: Duration = Duration::from_millis(100);
