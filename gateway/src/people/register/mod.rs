//! The population register: what the state knows of a person, to be held against what was declared.

mod file;
mod http;

use serde::Deserialize;
use truyvet_schemas::person::{Document, Person, Sex, folded_name};

use super::config::PeopleConfig;

/// Something that knows people better than they declare themselves.
pub trait PopulationRegister: Send + Sync {
    /// Holds a person against what is known by this document.
    fn compare(&self, document: &Document, person: &Person) -> Comparison;
}

/// What the register says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// All that it knows is as declared.
    Agrees,
    /// These fields of the person are not.
    Differs(Vec<&'static str>),
    /// It knows nobody with this document.
    Unknown,
    /// There is no register, or it does not answer now.
    Silent,
}

/// Why the register cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Correct the file.
    #[error("{file}, line {line}: {why}; correct the register's file")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong, without what stands there.
        why: String,
    },
    /// Check the path and its permissions.
    #[error("{file}: {source}; check `register_file` in the configuration")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The register that the configuration names.
pub(super) fn open(config: &PeopleConfig) -> Result<Box<dyn PopulationRegister>, RegisterError> {
    Ok(match (&config.register_file, &config.register_url) {
        (Some(file), _) => Box::new(file::FileRegister::read(file)?),
        (None, Some(url)) => Box::new(http::HttpRegister::new(url, config.register_timeout_ms)),
        (None, None) => Box::new(NoRegister),
    })
}

struct NoRegister;

impl PopulationRegister for NoRegister {
    fn compare(&self, _: &Document, _: &Person) -> Comparison {
        Comparison::Silent
    }
}

/// A person as a register tells of them.
#[derive(Deserialize)]
struct Entry {
    name: String,
    birth_date: String,
    sex: Sex,
    #[serde(default)]
    permanent: Option<String>,
}

/// What is compared, in one spelling each, with the field's name.
fn facts(name: &str, birth_date: &str, sex: Sex, permanent: Option<&str>) -> [(&'static str, String); 4] {
    [
        ("name", folded_name(name)),
        ("birth_date", birth_date.trim().to_owned()),
        ("sex", format!("{sex:?}")),
        ("permanent.area", permanent.unwrap_or_default().trim().to_owned()),
    ]
}

fn declared(person: &Person) -> [(&'static str, String); 4] {
    facts(&person.name, &person.birth_date, person.sex, Some(&person.permanent.area))
}
