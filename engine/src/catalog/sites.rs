//! Sites by number and by code.

use std::collections::HashMap;

use super::records::SiteRecord;

/// Sites, numbered from 0 in the order in which they became known.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    by_code: HashMap<String, u32>,
    records: Vec<SiteRecord>,
}

impl Sites {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn find(&self, code: &str) -> Option<u32> {
        self.by_code.get(code).copied()
    }

    pub(crate) fn record(&self, site: u32) -> &SiteRecord {
        &self.records[site as usize]
    }

    pub(crate) fn code(&self, site: u32) -> &str {
        &self.records[site as usize].site
    }

    pub(crate) fn records(&self) -> &[SiteRecord] {
        &self.records
    }

    pub(crate) fn find_or_insert(&mut self, code: &str) -> u32 {
        if let Some(site) = self.find(code) {
            return site;
        }
        let site = self.records.len() as u32;
        self.by_code.insert(code.to_owned(), site);
        self.records.push(SiteRecord { site: code.to_owned(), ..SiteRecord::default() });
        site
    }

    /// The numbers that these sites have, or will have when they are inserted in this order.
    pub(crate) fn numbers(&self, sites: &[SiteRecord]) -> Vec<u32> {
        let mut new: HashMap<&str, u32> = HashMap::new();
        let number = |site| {
            let next = (self.records.len() + new.len()) as u32;
            self.find(site).unwrap_or_else(|| *new.entry(site).or_insert(next))
        };
        sites.iter().map(|site| site.site.as_str()).map(number).collect()
    }

    pub(crate) fn replace(&mut self, site: u32, record: SiteRecord) {
        debug_assert_eq!(self.code(site), record.site);
        self.records[site as usize] = record;
    }

    /// Forgets the sites numbered `len` and above.
    pub(crate) fn truncate(&mut self, len: usize) {
        for record in self.records.drain(len.min(self.records.len())..) {
            self.by_code.remove(&record.site);
        }
    }
}
