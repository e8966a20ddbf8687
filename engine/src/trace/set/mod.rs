//! Who is in a combination of passed-sets: in these two but not in that one.
//!
//! ```text
//! text --parse--> expression --plan--> plan --run--> ids of subjects --stream--> codes, chunk by chunk
//!                     |                 ^             ^
//!                     +--- operand: places, cost -----+--- subjects of one operand
//! ```
//!
//! `expression` defines the language. `parse`, `plan` and `run` are pure; only `operand` reads the
//! engine. Each operand's own size is told beside the answer, since it explains an empty one; an
//! operand that was not needed, because what stood before it was already empty, has none.

mod expression;
mod naive;
mod operand;
mod parse;
mod plan;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::answer::{Code, Incomplete, SetAnswer, SetHead, SetOperandSize};
use super::question::SetQuestion;
use super::stream::CodeOrder;
use super::view::View;
use crate::engine::Engine;
use crate::error::TraceError;
use operand::Operand;
use plan::Plan;

pub use expression::{Day, SetExpression, SetOperand, SetPlace, SetTime, UtcOffset};
pub use parse::SetExpressionError;

impl Engine {
    /// Who is in the combination of passed-sets.
    ///
    /// # Errors
    /// The list would be too long, or the store fails.
    pub fn set(&self, question: &SetQuestion) -> Result<SetFound, TraceError> {
        let view = View::new(self);
        let areas = self.catalog().site_areas();
        let asked = question.expression.operands();
        let mut unknown = BTreeSet::new();
        let operands: Vec<Operand> =
            asked.iter().map(|operand| operand::resolve(&view, operand, &mut unknown)).collect();
        let costs: Vec<u64> = operands.iter().map(|operand| operand.cost(&areas)).collect();
        let plan = Plan::new(&question.expression, &asked, &costs);
        let (subjects, sizes) =
            run::perform(&plan, operands.len(), |i| operand::subjects(&view, &areas, &operands[i]))?;

        let told = |(operand, subjects): (&&SetOperand, _)| {
            let interval = operand.time.interval();
            let (from, to) = (interval.from().get(), interval.to().get());
            SetOperandSize { expression: operand.to_string(), from, to, subjects }
        };
        let intervals = asked.iter().map(|operand| operand.time.interval());
        let incomplete: BTreeSet<Incomplete> = intervals.flat_map(|i| view.incomplete(i)).collect();
        let head = SetHead {
            subjects: subjects.len(),
            operands: asked.iter().zip(sizes).map(told).collect(),
            unknown: unknown.into_iter().collect(),
            incomplete: incomplete.into_iter().collect(),
        };
        let listed = if question.list { listed(subjects)? } else { Vec::new() };
        Ok(SetFound { head, codes: CodeOrder::new(self.clone(), listed) })
    }
}

fn listed(subjects: roaring::RoaringBitmap) -> Result<Vec<u32>, TraceError> {
    let needed = subjects.len();
    if needed > LIST_MAX {
        return Err(TraceError::TooLarge { what: "subjects in a list", needed, limit: LIST_MAX });
    }
    Ok(subjects.into_iter().collect())
}

/// The answer to a [`SetQuestion`], its list still to be written. It keeps the engine open.
pub struct SetFound {
    /// All but the list.
    pub head: SetHead,
    codes: CodeOrder,
}

impl SetFound {
    /// The listed codes in code order, a few thousand at a time.
    pub fn chunks(self) -> impl Iterator<Item = Vec<Code>> {
        self.codes.map(|chunk| chunk.into_iter().map(|coded| coded.code).collect())
    }

    /// Number of codes in the list.
    pub fn listed(&self) -> usize {
        self.codes.len()
    }

    /// The whole answer in memory.
    pub fn into_answer(self) -> SetAnswer {
        SetAnswer { head: self.head.clone(), list: self.chunks().flatten().collect() }
    }
}

/// Longest list: 80 MB of ids while it is written. Counts have no such limit.
const LIST_MAX: u64 = 20_000_000;
