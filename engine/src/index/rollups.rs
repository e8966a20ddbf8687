//! Rollups: the distinct subjects of a whole area on a whole UTC day, and their scans.
//!
//! ```text
//! form u8 | scans varint | 0: roaring bitmap, portable format
//!                          1: number of subjects varint | ids (gaps, see `ids`)
//! ```
//!
//! Made when runs of closed days are merged or imported, for spans short enough to be dense. They hold for
//! one state of the tree of areas; a question that finds another state, or no rollup, reads the postings
//! instead. Whole countries are dense, and lie as the bitmap in which they are united; a district's residents
//! and visitors take half the space as gaps. Where even that is much beside the postings, there is no rollup.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::ids::{Ids, write_ids};
use super::packed::{pad, read_varint, write_varint};
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
        let ids: Vec<u32> = self.subjects.iter().collect();
        let mut gaps = vec![Form::Gaps as u8];
        write_varint(self.scans, &mut gaps);
        write_varint(ids.len() as u64, &mut gaps);
        write_ids(&ids, &mut gaps);
        pad(&mut gaps);
        if self.subjects.serialized_size() > gaps.len() * 5 / 4 {
            return gaps;
        }
        let mut bitmap = vec![Form::Bitmap as u8];
        write_varint(self.scans, &mut bitmap);
        self.subjects.serialize_into(&mut bitmap).expect("a vector takes every write");
        bitmap
    }

    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        self.subjects.serialized_size()
    }

    /// `None` when the bytes are damaged.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (form, mut bytes) = bytes.split_first()?;
        let scans = read_varint(&mut bytes)?;
        let subjects = if *form == Form::Bitmap as u8 {
            RoaringBitmap::deserialize_from(bytes).ok()?
        } else {
            let count = usize::try_from(read_varint(&mut bytes)?).ok()?;
            let mut ids = Vec::new();
            Ids::take(&mut bytes, count)?.read(&mut ids);
            RoaringBitmap::from_sorted_iter(ids).ok()?
        };
        Some(Self { scans, subjects })
    }
}

/// How the subjects lie on disk.
enum Form {
    Bitmap = 0,
    Gaps = 1,
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

    /// Whether there is an area that has rollups.
    pub(crate) fn have_rollups(&self) -> bool {
        self.above.iter().any(|areas| !areas.is_empty())
    }

    /// Whether days of the area have rollups.
    pub(crate) fn has_rollups(&self, area: u32) -> bool {
        self.sites_of(area).len() >= ROLLUP_SITES_MIN
    }
}

/// Sites from which on an area may have rollups: the leaves of a few sites are read as fast.
const ROLLUP_SITES_MIN: usize = 24;

/// A rollup has at least so many scans a byte: it costs at most a third of a byte each.
const SCANS_PER_BYTE_MIN: u64 = 3;

/// Rollups in the making. Scans are gathered for the lowest area above their site, and reach those above
/// it at the end.
pub(crate) struct Builder<'a> {
    areas: &'a Areas,
    gathered: BTreeMap<(u32, i32), Gathered<'a>>,
}

struct Gathered<'a> {
    above: &'a [u32],
    rollup: Rollup,
    /// Subjects that are not in the rollup yet, in any order.
    pending: Vec<u32>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(areas: &'a Areas) -> Self {
        Self { areas, gathered: BTreeMap::new() }
    }

    /// Adds some of a site's scans, which are in time order.
    pub(crate) fn add(&mut self, site: u32, rows: &[FullPosting]) {
        let Some(above) = self.areas.above.get(site as usize) else { return };
        let Some(lowest) = above.first() else { return };
        for day in rows.chunk_by(|a, b| day_of(a.at_ms) == day_of(b.at_ms)) {
            let empty = || Gathered { above, rollup: Rollup::default(), pending: Vec::new() };
            let gathered = self.gathered.entry((*lowest, day_of(day[0].at_ms))).or_insert_with(empty);
            gathered.rollup.scans += day.len() as u64;
            gathered.pending.extend(day.iter().map(|row| row.subject));
            if gathered.pending.len() >= PENDING_MAX {
                gathered.settle();
            }
        }
    }

    /// The rollups in order of area and day, encoded, as far as they are worth their space.
    pub(crate) fn finish(self) -> impl Iterator<Item = ((u32, i32), Vec<u8>)> {
        let mut rollups: BTreeMap<(u32, i32), Rollup> = BTreeMap::new();
        for ((_, day), mut gathered) in self.gathered {
            gathered.settle();
            for area in gathered.above {
                let rollup = rollups.entry((*area, day)).or_default();
                rollup.scans += gathered.rollup.scans;
                rollup.subjects |= &gathered.rollup.subjects;
            }
        }
        rollups.into_iter().filter_map(|(place, rollup)| {
            let bytes = rollup.encode();
            (rollup.scans >= bytes.len() as u64 * SCANS_PER_BYTE_MIN).then_some((place, bytes))
        })
    }
}

impl Gathered<'_> {
    fn settle(&mut self) {
        self.pending.sort_unstable();
        self.pending.dedup();
        let subjects = RoaringBitmap::from_sorted_iter(self.pending.drain(..));
        self.rollup.subjects |= subjects.expect("sorted and without repeats");
    }
}

/// Subjects gathered before they are united: 128 KB an area and day.
const PENDING_MAX: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at_ms: i64, subject: u32) -> FullPosting {
        FullPosting { at_ms, subject, flags: 0, device: 1, seq: 1 }
    }

    #[test]
    fn a_site_counts_for_every_area_above_it_by_day() {
        let areas = Areas { tree: 9, above: vec![vec![1, 0], vec![2, 0]], below: Vec::new() };
        let mut builder = Builder::new(&areas);
        let crowd =
            |subjects: std::ops::Range<u32>| subjects.map(|s| row(i64::from(s), s)).collect::<Vec<_>>();
        builder.add(0, &crowd(100..600));
        builder.add(0, &[row(86_400_000, 6)]);
        builder.add(1, &crowd(500..900));
        let rollups: BTreeMap<_, _> = builder.finish().collect();
        let told = |area, day| {
            let rollup = Rollup::parse(rollups.get(&(area, day))?).expect("just written");
            Some((rollup.scans, rollup.subjects.min(), rollup.subjects.len()))
        };
        assert_eq!(told(0, 0), Some((900, Some(100), 800)));
        assert_eq!(told(1, 0), Some((500, Some(100), 500)));
        assert_eq!(told(2, 0), Some((400, Some(500), 400)));
        assert_eq!(told(1, 1), None, "one scan is not worth it");
    }

    proptest::proptest! {
        #[test]
        fn both_forms_are_read_back(sparse in proptest::collection::btree_set(0u32..1_000_000, 0..2_000), dense in 0u32..100_000) {
            for subjects in [sparse.into_iter().collect::<RoaringBitmap>(), (7..7 + dense).collect()] {
                let rollup = Rollup { scans: 12, subjects };
                let parsed = Rollup::parse(&rollup.encode());
                proptest::prop_assert_eq!(parsed.as_ref(), Some(&rollup));
            }
        }

        #[test]
        fn damaged_rollups_are_refused_without_panic(bytes in proptest::collection::vec(0u8.., 0..64)) {
            Rollup::parse(&bytes);
        }
    }
}
