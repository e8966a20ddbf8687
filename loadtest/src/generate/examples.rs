//! Codes that give interesting answers: a busy site, a person whom many met, a crowd that shared an
//! hour at a market.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;

use super::GenerateError;
use crate::nation::{History, ModelScan, Nation, Scope, SiteKind};

/// What to ask after an import of the generated files. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examples {
    /// The busiest site.
    pub site: String,
    /// Its district.
    pub area: String,
    /// Somebody who was at the market in the hour, and is seen on most days.
    pub subject: String,
    /// The same with the instant at the market, as `--seed` takes it.
    pub seed: String,
    /// Start of all scans.
    pub from: String,
    /// End of all scans.
    pub to: String,
    /// The market of the cluster.
    pub market: String,
    /// Start of its busiest hour.
    pub hour_from: String,
    /// End of its busiest hour.
    pub hour_to: String,
    /// File of subjects, one a line: those who shared the hour, with some who did not.
    pub cluster_file: String,
    /// Questions to paste after `truyvet`; add `--data DIR` or `--url URL`.
    pub commands: Vec<String>,
    #[serde(skip)]
    cluster: Vec<String>,
}

impl Examples {
    /// Looks through some of the days; cheap beside writing all of them.
    pub fn find(nation: &Nation, history: &History<'_>, out: &Path) -> Self {
        let day = example_day(history);
        let busy = BusyHour::find(nation, history, day);
        let index_case = index_case(nation, history, day, &busy);
        let code = |person: u32| nation.codes.text(person);
        let span = history.span_ms();
        let time = |ms| TimeMs::new(ms).rfc3339();
        let ward = nation.land.ward_of_site(busy.busiest_site);
        let district = nation.land.wards_around(ward, Scope::District).start;
        let area = nation.land.ward_code(district);
        let noise = (0..CLUSTER_NOISE).map(|i| (u64::from(nation.land.people()) * i / CLUSTER_NOISE) as u32);
        let mut examples = Self {
            site: nation.land.site_code(busy.busiest_site),
            area: area.rsplit_once('-').map_or_else(|| area.clone(), |(district, _)| district.to_owned()),
            subject: code(index_case.person),
            seed: format!("{}@{}", code(index_case.person), time(index_case.at_ms)),
            from: time(span.start),
            to: time(span.end),
            market: nation.land.site_code(busy.market),
            hour_from: time(busy.hour_ms),
            hour_to: time(busy.hour_ms + HOUR_MS),
            cluster_file: out.join("cluster.txt").display().to_string(),
            commands: Vec::new(),
            cluster: busy.there.iter().map(|s| s.person).chain(noise).map(code).collect(),
        };
        examples.commands = examples.questions();
        examples
    }

    fn questions(&self) -> Vec<String> {
        let Self { subject, seed, area, from, to, hour_from, hour_to, .. } = self;
        vec![
            format!("trace contacts --subject {subject} --from {from} --to {to}"),
            format!("trace chain --seed {seed} --from {from} --to {to} --generations 2"),
            format!("trace passed --area {area} --from {hour_from} --to {hour_to}"),
        ]
    }

    /// Writes `examples.json` and the cluster's file into a folder.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, out: &Path) -> Result<(), GenerateError> {
        let mut json = serde_json::to_string_pretty(self).expect("texts are always JSON");
        json.push('\n');
        let mut cluster = self.cluster.join("\n");
        cluster.push('\n');
        for (name, content) in [("examples.json", json), ("cluster.txt", cluster)] {
            let path = out.join(name);
            fs::write(&path, content).map_err(|e| GenerateError::write(&path, e))?;
        }
        Ok(())
    }
}

/// A day with some days after it, so that a chain has time to grow.
fn example_day(history: &History<'_>) -> i64 {
    let days = history.days();
    (days.end - 5).max(days.start)
}

/// The busiest hour of a lively market.
struct BusyHour {
    busiest_site: u32,
    market: u32,
    hour_ms: i64,
    there: Vec<ModelScan>,
}

impl BusyHour {
    fn find(nation: &Nation, history: &History<'_>, day: i64) -> Self {
        let mut counts = vec![0u32; nation.land.sites() as usize];
        history.scans_of_day(day).for_each(|scan| counts[scan.site as usize] += 1);
        let sites = || (0..).zip(counts.iter().copied());
        let busiest_site = sites().max_by_key(|(_, count)| *count).map_or(0, |(site, _)| site);
        // Not the nation's largest: one should see whom somebody met, not everybody.
        let lively = |(site, count): &(u32, u32)| {
            nation.land.kind(*site) == SiteKind::Market && *count <= MARKET_SCANS_MAX
        };
        let market = sites().filter(lively).max_by_key(|(_, count)| *count).map_or(busiest_site, |(s, _)| s);
        let mut at_market: Vec<_> = history.scans_of_day(day).filter(|s| s.site == market).collect();
        at_market.sort_unstable();
        let mut hours: HashMap<i64, usize> = HashMap::new();
        at_market.iter().for_each(|scan| *hours.entry(scan.at_ms / HOUR_MS).or_default() += 1);
        let hour = hours.into_iter().max_by_key(|(hour, count)| (*count, *hour)).map_or(0, |(hour, _)| hour);
        at_market.retain(|scan| scan.at_ms / HOUR_MS == hour);
        at_market.dedup_by_key(|scan| scan.person);
        at_market.truncate(CLUSTER_MAX);
        Self { busiest_site, market, hour_ms: hour * HOUR_MS, there: at_market }
    }
}

/// Of those at the market, the one with the most scans in the days around.
fn index_case(nation: &Nation, history: &History<'_>, day: i64, busy: &BusyHour) -> ModelScan {
    let mut seen: HashMap<u32, u32> = busy.there.iter().map(|scan| (scan.person, 0)).collect();
    let days = (day - 2).max(history.days().start)..(day + 3).min(history.days().end);
    for scan in days.flat_map(|day| history.scans_of_day(day)) {
        seen.entry(scan.person).and_modify(|n| *n += 1);
    }
    let anyone = ModelScan {
        at_ms: history.span_ms().start,
        person: nation.land.people() / 2,
        site: busy.market,
        direction: truyvet_schemas::Direction::Pass,
    };
    let most_seen = busy.there.iter().max_by_key(|scan| (seen[&scan.person], scan.person));
    most_seen.copied().unwrap_or(anyone)
}

const HOUR_MS: i64 = 3_600_000;
const MARKET_SCANS_MAX: u32 = 2_000;
const CLUSTER_MAX: usize = 40;
const CLUSTER_NOISE: u64 = 20;
