//! How large anything on the wire may be. Both sides keep these; a gateway may promise less in its
//! welcome, never more.

use crate::scan::CODE_BYTES_MAX;

/// Protocol versions that this code speaks, lowest and highest.
pub const VERSIONS: std::ops::RangeInclusive<u16> = 1..=1;

/// ALPN of the wire.
pub const ALPN: &[u8] = b"truyvet/1";

/// Bytes of the length in front of each frame.
pub const FRAME_LENGTH_BYTES: usize = 4;

/// Longest frame payload in bytes. Holds the largest batch: 4,096 scans with codes of 255 bytes come
/// to 4096 x (255 + 1 + 4 + 1 + 1) = 1,073,152 bytes; codes are 10 to 40 bytes in practice.
pub const FRAME_BYTES_MAX: usize = 1_200_000;

/// Most scans in one batch.
pub const BATCH_SCANS_MAX: usize = 4_096;

const _: () = assert!(BATCH_SCANS_MAX * (CODE_BYTES_MAX + 7) + 1_024 <= FRAME_BYTES_MAX);

/// Longest frame before the welcome, in bytes: nobody is known yet, so little is held for them.
pub const HELLO_BYTES_MAX: usize = 1_024;

/// Most bytes of batches that a device may have in flight. Six batches of 500 scans of 20 bytes
/// cover 10 ms at a million scans a second; a link of 100 Mbit/s and 100 ms needs 1.2 MB.
pub const WINDOW_BYTES: u32 = 2_000_000;

const _: () = assert!(WINDOW_BYTES as usize > FRAME_BYTES_MAX);

/// Longest `agent` in a hello, in bytes.
pub const AGENT_BYTES_MAX: usize = 64;

/// Scans before and after this are refused whatever the clock says: 1970 and 2200, unix milliseconds.
pub const TIME_MS_RANGE: std::ops::Range<i64> = 0..7_258_118_400_000;
