//! The agent's state, for a line on a terminal, a log, or a file.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

use crate::spool::Spool;

/// What the parts of an agent tell; shared by all of them.
#[derive(Debug)]
pub struct Status {
    spool: Arc<Spool>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connected: bool,
    /// Since when it has been connected, or not.
    since: Instant,
    last_ack: Option<Instant>,
    in_flight: u64,
    refused: u64,
    bad_lines: u64,
    /// What the connection suffers from.
    link_note: Option<String>,
    /// What the input suffers from.
    input_note: Option<String>,
}

/// The state at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether a session is up.
    pub connected: bool,
    /// Seconds since it went up or down.
    pub since_s: u64,
    /// Scans not yet acknowledged.
    pub spooled: u64,
    /// Scans of these that are on their way.
    pub in_flight: u64,
    /// The last acknowledged seq.
    pub acknowledged_seq: u64,
    /// The last seq given out.
    pub numbered_seq: u64,
    /// Scans refused by the gateway since the start.
    pub refused: u64,
    /// Lines of input that were no scans, since the start.
    pub bad_lines: u64,
    /// Seconds since the last acknowledgement.
    pub last_ack_age_s: Option<u64>,
    /// Bytes of the spool.
    pub spool_bytes: u64,
    /// What someone should look after.
    pub notes: Vec<String>,
}

impl Status {
    /// The status of an agent with this spool.
    pub fn new(spool: Arc<Spool>) -> Arc<Self> {
        let state = State {
            connected: false,
            since: Instant::now(),
            last_ack: None,
            in_flight: 0,
            refused: 0,
            bad_lines: 0,
            link_note: None,
            input_note: None,
        };
        Arc::new(Self { spool, state: Mutex::new(state) })
    }

    /// The state now.
    pub fn report(&self) -> Report {
        let spool = self.spool.stats();
        let state = self.state.lock();
        Report {
            connected: state.connected,
            since_s: state.since.elapsed().as_secs(),
            spooled: spool.waiting,
            in_flight: state.in_flight,
            acknowledged_seq: spool.acked_seq,
            numbered_seq: spool.numbered_seq,
            refused: state.refused,
            bad_lines: state.bad_lines,
            last_ack_age_s: state.last_ack.map(|at| at.elapsed().as_secs()),
            spool_bytes: spool.bytes,
            notes: state.link_note.iter().chain(&state.input_note).cloned().collect(),
        }
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        let mut state = self.state.lock();
        if state.connected != connected {
            state.connected = connected;
            state.since = Instant::now();
        }
        if connected {
            state.link_note = None;
        } else {
            state.in_flight = 0;
        }
    }

    pub(crate) fn set_link_note(&self, note: Option<String>) {
        self.state.lock().link_note = note;
    }

    pub(crate) fn set_input_note(&self, note: Option<String>) {
        self.state.lock().input_note = note;
    }

    pub(crate) fn set_in_flight(&self, scans: u64) {
        self.state.lock().in_flight = scans;
    }

    pub(crate) fn acknowledged(&self) {
        self.state.lock().last_ack = Some(Instant::now());
    }

    pub(crate) fn add_refused(&self, scans: u64) {
        self.state.lock().refused += scans;
    }

    pub(crate) fn add_bad_line(&self) {
        self.state.lock().bad_lines += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.connected { "connected" } else { "offline" };
        write!(
            f,
            "{word} {} s | spooled {} | in flight {} | acknowledged to {} | refused {} | bad lines {}",
            self.since_s, self.spooled, self.in_flight, self.acknowledged_seq, self.refused, self.bad_lines
        )?;
        match self.last_ack_age_s {
            Some(age) => write!(f, " | last ack {age} s ago")?,
            None => write!(f, " | no ack yet")?,
        }
        self.notes.iter().try_for_each(|note| write!(f, " | {note}"))
    }
}
