//! What a gateway must know again after a restart, in the eyes of its QUIC peers.
//!
//! ```text
//! DATA/tls/quic.key -> reset key   stateless resets (RFC 9000, 10.3): a device that sends into a
//!                                  connection of the process before is told at once, not after its
//!                                  idle timeout
//!                   -> token key   Retry tokens (8.1.2): a handshake goes on over the restart
//! ```
//!
//! A reset's token is a function of the key and the connection id, so ids must never come again for
//! another peer: they are eight random bytes.

use quinn::crypto::{AeadKey, CryptoError, HandshakeTokenKey, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator};

/// A BLAKE3 key; each use has one of its own.
#[derive(Clone, Copy)]
pub(crate) struct SecretKey([u8; 32]);

impl SecretKey {
    /// The key of stateless resets.
    pub(crate) fn for_resets(secret: &[u8; 32]) -> Self {
        Self(blake3::derive_key("truyvet gateway 1: QUIC stateless reset", secret))
    }

    /// The key of Retry tokens.
    pub(crate) fn for_tokens(secret: &[u8; 32]) -> Self {
        Self(blake3::derive_key("truyvet gateway 1: QUIC retry token", secret))
    }

    fn mac(&self, context: &[u8], data: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(context.len() as u64).to_le_bytes()).update(context).update(data);
        hasher.finalize()
    }
}

impl HmacKey for SecretKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(self.mac(b"", data).as_bytes());
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // Compared in constant time.
        if self.mac(b"", data) == *signature { Ok(()) } else { Err(CryptoError) }
    }
}

impl HandshakeTokenKey for SecretKey {
    fn aead_from_hkdf(&self, random_bytes: &[u8]) -> Box<dyn AeadKey> {
        Box::new(Self(*self.mac(b"", random_bytes).as_bytes()))
    }
}

/// A token holds its peer's own address and connection id, which are no secrets to it: it is
/// authenticated, and not encrypted.
impl AeadKey for SecretKey {
    fn seal(&self, data: &mut Vec<u8>, additional_data: &[u8]) -> Result<(), CryptoError> {
        let mac = self.mac(additional_data, data);
        data.extend_from_slice(mac.as_bytes());
        Ok(())
    }

    fn open<'a>(&self, data: &'a mut [u8], additional_data: &[u8]) -> Result<&'a mut [u8], CryptoError> {
        let length = data.len().checked_sub(blake3::OUT_LEN).ok_or(CryptoError)?;
        let (plain, mac) = data.split_at_mut(length);
        if self.mac(additional_data, plain) == *mac { Ok(plain) } else { Err(CryptoError) }
    }
}

/// Eight random bytes.
pub(crate) struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&rand::random::<[u8; CONNECTION_ID_BYTES]>())
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

/// One guess in 2^64 / 20,000 meets a living connection.
const CONNECTION_ID_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_with_the_secret_that_sealed_it_and_unchanged_alone() {
        let secret = [7; 32];
        let sealing = SecretKey::for_tokens(&secret).aead_from_hkdf(b"nonce");
        let mut token = b"192.0.2.1".to_vec();
        sealing.seal(&mut token, b"").expect("always seals");
        let opens = |secret: &[u8; 32], nonce: &[u8], token: &[u8]| {
            let mut token = token.to_vec();
            let key = SecretKey::for_tokens(secret).aead_from_hkdf(nonce);
            key.open(&mut token, b"").map(|plain| plain.to_vec()).ok()
        };
        assert_eq!(opens(&secret, b"nonce", &token), Some(b"192.0.2.1".to_vec()));
        assert_eq!(opens(&[8; 32], b"nonce", &token), None);
        assert_eq!(opens(&secret, b"other", &token), None);
        assert_eq!(opens(&secret, b"nonce", &token[..20]), None);
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1;
            assert_eq!(opens(&secret, b"nonce", &changed), None);
        }
    }

    #[test]
    fn a_reset_key_comes_back_after_a_restart_and_is_not_the_token_key() {
        let sign = |key: SecretKey| {
            let mut signature = [0; blake3::OUT_LEN];
            key.sign(b"connection", &mut signature);
            signature
        };
        let secret = [7; 32];
        let signature = sign(SecretKey::for_resets(&secret));
        assert!(SecretKey::for_resets(&secret).verify(b"connection", &signature).is_ok());
        assert!(SecretKey::for_resets(&secret).verify(b"another", &signature).is_err());
        assert_ne!(signature, sign(SecretKey::for_tokens(&secret)));
    }
}
