//! Accounts of officials: who they are, what they may do and where. Sealed like people.

use serde::{Deserialize, Serialize};

use super::audit::Act;
use super::records::{join_person, split_person};
use super::vault::{open, random_key, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;

/// What an official does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Checks passes at one site.
    Officer,
    /// Looks after the people of one ward or commune.
    Ward,
    /// Health of one area.
    Health,
    /// Traces contacts, and sees who they are, in one area.
    Epidemiologist,
    /// Keeps the server running; sees nobody's data.
    Operator,
    /// Gives out accounts.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Officer, Self::Ward, Self::Health, Self::Epidemiologist, Self::Operator, Self::Administrator];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Ward => "ward",
            Self::Health => "health",
            Self::Epidemiologist => "epidemiologist",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

/// An official's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What is typed to sign in, and what the audit log names.
    pub account: String,
    /// Whose it is.
    pub name: String,
    /// What the official does.
    pub role: Role,
    /// Code of the site, for officers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Code of the area, for those who work for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// Raised by a new password and by disabling; sessions of another one are over.
    pub generation: u64,
    /// Whether nobody may sign in any more.
    #[serde(default)]
    pub is_disabled: bool,
}

impl Registry {
    /// Keeps an account, new or changed, and returns when it is on disk.
    ///
    /// # Errors
    /// The store fails.
    pub fn put_account(&self, account: &Account, act: Act) -> Result<(), RegistryError> {
        let place = keys::account(&account.account);
        let _alone = self.finding_at(0); // a rotation would put the account before back
        // A key of its own for each version: nothing else is sealed with it.
        let own = random_key();
        let wrapped = self.vault.read().wrap(&own, &place);
        let sealed = seal(&own, &json(account), &place);
        let puts = vec![(place, join_person(&wrapped, &sealed))];
        Ok(self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?)
    }

    /// The account of this name.
    ///
    /// # Errors
    /// The store fails, or the account is damaged.
    pub fn account(&self, account: &str) -> Result<Option<Account>, RegistryError> {
        let place = keys::account(account);
        let bytes = self.table.get(&place)?;
        bytes.map(|bytes| self.open_account(&place, &bytes)).transpose()
    }

    /// Accounts behind the one named, by name; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or an account is damaged.
    pub fn accounts(&self, after: &str, limit: usize) -> Result<Vec<Account>, RegistryError> {
        let (tag, mut start) = ([keys::Tag::Account as u8], keys::account(after));
        start.push(0); // the next name there can be
        let found = self.table.scan(&tag, &start).take(limit);
        found
            .map(|entry| entry.map_err(Into::into).and_then(|(key, bytes)| self.open_account(&key, &bytes)))
            .collect()
    }

    fn open_account(&self, place: &[u8], bytes: &[u8]) -> Result<Account, RegistryError> {
        let damage = || damaged("an account");
        let (wrapped, sealed) = split_person(bytes).ok_or_else(damage)?;
        let own = self.vault.read().unwrap(&wrapped, place).map_err(|_| damage())?;
        let plain = open(&own, sealed, place).map_err(|_| damage())?;
        Ok(serde_json::from_slice(&plain).map_err(|_| damage())?)
    }
}
