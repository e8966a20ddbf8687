//! Trees that come with the program, as files in the format of an import.
//!
//! `data/README.md` says what they hold, from where, and how they are written anew.

use std::io::Read;

use flate2::read::GzDecoder;

/// The names that [`builtin`] knows.
pub fn builtins() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _)| *name)
}

/// The file of that name, decompressed as it is read: CSV with the header
/// `area,parent,name,kind,valid_from,valid_to,merged_into`. None: there is no such tree.
pub fn builtin(name: &str) -> Option<impl Read + use<>> {
    let (_, compressed) = BUILTINS.iter().find(|(known, _)| *known == name)?;
    Some(GzDecoder::new(*compressed))
}

const BUILTINS: [(&str, &[u8]); 1] = [("vn", include_bytes!("../data/vn.csv.gz"))];
