//! Who and what is known: subjects' codes, sites, areas, devices. All of it is in memory, and every
//! change is in the store before it is visible.

mod code_table;
mod devices;
pub(crate) mod dictionary;
pub(crate) mod load;
pub(crate) mod records;
mod sites;
mod tree;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::error::{CatalogError, EngineError};
use crate::index::keys::{self, MetaTag};
use crate::index::rollups::Areas;
use crate::store::{Base, Changes, Store};
use code_table::NO_ID;
pub(crate) use devices::{DeviceState, Devices};
use dictionary::{Dictionary, Home, New};
use records::{AreaRecord, PersonRecord, SiteRecord};
pub(crate) use sites::Sites;
use tree::Tree;
use truyvet_schemas::check_code;

/// Subjects, sites, areas and devices.
pub struct Catalog {
    store: Arc<Store>,
    pub(crate) subjects: RwLock<Dictionary>,
    pub(crate) sites: RwLock<Sites>,
    tree: RwLock<Tree>,
    pub(crate) devices: Devices,
    /// Made from sites and tree when it is asked for; none after either has changed.
    areas: Mutex<Option<Arc<Areas>>>,
    /// Rises with each change of the areas.
    areas_revision: AtomicU64,
    /// Held while a change is stored and then made visible, so that changes do not cross.
    change: Mutex<()>,
    /// Held while new subjects are stored: whoever stores a run that names them waits until they are.
    storing: Mutex<()>,
}

impl Catalog {
    /// Adds areas or replaces those with the same codes: all of them or none. Parents may come in any
    /// order.
    ///
    /// # Errors
    /// A code is not fit, a parent is unknown, an area lies below itself, or the store fails.
    pub fn put_areas(&self, areas: Vec<AreaRecord>) -> Result<(), CatalogError> {
        areas.iter().try_for_each(|area| check_code(&area.area))?;
        let _change = self.change.lock();
        let tree = self.tree.read().with(&areas)?;
        let mut changes = self.store.changes();
        for area in &areas {
            let number = tree.find(&area.area).expect("just added");
            changes.put(Base::Meta, &keys::meta(MetaTag::Area, number), &json(area));
        }
        changes.commit()?;
        let mut known = self.tree.write();
        *known = tree;
        *self.areas.lock() = None;
        self.areas_revision.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Adds sites or replaces those with the same codes: all of them or none.
    ///
    /// # Errors
    /// A code is not fit, an area is unknown, or the store fails.
    pub fn put_sites(&self, sites: Vec<SiteRecord>) -> Result<(), CatalogError> {
        let _change = self.change.lock();
        for site in &sites {
            check_code(&site.site)?;
            self.known_area(site.area.as_deref())?;
        }
        let numbers = self.sites.read().numbers(&sites);
        let mut changes = self.store.changes();
        for (number, site) in numbers.iter().zip(&sites) {
            changes.put(Base::Meta, &keys::meta(MetaTag::Site, *number), &json(site));
        }
        changes.commit()?;
        let mut known = self.sites.write();
        for (number, site) in numbers.into_iter().zip(sites) {
            let same = known.find_or_insert(&site.site);
            debug_assert_eq!(number, same, "no other change came between");
            known.replace(number, site);
        }
        *self.areas.lock() = None;
        Ok(())
    }

    /// Makes subjects known, with ids beside those of the same home and of neighbouring areas.
    /// A subject that has an id already keeps it.
    ///
    /// # Errors
    /// A code is not fit, an area is unknown, there are too many subjects, or the store fails.
    pub fn put_people(&self, people: Vec<PersonRecord>) -> Result<(), CatalogError> {
        let mut homes = Vec::with_capacity(people.len());
        {
            let tree = self.tree.read();
            let places = tree.walk_order();
            for person in &people {
                check_code(&person.subject)?;
                let area = tree.find(&person.area);
                let area = area.ok_or_else(|| CatalogError::UnknownArea(person.area.clone()))?;
                homes.push((places[area as usize], area, person.subject.as_str()));
            }
        }
        homes.sort_unstable();
        for chunk in homes.chunks(PEOPLE_AT_ONCE) {
            let mut subjects = self.subjects.write();
            for (_, area, subject) in chunk {
                let limit = subjects.subjects_max();
                let full = |_| CatalogError::SubjectLimit(limit);
                subjects.find_or_insert(subject, Home::Area(*area)).map_err(full)?;
            }
        }
        let mut changes = self.store.changes();
        let storing = self.store_subjects(&mut changes);
        Ok(storing.end(changes.commit())?)
    }

    /// All sites, by number.
    pub fn sites(&self) -> Vec<SiteRecord> {
        self.sites.read().records().to_vec()
    }

    /// Sites that are wanted, by number.
    pub fn sites_where(&self, mut is_wanted: impl FnMut(&SiteRecord) -> bool) -> Vec<SiteRecord> {
        self.sites.read().records().iter().filter(|site| is_wanted(site)).cloned().collect()
    }

    /// The site with this code.
    pub fn site(&self, code: &str) -> Option<SiteRecord> {
        let sites = self.sites.read();
        sites.find(code).map(|site| sites.record(site).clone())
    }

    /// All areas, by number.
    pub fn areas(&self) -> Vec<AreaRecord> {
        self.tree.read().records().to_vec()
    }

    /// Rises with each change of the areas: what was made of [`Catalog::areas`] is old then.
    pub fn areas_revision(&self) -> u64 {
        self.areas_revision.load(Ordering::Relaxed)
    }

    /// The area with this code.
    pub fn area(&self, code: &str) -> Option<AreaRecord> {
        let tree = self.tree.read();
        tree.find(code).and_then(|area| tree.record(area)).cloned()
    }

    /// Number of subjects.
    pub fn subjects(&self) -> u64 {
        self.subjects.read().len() as u64
    }

    /// Number of the area, which stays.
    pub fn area_number(&self, code: &str) -> Option<u32> {
        self.tree.read().find(code)
    }

    /// Which sites lie in which areas, as it is now.
    pub(crate) fn site_areas(&self) -> Arc<Areas> {
        let tree = self.tree.read(); // before the sites, as everywhere
        let sites = self.sites.read();
        let mut known = self.areas.lock();
        let areas = known.get_or_insert_with(|| Arc::new(site_areas(&tree, &sites)));
        areas.clone()
    }

    /// Number of the site, which from now on is known.
    pub(crate) fn site_number(&self, code: &str) -> Result<u32, EngineError> {
        if let Some(site) = self.sites.read().find(code) {
            return Ok(site);
        }
        let _change = self.change.lock();
        let mut sites = self.sites.write();
        let before = sites.len();
        let number = sites.find_or_insert(code);
        let mut changes = self.store.changes();
        changes.put(Base::Meta, &keys::meta(MetaTag::Site, number), &json(sites.record(number)));
        // On disk no later than the first run that names the site: its commit follows in the same log.
        changes.write().inspect_err(|_| sites.truncate(before))?;
        Ok(number)
    }

    /// Where a subject first seen at this site is taken to be at home.
    pub(crate) fn home_at(&self, site: u32) -> Home {
        let tree = self.tree.read(); // before the sites, as everywhere
        let sites = self.sites.read();
        let area = sites.record(site).area.as_deref().and_then(|code| tree.find(code));
        area.map_or(Home::Site(site), Home::Area)
    }

    /// Appends the ids of the codes, which are text, to `out`; those that have none get one by the site.
    pub(crate) fn subject_ids<'c>(
        &self,
        codes: impl Iterator<Item = &'c [u8]> + Clone,
        site: u32,
        out: &mut Vec<u32>,
    ) -> Result<(), EngineError> {
        let start = out.len();
        self.subjects.read().find_all(codes.clone(), out);
        if !out[start..].contains(&NO_ID) {
            return Ok(());
        }
        let home = self.home_at(site);
        let mut subjects = self.subjects.write();
        for (id, code) in out[start..].iter_mut().zip(codes).filter(|(id, _)| **id == NO_ID) {
            let code = text(code)?;
            let limit = subjects.subjects_max();
            *id = subjects.find_or_insert(code, home).map_err(|_| EngineError::SubjectLimit(limit))?;
        }
        Ok(())
    }

    /// Appends the ids of the codes, which are text, to `out`; those that have none get one by the site beside them.
    pub(crate) fn subject_ids_at<'c>(
        &self,
        codes: impl Iterator<Item = (&'c [u8], u32)> + Clone,
        out: &mut Vec<u32>,
    ) -> Result<(), EngineError> {
        let start = out.len();
        {
            let subjects = self.subjects.read();
            subjects.find_all(codes.clone().map(|(code, _)| code), out);
        }
        let missing = out[start..].iter_mut().zip(codes).filter(|(id, _)| **id == NO_ID);
        for (id, (code, site)) in missing {
            let home = self.home_at(site);
            let code = text(code)?;
            let mut subjects = self.subjects.write();
            let limit = subjects.subjects_max();
            *id = subjects.find_or_insert(code, home).map_err(|_| EngineError::SubjectLimit(limit))?;
        }
        Ok(())
    }

    /// Adds the subjects that are not stored yet to `changes`. Tell the returned value what became of
    /// them.
    pub(crate) fn store_subjects(&self, changes: &mut Changes<'_>) -> Storing<'_> {
        let _guard = self.storing.lock();
        let mut subjects = self.subjects.write();
        let new = subjects.take_new();
        for (first, home) in &new.extents {
            changes.put(Base::Meta, &keys::meta(MetaTag::Extent, *first), &home.to_bytes());
        }
        let mut ids = new.ids.clone();
        ids.sort_unstable();
        for run in ids.chunk_by(|a, b| a + 1 == *b) {
            let mut codes = Vec::new();
            for id in run {
                let code = subjects.code(*id);
                codes.push(code.len() as u8);
                codes.extend_from_slice(code.as_bytes());
            }
            changes.put(Base::Subjects, &keys::subjects(run[0]), &codes);
        }
        drop(subjects);
        Storing { catalog: self, new, _guard }
    }

    fn known_area(&self, code: Option<&str>) -> Result<(), CatalogError> {
        let Some(code) = code else { return Ok(()) };
        let unknown = || CatalogError::UnknownArea(code.to_owned());
        self.tree.read().find(code).map(|_| ()).ok_or_else(unknown)
    }
}

/// New subjects that are being stored.
pub(crate) struct Storing<'c> {
    catalog: &'c Catalog,
    new: New,
    _guard: MutexGuard<'c, ()>,
}

impl Storing<'_> {
    /// Takes what became of the write; after a failure the subjects go with the next one.
    pub(crate) fn end(self, written: Result<(), EngineError>) -> Result<(), EngineError> {
        if written.is_err() {
            self.catalog.subjects.write().put_back(self.new);
        }
        written
    }
}

fn site_areas(tree: &Tree, sites: &Sites) -> Areas {
    let above = |record: &SiteRecord| {
        let own = record.area.as_deref().and_then(|code| tree.find(code));
        own.map(|own| tree.upwards(own).collect()).unwrap_or_default()
    };
    let above: Vec<Vec<u32>> = sites.records().iter().map(above).collect();
    let mut digest = blake3::Hasher::new();
    for (site, areas) in above.iter().enumerate().filter(|(_, areas)| !areas.is_empty()) {
        digest.update(&(site as u32).to_le_bytes());
        for area in areas {
            digest.update(&area.to_le_bytes());
        }
        digest.update(&u32::MAX.to_le_bytes());
    }
    let tree = digest.finalize().as_bytes().first_chunk().map(|first| u64::from_le_bytes(*first));
    Areas::new(tree.unwrap_or_default(), above)
}

fn text(code: &[u8]) -> Result<&str, EngineError> {
    str::from_utf8(code).map_err(|_| EngineError::Corrupt { what: "a subject's code".into() })
}

pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers are always JSON")
}

/// People given ids under one lock, so that arriving scans are not held up.
const PEOPLE_AT_ONCE: usize = 4_096;
