//! Who passed.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::answer::{PassedAnswer, PassedSubject};
use super::explained::Way;
use super::question::Passed;
use super::view::{Rolled, View};
use crate::engine::Engine;
use crate::error::TraceError;

impl Engine {
    /// Who has at least one scan at one of the sites, or at a site of one of the areas.
    ///
    /// # Errors
    /// The list would be too long, or the store fails.
    pub fn passed(&self, question: &Passed) -> Result<PassedAnswer, TraceError> {
        let view = View::new(self);
        let (sites, unknown) = sites(&view, question);
        let answer =
            if question.list { list(&view, &sites, question)? } else { count(&view, &sites, question)? };
        Ok(PassedAnswer { unknown, incomplete: view.incomplete(question.interval), ..answer })
    }
}

fn sites(view: &View<'_>, question: &Passed) -> (BTreeSet<u32>, Vec<String>) {
    let (mut sites, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for code in &question.sites {
        match view.site(code) {
            Some(site) => drop(sites.insert(site)),
            None => drop(unknown.insert(code.clone())),
        }
    }
    let areas = view.shared.catalog.site_areas();
    for code in &question.areas {
        match view.shared.catalog.area_number(code) {
            Some(area) => sites.extend(areas.sites_of(area)),
            None => drop(unknown.insert(code.clone())),
        }
    }
    (sites, unknown.into_iter().collect())
}

struct Seen {
    first: i64,
    last: i64,
    scans: u64,
}

fn list(view: &View<'_>, sites: &BTreeSet<u32>, question: &Passed) -> Result<PassedAnswer, TraceError> {
    let (from, to) = (question.interval.from().get(), question.interval.to().get());
    view.asking.enter(Way::Postings);
    let mut seen: HashMap<u32, Seen> = HashMap::new();
    let mut postings = Vec::new();
    for site in sites {
        view.postings(*site, from, to, &mut postings)?;
        for posting in &postings {
            let at = posting.at_ms;
            let subject = seen.entry(posting.subject).or_insert(Seen { first: at, last: at, scans: 0 });
            subject.first = subject.first.min(at);
            subject.last = subject.last.max(at);
            subject.scans += 1;
        }
        if seen.len() > LIST_MAX {
            let needed = seen.len() as u64;
            return Err(TraceError::TooLarge { what: "subjects in a list", needed, limit: LIST_MAX as u64 });
        }
    }
    let mut ids: Vec<u32> = seen.keys().copied().collect();
    ids.sort_unstable(); // neighbours' codes lie beside each other
    let codes = view.subject_codes(&ids);
    let mut list: Vec<PassedSubject> = ids
        .iter()
        .zip(codes)
        .map(|(id, subject)| {
            let Seen { first, last, scans } = seen[id];
            PassedSubject { subject, first, last, scans }
        })
        .collect();
    list.sort_unstable_by(|a, b| a.subject.cmp(&b.subject));
    let scans = list.iter().map(|subject| subject.scans).sum();
    Ok(PassedAnswer { subjects: list.len() as u64, scans, list, ..PassedAnswer::default() })
}

fn count(view: &View<'_>, sites: &BTreeSet<u32>, question: &Passed) -> Result<PassedAnswer, TraceError> {
    let (from, to) = (question.interval.from().get(), question.interval.to().get());
    let sites: Vec<u32> = sites.iter().copied().collect();
    let sum = view.distinct(&sites, rolled(view, question), from, to)?;
    let scans = sum.scans;
    Ok(PassedAnswer { subjects: sum.into_bitmap().len(), scans, ..PassedAnswer::default() })
}

/// The area, where the question is about one and nothing else.
fn rolled(view: &View<'_>, question: &Passed) -> Option<Rolled> {
    let ([code], []) = (question.areas.as_slice(), question.sites.as_slice()) else { return None };
    let area = view.shared.catalog.area_number(code)?;
    Rolled::of(&view.shared.catalog.site_areas(), area)
}

/// Longest list: about 500 MB with its codes.
const LIST_MAX: usize = 5_000_000;
