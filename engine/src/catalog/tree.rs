//! The administrative tree: which sites lie below an area.

use std::collections::HashMap;

use super::records::AreaRecord;
use crate::error::CatalogError;

/// Areas by number, with their parents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    by_code: HashMap<String, u32>,
    records: Vec<AreaRecord>,
    parents: Vec<Option<u32>>,
}

impl Tree {
    pub(crate) fn find(&self, code: &str) -> Option<u32> {
        self.by_code.get(code).copied()
    }

    pub(crate) fn record(&self, area: u32) -> Option<&AreaRecord> {
        self.records.get(area as usize)
    }

    pub(crate) fn records(&self) -> &[AreaRecord] {
        &self.records
    }

    /// This tree with the records added or replaced.
    pub(crate) fn with(&self, records: &[AreaRecord]) -> Result<Self, CatalogError> {
        let mut tree = self.clone();
        for record in records {
            match tree.find(&record.area) {
                Some(area) => tree.records[area as usize] = record.clone(),
                None => {
                    tree.by_code.insert(record.area.clone(), tree.records.len() as u32);
                    tree.records.push(record.clone());
                }
            }
        }
        tree.parents = tree.records.iter().map(|record| tree.parent_of(record)).collect::<Result<_, _>>()?;
        tree.check_cycles()?;
        Ok(tree)
    }

    /// The area and everything above it, from the area upwards.
    pub(crate) fn upwards(&self, area: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(area), |area| self.parents.get(*area as usize).copied().flatten())
    }

    /// Every area in the order of a walk from the roots, neighbours beside each other: its place.
    pub(crate) fn walk_order(&self) -> Vec<u32> {
        let mut paths: Vec<(Vec<&str>, u32)> = (0..self.records.len() as u32)
            .map(|area| {
                let mut path: Vec<&str> =
                    self.upwards(area).map(|a| self.records[a as usize].area.as_str()).collect();
                path.reverse();
                (path, area)
            })
            .collect();
        paths.sort_unstable();
        let mut places = vec![0; paths.len()];
        for (place, (_, area)) in paths.into_iter().enumerate() {
            places[area as usize] = place as u32;
        }
        places
    }

    fn parent_of(&self, record: &AreaRecord) -> Result<Option<u32>, CatalogError> {
        let Some(parent) = &record.parent else { return Ok(None) };
        self.find(parent).map(Some).ok_or_else(|| CatalogError::UnknownArea(parent.clone()))
    }

    fn check_cycles(&self) -> Result<(), CatalogError> {
        // A node is settled once the walk from it is known to end; every node is walked once.
        let mut settled = vec![false; self.records.len()];
        for start in 0..self.records.len() {
            let mut path = Vec::new();
            let mut next = Some(start as u32);
            while let Some(area) = next.filter(|area| !settled[*area as usize]) {
                if path.len() > self.records.len() {
                    return Err(CatalogError::AreaCycle(self.records[start].area.clone()));
                }
                path.push(area);
                next = self.parents[area as usize];
            }
            path.into_iter().for_each(|area| settled[area as usize] = true);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(code: &str, parent: Option<&str>) -> AreaRecord {
        AreaRecord { area: code.into(), parent: parent.map(Into::into), ..AreaRecord::default() }
    }

    #[test]
    fn parents_may_come_in_any_order_but_must_be_there() {
        let tree = Tree::default().with(&[area("w", Some("d")), area("d", None)]).expect("sound");
        let w = tree.find("w").expect("there");
        assert_eq!(tree.upwards(w).count(), 2);
        assert!(
            matches!(tree.with(&[area("x", Some("y"))]), Err(CatalogError::UnknownArea(code)) if code == "y")
        );
    }

    #[test]
    fn an_area_below_itself_is_refused() {
        let cycle = Tree::default().with(&[area("a", Some("b")), area("b", Some("a"))]);
        assert!(matches!(cycle, Err(CatalogError::AreaCycle(_))));
        assert!(matches!(Tree::default().with(&[area("a", Some("a"))]), Err(CatalogError::AreaCycle(_))));
    }
}
