//! Venues: how many are inside, and who may see that.

use std::sync::Arc;
use std::time::Duration;

use truyvet_engine::{
    Asking, CELL_DEFAULT, Engine, Interval, Occupancy, OccupancyAnswer, OccupancyCell, Passed, SiteRecord,
    TraceError,
};
use truyvet_schemas::TimeMs;
use truyvet_schemas::time::{EAST_MS, MS_PER_DAY};
use utoipa::ToSchema;

use super::areas::AreaName;
use super::{Caller, People};

/// A venue, and how many are inside now.
#[derive(Clone, Debug, PartialEq, serde::Serialize, ToSchema)]
pub struct Venue {
    /// Code of the site.
    pub site: String,
    /// What people call it.
    pub name: String,
    /// What it is, as the list of sites has it.
    #[schema(example = "market")]
    pub kind: String,
    /// Where it lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub area: Option<AreaName>,
    /// Most people at once; 0: nobody may be inside. Absent where there is no such number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub capacity: Option<u32>,
    /// How many are inside, by all scans acknowledged before this was asked. Whoever was not scanned out is out
    /// twelve hours after having been scanned in, or as `stay_longest_ms` is set.
    pub inside: u64,
    /// How many came since the day began.
    pub entered: u64,
    /// How many left since then.
    pub left: u64,
    /// When the day began, in the time of the country; unix milliseconds.
    pub from: i64,
    /// When this was true, by the server's clock; unix milliseconds.
    pub at: i64,
    /// Whether scans of today are gone, by damage or because the day was dropped: there are more people then than
    /// told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The day so far, by hour; of one venue alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<OccupancyCell>,
}

/// Which venues are listed.
pub struct VenuesAsked {
    /// Within this area alone.
    pub area: Option<String>,
    /// Those behind this code.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl People {
    /// The venue with this code.
    pub fn venue_site(&self, site: &str) -> Option<SiteRecord> {
        self.engine.catalog().site(site).filter(SiteRecord::is_venue)
    }

    /// Whether a caller who may look sees how many are inside: officers at their own site, officials within their
    /// area, whoever runs the server everywhere.
    pub fn sees_venue(&self, site: &SiteRecord, caller: &Caller) -> bool {
        match caller {
            Caller::Nobody | Caller::Citizen { .. } => false,
            Caller::Local | Caller::Operator => true,
            Caller::Official(account) => match (&account.site, &account.area) {
                (Some(own), _) => *own == site.site,
                (None, Some(within)) => {
                    site.area.as_ref().is_some_and(|area| self.areas.is_within(area, within))
                }
                (None, None) => true,
            },
        }
    }

    /// How many are inside a venue now, and the day by hour.
    ///
    /// # Errors
    /// The store fails.
    pub fn venue(&self, site: SiteRecord, now: TimeMs) -> Result<Venue, TraceError> {
        let day = day_began(now);
        let answer = self.counted(&site.site, day, now)?;
        let sum = |of: fn(&OccupancyCell) -> u64| answer.cells.iter().map(of).sum();
        Ok(Venue {
            name: site.shown_name().to_owned(),
            kind: site.kind.clone().unwrap_or_default(),
            area: site.area.as_ref().map(|area| self.areas.name(area)),
            capacity: site.capacity,
            inside: answer.cells.last().map_or(0, |cell| cell.inside),
            entered: sum(|cell| cell.entered),
            left: sum(|cell| cell.left),
            from: day.get(),
            at: now.get(),
            incomplete: !answer.incomplete.is_empty(),
            site: site.site,
            hours: answer.cells,
        })
    }

    /// How many are inside a venue now, by all scans acknowledged before.
    ///
    /// # Errors
    /// The store fails, or scans of today are gone: nobody knows then.
    pub fn inside(&self, site: &str, now: TimeMs) -> Result<Option<u64>, TraceError> {
        let answer = self.counted(site, now, now)?;
        let inside = answer.cells.last().map_or(0, |cell| cell.inside);
        Ok(answer.incomplete.is_empty().then_some(inside))
    }

    /// A site by hour, from an instant to the last acknowledged scan.
    fn counted(&self, site: &str, from: TimeMs, now: TimeMs) -> Result<OccupancyAnswer, TraceError> {
        let (engine, until) = (self.bounded_engine(), self.last_scan(site, now)?);
        engine.occupancy(&Occupancy {
            site: site.to_owned(),
            interval: interval(from, TimeMs::new(until.get() + 1)),
            cell: CELL_DEFAULT,
            longest: None,
        })
    }

    /// The engine for questions that visitors and pages ask by themselves.
    fn bounded_engine(&self) -> Engine {
        let leaves_max = self.engine.config().query_leaves_max;
        self.engine.asked_within(Arc::new(Asking::limited(Some(COUNTING_MAX), Some(leaves_max))))
    }

    /// Venues that the caller sees, by code, each without its hours.
    ///
    /// # Errors
    /// The store fails.
    pub fn venues(
        &self,
        asked: &VenuesAsked,
        caller: &Caller,
        now: TimeMs,
    ) -> Result<Vec<Venue>, TraceError> {
        let is_within = |site: &SiteRecord| match (&asked.area, &site.area) {
            (None, _) => true,
            (Some(within), Some(area)) => self.areas.is_within(area, within),
            (Some(_), None) => false,
        };
        let mut sites = self.engine.catalog().sites();
        sites.retain(|site| {
            let is_behind = asked.after.as_ref().is_none_or(|after| site.site > *after);
            is_behind && site.is_venue() && self.sees_venue(site, caller) && is_within(site)
        });
        sites.sort_unstable_by(|a, b| a.site.cmp(&b.site));
        let told = |site| Ok(Venue { hours: Vec::new(), ..self.venue(site, now)? });
        sites.into_iter().take(asked.limit).map(told).collect()
    }

    /// Since when somebody is inside a venue, by all scans acknowledged before; none where nobody knows it.
    ///
    /// # Errors
    /// The store fails.
    pub fn inside_since(&self, subject: &str, site: &str, now: TimeMs) -> Result<Option<TimeMs>, TraceError> {
        let at = self.last_scan(site, now)?;
        self.bounded_engine().inside_since(subject, site, at)
    }

    /// Now, or the last scan at the site where a device's clock is ahead: what is acknowledged counts.
    fn last_scan(&self, site: &str, now: TimeMs) -> Result<TimeMs, TraceError> {
        let ahead_ms = self.engine.config().clock_skew_ms.cast_signed();
        let ahead = self.bounded_engine().passed(&Passed {
            sites: vec![site.to_owned()],
            areas: Vec::new(),
            interval: interval(TimeMs::new(now.get() + 1), TimeMs::new(now.get() + 1 + ahead_ms)),
            list: true,
        })?;
        let last = ahead.list.iter().map(|subject| subject.last).max();
        Ok(last.map_or(now, TimeMs::new))
    }
}

fn interval(from: TimeMs, to: TimeMs) -> Interval {
    Interval::new(from, to).expect("callers give the earlier first")
}

/// The midnight before, in the time of the country.
fn day_began(now: TimeMs) -> TimeMs {
    let here = now.get() + EAST_MS;
    TimeMs::new(here - here.rem_euclid(MS_PER_DAY) - EAST_MS)
}

/// So long a count may take.
const COUNTING_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_here() {
        let at = |text: &str| TimeMs::parse(text).expect("an instant");
        assert_eq!(day_began(at("2026-11-28T20:00:00+07:00")), at("2026-11-27T17:00:00Z"));
        assert_eq!(day_began(at("2026-11-27T17:00:00Z")), at("2026-11-27T17:00:00Z"));
        assert_eq!(day_began(at("2026-11-27T16:59:59Z")), at("2026-11-26T17:00:00Z"));
    }
}
