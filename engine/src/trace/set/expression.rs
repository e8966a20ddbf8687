//! Expressions over passed-sets, as values and as text. The language:
//!
//! ```text
//! expression = term { ( "and" | "or" | "not" | "and not" ) term }
//! term       = operand | "(" expression ")"
//! operand    = ( "site" | "area" ) code { code } when
//! when       = "on" day [ ".." day ] [ offset ]          whole days, the last one included
//!            | "from" instant "to" instant               from <= at < to
//! day        = 2021-08-02
//! instant    = 2021-08-03T06:00[:00[.000]] offset | unix milliseconds
//! offset     = "Z" | "+07:00"                            a day's is the asker's, UTC if they name none
//! code       = any text without spaces, ( ) and " that is no word of the language, or
//!              any text in double quotes, a double quote in it written twice
//! ```
//!
//! An operand is everybody with a scan at one of its sites (or below one of its areas) within its time:
//! the subjects of [`Passed`](crate::Passed). `A and B` are those in both, `A or B` those in either,
//! `A not B` those in A but not in B. Words of the language may be in capitals. Operators work from
//! left to right; where `or` meets `and` or `not`, parentheses must say which comes first, because
//! literature databases disagree on it. `not` has no meaning without a set on its left: the complement
//! of a set is everybody ever scanned elsewhere.
//!
//! ```text
//! (site GATE-1 on 2021-08-02 and area P01-D03 from 2021-08-03T06:00+07:00 to 2021-08-03T09:00+07:00)
//!     not site MK-7 "Bến xe 2" on 2021-08-02..2021-08-04+07:00
//! ```
//!
//! Writing an expression and parsing it (`parse`) gives the same expression.

use std::fmt::{self, Write as _};

use truyvet_schemas::TimeMs;
use truyvet_schemas::time::MS_PER_DAY;

use crate::trace::question::Interval;

/// A combination of passed-sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetExpression {
    /// Who passed.
    Passed(SetOperand),
    /// Those in both.
    And(Box<Self>, Box<Self>),
    /// Those in either.
    Or(Box<Self>, Box<Self>),
    /// Those in the first but not in the second.
    Not(Box<Self>, Box<Self>),
}

/// Who passed one of these places within a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOperand {
    /// Where.
    pub place: SetPlace,
    /// When.
    pub time: SetTime,
}

/// Places by their codes, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetPlace {
    /// Sites.
    Sites(Vec<String>),
    /// Areas; all sites below them count.
    Areas(Vec<String>),
}

/// A time as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// Whole days, both included.
    Days {
        /// The first.
        first: Day,
        /// The last, not before the first.
        last: Day,
        /// Where the days are counted.
        offset: UtcOffset,
    },
    /// From one instant to before another.
    Between(Interval),
}

/// A day of the calendar, by its number since 1970-01-01; of a year from 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i32);

/// How far a place's clocks are ahead of UTC, in whole minutes, less than a day either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset {
    minutes: i16,
}

impl SetExpression {
    /// The operands in the order of the text, equal ones once.
    pub fn operands(&self) -> Vec<&SetOperand> {
        let mut operands = Vec::new();
        self.visit(&mut |operand| {
            if !operands.contains(&operand) {
                operands.push(operand);
            }
        });
        operands
    }

    fn visit<'e>(&'e self, seen: &mut impl FnMut(&'e SetOperand)) {
        match self {
            Self::Passed(operand) => seen(operand),
            Self::And(left, right) | Self::Or(left, right) | Self::Not(left, right) => {
                left.visit(seen);
                right.visit(seen);
            }
        }
    }
}

impl SetTime {
    /// The instants that count.
    pub fn interval(self) -> Interval {
        match self {
            Self::Between(interval) => interval,
            Self::Days { first, last, offset } => {
                let midnight = |day: Day, after: i64| {
                    let local_ms = (i64::from(day.0) + after) * MS_PER_DAY;
                    TimeMs::new(local_ms - i64::from(offset.minutes) * MS_PER_MINUTE)
                };
                let (from, to) = (midnight(first, 0), midnight(last, 1));
                Interval::new(from, to.max(from)).expect("`to` is not before `from`")
            }
        }
    }
}

impl Day {
    /// Reads `2021-08-02`; nothing where the calendar has no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b });
        if !shape.eq(*b"0000-00-00") {
            return None;
        }
        let midnight = TimeMs::parse(&format!("{text}T00:00:00Z")).ok()?;
        i32::try_from(midnight.get().div_euclid(MS_PER_DAY)).ok().map(Self)
    }
}

impl UtcOffset {
    /// Reads `+07:00`, `-03:30` or `Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = match *text.as_bytes() {
            [b'Z' | b'z'] => return Some(Self::default()),
            [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2],
            _ => return None,
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let [h1, h2, m1, m2] = digits.map(|digit| i16::from(digit - b'0'));
        let (hours, minutes) = (h1 * 10 + h2, m1 * 10 + m2);
        let sign = if text.starts_with('-') { -1 } else { 1 };
        (hours < 24 && minutes < 60).then_some(Self { minutes: sign * (hours * 60 + minutes) })
    }
}

/// The operands that stand alone on the right of an operator, and chains of the same precedence on its
/// left, need no parentheses.
impl fmt::Display for SetExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, word, right) = match self {
            Self::Passed(operand) => return operand.fmt(f),
            Self::And(left, right) => (left, "and", right),
            Self::Or(left, right) => (left, "or", right),
            Self::Not(left, right) => (left, "not", right),
        };
        let is_or = |expression: &Self| matches!(expression, Self::Or(..));
        let bare = matches!(**left, Self::Passed(_)) || is_or(left) == is_or(self);
        if bare {
            write!(f, "{left}")?
        } else {
            write!(f, "({left})")?
        }
        let bare = matches!(**right, Self::Passed(_));
        if bare { write!(f, " {word} {right}") } else { write!(f, " {word} ({right})") }
    }
}

impl fmt::Display for SetOperand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, codes) = match &self.place {
            SetPlace::Sites(codes) => ("site", codes),
            SetPlace::Areas(codes) => ("area", codes),
        };
        f.write_str(word)?;
        for code in codes {
            f.write_char(' ')?;
            write_code(f, code)?;
        }
        write!(f, " {}", self.time)
    }
}

impl fmt::Display for SetTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days { first, last, offset } if first == last => write!(f, "on {first}{offset}"),
            Self::Days { first, last, offset } => write!(f, "on {first}..{last}{offset}"),
            Self::Between(interval) => {
                write!(f, "from {} to {}", written(interval.from()), written(interval.to()))
            }
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = TimeMs::new(i64::from(self.0) * MS_PER_DAY).rfc3339();
        f.write_str(midnight.split('T').next().unwrap_or_default())
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.minutes.abs();
        match self.minutes {
            0 => f.write_str("Z"),
            ahead => {
                let sign = if ahead > 0 { '+' } else { '-' };
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

fn write_code(f: &mut fmt::Formatter<'_>, code: &str) -> fmt::Result {
    if !code.is_empty() && code.chars().all(is_bare) && !is_word(code) {
        return f.write_str(code);
    }
    write!(f, "\"{}\"", code.replace('"', "\"\""))
}

/// RFC 3339 where that can be read back, unix milliseconds in years that have no four digits.
fn written(at: TimeMs) -> String {
    let text = at.rfc3339();
    if TimeMs::parse(&text) == Ok(at) { text } else { at.get().to_string() }
}

/// Whether the character may stand in a code without quotes.
pub(super) fn is_bare(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"')
}

/// Whether the text is a word of the language, and as a code must be quoted.
pub(super) fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

const WORDS: [&str; 8] = ["and", "or", "not", "site", "area", "on", "from", "to"];

const MS_PER_MINUTE: i64 = 60_000;
