//! What the gateway tells beside welcomes and acknowledgements: what it did not take and why, and what
//! is to be known.

use super::{encode_frame, fb};

/// Something that the gateway did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// The refused scans, where the scope is `Scans`.
    pub seqs: Vec<u64>,
    /// The seq that the gateway waits for, where the reason is a gap.
    pub expected_seq: u64,
    /// How long to wait before the next attempt, in milliseconds; 0: no advice.
    pub retry_after_ms: u32,
    /// Words for the operator.
    pub detail: String,
}

impl Refusal {
    /// A refusal that ends the session.
    pub fn session(reason: Reason, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { scope: Scope::Session, reason, seqs: Vec::new(), expected_seq: 0, retry_after_ms: 0, detail }
    }

    pub(super) fn read(refusal: fb::Refusal<'_>) -> Self {
        Self {
            scope: Scope::from_wire(refusal.scope()),
            reason: Reason::from_number(refusal.reason().0),
            seqs: refusal.seqs().map(|seqs| seqs.iter().collect()).unwrap_or_default(),
            expected_seq: refusal.expected_seq(),
            retry_after_ms: refusal.retry_after_ms(),
            detail: refusal.detail().unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode_frame(fb::Body::Refusal, |b| {
            let args = fb::RefusalArgs {
                scope: fb::Scope(self.scope as u8),
                reason: fb::Reason(self.reason as u16),
                seqs: (!self.seqs.is_empty()).then(|| b.create_vector(&self.seqs)),
                expected_seq: self.expected_seq,
                retry_after_ms: self.retry_after_ms,
                detail: Some(b.create_string(&self.detail)),
            };
            fb::Refusal::create(b, &args).as_union_value()
        })
    }
}

/// What a refusal speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// The session ends.
    Session = 0,
    /// Nothing of this batch was taken, and the session ends.
    Batch = 1,
    /// Single scans are kept aside; they count as delivered.
    Scans = 2,
}

impl Scope {
    fn from_wire(scope: fb::Scope) -> Self {
        match scope {
            fb::Scope::Scans => Self::Scans,
            fb::Scope::Batch => Self::Batch,
            _ => Self::Session,
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal;)*) => {
        /// Why something was refused. PROTOCOL.md says for each what the device does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Reason { $($(#[$doc])* $name = $number,)* }

        impl Reason {
            /// Every reason, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The reason with this number; one not known here is `Unspecified`.
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    _ => Self::Unspecified,
                }
            }

            /// The word for it in logs, metrics and dead letters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

reasons! {
    /// A reason that this version does not know.
    Unspecified = 0, "unspecified";
    /// No protocol version in common.
    UnsupportedVersion = 1, "unsupported_version";
    /// No such device is enrolled.
    UnknownDevice = 2, "unknown_device";
    /// The device was revoked.
    RevokedDevice = 3, "revoked_device";
    /// The signature is not the device's.
    BadSignature = 4, "bad_signature";
    /// Bytes that are no frame, or no batch.
    Malformed = 5, "malformed";
    /// A frame above the limits.
    TooLarge = 6, "too_large";
    /// The batch begins after the seq that the gateway waits for.
    SeqGap = 7, "seq_gap";
    /// Seqs begin at 1 and end before 2^64.
    SeqOverflow = 8, "seq_overflow";
    /// The gateway is stopping, or has no room for another session.
    Busy = 9, "busy";
    /// Another connection of the same device has taken over.
    Superseded = 10, "superseded";
    /// The peer did not open its stream or send a whole hello or frame in time, or does not read.
    TooSlow = 11, "too_slow";
    /// A frame that has no place here.
    UnexpectedFrame = 12, "unexpected_frame";
    /// The batch names another device than the hello.
    WrongDevice = 13, "wrong_device";
    /// No space to store anything.
    StorageFull = 14, "storage_full";
    /// The ticket that came with a browser's batch is unknown, or holds no more.
    NotSignedIn = 15, "not_signed_in";
    /// The scan's time is ahead of the gateway's by more than the allowed skew, or absurd.
    TimeInFuture = 32, "time_in_future";
    /// The scan's time is before the retention, or absurd.
    TimeBeforeRetention = 33, "time_before_retention";
    /// The device does not belong to the batch's site, nor did it then.
    WrongSite = 34, "wrong_site";
    /// The subject's code is empty or not UTF-8.
    BadCode = 35, "bad_code";
    /// The configured number of subjects is reached.
    SubjectLimit = 36, "subject_limit";
}

/// Something that the gateway tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Words for the officer.
    Text(String),
    /// The gateway is stopping: reconnect after this many milliseconds.
    Draining {
        /// How long to wait.
        reconnect_after_ms: u32,
    },
    /// The device was moved to the site with this code.
    SiteChanged(String),
    /// The device's clock minus the gateway's, in milliseconds.
    ClockSkew {
        /// Ahead when positive.
        skew_ms: i64,
    },
    /// Nothing is taken until space returns.
    StorageFull,
    /// A kind that this version does not know.
    Unknown,
}

impl Notice {
    pub(super) fn read(notice: fb::Notice<'_>) -> Self {
        let text = || notice.text().unwrap_or_default().to_owned();
        match notice.kind() {
            fb::NoticeKind::Text => Self::Text(text()),
            fb::NoticeKind::Draining => {
                Self::Draining { reconnect_after_ms: notice.value().clamp(0, i64::from(u32::MAX)) as u32 }
            }
            fb::NoticeKind::SiteChanged => Self::SiteChanged(text()),
            fb::NoticeKind::ClockSkew => Self::ClockSkew { skew_ms: notice.value() },
            fb::NoticeKind::StorageFull => Self::StorageFull,
            _ => Self::Unknown,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let (kind, text, value) = match self {
            Self::Text(text) => (fb::NoticeKind::Text, text.as_str(), 0),
            Self::Draining { reconnect_after_ms } => {
                (fb::NoticeKind::Draining, "", i64::from(*reconnect_after_ms))
            }
            Self::SiteChanged(site) => (fb::NoticeKind::SiteChanged, site.as_str(), 0),
            Self::ClockSkew { skew_ms } => (fb::NoticeKind::ClockSkew, "", *skew_ms),
            Self::StorageFull => (fb::NoticeKind::StorageFull, "", 0),
            Self::Unknown => (fb::NoticeKind(u8::MAX), "", 0),
        };
        encode_frame(fb::Body::Notice, |b| {
            let text = (!text.is_empty()).then(|| b.create_string(text));
            fb::Notice::create(b, &fb::NoticeArgs { kind, text, value }).as_union_value()
        })
    }
}
