//! Levels of areas held against a list that is searched from its end, with reopening and crashes.

use proptest::prelude::*;
use truyvet_schemas::TimeMs;

use super::tests::{NOW, Place, act};
use super::*;

/// Areas as a ward, its district and its province; the names begin alike.
const PATH: [&str; 3] = ["W", "W1", "W12"];

#[derive(Clone, Debug)]
enum Step {
    Set { area: usize, level: u8, from: i64, lasts: Option<i64> },
    End { area: usize, number: u64 },
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..3, 0u8..4, -20i64..20, proptest::option::of(1i64..20))
            .prop_map(|(area, level, from, lasts)| Step::Set { area, level, from, lasts }),
        3 => (0usize..3, 1u64..6).prop_map(|(area, number)| Step::End { area, number }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// Everything that was set, in the order in which it was.
#[derive(Default)]
struct Twin {
    sets: Vec<LevelSet>,
    acts: u64,
}

impl Twin {
    fn of(&self, area: &str) -> Vec<LevelSet> {
        self.sets.iter().rev().filter(|set| set.area == area).cloned().collect()
    }

    fn level_at(&self, areas: &[&str], at: i64) -> Option<LevelSet> {
        areas.iter().find_map(|area| self.of(area).into_iter().find(|set| holds(set, at)))
    }

    /// The first instant after `at` at which the area's own level is another, searched one by one.
    fn until(&self, set: &LevelSet, at: i64) -> Option<i64> {
        (at + 1..NOW + 200).find(|later| self.level_at(&[&set.area], *later).as_ref() != Some(set))
    }

    fn set(&mut self, registry: &Registry, new: NewLevel, act: Act) {
        let number = self.of(&new.area).len() as u64 + 1;
        let NewLevel { area, level, from, to } = new.clone();
        let set = LevelSet { number, area, level, from, to, by: act.actor.clone(), at: act.at, ended: None };
        assert_eq!(registry.set_level(new, act).expect("room"), set);
        self.sets.push(set);
        self.acts += 1;
    }

    fn end(&mut self, registry: &Registry, area: &str, number: u64, act: Act) {
        let known = self.sets.iter_mut().find(|set| set.area == area && set.number == number);
        let ended = registry.end_level(area, number, act.clone());
        let Some(known) = known else {
            assert!(matches!(ended, Err(RegistryError::UnknownLevel)));
            return;
        };
        let is_over = known.to.is_some_and(|to| to <= act.at) || known.ended.is_some();
        if !is_over {
            known.ended = Some(LevelEnded { at: act.at, by: act.actor });
        }
        assert_eq!(&ended.expect("known"), known);
        self.acts += 1;
    }

    fn check(&self, registry: &Registry, now: i64) {
        for first in 0..PATH.len() {
            let path = &PATH[first..];
            for at in now..now + 40 {
                let standing = registry.level_at(path, TimeMs::new(at)).expect("whole");
                let expected = self.level_at(path, at);
                assert_eq!(standing.as_ref().map(|standing| &standing.set), expected.as_ref(), "{at}");
                if let Some(Standing { set, until }) = standing {
                    assert_eq!(until, self.until(&set, at), "{set:?} at {at}");
                }
            }
        }
        for area in PATH {
            let all = self.of(area);
            assert_eq!(registry.levels(area, None, 100).expect("whole"), all);
            for at in 1..all.len() {
                let page = registry.levels(area, Some(all[at - 1].number), 1).expect("whole");
                assert_eq!(page, all[at..=at]);
            }
        }
        let tip = registry.verify_audit().expect("whole").expect("unbroken");
        assert_eq!(tip.seq, self.acts, "every change is in the log once");
    }
}

fn holds(set: &LevelSet, at: i64) -> bool {
    let is_ended = set.ended.as_ref().is_some_and(|ended| ended.at <= at);
    set.from <= at && set.to.is_none_or(|to| at < to) && !is_ended
}

fn at(now: i64) -> Act {
    Act { at: now, ..act("situation.set") }
}

fn new(area: &str, level: &str, from: i64, to: Option<i64>) -> NewLevel {
    NewLevel { area: area.to_owned(), level: level.to_owned(), from, to }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn levels_of_areas_agree_with_their_naive_twin(steps in proptest::collection::vec(step(), 1..24)) {
        let (mut place, mut twin, mut now) = (Place::new(), Twin::default(), NOW);
        for step in steps {
            now += 3; // so that some are over when the next is set
            match step {
                Step::Set { area, level, from, lasts } => {
                    let from = now + from;
                    let new = new(PATH[area], &level.to_string(), from, lasts.map(|lasts| from + lasts));
                    twin.set(place.registry(), new, at(now));
                }
                Step::End { area, number } => twin.end(place.registry(), PATH[area], number, at(now)),
                Step::Reopen => place.reopen(),
                Step::Crash => place.crash(),
            }
        }
        twin.check(place.registry(), now);
        place.reopen();
        twin.check(place.registry(), now);
    }
}

#[test]
fn an_area_has_room_again_when_levels_are_over() {
    let place = Place::new();
    let registry = place.registry();
    for number in 0..OPEN_LEVELS_MAX as i64 {
        registry.set_level(new("W", "red", NOW + number, Some(NOW + number + 1)), at(NOW)).expect("room");
    }
    let full = registry.set_level(new("W", "red", NOW, None), at(NOW));
    assert!(matches!(full, Err(RegistryError::TooManyLevels)));
    registry.set_level(new("W1", "red", NOW, None), at(NOW)).expect("another area has its own room");
    let set = registry.set_level(new("W", "red", NOW, None), at(NOW + 1)).expect("the first is over");
    assert_eq!(set.number, OPEN_LEVELS_MAX as u64 + 1, "history goes on");
}
