//! The questions and their answers, as DESIGN defines them.
//!
//! ```text
//! question   what is asked, as a value
//! asking     what a question may cost, and what it has cost
//! explained  the steps it took, and what it touched
//! view       one moment of the engine: live tables and runs read as one
//! trails     the scans of subjects in it
//! distinct   distinct subjects in the making
//! parallel   work of a wide question on all processors
//! bits, by_code   a set of subjects; subjects in order of their codes
//! sweep      the scans near given scans, every stretch of a site read once
//! passed trail contacts chain common set stays  one question each, and with the last how many were inside
//! inside     who is inside a site, event by event
//! stream     the codes of a long list in order, chunk by chunk
//! naive      the same answers by their definitions, slowly; what the tests compare with
//! answer     what is told, in the shape of its JSON
//! ```

mod answer;
mod asking;
mod bits;
mod by_code;
mod chain;
mod common;
mod contacts;
mod distinct;
mod explained;
mod inside;
pub mod naive;
mod parallel;
mod passed;
mod question;
mod set;
mod stays;
mod stream;
mod sweep;
mod trail;
mod trails;
mod view;

pub use answer::*;
pub use asking::Asking;
pub use explained::{Explained, Step, Times, Way};
pub use passed::PassedFound;
pub use question::*;
pub use set::{Day, SetExpression, SetExpressionError, SetFound, SetOperand, SetPlace, SetTime, UtcOffset};
