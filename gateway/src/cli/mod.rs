//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod asking;
mod backup;
mod client;
mod device;
mod error;
mod import;
mod operate;
mod output;
mod people;
mod serve;
mod target;
#[cfg(test)]
mod tests;
mod trace;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::CliError;

/// Streaming ingestion and trace engine for contact tracing.
#[derive(Debug, Parser)]
#[command(name = "truyvet", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take scans over QUIC and answer questions over HTTP, until SIGTERM or SIGINT
    Serve(serve::Serve),
    /// Take files in: areas, sites, people, scans
    Import(import::Import),
    /// Ask a trace question
    #[command(subcommand)]
    Trace(trace::Trace),
    /// Show what is stored and how it is
    Status(operate::StatusArgs),
    /// Enrol, list, move and revoke devices
    #[command(subcommand)]
    Device(device::Device),
    /// Make, list and end accounts of officials
    #[command(subcommand)]
    Account(people::Account),
    /// Have other systems told of the journeys of an area
    #[command(subcommand)]
    Hook(people::Hook),
    /// Check the log of who saw whose data
    #[command(subcommand)]
    Audit(people::Audit),
    /// Make new keys for passes and personal data
    #[command(subcommand)]
    Keys(people::Keys),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(operate::ConfigCommand),
    /// Write what is in memory and merge the runs of closed days
    Seal(operate::Seal),
    /// Drop whole days, imported scans too
    Drop(operate::Drop),
    /// Read everything that is stored and check it; exit code 1 when anything is damaged
    Verify(verify::Verify),
    /// Show refused scans, the newest first
    DeadLetters(operate::DeadLetters),
    /// Back up a server or a data directory, or look after backups
    Backup(backup::Backup),
    /// Make a data directory from a backup
    Restore(backup::Restore),
    /// Print what a server answers over HTTP, as an OpenAPI document
    Openapi,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are asked for, and end with 0; wrong usage ends with 2.
        Err(said) => {
            let code = if said.use_stderr() { error::USAGE } else { 0 };
            said.print().ok();
            return ExitCode::from(code);
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(message) = error.message() {
                eprintln!("truyvet: {message}");
            }
            ExitCode::from(error.code())
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    if !matches!(command, Command::Serve(_)) {
        crate::server::log_to_stderr("warn");
    }
    match command {
        Command::Serve(serve) => serve.run(),
        Command::Import(import) => import.run(),
        Command::Trace(trace) => trace.run(),
        Command::Status(status) => status.run(),
        Command::Device(device) => device.run(),
        Command::Account(account) => account.run(),
        Command::Hook(hook) => hook.run(),
        Command::Audit(audit) => audit.run(),
        Command::Keys(keys) => keys.run(),
        Command::Config(config) => config.run(),
        Command::Seal(seal) => seal.run(),
        Command::Drop(drop) => drop.run(),
        Command::Verify(verify) => verify.run(),
        Command::DeadLetters(letters) => letters.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Openapi => output::print_json(&crate::http::openapi()),
    }
}
