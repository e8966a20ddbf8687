//! The words that every part of Truyvet shares: ids, times, scans, and the wire between a device
//! and a gateway.
//!
//! ```text
//! ids, time, scan   what a scan is made of
//! checking          what is wrong with a field that was filled in
//! person            names, documents, residences
//! declaration       what is stated before travelling
//! quarantine        what a quarantine order says, and what is written in its diary
//! vehicle           what a vehicle and those aboard state, and what is checked at the depot
//! arrival           what is stated of who crosses the border; countries as documents name them
//! spelling          one name in several spellings
//! limits            how large anything on the wire may be
//! wire              frames as FlatBuffers; the only user of `generated`
//! framing           frames cut out of a stream of bytes
//! signing           what devices and the issuer of passes sign, and how it is checked
//! pass              the token that a QR code carries; the texts of its number and its subject
//! key_file          what a device needs to reach its gateway
//! ```

pub mod arrival;
pub mod checking;
pub mod countries;
pub mod declaration;
pub mod framing;
pub mod ids;
pub mod key_file;
pub mod limits;
pub mod pass;
pub mod person;
pub mod quarantine;
pub mod scan;
pub mod signing;
pub mod spelling;
pub mod time;
pub mod vehicle;
pub mod wire;

#[allow(
    warnings,
    clippy::all,
    clippy::unwrap_used,
    unsafe_code,
    reason = "generated code is not ours to lint"
)]
mod generated;

pub use ids::{AreaId, DeviceId, SiteId, SubjectId};
pub use scan::{CodeError, Direction, Scan, Verdict, check_code};
pub use time::TimeMs;
/// What describes words to other programs; whoever has words of its own describes them with the same.
pub use utoipa;
