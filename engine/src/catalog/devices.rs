//! Devices: enrolment, moves, and how far each one's scans are durable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use truyvet_schemas::{DeviceId, TimeMs};

use super::records::{DeviceRecord, FormerSite, ImportRecord, LostScans};
use super::{Catalog, json};
use crate::error::{CatalogError, EngineError};
use crate::index::keys::{self, MetaTag};
use crate::store::Base;

/// Every device, enrolled or import.
#[derive(Default)]
pub(crate) struct Devices {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    states: HashMap<u32, Arc<DeviceState>>,
    enrolled: BTreeMap<u32, DeviceRecord>,
    imports: HashMap<[u8; 32], ImportRecord>,
    lost: HashMap<u32, Vec<LostScans>>,
    next: u32,
}

/// How far a device's scans have come.
#[derive(Debug, Default)]
pub(crate) struct DeviceState {
    durable_seq: AtomicU64,
}

impl DeviceState {
    pub(crate) fn durable_seq(&self) -> u64 {
        self.durable_seq.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable_seq(&self, seq: u64) {
        self.durable_seq.fetch_max(seq, Ordering::AcqRel);
    }
}

impl Devices {
    pub(super) fn restore(&self, record: DeviceRecord) {
        let mut inner = self.inner.write();
        inner.add(record.device);
        inner.enrolled.insert(record.device, record);
    }

    pub(super) fn restore_import(&self, digest: [u8; 32], record: ImportRecord) {
        let mut inner = self.inner.write();
        inner.add(record.device);
        inner.imports.insert(digest, record);
    }

    pub(super) fn restore_mark(&self, device: u32, seq: u64) {
        self.inner.write().add(device).set_durable_seq(seq);
    }

    /// Adds scans of a device that are lost; they are in the store.
    pub(crate) fn add_lost(&self, device: u32, lost: LostScans) {
        self.inner.write().lost.entry(device).or_default().push(lost);
    }

    /// Number of lost scans, of all devices.
    pub(crate) fn lost_scans(&self) -> u64 {
        let inner = self.inner.read();
        inner.lost.values().flatten().fold(0, |sum, lost| sum.saturating_add(lost.count()))
    }

    /// Number of enrolled devices.
    pub(crate) fn enrolled(&self) -> u64 {
        self.inner.read().enrolled.len() as u64
    }

    pub(crate) fn state(&self, device: u32) -> Option<Arc<DeviceState>> {
        self.inner.read().states.get(&device).cloned()
    }

    /// Whether the device belonged to the site, by its code, when it took a scan at `at`.
    pub(crate) fn site_window(&self, device: u32, site: &str) -> Option<SiteWindow> {
        let inner = self.inner.read();
        let record = inner.enrolled.get(&device)?;
        if record.site == site {
            return Some(SiteWindow { until: i64::MAX });
        }
        let former = record.former_sites.iter().rev().find(|former| former.site == site)?;
        Some(SiteWindow { until: former.until })
    }
}

/// When a device's scans may name a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SiteWindow {
    /// First instant at which the device was elsewhere.
    pub(crate) until: i64,
}

impl Inner {
    fn add(&mut self, device: u32) -> Arc<DeviceState> {
        self.next = self.next.max(device + 1);
        self.states.entry(device).or_default().clone()
    }
}

impl Catalog {
    /// Enrols a device at a site.
    ///
    /// # Errors
    /// The site is unknown, or the store fails.
    pub fn add_device(
        &self,
        site: &str,
        public_key: [u8; 32],
        now: TimeMs,
    ) -> Result<DeviceRecord, CatalogError> {
        let added = self.add_devices(&[(site.to_owned(), public_key)], now)?;
        Ok(added.into_iter().next().expect("one was asked for"))
    }

    /// Enrols many devices at once: all of them or none.
    ///
    /// # Errors
    /// A site is unknown, or the store fails.
    pub fn add_devices(
        &self,
        devices: &[(String, [u8; 32])],
        now: TimeMs,
    ) -> Result<Vec<DeviceRecord>, CatalogError> {
        let _change = self.change.lock();
        self.enrol(devices, now)
    }

    /// The newest device of a site with this key; enrolled now where there is none, or where `renews` and it was
    /// revoked. Who asks twice at once gets the same.
    ///
    /// # Errors
    /// The site is unknown, or the store fails.
    pub fn find_or_add_device(
        &self,
        site: &str,
        public_key: [u8; 32],
        renews: bool,
        now: TimeMs,
    ) -> Result<DeviceRecord, CatalogError> {
        let _change = self.change.lock();
        if let Some(known) = self.device_with_key(site, &public_key)
            && !(renews && known.revoked_at.is_some())
        {
            return Ok(known);
        }
        let added = self.enrol(&[(site.to_owned(), public_key)], now)?;
        Ok(added.into_iter().next().expect("one was asked for"))
    }

    fn device_with_key(&self, site: &str, public_key: &[u8; 32]) -> Option<DeviceRecord> {
        let inner = self.devices.inner.read();
        let is_it = |record: &&DeviceRecord| record.public_key == *public_key && record.site == site;
        inner.enrolled.values().rev().find(is_it).map(|record| inner.shown(record))
    }

    /// Whoever calls holds `change`.
    fn enrol(&self, devices: &[(String, [u8; 32])], now: TimeMs) -> Result<Vec<DeviceRecord>, CatalogError> {
        let first = self.devices.inner.read().next.max(1);
        let mut records = Vec::with_capacity(devices.len());
        for (device, (site, public_key)) in (first..).zip(devices) {
            self.site(site).ok_or_else(|| CatalogError::UnknownSite(site.clone()))?;
            records.push(DeviceRecord {
                device,
                site: site.clone(),
                public_key: *public_key,
                enrolled_at: now.get(),
                revoked_at: None,
                former_sites: Vec::new(),
                durable_seq: 0,
                lost: Vec::new(),
            });
        }
        self.store_devices(&records)?;
        Ok(records)
    }

    /// All enrolled devices, by number.
    pub fn devices(&self) -> Vec<DeviceRecord> {
        let inner = self.devices.inner.read();
        inner.enrolled.values().map(|record| inner.shown(record)).collect()
    }

    /// The enrolled device with this number.
    pub fn device(&self, device: DeviceId) -> Option<DeviceRecord> {
        let inner = self.devices.inner.read();
        inner.enrolled.get(&device.get()).map(|record| inner.shown(record))
    }

    /// Moves a device to another site. Scans that it took before may still name the former one.
    ///
    /// # Errors
    /// The device or the site is unknown, the device was revoked, or the store fails.
    pub fn move_device(
        &self,
        device: DeviceId,
        site: &str,
        now: TimeMs,
    ) -> Result<DeviceRecord, CatalogError> {
        self.site(site).ok_or_else(|| CatalogError::UnknownSite(site.to_owned()))?;
        self.change_device(device, |record| {
            if record.revoked_at.is_some() {
                return Err(CatalogError::RevokedDevice(record.device));
            }
            if record.site != site {
                let former = std::mem::replace(&mut record.site, site.to_owned());
                record.former_sites.push(FormerSite { site: former, until: now.get() });
            }
            Ok(())
        })
    }

    /// Revokes a device for good.
    ///
    /// # Errors
    /// The device is unknown, or the store fails.
    pub fn revoke_device(&self, device: DeviceId, now: TimeMs) -> Result<DeviceRecord, CatalogError> {
        self.change_device(device, |record| {
            record.revoked_at.get_or_insert(now.get());
            Ok(())
        })
    }

    /// The import with this digest, which from now on is known: its device, and its last durable row.
    pub(crate) fn import_device(
        &self,
        digest: [u8; 32],
        name: &str,
    ) -> Result<(u32, Arc<DeviceState>), EngineError> {
        let _change = self.change.lock();
        let known = self.devices.inner.read().imports.get(&digest).cloned();
        let record = match known {
            Some(record) => record,
            None => {
                let device = self.devices.inner.read().next.max(1);
                let record = ImportRecord { device, name: name.to_owned() };
                let mut changes = self.store.changes();
                changes.put(Base::Meta, &keys::import(&digest), &json(&record));
                changes.commit()?;
                self.devices.restore_import(digest, record.clone());
                record
            }
        };
        Ok((record.device, self.devices.inner.write().add(record.device)))
    }

    fn change_device(
        &self,
        device: DeviceId,
        change: impl FnOnce(&mut DeviceRecord) -> Result<(), CatalogError>,
    ) -> Result<DeviceRecord, CatalogError> {
        let _change = self.change.lock();
        let mut record = self.device(device).ok_or(CatalogError::UnknownDevice(device.get()))?;
        change(&mut record)?;
        self.store_devices(std::slice::from_ref(&record))?;
        Ok(record)
    }

    fn store_devices(&self, records: &[DeviceRecord]) -> Result<(), EngineError> {
        let mut changes = self.store.changes();
        for record in records {
            changes.put(Base::Meta, &keys::meta(MetaTag::Device, record.device), &json(record));
        }
        changes.commit()?;
        records.iter().for_each(|record| self.devices.restore(record.clone()));
        Ok(())
    }
}

impl Inner {
    fn shown(&self, record: &DeviceRecord) -> DeviceRecord {
        let durable_seq = self.states.get(&record.device).map_or(0, |state| state.durable_seq());
        let lost = self.lost.get(&record.device).cloned().unwrap_or_default();
        DeviceRecord { durable_seq, lost, ..record.clone() }
    }
}
