//! One area as it is handed in, and the dates between which it is valid.

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// One node of an administrative tree, with the fields of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Unique over all trees.
    pub code: String,
    /// Code of the area above; none for a root.
    pub parent: Option<String>,
    /// With the word for its kind, as people write it: `Phường Bến Nghé`.
    pub name: String,
    /// Lower case, as imported: `ward`, `district`; empty where it was not told.
    pub kind: String,
    /// First instant at which it is valid, unix ms; none: since ever.
    pub valid_from: Option<i64>,
    /// First instant at which it is no longer valid, unix ms; none: for ever.
    pub valid_to: Option<i64>,
    /// Code of the area that took it in, where one is told.
    pub merged_into: Option<String>,
}

impl Area {
    /// Whether it is valid at this instant (unix ms).
    pub fn is_valid_at(&self, at_ms: i64) -> bool {
        self.valid_from.is_none_or(|from| from <= at_ms) && self.valid_to.is_none_or(|to| at_ms < to)
    }
}

/// The instant, in unix ms, at which a day of an import begins (`2025-07-01`, in UTC).
///
/// # Errors
/// The text is no day of the calendar; the message says how one is written.
pub fn parse_date(text: &str) -> Result<i64, DateError> {
    let wrong = || DateError(text.to_owned());
    let day: Date = text.parse().map_err(|_| wrong())?;
    // The library also takes a date with a time and drops the time, which would move the border.
    if day.to_string() != text {
        return Err(wrong());
    }
    day.to_zoned(TimeZone::UTC).map(|start| start.timestamp().as_millisecond()).map_err(|_| wrong())
}

/// Write the day as year, month and day.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no day; write it like 2025-07-01")]
pub struct DateError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(parse_date("1970-01-02"), Ok(86_400_000));
        assert_eq!(parse_date("2025-07-01"), Ok(1_751_328_000_000));
        for wrong in
            ["", "2025", "2025-7-1", "2025-02-30", "2025-07-01T00:00:00", " 2025-07-01", "1751328000000"]
        {
            assert_eq!(parse_date(wrong), Err(DateError(wrong.to_owned())));
        }
    }

    #[test]
    fn validity_is_half_open() {
        let area = Area { valid_from: Some(10), valid_to: Some(20), ..Area::default() };
        assert!(
            !area.is_valid_at(9) && area.is_valid_at(10) && area.is_valid_at(19) && !area.is_valid_at(20)
        );
        assert!(Area::default().is_valid_at(i64::MIN) && Area::default().is_valid_at(i64::MAX));
    }
}
