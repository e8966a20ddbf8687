//! Every key in the store, and nothing else. Numbers are big-endian, so that byte order is their order.
//!
//! ```text
//! meta family          tag u8 | fields
//! subjects family      first subject u32              -> codes of consecutive ids
//! journal family       position u64                   -> record
//! dead-letter family   position u64 | index u32       -> dead letter
//! partition family     run u32 | tag u8 | fields      (a run's keys are one stretch, so its files
//!                                                      never overlap another run's)
//! ```

/// What a key of the meta family is for. Numbers of retired tags are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum MetaTag {
    /// `tag` -> manifest, JSON.
    Manifest = 1,
    /// `tag | device u32` -> last journalled seq u64.
    Mark = 2,
    /// `tag | device u32` -> device, JSON.
    Device = 3,
    /// `tag | area u32` -> area, JSON.
    Area = 4,
    /// `tag | site u32` -> site, JSON.
    Site = 5,
    /// `tag | digest 32 bytes` -> import, JSON.
    Import = 6,
    /// `tag | first subject u32` -> the home that owns this extent of ids.
    Extent = 7,
    /// `tag | device u32 | first seq u64` -> scans that are lost, JSON.
    Lost = 8,
}

/// What a key within a run is for, in the order in which a run is written. 1 to 4 are retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RunTag {
    /// `leaf u32` -> posting leaf.
    Posting = 5,
    /// `group u32` -> trail leaf.
    Trail = 6,
    /// `area u32 | day i32` -> subjects of a whole area on a whole day.
    Rollup = 7,
    /// nothing more -> directory of the postings.
    Directory = 8,
}

pub(crate) type MetaKey = [u8; 5];
pub(crate) type ImportKey = [u8; 33];
pub(crate) type LostKey = [u8; 13];
pub(crate) type DeadLetterKey = [u8; 12];
pub(crate) type RunKey = [u8; 13];

pub(crate) const MANIFEST: [u8; 1] = [MetaTag::Manifest as u8];

pub(crate) fn meta(tag: MetaTag, number: u32) -> MetaKey {
    let mut key = [tag as u8; 5];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number in a key made by [`meta`].
pub(crate) fn meta_number(key: &[u8]) -> Option<u32> {
    key.get(1..5)?.try_into().ok().map(u32::from_be_bytes)
}

pub(crate) fn import(digest: &[u8; 32]) -> ImportKey {
    let mut key = [MetaTag::Import as u8; 33];
    key[1..].copy_from_slice(digest);
    key
}

pub(crate) fn lost(device: u32, first_seq: u64) -> LostKey {
    let mut key = [MetaTag::Lost as u8; 13];
    key[1..5].copy_from_slice(&device.to_be_bytes());
    key[5..].copy_from_slice(&first_seq.to_be_bytes());
    key
}

pub(crate) fn subjects(first: u32) -> [u8; 4] {
    first.to_be_bytes()
}

pub(crate) fn position(position: u64) -> [u8; 8] {
    position.to_be_bytes()
}

/// The position in a key made by [`position`].
pub(crate) fn position_of(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

pub(crate) fn dead_letter(position: u64, index: u32) -> DeadLetterKey {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&position.to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
}

pub(crate) fn posting(run: u32, leaf: u32) -> RunKey {
    run_key(run, RunTag::Posting, leaf, 0)
}

/// First key, and last possible key, of a range of a run's posting leaves, which is not empty.
pub(crate) fn posting_bounds(run: u32, leaves: std::ops::Range<u32>) -> (RunKey, RunKey) {
    (posting(run, leaves.start), run_key(run, RunTag::Posting, leaves.end - 1, u32::MAX))
}

pub(crate) fn trail(run: u32, group: u32) -> RunKey {
    run_key(run, RunTag::Trail, group, 0)
}

pub(crate) fn rollup(run: u32, area: u32, day: i32) -> RunKey {
    run_key(run, RunTag::Rollup, area, day as u32 ^ SIGN)
}

/// First and last possible key of a run's rollups.
pub(crate) fn rollup_bounds(run: u32) -> (RunKey, RunKey) {
    (run_key(run, RunTag::Rollup, 0, 0), run_key(run, RunTag::Rollup, u32::MAX, u32::MAX))
}

/// Area and day in a key made by [`rollup`].
pub(crate) fn rollup_of(key: &[u8]) -> Option<(u32, i32)> {
    let day = u32::from_be_bytes(key.get(9..13)?.try_into().ok()?) ^ SIGN;
    Some((number_of(key)?, day as i32))
}

pub(crate) fn directory(run: u32) -> RunKey {
    run_key(run, RunTag::Directory, 0, 0)
}

/// First and last possible key of a run.
pub(crate) fn run_bounds(run: u32) -> (RunKey, RunKey) {
    let mut bounds = ([0; 13], [u8::MAX; 13]);
    bounds.0[..4].copy_from_slice(&run.to_be_bytes());
    bounds.1[..4].copy_from_slice(&run.to_be_bytes());
    bounds
}

/// The leaf, group or area in a run's key.
pub(crate) fn number_of(key: &[u8]) -> Option<u32> {
    key.get(5..9)?.try_into().ok().map(u32::from_be_bytes)
}

/// The run that a key of a partition's family belongs to.
pub(crate) fn run_of(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|run| u32::from_be_bytes(*run))
}

fn run_key(run: u32, tag: RunTag, first: u32, second: u32) -> RunKey {
    let mut key = [tag as u8; 13];
    key[..4].copy_from_slice(&run.to_be_bytes());
    key[5..9].copy_from_slice(&first.to_be_bytes());
    key[9..].copy_from_slice(&second.to_be_bytes());
    key
}

/// Flipping the sign bit makes the byte order of signed numbers their order.
const SIGN: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_is_logical_order() {
        assert!(posting(1, 255) < posting(1, 256));
        assert!(rollup(1, 5, -1) < rollup(1, 5, 0));
        assert!(posting(1, u32::MAX) < trail(1, 0));
        assert!(trail(1, u32::MAX) < rollup(1, 0, i32::MIN));
        assert!(rollup(1, u32::MAX, i32::MAX) < directory(1));
        assert!(directory(1) < posting(2, 0));
        let (first, last) = run_bounds(1);
        assert!(first < posting(1, 0) && directory(1) < last && last < run_bounds(2).0);
        assert!(position(255) < position(256));
        assert!(dead_letter(1, u32::MAX) < dead_letter(2, 0));
        assert!(lost(1, u64::MAX) < lost(2, 0));
    }

    #[test]
    fn numbers_are_read_back() {
        assert_eq!(meta_number(&meta(MetaTag::Device, 77)), Some(77));
        assert_eq!(meta_number(&lost(77, 1)), Some(77));
        assert_eq!(rollup_of(&rollup(1, 5, -3)), Some((5, -3)));
        assert_eq!((run_of(&trail(9, 4)), number_of(&trail(9, 4))), (Some(9), Some(4)));
    }
}
