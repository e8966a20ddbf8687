//! Administrative trees as data, and search in them as one types.
//!
//! The engine keeps areas as records that were imported; here they become a tree with names and
//! dates, which answers what the pages ask: what lies above and below an area, what it was merged
//! into, and which areas someone means by "p ben nghe q1". Vietnam's trees are built in as a file to
//! import, and nothing else here knows a country but the words for kinds of areas that people type,
//! and the numbers of citizen ids.
//!
//! ```text
//! data/vn.csv.gz -> builtin -> import -> the engine's records
//!                                             |
//!                          Area's, handed in  v
//!                                        Tree (walk order: what is below an area is a range)
//!                                             |
//!                                             v
//!                           what one typed -> Search -> areas, best first
//! ```
//! No disk, socket or clock: whoever asks hands in the date.

mod area;
mod builtin;
pub mod citizen_id;
mod neighbours;
mod search;
mod text;
mod tree;

pub use area::{Area, DateError, parse_date};
pub use builtin::{builtin, builtins};
pub use neighbours::Neighbours;
pub use search::{LIMIT_MAX, Query, Search};
pub use tree::{AreaIndex, NATION, Tree, TreeError};
