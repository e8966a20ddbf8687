//! Frames put together from a stream's bytes; pure.
//!
//! Each frame has a buffer of its own, and never more is read than it needs, so a batch can be handed
//! on without a copy and holds exactly its own memory. The buffer grows with what has arrived, not
//! with what was announced: a peer that announces much and sends little holds little.

use bytes::buf::Limit;
use bytes::{BufMut as _, Bytes, BytesMut};
use truyvet_schemas::framing::{self, Cut, LengthError};
use truyvet_schemas::limits::FRAME_LENGTH_BYTES;

/// One stream's unfinished frame.
#[derive(Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
    needs: usize,
}

impl Frames {
    /// Where to read to: room for no more than the rest of the frame.
    pub(crate) fn room(&mut self) -> Limit<&mut BytesMut> {
        let missing = self.needs.max(FRAME_LENGTH_BYTES) - self.buffer.len();
        let step = missing.min(self.buffer.len().max(GROWTH_BYTES));
        self.buffer.reserve(step);
        (&mut self.buffer).limit(step)
    }

    /// The payload of the frame, once it is whole.
    ///
    /// # Errors
    /// A frame is announced that is empty or longer than `bytes_max`.
    pub(crate) fn take(&mut self, bytes_max: usize) -> Result<Option<Bytes>, LengthError> {
        match framing::cut(&self.buffer, bytes_max)? {
            Cut::Needs(bytes) => {
                self.needs = bytes;
                Ok(None)
            }
            Cut::Frame { payload } => {
                self.needs = 0;
                Ok(Some(std::mem::take(&mut self.buffer).freeze().slice(payload)))
            }
        }
    }

    /// Whether part of a frame has arrived.
    pub(crate) fn is_begun(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// Least growth of a buffer: one growth for the usual batch.
const GROWTH_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use truyvet_schemas::framing::prefixed;

    use super::*;

    /// Feeds `stream` in pieces of at most `piece` bytes.
    fn payloads(mut stream: &[u8], piece: usize) -> Result<Vec<Bytes>, LengthError> {
        let (mut frames, mut taken) = (Frames::default(), Vec::new());
        while !stream.is_empty() {
            let mut room = frames.room();
            let count = piece.min(room.remaining_mut()).min(stream.len());
            room.put_slice(&stream[..count]);
            stream = &stream[count..];
            taken.extend(frames.take(100_000)?);
        }
        assert!(!frames.is_begun());
        Ok(taken)
    }

    #[test]
    fn frames_are_cut_out_whatever_the_pieces() {
        let expected: Vec<Vec<u8>> = [1usize, 3, 40_000, 7].map(|n| vec![n as u8; n]).to_vec();
        let stream: Vec<u8> = expected.iter().flat_map(|payload| prefixed(payload)).collect();
        for piece in [1, 2, 5, 1_000, usize::MAX] {
            assert_eq!(payloads(&stream, piece), Ok(expected.iter().cloned().map(Bytes::from).collect()));
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_an_error_before_its_bytes_arrive() {
        assert!(payloads(&100_001u32.to_le_bytes(), 4).is_err());
        assert!(payloads(&0u32.to_le_bytes(), 4).is_err());
    }

    #[test]
    fn memory_follows_what_has_arrived() {
        let mut frames = Frames::default();
        frames.room().put_slice(&100_000u32.to_le_bytes());
        assert_eq!(frames.take(100_000), Ok(None));
        frames.room().put_slice(&[0; 10]);
        assert!(frames.buffer.capacity() < 2 * GROWTH_BYTES);
    }
}
