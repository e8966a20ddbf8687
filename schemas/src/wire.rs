//! Frames of the wire as plain values; the only user of the generated code.
//!
//! ```text
//! device  -> gateway   Hello, SignedBatch        read with `FromDevice::parse`
//! gateway -> device    Welcome, Ack, Refusal,    read with `FromGateway::parse`
//!                      Notice
//! ```
//!
//! Parsing copies nothing of a batch: `BatchView` borrows the columns from the frame's bytes. Every
//! buffer is verified before a field of it is read, and frames of kinds not known here are `Unknown`,
//! to be passed over.

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

use crate::generated::wire::truyvet::wire as fb;
use crate::limits::{AGENT_BYTES_MAX, BATCH_SCANS_MAX, TIME_MS_RANGE};
use crate::scan::{Direction, Scan, Verdict};
use crate::signing::{HelloFacts, SIGNATURE_BYTES};
use crate::time::TimeMs;

/// A frame that a device sent.
#[derive(Debug)]
pub enum FromDevice<'a> {
    /// The first frame of the stream.
    Hello(Hello<'a>),
    /// Scans, signed.
    Batch(SignedBatch<'a>),
    /// A kind of frame that this version does not know, or one that only gateways send.
    Unknown,
}

impl<'a> FromDevice<'a> {
    /// Reads a frame's payload.
    ///
    /// # Errors
    /// The bytes are no frame, or lack what its kind must have.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let frame = frame(payload)?;
        if let Some(hello) = frame.body_as_hello() {
            return Hello::read(hello).map(Self::Hello);
        }
        if let Some(batch) = frame.body_as_signed_batch() {
            return SignedBatch::read(batch).map(Self::Batch);
        }
        Ok(Self::Unknown)
    }
}

/// A frame that a gateway sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromGateway {
    /// The answer to a good hello.
    Welcome(Welcome),
    /// Every scan up to and including this seq is durable.
    Ack {
        /// The last durable seq.
        durable_seq: u64,
    },
    /// Something was not taken.
    Refusal(Refusal),
    /// Something to know.
    Notice(Notice),
    /// A kind of frame that this version does not know, or one that only devices send.
    Unknown,
}

impl FromGateway {
    /// Reads a frame's payload.
    ///
    /// # Errors
    /// The bytes are no frame, or lack what its kind must have.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let frame = frame(payload)?;
        if let Some(ack) = frame.body_as_ack() {
            return Ok(Self::Ack { durable_seq: ack.durable_seq() });
        }
        if let Some(welcome) = frame.body_as_welcome() {
            return Welcome::read(welcome).map(Self::Welcome);
        }
        if let Some(refusal) = frame.body_as_refusal() {
            return Ok(Self::Refusal(Refusal::read(refusal)));
        }
        if let Some(notice) = frame.body_as_notice() {
            return Ok(Self::Notice(Notice::read(notice)));
        }
        Ok(Self::Unknown)
    }

    /// The frame's payload.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Welcome(welcome) => welcome.encode(),
            Self::Ack { durable_seq } => encode_frame(fb::Body::Ack, |b| {
                fb::Ack::create(b, &fb::AckArgs { durable_seq: *durable_seq }).as_union_value()
            }),
            Self::Refusal(refusal) => refusal.encode(),
            Self::Notice(notice) => notice.encode(),
            // A notice of a kind that nobody knows, which every reader passes over.
            Self::Unknown => Notice::Unknown.encode(),
        }
    }
}

/// Who connects, and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// What the signature covers.
    pub facts: HelloFacts<'a>,
    /// Program and version, for the operator.
    pub agent: &'a str,
    /// The device's signature over the facts.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl<'a> Hello<'a> {
    fn read(hello: fb::Hello<'a>) -> Result<Self, Malformed> {
        let agent = hello.agent().unwrap_or_default();
        if agent.len() > AGENT_BYTES_MAX {
            return Err(Malformed("the hello's agent is too long"));
        }
        Ok(Self {
            facts: HelloFacts {
                versions: (hello.version_min(), hello.version_max()),
                device: hello.device(),
                sent_at_ms: hello.sent_at_ms(),
                audience: hello.audience().ok_or(Malformed("the hello names no audience"))?,
            },
            agent,
            signature: signature(hello.signature().map(|s| s.bytes()))?,
        })
    }

    /// The frame's payload.
    pub fn encode(&self) -> Vec<u8> {
        encode_frame(fb::Body::Hello, |b| {
            let args = fb::HelloArgs {
                version_min: self.facts.versions.0,
                version_max: self.facts.versions.1,
                device: self.facts.device,
                sent_at_ms: self.facts.sent_at_ms,
                agent: Some(b.create_string(self.agent)),
                audience: Some(b.create_string(self.facts.audience)),
                signature: Some(b.create_vector(&self.signature)),
            };
            fb::Hello::create(b, &args).as_union_value()
        })
    }
}

/// The gateway's answer to a good hello: where to go on, and within which limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The protocol version of this session.
    pub version: u16,
    /// Every scan up to and including this seq is durable; 0: none yet.
    pub durable_seq: u64,
    /// Code of the site that the device belongs to.
    pub site: String,
    /// Gateway clock.
    pub server_time: TimeMs,
    /// Longest frame payload that the gateway takes, in bytes.
    pub frame_bytes_max: u32,
    /// Most scans in one batch.
    pub batch_scans_max: u32,
    /// Most bytes of batches in flight.
    pub window_bytes: u32,
    /// Silence after which the gateway drops the connection, in milliseconds.
    pub idle_timeout_ms: u32,
}

impl Welcome {
    fn read(welcome: fb::Welcome<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            version: welcome.version(),
            durable_seq: welcome.durable_seq(),
            site: welcome.site().ok_or(Malformed("the welcome names no site"))?.to_owned(),
            server_time: TimeMs::new(welcome.server_time_ms()),
            frame_bytes_max: welcome.frame_bytes_max(),
            batch_scans_max: welcome.batch_scans_max(),
            window_bytes: welcome.window_bytes(),
            idle_timeout_ms: welcome.idle_timeout_ms(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        encode_frame(fb::Body::Welcome, |b| {
            let args = fb::WelcomeArgs {
                version: self.version,
                durable_seq: self.durable_seq,
                site: Some(b.create_string(&self.site)),
                server_time_ms: self.server_time.get(),
                frame_bytes_max: self.frame_bytes_max,
                batch_scans_max: self.batch_scans_max,
                window_bytes: self.window_bytes,
                idle_timeout_ms: self.idle_timeout_ms,
            };
            fb::Welcome::create(b, &args).as_union_value()
        })
    }
}

/// A batch's bytes with the device's signature over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedBatch<'a> {
    /// A finished `ScanBatch` buffer; read it with [`BatchView::parse`].
    pub batch: &'a [u8],
    /// The device's signature.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl<'a> SignedBatch<'a> {
    fn read(signed: fb::SignedBatch<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            batch: signed.batch().ok_or(Malformed("the signed batch is empty"))?.bytes(),
            signature: signature(signed.signature().map(|s| s.bytes()))?,
        })
    }

    /// The frame's payload.
    pub fn encode(&self) -> Vec<u8> {
        encode_frame(fb::Body::SignedBatch, |b| {
            let args = fb::SignedBatchArgs {
                batch: Some(b.create_vector(self.batch)),
                signature: Some(b.create_vector(&self.signature)),
            };
            fb::SignedBatch::create(b, &args).as_union_value()
        })
    }
}

/// A device's scans at one site, read in place. All columns are equally long, and the codes' lengths
/// add up.
#[derive(Clone, Copy, Debug)]
pub struct BatchView<'a> {
    /// The device's number.
    pub device: u32,
    /// Code of the site where the scans were taken.
    pub site: &'a str,
    /// Seq of the first scan.
    pub first_seq: u64,
    /// Device clock when the batch was made.
    pub sent_at: TimeMs,
    /// What the offsets count from.
    pub base: TimeMs,
    /// So many scans from `first_seq` on are lost: acknowledged once, and deleted on the device. Then
    /// there are no scans in the batch.
    pub lost: u64,
    offset_ms: &'a [u8],
    code_bytes: &'a [u8],
    codes: &'a [u8],
    directions: &'a [u8],
    verdicts: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// Reads a finished `ScanBatch` buffer.
    ///
    /// # Errors
    /// The bytes are no batch, its columns disagree, it is empty or too long, a direction or verdict
    /// is unknown, or its seqs overflow.
    pub fn parse(batch: &'a [u8]) -> Result<Self, Malformed> {
        let batch = flatbuffers::root::<fb::ScanBatch<'a>>(batch)
            .map_err(|_| Malformed("the batch is not a ScanBatch buffer"))?;
        let view = Self {
            device: batch.device(),
            site: batch.site().ok_or(Malformed("the batch names no site"))?,
            first_seq: batch.first_seq(),
            sent_at: TimeMs::new(batch.sent_at_ms()),
            base: TimeMs::new(batch.base_ms()),
            lost: batch.lost(),
            offset_ms: batch.offset_ms().map(|v| v.bytes()).unwrap_or_default(),
            code_bytes: batch.code_bytes().map(|v| v.bytes()).unwrap_or_default(),
            codes: batch.codes().map(|v| v.bytes()).unwrap_or_default(),
            directions: batch.directions().map(|v| v.bytes()).unwrap_or_default(),
            verdicts: batch.verdicts().map(|v| v.bytes()).unwrap_or_default(),
        };
        view.check().map(|()| view)
    }

    fn check(&self) -> Result<(), Malformed> {
        let scans = self.code_bytes.len();
        if (scans == 0) != (self.lost > 0) || scans > BATCH_SCANS_MAX {
            return Err(Malformed("the batch has no scans, or too many"));
        }
        if self.offset_ms.len() != scans * size_of::<u32>() {
            return Err(Malformed("the batch's columns are not equally long"));
        }
        let optional = |column: &[u8]| column.is_empty() || column.len() == scans;
        if !optional(self.directions) || !optional(self.verdicts) {
            return Err(Malformed("the batch's columns are not equally long"));
        }
        let code_bytes: usize = self.code_bytes.iter().map(|n| usize::from(*n)).sum();
        if code_bytes != self.codes.len() {
            return Err(Malformed("the codes' lengths do not add up"));
        }
        if self.directions.iter().any(|n| Direction::from_number(*n).is_none()) {
            return Err(Malformed("the batch has an unknown direction"));
        }
        if self.verdicts.iter().any(|n| Verdict::from_number(*n).is_none()) {
            return Err(Malformed("the batch has an unknown verdict"));
        }
        // Keeps every sum of base and offset far from overflow; single scans are judged later.
        if !(-BASE_MS_LIMIT..BASE_MS_LIMIT).contains(&self.base.get()) {
            return Err(Malformed("the batch's base time is absurd"));
        }
        Ok(())
    }

    /// Number of scans.
    pub fn len(&self) -> usize {
        self.code_bytes.len()
    }

    /// Whether it only declares scans lost.
    pub fn is_empty(&self) -> bool {
        self.code_bytes.is_empty()
    }

    /// Seq of the last scan, or of the last lost one; `None` when the seqs overflow or begin at 0.
    pub fn last_seq(&self) -> Option<u64> {
        if self.first_seq == 0 {
            return None;
        }
        self.first_seq.checked_add(self.lost.max(self.len() as u64) - 1)
    }

    /// The scans in order of seq.
    pub fn scans(&self) -> impl Iterator<Item = ScanView<'a>> + Clone + use<'a> {
        let Self { offset_ms, code_bytes, directions, verdicts, codes, .. } = *self;
        let mut rest = codes;
        let offsets = offset_ms.chunks_exact(size_of::<u32>());
        code_bytes.iter().zip(offsets).enumerate().map(move |(i, (length, offset))| {
            let (code, tail) = rest.split_at(usize::from(*length));
            rest = tail;
            ScanView {
                code,
                offset_ms: u32::from_le_bytes([offset[0], offset[1], offset[2], offset[3]]),
                direction: directions.get(i).copied().unwrap_or_default(),
                verdict: verdicts.get(i).copied().unwrap_or_default(),
            }
        })
    }
}

/// One scan of a [`BatchView`]. Numbers were checked when the batch was parsed.
#[derive(Clone, Copy, Debug)]
pub struct ScanView<'a> {
    /// The subject's code: bytes not yet checked to be UTF-8, nor to be there at all.
    pub code: &'a [u8],
    /// Milliseconds from the batch's base.
    pub offset_ms: u32,
    /// A [`Direction`]'s number.
    pub direction: u8,
    /// A [`Verdict`]'s number.
    pub verdict: u8,
}

/// What a batch is made from.
#[derive(Clone, Copy, Debug)]
pub struct BatchFacts<'a> {
    /// The device's number.
    pub device: u32,
    /// Code of the site where the scans were taken.
    pub site: &'a str,
    /// Seq of the first scan.
    pub first_seq: u64,
    /// Device clock.
    pub sent_at: TimeMs,
}

/// Makes the bytes of a `ScanBatch` of the longest prefix of `scans` that fits one batch, and tells
/// how many that is. A scan that lies more than 49 days from the earliest before it, or whose code
/// is over 255 bytes, ends the prefix; `None` when even the first has no place.
pub fn encode_batch(facts: BatchFacts<'_>, scans: &[Scan]) -> Option<(Vec<u8>, usize)> {
    let taken = prefix_of_one_batch(scans);
    let scans = &scans[..taken];
    let base = scans.iter().map(|scan| scan.at.get()).min()?;
    let columns = BatchColumns {
        base: TimeMs::new(base),
        offset_ms: &scans.iter().map(|scan| (scan.at.get() - base) as u32).collect::<Vec<_>>(),
        code_bytes: &scans.iter().map(|scan| scan.subject.len() as u8).collect::<Vec<_>>(),
        codes: &scans.iter().flat_map(|scan| scan.subject.bytes()).collect::<Vec<_>>(),
        directions: &scans.iter().map(|scan| scan.direction).collect::<Vec<_>>(),
        verdicts: &scans.iter().map(|scan| scan.verdict).collect::<Vec<_>>(),
    };
    Some((BatchBuilder::default().build(facts, columns).to_vec(), taken))
}

/// Makes the bytes of a `ScanBatch` without scans, which declares so many from `first_seq` on lost.
pub fn encode_lost(facts: BatchFacts<'_>, lost: u64) -> Vec<u8> {
    let mut b = FlatBufferBuilder::new();
    let args = fb::ScanBatchArgs {
        device: facts.device,
        site: Some(b.create_string(facts.site)),
        first_seq: facts.first_seq,
        sent_at_ms: facts.sent_at.get(),
        base_ms: facts.sent_at.get(),
        lost,
        ..fb::ScanBatchArgs::default()
    };
    let batch = fb::ScanBatch::create(&mut b, &args);
    b.finish(batch, None);
    b.finished_data().to_vec()
}

/// The columns of a batch, one entry a scan; codes one after the other.
#[derive(Clone, Copy, Debug)]
pub struct BatchColumns<'a> {
    /// What the offsets count from.
    pub base: TimeMs,
    /// Milliseconds from `base`.
    pub offset_ms: &'a [u32],
    /// Length of each code in bytes.
    pub code_bytes: &'a [u8],
    /// The codes' bytes.
    pub codes: &'a [u8],
    /// Empty: every one is `Pass`.
    pub directions: &'a [Direction],
    /// Empty: every one is `Passed`.
    pub verdicts: &'a [Verdict],
}

/// Makes batches from columns in a buffer of its own, used again for each: nothing is allocated per
/// scan. For senders of millions of scans a second.
#[derive(Default)]
pub struct BatchBuilder {
    builder: FlatBufferBuilder<'static>,
}

impl BatchBuilder {
    /// The bytes of a `ScanBatch`. Whether the columns agree and keep the limits is the caller's
    /// care; the gateway checks.
    pub fn build(&mut self, facts: BatchFacts<'_>, columns: BatchColumns<'_>) -> &[u8] {
        let b = &mut self.builder;
        b.reset();
        let offset_ms = b.create_vector(columns.offset_ms);
        let code_bytes = b.create_vector(columns.code_bytes);
        let codes = b.create_vector(columns.codes);
        let directions =
            columns.directions.iter().any(|direction| *direction != Direction::Pass).then(|| {
                b.create_vector_from_iter(columns.directions.iter().map(|d| fb::Direction(*d as u8)))
            });
        let verdicts = columns
            .verdicts
            .iter()
            .any(|verdict| *verdict != Verdict::Passed)
            .then(|| b.create_vector_from_iter(columns.verdicts.iter().map(|v| fb::Verdict(*v as u8))));
        let args = fb::ScanBatchArgs {
            device: facts.device,
            site: Some(b.create_string(facts.site)),
            first_seq: facts.first_seq,
            sent_at_ms: facts.sent_at.get(),
            base_ms: columns.base.get(),
            offset_ms: Some(offset_ms),
            code_bytes: Some(code_bytes),
            codes: Some(codes),
            directions,
            verdicts,
            lost: 0,
        };
        let batch = fb::ScanBatch::create(b, &args);
        b.finish(batch, None);
        b.finished_data()
    }
}

fn prefix_of_one_batch(scans: &[Scan]) -> usize {
    let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
    let fits = |scan: &&Scan| {
        earliest = earliest.min(scan.at.get());
        latest = latest.max(scan.at.get());
        let spread = i128::from(latest) - i128::from(earliest);
        spread <= i128::from(u32::MAX) && scan.subject.len() <= usize::from(u8::MAX)
    };
    scans.iter().take(BATCH_SCANS_MAX).take_while(fits).count()
}

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

    fn read(refusal: fb::Refusal<'_>) -> Self {
        Self {
            scope: Scope::from_wire(refusal.scope()),
            reason: Reason::from_number(refusal.reason().0),
            seqs: refusal.seqs().map(|seqs| seqs.iter().collect()).unwrap_or_default(),
            expected_seq: refusal.expected_seq(),
            retry_after_ms: refusal.retry_after_ms(),
            detail: refusal.detail().unwrap_or_default().to_owned(),
        }
    }

    fn encode(&self) -> Vec<u8> {
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
    /// Too many connections or handshakes now.
    Busy = 9, "busy";
    /// Another connection of the same device has taken over.
    Superseded = 10, "superseded";
    /// The peer did not send a whole hello or frame in time, or does not read.
    TooSlow = 11, "too_slow";
    /// A frame that has no place here.
    UnexpectedFrame = 12, "unexpected_frame";
    /// The batch names another device than the hello.
    WrongDevice = 13, "wrong_device";
    /// No space to store anything.
    StorageFull = 14, "storage_full";
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
    fn read(notice: fb::Notice<'_>) -> Self {
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

    fn encode(&self) -> Vec<u8> {
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

/// Bytes that are no frame. The sender is broken, or no device at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

fn frame(payload: &[u8]) -> Result<fb::Frame<'_>, Malformed> {
    fb::root_as_frame(payload).map_err(|_| Malformed("the bytes are not a Frame buffer"))
}

fn signature(bytes: Option<&[u8]>) -> Result<[u8; SIGNATURE_BYTES], Malformed> {
    bytes.and_then(|b| b.try_into().ok()).ok_or(Malformed("the signature is not 64 bytes"))
}

fn encode_frame<'b>(
    kind: fb::Body,
    body: impl FnOnce(&mut FlatBufferBuilder<'b>) -> WIPOffset<UnionWIPOffset>,
) -> Vec<u8> {
    let mut b = FlatBufferBuilder::new();
    let body = body(&mut b);
    let frame = fb::Frame::create(&mut b, &fb::FrameArgs { body_type: kind, body: Some(body) });
    fb::finish_frame_buffer(&mut b, frame);
    b.finished_data().to_vec()
}

/// Ten times the range in which scans may lie.
const BASE_MS_LIMIT: i64 = TIME_MS_RANGE.end * 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(subject: &str, at: i64, direction: Direction) -> Scan {
        Scan { subject: subject.into(), at: TimeMs::new(at), direction, verdict: Verdict::Passed }
    }

    fn facts() -> BatchFacts<'static> {
        BatchFacts { device: 7, site: "HN-01", first_seq: 41, sent_at: TimeMs::new(9) }
    }

    #[test]
    fn a_batch_is_read_back_as_it_was_written() {
        let scans = [scan("a", 50, Direction::In), scan("điểm", 20, Direction::Out)];
        let (bytes, taken) = encode_batch(facts(), &scans).expect("two scans fit");
        let view = BatchView::parse(&bytes).expect("just written");
        assert_eq!((taken, view.len(), view.site, view.last_seq()), (2, 2, "HN-01", Some(42)));
        let read: Vec<_> = view.scans().map(|s| (s.code, s.offset_ms, s.direction)).collect();
        assert_eq!(read, [("a".as_bytes(), 30, 1), ("điểm".as_bytes(), 0, 2)]);
    }

    #[test]
    fn a_builder_used_again_makes_the_same_bytes_as_a_fresh_one() {
        let scans = [scan("a", 50, Direction::In), scan("điểm", 20, Direction::Out)];
        let (expected, _) = encode_batch(facts(), &scans).expect("two scans fit");
        let columns = BatchColumns {
            base: TimeMs::new(20),
            offset_ms: &[30, 0],
            code_bytes: &[1, 7],
            codes: "ađiểm".as_bytes(),
            directions: &[Direction::In, Direction::Out],
            verdicts: &[],
        };
        let mut builder = BatchBuilder::default();
        builder.build(facts(), BatchColumns { directions: &[], ..columns });
        assert_eq!(builder.build(facts(), columns), expected);
    }

    #[test]
    fn a_batch_ends_where_the_times_lie_too_far_apart() {
        let far = i64::from(u32::MAX) + 1;
        let scans = [scan("a", 0, Direction::Pass), scan("b", far, Direction::Pass)];
        let (_, taken) = encode_batch(facts(), &scans).expect("one scan fits");
        assert_eq!(taken, 1);
    }

    #[test]
    fn frames_of_the_gateway_are_read_back_as_they_were_written() {
        let refusal =
            Refusal { scope: Scope::Scans, seqs: vec![3, 9], ..Refusal::session(Reason::BadCode, "x") };
        let welcome = Welcome {
            version: 1,
            durable_seq: 12,
            site: "s".into(),
            server_time: TimeMs::new(5),
            frame_bytes_max: 1,
            batch_scans_max: 2,
            window_bytes: 3,
            idle_timeout_ms: 4,
        };
        for frame in [
            FromGateway::Welcome(welcome),
            FromGateway::Ack { durable_seq: u64::MAX },
            FromGateway::Refusal(refusal),
            FromGateway::Notice(Notice::ClockSkew { skew_ms: -1 }),
            FromGateway::Notice(Notice::SiteChanged("b".into())),
        ] {
            assert_eq!(FromGateway::parse(&frame.encode()), Ok(frame));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(0u8.., 0..300)) {
            FromDevice::parse(&bytes).ok();
            FromGateway::parse(&bytes).ok();
            BatchView::parse(&bytes).ok();
        }

        #[test]
        fn a_batch_with_a_flipped_byte_is_read_without_panic(at in 0usize..200, flip in 1u8..) {
            let scans = [scan("a", 50, Direction::In), scan("b", 20, Direction::Out)];
            let (mut bytes, _) = encode_batch(facts(), &scans).expect("two scans fit");
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(view) = BatchView::parse(&bytes) {
                assert_eq!(view.scans().count(), view.len());
            }
        }
    }
}
