//! Files as they lie on disk: sizes and logs, and each run's file against the digest in the manifest.

use std::sync::Arc;

use super::report::At;
use super::{Checker, at_run, runs};
use crate::error::EngineError;
use crate::partition::Partition;
use crate::store::digest_of;

pub(super) fn check(checker: &mut Checker<'_>, partitions: &[Arc<Partition>]) -> Result<(), EngineError> {
    for (file, what) in checker.shared.store.damaged_files()? {
        checker.damage("file", At { file: Some(&file), ..At::default() }, what);
    }
    let files = checker.shared.store.run_files()?;
    for (partition, run) in runs(partitions) {
        let at = at_run(partition.span, run);
        let entry = &run.entry;
        checker.report.runs += 1;
        checker.report.run_bytes += entry.file_bytes;
        match files.get(&entry.number) {
            None => checker.damage("file", at, "the store has no file of this run"),
            Some(file) => {
                let at = At { file: Some(file), ..at };
                match digest_of(file) {
                    Err(error) => checker.damage("file", at, error),
                    Ok((bytes, _)) if bytes != entry.file_bytes => {
                        checker.damage("file", at, format!("{bytes} bytes instead of {}", entry.file_bytes));
                    }
                    Ok((_, digest)) if digest != entry.file_digest => {
                        checker.damage("file", at, "its bytes are not those that were written (BLAKE3)");
                    }
                    Ok(_) => {}
                }
            }
        }
        checker.advance(entry.file_bytes)?;
    }
    Ok(())
}
