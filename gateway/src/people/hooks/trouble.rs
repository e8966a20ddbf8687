//! Why a hook did not take a message, in words of ours: what answered is not to be trusted.

use utoipa::ToSchema;

/// Why a hook did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, ToSchema)]
#[schema(as = HookTrouble)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Trouble {
    /// It let the time for an answer go by.
    #[error("it does not answer in time")]
    Slow,
    /// Nobody knows the name in its address.
    #[error("its name is not known")]
    UnknownName,
    /// It cannot show that it is who it should be.
    #[error("its certificate is not trusted; see `hook_ca_file` in the configuration")]
    Certificate,
    /// Nobody is there, or the connection broke.
    #[error("it cannot be reached")]
    Unreachable,
    /// It names another address, which is not followed.
    #[error("it answers {status}; name the address that it leads to")]
    Elsewhere {
        /// The status of HTTP.
        status: u16,
    },
    /// It refuses, or failed itself.
    #[error("it answers {status}")]
    Refused {
        /// The status of HTTP.
        status: u16,
    },
    /// Its secret signs nothing.
    #[error("the hook's secret is damaged; make it anew")]
    Secret,
    /// What it is to be told cannot be read here.
    #[error("the server could not read its own registry")]
    Registry,
}

impl Trouble {
    /// Whether it is this server's trouble and not the receiver's.
    pub(super) const fn is_ours(self) -> bool {
        matches!(self, Self::Registry)
    }

    /// What the status of an answer says; `None` where the message was taken.
    pub(super) fn of_status(status: u16) -> Option<Self> {
        match status {
            200..300 => None,
            300..400 => Some(Self::Elsewhere { status }),
            _ => Some(Self::Refused { status }),
        }
    }

    /// Why there is no answer.
    pub(super) fn of_error(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Slow,
            ureq::Error::HostNotFound => Self::UnknownName,
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Self::Certificate,
            _ => Self::Unreachable,
        }
    }
}
