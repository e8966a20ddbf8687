//! Administrative trees that come with the program, as data: facts written by a script from pinned
//! packages (`data/README.md`), in the form that an import takes.

mod builtin;

pub use builtin::{builtin, builtins};
