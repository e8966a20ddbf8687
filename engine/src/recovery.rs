//! What a start does after any end: the journal that is in no run yet goes into live tables again.

use std::sync::Arc;

use truyvet_schemas::wire::BatchView;

use crate::error::EngineError;
use crate::ingest::applier::{BatchBlock, Scratch, append};
use crate::journal::record::Record;
use crate::journal::{replay as replay_segment, segments};
use crate::live::{Appender, LiveTable};
use crate::partition::manifest::Manifest;
use crate::shared::Shared;

/// What the journal held.
pub(crate) struct Recovered {
    /// Tables with all of it, in order; to be written as runs.
    pub(crate) tables: Vec<Arc<LiveTable>>,
    pub(crate) next_segment: u32,
}

/// Replays every segment that is not in runs. Marks were stored with the batches, so nothing is
/// decided anew.
pub(crate) fn replay(shared: &Shared, manifest: &Manifest) -> Result<Recovered, EngineError> {
    let mut replayer = Replayer { shared, open: None, tables: Vec::new(), scratch: Scratch::default() };
    let mut recovered = Recovered { tables: Vec::new(), next_segment: manifest.first_segment };
    for (number, family) in segments(&shared.store)? {
        if number < manifest.first_segment {
            shared.store.drop_family(&family)?;
            continue;
        }
        recovered.next_segment = number + 1;
        let family = shared.store.find_family(family)?;
        if replay_segment(&shared.store, &family, |record| replayer.apply(record))? == 0 {
            // A start that was given nothing leaves nothing behind.
            shared.store.drop_family(family.name())?;
        }
    }
    recovered.tables = replayer.tables;
    Ok(recovered)
}

struct Replayer<'s> {
    shared: &'s Shared,
    open: Option<Appender>,
    tables: Vec<Arc<LiveTable>>,
    scratch: Scratch,
}

impl Replayer<'_> {
    fn apply(&mut self, record: &[u8]) -> Result<(), EngineError> {
        let corrupt = || EngineError::Corrupt { what: "the journal".into() };
        let record = Record::parse(record).ok_or_else(corrupt)?;
        let view = BatchView::parse(record.batch).map_err(|_| corrupt())?;
        let blocks = record.refused.iter().len() + 1;
        if !self.open.as_ref().is_some_and(|open| open.has_room(view.len(), blocks)) {
            let (table, appender) = self.shared.start_table();
            self.tables.push(table);
            self.open = Some(appender);
        }
        let appender = self.open.as_mut().expect("just made sure");
        let block = BatchBlock { device: record.device, site: record.site, skip: record.skip, view: &view };
        append(
            &self.shared.catalog,
            appender,
            &mut self.scratch,
            &block,
            record.refused.iter(),
            &self.shared.followed,
        )
    }
}
