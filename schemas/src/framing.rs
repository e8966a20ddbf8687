//! Frames cut out of a stream of bytes: a little-endian u32 with the payload's length, then the
//! payload.
//!
//! ```text
//! | length u32 LE | payload, a finished FlatBuffer `Frame` | length | payload | ...
//! ```

use crate::limits::FRAME_LENGTH_BYTES;

/// What the bytes at the front of a buffer hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
    /// A whole frame; the next one begins where its payload ends.
    Frame {
        /// Where the payload lies in the buffer.
        payload: std::ops::Range<usize>,
    },
    /// Not yet: the buffer must hold this many bytes in all before the frame is whole.
    Needs(usize),
}

/// Finds the first frame in `buffer`.
///
/// # Errors
/// A length of 0 or above `bytes_max`: the stream cannot be read further.
pub fn cut(buffer: &[u8], bytes_max: usize) -> Result<Cut, LengthError> {
    let Some(length) = buffer.first_chunk::<FRAME_LENGTH_BYTES>() else {
        return Ok(Cut::Needs(FRAME_LENGTH_BYTES));
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 || length > bytes_max {
        return Err(LengthError { length, bytes_max });
    }
    let end = FRAME_LENGTH_BYTES + length;
    if buffer.len() < end {
        return Ok(Cut::Needs(end));
    }
    Ok(Cut::Frame { payload: FRAME_LENGTH_BYTES..end })
}

/// The payload with its length in front.
///
/// # Panics
/// When the payload is longer than a u32 can say; every frame made here is bounded far below.
pub fn prefixed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is bounded by FRAME_BYTES_MAX");
    let mut frame = Vec::with_capacity(FRAME_LENGTH_BYTES + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A frame that announces a length outside the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes was announced; the limits are 1 to {bytes_max}")]
pub struct LengthError {
    /// What was announced.
    pub length: usize,
    /// What is allowed.
    pub bytes_max: usize,
}
