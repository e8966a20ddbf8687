//! What is due to hooks, held against a map of what happened and what was taken, with reopening and crashes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use truyvet_schemas::TimeMs;

use super::tests::{NOW, Place, act};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Something happens to a journey.
    Happen(usize, u64),
    /// A hook takes what is due; meanwhile something happens to a journey, or nothing.
    Take(usize, Option<u64>),
    Remove(usize),
    Forget(u64),
    Rotate,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..HOOKS, 1u64..9).prop_map(|(hook, journey)| Step::Happen(hook, journey)),
        4 => (0..HOOKS, proptest::option::of(1u64..9)).prop_map(|(hook, meanwhile)| Step::Take(hook, meanwhile)),
        1 => (0..HOOKS).prop_map(Step::Remove),
        1 => (1u64..9).prop_map(Step::Forget),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// Declarations as of so many days.
fn number(day: u64) -> u64 {
    first_declaration_at(TimeMs::new(NOW + day as i64 * DAY_MS))
}

#[derive(Default)]
struct Twin {
    hooks: Vec<Option<Hook>>,
    due: BTreeSet<(u64, u64)>,
    told: BTreeMap<(u64, u64), Told>,
    takes: usize,
}

impl Twin {
    fn happen(&mut self, registry: &Registry, hook: &Hook, journey: u64) {
        registry.put_due(&[(hook.number, number(journey)), (1, number(journey))]).expect("written");
        self.due.insert((hook.number, number(journey)));
    }

    fn take(&mut self, registry: &Registry, hook: &Hook, meanwhile: Option<u64>) {
        self.takes += 1;
        let told = Told { passages: self.takes, arrived: false, revoked: false };
        let due = registry.due(hook.number, 0, 100).expect("whole");
        if let Some(journey) = meanwhile {
            self.happen(registry, hook, journey);
        }
        let taken: Vec<_> = due.iter().map(|due| (*due, Some(told))).collect();
        registry.settle(&taken).expect("written");
        for due in due {
            self.told.insert((hook.number, due.declaration), told);
            if meanwhile.map(number) != Some(due.declaration) {
                self.due.remove(&(hook.number, due.declaration));
            }
        }
    }

    fn remove(&mut self, registry: &Registry, place: usize) {
        let Some(Hook { number, .. }) = self.hooks[place].take() else { return };
        registry.remove_hook(number, act("hook.remove")).expect("it is there");
        assert!(matches!(registry.remove_hook(number, act("hook.remove")), Err(RegistryError::UnknownHook)));
        self.due.retain(|(hook, _)| *hook != number);
        self.told.retain(|(hook, _), _| *hook != number);
    }

    fn check(&self, registry: &Registry) {
        let known: Vec<Hook> = self.hooks.iter().flatten().cloned().collect();
        assert_eq!(registry.hooks(None, 10).expect("whole"), known);
        if let [first, rest @ ..] = known.as_slice() {
            assert_eq!(registry.hooks(Some(first.number), 10).expect("whole"), rest);
        }
        for hook in known {
            let due: Vec<u64> =
                registry.due(hook.number, 0, 100).expect("whole").iter().map(|due| due.declaration).collect();
            let of_hook = self.due.range((hook.number, 0)..=(hook.number, u64::MAX));
            assert_eq!(due, of_hook.map(|(_, declaration)| *declaration).collect::<Vec<_>>());
            if let [first, behind @ ..] = due.as_slice() {
                let page = registry.due(hook.number, *first, 1).expect("whole");
                assert_eq!(page.first().map(|due| due.declaration), behind.first().copied());
            }
            for day in 1..9 {
                let told = registry.told(hook.number, number(day)).expect("whole");
                assert_eq!(told, self.told.get(&(hook.number, number(day))).copied());
            }
        }
        assert_eq!(registry.due(1, 0, 100).expect("whole"), [], "nothing is due to a hook that is not there");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn what_is_due_to_hooks_agrees_with_its_naive_twin(steps in proptest::collection::vec(step(), 1..24)) {
        let (mut place, mut twin) = (Place::new(), Twin::default());
        for hook in 0..HOOKS {
            let url = format!("http://127.0.0.1/{hook}");
            let new = NewHook { area: "W1".to_owned(), url, secret: "whsec_".to_owned() };
            twin.hooks.push(Some(place.registry().add_hook(new, act("hook.add")).expect("room")));
        }
        for step in steps {
            match step {
                Step::Happen(hook, journey) => {
                    if let Some(hook) = twin.hooks[hook].clone() {
                        twin.happen(place.registry(), &hook, journey);
                    }
                }
                Step::Take(hook, meanwhile) => {
                    if let Some(hook) = twin.hooks[hook].clone() {
                        twin.take(place.registry(), &hook, meanwhile);
                    }
                }
                Step::Remove(hook) => twin.remove(place.registry(), hook),
                Step::Forget(day) => {
                    let before = TimeMs::new(NOW + day as i64 * DAY_MS);
                    place.registry().forget_told(before).expect("written");
                    twin.due.retain(|(_, declaration)| *declaration >= number(day));
                    twin.told.retain(|(_, declaration), _| *declaration >= number(day));
                }
                Step::Rotate => {
                    place.registry().rotate_master(act("keys.rotate")).expect("written");
                }
                Step::Reopen => place.reopen(),
                Step::Crash => place.crash(),
            }
        }
        twin.check(place.registry());
        place.reopen();
        twin.check(place.registry());
    }
}

const HOOKS: usize = 2;
const DAY_MS: i64 = 86_400_000;
