//! Passes as pictures: QR codes as SVG and PNG, sheets to print.
//!
//! The token of a pass becomes a QR code as `schemas/PASS.md` section 7 has it; the code is shown on a
//! screen, downloaded as a picture, or printed with what people read beside it.
//!
//! ```text
//! token, or an address that a camera opens -> QrCode -> svg, png
//!            |
//!            + heading, number, fields -> Card -> pages of A4, one card or eight on each
//! ```
//! - Codes are black on white whatever the page around them looks like.
//! - Texts are the caller's, in any script and of any length: a card shortens what does not fit.
//! - No disk, clock or network. What is drawn depends on what is handed in alone.

mod code;
mod picture;
mod sheet;
mod xml;

pub use code::{ADDRESS_BYTES_MAX, MODULES, QUIET_MODULES, QrCode, TEXT_CHARS_MAX, TextError};
pub use picture::{PIXELS_PER_MODULE_MAX, ScaleError};
pub use sheet::{Card, Field, Format, pages};
