//! Rollups: the distinct subjects of a whole area on a whole UTC day, and their scans.
//!
//! ```text
//! scans u64 LE | roaring bitmap, portable format
//! ```
//!
//! Made when runs are merged, for spans short enough to be dense and areas of many sites. They hold for
//! one state of the tree of areas; a question that finds another state reads the postings instead.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::rows::FullPosting;
use crate::partition::plan::day_of;

/// Subjects and number of scans of an area on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rollup {
    pub(crate) scans: u64,
    pub(crate) subjects: RoaringBitmap,
}

impl Rollup {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.scans.to_le_bytes().to_vec();
        self.subjects.serialize_into(&mut out).expect("a vector takes every write");
        out
    }

    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        self.subjects.serialized_size()
    }

    /// `None` when the bytes are damaged.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (scans, bitmap) = bytes.split_first_chunk()?;
        let subjects = RoaringBitmap::deserialize_from(bitmap).ok()?;
        Some(Self { scans: u64::from_le_bytes(*scans), subjects })
    }
}

/// Which sites lie in which areas, at one state of the tree.
#[derive(Debug, Default)]
pub(crate) struct Areas {
    /// Names the state of the tree.
    pub(crate) tree: u64,
    /// For each site the areas above it that have rollups.
    pub(crate) above: Vec<Vec<u32>>,
    /// For each area its sites, ascending.
    pub(crate) below: Vec<Vec<u32>>,
}

impl Areas {
    /// From the areas above each site.
    pub(crate) fn new(tree: u64, mut above: Vec<Vec<u32>>) -> Self {
        let areas = above.iter().flatten().max().map_or(0, |last| *last as usize + 1);
        let mut below = vec![Vec::new(); areas];
        for (site, areas) in (0u32..).zip(&above) {
            areas.iter().for_each(|area| below[*area as usize].push(site));
        }
        for areas in &mut above {
            areas.retain(|area| below[*area as usize].len() >= ROLLUP_SITES_MIN);
        }
        Self { tree, above, below }
    }

    /// The sites of an area, ascending.
    pub(crate) fn sites_of(&self, area: u32) -> &[u32] {
        self.below.get(area as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether days of the area have rollups.
    pub(crate) fn has_rollups(&self, area: u32) -> bool {
        self.sites_of(area).len() >= ROLLUP_SITES_MIN
    }
}

/// Sites from which on an area is worth a rollup: the leaves of a few sites are read as fast, and their
/// distinct subjects written once more would cost a byte a scan.
const ROLLUP_SITES_MIN: usize = 48;

/// Rollups in the making, by area and day.
pub(crate) struct Builder<'a> {
    areas: &'a Areas,
    rollups: BTreeMap<(u32, i32), Rollup>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(areas: &'a Areas) -> Self {
        Self { areas, rollups: BTreeMap::new() }
    }

    /// Adds some of a site's scans, which are in time order.
    pub(crate) fn add(&mut self, site: u32, rows: &[FullPosting]) {
        let Some(above) = self.areas.above.get(site as usize).filter(|above| !above.is_empty()) else {
            return;
        };
        for day in rows.chunk_by(|a, b| day_of(a.at_ms) == day_of(b.at_ms)) {
            let mut ids: Vec<u32> = day.iter().map(|row| row.subject).collect();
            ids.sort_unstable();
            ids.dedup();
            let subjects = RoaringBitmap::from_sorted_iter(ids).expect("sorted and without repeats");
            for area in above {
                let rollup = self.rollups.entry((*area, day_of(day[0].at_ms))).or_default();
                rollup.scans += day.len() as u64;
                rollup.subjects |= &subjects;
            }
        }
    }

    /// The rollups in order of area and day, and the state of the tree that they hold for.
    pub(crate) fn finish(self) -> (u64, BTreeMap<(u32, i32), Rollup>) {
        (self.areas.tree, self.rollups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_counts_for_every_area_above_it_by_day() {
        let areas = Areas { tree: 9, above: vec![vec![1, 0], vec![2, 0]], below: Vec::new() };
        let mut builder = Builder::new(&areas);
        let row = |at_ms, subject| FullPosting { at_ms, subject, flags: 0, device: 1, seq: 1 };
        builder.add(0, &[row(0, 5), row(1, 5), row(86_400_000, 6)]);
        builder.add(1, &[row(3, 7)]);
        let (tree, rollups) = builder.finish();
        let told =
            |area, day| rollups.get(&(area, day)).map(|r| (r.scans, r.subjects.iter().collect::<Vec<_>>()));
        assert_eq!(tree, 9);
        assert_eq!(told(0, 0), Some((3, vec![5, 7])));
        assert_eq!(told(1, 1), Some((1, vec![6])));
        assert_eq!(told(2, 1), None);
        let rollup = &rollups[&(0, 0)];
        assert_eq!(Rollup::parse(&rollup.encode()).as_ref(), Some(rollup));
    }
}
