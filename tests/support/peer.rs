//! A device that can say anything, right or wrong.

use std::net::SocketAddr;

use truyvet_device::client::{ConnectError, ConnectOptions, Connection, endpoint_towards, signed_frame};
use truyvet_schemas::framing::{Cut, cut, prefixed};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::signing::{HelloFacts, sign_hello};
use truyvet_schemas::wire::{BatchFacts, FromGateway, Hello, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

/// A device's key, and where it knocks.
pub(crate) struct Peer {
    pub(crate) key: KeyFile,
    pub(crate) gateway: SocketAddr,
}

impl Peer {
    pub(crate) fn new(key: KeyFile, gateway: SocketAddr) -> Self {
        Self { key, gateway }
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        let authority = self.key.authority.as_ref().unwrap();
        ConnectOptions::new(endpoint_towards(self.gateway).unwrap(), authority).unwrap()
    }

    /// What the hello of this device says now.
    pub(crate) fn facts(&self) -> HelloFacts<'_> {
        let sent_at_ms = TimeMs::now().get();
        HelloFacts { versions: (1, 1), device: self.key.device, sent_at_ms, audience: "localhost" }
    }

    /// The frame of a hello that says this.
    pub(crate) fn hello(&self, facts: HelloFacts<'_>) -> Vec<u8> {
        let signature = sign_hello(&self.key.signing_key().unwrap(), &facts);
        prefixed(&Hello { facts, agent: "peer", signature }.encode())
    }

    /// The frame of a batch, signed with this device's key whatever it says.
    pub(crate) fn frame(&self, batch: &[u8]) -> Vec<u8> {
        signed_frame(&self.key.signing_key().unwrap(), batch).to_vec()
    }

    /// A session as a good device begins it.
    pub(crate) async fn connect(&self) -> Result<Connection, ConnectError> {
        Connection::connect(&self.key, self.gateway, &self.options()).await
    }

    /// A connection with its stream, on which nothing was said yet. Endpoints go with their options.
    pub(crate) async fn open(&self) -> Wire {
        let ConnectOptions { endpoint, config, .. } = self.options();
        let connection = endpoint.connect_with(config, self.gateway, "localhost").unwrap().await.unwrap();
        let (send, recv) = connection.open_bi().await.unwrap();
        Wire { connection, send, recv, heard: Vec::new() }
    }
}

/// A connection whose bytes are in a test's hands.
pub(crate) struct Wire {
    pub(crate) connection: quinn::Connection,
    pub(crate) send: quinn::SendStream,
    recv: quinn::RecvStream,
    heard: Vec<u8>,
}

impl Wire {
    /// The next frame; `None` when the gateway says no more.
    pub(crate) async fn hear(&mut self) -> Option<FromGateway> {
        loop {
            if let Cut::Frame { payload } = cut(&self.heard, FRAME_BYTES_MAX).unwrap() {
                let rest = self.heard.split_off(payload.end);
                let frame = std::mem::replace(&mut self.heard, rest);
                return Some(FromGateway::parse(&frame[payload]).unwrap());
            }
            let chunk = self.recv.read_chunk(4_096, true).await.ok().flatten()?;
            self.heard.extend_from_slice(&chunk.bytes);
        }
    }
}

/// The bytes of a batch.
pub(crate) fn batch(device: u32, site: &str, first_seq: u64, scans: &[Scan]) -> Vec<u8> {
    let facts = BatchFacts { device, site, first_seq, sent_at: TimeMs::now() };
    let (batch, taken) = encode_batch(facts, scans).unwrap();
    assert_eq!(taken, scans.len(), "the scans of a test fit one batch");
    batch
}

pub(crate) fn scan(subject: &str, at_ms: i64) -> Scan {
    let at = TimeMs::new(at_ms);
    Scan { subject: subject.into(), at, direction: Direction::Pass, verdict: Verdict::Passed }
}

/// Longest frame of a gateway.
const FRAME_BYTES_MAX: usize = 64 << 10;
