//! In which order the sets of an expression are read and combined. Pure.
//!
//! ```text
//! (A and B) not C       All  A, keep B, remove C      what is left bounds every later step
//! A or B or C           Any  A, B, C
//! ```
//!
//! Chains of `and` and `not` become one [`Plan::All`], whatever their parentheses: a set of them may be
//! taken in any order but for the first, which one of the kept must be. The cheapest come first, since
//! an empty set ends the work and the sets after it are never read.

use super::expression::{SetExpression, SetOperand};

/// What to read, and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The set of this operand.
    Read(usize),
    /// Those in any of the sets.
    Any(Vec<Plan>),
    /// Those in the first set whom every step leaves.
    All { first: Box<Plan>, then: Vec<Step> },
}

/// What a further set does to those found so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Only those in it stay.
    Keep(Plan),
    /// Those in it go.
    Remove(Plan),
}

impl Plan {
    /// Plans the expression. `operands` are those of the expression; `costs` what it costs to read each.
    pub(super) fn new(expression: &SetExpression, operands: &[&SetOperand], costs: &[u64]) -> Self {
        match expression {
            SetExpression::Passed(operand) => {
                let place = operands.iter().position(|known| known == &operand);
                Self::Read(place.expect("the operands are those of the expression"))
            }
            SetExpression::Or(left, right) => {
                let mut sets = Vec::new();
                for side in [left, right] {
                    match Self::new(side, operands, costs) {
                        Self::Any(inner) => sets.extend(inner),
                        other => sets.push(other),
                    }
                }
                Self::Any(sets)
            }
            SetExpression::And(left, right) => {
                let (mut kept, mut removed) = Self::new(left, operands, costs).split();
                let (more_kept, more_removed) = Self::new(right, operands, costs).split();
                kept.extend(more_kept);
                removed.extend(more_removed);
                Self::all(kept, removed, costs)
            }
            SetExpression::Not(left, right) => {
                let (kept, mut removed) = Self::new(left, operands, costs).split();
                match Self::new(right, operands, costs) {
                    Self::Any(inner) => removed.extend(inner),
                    other => removed.push(other),
                }
                Self::all(kept, removed, costs)
            }
        }
    }

    /// How often each operand is read, if no set is empty.
    pub(super) fn count_reads(&self, reads: &mut [u32]) {
        match self {
            Self::Read(operand) => reads[*operand] += 1,
            Self::Any(sets) => sets.iter().for_each(|set| set.count_reads(reads)),
            Self::All { first, then } => {
                first.count_reads(reads);
                then.iter().for_each(|step| step.plan().count_reads(reads));
            }
        }
    }

    /// The sets whose members are kept, and those whose members are removed from them.
    fn split(self) -> (Vec<Self>, Vec<Self>) {
        let Self::All { first, then } = self else { return (vec![self], Vec::new()) };
        let (mut kept, mut removed) = (vec![*first], Vec::new());
        for step in then {
            match step {
                Step::Keep(plan) => kept.push(plan),
                Step::Remove(plan) => removed.push(plan),
            }
        }
        (kept, removed)
    }

    fn all(mut kept: Vec<Self>, removed: Vec<Self>, costs: &[u64]) -> Self {
        kept.sort_by_key(|plan| plan.cost(costs));
        let mut kept = kept.into_iter();
        let first = Box::new(kept.next().expect("every operator has a set on its left"));
        let mut then: Vec<Step> = kept.map(Step::Keep).chain(removed.into_iter().map(Step::Remove)).collect();
        then.sort_by_key(|step| step.plan().cost(costs));
        Self::All { first, then }
    }

    fn cost(&self, costs: &[u64]) -> u64 {
        match self {
            Self::Read(operand) => costs[*operand],
            Self::Any(sets) => sets.iter().fold(0, |sum, set| sum.saturating_add(set.cost(costs))),
            Self::All { first, then } => {
                then.iter().fold(first.cost(costs), |sum, step| sum.saturating_add(step.plan().cost(costs)))
            }
        }
    }
}

impl Step {
    fn plan(&self) -> &Plan {
        match self {
            Self::Keep(plan) | Self::Remove(plan) => plan,
        }
    }
}
