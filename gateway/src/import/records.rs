//! CSV cut into records: quoted fields, CRLF, a byte-order mark, and bounded whatever comes.
//!
//! Most lines hold no quotation mark, so those are cut at their commas where they lie; only the
//! others are copied. A quotation mark that is never closed spoils its own line, not the rest of the
//! file: reading goes on at the next line.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memchr2};

use super::error::BadRow;
use super::source::READ_BYTES;

/// Reads records from text.
pub(super) struct Records<R> {
    input: R,
    buffer: Vec<u8>,
    /// What is read but not yet cut: `buffer[start..end]`.
    start: usize,
    end: usize,
    ended: bool,
    /// Number of the line that begins at `start`.
    line: u64,
    fields: Vec<(u32, u32)>,
    /// Where the fields of a record with quotes lie.
    unquoted: Vec<u8>,
    /// Where the fields lie in `buffer`, if not in `unquoted`.
    base: Option<usize>,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record that begins at this line; its fields can be asked for.
    Record { line: u64 },
    /// No record.
    Bad { line: u64, reason: BadRow },
    /// The text is over.
    End,
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut records = Self {
            input,
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            ended: false,
            line: 1,
            fields: Vec::new(),
            unquoted: Vec::new(),
            base: None,
        };
        while records.end < BYTE_ORDER_MARK.len() && !records.ended {
            records.fill()?;
        }
        if records.waiting().starts_with(BYTE_ORDER_MARK) {
            records.start = BYTE_ORDER_MARK.len();
        }
        Ok(records)
    }

    /// Reads the next record. Empty lines are none.
    pub(super) fn advance(&mut self) -> io::Result<Next> {
        loop {
            let line = self.line;
            let Some(length) = self.line_length()? else {
                if self.waiting().is_empty() {
                    return Ok(Next::End);
                }
                self.discard_line()?;
                return Ok(Next::Bad { line, reason: BadRow::TooLong });
            };
            let text = without_end(&self.waiting()[..length]);
            if text.is_empty() {
                self.consume(length, 1);
                continue;
            }
            if memchr(b'"', text).is_some() {
                return self.advance_quoted(line, length);
            }
            let (start, text_length) = (self.start, text.len());
            cut_at_commas(&self.buffer[start..start + text_length], &mut self.fields);
            self.base = Some(start);
            self.consume(length, 1);
            return Ok(Next::Record { line });
        }
    }

    /// Number of fields in the record read last.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field of the record read last; empty where it has none.
    pub(super) fn field(&self, index: usize) -> &[u8] {
        let Some(&(from, to)) = self.fields.get(index) else {
            return &[];
        };
        match self.base {
            Some(base) => &self.buffer[base + from as usize..base + to as usize],
            None => &self.unquoted[from as usize..to as usize],
        }
    }

    /// `length` is that of the first line, to which reading falls back.
    fn advance_quoted(&mut self, line: u64, length: usize) -> io::Result<Next> {
        self.base = None;
        loop {
            let data = &self.buffer[self.start..self.end];
            if let Some((bytes, lines)) = cut_quoted(data, self.ended, &mut self.fields, &mut self.unquoted) {
                self.consume(bytes, lines);
                return Ok(Next::Record { line });
            }
            if self.ended || self.waiting().len() > LINE_BYTES_MAX {
                self.consume(length, 1);
                return Ok(Next::Bad { line, reason: BadRow::Unclosed });
            }
            self.fill()?;
        }
    }

    /// Bytes of the line at `start`, its end included; none where the text is over or the line is
    /// too long.
    fn line_length(&mut self) -> io::Result<Option<usize>> {
        let mut searched = 0;
        loop {
            let waiting = self.waiting();
            if let Some(at) = memchr(b'\n', &waiting[searched..]) {
                let length = searched + at + 1;
                return Ok((length <= LINE_BYTES_MAX).then_some(length));
            }
            searched = waiting.len();
            if searched > LINE_BYTES_MAX {
                return Ok(None);
            }
            if self.ended {
                return Ok((searched > 0).then_some(searched));
            }
            self.fill()?;
        }
    }

    fn discard_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = memchr(b'\n', self.waiting()) {
                self.consume(at + 1, 1);
                return Ok(());
            }
            self.start = self.end;
            if self.ended {
                return Ok(());
            }
            self.fill()?;
        }
    }

    fn waiting(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn consume(&mut self, bytes: usize, lines: u64) {
        self.start += bytes;
        self.line += lines;
    }

    /// Reads more. The buffer grows to twice the longest line at most: callers stop before.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.ended = read == 0;
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

fn cut_at_commas(text: &[u8], fields: &mut Vec<(u32, u32)>) {
    fields.clear();
    let mut from = 0;
    for comma in memchr_iter(b',', text) {
        fields.push((from, comma as u32));
        from = comma as u32 + 1;
    }
    fields.push((from, text.len() as u32));
}

/// Cuts a record with quotes off the front of `data`: its bytes and lines, or nothing where its end
/// is not there yet.
fn cut_quoted(
    data: &[u8],
    ended: bool,
    fields: &mut Vec<(u32, u32)>,
    unquoted: &mut Vec<u8>,
) -> Option<(usize, u64)> {
    fields.clear();
    unquoted.clear();
    let (mut at, mut lines) = (0, 1);
    loop {
        let from = unquoted.len() as u32;
        if data.get(at) == Some(&b'"') {
            let text = at + 1;
            at = unquote(data, text, ended, unquoted)?;
            lines += memchr_iter(b'\n', &data[text..at]).count() as u64;
        }
        let rest = &data[at..];
        let (length, ends) = match memchr2(b',', b'\n', rest) {
            Some(length) => (length, rest[length] == b'\n'),
            None if ended => (rest.len(), true),
            None => return None,
        };
        let text = if ends { without_end(&rest[..length]) } else { &rest[..length] };
        unquoted.extend_from_slice(text);
        fields.push((from, unquoted.len() as u32));
        at = (at + length + 1).min(data.len());
        if ends {
            return Some((at, lines));
        }
    }
}

/// Copies a quoted text that begins at `at`; where its closing mark lies behind, the place after it.
fn unquote(data: &[u8], mut at: usize, ended: bool, unquoted: &mut Vec<u8>) -> Option<usize> {
    loop {
        let length = memchr(b'"', &data[at..])?;
        unquoted.extend_from_slice(&data[at..at + length]);
        at += length + 1;
        match data.get(at) {
            Some(b'"') => {
                unquoted.push(b'"');
                at += 1;
            }
            None if !ended => return None,
            _ => return Some(at),
        }
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Longest record in bytes. Four codes of 255 bytes and a time are 1,100; columns that are ignored
/// may hold more.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, so that every record is once cut in two.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn read(text: &[u8], at_once: usize) -> Vec<(u64, Result<Vec<String>, BadRow>)> {
        let mut records = Records::new(Drops(text, at_once)).expect("memory");
        let mut all = Vec::new();
        loop {
            match records.advance().expect("memory") {
                Next::End => return all,
                Next::Bad { line, reason } => all.push((line, Err(reason))),
                Next::Record { line } => {
                    let field = |i| String::from_utf8_lossy(records.field(i)).into_owned();
                    all.push((line, Ok((0..records.len()).map(field).collect())));
                }
            }
        }
    }

    fn fields(text: &[&str]) -> Result<Vec<String>, BadRow> {
        Ok(text.iter().map(|t| (*t).to_owned()).collect())
    }

    #[test]
    fn records_are_cut_whatever_the_line_ends_marks_and_quotes() {
        let text = b"\xEF\xBB\xBFa,b\r\n\r\n\"x,\"\"y\"\"\",2\n\"two\nlines\",3\n,\nlast,4";
        let expected = vec![
            (1, fields(&["a", "b"])),
            (3, fields(&["x,\"y\"", "2"])),
            (4, fields(&["two\nlines", "3"])),
            (6, fields(&["", ""])),
            (7, fields(&["last", "4"])),
        ];
        for at_once in [1, 2, 3, 7, 1000] {
            assert_eq!(read(text, at_once), expected, "{at_once} bytes at once");
        }
    }

    #[test]
    fn an_open_quote_spoils_its_own_line_alone() {
        let expected = vec![(1, fields(&["a", "b"])), (2, Err(BadRow::Unclosed)), (3, fields(&["c", "d"]))];
        assert_eq!(read(b"a,b\n\"x,1\nc,d\n", 5), expected);
    }

    #[test]
    fn a_line_without_end_is_passed_over_in_bounded_memory() {
        let mut text = b"a,b\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 5 * LINE_BYTES_MAX));
        text.extend_from_slice(b"\nc,d");
        let mut records = Records::new(&text[..]).expect("memory");
        let mut lines = Vec::new();
        while let next @ (Next::Record { .. } | Next::Bad { .. }) = records.advance().expect("memory") {
            lines.push(next);
            assert!(records.buffer.len() <= 2 * LINE_BYTES_MAX + READ_BYTES);
        }
        assert_eq!(
            lines,
            [
                Next::Record { line: 1 },
                Next::Bad { line: 2, reason: BadRow::TooLong },
                Next::Record { line: 3 }
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(text in proptest::collection::vec(
            proptest::sample::select(b"a,\"\n\r\xEF".to_vec()), 0..60), at_once in 1usize..20) {
            proptest::prop_assert_eq!(read(&text, at_once), read(&text, 1000));
        }
    }
}
