//! A nation of simulated sites; a client like any other.
//!
//! ```text
//! cli        the command line
//! nation     the model: areas, sites, people, scans of any day
//! generate   the model's scans as files for import
//! run        load on a running server: send, measure, verify
//! people     declarations and checks on a running server
//! report     what was seen, as text, JSON and a page
//! figures    the project's figures, one scenario after the other
//! ```

pub mod cli;
pub mod figures;
pub mod generate;
pub mod nation;
pub mod people;
pub mod report;
pub mod run;
