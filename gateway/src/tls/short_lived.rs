//! Certificates for browsers that trust no authority of ours: each holds 13 days, and is known by its
//! digest, which the page learns from its own server.
//!
//! Browsers take a certificate by its digest (`serverCertificateHashes`) only where its key is ECDSA P-256
//! and it holds for 14 days at most. So one is made at each start, and others while the server runs:
//!
//! ```text
//! day  0          6 + 15 min                     12
//!      |  shown   |                              | would run out
//!      made       6: the next is made and listed
//!                 |  the next is shown; the one before stays listed until there is another
//! ```
//!
//! The next one is listed a while before it is shown, so that what a page was told still fits when it
//! connects. Nothing is on disk, and no timer runs: whoever asks moves the certificates on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

use super::{DAY, LEAF_NAMES, TlsError, provider, since_epoch};

/// SHA-256 of a certificate's DER.
pub type CertificateHash = [u8; 32];

/// The certificate that is shown now, and the one before or after it. Times are since 1970.
pub struct ShortLived(Mutex<Leaves>);

struct Leaves {
    shown: Leaf,
    next: Option<Leaf>,
    before: Option<CertificateHash>,
}

struct Leaf {
    certified: Arc<CertifiedKey>,
    hash: CertificateHash,
    made_at: Duration,
}

impl ShortLived {
    pub(super) fn new(now: Duration) -> Result<Self, TlsError> {
        Ok(Self(Mutex::new(Leaves { shown: Leaf::make(now)?, next: None, before: None })))
    }

    /// The digests of every certificate that may be shown to somebody who connects soon.
    pub(crate) fn hashes(&self) -> Vec<CertificateHash> {
        self.hashes_at(since_epoch())
    }

    fn hashes_at(&self, now: Duration) -> Vec<CertificateHash> {
        let mut leaves = self.0.lock();
        leaves.move_on(now);
        let next = leaves.next.as_ref().map(|leaf| leaf.hash);
        [Some(leaves.shown.hash), next, leaves.before].into_iter().flatten().collect()
    }

    fn shown_at(&self, now: Duration) -> Arc<CertifiedKey> {
        let mut leaves = self.0.lock();
        leaves.move_on(now);
        Arc::clone(&leaves.shown.certified)
    }
}

impl Leaves {
    fn move_on(&mut self, now: Duration) {
        if self.next.is_none() && !self.shown.is_good(now, RENEWED_AFTER) {
            // Without a new one the old one goes on, as long as it holds.
            match Leaf::make(now) {
                Ok(leaf) => self.next = Some(leaf),
                Err(error) => tracing::error!(%error, "no new certificate for browsers"),
            }
        }
        let is_due = |next: &mut Leaf| {
            !next.is_good(now, LISTED_BEFORE_SHOWN) || !self.shown.is_good(now, SHOWN_AT_MOST)
        };
        if let Some(next) = self.next.take_if(is_due) {
            self.before = Some(self.shown.hash);
            self.shown = next;
        }
    }
}

impl Leaf {
    fn make(now: Duration) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let certificate = params(now)?.self_signed(&key)?;
        let der = certificate.der().clone();
        let hash = Sha256::digest(&der).into();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let certified = CertifiedKey::from_der(vec![der], key, &provider()).map_err(TlsError::ShortLived)?;
        Ok(Self { certified: Arc::new(certified), hash, made_at: now })
    }

    /// Whether it is younger than `age_max`; one that a clock has left in the future is not.
    fn is_good(&self, now: Duration, age_max: Duration) -> bool {
        now.checked_sub(self.made_at).is_some_and(|age| age < age_max)
    }
}

impl ResolvesServerCert for ShortLived {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown_at(since_epoch()))
    }
}

impl fmt::Debug for ShortLived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLived").finish_non_exhaustive()
    }
}

fn params(now: Duration) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(LEAF_NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "Truyvet gateway for browsers");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(1970, 1, 1) + now.saturating_sub(CLOCK_SLACK);
    params.not_after = date_time_ymd(1970, 1, 1) + now + HOLDS;
    Ok(params)
}

/// A phone's clock may be behind by this much and still take the certificate.
const CLOCK_SLACK: Duration = DAY;
const HOLDS: Duration = DAY.saturating_mul(12);
const RENEWED_AFTER: Duration = DAY.saturating_mul(6);
/// Longer than a page waits between what it is told and its connection.
const LISTED_BEFORE_SHOWN: Duration = Duration::from_secs(15 * 60);
/// Shown no longer, whoever was told of it: nobody has asked for days.
const SHOWN_AT_MOST: Duration = DAY.saturating_mul(11);

const _: () =
    assert!(CLOCK_SLACK.as_secs() + HOLDS.as_secs() < 14 * DAY.as_secs(), "browsers take no longer");

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Duration = DAY.saturating_mul(20_000);

    fn day(days: u32) -> Duration {
        BEGIN + DAY * days
    }

    fn shown(certificates: &ShortLived, now: Duration) -> CertificateHash {
        Sha256::digest(&certificates.shown_at(now).cert[0]).into()
    }

    #[test]
    fn what_a_page_is_told_fits_what_is_shown_for_a_quarter_of_an_hour_on_each_day_of_a_year() {
        let certificates = ShortLived::new(BEGIN).expect("made");
        let (mut seen, mut now) = (std::collections::BTreeSet::new(), BEGIN);
        while now < day(365) {
            let told = certificates.hashes_at(now);
            assert!(told.len() <= 3);
            for later_s in [0, 1, 60, 14 * 60] {
                assert!(told.contains(&shown(&certificates, now + Duration::from_secs(later_s))));
            }
            seen.insert(shown(&certificates, now));
            now += Duration::from_secs(5 * 60 * 60);
        }
        assert!((55..=65).contains(&seen.len()), "each is shown for about six days: {}", seen.len());
    }

    #[test]
    fn nobody_is_shown_a_certificate_that_has_run_out_however_long_nobody_asked() {
        let certificates = ShortLived::new(BEGIN).expect("made");
        let first = shown(&certificates, day(5));
        assert_eq!(first, shown(&certificates, BEGIN), "in the middle of its life");
        assert_ne!(first, shown(&certificates, day(100)), "months later");
        let late = shown(&certificates, day(100));
        assert_ne!(late, shown(&certificates, day(50)), "the clock was set back: it would not hold yet");
    }

    #[test]
    fn the_one_before_stays_listed_until_there_is_another() {
        let certificates = ShortLived::new(BEGIN).expect("made");
        let first = shown(&certificates, BEGIN);
        assert_eq!(certificates.hashes_at(day(6)).len(), 2, "the next is listed");
        assert_eq!(shown(&certificates, day(6)), first, "and not yet shown");
        let second = shown(&certificates, day(7));
        assert_ne!(first, second);
        assert_eq!(certificates.hashes_at(day(8)), [second, first]);
    }
}
