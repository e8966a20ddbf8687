//! From a device's packets to the engine, and the acknowledgements back.
//!
//! ```text
//! endpoint    UDP sockets and QUIC transport settings
//! secret      keys that outlive a restart
//! admission   who may begin a handshake (pure)
//! quic        the gateway: endpoints, admission and sessions put together; drain
//! connection  one connection: reads, writes and clocks around a session
//! frames      frames put together from a stream's bytes (pure)
//! session     the protocol's states (pure)
//! sessions    the live session of each device
//! submit      a batch's way into the engine, with back-pressure
//! inbox       outcomes and orders on their way back to a session
//! posted      batches that come over HTTP
//! sink        what takes the batches: the engine, or nothing in bare mode
//! ```
//!
//! Nothing here happens once a scan: a frame is read into its own buffer, verified, and handed on
//! without a copy. Everything a peer can fill is bounded: half-open connections and those that wait
//! (admission), unread bytes (QUIC windows), batches in flight of one device (`WINDOW_BYTES`) and of
//! all (`in_flight_bytes_max`), answers not taken (send window, write timeout).

mod admission;
mod config;
mod connection;
mod endpoint;
mod frames;
mod inbox;
mod metrics;
mod posted;
mod quic;
mod secret;
mod session;
mod sessions;
mod sink;
mod submit;

pub use config::GatewayConfig;
pub use metrics::{Counter, Metrics};
pub use posted::{Delivered, NotTaken, Posted};
pub use quic::{Gateway, GatewayError};
pub use sessions::Sessions;
pub use sink::{BareSink, Devices, ScanSink};

#[cfg(test)]
mod tests;
