//! From a device's packets to the engine, and the acknowledgements back.
//!
//! ```text
//! endpoint    UDP sockets and QUIC transport settings
//! secret      keys that outlive a restart
//! admission   who may begin a handshake (pure)
//! door        one address and its admission: devices have one, browsers another
//! quic        the gateway: endpoints, doors and sessions put together; drain
//! connection  one connection: reads, writes and clocks around a session
//! frames      frames put together from a stream's bytes (pure)
//! session     the protocol's states (pure)
//! sessions    the live session of each device
//! submit      a batch's way into the engine, with back-pressure
//! inbox       outcomes and orders on their way back to a session
//! web         one browser's connection: WebTransport, a batch a stream
//! offer       what a page is told, so that its browser can connect
//! posted      batches that come one by one: from there, and over HTTPS
//! own         scans that the server takes itself: of visitors who scan a venue's poster
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
mod door;
mod endpoint;
mod frames;
mod inbox;
mod metrics;
mod offer;
mod own;
mod posted;
mod quic;
mod secret;
mod session;
mod sessions;
mod sink;
mod submit;
mod web;

pub use config::{GatewayConfig, WebListen};
pub use metrics::{Counter, Metrics};
pub use offer::Offer;
pub use own::{OwnScans, Visit, VisitError};
pub use posted::{Delivered, NotTaken, Posted};
pub use quic::{Gateway, GatewayError};
pub use sessions::Sessions;
pub use sink::{BareSink, Devices, ScanSink};
pub use web::{Admits, TICKET_BYTES, WEB_PATH};

#[cfg(test)]
mod tests;
