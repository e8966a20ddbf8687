//! The twin of [`Engine::set`](crate::Engine::set): each operand's subjects by a look at every scan, and
//! the expression by the definition of its operators.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::{SetExpression, SetOperand, SetPlace};
use crate::trace::answer::{Code, SetAnswer, SetHead, SetOperandSize};
use crate::trace::naive::Naive;
use crate::trace::question::SetQuestion;

impl Naive {
    /// See [`crate::Engine::set`]. `areas` are the codes of the sites below each area. Every operand's
    /// size is told.
    pub fn set(&self, question: &SetQuestion, areas: &BTreeMap<String, Vec<String>>) -> SetAnswer {
        let operands = question.expression.operands();
        let told = |operand: &&SetOperand| SetOperandSize {
            expression: operand.to_string(),
            from: operand.time.interval().from().get(),
            to: operand.time.interval().to().get(),
            subjects: Some(self.passed_operand(operand, areas).len() as u64),
        };
        let is_known = |place: &SetPlace, code: &String| match place {
            SetPlace::Sites(_) => self.scans.iter().any(|scan| scan.site == *code),
            SetPlace::Areas(_) => areas.contains_key(code),
        };
        let unknown = operands.iter().flat_map(|operand| {
            let (SetPlace::Sites(codes) | SetPlace::Areas(codes)) = &operand.place;
            codes.iter().filter(|code| !is_known(&operand.place, code))
        });
        let unknown: BTreeSet<&String> = unknown.collect();
        let found = self.found(&question.expression, areas);
        SetAnswer {
            head: SetHead {
                subjects: found.len() as u64,
                operands: operands.iter().map(told).collect(),
                unknown: unknown.into_iter().cloned().collect(),
                incomplete: Vec::new(),
            },
            list: if question.list { found.into_iter().map(Code::new).collect() } else { Vec::new() },
        }
    }

    fn found(&self, expression: &SetExpression, areas: &BTreeMap<String, Vec<String>>) -> BTreeSet<&str> {
        match expression {
            SetExpression::Passed(operand) => self.passed_operand(operand, areas),
            SetExpression::And(a, b) => &self.found(a, areas) & &self.found(b, areas),
            SetExpression::Or(a, b) => &self.found(a, areas) | &self.found(b, areas),
            SetExpression::Not(a, b) => &self.found(a, areas) - &self.found(b, areas),
        }
    }

    fn passed_operand(&self, operand: &SetOperand, areas: &BTreeMap<String, Vec<String>>) -> BTreeSet<&str> {
        let is_there = |site: &String| match &operand.place {
            SetPlace::Sites(sites) => sites.contains(site),
            SetPlace::Areas(codes) => {
                codes.iter().filter_map(|code| areas.get(code)).any(|sites| sites.contains(site))
            }
        };
        let interval = operand.time.interval();
        let scans = self.scans.iter().filter(|scan| interval.contains(scan.at) && is_there(&scan.site));
        scans.map(|scan| scan.subject.as_str()).collect()
    }
}
