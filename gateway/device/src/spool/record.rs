//! One record of a segment: the scans of one group commit, with the place in the input where it ends.
//!
//! The two stand or fall together, which is what makes the way from a followed file into the spool
//! exactly once. Numbers are little-endian.
//!
//! ```text
//! record    | magic u32 | payload bytes u32 | crc32 u32 of the length and the payload | payload |
//! payload   | first seq u64 | position | site | count u32 | count x scan |
//! position  | known u8 | device u64 | inode u64 | offset u64 | line u64 | check u32 |
//! site      | bytes u8 | UTF-8 |
//! scan      | at unix ms i64 | direction u8 | verdict u8 | bytes u8 | UTF-8 |
//! ```

use truyvet_schemas::scan::CODE_BYTES_MAX;
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

/// How far a followed file has been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The file's device and inode: which file, whatever its name is by now.
    pub file: (u64, u64),
    /// Bytes taken from its start.
    pub offset: u64,
    /// Lines taken.
    pub line: u64,
    /// Checksum of the bytes just before `offset`: tells a file from a later one with its inode.
    pub check: u32,
}

/// What one record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The spool's own number of the first scan.
    pub(super) first: u64,
    /// Where the input stands after this group.
    pub(super) position: Option<Position>,
    /// Code of the site where the scans were taken.
    pub(super) site: String,
    /// The scans, numbered from `first`.
    pub(super) scans: Vec<Scan>,
}

impl Group {
    /// The number after the last scan's.
    pub(super) fn end(&self) -> u64 {
        self.first + self.scans.len() as u64
    }
}

/// The bytes of a record.
pub(super) fn encode(first: u64, position: Option<&Position>, site: &str, scans: &[Scan]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + 64 + site.len() + scans.len() * 32);
    bytes.extend_from_slice(&[0; HEADER_BYTES]);
    bytes.extend_from_slice(&first.to_le_bytes());
    encode_position(&mut bytes, position);
    encode_text(&mut bytes, site);
    bytes.extend_from_slice(&(scans.len() as u32).to_le_bytes());
    for scan in scans {
        bytes.extend_from_slice(&scan.at.get().to_le_bytes());
        bytes.extend_from_slice(&[scan.direction as u8, scan.verdict as u8]);
        encode_text(&mut bytes, &scan.subject);
    }
    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    header.copy_from_slice(&Header::of(payload).encode());
    bytes
}

/// A position as records and segment headers spell it, always `POSITION_BYTES` long.
pub(super) fn encode_position(bytes: &mut Vec<u8>, position: Option<&Position>) {
    bytes.push(u8::from(position.is_some()));
    let Position { file, offset, line, check } = position.copied().unwrap_or_default();
    for number in [file.0, file.1, offset, line] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&check.to_le_bytes());
}

fn encode_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("codes are checked before they come here"));
    bytes.extend_from_slice(text.as_bytes());
}

/// What stands in front of a record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub(super) payload_bytes: u32,
    crc: u32,
}

impl Header {
    fn of(payload: &[u8]) -> Self {
        let payload_bytes = u32::try_from(payload.len()).expect("a group is bounded by RECORD_BYTES_MAX");
        Self { payload_bytes, crc: crc(payload_bytes, payload) }
    }

    fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    /// Reads a header; `None` when these bytes are none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let magic = input.u32()?;
        let header = Self { payload_bytes: input.u32()?, crc: input.u32()? };
        (magic == MAGIC && header.payload_bytes as usize <= RECORD_BYTES_MAX).then_some(header)
    }

    /// Reads the payload; `None` when it is not the one that was written.
    pub(super) fn open(self, payload: &[u8]) -> Option<Group> {
        if payload.len() != self.payload_bytes as usize || crc(self.payload_bytes, payload) != self.crc {
            return None;
        }
        let mut input = Input(payload);
        let first = input.u64()?;
        let position = input.position()?;
        let site = input.text()?;
        let count = input.u32()?;
        let scans = (0..count).map(|_| input.scan()).collect::<Option<Vec<_>>>()?;
        input.0.is_empty().then_some(Group { first, position, site, scans })
    }
}

fn crc(payload_bytes: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&payload_bytes.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Bytes still to be read.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn position(&mut self) -> Option<Option<Position>> {
        let known = self.u8()? == 1;
        let position = Position {
            file: (self.u64()?, self.u64()?),
            offset: self.u64()?,
            line: self.u64()?,
            check: self.u32()?,
        };
        Some(known.then_some(position))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.u8()?);
        let (text, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        String::from_utf8(text.to_vec()).ok()
    }

    fn scan(&mut self) -> Option<Scan> {
        Some(Scan {
            at: TimeMs::new(self.u64()? as i64),
            direction: Direction::from_number(self.u8()?)?,
            verdict: Verdict::from_number(self.u8()?)?,
            subject: self.text()?,
        })
    }
}

/// "TVR1" in a file.
pub(super) const MAGIC: u32 = u32::from_le_bytes(*b"TVR1");

/// Bytes in front of a record's payload.
pub(super) const HEADER_BYTES: usize = 12;

/// Bytes of a position.
pub(super) const POSITION_BYTES: usize = 37;

/// Most scans of one record.
pub const GROUP_SCANS_MAX: usize = 4_096;

/// Longest payload: 4,096 scans of 266 bytes, a site and the fixed fields.
pub(super) const RECORD_BYTES_MAX: usize =
    GROUP_SCANS_MAX * (CODE_BYTES_MAX + 11) + CODE_BYTES_MAX + 1 + POSITION_BYTES + 12;
