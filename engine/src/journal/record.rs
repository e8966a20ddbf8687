//! A record of the journal: a device's batch as it came, and what was decided about it.
//!
//! ```text
//! version u8 = 1 | device u32 | site u32 | received_at i64 | skip u32
//! | refused u32 | refused times (index u32, reason u16) | signature 64 bytes | ScanBatch buffer
//! ```
//!
//! Numbers are little-endian. `skip` scans at the front were durable before. Replaying a record does
//! the same whatever the settings are by then: every decision is in it.

use truyvet_schemas::wire::Reason;

/// A record, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) device: u32,
    /// The site's number; `NO_SITE` when every scan is refused.
    pub(crate) site: u32,
    pub(crate) received_at_ms: i64,
    pub(crate) skip: u32,
    pub(crate) refused: Refused<'a>,
    pub(crate) signature: &'a [u8; 64],
    pub(crate) batch: &'a [u8],
}

/// Stands for a site that is not known.
pub(crate) const NO_SITE: u32 = u32::MAX;

impl<'a> Record<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(VERSION);
        out.extend_from_slice(&self.device.to_le_bytes());
        out.extend_from_slice(&self.site.to_le_bytes());
        out.extend_from_slice(&self.received_at_ms.to_le_bytes());
        out.extend_from_slice(&self.skip.to_le_bytes());
        let refused = self.refused.iter();
        out.extend_from_slice(&(refused.len() as u32).to_le_bytes());
        for (index, reason) in refused {
            out.extend_from_slice(&index.to_le_bytes());
            out.extend_from_slice(&(reason as u16).to_le_bytes());
        }
        out.extend_from_slice(self.signature);
        out.extend_from_slice(self.batch);
    }

    /// `None` when the bytes are no record of this version.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let [version] = take(&mut bytes)?;
        if *version != VERSION {
            return None;
        }
        let device = u32::from_le_bytes(*take(&mut bytes)?);
        let site = u32::from_le_bytes(*take(&mut bytes)?);
        let received_at_ms = i64::from_le_bytes(*take(&mut bytes)?);
        let skip = u32::from_le_bytes(*take(&mut bytes)?);
        let refused = u32::from_le_bytes(*take(&mut bytes)?) as usize;
        let (refused, rest) = bytes.split_at_checked(refused.checked_mul(REFUSED_BYTES)?)?;
        bytes = rest;
        let signature = take(&mut bytes)?;
        let refused = Refused::Stored(refused);
        Some(Self { device, site, received_at_ms, skip, refused, signature, batch: bytes })
    }
}

/// The refused scans of a batch, by ascending index.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused<'a> {
    /// As they were decided.
    Decided(&'a [(u32, Reason)]),
    /// As they are stored.
    Stored(&'a [u8]),
}

impl<'a> Refused<'a> {
    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = (u32, Reason)> + use<'a> {
        let len = match self {
            Self::Decided(refused) => refused.len(),
            Self::Stored(bytes) => bytes.len() / REFUSED_BYTES,
        };
        (0..len).map(move |i| match self {
            Self::Decided(refused) => refused[i],
            Self::Stored(bytes) => {
                let b = &bytes[i * REFUSED_BYTES..][..REFUSED_BYTES];
                let index = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                (index, Reason::from_number(u16::from_le_bytes([b[4], b[5]])))
            }
        })
    }
}

impl PartialEq for Refused<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Refused<'_> {}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

const VERSION: u8 = 1;
const REFUSED_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let refused = [(3, Reason::BadCode), (9, Reason::TimeInFuture)];
        let record = Record {
            device: 7,
            site: 8,
            received_at_ms: -5,
            skip: 2,
            refused: Refused::Decided(&refused),
            signature: &[9; 64],
            batch: b"batch",
        };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        assert_eq!(Record::parse(&bytes), Some(record));
        for end in 0..bytes.len() - record.batch.len() {
            assert_eq!(Record::parse(&bytes[..end]), None, "{end}");
        }
    }
}
