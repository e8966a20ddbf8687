//! The engine in this process: what a question costs without a socket and without JSON.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use truyvet_engine::{
    Chain, ChainAnswer, Common, CommonAnswer, Contacts, ContactsAnswer, Engine, EngineConfig, Interval,
    Passed, PassedAnswer, SetAnswer, SetExpression, SetQuestion, Trail, TrailAnswer, UtcOffset,
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
    Both(SetAnswer),
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

    fn both(&self, first: &Visit, second: &Visit) -> Result<SetAnswer, Box<dyn Error>> {
        let expression = SetExpression::parse(&both_expression(first, second), UtcOffset::default())?;
        Ok(self.engine.set(&SetQuestion { expression, list: true })?.into_answer())
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
            Answer::Both(answer) => Digest::subjects(&answer.list),
            Answer::Common(answer) => Digest::common(answer),
        })
    }
}

/// The set question about those of both visits.
pub(crate) fn both_expression(first: &Visit, second: &Visit) -> String {
    let visit = |v: &Visit| format!("site \"{}\" from {} to {}", v.site, v.from_ms, v.to_ms);
    format!("{} and {}", visit(first), visit(second))
}

fn interval(from_ms: i64, to_ms: i64) -> Result<Interval, Box<dyn Error>> {
    Ok(Interval::new(TimeMs::new(from_ms), TimeMs::new(to_ms))?)
}
