//! Bytes cut into lines, none longer than a bound.

/// Lines of a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were handed out.
    taken: usize,
    /// Inside a line that was too long already.
    skipping: bool,
    /// Lines handed out.
    pub(super) line: u64,
    /// Bytes handed out, line ends with them.
    pub(super) offset: u64,
}

/// A line that is longer than any scan.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Lines of a stream whose first part was taken before.
    pub(super) fn resume(offset: u64, line: u64) -> Self {
        Self { line, offset, ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its end. A line too long is told once.
    pub(super) fn next(&mut self) -> Option<Result<&[u8], TooLong>> {
        let rest = &self.buffer[self.taken..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            if rest.len() > LINE_BYTES_MAX {
                // Forgotten as it comes, so that a file without line ends fills no memory.
                self.offset += rest.len() as u64;
                self.taken = self.buffer.len();
                self.skipping = true;
            }
            return None;
        };
        Some(self.hand_out(length, length + 1))
    }

    /// What stands after the last line end, at the end of the stream.
    pub(super) fn finish(&mut self) -> Option<Result<&[u8], TooLong>> {
        let length = self.buffer.len() - self.taken;
        (length > 0 || self.skipping).then(|| self.hand_out(length, length))
    }

    fn hand_out(&mut self, length: usize, with_end: usize) -> Result<&[u8], TooLong> {
        let start = self.taken;
        self.taken += with_end;
        self.offset += with_end as u64;
        self.line += 1;
        if std::mem::take(&mut self.skipping) || length > LINE_BYTES_MAX {
            return Err(TooLong);
        }
        let line = &self.buffer[start..start + length];
        let line = if self.line == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// A scan takes some 400 bytes at most; this leaves room for fields that are ignored.
pub(super) const LINE_BYTES_MAX: usize = 8_192;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<Result<String, TooLong>> {
        let mut all = Vec::new();
        while let Some(line) = lines.next() {
            all.push(line.map(|line| String::from_utf8_lossy(line).into_owned()));
        }
        all
    }

    #[test]
    fn lines_are_cut_wherever_the_reads_end() {
        let mut lines = Lines::default();
        lines.push("\u{feff}one\r\ntw".as_bytes());
        assert_eq!(all(&mut lines), [Ok("one".to_owned())]);
        lines.push(b"o\n\nrest");
        assert_eq!(all(&mut lines), [Ok("two".to_owned()), Ok(String::new())]);
        assert_eq!((lines.line, lines.offset), (3, 13));
        assert_eq!(lines.finish(), Some(Ok(b"rest".as_slice())));
        assert_eq!(lines.finish(), None);
        assert_eq!((lines.line, lines.offset), (4, 17));
    }

    #[test]
    fn a_line_without_end_is_told_once_and_fills_no_memory() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.push(&[b'x'; 5_000]);
            assert_eq!(all(&mut lines), []);
            assert!(lines.buffer.len() <= LINE_BYTES_MAX + 5_000);
        }
        lines.push(b"x\nshort\n");
        assert_eq!(all(&mut lines), [Err(TooLong), Ok("short".to_owned())]);
        assert_eq!(lines.offset, 500_000 + 8);
    }
}
