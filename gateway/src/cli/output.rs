//! Where answers go, and how they look there.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::error::CliError;

/// How an answer is shown.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Table for people, JSON for programs; a table on a terminal, JSON otherwise
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write the answer into this file instead
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For analysis.
    Parquet,
}

impl Output {
    /// The format asked, or what suits the place it goes to.
    pub(super) fn format(&self) -> Result<Format, CliError> {
        let terminal = self.output.is_none() && io::stdout().is_terminal();
        let format = self.format.unwrap_or(if terminal { Format::Table } else { Format::Json });
        if format == Format::Parquet && terminal {
            return Err(CliError::Usage("parquet is not for a terminal: add --output FILE".to_owned()));
        }
        Ok(format)
    }

    /// Writes it where it goes.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        match &self.output {
            Some(path) => {
                std::fs::write(path, bytes).map_err(|e| CliError::Failed(format!("{}: {e}", path.display())))
            }
            None => write_stdout(bytes),
        }
    }

    /// Writes bit by bit where it goes.
    pub(super) fn write_with(
        &self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), CliError> {
        let (name, out): (String, Box<dyn Write + Send>) = match &self.output {
            Some(path) => {
                let name = path.display().to_string();
                let file = File::create(path).map_err(|e| CliError::Failed(format!("{name}: {e}")))?;
                (name, Box::new(file))
            }
            None => ("standard output".to_owned(), Box::new(io::stdout())),
        };
        let mut out = BufWriter::with_capacity(WRITE_BYTES, Named { name, out });
        match write(&mut out).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(CliError::Pipe),
            Err(e) => Err(CliError::failed(e)),
        }
    }
}

/// Says in its errors where it writes, so that they are told from those of what is read meanwhile.
struct Named {
    name: String,
    out: Box<dyn Write + Send>,
}

impl Named {
    fn named(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::BrokenPipe => error,
            kind => io::Error::new(kind, format!("{}: {error}", self.name)),
        }
    }
}

impl Write for Named {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).map_err(|e| self.named(e))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|e| self.named(e))
    }
}

/// Writes to standard output; that its reader goes away early is no failure.
pub(super) fn write_stdout(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(CliError::Pipe),
        Err(e) => Err(CliError::Failed(format!("standard output: {e}"))),
    }
}

/// Writes a line of JSON to standard output.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_vec(value).map_err(CliError::failed)?;
    text.push(b'\n');
    write_stdout(&text)
}

/// Whether people read the output.
pub(super) fn on_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Bytes written at once.
const WRITE_BYTES: usize = 64 << 10;
