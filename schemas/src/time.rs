//! Instants as unix milliseconds, and the spellings in which people write instants and durations.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A UTC instant in milliseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct TimeMs(i64);

impl TimeMs {
    /// The instant this many milliseconds after the epoch.
    pub const fn new(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the epoch.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The machine's clock. For the edges only; cores are handed the time.
    pub fn now() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Self(since.as_millis() as i64),
            Err(before) => Self(-(before.duration().as_millis() as i64)),
        }
    }

    /// RFC 3339 with an offset (finer than a millisecond is rounded down), or unix milliseconds.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self).map_err(|_| TimeError::Instant(text.into()));
        }
        if !has_seconds(text) {
            return Err(TimeError::Instant(text.into()));
        }
        let timestamp: Timestamp = text.parse().map_err(|_| TimeError::Instant(text.into()))?;
        let nanos = timestamp.as_nanosecond();
        Ok(Self(nanos.div_euclid(NANOS_PER_MS) as i64))
    }

    /// RFC 3339 in UTC, to the millisecond.
    pub fn rfc3339(self) -> String {
        match Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => format!("{timestamp:.3}"),
            Err(_) => self.0.to_string(),
        }
    }
}

impl fmt::Display for TimeMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// A whole number and one of ms, s, m, h, d: `15m`, `90s`, `1d`.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError::Duration(text.into());
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => MS_PER_DAY as u64,
        _ => return Err(wrong()),
    };
    let ms = number.checked_mul(unit_ms).filter(|ms| *ms <= DURATION_MS_MAX);
    ms.map(Duration::from_millis).ok_or_else(wrong)
}

/// A duration in the same spelling, in the largest unit that keeps it whole.
pub fn format_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(MS_PER_DAY as u128, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    for (unit_ms, unit) in units {
        if ms > 0 && ms.is_multiple_of(unit_ms) {
            return format!("{}{unit}", ms / unit_ms);
        }
    }
    format!("{ms}ms")
}

/// RFC 3339 asks for `date T hour:minute:second`; the parser behind is laxer.
fn has_seconds(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= "1970-01-01T00:00:00Z".len()
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':'
        && !text.contains('[')
}

/// A text that is no instant or no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Write the instant as the message says.
    #[error(
        "`{0}` is no time: write RFC 3339 with an offset (2021-08-05T07:00:00+07:00) or unix milliseconds"
    )]
    Instant(String),
    /// Write the duration as the message says.
    #[error("`{0}` is no duration: write a whole number and one of ms, s, m, h, d (15m), at most 36500d")]
    Duration(String),
}

/// Milliseconds of a UTC day; there are no leap seconds in unix time.
pub const MS_PER_DAY: i64 = 86_400_000;

/// Milliseconds by which the country's clocks are ahead of UTC, all year.
pub const EAST_MS: i64 = 7 * 3_600_000;

/// A hundred years: longer is a slip of the hand, and sums of instants stay far from overflow.
const DURATION_MS_MAX: u64 = 36_500 * MS_PER_DAY as u64;

const NANOS_PER_MS: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_spelling() {
        let expected = TimeMs::new(1_416_844_080_000);
        for text in [
            "1416844080000",
            "2014-11-24T15:48:00Z",
            "2014-11-24T22:48:00+07:00",
            "2014-11-24 07:48:00.0009-08:00",
        ] {
            assert_eq!(TimeMs::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn finer_than_a_millisecond_is_rounded_down_before_1970_too() {
        assert_eq!(TimeMs::parse("1969-12-31T23:59:59.9995Z"), Ok(TimeMs::new(-1)));
        assert_eq!(TimeMs::parse("1970-01-01T00:00:00.0019Z"), Ok(TimeMs::new(1)));
    }

    #[test]
    fn an_instant_without_offset_is_refused() {
        for text in [
            "2014-11-24T15:48:00",
            "2014-11-24",
            "now",
            "",
            "-",
            "1e9",
            "99999999999999999999",
            "2014-11-24T15:48Z",
            "2014-11-24T15:48:00Z[UTC]",
        ] {
            assert!(TimeMs::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["15", "m", "1.5h", "-1s", "1w", "", "99999999999999999999d", "36501d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(format_duration(Duration::from_secs(900)), "15m");
    }
}
