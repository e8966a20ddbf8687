//! One operand: its codes become numbers, and its subjects a set.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::expression::{SetOperand, SetPlace};
use crate::error::EngineError;
use crate::index::rollups::Rollup;
use crate::trace::question::Interval;
use crate::trace::view::{View, add_postings};

/// An operand whose places are known.
pub(super) struct Operand {
    place: Place,
    interval: Interval,
}

enum Place {
    Sites(BTreeSet<u32>),
    Areas(Vec<Area>),
}

struct Area {
    number: u32,
    /// The sites below it.
    sites: Vec<u32>,
    /// The state of the tree of areas that this holds for.
    tree: u64,
}

impl Operand {
    /// What it costs to read, to be compared with other operands: sites times milliseconds.
    pub(super) fn cost(&self) -> u64 {
        let sites = match &self.place {
            Place::Sites(sites) => sites.len(),
            Place::Areas(areas) => areas.iter().map(|area| area.sites.len()).sum(),
        };
        let (from, to) = (self.interval.from().get(), self.interval.to().get());
        to.abs_diff(from).saturating_mul(sites as u64)
    }
}

/// The operand's subjects: everybody with a scan at one of its places within its time.
pub(super) fn subjects(view: &View<'_>, operand: &Operand) -> Result<RoaringBitmap, EngineError> {
    let (from, to) = (operand.interval.from().get(), operand.interval.to().get());
    let mut sum = Rollup::default();
    match &operand.place {
        Place::Sites(sites) => {
            let mut postings = Vec::new();
            for site in sites {
                view.postings(*site, from, to, &mut postings)?;
                add_postings(&mut sum, &postings);
            }
        }
        Place::Areas(areas) => {
            for area in areas {
                sum.add(&view.area_rollup(area.number, &area.sites, area.tree, from, to)?);
            }
        }
    }
    Ok(sum.subjects)
}

/// Codes of places to numbers, at one state of the tree of areas.
pub(super) struct Places<'v> {
    view: &'v View<'v>,
    tree: Option<u64>,
}

impl<'v> Places<'v> {
    pub(super) fn new(view: &'v View<'v>) -> Self {
        Self { view, tree: None }
    }

    /// The operand with its places; codes that are not known go to `unknown`.
    pub(super) fn resolve(&mut self, asked: &SetOperand, unknown: &mut BTreeSet<String>) -> Operand {
        let interval = asked.time.interval();
        let place = match &asked.place {
            SetPlace::Sites(codes) => {
                Place::Sites(known(codes, unknown, |code| self.view.site(code)).collect())
            }
            SetPlace::Areas(codes) => Place::Areas(known(codes, unknown, |code| self.area(code)).collect()),
        };
        Operand { place, interval }
    }

    fn area(&mut self, code: &str) -> Option<Area> {
        let catalog = &self.view.shared.catalog;
        let (number, sites) = (catalog.area_number(code)?, catalog.sites_of_area(code)?);
        let tree = *self.tree.get_or_insert_with(|| catalog.areas_above_sites().tree);
        Some(Area { number, sites, tree })
    }
}

fn known<'c, T>(
    codes: &'c [String],
    unknown: &'c mut BTreeSet<String>,
    mut find: impl FnMut(&str) -> Option<T> + 'c,
) -> impl Iterator<Item = T> + 'c {
    codes.iter().filter_map(move |code| {
        let found = find(code);
        if found.is_none() {
            unknown.insert(code.clone());
        }
        found
    })
}
