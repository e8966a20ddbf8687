//! How scans lie on disk: keys, packed columns, posting leaves, trail leaves.

pub(crate) mod keys;
pub(crate) mod packed;
pub(crate) mod postings;
pub(crate) mod rows;
pub(crate) mod trails;
