//! The engine in this process: what a question costs without a socket and without JSON.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use truyvet_engine::{
    Chain, ChainAnswer, Common, CommonAnswer, Contacts, ContactsAnswer, Engine, EngineConfig, Interval,
    Passed, PassedAnswer, Trail, TrailAnswer,
};
use truyvet_schemas::TimeMs;

use super::Asker;
use super::digest::Digest;
use super::question::{Question, Visit};

/// The engine, opened here.
pub(crate) struct InProcess {
    engine: Engine,
}

/// An answer as the engine gives it.
#[derive(Debug)]
pub(crate) enum Answer {
    Passed(PassedAnswer),
    Distinct(PassedAnswer),
    Trail(TrailAnswer),
    Contacts(ContactsAnswer),
    Chain(ChainAnswer),
    Both(Vec<String>),
    Common(CommonAnswer),
}

impl InProcess {
    /// Opens the data directory with the default settings.
    pub(crate) fn open(data: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            engine: Engine::open(data, EngineConfig { memory_bytes: 6 << 30, ..EngineConfig::default() })?,
        })
    }

    fn passed(&self, visit: &Visit) -> Result<PassedAnswer, Box<dyn Error>> {
        let interval = interval(visit.from_ms, visit.to_ms)?;
        let question = Passed { sites: vec![visit.site.clone()], areas: Vec::new(), interval, list: true };
        Ok(self.engine.passed(&question)?)
    }

    /// Two lists in order of code, merged: the engine has no question about sets of passages.
    fn both(&self, first: &Visit, second: &Visit) -> Result<Vec<String>, Box<dyn Error>> {
        let (first, second) = (self.passed(first)?, self.passed(second)?);
        Ok(intersect(&first, &second))
    }
}

impl Asker for InProcess {
    type Answer = Answer;

    fn ask(&self, question: &Question) -> Result<Answer, Box<dyn Error>> {
        let engine = &self.engine;
        Ok(match question {
            Question::Passed(visit) => Answer::Passed(self.passed(visit)?),
            Question::Distinct { area, from_ms, to_ms } => {
                let interval = interval(*from_ms, *to_ms)?;
                let areas = vec![area.clone()];
                Answer::Distinct(engine.passed(&Passed {
                    sites: Vec::new(),
                    areas,
                    interval,
                    list: false,
                })?)
            }
            Question::Trail { subject, from_ms, to_ms } => {
                let interval = interval(*from_ms, *to_ms)?;
                Answer::Trail(engine.trail(&Trail { subject: subject.clone(), interval })?)
            }
            Question::Contacts { subject, from_ms, to_ms, window_ms } => {
                let interval = interval(*from_ms, *to_ms)?;
                let (subjects, window) = (vec![subject.clone()], Duration::from_millis(*window_ms));
                Answer::Contacts(engine.contacts(&Contacts { subjects, interval, window, pairs: false })?)
            }
            Question::Chain { seeds, from_ms, to_ms, window_ms, generations } => {
                let seeds = seeds.iter().map(|s| (s.subject.clone(), Some(TimeMs::new(s.exposed_at_ms))));
                let (seeds, interval) = (seeds.collect(), interval(*from_ms, *to_ms)?);
                let window = Duration::from_millis(*window_ms);
                Answer::Chain(engine.chain(&Chain {
                    seeds,
                    interval,
                    window,
                    generations: *generations,
                    list: true,
                })?)
            }
            Question::Both { first, second } => Answer::Both(self.both(first, second)?),
            Question::Common { subjects, from_ms, to_ms, cell_ms, top } => {
                let (subjects, interval) = (subjects.clone(), interval(*from_ms, *to_ms)?);
                let cell = Duration::from_millis(*cell_ms);
                Answer::Common(engine.common(&Common { subjects, interval, cell, top: *top })?)
            }
        })
    }

    fn digest(&self, _: &Question, answer: &Answer) -> Result<Digest, Box<dyn Error>> {
        Ok(match answer {
            Answer::Passed(answer) => Digest::passed(answer),
            Answer::Distinct(answer) => Digest::distinct(answer),
            Answer::Trail(answer) => Digest::trail(answer),
            Answer::Contacts(answer) => Digest::contacts(answer),
            Answer::Chain(answer) => Digest::chain(answer),
            Answer::Both(subjects) => Digest::subjects(subjects),
            Answer::Common(answer) => Digest::common(answer),
        })
    }
}

/// The subjects of both lists, which are in order of code.
pub(crate) fn intersect(first: &PassedAnswer, second: &PassedAnswer) -> Vec<String> {
    let mut others = second.list.iter().peekable();
    let mut both = Vec::new();
    for row in &first.list {
        while others.next_if(|other| other.subject < row.subject).is_some() {}
        if others.peek().is_some_and(|other| other.subject == row.subject) {
            both.push(row.subject.clone());
        }
    }
    both
}

fn interval(from_ms: i64, to_ms: i64) -> Result<Interval, Box<dyn Error>> {
    Ok(Interval::new(TimeMs::new(from_ms), TimeMs::new(to_ms))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use truyvet_engine::PassedSubject;

    #[test]
    fn the_intersection_has_those_of_both_lists() {
        let list = |codes: &[&str]| {
            let row = |code: &&str| PassedSubject { subject: (*code).into(), first: 0, last: 0, scans: 1 };
            PassedAnswer { list: codes.iter().map(row).collect(), ..PassedAnswer::default() }
        };
        assert_eq!(intersect(&list(&["A", "C", "D", "F"]), &list(&["B", "C", "E", "F"])), ["C", "F"]);
        assert!(intersect(&list(&["A"]), &list(&[])).is_empty());
    }
}
