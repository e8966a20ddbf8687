//! Rollups against postings: made anew from the same leaves in the same order, they have the same bytes.

use std::collections::BTreeMap;

use super::Checker;
use super::report::At;
use crate::error::EngineError;
use crate::index::keys;
use crate::index::rollups::{Areas, Builder};
use crate::index::rows::FullPosting;
use crate::partition::run::Run;

/// The rollups that a run should have, in the making.
pub(super) enum Rollups<'a> {
    /// Those of the tree of today.
    Today(Builder<'a>),
    /// Those of another state of the tree, which cannot be made anew.
    Former,
    /// None.
    None,
}

impl<'a> Rollups<'a> {
    pub(super) fn new(run: &Run, areas: &'a Areas) -> Self {
        match run.entry.rollup_tree {
            Some(tree) if tree == areas.tree => Self::Today(Builder::new(areas)),
            Some(_) => Self::Former,
            None => Self::None,
        }
    }

    pub(super) fn add(&mut self, site: u32, rows: &[FullPosting]) {
        if let Self::Today(builder) = self {
            builder.add(site, rows);
        }
    }

    /// Compares them with those of the run.
    pub(super) fn check(self, checker: &mut Checker<'_>, at: At<'_>, run: &Run) -> Result<(), EngineError> {
        let mut expected: BTreeMap<(u32, i32), Vec<u8>> = match self {
            Self::Today(builder) => builder.finish().collect(),
            Self::None => BTreeMap::new(),
            Self::Former => {
                checker.report.unchecked_rollups.push(run.entry.number);
                return Ok(());
            }
        };
        let (from, to) = keys::rollup_bounds(run.entry.number);
        for entry in run.sweep(&checker.shared.store, &from, &to)? {
            let (key, bytes) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    checker.damage("rollups", at, error);
                    return Ok(());
                }
            };
            let place = keys::rollup_of(&key);
            let Some(own) = place.and_then(|place| expected.remove(&place)) else {
                checker.damage("rollups", at, format!("{place:?} (area, day) should not be there"));
                continue;
            };
            if own != *bytes {
                checker.damage("rollups", at, format!("{place:?} (area, day) is not that of the postings"));
            }
            checker.report.rollups += 1;
        }
        for place in expected.into_keys() {
            checker.damage("rollups", at, format!("{place:?} (area, day) is missing"));
        }
        Ok(())
    }
}
