//! The state in a line: redrawn in place on a terminal, logged every half minute elsewhere, and
//! written to a file where one is asked for.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::interval;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use truyvet_device::status::Status;

/// Where state and logs are shown.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// The line on a terminal.
    line: Option<ProgressBar>,
}

impl Screen {
    /// The line on a terminal, and logs above it; `RUST_LOG` says which.
    pub(crate) fn start() -> Self {
        let screen = Self { line: io::stderr().is_terminal().then(ProgressBar::new_spinner) };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_target(false)
            .with_ansi(screen.line.is_some())
            .with_writer(screen.clone())
            .init();
        screen
    }

    /// Shows the state until dropped.
    pub(crate) async fn show(&self, status: Arc<Status>, file: Option<&Path>) -> ! {
        let mut ticks = interval(TICK);
        for tick in 0u64.. {
            ticks.tick().await;
            let report = status.report();
            match &self.line {
                Some(line) => line.set_message(report.to_string()),
                None if tick % LOG_TICKS == LOG_TICKS - 1 => tracing::info!("{report}"),
                None => {}
            }
            if let Some(file) = file.filter(|_| tick % FILE_TICKS == 0)
                && let Err(error) = replace(file, &report)
            {
                tracing::warn!(%error, "the status file cannot be written");
            }
        }
        unreachable!("2^64 ticks take longer than the machine lasts")
    }

    /// Leaves the last state on the terminal or in the log.
    pub(crate) fn finish(&self, status: &Status, file: Option<&Path>) {
        let report = status.report();
        match &self.line {
            Some(line) => line.finish_with_message(report.to_string()),
            None => tracing::info!("{report}"),
        }
        if let Some(file) = file {
            replace(file, &report).ok();
        }
    }
}

/// Readers never see half of it; it need not outlive a power cut.
fn replace(file: &Path, report: &truyvet_device::status::Report) -> io::Result<()> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(".tmp");
    std::fs::write(&temporary, serde_json::to_vec(report)?)?;
    std::fs::rename(temporary, file)
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(bytes).map(|()| bytes.len());
        match &self.line {
            Some(line) => line.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const TICK: Duration = Duration::from_millis(200);
const FILE_TICKS: u64 = 5;
const LOG_TICKS: u64 = 150;
