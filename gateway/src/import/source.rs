//! The file of an import: what format it has, the digest of its content, and how far it was read.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::error::ImportError;
use super::event::{Event, Stage, Watch};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of text.
    Csv,
    /// Lines of text, gzipped.
    CsvGz,
    /// Columns.
    Parquet,
}

impl Format {
    /// The word for it, which is also how a file name ends.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::CsvGz => "csv.gz",
            Self::Parquet => "parquet",
        }
    }

    /// The format with this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Csv, Self::CsvGz, Self::Parquet].into_iter().find(|f| f.as_str() == word)
    }

    /// By a file's name; text unless it says otherwise.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.ends_with(".gz") {
            Self::CsvGz
        } else if name.ends_with(".parquet") {
            Self::Parquet
        } else {
            Self::Csv
        }
    }
}

/// A file to import.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    name: String,
    format: Format,
    bytes_read: Arc<AtomicU64>,
}

impl Source {
    /// The file at `path`, its format told by its name.
    pub fn new(path: &Path) -> Self {
        Self::named(path, path.display().to_string(), Format::of(path))
    }

    /// A file that is called otherwise than it is stored.
    pub fn named(path: &Path, name: String, format: Format) -> Self {
        Self { path: path.to_owned(), name, format, bytes_read: Arc::default() }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Where its bytes lie now, and how it looks.
    pub(super) fn open(&self) -> Result<(File, Metadata), ImportError> {
        let opened = File::open(&self.path).and_then(|file| file.metadata().map(|meta| (file, meta)));
        let (file, metadata) = opened.map_err(|e| self.io(e))?;
        if !metadata.is_file() {
            return Err(ImportError::NotAFile(self.name.clone()));
        }
        self.bytes_read.store(0, Ordering::Relaxed);
        Ok((file, metadata))
    }

    /// The decompressed text.
    pub(super) fn text(&self, file: File) -> Box<dyn Read + Send> {
        let counted = Counted { file, bytes_read: Arc::clone(&self.bytes_read) };
        match self.format {
            Format::CsvGz => Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, counted))),
            Format::Csv | Format::Parquet => Box::new(counted),
        }
    }

    /// BLAKE3 of the decompressed text, or of a Parquet file as it is.
    pub(super) fn digest(&self, watch: &mut Watch<'_>) -> Result<[u8; 32], ImportError> {
        let (file, metadata) = self.open()?;
        let mut text = self.text(file);
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES];
        let mut told = 0;
        loop {
            let read = match text.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.io(e)),
            };
            hasher.update(&buffer[..read]);
            if self.bytes_read() >= told + PROGRESS_BYTES {
                told = self.bytes_read();
                let progress = Event::Progress {
                    stage: Stage::Digest,
                    bytes: told,
                    bytes_total: metadata.len(),
                    rows: 0,
                };
                if watch(progress) == ControlFlow::Break(()) {
                    return Err(ImportError::Interrupted(self.name.clone()));
                }
            }
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// An error of the file.
    pub(super) fn io(&self, source: io::Error) -> ImportError {
        ImportError::Io { file: self.name.clone(), source }
    }
}

/// Whether a file is still the one it was.
pub(super) fn same(before: &Metadata, after: &Metadata) -> bool {
    before.len() == after.len() && before.modified().ok() == after.modified().ok()
}

struct Counted {
    file: File,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Read at once; the second-level cache holds it.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// Told at most this often while the digest is taken: some twenty times a second.
const PROGRESS_BYTES: u64 = 64 * 1024 * 1024;
