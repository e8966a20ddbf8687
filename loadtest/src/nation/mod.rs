//! A nation that exists only as a function of its seed: areas, sites, people, and where they are
//! scanned on any day. Nothing is stored per person or per scan, so any slice of time of a hundred
//! million people can be made on its own, and twice the same.
//!
//! ```text
//! land, places   areas, sites, who belongs where, names, positions
//! codes          a person's pseudonymous code, both ways
//! person         home, gate, work, market; what a person does on a day
//! history        all scans of some days, an exact number
//! stream         endless scans of one site, for a live device
//! ```

mod codes;
pub(crate) mod dice;
mod history;
mod land;
mod person;
mod places;
mod stream;

pub use codes::{CODE_BYTES, Codes};
pub use history::{DayScans, History};
pub use land::{Land, Scope, SiteKind};
pub use person::{Errand, Person, Routine};
pub use stream::{CROWD, SiteStream};

use truyvet_schemas::Direction;

/// An invented country with its people and sites.
#[derive(Clone, Debug)]
pub struct Nation {
    /// Areas and sites.
    pub land: Land,
    /// Codes of people.
    pub codes: Codes,
}

impl Nation {
    /// The nation with this seed and size; at least one person and one site.
    pub fn new(seed: u64, people: u32, sites: u32) -> Self {
        Self { land: Land::new(seed, people, sites), codes: Codes::new(seed) }
    }
}

/// One scan of the model, with numbers for codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelScan {
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// The person's number.
    pub person: u32,
    /// The site's number.
    pub site: u32,
    /// Which way.
    pub direction: Direction,
}

/// Hours that the nation's clocks are ahead of UTC.
pub const CLOCK_AHEAD_MS: i64 = 7 * 3_600_000;
