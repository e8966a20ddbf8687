//! How scans lie on disk.
//!
//! ```text
//! keys        every key of the store
//! packed ids times    columns: numbers, ascending ids, ascending times
//! postings    a site's scans in order of time
//! directory   which posting leaves there are
//! trails      a subject's scans, as places in the postings
//! rollups     the distinct subjects of an area on a day
//! ```

pub(crate) mod directory;
#[cfg(test)]
mod golden;
pub(crate) mod ids;
pub(crate) mod keys;
pub(crate) mod packed;
pub(crate) mod postings;
pub(crate) mod rollups;
pub(crate) mod rows;
pub(crate) mod times;
pub(crate) mod trails;
