//! Where log lines go. None carries codes of subjects.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// A server's log, as configured; `TRUYVET_LOG` goes before the configured filter.
pub fn log_to_stdout(config: &LogConfig) {
    let filter = std::env::var("TRUYVET_LOG").unwrap_or_else(|_| config.filter.clone());
    // Warns of every browser that goes away without a goodbye; what is named later goes before it.
    let filter = format!("web_transport_quinn=error,{filter}");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(std::io::stdout().is_terminal());
    let set = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A program that embeds the server may have its own.
    set.ok();
}

/// A command's log: what an operator must know, beside the answer.
pub fn log_to_stderr(filter: &str) {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter));
    builder.with_writer(std::io::stderr).with_ansi(false).try_init().ok();
}
