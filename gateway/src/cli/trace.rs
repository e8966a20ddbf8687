//! `truyvet trace`: the arguments become the parameters that HTTP takes too, and are judged there.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use truyvet_engine::{Engine, Explained};

use super::asking::watched;
use super::client::Client;
use super::error::CliError;
use super::output::{Format, Output};
use super::target::{Asked, Target};
use crate::config::Config;
use crate::question::{Answer, Kind, Params, Question, Reply, Terms, Usage, explained_from_json};
use crate::sheet::listed::{self, Listed};
use crate::sheet::{Sheet, explain_table};

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
    /// Who is in a combination of passed-sets
    Set(Set),
    /// When subjects were inside sites that scan in and out, and who was inside with them
    Stays(Stays),
    /// How many were inside a site that scans in and out
    Occupancy(Occupancy),
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
    span: Span,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Trail {
    /// Code of the subject
    #[arg(long, value_name = "CODE")]
    subject: String,
    #[command(flatten)]
    span: Span,
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
    span: Span,
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
    span: Span,
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
    span: Span,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Stays {
    /// Codes of the subjects
    #[arg(long, required = true, num_args = 1.., value_name = "CODE")]
    subject: Vec<String>,
    /// How long two stays must overlap at least: a whole number and one of ms, s, m, h, d
    #[arg(long, value_name = "DURATION", default_value = "1ms")]
    overlap: String,
    /// How long after its last `in` a stay ends that nobody scanned out; as `stay_longest_ms` is set unless given
    #[arg(long, value_name = "DURATION")]
    longest: Option<String>,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Occupancy {
    /// Code of the site
    #[arg(long, value_name = "CODE")]
    site: String,
    /// Length of a cell's time: a whole number and one of ms, s, m, h, d
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    cell: String,
    /// How long after its last `in` a stay ends that nobody scanned out; as `stay_longest_ms` is set unless given
    #[arg(long, value_name = "DURATION")]
    longest: Option<String>,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// Operands `site CODE... on DAY`, `area CODE... from T to T`, combined by and, or, not and
    /// parentheses: '(site A on 2021-08-02 and site B on 2021-08-03) not area C on 2021-08-02..2021-08-04'
    #[arg(value_name = "EXPR")]
    expr: String,
    /// Where days that name no offset are counted, such as +07:00
    #[arg(long, value_name = "OFFSET", default_value = "Z", allow_hyphen_values = true)]
    offset: String,
    /// Count only
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    rest: Rest,
}

/// The time of a question that has one.
#[derive(Debug, Args)]
pub(super) struct Span {
    /// First instant: RFC 3339 with an offset, or unix milliseconds
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: String,
    /// First instant after
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: String,
}

/// What every question has.
#[derive(Debug, Args)]
pub(super) struct Rest {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
    /// Longest time for the answer: a whole number and one of ms, s, m, h, d; else as set
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,
    /// Say what the answer took: what was read, and the time of each step
    #[arg(long)]
    explain: bool,
}

impl Trace {
    /// Asks, and shows the answer.
    pub(super) fn run(self) -> Result<(), CliError> {
        let (kind, params) = self.params()?;
        let rest = self.rest();
        let format = rest.output.format()?;
        // Judged here even where a server will judge it too: wrong usage should not need one.
        let mut judged = params.clone();
        let terms = Terms::take(&mut judged)?;
        if terms.explain && !matches!(format, Format::Json | Format::Table) {
            return Err(Usage::Unexplained.into());
        }
        let question = Question::parse(kind, judged)?;
        match rest.target.open()? {
            Asked::Engine(engine, config) => {
                ask_engine(&engine, &config, &question, terms, format, &rest.output)
            }
            Asked::Server(client) => ask_server(&client, kind, params, format, &rest.output),
        }
    }

    /// The names and values that HTTP takes.
    pub(super) fn params(&self) -> Result<(Kind, Params), CliError> {
        let mut params = Params::default();
        if let Some(span) = self.span() {
            params.push("from", &span.from);
            params.push("to", &span.to);
        }
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
            Self::Set(q) => {
                params.push("expr", &q.expr);
                params.push("offset", &q.offset);
                params.push("count", q.count.to_string());
                Kind::Set
            }
            Self::Stays(q) => {
                params.extend("subject", q.subject.clone());
                params.push("overlap", &q.overlap);
                params.extend("longest", q.longest.clone());
                Kind::Stays
            }
            Self::Occupancy(q) => {
                params.push("site", &q.site);
                params.push("cell", &q.cell);
                params.extend("longest", q.longest.clone());
                Kind::Occupancy
            }
        };
        let rest = self.rest();
        params.extend("timeout", rest.timeout.clone());
        if rest.explain {
            params.push("explain", "true");
        }
        Ok((kind, params))
    }

    fn rest(&self) -> &Rest {
        match self {
            Self::Passed(q) => &q.rest,
            Self::Trail(q) => &q.rest,
            Self::Contacts(q) => &q.rest,
            Self::Chain(q) => &q.rest,
            Self::Common(q) => &q.rest,
            Self::Set(q) => &q.rest,
            Self::Stays(q) => &q.rest,
            Self::Occupancy(q) => &q.rest,
        }
    }

    fn span(&self) -> Option<&Span> {
        match self {
            Self::Passed(q) => Some(&q.span),
            Self::Trail(q) => Some(&q.span),
            Self::Contacts(q) => Some(&q.span),
            Self::Chain(q) => Some(&q.span),
            Self::Common(q) => Some(&q.span),
            Self::Stays(q) => Some(&q.span),
            Self::Occupancy(q) => Some(&q.span),
            Self::Set(_) => None,
        }
    }
}

fn ask_engine(
    engine: &Engine,
    config: &Config,
    question: &Question,
    terms: Terms,
    format: Format,
    output: &Output,
) -> Result<(), CliError> {
    let asking = Arc::new(terms.asking(&config.engine)?);
    let within = engine.asked_within(Arc::clone(&asking));
    let reply = watched(&asking, || question.ask(&within))?.map_err(trace_error)?;
    let explain = terms.explain.then(|| asking.explained());
    match reply {
        Reply::Whole(answer) => output.write(&written(format, &answer, explain.as_ref())?),
        Reply::PassedList(found) => {
            output.write_with(|out| write_listed(format, found, explain.as_ref(), out))
        }
        Reply::SetList(found) => output.write_with(|out| write_listed(format, found, explain.as_ref(), out)),
    }
}

fn ask_server(
    client: &Client,
    kind: Kind,
    params: Params,
    format: Format,
    output: &Output,
) -> Result<(), CliError> {
    let address = format!("/api/v1/trace/{}", kind.as_str());
    if kind.is_listed() && format != Format::Table {
        let body = asked_as(format, params).to_json();
        let mut answer = client.post_reader(&address, &body)?;
        return output.write_with(|out| copy(format, &mut answer, out));
    }
    let json = client.post_raw(&address, &params.to_json())?;
    if format == Format::Json {
        return output.write(&with_newline(json));
    }
    let answer = Answer::from_json(kind, &json).map_err(CliError::failed)?;
    let explain = explained_from_json(&json).map_err(CliError::failed)?;
    output.write(&written(format, &answer, explain.as_ref())?)
}

fn written(format: Format, answer: &Answer, explain: Option<&Explained>) -> Result<Vec<u8>, CliError> {
    Ok(match format {
        Format::Json => {
            let mut json = Vec::new();
            answer.write_json(explain, &mut json).map_err(CliError::failed)?;
            with_newline(json)
        }
        Format::Csv => Sheet::of(answer).to_csv().into_bytes(),
        Format::Parquet => Sheet::of(answer).to_parquet().map_err(CliError::failed)?,
        Format::Table => {
            let mut text = Sheet::of(answer).to_table();
            text.extend(explain.map(explain_table));
            text.into_bytes()
        }
    })
}

/// Writes a long list while it is read from the engine.
fn write_listed(
    format: Format,
    found: impl Listed,
    explain: Option<&Explained>,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    match format {
        Format::Json => {
            listed::write_json(found, explain, out)?;
            out.write_all(b"\n")
        }
        Format::Csv => listed::write_csv(found, out),
        Format::Parquet => listed::write_parquet(found, out),
        Format::Table => {
            listed::write_table(found, out)?;
            explain.map_or(Ok(()), |explain| out.write_all(explain_table(explain).as_bytes()))
        }
    }
}

/// The parameters with the format in which a server is to write the answer.
fn asked_as(format: Format, mut params: Params) -> Params {
    match format {
        Format::Csv => params.push("format", "csv"),
        Format::Parquet => params.push("format", "parquet"),
        Format::Json | Format::Table => {}
    }
    params
}

/// Writes a long list while it comes from a server.
fn copy(format: Format, answer: &mut dyn Read, out: &mut (dyn Write + Send)) -> io::Result<()> {
    io::copy(answer, out)?;
    if format == Format::Json { out.write_all(b"\n") } else { Ok(()) }
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
