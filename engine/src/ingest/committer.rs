//! The one thread that makes batches durable: it drains the queue into one write, syncs once, and
//! passes all of it on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use truyvet_schemas::TimeMs;
use truyvet_schemas::wire::{BatchView, Reason};

use super::applier::Step;
use super::judge::{Context, Rules, Verdict, judge};
use super::{BatchReply, DeviceBatch, StorageState};
use crate::catalog::json;
use crate::catalog::records::{DeadLetter, LostScans};
use crate::error::EngineError;
use crate::index::rows::flags;
use crate::journal::record::{NO_SITE, Record, Refused};
use crate::journal::{Group, Journal};
use crate::shared::Shared;

/// What the committer is asked to do.
pub(crate) enum Request {
    /// Make a batch durable.
    Batch(DeviceBatch),
    /// Start a new segment, and have the old one written as runs; then tell.
    Rotate(Sender<Result<(), EngineError>>),
}

/// The committer's own state.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    journal: Journal,
    requests: Receiver<Request>,
    steps: Sender<Step>,
    /// Last journalled seq of each device seen since the start.
    last_seqs: HashMap<u32, u64>,
    rules: Rules,
    /// Scans and blocks in the open segment.
    scans: usize,
    blocks: usize,
}

/// A batch on its way to the applier, once the group is on disk.
struct Pending {
    device: u32,
    last_seq: u64,
    /// The device's last seq before this batch.
    last_seq_before: u64,
    step: Option<Step>,
    reply: Arc<dyn BatchReply>,
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        requests: Receiver<Request>,
        steps: Sender<Step>,
    ) -> Self {
        let rules = Rules {
            clock_skew_ms: shared.config.clock_skew_ms as i64,
            retention_days: shared.config.retention_days,
        };
        Self { shared, journal, requests, steps, last_seqs: HashMap::new(), rules, scans: 0, blocks: 0 }
    }

    /// Works until the engine closes.
    pub(crate) fn run(mut self) {
        loop {
            match self.requests.recv_timeout(IDLE) {
                Ok(Request::Batch(batch)) => self.commit_group(batch),
                Ok(Request::Rotate(reply)) => self.rotate(Some(reply)),
                Err(RecvTimeoutError::Timeout) => self.try_to_recover(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn commit_group(&mut self, first: DeviceBatch) {
        let mut pending = Vec::new();
        let mut rotation = None;
        let mut journal = std::mem::take(&mut self.last_seqs);
        let result = self.fill_group(first, &mut pending, &mut rotation, &mut journal);
        self.last_seqs = journal;
        match result {
            Ok(()) => self.pass_on(pending),
            Err(error) => self.fail(&error, pending),
        }
        let is_full =
            self.scans >= self.shared.config.live_scans_max || self.blocks >= self.shared.blocks_max();
        if rotation.is_some() || is_full {
            self.rotate(rotation);
        }
    }

    /// Judges and writes the first batch and all that wait behind it, up to the limits of a group.
    fn fill_group(
        &mut self,
        first: DeviceBatch,
        pending: &mut Vec<Pending>,
        rotation: &mut Option<Sender<Result<(), EngineError>>>,
        last_seqs: &mut HashMap<u32, u64>,
    ) -> Result<(), EngineError> {
        let mut scratch = Vec::new();
        let mut group = self.journal.group();
        let mut next = Some(first);
        while let Some(batch) = next.take() {
            let device = batch.device.get();
            let last_seq = *last_seqs.entry(device).or_insert_with(|| self.shared.durable_seq(device));
            let decided = decide(&self.shared, self.rules, &batch, last_seq);
            let outcome = write(&mut group, batch, decided, last_seq, &mut scratch)?;
            self.scans += outcome.scans;
            self.blocks += outcome.blocks;
            last_seqs.insert(device, outcome.pending.last_seq);
            pending.push(outcome.pending);
            let full = group.bytes() >= GROUP_BYTES_MAX || self.scans >= self.shared.config.live_scans_max;
            if full || pending.len() >= GROUP_BATCHES_MAX {
                break;
            }
            match self.requests.try_recv() {
                Ok(Request::Batch(batch)) => next = Some(batch),
                Ok(Request::Rotate(reply)) => *rotation = Some(reply),
                Err(_) => {}
            }
        }
        group.commit()
    }

    fn pass_on(&mut self, pending: Vec<Pending>) {
        for Pending { step, .. } in pending {
            // The applier outlives the committer; it only goes when this sender does.
            step.into_iter().for_each(|step| drop(self.steps.send(step)));
        }
    }

    /// Nothing of the group counts, and every device goes on from where it was before. (Not from what
    /// is applied: batches that are on disk may still be on their way there.) Whatever of the group a
    /// crash brings back is told to the device in its next welcome.
    fn fail(&mut self, error: &EngineError, pending: Vec<Pending>) {
        let why = error.to_string();
        self.shared.space.failed(&why);
        for Pending { device, last_seq_before, reply, .. } in pending.into_iter().rev() {
            self.last_seqs.insert(device, last_seq_before);
            reply.failed(&why);
        }
    }

    fn try_to_recover(&mut self) {
        let is_failed = matches!(self.shared.space.state(), StorageState::Failed(_));
        if !is_failed || !self.shared.space.has_room_for_families() {
            return;
        }
        let mut probe = self.shared.store.changes();
        probe.put(crate::store::Base::Meta, PROBE_KEY, &[]);
        if probe.commit().is_ok() {
            self.shared.space.recovered();
        }
    }

    fn rotate(&mut self, reply: Option<Sender<Result<(), EngineError>>>) {
        if self.scans == 0 && self.blocks == 0 {
            let step = Step::Settle(reply);
            self.steps.send(step).ok();
            return;
        }
        let rotated = match self.shared.space.has_room_for_families() {
            true => self.shared.start_segment(),
            false => Err(EngineError::NoSpace),
        };
        match rotated {
            Ok(segment) => {
                let next_segment = segment.number;
                self.journal.rotate(segment);
                self.steps.send(Step::Rotate { next_segment, reply }).ok();
                (self.scans, self.blocks) = (0, 0);
            }
            // The segment grows beyond its table; the applier starts another, and this is tried again.
            Err(error) => {
                self.shared.space.failed(&error.to_string());
                reply.map(|reply| reply.send(Err(error)));
            }
        }
    }
}

/// What was decided about a batch, and by which site it counts.
struct Decided {
    verdict: Verdict,
    site: u32,
}

fn decide(shared: &Shared, rules: Rules, batch: &DeviceBatch, last_seq: u64) -> Decided {
    let Ok(view) = BatchView::parse(&batch.batch) else {
        debug_assert!(false, "the gateway parses a batch before it submits it");
        return Decided { verdict: Verdict::Gap { expected_seq: last_seq + 1 }, site: NO_SITE };
    };
    let window = shared.catalog.devices.site_window(batch.device.get(), view.site);
    let site = shared.catalog.sites.read().find(view.site);
    let context = Context {
        last_seq,
        received_at_ms: batch.received_at.get(),
        site_until_ms: site.and(window).map(|window| window.until),
    };
    let subjects = shared.catalog.subjects.read();
    let has_room = subjects.has_room(UNAPPLIED_SCANS_MAX);
    let verdict = judge(&view, context, rules, |code| has_room || subjects.find(code).is_some());
    Decided { verdict, site: site.unwrap_or(NO_SITE) }
}

struct Outcome {
    pending: Pending,
    scans: usize,
    blocks: usize,
}

fn write(
    group: &mut Group<'_>,
    batch: DeviceBatch,
    decided: Decided,
    last_seq: u64,
    scratch: &mut Vec<u8>,
) -> Result<Outcome, EngineError> {
    let DeviceBatch { device, received_at, batch, signature, reply } = batch;
    let device = device.get();
    let last_seq_before = last_seq;
    let outcome = |last_seq, step, scans, blocks, reply| Outcome {
        pending: Pending { device, last_seq, last_seq_before, step, reply },
        scans,
        blocks,
    };
    match decided.verdict {
        Verdict::Gap { expected_seq } => {
            reply.gap(expected_seq);
            Ok(outcome(last_seq, None, 0, 0, reply))
        }
        Verdict::Repeat => {
            let step = Step::Repeat { device, reply: reply.clone() };
            Ok(outcome(last_seq, Some(step), 0, 0, reply))
        }
        Verdict::Lost { first_seq } => {
            let view = BatchView::parse(&batch).map_err(|_| EngineError::Stopped)?;
            let last_seq = view.last_seq().unwrap_or(last_seq);
            let lost = LostScans { first_seq, last_seq, at: received_at.get() };
            let record = Record {
                device,
                site: decided.site,
                received_at_ms: received_at.get(),
                skip: 0,
                refused: Refused::Decided(&[]),
                signature: &signature,
                batch: &batch,
            };
            record.encode(scratch);
            group.append(scratch, device, last_seq);
            group.note_lost(device, first_seq, &json(&lost));
            let step = Step::Lost { device, lost, reply: reply.clone() };
            Ok(outcome(last_seq, Some(step), 0, 1, reply))
        }
        Verdict::Take { skip, refused } => {
            let view = BatchView::parse(&batch).map_err(|_| EngineError::Stopped)?;
            let new_last = view.last_seq().unwrap_or(last_seq);
            let record = Record {
                device,
                site: decided.site,
                received_at_ms: received_at.get(),
                skip,
                refused: Refused::Decided(&refused),
                signature: &signature,
                batch: &batch,
            };
            record.encode(scratch);
            let position = group.append(scratch, device, new_last);
            keep_aside(group, position, &view, device, received_at, &refused);
            let scans = view.len() - skip as usize - refused.len();
            let blocks = refused.len() + 1;
            let told = by_reason(&view, &refused);
            let step = Step::Batch(Taken {
                device,
                site: decided.site,
                skip,
                refused,
                batch: batch.clone(),
                last_seq: new_last,
                told,
                reply: reply.clone(),
            });
            Ok(outcome(new_last, Some(step), scans, blocks, reply))
        }
    }
}

/// A batch that is on disk.
pub(crate) struct Taken {
    pub(crate) device: u32,
    pub(crate) site: u32,
    pub(crate) skip: u32,
    pub(crate) refused: Vec<(u32, Reason)>,
    pub(crate) batch: Bytes,
    pub(crate) last_seq: u64,
    /// The refused seqs by reason.
    pub(crate) told: Vec<(Reason, Vec<u64>)>,
    pub(crate) reply: Arc<dyn BatchReply>,
}

fn by_reason(view: &BatchView<'_>, refused: &[(u32, Reason)]) -> Vec<(Reason, Vec<u64>)> {
    let mut told: Vec<(Reason, Vec<u64>)> = Vec::new();
    for (index, reason) in refused {
        let seq = view.first_seq + u64::from(*index);
        match told.iter_mut().find(|(known, _)| known == reason) {
            Some((_, seqs)) => seqs.push(seq),
            None => told.push((*reason, vec![seq])),
        }
    }
    told
}

fn keep_aside(
    group: &mut Group<'_>,
    position: u64,
    view: &BatchView<'_>,
    device: u32,
    received_at: TimeMs,
    refused: &[(u32, Reason)],
) {
    if refused.is_empty() {
        return;
    }
    let mut refused = refused.iter().peekable();
    for (index, scan) in (0u32..).zip(view.scans()) {
        let Some((_, reason)) = refused.next_if(|(refused, _)| *refused == index) else { continue };
        let letter = DeadLetter {
            device,
            seq: view.first_seq + u64::from(index),
            site: view.site.to_owned(),
            subject: String::from_utf8_lossy(scan.code).into_owned(),
            at: view.base.get() + i64::from(scan.offset_ms),
            direction: flags::direction(scan.direction).as_str().to_owned(),
            received_at: received_at.get(),
            reason: reason.as_str().to_owned(),
        };
        group.keep_aside(position, index, &json(&letter));
    }
}

/// Most bytes of one group: a few milliseconds of writing.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Most batches of one group.
const GROUP_BATCHES_MAX: usize = 1_024;

/// Scans between the committer and the applier: the group that is being written, and those queued.
pub(crate) const UNAPPLIED_SCANS_MAX: usize = 2 * GROUP_BATCHES_MAX * 4_096;

/// How often an idle committer looks whether a failed store has recovered.
const IDLE: Duration = Duration::from_millis(500);

/// Tag 255 is no tag of the meta family: the probe overwrites nothing.
const PROBE_KEY: &[u8] = &[u8::MAX];
