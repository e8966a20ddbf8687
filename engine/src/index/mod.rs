//! How scans lie on disk: keys, packed columns, posting leaves, trail leaves, rollups.

pub(crate) mod keys;
pub(crate) mod packed;
pub(crate) mod postings;
pub(crate) mod rollups;
pub(crate) mod rows;
pub(crate) mod trails;
