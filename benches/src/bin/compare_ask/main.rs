//! Asks Truyvet the questions of the comparison with other databases, and tells how long each took and
//! a digest of its answer. `benches/compare` writes the questions and reads what this prints.
//!
//! ```text
//! questions.json -> question -> asker: the engine in this process, or a server over HTTP
//!                                  |-> first pass: digest of the rows (nothing is timed)
//!                                  |-> further passes: nanoseconds
//!                                  v
//!                          JSON on standard output
//! ```
//!
//! The clock runs from the question as a value (or as the text of a request) to the whole answer in
//! memory (or the whole body). What the digest needs is done after the clock has stopped.

mod digest;
mod engine;
mod http;
mod question;

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::ProgressBar;
use serde::Serialize;

use digest::Digest;
use question::{Question, QuestionSet};

/// As in `truyvet` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Asks Truyvet the questions of the comparison
#[derive(Debug, Parser)]
struct Args {
    /// Data directory, opened by this process
    #[arg(long, value_name = "DIR", required_unless_present = "url")]
    data: Option<PathBuf>,
    /// A running server to ask instead
    #[arg(long, conflicts_with_all = ["data", "cold"])]
    url: Option<String>,
    /// The questions
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// How often each is asked with the clock running
    #[arg(long, default_value_t = 3)]
    passes: u32,
    /// Seconds for one set of questions; when they are over, the rest of the set is left out
    #[arg(long, default_value_t = 120)]
    budget: u64,
    /// Ask each question once, with the system's page cache dropped before it; needs root
    #[arg(long)]
    cold: bool,
}

/// Somebody who answers.
trait Asker {
    /// What the clock stops at.
    type Answer;

    /// Asks; this is timed.
    fn ask(&self, question: &Question) -> Result<Self::Answer, Box<dyn Error>>;

    /// The rows of the answer; this is not timed.
    fn digest(&self, question: &Question, answer: &Self::Answer) -> Result<Digest, Box<dyn Error>>;
}

/// What became of a set of questions.
#[derive(Debug, Default, Serialize)]
struct Asked {
    name: String,
    digests: Vec<String>,
    rows: Vec<usize>,
    latency_ns: Vec<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let sets: Vec<QuestionSet> = serde_json::from_slice(&std::fs::read(&args.questions)?)?;
    let asked = match (&args.url, &args.data) {
        (Some(url), _) => run(&http::Http::new(url), &sets, &args)?,
        (None, Some(data)) => run(&engine::InProcess::open(data)?, &sets, &args)?,
        (None, None) => unreachable!("the command line asks for one of them"),
    };
    println!("{}", serde_json::to_string(&asked)?);
    Ok(())
}

fn run<A: Asker>(asker: &A, sets: &[QuestionSet], args: &Args) -> Result<Vec<Asked>, Box<dyn Error>> {
    let bar = ProgressBar::new(sets.iter().map(|set| set.questions.len() as u64).sum());
    let mut all = Vec::with_capacity(sets.len());
    for set in sets {
        let budget = Duration::from_secs(args.budget);
        all.push(if args.cold {
            ask_cold(asker, set, &bar)?
        } else {
            ask_warm(asker, set, args.passes, budget, &bar)?
        });
    }
    bar.finish_and_clear();
    Ok(all)
}

/// Half of the time is for the first pass, which also warms what the others find warm.
fn ask_warm<A: Asker>(
    asker: &A,
    set: &QuestionSet,
    passes: u32,
    budget: Duration,
    bar: &ProgressBar,
) -> Result<Asked, Box<dyn Error>> {
    let mut asked = Asked { name: set.name.clone(), ..Asked::default() };
    let began = Instant::now();
    for question in &set.questions {
        bar.inc(1);
        if began.elapsed() > budget / 2 && !asked.digests.is_empty() {
            continue;
        }
        asked.check(asker, question, &asker.ask(question)?)?;
    }
    let answered = &set.questions[..asked.digests.len()];
    for question in (0..passes).flat_map(|_| answered) {
        if began.elapsed() > budget && !asked.latency_ns.is_empty() {
            break;
        }
        asked.time(asker, question)?;
    }
    Ok(asked)
}

fn ask_cold<A: Asker>(asker: &A, set: &QuestionSet, bar: &ProgressBar) -> Result<Asked, Box<dyn Error>> {
    let mut asked = Asked { name: set.name.clone(), ..Asked::default() };
    for question in set.questions.iter().take(COLD_QUESTIONS_MAX) {
        drop_page_cache()?;
        let answer = asked.time(asker, question)?;
        asked.check(asker, question, &answer)?;
    }
    bar.inc(set.questions.len() as u64);
    Ok(asked)
}

impl Asked {
    fn time<A: Asker>(&mut self, asker: &A, question: &Question) -> Result<A::Answer, Box<dyn Error>> {
        let began = Instant::now();
        let answer = asker.ask(question)?;
        self.latency_ns.push(began.elapsed().as_nanos() as u64);
        Ok(answer)
    }

    fn check<A: Asker>(
        &mut self,
        asker: &A,
        question: &Question,
        answer: &A::Answer,
    ) -> Result<(), Box<dyn Error>> {
        let digest = asker.digest(question, answer)?;
        self.rows.push(digest.rows());
        self.digests.push(digest.finish());
        Ok(())
    }
}

/// Blocks that the engine itself keeps stay: its questions name others each time.
fn drop_page_cache() -> Result<(), Box<dyn Error>> {
    std::fs::write("/proc/sys/vm/drop_caches", "3")
        .map_err(|e| format!("the page cache cannot be dropped ({e}); run as root, or without --cold").into())
}

/// Each costs the time to drop the cache and to read everything anew.
const COLD_QUESTIONS_MAX: usize = 50;
