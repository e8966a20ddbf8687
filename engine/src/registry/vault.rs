//! What keeps personal data unreadable on disk, and findable all the same.
//!
//! ```text
//! KEYS/index.key      never changes   -> blind indexes: keyed BLAKE3 of a document's number
//! KEYS/master-N.key   the newest wraps -> a data key for each person -> seals what is kept of the person
//! ```
//!
//! - The directory of keys lies outside the data directory: whoever has the data alone, or a backup of
//!   it, reads nothing.
//! - Everything is sealed for its place: moved under another key of the store, it does not open.
//! - A new master key wraps the data keys anew, a few bytes each; what they sealed stays as it is.
//! - A person is forgotten, in backups too, once the person's data key is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::data_dir::write_private;

/// The keys, in memory.
pub(crate) struct Vault {
    dir: PathBuf,
    index: Secret,
    masters: BTreeMap<u32, Secret>,
}

/// A key that wraps or seals; wiped from memory when it goes.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// What stands in place of a document's number in an index: the same for the same, and nothing else told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Blind([u8; 16]);

impl Blind {
    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// A data key as it is kept: which master key wrapped it, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub(crate) master: u32,
    pub(crate) sealed: Vec<u8>,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Put the directory of keys back; without it nobody can read the registry.
    #[error("the keys in {} do not open this registry ({what}); put back the directory of keys that belongs to it, or name it with --keys", .dir.display())]
    Foreign {
        /// The directory of keys.
        dir: PathBuf,
        /// What did not fit.
        what: &'static str,
    },
    /// Restore the file from where copies of the keys are kept.
    #[error("{} is no key file; restore it from a copy", .0.display())]
    Damaged(PathBuf),
    /// Check the file system and its permissions.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What was sealed does not open: damaged, or moved from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unopened;

impl Vault {
    /// Reads the keys of a registry; for a new one, `is_new`, makes those that are missing.
    pub(crate) fn open(dir: &Path, is_new: bool) -> Result<Self, VaultError> {
        let index = dir.join(INDEX_FILE);
        if is_new {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(io_error(dir))?;
            make_missing(dir, INDEX_FILE)?;
            make_missing(dir, &master_file(1))?;
        }
        let foreign = |what| VaultError::Foreign { dir: dir.to_owned(), what };
        if !index.exists() {
            return Err(foreign("index.key is missing"));
        }
        let mut masters = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(io_error(dir))?.flatten() {
            if let Some(number) = master_number(&entry.file_name().to_string_lossy()) {
                masters.insert(number, read_key(&entry.path())?);
            }
        }
        if masters.is_empty() {
            return Err(foreign("there is no master key"));
        }
        Ok(Self { dir: dir.to_owned(), index: read_key(&index)?, masters })
    }

    /// What only these keys make, to be kept in the store: see [`Vault::fits`].
    pub(crate) fn mark(&self, place: &[u8]) -> Vec<u8> {
        let mut mark = self.blind(MARK, MARK).bytes().to_vec();
        self.wrap(&random_key(), place).write(&mut mark);
        mark
    }

    /// Whether the keys are those that made this mark, or came after them.
    pub(crate) fn fits(&self, mark: &[u8], place: &[u8]) -> Result<(), VaultError> {
        let foreign = |what| VaultError::Foreign { dir: self.dir.clone(), what };
        let wrapped = mark.strip_prefix(&self.blind(MARK, MARK).bytes());
        let wrapped = wrapped.and_then(|mut wrapped| Wrapped::take(&mut wrapped));
        let wrapped = wrapped.ok_or_else(|| foreign("index.key is another's"))?;
        self.unwrap(&wrapped, place).map(drop).map_err(|Unopened| {
            foreign("a master key is missing or another's; copies of before `keys rotate` lack the newest")
        })
    }

    /// The blind index of a value of this sort. Sorts never meet.
    pub(crate) fn blind(&self, sort: &str, value: &str) -> Blind {
        let mut hasher = blake3::Hasher::new_keyed(&self.index);
        hasher.update(&(sort.len() as u64).to_le_bytes());
        hasher.update(sort.as_bytes());
        hasher.update(value.as_bytes());
        let mut blind = [0; 16];
        hasher.finalize_xof().fill(&mut blind);
        Blind(blind)
    }

    /// The data key kept at `place`.
    pub(crate) fn unwrap(&self, wrapped: &Wrapped, place: &[u8]) -> Result<Secret, Unopened> {
        let master = self.masters.get(&wrapped.master).ok_or(Unopened)?;
        let opened = Zeroizing::new(open(master, &wrapped.sealed, place)?);
        opened.as_slice().try_into().map(Zeroizing::new).map_err(|_| Unopened)
    }

    /// The same data key under the newest master key; `None` where it is already.
    pub(crate) fn rewrap(&self, wrapped: &Wrapped, place: &[u8]) -> Result<Option<Wrapped>, Unopened> {
        if wrapped.master == self.newest() {
            return Ok(None);
        }
        Ok(Some(self.wrap(&self.unwrap(wrapped, place)?, place)))
    }

    /// Makes a new master key, on disk before it is used, and tells its number.
    pub(crate) fn rotate(&mut self) -> Result<u32, VaultError> {
        let number = self.newest() + 1;
        make_missing(&self.dir, &master_file(number))?;
        self.masters.insert(number, read_key(&self.dir.join(master_file(number)))?);
        Ok(number)
    }

    /// A data key as it is kept at `place`.
    pub(crate) fn wrap(&self, key: &Secret, place: &[u8]) -> Wrapped {
        let number = self.newest();
        Wrapped { master: number, sealed: seal(&self.masters[&number], key.as_slice(), place) }
    }

    fn newest(&self) -> u32 {
        self.masters.keys().next_back().copied().unwrap_or_default()
    }
}

impl Wrapped {
    /// `master u32 | nonce and sealed key`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.master.to_be_bytes());
        out.extend_from_slice(&self.sealed);
    }

    /// Takes it from the front of `bytes`; `None` when they are damaged.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (master, rest) = bytes.split_first_chunk()?;
        let (sealed, rest) = rest.split_at_checked(NONCE_BYTES + KEY_BYTES + SEAL_BYTES)?;
        *bytes = rest;
        Some(Self { master: u32::from_be_bytes(*master), sealed: sealed.to_vec() })
    }
}

/// Seals `plain` for `place`: `nonce | ciphertext and tag`.
pub(crate) fn seal(key: &Secret, plain: &[u8], place: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = random();
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: plain, aad: place };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).expect("texts are far below 256 GB");
    [nonce.as_slice(), &sealed].concat()
}

/// Opens what was sealed for `place`.
pub(crate) fn open(key: &Secret, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, Unopened> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened)?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place }).map_err(|_| Unopened)
}

/// Makes a key file unless it is there; readable to its owner alone, and on disk when this returns.
fn make_missing(dir: &Path, file: &str) -> Result<(), VaultError> {
    let path = dir.join(file);
    if path.exists() {
        return Ok(());
    }
    let text = Zeroizing::new(blake3::Hash::from_bytes(*random_key()).to_hex().to_string() + "\n");
    write_private(dir, &path, text.as_bytes()).map_err(io_error(&path))
}

fn read_key(path: &Path) -> Result<Secret, VaultError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io_error(path))?);
    let key = blake3::Hash::from_hex(text.trim_end()).map_err(|_| VaultError::Damaged(path.to_owned()))?;
    Ok(Zeroizing::new(*key.as_bytes()))
}

fn master_file(number: u32) -> String {
    format!("master-{number:04}.key")
}

fn master_number(file: &str) -> Option<u32> {
    file.strip_prefix("master-")?.strip_suffix(".key")?.parse().ok()
}

pub(crate) fn random_key() -> Secret {
    Zeroizing::new(random())
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

pub(crate) fn io_error(path: &Path) -> impl Fn(io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::Io { path: path.clone(), source }
}

const INDEX_FILE: &str = "index.key";
const MARK: &str = "mark";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The authentication tag.
const SEAL_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let vault = Vault::open(&dir.path().join("keys"), true).expect("new keys");
        (dir, vault)
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let (_dir, vault) = vault();
        let key = random_key();
        let wrapped = vault.wrap(&key, b"person 1");
        let sealed = seal(&key, "Nguyễn Văn An".as_bytes(), b"facts 1");
        assert_eq!(open(&key, &sealed, b"facts 1").as_deref(), Ok("Nguyễn Văn An".as_bytes()));
        assert_eq!(open(&key, &sealed, b"facts 2"), Err(Unopened));
        assert_eq!(vault.unwrap(&wrapped, b"person 2").err(), Some(Unopened));
        assert!(vault.unwrap(&wrapped, b"person 1").is_ok_and(|same| same == key));
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(open(&key, &flipped, b"facts 1"), Err(Unopened), "byte {at}");
        }
        assert_ne!(seal(&key, b"x", b""), seal(&key, b"x", b""), "no two seals are alike");
    }

    #[test]
    fn a_new_master_key_wraps_anew_and_old_ones_still_open() {
        let (_dir, mut vault) = vault();
        let key = random_key();
        let old = vault.wrap(&key, b"p");
        assert_eq!(vault.rewrap(&old, b"p"), Ok(None));
        assert_eq!(vault.rotate().expect("room for a file"), 2);
        let new = vault.rewrap(&old, b"p").expect("it opens").expect("it is old");
        assert_eq!((old.master, new.master), (1, 2));
        let again = Vault::open(&vault.dir, false).expect("the keys are on disk");
        assert!([old, new].iter().all(|wrapped| again.unwrap(wrapped, b"p").is_ok_and(|same| same == key)));
    }

    #[test]
    fn blind_indexes_are_the_same_for_the_same_and_for_nothing_else() {
        let ((_a, one), (_b, other)) = (vault(), vault());
        assert_eq!(one.blind("citizen_id", "001090012345"), one.blind("citizen_id", "001090012345"));
        assert_ne!(one.blind("citizen_id", "001090012345"), one.blind("old_id", "001090012345"));
        assert_ne!(one.blind("ab", "c"), one.blind("a", "bc"));
        assert_ne!(one.blind("citizen_id", "1"), other.blind("citizen_id", "1"), "keys differ");
    }

    #[test]
    fn a_wrapped_key_is_read_back_and_a_damaged_one_is_not() {
        let (_dir, vault) = vault();
        let wrapped = vault.wrap(&random_key(), b"p");
        let mut bytes = Vec::new();
        wrapped.write(&mut bytes);
        bytes.push(9);
        let mut rest = bytes.as_slice();
        assert_eq!(Wrapped::take(&mut rest), Some(wrapped));
        assert_eq!(rest, [9]);
        assert_eq!(Wrapped::take(&mut &bytes[..20]), None);
    }

    #[test]
    fn keys_are_private_and_missing_or_damaged_ones_are_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, vault) = vault();
        let index = vault.dir.join(INDEX_FILE);
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&vault.dir), mode(&index)), (0o700, 0o600));
        fs::write(&index, "abc").expect("a writable file");
        assert!(matches!(Vault::open(&vault.dir, false), Err(VaultError::Damaged(_))));
        fs::remove_file(&index).expect("a file");
        assert!(matches!(Vault::open(&vault.dir, false), Err(VaultError::Foreign { .. })));
    }
}
