//! Bytes in, answers out: the QUIC gateway, the HTTP front end and the command line.
//!
//! ```text
//! cli       the command line: what is asked, and how it is shown
//! config    the one configuration file
//! server    everything put together and taken apart again
//! tls       the gateway's identity
//! enrol     new devices' keys
//! ingest    from a device's packets to the engine
//! import    files into the engine
//! backup    the whole server, copied
//! paper     tables of declarations that officials send
//! people    who may do what, declarations, passes
//! http      questions and operation
//! question  a question from its parameters
//! sheet     an answer as table, CSV or Parquet
//! ```

pub mod backup;
pub mod cli;
pub mod config;
pub mod enrol;
pub mod http;
pub mod import;
pub mod ingest;
pub mod paper;
pub mod people;
pub mod question;
pub mod server;
pub mod sheet;
pub mod tls;
