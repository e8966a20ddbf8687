//! Everything put together, and taken apart again in the right order.
//!
//! ```text
//! start   engine -> TLS identity -> gateway, HTTP -> DATA/server.json -> ready
//! stop    not ready -> gateway drains (what is in flight is answered) -> HTTP answers what it has
//!         -> maintenance ends -> server.json goes -> engine closes
//! ```
//! A second signal ends the process at once; what was acknowledged is durable all the same.

mod file;
mod log;
mod maintenance;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use truyvet_engine::Engine;

pub use file::ServerFile;
pub use log::{log_to_stderr, log_to_stdout};

use crate::config::Config;
use crate::enrol::Enrolment;
use crate::http::{self, App};
use crate::ingest::{BareSink, Gateway, GatewayError, ScanSink};
use crate::people::{People, PeopleError};
use crate::tls::{TlsError, TlsIdentity};
use maintenance::Maintenance;

/// What to serve.
pub struct Plan {
    /// The engine, open.
    pub engine: Engine,
    /// All settings.
    pub config: Config,
    /// The data directory.
    pub data: PathBuf,
    /// Certificate chain and key of the operator's own.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    /// The name in that certificate.
    pub server_name: String,
    /// Whether scans are stored nowhere.
    pub bare: bool,
}

/// Why the server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// As the inner error says.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// As the inner error says.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// As the inner error says.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// Name the one in the certificate.
    #[error("the certificate is not for `{0}`; name one that it is for with --server-name")]
    ServerName(String),
    /// Free the address, or choose another with `--http`.
    #[error("cannot listen on TCP {address}: {source}; free the address, or choose another with --http")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Check the file system and the process's limits.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ServerError {
    fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Something could not be started.
pub fn run(plan: Plan) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ServerError::io("the threads of the sockets cannot be started"))?;
    let engine = plan.engine.clone();
    let result = runtime.block_on(serve(plan));
    // Questions that nobody waits for any more end on their own threads.
    runtime.shutdown_timeout(GRACE);
    engine.close();
    result
}

async fn serve(plan: Plan) -> Result<(), ServerError> {
    let Plan { engine, config, data, tls_files, server_name, bare } = plan;
    let mut signals = Signals::listen()?;
    let identity = match &tls_files {
        Some((chain, key)) => TlsIdentity::from_files(chain, key)?.with_secret_kept_in(&data)?,
        None => TlsIdentity::development(&data)?,
    };
    if !identity.answers_to(&server_name) {
        return Err(ServerError::ServerName(server_name));
    }
    let enrolment = Enrolment { server_name, authority: identity.authority_pem().map(str::to_owned) };
    clear_uploads(&data);
    let address = config.http.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })?;
    let people = People::open(&data, &engine, &config.people)?;
    let sink: Arc<dyn ScanSink> =
        if bare { Arc::new(BareSink::new(engine.clone())) } else { Arc::new(engine.clone()) };
    let gateway = Arc::new(Gateway::start(config.gateway.clone(), sink, identity, people.tickets.clone())?);
    let http_address = listener.local_addr().map_err(ServerError::io("the address of the HTTP socket"))?;
    let file = ServerFile::write(&data, http_address, gateway.local_addr(), gateway.web_addr())
        .map_err(ServerError::io("server.json cannot be written into the data directory"))?;
    let app = Arc::new(App::new(engine, Some(Arc::clone(&gateway)), people, config, data, enrolment));

    let (stop_http, http_stops) = tokio::sync::oneshot::channel::<()>();
    let http = tokio::spawn(http::serve(Arc::clone(&app), listener, async {
        http_stops.await.ok();
    }));
    let telling = start_telling(&app).map_err(ServerError::io("the thread that tells wards what happens"))?;
    let hooks = start_hooks(&app).map_err(ServerError::io("the thread that tells hooks what happens"))?;
    let maintenance =
        Maintenance::start(Arc::clone(&app)).map_err(ServerError::io("the maintenance thread"))?;
    file.announce(&app.data, bare);

    signals.first().await;
    tracing::info!("stopping: devices are told, and what is in flight is answered");
    tokio::spawn(async move {
        signals.first().await;
        tracing::warn!("a second signal: stopping at once");
        std::process::exit(1);
    });
    app.stop();
    gateway.drain(GRACE).await;
    stop_http.send(()).ok();
    tokio::time::timeout(GRACE, http).await.ok();
    maintenance.stop();
    if telling.join().is_err() || hooks.join().is_err() {
        tracing::error!("a thread that tells wards or hooks what happens met a bug");
    }
    file.remove(&app.data);
    tracing::info!("stopped");
    Ok(())
}

/// Ends when the server stops.
fn start_telling(app: &Arc<App>) -> std::io::Result<JoinHandle<()>> {
    let app = Arc::clone(app);
    let thread = std::thread::Builder::new().name("wards".to_owned());
    thread.spawn(move || app.people.tell_listeners(|| app.is_stopping()))
}

/// Ends when the server stops, and what is on its way has been taken, or not been taken in time.
fn start_hooks(app: &Arc<App>) -> std::io::Result<JoinHandle<()>> {
    let app = Arc::clone(app);
    let thread = std::thread::Builder::new().name("hooks".to_owned());
    thread.spawn(move || app.people.tell_hooks(|| app.is_stopping()))
}

/// Uploads of a server that was killed.
fn clear_uploads(data: &std::path::Path) {
    let Ok(entries) = std::fs::read_dir(data.join(http::TMP)) else {
        return;
    };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with("upload-")) {
        std::fs::remove_file(entry.path()).ok();
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self, ServerError> {
        let listen = |kind| signal(kind).map_err(ServerError::io("signals cannot be listened to"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Time for what is in flight when the server stops.
const GRACE: Duration = Duration::from_secs(10);
