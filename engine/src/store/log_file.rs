//! The store's logs (write-ahead log and manifest), read as bytes before they are trusted.
//!
//! ```text
//! blocks of 32 KiB of records:
//! masked CRC-32C u32 LE | length u16 LE | type u8 | payload
//! ```
//!
//! The store stops quietly at what looks like the torn end of a log, or like a record of a recycled log. A
//! flipped bit in a length or a type looks like that too, and everything behind it would be gone. Here each
//! record's checksum is compared, and an end counts as torn only if no flipped bit explains it. Logs are not
//! recycled here, so records have no other form.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Where a log is damaged, as the offset of a record; `None`: it is sound, be its last record torn.
pub(super) fn find_damage(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut start = 0;
    while start < bytes {
        block.clear();
        file.by_ref().take((BLOCK_BYTES as u64).min(bytes - start)).read_to_end(&mut block)?;
        if let Some(place) = damage_in(&block, start + BLOCK_BYTES as u64 >= bytes) {
            return Ok(Some(start + place as u64));
        }
        start += BLOCK_BYTES as u64;
    }
    Ok(None)
}

/// The place of the first damaged record of a block.
fn damage_in(block: &[u8], is_last: bool) -> Option<usize> {
    let mut place = 0;
    while let Some(rest) = block.get(place..).filter(|rest| rest.len() >= HEADER_BYTES) {
        let length = usize::from(u16::from_le_bytes([rest[4], rest[5]]));
        if length == 0 && rest[6] == 0 {
            // Room that was reserved and not written.
            return rest.iter().any(|byte| *byte != 0).then_some(place);
        }
        match checked(rest, length) {
            Some(end) => place += end,
            None if is_last && is_torn(rest, length) => return None,
            None => return Some(place),
        }
    }
    None
}

/// The end of the record that `rest` begins with, if it has this length and its checksum agrees.
fn checked(rest: &[u8], length: usize) -> Option<usize> {
    let end = HEADER_BYTES + length;
    let content = rest.get(6..end)?;
    let masked = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
    let checksum = crc32c::crc32c(content).rotate_right(15).wrapping_add(MASK_DELTA);
    (checksum == masked).then_some(end)
}

/// Whether the record reaches past the end of the file, and not because a bit of its length is flipped.
fn is_torn(rest: &[u8], length: usize) -> bool {
    let is_cut = HEADER_BYTES + length > rest.len();
    is_cut && (0..u16::BITS).all(|bit| checked(rest, length ^ 1 << bit).is_none())
}

const BLOCK_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;
const MASK_DELTA: u32 = 0xa282_ead8;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &[u8]) -> Vec<u8> {
        let content = [&[1], payload].concat();
        let checksum = crc32c::crc32c(&content).rotate_right(15).wrapping_add(MASK_DELTA);
        let length = (payload.len() as u16).to_le_bytes();
        [&checksum.to_le_bytes()[..], &length, &content].concat()
    }

    fn log() -> Vec<u8> {
        [record(b"first"), record(&[7; 300]), record(b"last one")].concat()
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for bit in 0..log().len() * 8 {
            let mut log = log();
            log[bit / 8] ^= 1 << (bit % 8);
            assert!(damage_in(&log, true).is_some_and(|place| place <= bit / 8), "bit {bit}");
        }
    }

    #[test]
    fn a_log_may_end_anywhere() {
        let log = log();
        (0..=log.len()).for_each(|end| assert_eq!(damage_in(&log[..end], true), None, "{end}"));
        let padded = [&log[..], &[0; 100]].concat();
        assert_eq!(damage_in(&padded, false), None);
        assert_eq!(damage_in(&log[..log.len() - 3], false), Some(log.len() - 15), "not at the end");
    }
}
