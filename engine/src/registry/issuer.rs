//! The keys that sign passes.
//!
//! ```text
//! KEYS/pass-00001.key   {"from": unix ms, "seed": hexadecimal}    the newest signs
//! ```
//! A new key signs from now on; those before stay, since passes that they signed are still about.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{Pass, PassKey, issue};
use zeroize::Zeroizing;

use super::vault::{VaultError, io_error, random_key};
use crate::data_dir::write_private;

/// Signs passes, and tells the public keys.
pub struct Issuer {
    dir: PathBuf,
    keys: RwLock<BTreeMap<u16, Key>>,
}

struct Key {
    from: TimeMs,
    signing: SigningKey,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    from: i64,
    seed: String,
}

impl Issuer {
    /// Reads the keys in `dir`, or makes the first.
    ///
    /// # Errors
    /// A key file is damaged, or cannot be read or written.
    pub fn open(dir: &Path) -> Result<Self, VaultError> {
        let mut keys = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(io_error(dir))?.flatten() {
            if let Some(number) = number_of(&entry.file_name().to_string_lossy()) {
                keys.insert(number, read(&entry.path())?);
            }
        }
        let issuer = Self { dir: dir.to_owned(), keys: RwLock::default() };
        if keys.is_empty() {
            // Passes may be dated some minutes back by a clock that is set right later.
            issuer.add(&mut keys, TimeMs::new(0))?;
        }
        *issuer.keys.write() = keys;
        Ok(issuer)
    }

    /// A pass as a token, signed with the key of its time, whose number takes the place of the pass's: the
    /// same pass gives the same token, also after the keys were changed.
    pub fn issue(&self, pass: &Pass) -> String {
        let keys = self.keys.read();
        let issued = pass.issued.time();
        let of_its_time = keys.iter().rfind(|(_, key)| key.from <= issued).or(keys.first_key_value());
        let (number, key) = of_its_time.expect("there is one from the start");
        issue(&key.signing, &Pass { key_id: *number, ..*pass })
    }

    /// All public keys, with the time that each signs in.
    pub fn public(&self) -> Vec<PassKey> {
        let keys = self.keys.read();
        let after = |number: u16| keys.range(number + 1..).next().map(|(_, next)| next.from);
        let public = |(number, key): (&u16, &Key)| PassKey {
            id: *number,
            key: key.signing.verifying_key(),
            from: key.from,
            until: after(*number),
        };
        keys.iter().map(public).collect()
    }

    /// Makes a new key that signs passes from `from` on, and tells its number. Readers must have the time to
    /// fetch it before. A key that was made and does not sign at `now` yet is the new one: asking twice makes
    /// one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn rotate(&self, now: TimeMs, from: TimeMs) -> Result<u16, VaultError> {
        let mut keys = self.keys.write();
        let waiting = keys.last_key_value().filter(|(_, key)| key.from > now);
        if let Some((number, _)) = waiting {
            return Ok(*number);
        }
        // Passes are dated in whole seconds: the key before signs those of the second that has begun.
        self.add(&mut keys, TimeMs::new((from.get().div_euclid(1_000) + 1) * 1_000))
    }

    fn add(&self, keys: &mut BTreeMap<u16, Key>, from: TimeMs) -> Result<u16, VaultError> {
        let number = keys.keys().next_back().map_or(1, |last| last + 1);
        let path = self.dir.join(format!("pass-{number:05}.key"));
        let seed = random_key();
        let file = KeyFile { from: from.get(), seed: data_encoding::HEXLOWER.encode(&*seed) };
        let text = Zeroizing::new(crate::catalog::json(&file));
        write_private(&self.dir, &path, &text).map_err(io_error(&path))?;
        keys.insert(number, Key { from, signing: SigningKey::from_bytes(&seed) });
        Ok(number)
    }
}

fn read(path: &Path) -> Result<Key, VaultError> {
    let damaged = || VaultError::Damaged(path.to_owned());
    let text = Zeroizing::new(std::fs::read(path).map_err(io_error(path))?);
    let file: KeyFile = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let seed = Zeroizing::new(data_encoding::HEXLOWER.decode(file.seed.as_bytes()).map_err(|_| damaged())?);
    let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| damaged())?;
    Ok(Key { from: TimeMs::new(file.from), signing: SigningKey::from_bytes(seed) })
}

fn number_of(file: &str) -> Option<u16> {
    file.strip_prefix("pass-")?.strip_suffix(".key")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use truyvet_schemas::pass::{PassFlags, PassId, SubjectCode, UnixSeconds, read};

    use super::*;

    fn pass(issued_s: u32) -> Pass {
        Pass {
            key_id: 0,
            id: PassId::new(7),
            subject: SubjectCode::new([1; 10]),
            issued: UnixSeconds::new(issued_s),
            valid_until: UnixSeconds::new(issued_s + 100),
            flags: PassFlags::default(),
            home: None,
            destination: None,
        }
    }

    #[test]
    fn passes_of_every_key_stay_good_after_it_was_replaced() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let issuer = Issuer::open(dir.path()).expect("a first key");
        let old = issuer.issue(&pass(1_000));
        let rotated = || issuer.rotate(TimeMs::new(1_999_000), TimeMs::new(2_000_500));
        assert_eq!(rotated().expect("room for a file"), 2);
        assert_eq!(rotated().expect("made before"), 2, "asking twice makes one");
        let same_second = issuer.issue(&pass(2_000));
        let new = issuer.issue(&pass(2_001));
        let keys = Issuer::open(dir.path()).expect("both keys").public();
        let good = |token: &str, at: i64| {
            read(token)
                .expect("a token")
                .verify(&keys, TimeMs::new(at), Duration::ZERO)
                .map(|pass| pass.key_id)
        };
        assert_eq!(
            (good(&old, 1_050_000), good(&same_second, 2_050_000), good(&new, 2_050_000)),
            (Ok(1), Ok(1), Ok(2))
        );
        assert_eq!(issuer.issue(&pass(1_000)), old, "made anew it is the same");
        // The old key signs no more: what it signs later is a stolen key's.
        let stolen = SigningKey::from_bytes(&issuer.keys.read()[&1].signing.to_bytes());
        let forged = issue(&stolen, &Pass { key_id: 1, ..pass(3_000) });
        assert!(good(&forged, 3_050_000).is_err());
    }
}
