//! The steps by which a spool is opened.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::Path;

use truyvet_schemas::DeviceId;

use super::mark::Mark;
use super::{SegmentInfo, SpoolError, Writer, segment};

pub(super) fn lock(dir: &Path) -> Result<File, SpoolError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(SpoolError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SpoolError::InUse { dir: dir.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(SpoolError::io("lock", &path)(error)),
    }
}

pub(super) fn new_mark(dir: &Path, device: DeviceId) -> Result<Mark, SpoolError> {
    let mut mark = Mark::new(device.get());
    mark.save(dir)?;
    Ok(mark)
}

pub(super) fn list_segments(dir: &Path) -> Result<VecDeque<SegmentInfo>, SpoolError> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(SpoolError::io("list", dir))? {
        let entry = entry.map_err(SpoolError::io("list", dir))?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == segment::TEMPORARY_EXTENSION) {
            fs::remove_file(&path).map_err(SpoolError::io("delete", &path))?;
        } else if let Some(first) = entry.file_name().to_str().and_then(segment::first_of) {
            let bytes = entry.metadata().map_err(SpoolError::io("read", &path))?.len();
            segments.push(SegmentInfo { first, bytes });
        }
    }
    segments.sort_unstable_by_key(|segment| segment.first);
    Ok(segments.into())
}

pub(super) fn open_last(
    dir: &Path,
    segments: &mut VecDeque<SegmentInfo>,
) -> Result<(Writer, u64), SpoolError> {
    let last = segments.back_mut().expect("the caller made one");
    let path = segment::path(dir, last.first);
    let survey = segment::survey(&path)?;
    let file = File::options().read(true).write(true).open(&path).map_err(SpoolError::io("open", &path))?;
    if survey.torn_bytes > 0 {
        tracing::warn!(bytes = survey.torn_bytes, "cut off a record torn by a power cut");
        file.set_len(survey.whole_bytes).map_err(SpoolError::io("cut", &path))?;
    }
    // What was read may still be only in memory when the last process, not the machine, died.
    file.sync_all().map_err(SpoolError::io("sync", &path))?;
    segment::sync_dir(dir).map_err(SpoolError::io("sync", dir))?;
    last.bytes = survey.whole_bytes;
    let writer = Writer {
        file,
        first: last.first,
        end: survey.whole_bytes,
        position: survey.position,
        suspect: false,
    };
    Ok((writer, survey.next))
}
