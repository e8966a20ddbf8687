//! The agent: keeps a session up and the spool draining, until it is stopped or refused for good.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quinn::{Endpoint, VarInt};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use truyvet_schemas::key_file::{KeyFile, KeyFileError};
use truyvet_schemas::wire::{Reason, Refusal};

use crate::client::{
    self, AuthorityError, CONNECT_TIMEOUT, ConnectError, ConnectOptions, Connection, endpoint_towards,
};
use crate::session::{End, Lost, Session, set_site};
use crate::spool::{Bound, Spool, SpoolError};
use crate::status::Status;

/// How an agent streams.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Host and port of the gateway; looked up anew at each attempt.
    pub gateway: String,
    /// The authority that the gateway's certificate must come from, PEM.
    pub authority: String,
    /// Sockets to share; absent: one of its own for each attempt.
    pub endpoint: Option<Endpoint>,
    /// Most scans in a batch. More cost less each, and arrive later.
    pub batch_scans: usize,
    /// How long a scan waits for its batch to fill while others are in flight; with none in flight it
    /// is sent at once.
    pub batch_delay: Duration,
    /// How long an attempt to connect may take, from the name's look-up to the welcome.
    pub connect_timeout: Duration,
}

impl AgentOptions {
    /// The usual options: batches of 500 scans, sent after 200 ms at the latest; ten seconds to connect.
    pub fn new(gateway: impl Into<String>, authority: impl Into<String>) -> Self {
        Self {
            gateway: gateway.into(),
            authority: authority.into(),
            endpoint: None,
            batch_scans: 500,
            batch_delay: Duration::from_millis(200),
            connect_timeout: CONNECT_TIMEOUT,
        }
    }
}

/// Streams a spool to a gateway.
#[derive(Debug)]
pub struct Agent {
    key: KeyFile,
    spool: Arc<Spool>,
    status: Arc<Status>,
    options: AgentOptions,
    config: Mutex<quinn::ClientConfig>,
    tidy_due: Notify,
    /// The sockets of the last attempt, where they are the agent's own.
    endpoint: Mutex<Option<Endpoint>>,
}

impl Agent {
    /// An agent for the device of this key. Scans get in by [`Spool::append`], or [`crate::input`].
    ///
    /// # Errors
    /// The key or the authority is of no use.
    pub fn new(key: KeyFile, spool: Arc<Spool>, options: AgentOptions) -> Result<Self, AgentError> {
        key.signing_key()?;
        let config = Mutex::new(client::client_config(&options.authority)?);
        let status = Status::new(Arc::clone(&spool));
        Ok(Self { key, spool, status, options, config, tidy_due: Notify::new(), endpoint: Mutex::new(None) })
    }

    /// The agent's state, to be shown.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Streams for as long as it is polled; to stop it, drop the future: nothing is lost by that.
    /// Ends only when the gateway refuses this device for good, or the spool is damaged.
    pub async fn run(&self) -> AgentError {
        tokio::select! {
            error = self.stream() => error,
            never = self.keep_tidy() => never,
        }
    }

    /// Waits until everything in the spool is acknowledged; only while [`Agent::run`] runs beside it.
    pub async fn delivered(&self) {
        while !self.spool.is_delivered() {
            sleep(DELIVERED_POLL).await;
        }
    }

    /// Takes leave of the gateway and makes what it acknowledged durable here, once `run` is dropped.
    ///
    /// # Errors
    /// The disk fails; nothing is lost by that.
    pub async fn close(&self) -> Result<(), SpoolError> {
        let endpoint = self.endpoint.lock().take();
        if let Some(endpoint) = endpoint {
            endpoint.close(VarInt::from_u32(0), b"done");
            timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await.ok();
        }
        self.spool.tidy()
    }

    async fn stream(&self) -> AgentError {
        let mut backoff = Backoff::default();
        loop {
            let next = match self.connect().await {
                Ok(connection) => self.session(connection, &mut backoff).await,
                Err(ConnectError::Refused(refusal)) => self.refused(refusal),
                Err(error) => {
                    tracing::debug!(%error, "no session");
                    self.status.set_link_note(Some(error.to_string()));
                    Ok(Next::Soon(Duration::ZERO))
                }
            };
            self.status.set_connected(false);
            let next = match next {
                Ok(next) => next,
                Err(AgentError::Spool(error @ SpoolError::Io { .. })) => self.disk_failed(&error),
                Err(error) => return error,
            };
            sleep(backoff.wait(next)).await;
        }
    }

    async fn connect(&self) -> Result<Connection, ConnectError> {
        let attempt = timeout(self.options.connect_timeout, self.attempt());
        attempt.await.unwrap_or(Err(ConnectError::TimedOut))
    }

    async fn attempt(&self) -> Result<Connection, ConnectError> {
        let mut addresses =
            tokio::net::lookup_host(&self.options.gateway).await.map_err(ConnectError::Address)?;
        let gateway = addresses.next().ok_or(ConnectError::NoAddress)?;
        let endpoint = match &self.options.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => self.own_endpoint(gateway).map_err(ConnectError::Address)?,
        };
        let options = ConnectOptions {
            timeout: self.options.connect_timeout,
            ..ConnectOptions::with_config(endpoint, self.config.lock().clone())
        };
        Connection::connect(&self.key, gateway, &options).await
    }

    /// New sockets for each attempt: networks come and go.
    fn own_endpoint(&self, gateway: SocketAddr) -> std::io::Result<Endpoint> {
        let endpoint = endpoint_towards(gateway)?;
        *self.endpoint.lock() = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Brings the spool in line with the welcome; tells what neither side has any more.
    fn welcomed(&self, connection: &Connection) -> Result<Option<Lost>, SpoolError> {
        let welcome = &connection.welcome;
        // QUIC fixes it when a connection begins, so it holds from the next one on.
        let keep_alive = client::keep_alive(Duration::from_millis(welcome.idle_timeout_ms.into()));
        self.config.lock().transport_config(Arc::new(client::transport(keep_alive)));
        set_site(&self.spool, &welcome.site);
        let durable_seq = welcome.durable_seq;
        let bound = self.spool.bind(durable_seq)?;
        self.tidy_due.notify_one();
        match bound {
            Bound::Resumed => tracing::info!(durable_seq, site = welcome.site, "connected"),
            Bound::First { seq: 1 } => tracing::info!(site = welcome.site, "connected for the first time"),
            Bound::First { seq } => {
                tracing::warn!(seq, "this spool is new, an earlier one is lost: numbering goes on from here");
            }
            Bound::Ahead { unsure } => {
                tracing::error!(
                    durable_seq,
                    unsure,
                    "the gateway has more than this spool numbered: another spool uses this key, or the disk \
                     lost what it had promised to keep; numbering goes on above, and unacknowledged scans \
                     are set aside in unsure.ndjson"
                );
            }
            Bound::Behind => tracing::error!(
                durable_seq,
                "the gateway has less than it acknowledged (restored from a backup?): sending again"
            ),
            Bound::Lost { from_seq, held_seq } => {
                let to_seq = held_seq - 1;
                tracing::error!(
                    from_seq,
                    to_seq,
                    "the gateway lost scans that it had acknowledged (restored from a backup?), and they are no \
                     longer here: they are reported to it as lost; those after them are sent again"
                );
                return Ok(Some(Lost { from_seq, held_seq }));
            }
        }
        Ok(None)
    }

    async fn session(&self, connection: Connection, backoff: &mut Backoff) -> Result<Next, AgentError> {
        let acked_seq = self.spool.stats().acked_seq;
        let lost = self.welcomed(&connection)?;
        if self.spool.stats().acked_seq > acked_seq {
            // The session before got something through, only its acknowledgements were lost.
            *backoff = Backoff::default();
        }
        self.status.set_connected(true);
        if let Some(Lost { from_seq, held_seq }) = lost {
            let note = format!("the gateway lost scans {from_seq} to {}; call its operator", held_seq - 1);
            self.status.set_link_note(Some(note));
        }
        let (device, spool) = (self.key.device, &self.spool);
        let session = Session::new(device, spool, &self.status, &self.options, &self.tidy_due, lost);
        let (end, any_ack) = session.run(connection).await;
        self.status.set_connected(false);
        if any_ack {
            *backoff = Backoff::default();
        }
        match end {
            End::Refused(refusal) => self.refused(refusal),
            End::Spool(error) => Err(error.into()),
            End::Draining(after) => {
                tracing::info!("the gateway is stopping; reconnecting soon");
                Ok(Next::Soon(after))
            }
            End::Lost(error) => {
                tracing::info!(%error, "the session is lost; reconnecting");
                Ok(Next::Soon(Duration::ZERO))
            }
            End::Silent => {
                tracing::warn!("no acknowledgement for a long time; reconnecting");
                Ok(Next::Soon(Duration::ZERO))
            }
        }
    }

    fn refused(&self, refusal: Refusal) -> Result<Next, AgentError> {
        let Refusal { reason, retry_after_ms, detail, .. } = refusal;
        tracing::warn!(reason = reason.as_str(), detail, "the gateway refused");
        self.status.set_link_note(Some(format!("refused: {}", reason.as_str())));
        let after = Duration::from_millis(retry_after_ms.into());
        match reason {
            Reason::UnknownDevice | Reason::RevokedDevice => Err(AgentError::Refused { reason, detail }),
            Reason::Superseded => {
                tracing::error!("another agent uses this device's key; waiting for it to go");
                self.status.set_link_note(Some("another agent uses this device's key".into()));
                Ok(Next::Slowly(MINUTE.max(after)))
            }
            Reason::UnsupportedVersion => Ok(Next::Slowly(HOUR.max(after))),
            Reason::SeqGap | Reason::Busy | Reason::TooSlow | Reason::StorageFull | Reason::Unspecified => {
                Ok(Next::Soon(after))
            }
            // A wrong key, or a fault in this program: the operator was told above.
            _ => Ok(Next::Slowly(MINUTE.max(after))),
        }
    }

    /// A disk that is full now may have space later, and scanning goes on meanwhile.
    fn disk_failed(&self, error: &SpoolError) -> Next {
        tracing::error!(%error, "nothing can be sent; trying again");
        self.status.set_link_note(Some(format!("NOTHING IS SENT: {error}")));
        Next::Soon(Duration::ZERO)
    }

    async fn keep_tidy(&self) -> ! {
        loop {
            tokio::select! {
                () = self.tidy_due.notified() => {}
                () = sleep(TIDY_PERIOD) => {}
            }
            let spool = Arc::clone(&self.spool);
            match tokio::task::spawn_blocking(move || spool.tidy()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the spool cannot be tidied yet");
                    sleep(TIDY_PERIOD).await;
                }
                Err(error) => tracing::error!(%error, "deleting acknowledged scans failed"),
            }
        }
    }
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// After this time at least, and the backoff's.
    Soon(Duration),
    /// About after this time: trying sooner would change nothing, or do harm.
    Slowly(Duration),
}

/// Waits that double from 0.2 s to 30 s, each with chance in it so that devices do not come back
/// together.
#[derive(Debug, Default)]
struct Backoff {
    attempts: u32,
}

impl Backoff {
    fn wait(&mut self, next: Next) -> Duration {
        let doubled = BACKOFF_MIN * 2u32.pow(self.attempts.min(BACKOFF_DOUBLINGS_MAX));
        self.attempts = self.attempts.saturating_add(1);
        match next {
            Next::Soon(advice) => {
                doubled.min(BACKOFF_MAX).mul_f64(rand::random_range(0.5..1.0))
                    + advice.min(ADVICE_MAX).mul_f64(rand::random_range(1.0..2.0))
            }
            Next::Slowly(about) => about.mul_f64(rand::random_range(1.0..1.5)),
        }
    }
}

/// Why an agent stopped. The spool keeps its scans.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Give the agent a good key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Give the agent its gateway's authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Enrol the device again, and use the new key with the same spool's directory moved aside.
    #[error("the gateway refuses this device for good: {} {detail}; the spool is kept", reason.as_str())]
    Refused {
        /// Why.
        reason: Reason,
        /// The gateway's words.
        detail: String,
    },
    /// Do as the spool's error says.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// As PROTOCOL.md says in 6.3.
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// 0.2 s doubled eight times is above 30 s.
const BACKOFF_DOUBLINGS_MAX: u32 = 8;

/// A gateway's advice is heeded up to this.
const ADVICE_MAX: Duration = Duration::from_secs(600);

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// How often the acknowledged seq is made durable when no segment can be deleted.
const TIDY_PERIOD: Duration = Duration::from_secs(5);

/// How long the gateway is given to hear that the session is over.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

const DELIVERED_POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_heed_advice() {
        let mut backoff = Backoff::default();
        let first = backoff.wait(Next::Soon(Duration::ZERO));
        assert!(first >= BACKOFF_MIN / 2 && first < BACKOFF_MIN);
        for _ in 0..100 {
            assert!(backoff.wait(Next::Soon(Duration::ZERO)) < BACKOFF_MAX);
        }
        let advised = backoff.wait(Next::Soon(Duration::from_secs(60)));
        assert!(advised >= Duration::from_secs(75));
        assert!(backoff.wait(Next::Slowly(MINUTE)) >= MINUTE);
    }
}
