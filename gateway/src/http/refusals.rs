//! What goes wrong among people, as problems.

use truyvet_engine::registry::{RegistryError, VaultError};

use super::error::Problem;
use crate::people::{AccountError, CodeError, DeclareError, SignInError, TooMany};

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Vault(error) => error.into(),
            RegistryError::Engine(error) => error.into(),
            RegistryError::UnknownPass | RegistryError::UnknownDeclaration => {
                Self::NotFound(error.to_string())
            }
            RegistryError::TwoPeople => Self::TwoPeople,
            RegistryError::KeyReused => Self::Conflict(error.to_string()),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::TooMany { retry_after_s } => Self::TooMany { retry_after_s },
            CodeError::NotSent => Self::Unavailable(error.to_string()),
            CodeError::Wrong { .. } => Self::WrongCode,
            CodeError::Expired => Self::CodeExpired,
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::WrongCredentials,
            SignInError::TooMany { retry_after_s } => Self::TooMany { retry_after_s },
            SignInError::Registry(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(flaws) => Self::Invalid(flaws),
            AccountError::Taken => Self::Conflict(error.to_string()),
            AccountError::Unknown => Self::NotFound(error.to_string()),
            AccountError::Registry(error) => error.into(),
        }
    }
}

impl From<DeclareError> for Problem {
    fn from(error: DeclareError) -> Self {
        match error {
            DeclareError::Invalid(flaws) => Self::Invalid(flaws),
            DeclareError::Disagrees(flaws) => Self::Disagrees(flaws),
            DeclareError::NotYours => Self::NotAllowed(error.to_string()),
            DeclareError::TooMany(TooMany { retry_after_s }) => Self::TooMany { retry_after_s },
            DeclareError::Registry(error) => error.into(),
        }
    }
}
