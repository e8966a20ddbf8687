//! One operand: its codes become numbers, and its subjects a set.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::expression::{SetOperand, SetPlace};
use crate::error::TraceError;
use crate::index::rollups::Areas;
use crate::trace::question::Interval;
use crate::trace::view::{Rolled, View};

/// An operand whose places are known.
pub(super) struct Operand {
    place: Place,
    interval: Interval,
}

enum Place {
    Sites(BTreeSet<u32>),
    Areas(Vec<u32>),
}

impl Operand {
    /// What it costs to read, to be compared with other operands: sites times milliseconds.
    pub(super) fn cost(&self, areas: &Areas) -> u64 {
        let sites = match &self.place {
            Place::Sites(sites) => sites.len(),
            Place::Areas(numbers) => numbers.iter().map(|area| areas.sites_of(*area).len()).sum(),
        };
        let (from, to) = (self.interval.from().get(), self.interval.to().get());
        to.abs_diff(from).saturating_mul(sites as u64)
    }
}

/// The operand's subjects: everybody with a scan at one of its places within its time.
pub(super) fn subjects(
    view: &View<'_>,
    areas: &Areas,
    operand: &Operand,
) -> Result<RoaringBitmap, TraceError> {
    let (from, to) = (operand.interval.from().get(), operand.interval.to().get());
    match &operand.place {
        Place::Sites(sites) => {
            let sites: Vec<u32> = sites.iter().copied().collect();
            Ok(view.distinct(&sites, None, from, to)?.into_bitmap())
        }
        Place::Areas(numbers) => numbers.iter().try_fold(RoaringBitmap::new(), |sum, area| {
            let rolled = Rolled::of(areas, *area);
            Ok(sum | view.distinct(areas.sites_of(*area), rolled, from, to)?.into_bitmap())
        }),
    }
}

/// The operand with its places; codes that are not known go to `unknown`.
pub(super) fn resolve(view: &View<'_>, asked: &SetOperand, unknown: &mut BTreeSet<String>) -> Operand {
    let interval = asked.time.interval();
    let place = match &asked.place {
        SetPlace::Sites(codes) => Place::Sites(known(codes, unknown, |code| view.site(code)).collect()),
        SetPlace::Areas(codes) => {
            let area = |code: &str| view.shared.catalog.area_number(code);
            Place::Areas(known(codes, unknown, area).collect())
        }
    };
    Operand { place, interval }
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
