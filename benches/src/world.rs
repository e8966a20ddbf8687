//! Two sealed weeks of a nation, and whom to ask about: 20 million scans, a million people, 5,000 sites.
//!
//! The engine is built once a run, by import, in the directory for temporary files, and removed at the
//! end; what a stopped run has left there is gone on with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use truyvet_engine::{Engine, EngineConfig, Interval};
use truyvet_loadtest::nation::{History, Nation};
use truyvet_schemas::TimeMs;

use crate::chunks::{Coding, chunks};
use crate::{size, tables};

/// The engine, and whom it is asked about.
pub struct World {
    /// All scans are sealed.
    pub engine: Engine,
    /// All drawn from one day's scans.
    pub subjects: Vec<String>,
    dir: PathBuf,
    start_ms: i64,
    next: AtomicUsize,
}

impl World {
    /// Whether something has asked for it.
    pub fn is_built() -> bool {
        WORLD.get().is_some()
    }

    fn build() -> Self {
        let scans = size::scans_or(20_000_000);
        let people = scans.div_ceil(20).min(1_000_000) as u32;
        let nation = Nation::new(SEED, people, people.div_ceil(200));
        let history = History::new(&nation, FIRST_DAY, DAYS as u32, scans as u64);
        let dir = std::env::temp_dir().join(format!("truyvet-bench-world-{SEED}-{scans}"));
        let engine = open(&dir, &nation, &history);
        let middle = FIRST_DAY + DAYS / 2;
        let step = (history.scans_on(middle) as usize / SUBJECTS).max(1);
        let asked = history.scans_of_day(middle).step_by(step).take(SUBJECTS);
        let subjects = asked.map(|scan| nation.codes.text(scan.person)).collect();
        Self { engine, dir, start_ms: history.span_ms().start, subjects, next: AtomicUsize::new(0) }
    }

    /// Another one each time.
    pub fn subject(&self) -> String {
        self.subjects[self.next.fetch_add(1, Ordering::Relaxed) % self.subjects.len()].clone()
    }

    /// Others each time.
    pub fn some_subjects(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.subject()).collect()
    }

    /// Milliseconds from the history's start.
    ///
    /// # Panics
    /// When `from_ms` is after `to_ms`.
    pub fn interval(&self, from_ms: i64, to_ms: i64) -> Interval {
        let instant = |ms| TimeMs::new(self.start_ms + ms);
        Interval::new(instant(from_ms), instant(to_ms)).expect("the interval goes forward")
    }
}

/// The one of this run, built when it is asked for first.
pub fn world() -> &'static World {
    WORLD.get_or_init(World::build)
}

/// Removes its files, if it was built; nothing is asked of it afterwards.
pub fn remove_world() {
    if let Some(world) = WORLD.get() {
        std::fs::remove_dir_all(&world.dir).ok();
    }
}

/// An engine with all of the history, sealed. The digest stands for the parameters, as the directory's
/// name does, so rows that are there already are passed over.
fn open(dir: &Path, nation: &Nation, history: &History<'_>) -> Engine {
    let engine = Engine::open(dir, EngineConfig::default()).expect("the directory is new or of a run before");
    tables::put_places(engine.catalog(), &nation.land).expect("the places are good");
    tables::put_people(engine.catalog(), nation).expect("their wards are known");
    let mut import = engine.begin_import([SEED as u8; 32], "bench").expect("the store works");
    let done = import.rows_done();
    chunks(nation, history, Coding::Dictionary)
        .filter(|chunk| chunk.first_row > done)
        .for_each(|chunk| import.push(chunk).expect("the rows follow each other"));
    import.commit().expect("the store works");
    engine.seal().expect("the store works");
    engine
}

static WORLD: OnceLock<World> = OnceLock::new();

const SEED: u64 = 1;

/// Days of the history.
pub const DAYS: i64 = 14;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

const SUBJECTS: usize = 1_000;

/// 2021-08-03.
const FIRST_DAY: i64 = 18_842;
