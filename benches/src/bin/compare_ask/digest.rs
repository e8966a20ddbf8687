//! What two systems' answers are compared by: the rows as lines of text, sorted, as one SHA-256.
//! `benches/compare/truyvet_compare/answers.py` writes the same lines from the rows of the others.

use std::fmt::Write;

use sha2::Digest as _;
use truyvet_engine::{ChainAnswer, Code, CommonAnswer, ContactsAnswer, PassedAnswer, TrailAnswer};

/// The rows of an answer.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    lines: Vec<String>,
}

impl Digest {
    /// `subject,first,last,scans`
    pub(crate) fn passed(answer: &PassedAnswer) -> Self {
        let line = |row: &truyvet_engine::PassedSubject| {
            format!("{},{},{},{}", row.subject, row.first, row.last, row.scans)
        };
        Self { lines: answer.list.iter().map(line).collect() }
    }

    /// `subjects`
    pub(crate) fn distinct(answer: &PassedAnswer) -> Self {
        Self { lines: vec![answer.subjects.to_string()] }
    }

    /// `at,site`
    pub(crate) fn trail(answer: &TrailAnswer) -> Self {
        Self { lines: answer.scans.iter().map(|row| format!("{},{}", row.at, row.site)).collect() }
    }

    /// `subject,events,min_gap_ms,first,last`
    pub(crate) fn contacts(answer: &ContactsAnswer) -> Self {
        let line = |row: &truyvet_engine::Contact| {
            format!("{},{},{},{},{}", row.subject, row.events, row.min_gap_ms, row.first, row.last)
        };
        Self { lines: answer.contacts.iter().map(line).collect() }
    }

    /// `generation,subject,exposed_at,from,site`, the last two empty for a seed
    pub(crate) fn chain(answer: &ChainAnswer) -> Self {
        let mut lines = Vec::new();
        for generation in &answer.generations {
            for row in &generation.list {
                let mut line = format!("{},{},{},", generation.generation, row.subject, row.exposed_at);
                let (from, site) = (row.from.as_deref(), row.site.as_deref());
                write!(line, "{},{}", from.unwrap_or_default(), site.unwrap_or_default())
                    .expect("writing to a String does not fail");
                lines.push(line);
            }
        }
        Self { lines }
    }

    /// `subject`
    pub(crate) fn subjects(subjects: &[Code]) -> Self {
        Self { lines: subjects.iter().map(ToString::to_string).collect() }
    }

    /// `site,from,given,all`
    pub(crate) fn common(answer: &CommonAnswer) -> Self {
        let line =
            |row: &truyvet_engine::Cell| format!("{},{},{},{}", row.site, row.from, row.given, row.all);
        Self { lines: answer.cells.iter().map(line).collect() }
    }

    /// How many rows.
    pub(crate) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The digest of the sorted lines, in hexadecimal.
    pub(crate) fn finish(mut self) -> String {
        self.lines.sort_unstable();
        let hash = sha2::Sha256::digest(self.lines.join("\n"));
        hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String does not fail");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_rows_does_not_count_but_each_row_does() {
        let digest = |subjects: &[&str]| {
            Digest::subjects(&subjects.iter().map(Code::new).collect::<Vec<_>>()).finish()
        };
        assert_eq!(digest(&["A", "B"]), digest(&["B", "A"]));
        assert_ne!(digest(&["A", "B"]), digest(&["A"]));
        assert_ne!(digest(&["A", "B"]), digest(&["A", "B", "B"]));
    }

    #[test]
    fn an_empty_answer_has_the_digest_of_no_bytes() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::default().finish(), of_nothing);
    }
}
