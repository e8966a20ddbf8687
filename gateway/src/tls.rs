//! The gateway's TLS identity: PEM files of the operator's, or a development authority of its own.
//!
//! ```text
//! DATA/tls/authority.pem  authority.key   made once, ten years; devices trust authority.pem
//! DATA/tls/gateway.pem    gateway.key     signed by it, one year; renewed at a start within 30 days
//!                                         of the end, so devices never need a new file
//! DATA/tls/quic.key       made once; kept, so that a restarted gateway can tell devices that their
//!                         connections are gone (see `ingest/secret.rs`)
//! ```
//!
//! A key is written before its certificate, each whole or not at all: a certificate that is there has
//! its key. TLS 1.3 only, ALPN `truyvet/1`, no client certificates: a device proves itself in its
//! hello. No session tickets: a connection lasts hours, and a full handshake costs less than a
//! millisecond.
//!
//! Browsers are shown the operator's files too, or else certificates of their own kind: `short_lived`.

mod short_lived;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rcgen::{KeyUsagePurpose, date_time_ymd};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use truyvet_schemas::limits::ALPN;

pub use short_lived::{CertificateHash, ShortLived};

/// Certificates and key by which devices know the gateway.
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authority: Option<String>,
    quic_secret: [u8; 32],
}

impl TlsIdentity {
    /// The development identity under `data`; what is missing or runs out is made.
    ///
    /// # Errors
    /// The files cannot be read or written, or are damaged.
    pub fn development(data: &Path) -> Result<Self, TlsError> {
        let folder = Folder::open(data)?;
        let authority = folder.authority()?;
        if !folder.leaf_holds(&authority) {
            folder.make_leaf(&authority)?;
        }
        let identity = Self::from_files(&folder.path(LEAF_PEM), &folder.path(LEAF_KEY))?;
        Ok(Self { authority: Some(authority), quic_secret: folder.quic_secret()?, ..identity })
    }

    /// The operator's own certificate chain and key, PEM.
    ///
    /// # Errors
    /// A file cannot be read, holds no certificate or key, or the two do not belong together.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let (chain_read, key) = (read_chain(chain)?, read_key(key)?);
        let identity = Self { chain: chain_read, key, authority: None, quic_secret: rand::random() };
        identity.server_config().map_err(|source| TlsError::Unusable { path: chain.to_owned(), source })?;
        Ok(identity)
    }

    /// With the QUIC secret kept under `data`, made when it is missing. Without it, devices notice a
    /// restart that was not announced by their idle timeout only.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn with_secret_kept_in(self, data: &Path) -> Result<Self, TlsError> {
        Ok(Self { quic_secret: Folder::open(data)?.quic_secret()?, ..self })
    }

    /// The development authority's certificate, for device key files; `None` with certificates of the
    /// operator's own.
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Whether the gateway's certificate is for this name or address.
    pub fn answers_to(&self, name: &str) -> bool {
        let Ok(name) = ServerName::try_from(name) else {
            return false;
        };
        let leaf = self.chain.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        leaf.is_some_and(|leaf| rustls::client::verify_server_name(&leaf, &name).is_ok())
    }

    /// What outlives this process in the eyes of QUIC peers.
    pub(crate) fn quic_secret(&self) -> &[u8; 32] {
        &self.quic_secret
    }

    pub(crate) fn server_config(&self) -> Result<rustls::ServerConfig, rustls::Error> {
        let config = server_builder()?.with_single_cert(self.chain.clone(), self.key.clone_key())?;
        Ok(finished(config, ALPN))
    }

    /// What browsers are shown instead of this identity's own certificate: `None` where it is the
    /// operator's, which they can check.
    ///
    /// # Errors
    /// A bug, or a machine without randomness.
    pub(crate) fn short_lived(&self) -> Result<Option<Arc<ShortLived>>, TlsError> {
        let is_development = self.authority.is_some();
        is_development.then(|| ShortLived::new(since_epoch()).map(Arc::new)).transpose()
    }

    /// For browsers, with ALPN `alpn`.
    pub(crate) fn web_config(
        &self,
        short_lived: Option<Arc<ShortLived>>,
        alpn: &[u8],
    ) -> Result<rustls::ServerConfig, rustls::Error> {
        let config = match short_lived {
            Some(short_lived) => server_builder()?.with_cert_resolver(short_lived),
            None => server_builder()?.with_single_cert(self.chain.clone(), self.key.clone_key())?,
        };
        Ok(finished(config, alpn))
    }
}

/// The development authority's certificate under `data`, made when it is missing.
///
/// # Errors
/// The files cannot be read or written.
pub fn authority_pem(data: &Path) -> Result<String, TlsError> {
    Folder::open(data)?.authority()
}

/// DATA/tls.
struct Folder(PathBuf);

impl Folder {
    fn open(data: &Path) -> Result<Self, TlsError> {
        let folder = data.join("tls");
        fs::create_dir_all(&folder).map_err(|source| TlsError::Write { path: folder.clone(), source })?;
        Ok(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn authority(&self) -> Result<String, TlsError> {
        let path = self.path(AUTHORITY_PEM);
        match fs::read_to_string(&path) {
            Ok(pem) => Ok(pem),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => self.make_authority(),
            Err(source) => Err(TlsError::Read { path, source }),
        }
    }

    fn make_authority(&self) -> Result<String, TlsError> {
        let key = KeyPair::generate()?;
        let pem = authority_params().self_signed(&key)?.pem();
        self.write(AUTHORITY_KEY, &key.serialize_pem(), SECRET)?;
        self.write(AUTHORITY_PEM, &pem, PUBLIC)?;
        Ok(pem)
    }

    /// Whether the leaf and its key are there, and good for a month more.
    fn leaf_holds(&self, authority: &str) -> bool {
        let holds = || {
            let identity = TlsIdentity::from_files(&self.path(LEAF_PEM), &self.path(LEAF_KEY)).ok()?;
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).ok()?).ok()?;
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
            let (leaf, others) = identity.chain.split_first()?;
            let name = ServerName::try_from(LEAF_NAMES[0]).ok()?;
            let then = UnixTime::since_unix_epoch(since_epoch() + LEAF_RENEWAL);
            verifier.verify_server_cert(leaf, others, &name, &[], then).ok()
        };
        holds().is_some()
    }

    fn make_leaf(&self, authority: &str) -> Result<(), TlsError> {
        let path = self.path(AUTHORITY_KEY);
        let authority_key =
            fs::read_to_string(&path).map_err(|source| TlsError::Read { path: path.clone(), source })?;
        let authority_key = KeyPair::from_pem(&authority_key).map_err(|_| TlsError::NoKey { path })?;
        let issuer = Issuer::new(authority_params(), authority_key);
        let key = KeyPair::generate()?;
        let leaf = leaf_params()?.signed_by(&key, &issuer)?;
        self.write(LEAF_KEY, &key.serialize_pem(), SECRET)?;
        self.write(LEAF_PEM, &leaf.pem(), PUBLIC)?;
        if self.leaf_holds(authority) {
            return Ok(());
        }
        Err(TlsError::Disagree { folder: self.0.clone() })
    }

    /// A damaged one is made anew: it costs devices one idle timeout.
    fn quic_secret(&self) -> Result<[u8; 32], TlsError> {
        let path = self.path(QUIC_KEY);
        let text = match fs::read_to_string(&path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|source| TlsError::Read { path, source })?,
        };
        if let Some(secret) = BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()) {
            return Ok(secret);
        }
        let secret: [u8; 32] = rand::random();
        self.write(QUIC_KEY, &(BASE64.encode(secret) + "\n"), SECRET)?;
        Ok(secret)
    }

    /// Whole or not at all, and durable.
    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), TlsError> {
        let path = self.path(name);
        let new = self.path(&format!("{name}.new"));
        let written = || {
            fs::remove_file(&new).or_else(|e| match e.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(e),
            })?;
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            fs::File::open(&self.0)?.sync_all()
        };
        written().map_err(|source| TlsError::Write { path: path.clone(), source })
    }
}

/// Why there is no TLS identity.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Check that the file is there and readable to the gateway's user.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Make the data directory writable to the gateway's user, and see that it has space.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Give a PEM file with the certificate chain, the gateway's own first.
    #[error("{} holds no PEM certificate", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// Give a PEM file with one unencrypted private key (PKCS#8, SEC1 or PKCS#1).
    #[error("{} holds no PEM private key that can be used", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// Give the key that the certificate was made for.
    #[error("the certificate in {} cannot be used with the key given: {source}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
    /// Restore the two files of the authority from one backup, or remove the folder: then a new
    /// authority is made, and every device needs a new key file.
    #[error("authority.pem and authority.key in {} do not belong together, or have run out", folder.display())]
    Disagree {
        /// Which folder.
        folder: PathBuf,
    },
    /// A bug, or a machine without randomness.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// A bug.
    #[error("cannot use the certificate made for browsers: {0}")]
    ShortLived(rustls::Error),
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| TlsError::NoCertificate { path: path.to_owned() })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoKey { path: path.to_owned() })
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Truyvet development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch().saturating_sub(CLOCK_SLACK);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch() + AUTHORITY_LIFE;
    params
}

fn leaf_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(LEAF_NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "Truyvet gateway");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch().saturating_sub(CLOCK_SLACK);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch() + LEAF_LIFE;
    Ok(params)
}

fn server_builder()
-> Result<rustls::ConfigBuilder<rustls::ServerConfig, rustls::server::WantsServerCert>, rustls::Error> {
    let builder = rustls::ServerConfig::builder_with_provider(provider());
    Ok(builder.with_protocol_versions(&[&rustls::version::TLS13])?.with_no_client_auth())
}

fn finished(mut config: rustls::ServerConfig, alpn: &[u8]) -> rustls::ServerConfig {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.send_tls13_tickets = 0;
    config
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

const AUTHORITY_PEM: &str = "authority.pem";
const AUTHORITY_KEY: &str = "authority.key";
const LEAF_PEM: &str = "gateway.pem";
const LEAF_KEY: &str = "gateway.key";
const QUIC_KEY: &str = "quic.key";
const LEAF_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3_653);
const LEAF_LIFE: Duration = DAY.saturating_mul(365);
const LEAF_RENEWAL: Duration = DAY.saturating_mul(30);
/// A device's clock may be behind by this much and still take the certificate.
const CLOCK_SLACK: Duration = DAY;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join("tls").join(name)).expect("the file is there")
    }

    #[test]
    fn the_development_identity_is_made_once() {
        let data = tempfile::tempdir().expect("a directory");
        let first = TlsIdentity::development(data.path()).expect("made");
        let leaf = read(data.path(), LEAF_PEM);
        let second = TlsIdentity::development(data.path()).expect("read");
        assert_eq!(first.authority_pem(), second.authority_pem());
        assert_eq!(leaf, read(data.path(), LEAF_PEM));
        assert_eq!(first.quic_secret(), second.quic_secret());
        for key in [AUTHORITY_KEY, LEAF_KEY, QUIC_KEY] {
            let mode = fs::metadata(data.path().join("tls").join(key)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn the_development_identity_answers_to_loopback_alone() {
        let data = tempfile::tempdir().expect("a directory");
        let identity = TlsIdentity::development(data.path()).expect("made");
        assert!(["localhost", "127.0.0.1", "::1"].iter().all(|name| identity.answers_to(name)));
        assert!(!["", "example.org", "127.0.0.2", "not a name"].iter().any(|name| identity.answers_to(name)));
    }

    #[test]
    fn a_damaged_leaf_is_made_anew_under_the_same_authority() {
        let data = tempfile::tempdir().expect("a directory");
        let authority = authority_pem(data.path()).expect("made");
        TlsIdentity::development(data.path()).expect("made");
        fs::write(data.path().join("tls").join(LEAF_PEM), "nothing").expect("written");
        let identity = TlsIdentity::development(data.path()).expect("made anew");
        assert_eq!(identity.authority_pem(), Some(authority.as_str()));
        assert!(identity.answers_to("localhost"));
    }

    #[test]
    fn the_quic_secret_is_kept_for_certificates_of_the_operators_own_and_made_anew_when_damaged() {
        let data = tempfile::tempdir().expect("a directory");
        let made = TlsIdentity::development(data.path()).expect("made");
        let of = |name: &str| data.path().join("tls").join(name);
        let own = TlsIdentity::from_files(&of(LEAF_PEM), &of(LEAF_KEY)).expect("read");
        assert_ne!(made.quic_secret(), own.quic_secret());
        let own = own.with_secret_kept_in(data.path()).expect("read");
        assert_eq!(made.quic_secret(), own.quic_secret());
        fs::write(of(QUIC_KEY), "c2hvcnQ=").expect("written");
        let anew = TlsIdentity::development(data.path()).expect("made anew");
        assert_ne!(made.quic_secret(), anew.quic_secret());
    }

    #[test]
    fn files_that_do_not_belong_together_are_told() {
        let (a, b) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        TlsIdentity::development(a.path()).expect("made");
        TlsIdentity::development(b.path()).expect("made");
        let of = |data: &tempfile::TempDir, name: &str| data.path().join("tls").join(name);
        let mixed = TlsIdentity::from_files(&of(&a, LEAF_PEM), &of(&b, LEAF_KEY));
        assert!(matches!(mixed, Err(TlsError::Unusable { .. })));
        let swapped = TlsIdentity::from_files(&of(&a, LEAF_KEY), &of(&a, LEAF_KEY));
        assert!(matches!(swapped, Err(TlsError::NoCertificate { .. })));
        fs::copy(of(&b, AUTHORITY_KEY), of(&a, AUTHORITY_KEY)).expect("copied");
        fs::remove_file(of(&a, LEAF_PEM)).expect("removed");
        assert!(matches!(TlsIdentity::development(a.path()), Err(TlsError::Disagree { .. })));
    }
}
