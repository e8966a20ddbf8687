//! Readers that others wrote read what is drawn here: rqrr, and zbar where `zbarimg` is there.
//!
//! ```text
//! token -> QrCode -> png -> Grey -- degraded --> rqrr, zbarimg -> the same token
//! ```

mod degrade;
mod degraded_codes;
mod grey;
mod plain_codes;
mod printed_sheets;
mod readers;
mod tokens;
