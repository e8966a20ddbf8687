//! Frames of the wire as plain values; the only user of the generated code.
//!
//! ```text
//! device  -> gateway   Hello, SignedBatch        read with `FromDevice::parse`
//! gateway -> device    Welcome, Ack, Refusal,    read with `FromGateway::parse`
//!                      Notice
//! batch     what a signed batch holds: scans in columns
//! told      what the gateway tells beside acknowledgements: refusals and notices
//! ```
//!
//! Parsing copies nothing of a batch: `BatchView` borrows the columns from the frame's bytes. Every
//! buffer is verified before a field of it is read, and frames of kinds not known here are `Unknown`,
//! to be passed over.

mod batch;
mod told;

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

pub use batch::{BatchBuilder, BatchColumns, BatchFacts, BatchView, ScanView, encode_batch, encode_lost};
pub use told::{Notice, Reason, Refusal, Scope};

use crate::generated::wire::truyvet::wire as fb;
use crate::limits::AGENT_BYTES_MAX;
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

/// Bytes that are no frame. The sender is broken, or no device at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

fn frame(payload: &[u8]) -> Result<fb::Frame<'_>, Malformed> {
    let frame = fb::root_as_frame(payload).map_err(|_| Malformed("the bytes are not a Frame buffer"))?;
    if frame.body_type() == fb::Body::NONE { Err(Malformed("the frame has no body")) } else { Ok(frame) }
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_frame_without_a_body_is_malformed_for_either_side() {
        let mut b = FlatBufferBuilder::new();
        let frame = fb::Frame::create(&mut b, &fb::FrameArgs::default());
        fb::finish_frame_buffer(&mut b, frame);
        assert!(FromDevice::parse(b.finished_data()).is_err());
        assert!(FromGateway::parse(b.finished_data()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(0u8.., 0..300)) {
            FromDevice::parse(&bytes).ok();
            FromGateway::parse(&bytes).ok();
            BatchView::parse(&bytes).ok();
        }
    }
}
