//! One file of the spool: a header, then records, written at the end and never changed.
//!
//! ```text
//! file    <first, 20 digits>.seg
//! header  | "TVSPOOL1" | first u64 | position 37 B | crc32 u32 of what stands before |
//! then    record | record | ... | at most one torn record, where the power went
//! ```
//!
//! A record is written only after the one before it is durable, so a power cut tears the last one at
//! most: bad bytes with a whole record after them are damage, never cut off.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::record::{self, Group, Header, Input, Position};

/// What a segment's file was found to hold.
#[derive(Debug)]
pub(super) struct Survey {
    /// Bytes of header and whole records; anything after is a torn record.
    pub(super) whole_bytes: u64,
    /// The number after the last scan's.
    pub(super) next: u64,
    /// Where the input stands after the last record.
    pub(super) position: Option<Position>,
    /// Bytes of a torn record at the end.
    pub(super) torn_bytes: u64,
}

/// The path of the segment that begins with this number.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.{EXTENSION}"))
}

/// The first number of the segment with this file name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// Makes an empty segment durable, in place of an empty one of the same number, and opens it.
pub(super) fn create(dir: &Path, first: u64, position: Option<&Position>) -> io::Result<File> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&first.to_le_bytes());
    record::encode_position(&mut header, position);
    header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
    let path = path(dir, first);
    replace_file(&path, &header)?;
    OpenOptions::new().read(true).write(true).open(path)
}

/// Reads a whole segment, checking every record.
pub(super) fn survey(path: &Path) -> Result<Survey, SpoolError> {
    let bytes = fs::read(path).map_err(SpoolError::io("read", path))?;
    let (first, position) =
        parse_header(&bytes).ok_or_else(|| SpoolError::damaged(path, "its header is not one"))?;
    let mut survey = Survey { whole_bytes: HEADER_BYTES as u64, next: first, position, torn_bytes: 0 };
    let mut rest = &bytes[HEADER_BYTES..];
    while let Some((group, record_bytes)) = whole_record(rest) {
        if group.first != survey.next {
            return Err(SpoolError::damaged(path, "its numbers do not follow each other"));
        }
        survey.next = group.end();
        survey.position = group.position.or(survey.position);
        survey.whole_bytes += record_bytes as u64;
        rest = &rest[record_bytes..];
    }
    if holds_whole_record(rest) {
        return Err(SpoolError::damaged(path, "a bad record stands before good ones"));
    }
    survey.torn_bytes = rest.len() as u64;
    Ok(survey)
}

/// Reads the record at `offset`, known to be whole, and tells its size.
pub(super) fn read_record(file: &File, offset: u64) -> io::Result<Option<(Group, u64)>> {
    let mut header = [0; record::HEADER_BYTES];
    match file.read_exact_at(&mut header, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "a record does not match its checksum");
    let header = Header::parse(&header).ok_or_else(bad)?;
    let mut payload = vec![0; header.payload_bytes as usize];
    file.read_exact_at(&mut payload, offset + record::HEADER_BYTES as u64)?;
    let group = header.open(&payload).ok_or_else(bad)?;
    Ok(Some((group, (record::HEADER_BYTES + payload.len()) as u64)))
}

/// Replaces a file's content, durably and all at once.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(TEMPORARY_EXTENSION);
    let file = File::create(&temporary)?;
    file.write_all_at(content, 0)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Makes renames and removals in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn parse_header(bytes: &[u8]) -> Option<(u64, Option<Position>)> {
    let header = bytes.first_chunk::<HEADER_BYTES>()?;
    let (fields, crc) = header.split_at(HEADER_BYTES - 4);
    if Input(crc).u32()? != crc32fast::hash(fields) {
        return None;
    }
    let mut input = Input(fields.strip_prefix(MAGIC)?);
    Some((input.u64()?, input.position()?))
}

fn whole_record(bytes: &[u8]) -> Option<(Group, usize)> {
    let (header, rest) = bytes.split_at_checked(record::HEADER_BYTES)?;
    let header = Header::parse(header)?;
    let payload = rest.get(..header.payload_bytes as usize)?;
    Some((header.open(payload)?, record::HEADER_BYTES + payload.len()))
}

fn holds_whole_record(bytes: &[u8]) -> bool {
    let magic = record::MAGIC.to_le_bytes();
    let begins = |at: &usize| bytes[*at..].starts_with(&magic);
    (0..bytes.len()).filter(begins).any(|at| whole_record(&bytes[at..]).is_some())
}

const MAGIC: &[u8] = b"TVSPOOL1";
const EXTENSION: &str = "seg";

/// Files that a crash left half made; removed when the spool is opened.
pub(super) const TEMPORARY_EXTENSION: &str = "tmp";

/// Bytes in front of a segment's first record.
pub(super) const HEADER_BYTES: usize = 8 + 8 + record::POSITION_BYTES + 4;
