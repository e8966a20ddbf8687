//! Sessions of people at a browser. What is kept is sealed with the token itself: whoever has the store,
//! and all its keys, can neither use a session nor read whose it is.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::person::Document;

use super::audit::Act;
use super::vault::{Secret, open, random, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;

/// Who is at the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// An official.
    Account {
        /// The account's name.
        account: String,
        /// The account's generation when the session began.
        generation: u64,
    },
    /// A citizen who proved to have the phone.
    Citizen {
        /// The document that the code was asked for, tidied.
        document: Document,
        /// The phone that it went to, tidied.
        phone: String,
    },
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub bearer: Bearer,
    /// Unix milliseconds.
    pub begun_at: i64,
    /// Unix milliseconds, whole seconds; over at it.
    pub expires_at: i64,
}

/// What the browser keeps: when the session is over, and a secret. 72 hexadecimal digits.
struct Token {
    expires_s: u32,
    secret: [u8; SECRET_BYTES],
}

impl Registry {
    /// Begins a session and tells its token; both the session and the act are on disk then.
    ///
    /// # Errors
    /// The store fails.
    pub fn begin_session(&self, session: &Session, act: Act) -> Result<String, RegistryError> {
        let expires_s = u32::try_from(session.expires_at / 1_000).unwrap_or(u32::MAX);
        let token = Token { expires_s, secret: random() };
        let place = token.place();
        let sealed = seal(&token.key(), &json(session), &place);
        self.writer.write(Changes { puts: vec![(place, sealed)], acts: vec![act], ..Changes::default() })?;
        Ok(token.text())
    }

    /// The session of a token; none where it is over, ended, or no token.
    ///
    /// # Errors
    /// The store fails, or the session is damaged.
    pub fn session(&self, token: &str, now: TimeMs) -> Result<Option<Session>, RegistryError> {
        let Some(token) = Token::parse(token).filter(|token| !token.is_over(now)) else { return Ok(None) };
        let place = token.place();
        let Some(sealed) = self.table.get(&place)? else { return Ok(None) };
        let damage = || damaged("a session");
        let plain = open(&token.key(), &sealed, &place).map_err(|_| damage())?;
        Ok(Some(serde_json::from_slice(&plain).map_err(|_| damage())?))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store fails.
    pub fn end_session(&self, token: &str, act: Act) -> Result<(), RegistryError> {
        let deletes = Token::parse(token).iter().map(Token::place).collect();
        Ok(self.writer.write(Changes { deletes, acts: vec![act], ..Changes::default() })?)
    }
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        let (expires, secret) = bytes.split_first_chunk()?;
        Some(Self { expires_s: u32::from_be_bytes(*expires), secret: secret.try_into().ok()? })
    }

    fn text(&self) -> String {
        let mut text = format!("{:08x}", self.expires_s);
        self.secret.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes it"));
        text
    }

    fn is_over(&self, now: TimeMs) -> bool {
        i64::from(self.expires_s) * 1_000 <= now.get()
    }

    fn place(&self) -> Vec<u8> {
        let digest = blake3::hash(&self.secret);
        keys::session(self.expires_s, digest.as_bytes())
    }

    fn key(&self) -> Secret {
        Secret::new(blake3::derive_key(KEY_CONTEXT, &self.secret))
    }
}

const SECRET_BYTES: usize = 32;

const KEY_CONTEXT: &str = "truyvet 2021-08-19 what a session's token seals";
