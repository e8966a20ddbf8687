//! What devices and the issuer of passes sign, and how it is checked.
//!
//! Signed bytes begin with a tag of their own, so that no signature of one kind can stand for
//! another. Checking is strict (`verify_strict`): no malleable signatures, no keys of small order,
//! and the same rule on every side.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Signs a finished `ScanBatch` buffer.
pub fn sign_batch(key: &SigningKey, batch: &[u8]) -> [u8; SIGNATURE_BYTES] {
    key.sign(&tagged(BATCH_TAG, batch)).to_bytes()
}

/// Whether `signature` is the key's over this `ScanBatch` buffer.
pub fn verify_batch(key: &VerifyingKey, batch: &[u8], signature: &[u8]) -> bool {
    verify(key, &tagged(BATCH_TAG, batch), signature)
}

/// Signs the facts of a hello.
pub fn sign_hello(key: &SigningKey, hello: &HelloFacts<'_>) -> [u8; SIGNATURE_BYTES] {
    key.sign(&hello.signed_bytes()).to_bytes()
}

/// Whether `signature` is the key's over these facts.
pub fn verify_hello(key: &VerifyingKey, hello: &HelloFacts<'_>, signature: &[u8]) -> bool {
    verify(key, &hello.signed_bytes(), signature)
}

/// Signs the bytes of a pass that come before its signature.
pub fn sign_pass(key: &SigningKey, facts: &[u8]) -> [u8; SIGNATURE_BYTES] {
    key.sign(&tagged(PASS_TAG, facts)).to_bytes()
}

/// Whether `signature` is the key's over these bytes of a pass.
pub fn verify_pass(key: &VerifyingKey, facts: &[u8], signature: &[u8]) -> bool {
    verify(key, &tagged(PASS_TAG, facts), signature)
}

/// The facts of a hello that its signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloFacts<'a> {
    /// Lowest and highest version that the device speaks.
    pub versions: (u16, u16),
    /// The device's number.
    pub device: u32,
    /// Device clock, unix milliseconds.
    pub sent_at_ms: i64,
    /// The gateway's TLS server name that the device connected to.
    pub audience: &'a str,
}

impl HelloFacts<'_> {
    /// `tag | version_min u16 | version_max u16 | device u32 | sent_at_ms i64 | audience`, numbers
    /// little-endian.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = HELLO_TAG.to_vec();
        bytes.extend_from_slice(&self.versions.0.to_le_bytes());
        bytes.extend_from_slice(&self.versions.1.to_le_bytes());
        bytes.extend_from_slice(&self.device.to_le_bytes());
        bytes.extend_from_slice(&self.sent_at_ms.to_le_bytes());
        bytes.extend_from_slice(self.audience.as_bytes());
        bytes
    }
}

fn tagged(tag: &[u8], message: &[u8]) -> Vec<u8> {
    [tag, message].concat()
}

fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = Signature::from_slice(signature) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

const BATCH_TAG: &[u8] = b"truyvet/1 batch\n";
const HELLO_TAG: &[u8] = b"truyvet/1 hello\n";
const PASS_TAG: &[u8] = b"truyvet/1 pass\n";
