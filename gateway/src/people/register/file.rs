//! A register in a CSV file: `kind,number,name,birth_date,sex[,permanent]`, any order of columns.
//!
//! In memory are digests alone, under a key that is drawn anew at each start: 24 bytes a person, sorted by
//! document. Enough to say whether a field agrees; nothing to read.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use truyvet_schemas::person::{Document, DocumentKind, Person, Sex};

use super::{Comparison, PopulationRegister, RegisterError, declared, facts};

/// A register in memory.
pub(super) struct FileRegister {
    key: [u8; 32],
    /// By document.
    people: Vec<Digests>,
}

/// A digest of 0 stands for what the register does not know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Digests {
    document: u64,
    facts: [u32; 4],
}

#[derive(Deserialize)]
struct Row {
    kind: DocumentKind,
    number: String,
    name: String,
    birth_date: String,
    sex: Sex,
    #[serde(default)]
    permanent: Option<String>,
}

impl FileRegister {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, RegisterError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| RegisterError::Io { file: name.clone(), source })?;
        let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(BufReader::new(file));
        let mut register = Self { key: rand::random(), people: Vec::new() };
        for row in rows.deserialize::<Row>() {
            // What the library says may repeat the field, so only the line is told.
            let row = row.map_err(|error| RegisterError::Line {
                file: name.clone(),
                line: error.position().map_or(1, csv::Position::line),
                why: "the line is not `kind,number,name,birth_date,sex[,permanent]` as the first line names \
                      them"
                    .to_owned(),
            })?;
            let digests = register.digests(row);
            register.people.push(digests);
        }
        register.people.sort_unstable();
        tracing::info!(people = register.people.len(), "the population register is read");
        Ok(register)
    }

    fn digests(&self, row: Row) -> Digests {
        let document = Document { kind: row.kind, number: row.number, country: None }.tidied();
        let facts = facts(&row.name, &row.birth_date, row.sex, row.permanent.as_deref());
        Digests { document: self.document(&document), facts: facts.map(|fact| self.fact(&fact)) }
    }

    fn document(&self, document: &Document) -> u64 {
        let country = document.country.as_deref().unwrap_or_default();
        let text = format!("document|{}|{country}|{}", document.kind.as_str(), document.number);
        u64::from_le_bytes(self.digest(&text))
    }

    fn fact(&self, (field, value): &(&str, String)) -> u32 {
        if value.is_empty() {
            return 0;
        }
        let [a, b, c, d, ..] = self.digest(&format!("{field}|{value}"));
        u32::from_le_bytes([a, b, c, d]).max(1)
    }

    fn digest(&self, text: &str) -> [u8; 8] {
        let mut digest = [0; 8];
        blake3::Hasher::new_keyed(&self.key).update(text.as_bytes()).finalize_xof().fill(&mut digest);
        digest
    }
}

impl PopulationRegister for FileRegister {
    fn compare(&self, document: &Document, person: &Person) -> Comparison {
        let document = self.document(document);
        let Ok(at) = self.people.binary_search_by_key(&document, |person| person.document) else {
            return Comparison::Unknown;
        };
        let known = self.people[at].facts;
        let differs = |(fact, known): ((&'static str, String), u32)| {
            (known != 0 && self.fact(&fact) != known).then_some(fact.0)
        };
        let fields: Vec<_> = declared(person).into_iter().zip(known).filter_map(differs).collect();
        if fields.is_empty() { Comparison::Agrees } else { Comparison::Differs(fields) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, birth_date: &str, area: &str) -> Person {
        let json = serde_json::json!({"name": name, "birth_date": birth_date, "sex": "female",
            "documents": [{"kind": "citizen_id", "number": "079190000001"}], "permanent": {"area": area}});
        serde_json::from_value::<Person>(json).expect("as the contract has it").tidied()
    }

    #[test]
    fn what_was_declared_is_held_against_the_file() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let text = "number,kind,sex,name,birth_date,permanent\n\
                    079 190 000 001,citizen_id,female, Trần Thị Mai ,1990-02-03,VN25-1\n\
                    123456789,old_id,male,Lê Văn Sáu,1960,\n";
        std::fs::write(file.path(), text).expect("room");
        let register = FileRegister::read(file.path()).expect("a good file");
        let document = |kind, number: &str| Document { kind, number: number.into(), country: None }.tidied();
        let mai = document(DocumentKind::CitizenId, "079190000001");
        let compare = |person: &Person| register.compare(&mai, person);
        assert_eq!(compare(&person("TRAN THI MAI", "1990-02-03", "VN25-1")), Comparison::Agrees);
        assert_eq!(
            compare(&person("Trần Thị Mơ", "1990-02-04", "VN25-2")),
            Comparison::Differs(vec!["name", "birth_date", "permanent.area"])
        );
        let old = document(DocumentKind::OldId, "123456789");
        let sau = person("Lê Văn Sáu", "1960", "VN25-7");
        assert_eq!(register.compare(&old, &sau), Comparison::Differs(vec!["sex"]), "no area is known");
        let nobody = document(DocumentKind::CitizenId, "079190000002");
        assert_eq!(register.compare(&nobody, &sau), Comparison::Unknown);
    }

    #[test]
    fn a_bad_line_is_named_and_not_repeated() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let text = "kind,number,name,birth_date,sex\ncitizen_id,079190000001,Mai,1990,woman\n";
        std::fs::write(file.path(), text).expect("room");
        let error = FileRegister::read(file.path()).err().expect("a bad line").to_string();
        assert!(error.contains("line 2") && !error.contains("Mai") && !error.contains("woman"), "{error}");
    }
}
