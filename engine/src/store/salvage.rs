//! Opening a store with damaged files: without the files of runs it can live, and says which they are;
//! without its logs or its base families it cannot, and says what to do.
//!
//! ```text
//! logs, as bytes -> open -> refused? -> read-only and lenient: which files are missing or unreadable
//!                                    -> only runs' files: put these aside, open again
//! ```
//!
//! A run is given up only if its file is missing, of another size, or damaged by the store's checksums or
//! the disk's own; for want of permission, memory or descriptors none is. What there is of a file is kept in
//! `DATA/damaged/`. A crash in between leaves a store that is refused again, or opens; the manifest is told
//! afterwards (`partition::gaps`).

use std::path::{Path, PathBuf};

use rocksdb::{ColumnFamilyDescriptor, DB, Options};

use super::files::{FileOnDisk, state_of};
use super::{Kind, log_file};
use crate::error::{EngineError, OpenError};
use crate::index::keys;

/// A run whose file cannot be read, and the file.
pub(super) type GivenUp = (u32, PathBuf);

/// Opens the store in `dir`. `families` makes the descriptors of all its families anew for each attempt.
pub(super) fn open(
    dir: &Path,
    options: &Options,
    families: impl Fn() -> Vec<ColumnFamilyDescriptor>,
) -> Result<(DB, Vec<GivenUp>), OpenError> {
    let refused = match DB::open_cf_descriptors(options, dir, families()) {
        Ok(db) => return Ok((db, Vec::new())),
        Err(error) => error,
    };
    let damaged = |error: rocksdb::Error| refusal(dir, &error);
    let mut lenient = options.clone();
    lenient.set_paranoid_checks(false);
    let reader = DB::open_cf_descriptors_read_only(&lenient, dir, families(), false).map_err(damaged)?;
    let given_up = unreadable_runs(&reader, dir)?;
    drop(reader);
    if given_up.is_empty() {
        return Err(damaged(refused));
    }
    let writer = DB::open_cf_descriptors(&lenient, dir, families()).map_err(damaged)?;
    for (family, run, path) in &given_up {
        tracing::error!(file = %path.display(), run, %refused, "a run is given up: its file cannot be read");
        keep_aside(path)?;
        let (from, to) = keys::run_bounds(*run);
        if let Some(handle) = writer.cf_handle(family) {
            writer.delete_file_in_range_cf(&handle, from, to).map_err(damaged)?;
        }
    }
    drop(writer);
    let db = DB::open_cf_descriptors(options, dir, families()).map_err(damaged)?;
    Ok((db, given_up.into_iter().map(|(_, run, path)| (run, path)).collect()))
}

/// Whether there is a store in `dir`; refuses what was one and is so damaged that it would be made anew.
pub(super) fn find(dir: &Path) -> Result<bool, OpenError> {
    let current = dir.join("CURRENT");
    if current.exists() {
        return Ok(true);
    }
    let is_empty = std::fs::read_dir(dir)
        .map_or(true, |mut entries| entries.all(|entry| entry.is_ok_and(|entry| !is_data(&entry.path()))));
    if is_empty { Ok(false) } else { Err(OpenError::Damaged { file: current, what: "not there".into() }) }
}

/// Refuses logs with a damaged record.
pub(super) fn check_logs(dir: &Path) -> Result<(), OpenError> {
    match damaged_log(dir) {
        None => Ok(()),
        Some((file, what)) => Err(OpenError::Damaged { file, what }),
    }
}

/// The first log with a damaged record, and what is wrong with it.
pub(super) fn damaged_log(dir: &Path) -> Option<(PathBuf, String)> {
    let current = dir.join("CURRENT");
    let manifest = match std::fs::read_to_string(&current) {
        Ok(name) if name.starts_with("MANIFEST-") && name.ends_with('\n') => dir.join(name.trim_end()),
        Ok(_) => return Some((current, "it names no manifest".into())),
        Err(error) => return Some((current, error.to_string())),
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let logs = entries.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    std::iter::once(manifest.clone()).chain(logs).find_map(|path| match log_file::find_damage(&path) {
        Ok(None) => None,
        // Moved aside meanwhile, and cut: it was no longer needed.
        Ok(Some(_)) if path != manifest && !path.exists() => None,
        Ok(Some(offset)) => Some((path, format!("a record at byte {offset} is not what was written"))),
        // A log that went meanwhile was no longer needed.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path != manifest => None,
        Err(error) => Some((path, error.to_string())),
    })
}

fn is_data(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("MANIFEST-") || name.ends_with(".sst") || name.ends_with(".log")
}

/// The runs whose files are missing or cannot be read, with their families; refuses where a file of
/// another family is.
fn unreadable_runs(reader: &DB, dir: &Path) -> Result<Vec<(String, u32, PathBuf)>, OpenError> {
    let files = reader.live_files().map_err(|error| refusal(dir, &error))?;
    let mut unreadable = Vec::new();
    for file in files {
        let path = dir.join(file.name.trim_start_matches('/'));
        let family = file.column_family_name;
        let run = file.start_key.as_deref().and_then(keys::run_of);
        let run = run.filter(|_| Kind::of(&family) == Some(Kind::Partition));
        let state = state_of(&path, file.size as u64);
        match (run, state) {
            (Some(run), FileOnDisk::Whole) => {
                // Without its directory nothing of a run can be found.
                let handle = reader.cf_handle(&family);
                let read = handle.map(|handle| reader.get_pinned_cf(&handle, keys::directory(run)));
                match read.and_then(Result::err) {
                    None => {}
                    Some(error) if is_damage(&error, &path) => unreadable.push((family, run, path)),
                    Some(error) => return Err(refusal(dir, &error)),
                }
            }
            (Some(run), FileOnDisk::Not(_)) => unreadable.push((family, run, path)),
            (None, FileOnDisk::Whole) => {}
            (None, FileOnDisk::Not(what)) => return Err(OpenError::Damaged { file: path, what }),
            (_, FileOnDisk::Unknown(source)) => return Err(OpenError::Io { path, source }),
        }
    }
    Ok(unreadable)
}

/// Whether reading failed because of the file, and not for want of anything else.
fn is_damage(error: &rocksdb::Error, path: &Path) -> bool {
    let is_bad_sector = || {
        let read =
            std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
        read.is_err_and(|error| error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()))
    };
    error.kind() == rocksdb::ErrorKind::Corruption || is_bad_sector()
}

/// Keeps what there is of a file that the store is about to delete.
fn keep_aside(path: &Path) -> Result<(), OpenError> {
    let (Some(root), Some(name)) = (path.ancestors().nth(2), path.file_name()) else { return Ok(()) };
    let aside = root.join("damaged");
    let kept = std::fs::create_dir_all(&aside).and_then(|()| std::fs::hard_link(path, aside.join(name)));
    use std::io::ErrorKind::{AlreadyExists, NotFound};
    match kept {
        Err(error) if !matches!(error.kind(), NotFound | AlreadyExists) => {
            Err(OpenError::Io { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// The store's refusal; where it is for damage, with the file that it names.
fn refusal(dir: &Path, error: &rocksdb::Error) -> OpenError {
    let text = error.clone().into_string();
    if error.kind() != rocksdb::ErrorKind::Corruption && !text.contains("No such file") {
        return OpenError::Engine(EngineError::from(error.clone()));
    }
    let names_file =
        |word: &&str| word.contains(".sst") || word.contains(".log") || word.contains("MANIFEST-");
    let word = text.split([' ', ',']).map(|word| word.trim_matches([':', '.', '"'])).find(|w| names_file(w));
    let file =
        word.and_then(|word| Path::new(word).file_name()).map_or(dir.to_owned(), |name| dir.join(name));
    OpenError::Damaged { file, what: text }
}
