//! Accounts and signing in.

use std::collections::HashMap;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use parking_lot::Mutex;
use serde::Deserialize;
use truyvet_engine::registry::{Account, Bearer, RegistryError, Role, Session};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use truyvet_schemas::person::{Document, tidy_text};
use utoipa::ToSchema;

use super::access::Caller;
use super::{People, act, act_with};

/// An account to be made.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What is typed to sign in: letters, digits, `.`, `_` and `-`.
    #[schema(min_length = 1, max_length = 64, example = "mai")]
    pub account: String,
    /// Whose it is.
    #[schema(min_length = 1, example = "Trần Thị Mai")]
    pub name: String,
    /// `officer`, `ward`, `health`, `epidemiologist`, `operator` or `administrator`.
    #[schema(value_type = String, example = "officer",
        pattern = "^(officer|ward|health|epidemiologist|operator|administrator)$")]
    pub role: Role,
    /// Code of the site: officers have one.
    #[serde(default)]
    #[schema(example = "HN-01")]
    pub site: Option<String>,
    /// Code of the area: ward and health officials have one, epidemiologists may.
    #[serde(default)]
    #[schema(example = "VN25-01")]
    pub area: Option<String>,
    /// At least ten characters.
    #[schema(min_length = 10)]
    pub password: String,
}

/// Why an account cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Correct the fields.
    #[error("some fields are not as they must be; correct those named")]
    Invalid(Vec<Flaw>),
    /// Choose another name.
    #[error("there is an account of this name; choose another name")]
    Taken,
    /// Look at the name again.
    #[error("there is no account of this name")]
    Unknown,
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Why somebody cannot sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Type both again.
    #[error("account or password is wrong; type both again")]
    Wrong,
    /// Wait.
    #[error("too many wrong passwords for this account; wait {retry_after_s} seconds")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Hashes, and who guessed.
#[derive(Default)]
pub(super) struct Passwords {
    wrong: Mutex<HashMap<String, Guesses>>,
    /// Held while an account is read, changed and stored.
    change: Mutex<()>,
}

#[derive(Clone, Copy)]
struct Guesses {
    wrong: u32,
    last_at: i64,
}

impl People {
    /// Makes an account.
    ///
    /// # Errors
    /// Fields are wrong, the name is taken, or the store fails.
    pub fn add_account(&self, new: NewAccount, by: &Caller, now: TimeMs) -> Result<Account, AccountError> {
        let account = Account {
            account: new.account.trim().to_lowercase(),
            name: tidy_text(&new.name),
            role: new.role,
            site: new.site,
            area: new.area,
            password_hash: String::new(),
            generation: 1,
            is_disabled: false,
        };
        self.check_account(&account, &new.password)?;
        let _change = self.passwords.change.lock();
        if self.registry.account(&account.account)?.is_some() {
            return Err(AccountError::Taken);
        }
        let account = Account { password_hash: hash(&new.password), ..account };
        self.registry.put_account(&account, act(now, by.actor(), "account.add", &account.account))?;
        Ok(account)
    }

    /// Gives an account a new password; its sessions are over.
    ///
    /// # Errors
    /// The password is too short, there is no such account, or the store fails.
    pub fn set_password(
        &self,
        name: &str,
        password: &str,
        by: &Caller,
        now: TimeMs,
    ) -> Result<Account, AccountError> {
        let flaws = check_password(password);
        if !flaws.is_empty() {
            return Err(AccountError::Invalid(flaws));
        }
        let change = |account: &mut Account| {
            account.password_hash = hash(password);
            account.generation += 1;
        };
        self.change_account(name, "account.password", by, now, change)
    }

    /// Disables an account, or enables it again.
    ///
    /// # Errors
    /// There is no such account, or the store fails.
    pub fn disable_account(
        &self,
        name: &str,
        is_disabled: bool,
        by: &Caller,
        now: TimeMs,
    ) -> Result<Account, AccountError> {
        let action = if is_disabled { "account.disable" } else { "account.enable" };
        self.change_account(name, action, by, now, |account| {
            account.is_disabled = is_disabled;
            account.generation += 1;
        })
    }

    /// Begins an official's session and tells its token.
    ///
    /// # Errors
    /// Account or password is wrong, or there were too many wrong ones.
    pub fn sign_in(
        &self,
        name: &str,
        password: &str,
        now: TimeMs,
    ) -> Result<(Account, Session, String), SignInError> {
        let name = name.trim().to_lowercase();
        if name.len() > ACCOUNT_BYTES_MAX {
            return Err(SignInError::Wrong);
        }
        self.passwords.may_guess(&name, now)?;
        let account = self.registry.account(&name)?.filter(|account| !account.is_disabled);
        // As long for a name that nobody has as for one that somebody has.
        let hash = account.as_ref().map_or(NOBODYS_HASH, |account| account.password_hash.as_str());
        let fits = verify(password, hash);
        let object = if account.is_some() { name.as_str() } else { "-" };
        let Some(account) = account.filter(|_| fits) else {
            self.passwords.guessed(&name, object != "-", now);
            self.registry.note(act_with(now, "nobody", "session.begin", object, "refused"))?;
            return Err(SignInError::Wrong);
        };
        self.passwords.wrong.lock().remove(&name);
        let session = Session {
            bearer: Bearer::Account { account: name.clone(), generation: account.generation },
            begun_at: now.get(),
            expires_at: ends_after(now, i64::from(self.config.official_session_hours) * HOUR_MS),
        };
        let token = self.registry.begin_session(&session, act(now, &name, "session.begin", &name))?;
        Ok((account, session, token))
    }

    /// Begins a citizen's session and tells its token.
    ///
    /// # Errors
    /// The store fails.
    pub fn citizen_session(
        &self,
        document: Document,
        phone: String,
        now: TimeMs,
    ) -> Result<(Session, String), RegistryError> {
        let session = Session {
            bearer: Bearer::Citizen { document, phone },
            begun_at: now.get(),
            expires_at: ends_after(now, i64::from(self.config.citizen_session_days) * 24 * HOUR_MS),
        };
        let token = self.registry.begin_session(&session, act(now, "citizen", "session.begin", "-"))?;
        Ok((session, token))
    }

    /// Whose token this is, with the session; nobody's where it holds no more.
    ///
    /// # Errors
    /// The store fails.
    pub fn caller(&self, token: &str, now: TimeMs) -> Result<Option<(Caller, Session)>, RegistryError> {
        let Some(session) = self.registry.session(token, now)? else { return Ok(None) };
        let caller = match &session.bearer {
            Bearer::Citizen { document, phone } => {
                Caller::Citizen { document: document.clone(), phone: phone.clone() }
            }
            Bearer::Account { account, generation } => {
                let holds = |known: &Account| !known.is_disabled && known.generation == *generation;
                match self.registry.account(account)?.filter(holds) {
                    Some(account) => Caller::Official(Box::new(account)),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some((caller, session)))
    }

    /// Ends a session, and its tickets.
    ///
    /// # Errors
    /// The store fails.
    pub fn sign_out(&self, token: &str, by: &str, now: TimeMs) -> Result<(), RegistryError> {
        self.registry.end_session(token, act(now, by, "session.end", by))?;
        self.tickets.end_session(token);
        Ok(())
    }

    fn change_account(
        &self,
        name: &str,
        action: &str,
        by: &Caller,
        now: TimeMs,
        change: impl FnOnce(&mut Account),
    ) -> Result<Account, AccountError> {
        let _change = self.passwords.change.lock();
        let mut account = self.registry.account(name)?.ok_or(AccountError::Unknown)?;
        change(&mut account);
        self.registry.put_account(&account, act(now, by.actor(), action, name))?;
        self.tickets.end_account(&account.account);
        Ok(account)
    }

    fn check_account(&self, account: &Account, password: &str) -> Result<(), AccountError> {
        let mut check = Check::default();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        check.text("account", &account.account, 1, ACCOUNT_BYTES_MAX);
        check.that(account.account.chars().all(fits), "account", Wrong::Characters);
        // What the audit log calls those who have no account.
        let is_free = !["nobody", "local", "owner", "citizen"].contains(&account.account.as_str());
        check.that(is_free, "account", Wrong::Unknown);
        check.text("name", &account.name, 1, 200);
        let (needs_site, may_have_area) = match account.role {
            Role::Officer => (true, false),
            Role::Ward | Role::Health | Role::Epidemiologist => (false, true),
            Role::Operator | Role::Administrator => (false, false),
        };
        let needs_area = matches!(account.role, Role::Ward | Role::Health);
        check.that(account.site.is_some() || !needs_site, "site", Wrong::Missing);
        check.that(account.site.is_none() || needs_site, "site", Wrong::Unknown);
        check.that(account.area.is_some() || !needs_area, "area", Wrong::Missing);
        check.that(account.area.is_none() || may_have_area, "area", Wrong::Unknown);
        if let Some(site) = account.site.as_deref().filter(|_| needs_site) {
            check.that(self.engine.catalog().site(site).is_some(), "site", Wrong::Unknown);
        }
        if let Some(area) = account.area.as_deref().filter(|_| may_have_area) {
            check.that(self.engine.catalog().area(area).is_some(), "area", Wrong::Unknown);
        }
        let mut flaws = check.flaws();
        flaws.extend(check_password(password));
        if flaws.is_empty() { Ok(()) } else { Err(AccountError::Invalid(flaws)) }
    }
}

impl Passwords {
    /// After some wrong passwords each further one costs twice the time.
    fn may_guess(&self, name: &str, now: TimeMs) -> Result<(), SignInError> {
        let guesses = self.wrong.lock().get(name).copied();
        let Some(guesses) = guesses.filter(|guesses| guesses.wrong >= GUESSES_FREE) else { return Ok(()) };
        let wait_ms = 1_000_i64 << (guesses.wrong - GUESSES_FREE).min(9);
        let left_ms = guesses.last_at + wait_ms - now.get();
        match left_ms > 0 {
            true => Err(SignInError::TooMany { retry_after_s: left_ms.unsigned_abs().div_ceil(1_000) }),
            false => Ok(()),
        }
    }

    /// Names that nobody has are counted while there is room.
    fn guessed(&self, name: &str, is_known: bool, now: TimeMs) {
        let mut all = self.wrong.lock();
        if all.len() >= GUESSED_MAX {
            all.retain(|_, guesses| now.get() < guesses.last_at + HOUR_MS);
        }
        if is_known || all.len() < GUESSED_MAX {
            let guesses = all.entry(name.to_owned()).or_insert(Guesses { wrong: 0, last_at: 0 });
            *guesses = Guesses { wrong: guesses.wrong + 1, last_at: now.get() };
        }
    }
}

fn check_password(password: &str) -> Vec<Flaw> {
    let mut check = Check::default();
    let chars = password.chars().count();
    check.that(chars >= PASSWORD_CHARS_MIN, "password", Wrong::Missing);
    check.that(chars <= PASSWORD_CHARS_MAX, "password", Wrong::TooLong);
    check.flaws()
}

/// Argon2id with the library's parameters: 19 MiB, two passes.
fn hash(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("the system gives random bytes, and passwords are short").to_string()
}

fn verify(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.chars().count() <= PASSWORD_CHARS_MAX
        && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Whole seconds, as sessions have them.
fn ends_after(now: TimeMs, ms: i64) -> i64 {
    (now.get() + ms) / 1_000 * 1_000
}

const HOUR_MS: i64 = 3_600_000;
const ACCOUNT_BYTES_MAX: usize = 64;
const PASSWORD_CHARS_MIN: usize = 10;
const PASSWORD_CHARS_MAX: usize = 200;
const GUESSES_FREE: u32 = 5;

/// Names with wrong passwords that are remembered: some 10 MB.
const GUESSED_MAX: usize = 100_000;

/// The hash of a password that nobody has, as costly to compare as any other.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$\
                            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let hash = hash("một mật khẩu dài");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "as README says: {hash}");
        assert!(verify("một mật khẩu dài", &hash));
        assert!(!verify("một mật khẩu dai", &hash));
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok(), "it is compared like any other");
        assert!(!verify("", NOBODYS_HASH));
    }

    #[test]
    fn guessing_costs_more_and_more_time() {
        let passwords = Passwords::default();
        let at = |s: i64| TimeMs::new(s * 1_000);
        for _ in 0..GUESSES_FREE {
            assert!(passwords.may_guess("mai", at(0)).is_ok());
            passwords.guessed("mai", true, at(0));
        }
        assert!(matches!(passwords.may_guess("mai", at(0)), Err(SignInError::TooMany { retry_after_s: 1 })));
        assert!(passwords.may_guess("mai", at(1)).is_ok());
        passwords.guessed("mai", true, at(1));
        assert!(matches!(passwords.may_guess("mai", at(1)), Err(SignInError::TooMany { retry_after_s: 2 })));
        assert!(passwords.may_guess("lan", at(1)).is_ok(), "others are not held up");
    }
}
