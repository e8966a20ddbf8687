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
    compares: bool,
    is_queued: bool,
    is_on: bool,
    not_before: Instant,
    shown: HookState,
}

/// What a turn has come to.
pub(super) struct Went {
    /// Whether a message was taken; otherwise there was nothing to tell.
    pub(super) was_told: bool,
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
        self.want(turn, |state| state.compares = true);
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
        self.known.read().all.values().for_each(|turn| self.want(turn, |state| state.compares = true));
    }

    /// Notes what a hook's turn is wanted for, and queues it where it is not queued yet.
    fn want(&self, turn: &Turn, note: impl FnOnce(&mut State)) {
        let mut state = turn.state.lock();
        note(&mut state);
        self.queue_up(turn, &mut state);
    }

    fn queue_up(&self, turn: &Turn, state: &mut State) {
        let is_wanted = state.is_due || state.compares;
        if !is_wanted || state.is_queued || state.is_on {
            return;
        }
        state.is_queued = true;
        self.queue.lock().push(Reverse((state.not_before.max(Instant::now()), turn.hook.number)));
        self.wakes.0.try_send(()).ok(); // one that waits is enough
    }

    /// Gives turns until `stops` says so. `tell` tells a hook what is due, after having looked for what was not
    /// noted where its second argument says so; or says why the hook did not take it.
    pub(super) fn run(
        &self,
        stops: impl Fn() -> bool,
        tell: impl Fn(&Hook, bool) -> Result<Went, Trouble> + Sync,
    ) {
        let (work, turns) = bounded::<(Arc<Turn>, bool)>(WORKERS);
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                let (turns, tell) = (turns.clone(), &tell);
                scope.spawn(move || turns.iter().for_each(|(turn, compares)| self.go(&turn, compares, tell)));
            }
            drop(turns);
            while !stops() {
                self.wakes.1.recv_timeout(LOOK_EVERY).ok();
                while let Some(turn) = self.next().filter(|_| !stops()) {
                    if let Some(compares) = self.begin(&turn) {
                        work.send((turn, compares)).ok();
                    }
                }
            }
            drop(work);
        });
    }

    /// The hook whose turn has come.
    fn next(&self) -> Option<Arc<Turn>> {
        let mut queue = self.queue.lock();
        loop {
            let Reverse((at, _)) = queue.peek()?;
            if Instant::now() < *at {
                return None;
            }
            let Reverse((_, number)) = queue.pop()?;
            if let Some(turn) = self.known.read().all.get(&number) {
                return Some(Arc::clone(turn));
            }
        }
    }

    /// Whether it is the hook's turn now, and whether its journeys are to be compared.
    fn begin(&self, turn: &Turn) -> Option<bool> {
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
        Some(std::mem::take(&mut state.compares))
    }

    fn go(&self, turn: &Turn, compares: bool, tell: &impl Fn(&Hook, bool) -> Result<Went, Trouble>) {
        let went = tell(&turn.hook, compares);
        let now = TimeMs::now().get();
        let mut state = turn.state.lock();
        if state.shown.failures > 0 {
            self.struggling.fetch_sub(1, Ordering::Relaxed);
        }
        match went {
            Ok(Went { was_told, more }) => {
                state.is_due |= more;
                (state.shown.failures, state.shown.next_at) = (0, None);
                if was_told {
                    state.shown.taken_at = Some(now);
                    self.taken.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(why) => {
                let wait = self.wait_after(state.shown.failures);
                (state.is_due, state.compares) = (true, state.compares || compares);
                state.not_before = Instant::now() + wait;
                state.shown.failures += 1;
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
            compares: true,
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

/// How late a try after a failure may be.
const LOOK_EVERY: Duration = Duration::from_millis(100);
