//! The catalog read from the store at start.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::{Mutex, RwLock};

use super::Catalog;
use super::devices::Devices;
use super::dictionary::{Dictionary, Home};
use super::records::{AreaRecord, SiteRecord};
use super::sites::Sites;
use super::tree::Tree;
use crate::error::{CatalogError, EngineError};
use crate::index::keys::{self, MetaTag};
use crate::store::{Base, Store};

impl Catalog {
    pub(crate) fn load(store: Arc<Store>, subjects_max: u32) -> Result<Self, EngineError> {
        Ok(Self {
            subjects: RwLock::new(load_subjects(&store, subjects_max)?),
            sites: RwLock::new(load_sites(&store)?),
            tree: RwLock::new(load_tree(&store)?),
            devices: load_devices(&store)?,
            areas: Mutex::new(None),
            areas_revision: AtomicU64::new(0),
            change: Mutex::new(()),
            storing: Mutex::new(()),
            store,
        })
    }
}

fn load_subjects(store: &Store, subjects_max: u32) -> Result<Dictionary, EngineError> {
    let mut dictionary = Dictionary::new(subjects_max);
    for entry in entries(store, MetaTag::Extent) {
        let (key, value) = entry?;
        let home = Home::from_bytes(&value).ok_or_else(|| corrupt("an extent of ids"))?;
        dictionary.restore_extent(number(&key)?, home);
    }
    for entry in store.scan(Base::Subjects, &[], &[]) {
        let (key, value) = entry?;
        each_code(&key, &value, |id, code| dictionary.restore(id, code))?;
    }
    dictionary.finish_restore();
    Ok(dictionary)
}

/// Hands over the codes of an entry of the subjects' family, with their ids.
pub(crate) fn each_code(
    key: &[u8],
    value: &[u8],
    mut code: impl FnMut(u32, &str),
) -> Result<(), EngineError> {
    let damaged = || corrupt("the subjects");
    let first: [u8; 4] = key.try_into().map_err(|_| damaged())?;
    let mut codes = value;
    for id in u32::from_be_bytes(first).. {
        let Some((length, rest)) = codes.split_first() else { break };
        let (text, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(damaged)?;
        code(id, str::from_utf8(text).map_err(|_| damaged())?);
        codes = rest;
    }
    Ok(())
}

/// What of the catalog does not load any more; subjects aside, which [`each_code`] reads.
pub(crate) fn check_all(store: &Store) -> impl Iterator<Item = EngineError> {
    let extents = entries(store, MetaTag::Extent).try_for_each(|entry| {
        let (key, value) = entry?;
        number(&key)?;
        Home::from_bytes(&value).map(drop).ok_or_else(|| corrupt("an extent of ids"))
    });
    let loaded =
        [extents, load_sites(store).map(drop), load_tree(store).map(drop), load_devices(store).map(drop)];
    loaded.into_iter().filter_map(Result::err)
}

fn load_sites(store: &Store) -> Result<Sites, EngineError> {
    let mut sites = Sites::default();
    for entry in entries(store, MetaTag::Site) {
        let (key, value) = entry?;
        let record: SiteRecord = read_json(&value, "a site")?;
        let site = sites.find_or_insert(&record.site);
        if site != number(&key)? {
            return Err(corrupt("the sites: one is missing"));
        }
        sites.replace(site, record);
    }
    Ok(sites)
}

fn load_tree(store: &Store) -> Result<Tree, EngineError> {
    let mut records: Vec<AreaRecord> = Vec::new();
    for entry in entries(store, MetaTag::Area) {
        records.push(read_json(&entry?.1, "an area")?);
    }
    Tree::default().with(&records).map_err(|error| match error {
        CatalogError::Engine(error) => error,
        _ => corrupt("the areas"),
    })
}

fn load_devices(store: &Store) -> Result<Devices, EngineError> {
    let devices = Devices::default();
    for entry in entries(store, MetaTag::Device) {
        devices.restore(read_json(&entry?.1, "a device")?);
    }
    for entry in entries(store, MetaTag::Import) {
        let (key, value) = entry?;
        let digest = key[1..].try_into().map_err(|_| corrupt("an import"))?;
        devices.restore_import(digest, read_json(&value, "an import")?);
    }
    for entry in entries(store, MetaTag::Mark) {
        let (key, value) = entry?;
        let seq: [u8; 8] = (*value).try_into().map_err(|_| corrupt("a device's mark"))?;
        devices.restore_mark(number(&key)?, u64::from_be_bytes(seq));
    }
    for entry in entries(store, MetaTag::Lost) {
        let (key, value) = entry?;
        devices.add_lost(number(&key)?, read_json(&value, "a device's lost scans")?);
    }
    Ok(devices)
}

fn entries(store: &Store, tag: MetaTag) -> impl Iterator<Item = Result<crate::store::Entry, EngineError>> {
    let prefix: &'static [u8] = match tag {
        MetaTag::Manifest => &[MetaTag::Manifest as u8],
        MetaTag::Mark => &[MetaTag::Mark as u8],
        MetaTag::Device => &[MetaTag::Device as u8],
        MetaTag::Area => &[MetaTag::Area as u8],
        MetaTag::Site => &[MetaTag::Site as u8],
        MetaTag::Import => &[MetaTag::Import as u8],
        MetaTag::Extent => &[MetaTag::Extent as u8],
        MetaTag::Lost => &[MetaTag::Lost as u8],
    };
    store.scan(Base::Meta, prefix, prefix)
}

fn number(key: &[u8]) -> Result<u32, EngineError> {
    keys::meta_number(key).ok_or_else(|| corrupt("the catalog"))
}

fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(|_| corrupt(what))
}

fn corrupt(what: &str) -> EngineError {
    EngineError::Corrupt { what: what.to_owned() }
}
