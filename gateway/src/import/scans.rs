//! Scans into the engine: a thread reads the file, this one hands its chunks to the engine.
//!
//! An import is a device known by the digest of its content. What is durable is passed over when the
//! same content comes again, so a stop, a crash or an impatient operator adds nothing twice.

use std::ops::ControlFlow;

use crossbeam_channel::{Receiver, bounded};
use truyvet_engine::{Engine, Import};

use super::Options;
use super::error::ImportError;
use super::event::{Event, OnError, Stage, Totals, Watch};
use super::rows::{self, Output, Parsed};
use super::source::{Source, same};

pub(super) fn import(
    engine: &Engine,
    source: &Source,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Totals, ImportError> {
    let (_, before) = source.open()?;
    let digest = source.digest(watch)?;
    let name = std::path::Path::new(source.name()).file_name().unwrap_or_default().to_string_lossy();
    let import = engine.begin_import(digest, &name).map_err(|e| engine_error(source, &e))?;
    let mut run = Run::new(source, import, before.len());
    let result = std::thread::scope(|threads| {
        let (sender, parsed) = bounded(CHUNKS_WAITING);
        let rows_done = run.totals.rows_before;
        let reader = threads.spawn(move || {
            rows::read(source, rows_done, &Output { sender: &sender, options });
        });
        let result = run.take_all(&parsed, watch);
        // Nobody listens any more: a reader that is still reading stops at its next chunk.
        drop(parsed);
        match reader.join() {
            Ok(()) => result,
            Err(_) => Err(ImportError::Parquet {
                file: source.name().to_owned(),
                reason: "its reader met something impossible".to_owned(),
            }),
        }
    });
    let (_, after) = source.open()?;
    let result = match result {
        Ok(()) if !same(&before, &after) => Err(ImportError::Changed(source.name().to_owned())),
        other => other,
    };
    run.finish(result, options.on_error)
}

/// An import under way.
struct Run<'a> {
    source: &'a Source,
    import: Import,
    bytes_total: u64,
    totals: Totals,
    last_bad: Option<(u64, super::BadRow)>,
}

impl<'a> Run<'a> {
    fn new(source: &'a Source, import: Import, bytes_total: u64) -> Self {
        let totals = Totals { rows_before: import.rows_done(), ..Totals::default() };
        Self { source, import, bytes_total, totals, last_bad: None }
    }

    fn take_all(&mut self, parsed: &Receiver<Parsed>, watch: &mut Watch<'_>) -> Result<(), ImportError> {
        for parsed in parsed {
            let event = match parsed {
                Parsed::Chunk { chunk, left_out } => {
                    self.totals.rows += chunk.at_ms.len() as u64;
                    self.totals.left_out += left_out;
                    if chunk.rows > 0 {
                        self.import.push(chunk).map_err(|e| engine_error(self.source, &e))?;
                    }
                    self.progress()
                }
                Parsed::Bad { line, reason } => {
                    self.totals.bad += 1;
                    self.last_bad = Some((line, reason));
                    Event::BadLine { line, reason: reason.to_string() }
                }
                Parsed::Failed(error) => return Err(error),
            };
            if watch(event) == ControlFlow::Break(()) {
                return Err(ImportError::Interrupted(self.source.name().to_owned()));
            }
        }
        Ok(())
    }

    fn progress(&self) -> Event {
        Event::Progress {
            stage: Stage::Rows,
            bytes: self.source.bytes_read().min(self.bytes_total),
            bytes_total: self.bytes_total,
            rows: self.totals.rows,
        }
    }

    /// Makes durable what was taken in, whatever ended it.
    fn finish(self, result: Result<(), ImportError>, on_error: OnError) -> Result<Totals, ImportError> {
        let committed = self.import.commit().map_err(|e| engine_error(self.source, &e));
        result?;
        committed?;
        match self.last_bad {
            Some((line, reason)) if on_error == OnError::Stop => Err(ImportError::Stopped {
                file: self.source.name().to_owned(),
                line,
                reason,
                totals: self.totals,
            }),
            _ => Ok(self.totals),
        }
    }
}

fn engine_error(source: &Source, error: &dyn std::fmt::Display) -> ImportError {
    ImportError::Engine { file: source.name().to_owned(), reason: error.to_string() }
}

/// Chunks between the threads: with the two being worked on about 12 MB.
const CHUNKS_WAITING: usize = 2;
