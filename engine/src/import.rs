//! Bulk loading: rows go straight into sorted runs, without the journal.
//!
//! An import is a device of its own, known by the digest of its content, and its rows are numbered. A
//! run and the number of its last row are published in one write; so going on after a stop, or
//! importing the same content again, adds nothing twice.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::catalog::DeviceState;
use crate::error::EngineError;
use crate::index::rows::{Rows, flags};
use crate::keeper::Job;
use crate::memory::ImportMemory;
use crate::partition::plan::{Span, day_of};
use crate::shared::Shared;

/// Codes, one a row.
#[derive(Clone, Debug)]
pub enum CodeColumn {
    /// Every row's code, one after the other; `ends[i]` is where row i's ends.
    Plain {
        /// Ends of the codes in `bytes`.
        ends: Vec<u32>,
        /// The codes, UTF-8.
        bytes: Vec<u8>,
    },
    /// Every row's place in a list of codes.
    Dictionary {
        /// One a row.
        keys: Vec<u32>,
        /// Ends of the listed codes in `bytes`.
        ends: Vec<u32>,
        /// The listed codes, UTF-8.
        bytes: Vec<u8>,
    },
}

impl CodeColumn {
    /// An empty plain column.
    pub fn plain() -> Self {
        Self::Plain { ends: Vec::new(), bytes: Vec::new() }
    }

    /// Adds a row's code to a plain column.
    ///
    /// # Panics
    /// When the column is a dictionary.
    pub fn push(&mut self, code: &str) {
        let Self::Plain { ends, bytes } = self else { panic!("a dictionary column is made whole") };
        bytes.extend_from_slice(code.as_bytes());
        ends.push(bytes.len() as u32);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain { ends, .. } => ends.len(),
            Self::Dictionary { keys, .. } => keys.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row i's code.
    pub fn get(&self, i: usize) -> &str {
        match self {
            Self::Plain { ends, bytes } => text(ends, bytes, i),
            Self::Dictionary { keys, ends, bytes } => text(ends, bytes, keys[i] as usize),
        }
    }
}

fn text<'a>(ends: &[u32], bytes: &'a [u8], i: usize) -> &'a str {
    str::from_utf8(code(ends, bytes, i)).expect("a column of codes is made from text")
}

fn code<'a>(ends: &[u32], bytes: &'a [u8], i: usize) -> &'a [u8] {
    let start = i.checked_sub(1).map_or(0, |before| ends[before] as usize);
    &bytes[start..ends[i] as usize]
}

/// Rows of an import, as columns; only the good ones.
#[derive(Clone, Debug)]
pub struct RowChunk {
    /// Number of the first row that this chunk stands for, from 1.
    pub first_row: u64,
    /// How many rows it stands for, bad ones too.
    pub rows: u64,
    /// Subjects.
    pub subjects: CodeColumn,
    /// Sites.
    pub sites: CodeColumn,
    /// Unix milliseconds.
    pub at_ms: Vec<i64>,
    /// Numbers of directions; empty: every one is a pass.
    pub directions: Vec<u8>,
}

/// Why an import stopped. What was durable before is kept, and the same content goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Make the columns equally long, and the rows follow each other.
    #[error("a chunk of rows is inconsistent: {0}")]
    Chunk(&'static str),
    /// As the inner error says.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What an import has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The last row that is durable, bad ones counted.
    pub rows_done: u64,
}

/// Rows whose codes were looked up.
struct Columns {
    at_ms: Vec<i64>,
    sites: Vec<u32>,
    subjects: Vec<u32>,
    directions: Vec<u8>,
}

/// An import that is going on.
pub struct Import {
    shared: Arc<Shared>,
    _memory: ImportMemory,
    jobs: Sender<Job>,
    device: u32,
    state: Arc<DeviceState>,
    rows: Rows,
    /// The last row that `rows` and all before stand for.
    last_row: u64,
    /// First instant after the newest day of `rows`.
    day_end_ms: i64,
    site_numbers: HashMap<String, u32>,
    in_flight: Option<(u64, Receiver<Result<(), EngineError>>)>,
}

impl Import {
    pub(crate) fn begin(
        shared: Arc<Shared>,
        jobs: Sender<Job>,
        digest: [u8; 32],
        name: &str,
    ) -> Result<Self, EngineError> {
        let (device, state) = shared.catalog.import_device(digest, name)?;
        let last_row = state.durable_seq();
        Ok(Self {
            _memory: ImportMemory::take(shared.clone()),
            shared,
            jobs,
            device,
            state,
            rows: Rows::default(),
            last_row,
            day_end_ms: i64::MIN,
            site_numbers: HashMap::new(),
            in_flight: None,
        })
    }

    /// Rows, good and bad, numbered from 1, that are durable already: pass over them.
    pub fn rows_done(&self) -> u64 {
        self.state.durable_seq()
    }

    /// Adds rows, which must follow those before. They become durable in steps, of as many as the engine's
    /// memory allows. In a file in order of days a step ends with a day: then a day is one run, and nothing is
    /// left to be merged.
    ///
    /// # Errors
    /// The chunk is inconsistent, there are too many subjects, or the store fails.
    pub fn push(&mut self, chunk: RowChunk) -> Result<(), ImportError> {
        self.check(&chunk)?;
        let mut sites = Vec::with_capacity(chunk.at_ms.len());
        self.site_ids(&chunk.sites, &mut sites)?;
        let mut subjects = Vec::with_capacity(chunk.at_ms.len());
        self.subject_ids(&chunk.subjects, &sites, &mut subjects)?;
        let columns = Columns { at_ms: chunk.at_ms, sites, subjects, directions: chunk.directions };
        let has_bad_rows = columns.at_ms.len() as u64 != chunk.rows;
        let mut start = 0;
        while let Some(end) = self.end_of_day(&columns.at_ms, start, has_bad_rows) {
            self.add(&columns, start..end);
            self.last_row = chunk.first_row + end as u64 - 1;
            self.hand_over()?;
            start = end;
        }
        self.add(&columns, start..columns.at_ms.len());
        self.last_row = chunk.first_row + chunk.rows - 1;
        if self.rows.len() >= self.shared.memory.import_rows() {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Makes the rest durable and visible.
    ///
    /// # Errors
    /// The store fails; what was durable before is kept.
    pub fn commit(mut self) -> Result<ImportReport, ImportError> {
        if self.last_row > self.rows_done() {
            self.hand_over()?;
        }
        self.wait()?;
        Ok(ImportReport { rows_done: self.rows_done() })
    }

    fn check(&self, chunk: &RowChunk) -> Result<(), ImportError> {
        let rows = chunk.at_ms.len();
        let optional = |len: usize| len == 0 || len == rows;
        let equal =
            chunk.subjects.len() == rows && chunk.sites.len() == rows && optional(chunk.directions.len());
        if !equal {
            return Err(ImportError::Chunk("its columns are not equally long"));
        }
        if chunk.first_row != self.last_row + 1 || chunk.rows == 0 {
            return Err(ImportError::Chunk("it does not follow the one before"));
        }
        Ok(())
    }

    fn site_ids(&mut self, codes: &CodeColumn, out: &mut Vec<u32>) -> Result<(), EngineError> {
        match codes {
            CodeColumn::Plain { .. } => {
                for i in 0..codes.len() {
                    out.push(self.site_id(codes.get(i))?);
                }
            }
            CodeColumn::Dictionary { keys, ends, bytes } => {
                let mut ids = vec![None; ends.len()];
                for key in keys {
                    let key = *key as usize;
                    let id = match ids[key] {
                        Some(id) => id,
                        None => *ids[key].insert(self.site_id(text(ends, bytes, key))?),
                    };
                    out.push(id);
                }
            }
        }
        Ok(())
    }

    fn site_id(&mut self, code: &str) -> Result<u32, EngineError> {
        if let Some(id) = self.site_numbers.get(code) {
            return Ok(*id);
        }
        let id = self.shared.catalog.site_number(code)?;
        self.site_numbers.insert(code.to_owned(), id);
        Ok(id)
    }

    fn subject_ids(&self, codes: &CodeColumn, sites: &[u32], out: &mut Vec<u32>) -> Result<(), EngineError> {
        match codes {
            CodeColumn::Plain { ends, bytes } => {
                let codes = (0..ends.len()).map(|i| (code(ends, bytes, i), sites[i]));
                self.shared.catalog.subject_ids_at(codes, out)
            }
            CodeColumn::Dictionary { keys, ends, bytes } => {
                // Each code once, with the site where it comes first.
                let mut first_row = vec![None; ends.len()];
                keys.iter().enumerate().for_each(|(row, key)| {
                    first_row[*key as usize].get_or_insert(row);
                });
                let used: Vec<(usize, usize)> =
                    first_row.into_iter().enumerate().filter_map(|(key, row)| Some((key, row?))).collect();
                let mut ids = Vec::with_capacity(used.len());
                let codes = used.iter().map(|(key, row)| (code(ends, bytes, *key), sites[*row]));
                self.shared.catalog.subject_ids_at(codes, &mut ids)?;
                let mut by_key = vec![0; ends.len()];
                used.iter().zip(ids).for_each(|((key, _), id)| by_key[*key] = id);
                out.extend(keys.iter().map(|key| by_key[*key as usize]));
                Ok(())
            }
        }
    }

    /// Where among the rows from `start` on a new day begins, so that the step should end there: it is half
    /// full or more. Which row of the file that is, nobody knows where bad rows were left out before it.
    fn end_of_day(&mut self, at_ms: &[i64], start: usize, has_bad_rows: bool) -> Option<usize> {
        let enough = self.shared.memory.import_rows() / 2;
        for (i, at_ms) in (start..).zip(&at_ms[start..]) {
            if *at_ms < self.day_end_ms {
                continue;
            }
            let is_known = i == 0 || !has_bad_rows;
            if is_known && self.rows.len() + i - start >= enough {
                return Some(i);
            }
            self.day_end_ms = Span::of_day(day_of(*at_ms)).end_ms();
        }
        None
    }

    fn add(&mut self, columns: &Columns, range: Range<usize>) {
        if self.rows.is_empty() {
            self.rows = Rows::with_capacity(self.shared.memory.import_rows() + range.len());
        }
        self.rows.device.extend(std::iter::repeat_n(self.device, range.len()));
        self.rows.at_ms.extend_from_slice(&columns.at_ms[range.clone()]);
        self.rows.site.extend_from_slice(&columns.sites[range.clone()]);
        self.rows.subject.extend_from_slice(&columns.subjects[range.clone()]);
        let direction = |i: usize| flags::pack(columns.directions.get(i).copied().unwrap_or_default(), 0);
        self.rows.flags.extend(range.map(direction));
    }

    fn hand_over(&mut self) -> Result<(), EngineError> {
        self.wait()?;
        let (done, waits) = bounded(1);
        let rows = std::mem::take(&mut self.rows);
        self.day_end_ms = i64::MIN;
        let job = Job::Import { rows, device: self.device, mark: self.last_row, reply: Some(done) };
        self.jobs.send(job).map_err(|_| EngineError::Stopped)?;
        self.in_flight = Some((self.last_row, waits));
        Ok(())
    }

    fn wait(&mut self) -> Result<(), EngineError> {
        let Some((mark, waits)) = self.in_flight.take() else { return Ok(()) };
        waits.recv().map_err(|_| EngineError::Stopped)??;
        self.state.set_durable_seq(mark);
        Ok(())
    }
}
