//! After a run: was anything lost, doubled, or left out? Each check is told with its outcome.

use std::collections::BTreeMap;

use super::device::{Clock, Outcome};
use super::server::{Server, ServerError};
use crate::nation::Nation;
use crate::report::Check;

/// What is checked against the server.
pub(crate) struct Verify<'a> {
    pub(crate) nation: &'a Nation,
    pub(crate) server: &'a Server,
    pub(crate) clock: Clock,
    pub(crate) scans_before: u64,
    /// Scans that must have joined, those of the probe too.
    pub(crate) scans_sent: u64,
}

impl Verify<'_> {
    /// The server's number of scans grew by what was sent, and no more.
    pub(crate) fn total(&self) -> Check {
        let what = "the server holds exactly what was sent";
        match self.server.scans() {
            Ok(now) => {
                let grown = i128::from(now) - i128::from(self.scans_before);
                let detail = format!("{grown} more than before, {} sent", self.scans_sent);
                Check::new(what, grown == i128::from(self.scans_sent), detail)
            }
            Err(error) => Check::new(what, false, error.to_string()),
        }
    }

    /// The trails of a sample of subjects are what was sent, scan for scan.
    pub(crate) fn trails(&self, outcomes: &[Outcome]) -> Check {
        let what = "the sampled subjects' trails are exactly what was sent";
        let mut trails: BTreeMap<u32, Vec<(i64, String)>> = BTreeMap::new();
        for scan in outcomes.iter().flat_map(|outcome| &outcome.sampled) {
            let site = self.nation.land.site_code(scan.site);
            trails.entry(scan.person).or_default().push((scan.at_ms, site));
        }
        let scans: usize = trails.values().map(Vec::len).sum();
        let mut differences = Vec::new();
        for (person, sent) in &mut trails {
            sent.sort_unstable();
            match self.difference(*person, sent) {
                Ok(None) => {}
                Ok(Some(difference)) => differences.push(difference),
                Err(error) => return Check::new(what, false, error.to_string()),
            }
        }
        let sample = format!("{} subjects with {scans} scans", trails.len());
        match differences.first() {
            None => Check::new(what, true, sample),
            Some(first) => {
                let detail = format!("{} of {sample} differ; the first: {first}", differences.len());
                Check::new(what, false, detail)
            }
        }
    }

    fn difference(&self, person: u32, sent: &[(i64, String)]) -> Result<Option<String>, ServerError> {
        let code = self.nation.codes.text(person);
        let mut told = self.server.trail(&code, self.clock.start_ms, FAR_FUTURE_MS)?;
        told.sort_unstable();
        Ok((told != sent).then(|| format!("{} scans sent, {} in the trail", sent.len(), told.len())))
    }
}

/// Every device heard that its last scan is durable.
pub(crate) fn acknowledged(outcomes: &[Outcome]) -> Check {
    let open: u64 = outcomes.iter().map(|o| o.sent_seq.abs_diff(o.acknowledged_seq)).sum();
    let devices = outcomes.len();
    Check::new("every scan sent is acknowledged", open == 0, format!("{devices} devices, {open} scans open"))
}

/// Every device had a session.
pub(crate) fn connected(outcomes: &[Outcome]) -> Check {
    let connected = outcomes.iter().filter(|outcome| outcome.connected).count();
    let detail = format!("{connected} of {}", outcomes.len());
    Check::new("every device connected", connected == outcomes.len(), detail)
}

/// 2100.
const FAR_FUTURE_MS: i64 = 4_102_444_800_000;
