//! `truyvet trace`: the arguments become the parameters that HTTP takes too, and are judged there.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::error::CliError;
use super::output::{Format, Output};
use super::target::{Asked, Target};
use crate::question::{Answer, Kind, Params, Question};
use crate::sheet::Sheet;

/// The questions.
#[derive(Debug, Subcommand)]
pub(super) enum Trace {
    /// Who passed sites or areas
    Passed(Passed),
    /// Where a subject was
    Trail(Trail),
    /// Whom subjects met
    Contacts(Contacts),
    /// Who met those, generation by generation
    Chain(Chain),
    /// Where and when most of the given subjects were
    Common(Common),
}

#[derive(Debug, Args)]
pub(super) struct Passed {
    /// Codes of sites
    #[arg(long, num_args = 1.., value_name = "CODE")]
    site: Vec<String>,
    /// Codes of areas; all sites below them count
    #[arg(long, num_args = 1.., value_name = "CODE")]
    area: Vec<String>,
    /// Count only
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Trail {
    /// Code of the subject
    #[arg(long, value_name = "CODE")]
    subject: String,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Contacts {
    /// Codes of the subjects
    #[arg(long, required = true, num_args = 1.., value_name = "CODE")]
    subject: Vec<String>,
    /// Longest time between the two scans of a contact: a whole number and one of ms, s, m, h, d
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    window: String,
    /// Tell every pair of scans
    #[arg(long)]
    pairs: bool,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Chain {
    /// Codes of the seeds, each with the time from which it is exposed if that is not --from
    #[arg(long, required = true, num_args = 1.., value_name = "CODE[@T]")]
    seed: Vec<String>,
    /// Longest time between the two scans of a contact: a whole number and one of ms, s, m, h, d
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    window: String,
    /// How many generations after the seeds, at most 10
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    generations: String,
    /// Count only
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// File with the subjects' codes, one a line; - is standard input
    #[arg(long, value_name = "FILE")]
    subjects: PathBuf,
    /// Length of a cell's time: a whole number and one of ms, s, m, h, d
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    cell: String,
    /// How many cells to tell
    #[arg(long, value_name = "NUMBER", default_value = "20")]
    top: String,
    #[command(flatten)]
    rest: Rest,
}

/// What every question has.
#[derive(Debug, Args)]
pub(super) struct Rest {
    /// First instant: RFC 3339 with an offset, or unix milliseconds
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: String,
    /// First instant after
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

impl Trace {
    /// Asks, and shows the answer.
    pub(super) fn run(self) -> Result<(), CliError> {
        let (kind, params) = self.params()?;
        let rest = self.rest();
        let format = rest.output.format()?;
        // Judged here even where a server will judge it too: wrong usage should not need one.
        let question = Question::parse(kind, params.clone())?;
        let bytes = match rest.target.open()? {
            Asked::Engine(engine, _) => written(format, &question.ask(&engine).map_err(trace_error)?)?,
            Asked::Server(client) => {
                let json = client.post_raw(&format!("/api/v1/trace/{}", kind.as_str()), &params.to_json())?;
                if format == Format::Json {
                    with_newline(json)
                } else {
                    let answer = Answer::from_json(kind, &json).map_err(CliError::failed)?;
                    written(format, &answer)?
                }
            }
        };
        rest.output.write(&bytes)
    }

    /// The names and values that HTTP takes.
    pub(super) fn params(&self) -> Result<(Kind, Params), CliError> {
        let mut params = Params::default();
        let rest = self.rest();
        params.push("from", &rest.from);
        params.push("to", &rest.to);
        let kind = match self {
            Self::Passed(q) => {
                params.extend("site", q.site.clone());
                params.extend("area", q.area.clone());
                params.push("count", q.count.to_string());
                Kind::Passed
            }
            Self::Trail(q) => {
                params.push("subject", &q.subject);
                Kind::Trail
            }
            Self::Contacts(q) => {
                params.extend("subject", q.subject.clone());
                params.push("window", &q.window);
                params.push("pairs", q.pairs.to_string());
                Kind::Contacts
            }
            Self::Chain(q) => {
                params.extend("seed", q.seed.clone());
                params.push("window", &q.window);
                params.push("generations", &q.generations);
                params.push("count", q.count.to_string());
                Kind::Chain
            }
            Self::Common(q) => {
                params.extend("subjects", read_codes(&q.subjects)?);
                params.push("cell", &q.cell);
                params.push("top", &q.top);
                Kind::Common
            }
        };
        Ok((kind, params))
    }

    fn rest(&self) -> &Rest {
        match self {
            Self::Passed(q) => &q.rest,
            Self::Trail(q) => &q.rest,
            Self::Contacts(q) => &q.rest,
            Self::Chain(q) => &q.rest,
            Self::Common(q) => &q.rest,
        }
    }
}

fn written(format: Format, answer: &Answer) -> Result<Vec<u8>, CliError> {
    Ok(match format {
        Format::Json => with_newline(serde_json::to_vec(answer).map_err(CliError::failed)?),
        Format::Csv => Sheet::of(answer).to_csv().into_bytes(),
        Format::Parquet => Sheet::of(answer).to_parquet().map_err(CliError::failed)?,
        Format::Table => Sheet::of(answer).to_table().into_bytes(),
    })
}

fn with_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(b'\n');
    bytes
}

fn trace_error(error: truyvet_engine::TraceError) -> CliError {
    match error {
        truyvet_engine::TraceError::Question(why) => CliError::Usage(why),
        other => CliError::failed(other),
    }
}

/// One code a line, byte for byte; empty lines are none.
fn read_codes(path: &Path) -> Result<Vec<String>, CliError> {
    let failed = |e: std::io::Error| CliError::Failed(format!("{}: {e}", path.display()));
    let input: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(failed)?)
    };
    let mut text = String::new();
    input.take(CODES_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > CODES_BYTES_MAX {
        return Err(CliError::Usage(format!(
            "--subjects: longer than {CODES_BYTES_MAX} bytes; split the question"
        )));
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// A million codes of 255 bytes and their line ends.
const CODES_BYTES_MAX: u64 = 256_000_000;
