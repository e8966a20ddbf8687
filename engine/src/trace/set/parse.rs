//! Text to expression; the language stands in [`expression`](super::expression). Pure.
//!
//! White space is passed over after each token, so a parser begins, and its error points, where a token
//! does. A parser that does not find its first token backtracks; `expect` turns that into the error that
//! the asker reads. Length, depth and number of operands are bounded before anything is built of them.

use std::borrow::Cow;

use truyvet_schemas::TimeMs;
use winnow::combinator::{alt, eof, opt, peek, preceded, repeat, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location as _, Stateful};
use winnow::token::{any, none_of, take, take_while};
use winnow::{ModalResult, Parser};

use super::expression::{Day, SetExpression, SetOperand, SetPlace, SetTime, UtcOffset, is_bare, is_word};
use crate::trace::question::Interval;

impl SetExpression {
    /// Reads an expression. Days that name no offset are counted at `offset`.
    ///
    /// # Errors
    /// It is none, or too large; the message says where and what was expected there.
    pub fn parse(text: &str, offset: UtcOffset) -> Result<Self, SetExpressionError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let why = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes; ask in parts");
            let at = (0..=EXPRESSION_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            return Err(SetExpressionError::new(text, at, &why));
        }
        let state = State { offset, operands: 0, depth: 0 };
        let mut input = Input { input: LocatingSlice::new(text), state };
        whole(&mut input).map_err(|error| match error {
            ErrMode::Backtrack(wrong) | ErrMode::Cut(wrong) => {
                SetExpressionError::new(text, wrong.at, &wrong.why)
            }
            ErrMode::Incomplete(_) => SetExpressionError::new(text, text.len(), "the text ends too early"),
        })
    }
}

/// A text that is no expression: correct it where the `^` points.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {character}: {why}\n    {excerpt}\n    {:>column$}", "^")]
pub struct SetExpressionError {
    /// The character at fault, the first being 1.
    pub character: usize,
    why: String,
    excerpt: String,
    column: usize,
}

impl SetExpressionError {
    fn new(text: &str, at: usize, why: &str) -> Self {
        let (before, after) = text.split_at(at);
        let is_end = |c: &char| matches!(c, '\n' | '\r');
        let mut excerpt: Vec<char> =
            before.chars().rev().take_while(|c| !is_end(c)).take(EXCERPT_CHARS).collect();
        excerpt.reverse();
        let column = excerpt.len() + 1;
        excerpt.extend(after.chars().take_while(|c| !is_end(c)).take(EXCERPT_CHARS));
        // What would steer a terminal, or move the `^`, is shown as a space.
        let excerpt = excerpt.into_iter().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { character: before.chars().count() + 1, why: why.to_owned(), excerpt, column }
    }
}

type Input<'s> = Stateful<LocatingSlice<&'s str>, State>;

type Parsed<T> = ModalResult<T, Wrong>;

#[derive(Debug)]
struct State {
    offset: UtcOffset,
    operands: usize,
    depth: usize,
}

/// What is wrong, and at which byte.
#[derive(Debug)]
struct Wrong {
    at: usize,
    why: Cow<'static, str>,
}

impl<'s> ParserError<Input<'s>> for Wrong {
    type Inner = Self;

    fn from_input(input: &Input<'s>) -> Self {
        Self { at: input.current_token_start(), why: "this is not understood".into() }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// The error that ends the parse.
fn wrong<T>(at: usize, why: impl Into<Cow<'static, str>>) -> Parsed<T> {
    Err(ErrMode::Cut(Wrong { at, why: why.into() }))
}

/// The parser, which must succeed here.
fn expect<'s, T>(
    mut parser: impl Parser<Input<'s>, T, ErrMode<Wrong>>,
    what: &'static str,
) -> impl FnMut(&mut Input<'s>) -> Parsed<T> {
    move |input| {
        let at = input.current_token_start();
        parser.parse_next(input).or_else(|error| match error {
            ErrMode::Backtrack(_) => wrong(at, format!("expected {what}")),
            other => Err(other),
        })
    }
}

fn whole(input: &mut Input<'_>) -> Parsed<SetExpression> {
    space.parse_next(input)?;
    let expression = expression(input)?;
    expect(eof, "`and`, `or`, `not` or the end").parse_next(input)?;
    Ok(expression)
}

fn expression(input: &mut Input<'_>) -> Parsed<SetExpression> {
    let mut left = term(input)?;
    let mut family = None;
    loop {
        let at = input.current_token_start();
        let Some(operator) = opt(operator).parse_next(input)? else { return Ok(left) };
        let is_or = operator == Operator::Or;
        if *family.get_or_insert(is_or) != is_or {
            return wrong(at, MIXED);
        }
        left = operator.join(left, term(input)?);
    }
}

fn term(input: &mut Input<'_>) -> Parsed<SetExpression> {
    let at = input.current_token_start();
    if opt(word("not")).parse_next(input)?.is_some() {
        return wrong(at, NOTHING_TO_TAKE_FROM);
    }
    expect(alt((group, operand.map(SetExpression::Passed))), "`site`, `area` or `(`").parse_next(input)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Not,
}

impl Operator {
    fn join(self, left: SetExpression, right: SetExpression) -> SetExpression {
        let (left, right) = (Box::new(left), Box::new(right));
        match self {
            Self::And => SetExpression::And(left, right),
            Self::Or => SetExpression::Or(left, right),
            Self::Not => SetExpression::Not(left, right),
        }
    }
}

fn operator(input: &mut Input<'_>) -> Parsed<Operator> {
    alt((
        (word("and"), word("not")).value(Operator::Not),
        word("and").value(Operator::And),
        word("or").value(Operator::Or),
        word("not").value(Operator::Not),
    ))
    .parse_next(input)
}

fn group(input: &mut Input<'_>) -> Parsed<SetExpression> {
    let at = input.current_token_start();
    terminated('(', space).parse_next(input)?;
    input.state.depth += 1;
    if input.state.depth > DEPTH_MAX {
        return wrong(at, format!("parentheses go at most {DEPTH_MAX} deep; ask in parts"));
    }
    let inside = expression(input)?;
    expect(terminated(')', space), "`and`, `or`, `not` or `)`").parse_next(input)?;
    input.state.depth -= 1;
    Ok(inside)
}

fn operand(input: &mut Input<'_>) -> Parsed<SetOperand> {
    let at = input.current_token_start();
    let is_area = alt((word("site").value(false), word("area").value(true))).parse_next(input)?;
    input.state.operands += 1;
    if input.state.operands > OPERANDS_MAX {
        return wrong(at, format!("an expression has at most {OPERANDS_MAX} operands; ask in parts"));
    }
    let codes = expect(repeat(1.., code), CODE).parse_next(input)?;
    let place = if is_area { SetPlace::Areas(codes) } else { SetPlace::Sites(codes) };
    let time = expect(alt((days, between)), TIME).parse_next(input)?;
    Ok(SetOperand { place, time })
}

fn code(input: &mut Input<'_>) -> Parsed<String> {
    alt((quoted, bare.verify(|text: &str| !is_word(text)).map(str::to_owned))).parse_next(input)
}

fn quoted(input: &mut Input<'_>) -> Parsed<String> {
    let at = input.current_token_start();
    '"'.parse_next(input)?;
    let code: String = repeat(0.., alt((none_of('"'), preceded('"', '"')))).parse_next(input)?;
    if opt('"').parse_next(input)?.is_none() {
        return wrong(at, "this quote is never closed; a quote within a code is written twice");
    }
    if code.is_empty() {
        return wrong(at, "a code is never empty");
    }
    space.parse_next(input)?;
    Ok(code)
}

fn days(input: &mut Input<'_>) -> Parsed<SetTime> {
    word("on").parse_next(input)?;
    let at = input.current_token_start();
    let mut day = expect(take(10usize).verify_map(Day::parse), DAY);
    let first = day(input)?;
    let last = opt(preceded("..", day)).parse_next(input)?.unwrap_or(first);
    let offset = opt(take_while(1.., is_bare).verify_map(UtcOffset::parse)).parse_next(input)?;
    expect(peek(alt((eof.void(), any.verify(|c| !is_bare(*c)).void()))), AFTER_DAY).parse_next(input)?;
    space.parse_next(input)?;
    if last < first {
        return wrong(at, "the last day lies before the first; exchange them");
    }
    Ok(SetTime::Days { first, last, offset: offset.unwrap_or(input.state.offset) })
}

fn between(input: &mut Input<'_>) -> Parsed<SetTime> {
    word("from").parse_next(input)?;
    let at = input.current_token_start();
    let from = instant(input)?;
    expect(word("to"), "`to` and the first instant after").parse_next(input)?;
    let to = instant(input)?;
    Interval::new(from, to).map(SetTime::Between).or_else(|backward| wrong(at, backward.to_string()))
}

fn instant(input: &mut Input<'_>) -> Parsed<TimeMs> {
    let at = input.current_token_start();
    let text = expect(bare, INSTANT).parse_next(input)?;
    if let Ok(instant) = TimeMs::parse(&with_seconds(text)) {
        return Ok(instant);
    }
    if Day::parse(text).is_some() {
        let why = format!("a day is no instant: write {text}T00:00Z, or `on {text}` for the whole day");
        return wrong(at, why);
    }
    wrong(at, format!("expected {INSTANT}"))
}

/// `2021-08-03T06:00+07:00` with its seconds.
fn with_seconds(text: &str) -> Cow<'_, str> {
    match text.split_at_checked(MINUTES_END) {
        Some((minutes, offset)) if offset.starts_with(['Z', 'z', '+', '-']) => {
            format!("{minutes}:00{offset}").into()
        }
        _ => text.into(),
    }
}

/// The word, in whatever case.
fn word<'s>(word: &'static str) -> impl Parser<Input<'s>, &'s str, ErrMode<Wrong>> {
    bare.verify(move |text: &str| text.eq_ignore_ascii_case(word))
}

fn bare<'s>(input: &mut Input<'s>) -> Parsed<&'s str> {
    terminated(take_while(1.., is_bare), space).parse_next(input)
}

fn space<'s>(input: &mut Input<'s>) -> Parsed<&'s str> {
    take_while(0.., char::is_whitespace).parse_next(input)
}

/// Longest expression. An address has room for about as much, and several thousand sites fit in.
const EXPRESSION_BYTES_MAX: usize = 64 << 10;

/// Most operands: a case's stops of two weeks, each with its own time, are some hundred.
const OPERANDS_MAX: usize = 256;

/// Deepest parentheses. A level holds one set while the next is read, 25 MB each at worst (a bit for
/// each of 200 million subjects).
const DEPTH_MAX: usize = 16;

/// Characters of the text that an error shows on either side of the fault.
const EXCERPT_CHARS: usize = 50;

/// Length of `2021-08-03T06:00`.
const MINUTES_END: usize = 16;

const MIXED: &str = "`or` stands beside `and` or `not`: write parentheses to say which comes first, \
                     `(A or B) and C` or `A or (B and C)`";

const NOTHING_TO_TAKE_FROM: &str = "`not` takes away from a set on its left, `A not B`: there is none here, \
                                    and everybody who was never at B cannot be asked";

const CODE: &str = "a code; one that is a word of the language, or has spaces, parentheses or quotes, \
                    stands in double quotes";

const TIME: &str = "another code, or the time: `on 2021-08-02`, `on 2021-08-02..2021-08-04`, or \
                    `from INSTANT to INSTANT`";

const DAY: &str = "a day of the calendar, such as 2021-08-02; instants stand after `from` and `to`";

const AFTER_DAY: &str = "`..` and the last day, an offset such as +07:00 or Z, or a space";

const INSTANT: &str = "an instant with its offset, such as 2021-08-03T06:00+07:00 (in an address, + is \
                       written %2B), or unix milliseconds";
