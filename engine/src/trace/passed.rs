//! Who passed.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::answer::{PassedAnswer, PassedHead, PassedSubject};
use super::explained::Way;
use super::question::Passed;
use super::stream::{CodeOrder, Coded};
use super::view::{Rolled, View};
use crate::engine::Engine;
use crate::error::TraceError;

impl Engine {
    /// Who has at least one scan at one of the sites, or at a site of one of the areas.
    ///
    /// # Errors
    /// The list would be too long, or the store fails.
    pub fn passed(&self, question: &Passed) -> Result<PassedAnswer, TraceError> {
        Ok(self.passed_found(question)?.into_answer())
    }

    /// The same, its list still to be written.
    ///
    /// # Errors
    /// The list would be too long, or the store fails.
    pub fn passed_found(&self, question: &Passed) -> Result<PassedFound, TraceError> {
        let view = View::new(self);
        let (sites, unknown) = sites(&view, question);
        let incomplete = view.incomplete(question.interval);
        let mut seen = HashMap::new();
        let (subjects, scans) = if question.list {
            seen = seen_at(&view, &sites, question)?;
            (seen.len() as u64, seen.values().map(|seen| seen.scans).sum())
        } else {
            count(&view, &sites, question)?
        };
        let mut ids: Vec<u32> = seen.keys().copied().collect();
        ids.sort_unstable(); // neighbours' codes lie beside each other
        view.asking.enter(Way::Telling);
        let codes = CodeOrder::new(self.clone(), ids);
        Ok(PassedFound { head: PassedHead { subjects, scans, unknown, incomplete }, seen, codes })
    }
}

/// The answer to a [`Passed`], its list still to be written. It keeps the engine open.
pub struct PassedFound {
    /// All but the list.
    pub head: PassedHead,
    seen: HashMap<u32, Seen>,
    codes: CodeOrder,
}

impl PassedFound {
    /// The listed subjects in code order, a few thousand at a time.
    pub fn chunks(self) -> impl Iterator<Item = Vec<PassedSubject>> {
        let told = move |coded: Coded| {
            let Seen { first, last, scans } = self.seen[&coded.id];
            PassedSubject { subject: coded.code, first, last, scans }
        };
        self.codes.map(move |chunk| chunk.into_iter().map(&told).collect())
    }

    /// Number of subjects in the list.
    pub fn listed(&self) -> usize {
        self.codes.len()
    }

    /// The whole answer in memory.
    pub fn into_answer(self) -> PassedAnswer {
        PassedAnswer::new(self.head.clone(), self.chunks().flatten().collect())
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

#[derive(Clone, Copy)]
struct Seen {
    first: i64,
    last: i64,
    scans: u64,
}

fn seen_at(
    view: &View<'_>,
    sites: &BTreeSet<u32>,
    question: &Passed,
) -> Result<HashMap<u32, Seen>, TraceError> {
    let (from, to) = (question.interval.from().get(), question.interval.to().get());
    view.asking.enter(Way::Postings);
    let mut seen: HashMap<u32, Seen> = HashMap::new();
    let mut postings = Vec::new();
    for site in sites {
        view.postings(*site, from, to, &mut postings)?;
        if seen.is_empty() {
            seen.reserve(postings.len());
        }
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
    Ok(seen)
}

/// Subjects and scans.
fn count(view: &View<'_>, sites: &BTreeSet<u32>, question: &Passed) -> Result<(u64, u64), TraceError> {
    let (from, to) = (question.interval.from().get(), question.interval.to().get());
    let sites: Vec<u32> = sites.iter().copied().collect();
    let sum = view.distinct(&sites, rolled(view, question), from, to)?;
    let scans = sum.scans;
    Ok((sum.into_bitmap().len(), scans))
}

/// The area, where the question is about one and nothing else.
fn rolled(view: &View<'_>, question: &Passed) -> Option<Rolled> {
    let ([code], []) = (question.areas.as_slice(), question.sites.as_slice()) else { return None };
    let area = view.shared.catalog.area_number(code)?;
    Rolled::of(&view.shared.catalog.site_areas(), area)
}

/// Longest list: about 300 MB while it is written.
const LIST_MAX: usize = 5_000_000;
