//! What a page is told, so that its browser can connect: an origin, and digests of certificates.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::tls::{CertificateHash, ShortLived, TlsIdentity};

/// The address for browsers, and what is shown there.
pub struct Offer {
    pub(super) address: SocketAddr,
    /// `None`: the operator's own certificate.
    pub(super) short_lived: Option<Arc<ShortLived>>,
}

impl Offer {
    /// `https://NAME:PORT` for a page that was asked for with this header `host`. `None` where its browser
    /// could not connect, or not know the gateway: from elsewhere to loopback, or under a name that the
    /// operator's certificate is not for.
    pub(super) fn origin(&self, host: &str, identity: &TlsIdentity) -> Option<String> {
        let asked = name_of(host)?;
        let (own, port) = (self.address.ip(), self.address.port());
        if own.is_loopback() && !is_loopback(asked) {
            return None;
        }
        if self.short_lived.is_none() {
            return identity.answers_to(asked).then(|| format!("https://{asked}:{port}"));
        }
        match own {
            // By its address: `localhost` may be the other loopback.
            IpAddr::V4(own) if own.is_loopback() => Some(format!("https://{own}:{port}")),
            // A policy for content cannot name it.
            IpAddr::V6(own) if own.is_loopback() => None,
            _ => Some(format!("https://{asked}:{port}")),
        }
    }

    /// The digests that the browser is to accept; none: it checks the certificate itself.
    pub fn hashes(&self) -> Vec<CertificateHash> {
        self.short_lived.as_ref().map(|short_lived| short_lived.hashes()).unwrap_or_default()
    }
}

/// The name in a header `host`. It goes into a header of ours: `None` where it is more than a name or an
/// IPv4 address.
fn name_of(host: &str) -> Option<&str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    (!name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(fits)).then_some(name)
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// As long as a name in the DNS.
const NAME_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str, is_own: bool, host: &str) -> Option<String> {
        let data = tempfile::tempdir().expect("a directory");
        let identity = TlsIdentity::development(data.path()).expect("made");
        let short_lived = identity.short_lived().expect("made").filter(|_| !is_own);
        let address = address.parse().expect("an address");
        Offer { address, short_lived }.origin(host, &identity)
    }

    #[test]
    fn a_page_on_this_machine_is_sent_to_the_address_itself() {
        for host in ["localhost:8080", "127.0.0.1:8080", "LOCALHOST"] {
            let told = origin("127.0.0.1:4434", false, host);
            assert_eq!(told.as_deref(), Some("https://127.0.0.1:4434"), "{host}");
        }
        assert_eq!(origin("127.0.0.1:4434", false, "truyvet.example"), None, "it is reached through a proxy");
        assert_eq!(origin("[::1]:4434", false, "localhost:8080"), None);
    }

    #[test]
    fn a_page_from_elsewhere_is_sent_to_the_name_that_it_has_asked_for() {
        let told = origin("0.0.0.0:4434", false, "truyvet.example");
        assert_eq!(told.as_deref(), Some("https://truyvet.example:4434"));
        assert_eq!(origin("0.0.0.0:4434", false, "[2001:db8::1]:443"), None);
    }

    #[test]
    fn an_operators_certificate_is_offered_under_its_own_names_alone() {
        let told = origin("0.0.0.0:4434", true, "localhost:8080");
        assert_eq!(told.as_deref(), Some("https://localhost:4434"));
        assert_eq!(origin("0.0.0.0:4434", true, "truyvet.example"), None);
    }

    #[test]
    fn nothing_but_a_name_gets_into_the_policy() {
        for host in ["a; script-src *", "a b", "", ":80", "*", "a/b", "a:b:80", "a,b", &"a".repeat(254)] {
            assert_eq!(origin("0.0.0.0:4434", false, host), None, "{host}");
        }
    }
}
