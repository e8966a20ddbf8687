//! Catalog, subjects and dead letters: every entry is read with its checksum and parsed.

use super::Checker;
use super::report::At;
use crate::catalog;
use crate::error::EngineError;
use crate::partition::manifest::Manifest;
use crate::store::Base;

pub(super) fn check(checker: &mut Checker<'_>) -> Result<(), EngineError> {
    let store = &checker.shared.store;
    if let Err(error) = Manifest::load(store) {
        checker.damage("catalog", At::default(), error);
    }
    for error in catalog::load::check_all(store) {
        checker.damage("catalog", At::default(), error);
    }
    each(checker, "catalog", Base::Meta, |_, _| Ok(0))?;
    checker.report.subjects = each(checker, "subjects", Base::Subjects, |key, value| {
        let mut codes = 0;
        catalog::load::each_code(key, value, |_, _| codes += 1).map(|()| codes)
    })?;
    checker.report.dead_letters = each(checker, "catalog", Base::DeadLetters, |_, value| {
        let letter = serde_json::from_slice::<catalog::records::DeadLetter>(value);
        letter.map(|_| 1).map_err(|_| EngineError::Corrupt { what: "a dead letter".into() })
    })?;
    Ok(())
}

/// Reads all entries of a family, and adds up what `parse` tells.
fn each(
    checker: &mut Checker<'_>,
    part: &str,
    base: Base,
    parse: impl Fn(&[u8], &[u8]) -> Result<u64, EngineError>,
) -> Result<u64, EngineError> {
    let mut sum = 0;
    for entry in checker.shared.store.scan(base, &[], &[]) {
        let parsed = entry.and_then(|(key, value)| Ok((parse(&key, &value)?, value.len())));
        match parsed {
            Ok((count, bytes)) => {
                sum += count;
                checker.advance(bytes as u64)?;
            }
            Err(error) => checker.damage(part, At::default(), error),
        }
    }
    Ok(sum)
}
