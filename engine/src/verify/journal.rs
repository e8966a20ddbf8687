//! The journal: every record that is in no run yet parses, and bears its device's signature.

use std::collections::HashMap;

use ed25519_dalek::VerifyingKey;
use truyvet_schemas::DeviceId;
use truyvet_schemas::signing::verify_batch;
use truyvet_schemas::wire::BatchView;

use super::Checker;
use super::report::At;
use crate::error::EngineError;
use crate::index::keys;
use crate::journal::record::{NO_SITE, Record};
use crate::journal::segments;
use crate::partition::manifest::Manifest;

pub(super) fn check(checker: &mut Checker<'_>) -> Result<(), EngineError> {
    let store = &checker.shared.store;
    let mut keys_of = HashMap::new();
    for (segment, family) in segments(store)? {
        if segment < Manifest::load(store)?.first_segment {
            continue;
        }
        // A segment that went meanwhile is in runs.
        let Ok(family) = store.find_family(family) else { continue };
        for entry in store.sweep(&family, &[], &keys::position(u64::MAX)) {
            let (key, record) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    checker.damage("journal", At::default(), format!("segment {segment}: {error}"));
                    break;
                }
            };
            checker.report.journal_records += 1;
            if let Err((device, what)) = check_record(checker, segment, &key, &record, &mut keys_of) {
                let what = format!("position {:?} of segment {segment}: {what}", keys::position_of(&key));
                checker.damage("journal", At { device, ..At::default() }, what);
            }
            checker.advance(record.len() as u64)?;
        }
    }
    Ok(())
}

/// The keys of devices, by number; none for one that is not known.
type DeviceKeys = HashMap<u32, Option<VerifyingKey>>;

fn check_record(
    checker: &Checker<'_>,
    segment: u32,
    key: &[u8],
    record: &[u8],
    keys_of: &mut DeviceKeys,
) -> Result<(), (Option<u32>, &'static str)> {
    let position = keys::position_of(key).ok_or((None, "its key is no position"))?;
    if position >> 32 != u64::from(segment) {
        return Err((None, "it belongs to another segment"));
    }
    let record = Record::parse(record).ok_or((None, "it is no record"))?;
    let device = Some(record.device);
    let view = BatchView::parse(record.batch).map_err(|_| (device, "it holds no batch"))?;
    let catalog = &checker.shared.catalog;
    let key = keys_of.entry(record.device).or_insert_with(|| {
        let record = catalog.device(DeviceId::new(record.device))?;
        VerifyingKey::from_bytes(&record.public_key).ok()
    });
    let key = key.as_ref().ok_or((device, "its device is not known"))?;
    if view.device != record.device || !verify_batch(key, record.batch, record.signature) {
        return Err((device, "its signature is not the device's"));
    }
    let site = catalog.sites.read().find(view.site);
    if record.site != NO_SITE && site != Some(record.site) {
        return Err((device, "its site is another one"));
    }
    Ok(())
}
