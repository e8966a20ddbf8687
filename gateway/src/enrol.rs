//! Enrolment: a new device's key, and the file that carries it to the device.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use truyvet_engine::{CatalogError, Engine};
use truyvet_schemas::TimeMs;
use truyvet_schemas::key_file::KeyFile;

/// What a device must know to trust the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The name in the gateway's certificate.
    pub server_name: String,
    /// Certificate of the development authority; none: the public authorities.
    pub authority: Option<String>,
}

impl Enrolment {
    /// Enrols a device at each site, all or none. The keys are kept nowhere but in the files returned.
    ///
    /// # Errors
    /// A site is unknown, or the store fails.
    pub fn enrol(&self, engine: &Engine, sites: Vec<String>) -> Result<Vec<KeyFile>, CatalogError> {
        let keys: Vec<_> = sites.iter().map(|_| new_key()).collect();
        let devices: Vec<_> =
            sites.into_iter().zip(&keys).map(|(site, key)| (site, key.verifying_key().to_bytes())).collect();
        let records = engine.catalog().add_devices(&devices, TimeMs::now())?;
        let files = records.into_iter().zip(&keys).map(|(record, key)| KeyFile {
            device: record.device,
            site: record.site,
            secret_key: KeyFile::encode_key(key),
            server_name: self.server_name.clone(),
            authority: self.authority.clone(),
        });
        Ok(files.collect())
    }
}

/// A file for a key that is not made yet, so that no device is enrolled whose key has no place.
/// Nobody else can read it, and it goes again unless it is filled.
#[derive(Debug)]
pub struct KeyPlace {
    path: PathBuf,
    file: File,
    is_filled: bool,
}

impl KeyPlace {
    /// Makes the file.
    ///
    /// # Errors
    /// A file is there already, or none can be made there.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { path: path.to_owned(), file, is_filled: false })
    }

    /// Writes the key, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn fill(mut self, key_file: &KeyFile) -> io::Result<()> {
        self.file.write_all(key_file.to_json().as_bytes())?;
        self.file.sync_all()?;
        self.is_filled = true;
        Ok(())
    }
}

impl Drop for KeyPlace {
    fn drop(&mut self) {
        if !self.is_filled {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

fn new_key() -> SigningKey {
    SigningKey::from_bytes(&rand::random())
}

/// The name in the certificate of the development authority.
pub const SERVER_NAME_DEFAULT: &str = "localhost";
