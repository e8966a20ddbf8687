//! What the registry keeps, and how it lies on disk: what is open as JSON, what is personal sealed.
//!
//! ```text
//! person        wrapped data key | sealed (person, JSON)
//! declaration   length of the open part u32 | open part, JSON | sealed (declaration, JSON)
//! pass          JSON; tells nothing of its holder but the pseudonym
//! vehicle       wrapped data key | sealed (vehicle, JSON)
//! trip          length of the open part u32 | open part, JSON | sealed (what was declared and decided, JSON)
//! manifest      length of the open part u32 | open part, JSON | sealed (who is aboard, JSON)
//! order         length of the open part u32 | open part, JSON | sealed (where, where else, why, JSON)
//! diary entry   length of the open part u32 | open part, JSON | sealed (the entry, JSON)
//! crossing      sealed (crossing, JSON)
//! ```

use serde::{Deserialize, Serialize};
use truyvet_schemas::pass::{PassId, SubjectCode};

use super::vault::Wrapped;

/// How far a declaration was compared with something that knows better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclarationState {
    /// The population register, or an officer with the document in hand, found it as declared.
    Verified,
    /// Not compared yet, or it did not agree.
    Unverified,
}

impl DeclarationState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
        }
    }
}

/// A declaration without what is personal in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclarationRecord {
    /// Its number, larger than that of all before; its upper 44 bits are about the time, unix milliseconds.
    pub declaration: u64,
    /// Code of who declares.
    #[serde(with = "text")]
    pub subject: SubjectCode,
    /// When it was made, unix milliseconds.
    pub made_at: i64,
    /// How far it was compared.
    pub state: DeclarationState,
    /// The pass that was issued for it.
    #[serde(with = "text")]
    pub pass: PassId,
    /// Blind index of the phone that it was made with, hexadecimal.
    pub phone: String,
}

/// A pass as it was issued, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassRecord {
    /// Its number.
    #[serde(with = "text")]
    pub pass: PassId,
    /// Code of its holder.
    #[serde(with = "text")]
    pub subject: SubjectCode,
    /// The declaration that it was issued for; of a vehicle, the trip.
    pub declaration: u64,
    /// Whether it is a vehicle's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_vehicle: bool,
    /// Unix seconds.
    pub issued_s: u32,
    /// Unix seconds; no longer valid at it.
    pub valid_until_s: u32,
    /// Whether the declaration was found to be right when the pass was issued; of a vehicle, whether it was
    /// sealed at its depot since.
    pub is_registered: bool,
    /// When and why it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

/// When and why a pass was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Unix milliseconds.
    pub at: i64,
    /// A word, such as `case`; no text about the person.
    pub reason: String,
}

/// `wrapped data key | sealed facts` in two.
pub(crate) fn split_person(bytes: &[u8]) -> Option<(Wrapped, &[u8])> {
    let mut rest = bytes;
    let wrapped = Wrapped::take(&mut rest)?;
    Some((wrapped, rest))
}

pub(crate) fn join_person(wrapped: &Wrapped, sealed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(80 + sealed.len());
    wrapped.write(&mut bytes);
    bytes.extend_from_slice(sealed);
    bytes
}

pub(crate) fn split_declaration(bytes: &[u8]) -> Option<(DeclarationRecord, &[u8])> {
    split(bytes)
}

pub(crate) fn join_declaration(record: &DeclarationRecord, sealed: &[u8]) -> Vec<u8> {
    join(record, sealed)
}

/// `length | open part | sealed part` in two.
pub(crate) fn split<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (open, sealed) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((serde_json::from_slice(open).ok()?, sealed))
}

pub(crate) fn join(open: &impl Serialize, sealed: &[u8]) -> Vec<u8> {
    let open = crate::catalog::json(open);
    let length = u32::try_from(open.len()).expect("a few kilobytes at most");
    [length.to_be_bytes().as_slice(), &open, sealed].concat()
}

/// Values as people read them.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Lists of such values.
pub(crate) mod texts {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<T: Display, S: Serializer>(values: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
