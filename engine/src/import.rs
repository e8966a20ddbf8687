//! Bulk loading: rows go straight into sorted runs, without the journal.
//!
//! An import is a device of its own, known by the digest of its content, and its rows are numbered. A
//! run and the number of its last row are published in one write; so going on after a stop, or
//! importing the same content again, adds nothing twice.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::catalog::DeviceState;
use crate::error::EngineError;
use crate::index::rows::{Rows, flags};
use crate::keeper::Job;
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

/// An import that is going on.
pub struct Import {
    shared: Arc<Shared>,
    jobs: Sender<Job>,
    device: u32,
    state: Arc<DeviceState>,
    rows: Rows,
    /// The last row that `rows` and all before stand for.
    last_row: u64,
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
        let rows = Rows::default();
        Ok(Self {
            shared,
            jobs,
            device,
            state,
            rows,
            last_row,
            site_numbers: HashMap::new(),
            in_flight: None,
        })
    }

    /// Rows, good and bad, numbered from 1, that are durable already: pass over them.
    pub fn rows_done(&self) -> u64 {
        self.state.durable_seq()
    }

    /// Adds rows, which must follow those before. They become durable in steps of millions.
    ///
    /// # Errors
    /// The chunk is inconsistent, there are too many subjects, or the store fails.
    pub fn push(&mut self, chunk: RowChunk) -> Result<(), ImportError> {
        self.check(&chunk)?;
        let mut sites = Vec::with_capacity(chunk.at_ms.len());
        self.site_ids(&chunk.sites, &mut sites)?;
        let mut subjects = Vec::with_capacity(chunk.at_ms.len());
        self.subject_ids(&chunk.subjects, &sites, &mut subjects)?;
        if self.rows.is_empty() {
            let rows = self.shared.memory.import_rows();
            self.rows = Rows::with_capacity(rows + chunk.at_ms.len());
        }
        let rows = chunk.at_ms.len();
        self.rows.device.extend(std::iter::repeat_n(self.device, rows));
        self.rows.at_ms.extend_from_slice(&chunk.at_ms);
        self.rows.site.append(&mut sites);
        self.rows.subject.append(&mut subjects);
        let direction = |i: usize| flags::pack(chunk.directions.get(i).copied().unwrap_or_default(), 0);
        self.rows.flags.extend((0..rows).map(direction));
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

    fn hand_over(&mut self) -> Result<(), EngineError> {
        self.wait()?;
        let (done, waits) = bounded(1);
        let rows = std::mem::take(&mut self.rows);
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
