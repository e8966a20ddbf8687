//! A ward with sites, and its scans of a day.

use std::ops::Range;
use std::sync::Arc;

use truyvet_engine::{AreaRecord, Asking, Interval, Passed, SiteRecord};
use truyvet_schemas::TimeMs;

use super::House;

/// Adds sites to the ward.
pub(crate) fn put_ward(house: &House, sites: Range<u32>) {
    let catalog = house.engine().catalog();
    catalog.put_areas(vec![AreaRecord { area: WARD.into(), ..AreaRecord::default() }]).unwrap();
    let record =
        |number| SiteRecord { site: ward_site(number), area: Some(WARD.into()), ..SiteRecord::default() };
    catalog.put_sites(sites.map(record).collect()).unwrap();
}

/// The code of a site.
pub(crate) fn ward_site(number: u32) -> String {
    format!("s{number}")
}

/// Scans in the ward on the day that begins then, and whether they were counted from rollups alone.
pub(crate) fn count_in_ward(house: &House, start_ms: i64) -> (u64, bool) {
    let asking = Arc::new(Asking::unlimited());
    let interval = Interval::new(TimeMs::new(start_ms), TimeMs::new(start_ms + DAY_MS)).unwrap();
    let question = Passed { sites: Vec::new(), areas: vec![WARD.into()], interval, list: false };
    let answer = house.engine().asked_within(asking.clone()).passed(&question).unwrap();
    let explained = asking.explained();
    assert!(explained.rollups > 0 || explained.posting_leaves > 0);
    (answer.scans, explained.posting_leaves == 0)
}

const WARD: &str = "ward";
const DAY_MS: i64 = 86_400_000;
