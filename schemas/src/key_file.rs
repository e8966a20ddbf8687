//! What a device needs to reach its gateway, in one JSON file: its number, its secret key, and the
//! authority that the gateway's certificate must come from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::DeviceId;

/// The contents of a device's key file. Whoever holds it is the device: keep it readable to the
/// device's user alone.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The device's number.
    pub device: u32,
    /// Code of the site at enrolment, for people; the gateway's word counts.
    pub site: String,
    /// The Ed25519 secret key, 32 bytes in base64.
    pub secret_key: String,
    /// The name in the gateway's certificate.
    pub server_name: String,
    /// Certificates of the authority that signed the gateway's, PEM; absent: the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

impl KeyFile {
    /// Reads a key file's text.
    ///
    /// # Errors
    /// Says what is wrong, without repeating the key.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let file: Self = serde_json::from_str(text)
            .map_err(|e| KeyFileError::Json { line: e.line(), column: e.column() })?;
        file.signing_key()?;
        Ok(file)
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers are always JSON");
        text.push('\n');
        text
    }

    /// The device's number.
    pub fn device(&self) -> DeviceId {
        DeviceId::new(self.device)
    }

    /// The device's key.
    ///
    /// # Errors
    /// The key is not 32 bytes of base64.
    pub fn signing_key(&self) -> Result<SigningKey, KeyFileError> {
        let bytes = BASE64.decode(&self.secret_key).map_err(|_| KeyFileError::Key)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyFileError::Key)?;
        Ok(SigningKey::from_bytes(&bytes))
    }

    /// A key as the file spells it.
    pub fn encode_key(key: &SigningKey) -> String {
        BASE64.encode(key.to_bytes())
    }
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile")
            .field("device", &self.device)
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

/// Why a key file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Fetch the file anew from whoever enrolled the device.
    #[error(
        "not a device's key file (line {line}, column {column}); enrol the device again with `truyvet device add`"
    )]
    Json {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// Fetch the file anew from whoever enrolled the device.
    #[error("the secret key is damaged; enrol the device again with `truyvet device add`")]
    Key,
}
