//! A family that was looked up once.
//!
//! RocksDB's binding locks its map of families while one begins or ends, which takes tens of
//! milliseconds. So whoever arriving scans or questions wait for holds handles, and does not look there.

use std::sync::Arc;

use rocksdb::{BoundColumnFamily, DB};
use self_cell::self_cell;

use crate::error::EngineError;

type Bound<'db> = Arc<BoundColumnFamily<'db>>;

self_cell! {
    struct Held {
        owner: Arc<DB>,

        #[covariant]
        dependent: Bound,
    }
}

/// A family of an open store. One that is dropped stays readable until its last handle goes.
pub(crate) struct Handle {
    name: String,
    held: Held,
}

impl Handle {
    pub(super) fn find(db: &Arc<DB>, name: String) -> Result<Self, EngineError> {
        let missing = || EngineError::Corrupt { what: format!("the store: family {name} is missing") };
        let held = Held::try_new(db.clone(), |db| db.cf_handle(&name).ok_or_else(missing))?;
        Ok(Self { name, held })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn get(&self) -> &Bound<'_> {
        self.held.borrow_dependent()
    }
}
