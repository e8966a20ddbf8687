//! The one thread that gives subjects their ids, fills the live table, and tells the devices.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use truyvet_schemas::wire::{BatchView, Reason};

use super::BatchReply;
use super::committer::Taken;
use crate::catalog::Catalog;
use crate::catalog::records::LostScans;
use crate::error::EngineError;
use crate::follow::Followed;
use crate::index::rows::flags;
use crate::keeper::Job;
use crate::live::{Appender, BlockFacts, LiveTable};
use crate::pace::Hurry;
use crate::shared::Shared;

/// What the applier is asked to do, in the order of the journal.
pub(crate) enum Step {
    /// Make a batch visible that is on disk.
    Batch(Taken),
    /// Tell a device that repeated itself how far it has come.
    Repeat { device: u32, reply: Arc<dyn BatchReply> },
    /// Make it known that scans are lost; that is on disk.
    Lost { device: u32, lost: LostScans, reply: Arc<dyn BatchReply> },
    /// The table belongs to a finished segment: hand it over, begin another.
    Rotate { next_segment: u32, reply: Option<Sender<Result<(), EngineError>>> },
    /// Nothing to hand over; tell when all before is done.
    Settle(Option<Sender<Result<(), EngineError>>>),
}

/// The applier's own state.
pub(crate) struct Applier {
    shared: Arc<Shared>,
    steps: Receiver<Step>,
    jobs: Sender<Job>,
    /// Of the thread that does them.
    hurry: Hurry,
    /// Tables of the open segment; the last is being filled.
    tables: Vec<Arc<LiveTable>>,
    appender: Appender,
    scratch: Scratch,
}

impl Applier {
    pub(crate) fn new(
        shared: Arc<Shared>,
        steps: Receiver<Step>,
        (jobs, hurry): (Sender<Job>, Hurry),
    ) -> Self {
        let (table, appender) = shared.start_table();
        Self { shared, steps, jobs, hurry, tables: vec![table], appender, scratch: Scratch::default() }
    }

    /// Works until the committer is gone.
    pub(crate) fn run(mut self) {
        while let Ok(step) = self.steps.recv() {
            match step {
                Step::Batch(taken) => self.apply(taken),
                Step::Repeat { device, reply } => reply.durable(self.shared.durable_seq(device)),
                Step::Lost { device, lost, reply } => self.note_lost(device, lost, &*reply),
                Step::Rotate { next_segment, reply } => self.hand_over(next_segment, reply),
                Step::Settle(reply) => drop(self.jobs.send(Job::Settle(reply))),
            }
        }
    }

    fn apply(&mut self, taken: Taken) {
        let Ok(view) = BatchView::parse(&taken.batch) else {
            unreachable!("the committer parsed this batch")
        };
        let block = BatchBlock { device: taken.device, site: taken.site, skip: taken.skip, view: &view };
        if !self.appender.has_room(view.len(), taken.refused.len() + 1) {
            let (table, appender) = self.shared.start_table();
            self.tables.push(table);
            self.appender = appender;
        }
        let refused = taken.refused.iter().copied();
        let followed = &self.shared.followed;
        let done =
            append(&self.shared.catalog, &mut self.appender, &mut self.scratch, &block, refused, followed);
        if let Err(error) = done {
            // Not acknowledged, and in the journal: the next start applies it.
            self.shared.space.failed(&error.to_string());
            taken.reply.failed(&error.to_string());
            return;
        }
        self.shared.counters.count_applied(view.len() - taken.skip as usize, taken.refused.len());
        if let Some(state) = self.shared.catalog.devices.state(taken.device) {
            state.set_durable_seq(taken.last_seq);
        }
        taken.told.into_iter().for_each(|(reason, seqs)| taken.reply.refused(reason, seqs));
        taken.reply.durable(taken.last_seq);
    }

    fn note_lost(&self, device: u32, lost: LostScans, reply: &dyn BatchReply) {
        let LostScans { first_seq, last_seq, .. } = lost;
        tracing::error!(
            device,
            first_seq,
            last_seq,
            "scans are lost: they were acknowledged before this data directory was restored from a backup,              the backup does not have them, and the device no longer does; `truyvet device list` keeps them"
        );
        self.shared.catalog.devices.add_lost(device, lost);
        if let Some(state) = self.shared.catalog.devices.state(device) {
            state.set_durable_seq(last_seq);
        }
        reply.durable(last_seq);
    }

    fn hand_over(&mut self, next_segment: u32, reply: Option<Sender<Result<(), EngineError>>>) {
        let (table, appender) = self.shared.start_table();
        let tables = std::mem::replace(&mut self.tables, vec![table]);
        self.appender = appender;
        let is_urgent = reply.is_some() || self.shared.counters.is_flushing();
        let sent = match self.jobs.try_send(Job::Flush { tables, next_segment, reply }) {
            // Waits while the keeper is busy with the table before: that is the back-pressure that bounds
            // memory to two tables and the rows of one.
            Err(TrySendError::Full(job)) => {
                self.hurry.up();
                self.jobs.send(job).is_ok()
            }
            sent => sent.is_ok(),
        };
        if is_urgent {
            self.hurry.up();
        }
        if !sent {
            // Without a keeper memory would grow: take nothing more. The journal has it all.
            self.shared.space.failed("the thread that writes runs has stopped; restart the server");
        }
    }
}

/// A batch as the live table takes it.
pub(crate) struct BatchBlock<'a> {
    pub(crate) device: u32,
    pub(crate) site: u32,
    pub(crate) skip: u32,
    pub(crate) view: &'a BatchView<'a>,
}

/// Ids of one batch, kept to spare an allocation.
#[derive(Default)]
pub(crate) struct Scratch {
    ids: Vec<u32>,
}

/// Appends all scans of a batch but the first `skip` and the refused ones, and tells of those of the
/// followed. Between two refused scans is a block of its own, so that a block's seqs have no gaps.
pub(crate) fn append(
    catalog: &Catalog,
    appender: &mut Appender,
    scratch: &mut Scratch,
    block: &BatchBlock<'_>,
    refused: impl Iterator<Item = (u32, Reason)>,
    followed: &Followed,
) -> Result<(), EngineError> {
    let mut start = block.skip;
    let end = block.view.len() as u32;
    for stop in refused.map(|(index, _)| index).chain(std::iter::once(end)) {
        if start < stop {
            append_stretch(catalog, appender, scratch, block, start..stop)?;
            let (base_ms, scans) = (block.view.base.get(), block.view.scans().skip(start as usize));
            let seen = scratch.ids.iter().zip(scans).map(|(id, scan)| {
                (*id, base_ms + i64::from(scan.offset_ms), flags::pack(scan.direction, scan.verdict))
            });
            followed.saw(block.site, seen);
        }
        start = stop + 1;
    }
    Ok(())
}

fn append_stretch(
    catalog: &Catalog,
    appender: &mut Appender,
    scratch: &mut Scratch,
    block: &BatchBlock<'_>,
    stretch: std::ops::Range<u32>,
) -> Result<(), EngineError> {
    let scans = block.view.scans().skip(stretch.start as usize).take(stretch.len());
    scratch.ids.clear();
    catalog.subject_ids(scans.clone().map(|scan| scan.code), block.site, &mut scratch.ids)?;
    let facts = BlockFacts {
        site: block.site,
        device: block.device,
        base_ms: block.view.base.get(),
        first_seq: block.view.first_seq + u64::from(stretch.start),
    };
    appender.touch(&scratch.ids);
    let columns = scratch
        .ids
        .iter()
        .zip(scans)
        .map(|(id, scan)| (*id, scan.offset_ms, flags::pack(scan.direction, scan.verdict)));
    appender.append(facts, columns);
    Ok(())
}
