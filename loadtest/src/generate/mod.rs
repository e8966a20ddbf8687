//! The model's areas, sites, people and scans as files for import.
//!
//! ```text
//! nation -> areas.csv sites.csv people.csv
//! history, day by day -> in order of time -> scans.{csv,csv.gz,parquet}
//!         -> examples.json cluster.txt: codes that give interesting answers
//! ```
//!
//! One thread makes and sorts, one writes; two days are held, at 24 bytes a scan.

mod examples;
mod sink;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use indicatif::ProgressBar;

pub use examples::Examples;
pub use sink::{Format, Sink};
pub(crate) use tables::{areas_csv, sites_csv};
pub use tables::{write_areas, write_people, write_sites};

use crate::nation::{History, ModelScan, Nation};

/// What to write.
#[derive(Clone, Debug)]
pub struct Generate {
    /// Number of people.
    pub people: u32,
    /// Number of sites.
    pub sites: u32,
    /// Number of days.
    pub days: u32,
    /// Number of scans.
    pub scans: u64,
    /// Seed of everything.
    pub seed: u64,
    /// The last of the days, counted from 1970-01-01 by the nation's clocks.
    pub last_day: i64,
    /// Folder; made where absent.
    pub out: PathBuf,
    /// Format of the scans.
    pub format: Format,
}

impl Generate {
    /// Writes every file and tells codes worth asking for.
    ///
    /// # Errors
    /// See [`GenerateError`].
    pub fn run(&self, progress: &ProgressBar) -> Result<Examples, GenerateError> {
        fs::create_dir_all(&self.out).map_err(|e| GenerateError::write(&self.out, e))?;
        let nation = Nation::new(self.seed, self.people, self.sites);
        let history = self.history(&nation);
        write_areas(&nation.land, &self.out.join("areas.csv"))?;
        write_sites(&nation.land, &self.out.join("sites.csv"))?;
        write_people(&nation, &self.out.join("people.csv"))?;
        self.write_scans(&nation, &history, progress)?;
        let examples = Examples::find(&nation, &history, &self.out);
        examples.write(&self.out)?;
        Ok(examples)
    }

    /// The scans that the files have.
    pub fn history<'n>(&self, nation: &'n Nation) -> History<'n> {
        let first_day = self.last_day + 1 - i64::from(self.days.max(1));
        History::new(nation, first_day, self.days, self.scans)
    }

    fn write_scans(
        &self,
        nation: &Nation,
        history: &History<'_>,
        progress: &ProgressBar,
    ) -> Result<(), GenerateError> {
        let mut sink = Sink::create(&self.out.join(self.format.file_name()), self.format, nation)?;
        let (days, made) = sync_channel(0);
        thread::scope(|scope| {
            scope.spawn(move || make(history, &days));
            for day in made {
                for chunk in day.chunks(CHUNK_SCANS) {
                    sink.write(chunk)?;
                    progress.inc(chunk.len() as u64);
                }
            }
            sink.finish()
        })
    }
}

/// Each day in order of time, as a log is. Stops early where nobody takes the days any more.
fn make(history: &History<'_>, days: &SyncSender<Vec<ModelScan>>) {
    for day in history.days() {
        let mut scans: Vec<_> = history.scans_of_day(day).collect();
        scans.sort_unstable();
        if days.send(scans).is_err() {
            return;
        }
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// Make room, or choose another folder.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Make room, or choose another folder.
    #[error("{path}: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the format's library said.
        source: parquet::errors::ParquetError,
    },
}

impl GenerateError {
    fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}

/// A row group of Parquet.
const CHUNK_SCANS: usize = 1 << 20;

#[cfg(test)]
mod tests;
