//! `truyvet-device`: the checkpoint's own program. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod cli;
mod show;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use truyvet_device::input::{Feeder, InputError};
use truyvet_device::{Agent, AgentError, AgentOptions, Spool, SpoolError};
use truyvet_schemas::check_code;
use truyvet_schemas::key_file::{KeyFile, KeyFileError};

use cli::{Cli, Command, RunArgs};
use show::Screen;

fn main() -> ExitCode {
    let Cli { command: Command::Run(args) } = Cli::parse();
    let screen = Screen::start();
    match run(&args, &screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &RunArgs, screen: &Screen) -> Result<(), Failure> {
    let key = KeyFile::parse(&read(&args.key)?)?;
    let authority = match &args.authority {
        Some(file) => read(file)?,
        None => key.authority.clone().unwrap_or_default(),
    };
    let first_site = args.site.clone().unwrap_or_else(|| key.site.clone());
    check_code(&first_site).map_err(|_| Failure::Site)?;
    let options = AgentOptions {
        batch_scans: usize::from(args.batch_scans),
        batch_delay: args.batch_delay,
        ..AgentOptions::new(&args.gateway, authority)
    };
    let spool = Spool::open(&args.spool(), key.device(), args.spool_bytes_max)?;
    let agent = Agent::new(key, Arc::clone(&spool), options)?;
    let feeder = Feeder::new(spool, agent.status(), first_site, args.format());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Start)?;
    runtime.block_on(work(args, screen, &agent, feeder))
}

/// Streams until the input has ended and is delivered, a signal comes, or nothing more can be done.
async fn work(args: &RunArgs, screen: &Screen, agent: &Agent, feeder: Feeder) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    let status_file = args.status_file.as_deref();
    let result = tokio::select! {
        error = agent.run() => Err(error.into()),
        result = feed_and_drain(args, agent, feeder) => result,
        _ = terminate.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        never = screen.show(agent.status(), status_file) => never,
    };
    let closed = agent.close().await;
    screen.finish(&agent.status(), status_file);
    result.and(closed.map_err(Failure::from))
}

async fn feed_and_drain(args: &RunArgs, agent: &Agent, feeder: Feeder) -> Result<(), Failure> {
    let (fed, ended) = oneshot::channel();
    let source = args.source();
    // Not joined: it may wait on a pipe for ever, and may be cut off at any point like the whole.
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || fed.send(feeder.run(&source)))
        .map_err(Failure::Start)?;
    ended.await.map_err(|_| Failure::Input(InputError::Stopped))??;
    match args.drain_timeout() {
        None => agent.delivered().await,
        Some(limit) => tokio::time::timeout(limit, agent.delivered())
            .await
            .map_err(|_| Failure::Undelivered { scans: agent.status().report().spooled })?,
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|source| Failure::File { file: file.display().to_string(), source })
}

/// Why the agent stopped; the spool keeps what is in it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read {file}: {source}")]
    File { file: String, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("the site's code is empty or too long; give a good one with --site")]
    Site,
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("cannot start: {0}")]
    Start(std::io::Error),
    #[error("{scans} scans could not be delivered in time; they are kept in the spool for the next run")]
    Undelivered { scans: u64 },
}
