//! The protocol's states, step by step.

use ed25519_dalek::SigningKey;
use truyvet_schemas::scan::{Direction, Scan, Verdict};
use truyvet_schemas::signing::{HelloFacts, sign_batch, sign_hello};
use truyvet_schemas::wire::{BatchFacts, encode_batch, encode_lost};

use super::*;

const NOW: TimeMs = TimeMs::new(1_700_000_000_000);

struct OneDevice(DeviceRecord);

impl World for OneDevice {
    fn device(&self, device: DeviceId) -> Option<DeviceRecord> {
        (device.get() == self.0.device).then(|| self.0.clone())
    }

    fn answers_to(&self, name: &str) -> bool {
        name == "localhost"
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn record() -> DeviceRecord {
    DeviceRecord {
        device: 7,
        site: "HN-01".into(),
        public_key: key().verifying_key().to_bytes(),
        enrolled_at: 0,
        revoked_at: None,
        former_sites: Vec::new(),
        durable_seq: 0,
        lost: Vec::new(),
    }
}

fn facts() -> HelloFacts<'static> {
    HelloFacts { versions: (1, 1), device: 7, sent_at_ms: NOW.get(), audience: "localhost" }
}

fn hello(facts: HelloFacts<'_>, key: &SigningKey) -> Bytes {
    Hello { facts, agent: "test", signature: sign_hello(key, &facts) }.encode().into()
}

fn batch_of(device: u32, first_seq: u64, scans: usize, key: &SigningKey) -> Bytes {
    let scan = |i: usize| Scan {
        subject: format!("s{i}"),
        at: TimeMs::new(NOW.get() + i as i64),
        direction: Direction::In,
        verdict: Verdict::Passed,
    };
    let scans: Vec<Scan> = (0..scans).map(scan).collect();
    let facts = BatchFacts { device, site: "HN-01", first_seq, sent_at: NOW };
    let (batch, _) = encode_batch(facts, &scans).expect("the scans fit");
    let signature = sign_batch(key, &batch);
    SignedBatch { batch: &batch, signature }.encode().into()
}

fn batch(first_seq: u64, scans: usize) -> Bytes {
    batch_of(7, first_seq, scans, &key())
}

fn new_session() -> Session {
    Session::new(SessionSettings {
        idle_timeout_ms: 30_000,
        clock_skew_notice_ms: 60_000,
        reconnect_after_ms: 1_000,
    })
}

fn world() -> OneDevice {
    OneDevice(record())
}

fn commands(session: &mut Session) -> Vec<Command> {
    std::iter::from_fn(|| session.poll_command()).collect()
}

/// A session that was welcomed with this durable seq.
fn active(durable_seq: u64) -> Session {
    let mut session = new_session();
    session.on_frame(&hello(facts(), &key()), &world());
    assert_eq!(commands(&mut session), [Command::Enter(DeviceId::new(7))]);
    session.entered(&record(), durable_seq, NOW);
    let welcome = commands(&mut session);
    assert!(matches!(&welcome[..], [Command::Send(FromGateway::Welcome(w))] if w.durable_seq == durable_seq));
    session
}

/// The refusal with which the session ended.
fn refusal(session: &mut Session) -> Refusal {
    let mut commands = commands(session);
    let Some(Command::Close(Close::Refused(reason))) = commands.pop() else {
        panic!("not refused: {commands:?}")
    };
    let Some(Command::Send(FromGateway::Refusal(refusal))) = commands.pop() else {
        panic!("no refusal sent")
    };
    assert_eq!(refusal.reason, reason);
    refusal
}

/// A frame that declares scans lost.
fn lost(first_seq: u64, lost: u64) -> Bytes {
    let batch = encode_lost(BatchFacts { device: 7, site: "HN-01", first_seq, sent_at: NOW }, lost);
    SignedBatch { batch: &batch, signature: sign_batch(&key(), &batch) }.encode().into()
}

#[test]
fn lost_scans_are_submitted_and_numbering_goes_on_behind_them() {
    let mut session = active(40);
    session.on_frame(&lost(41, 260), &world());
    session.on_frame(&batch(301, 2), &world());
    let submitted = commands(&mut session);
    assert!(matches!(&submitted[..], [Command::Submit(first), Command::Submit(_)] if first.scans == 0));
    session.on_event(Event::Durable(300));
    assert_eq!(commands(&mut session), [ack(300)]);
    session.on_frame(&lost(41, 260), &world());
    assert_eq!(commands(&mut session), [ack(300)]);
    assert_eq!(refused_frame(&lost(2, 5)), (Scope::Batch, Reason::SeqGap));
    assert_eq!(refused_frame(&lost(2, u64::MAX)), (Scope::Batch, Reason::SeqOverflow));
}

fn refused_hello(payload: &Bytes, world: &OneDevice) -> Reason {
    let mut session = new_session();
    session.on_frame(payload, world);
    refusal(&mut session).reason
}

fn refused_frame(payload: &Bytes) -> (Scope, Reason) {
    let mut session = active(0);
    session.on_frame(payload, &world());
    assert!(!session.wants_frames() || matches!(session.state, State::Closed));
    let refusal = refusal(&mut session);
    (refusal.scope, refusal.reason)
}

fn ack(durable_seq: u64) -> Command {
    Command::Send(FromGateway::Ack { durable_seq })
}

#[test]
fn a_hello_is_refused_for_each_thing_that_can_be_wrong_with_it() {
    let (key, other) = (key(), SigningKey::from_bytes(&[8; 32]));
    let cases = [
        (HelloFacts { versions: (2, 9), ..facts() }, &key, Reason::UnsupportedVersion),
        (HelloFacts { versions: (0, 0), ..facts() }, &key, Reason::UnsupportedVersion),
        (HelloFacts { versions: (2, 1), ..facts() }, &key, Reason::UnsupportedVersion),
        (HelloFacts { device: 8, ..facts() }, &key, Reason::UnknownDevice),
        (HelloFacts { audience: "example.org", ..facts() }, &key, Reason::BadSignature),
        (facts(), &other, Reason::BadSignature),
    ];
    for (facts, key, reason) in cases {
        assert_eq!(refused_hello(&hello(facts, key), &world()), reason, "{facts:?}");
    }
    assert_eq!(refused_hello(&Bytes::from_static(&[1, 2, 3]), &world()), Reason::Malformed);
    assert_eq!(refused_hello(&batch(1, 1), &world()), Reason::UnexpectedFrame);
}

#[test]
fn a_newer_device_and_this_gateway_still_talk() {
    let mut session = new_session();
    session.on_frame(&hello(HelloFacts { versions: (1, 9), ..facts() }, &key()), &world());
    assert_eq!(commands(&mut session), [Command::Enter(DeviceId::new(7))]);
}

#[test]
fn a_revoked_device_is_refused_before_and_after_it_entered() {
    let revoked = OneDevice(DeviceRecord { revoked_at: Some(1), ..record() });
    assert_eq!(refused_hello(&hello(facts(), &key()), &revoked), Reason::RevokedDevice);
    let mut session = new_session();
    session.on_frame(&hello(facts(), &key()), &world());
    session.poll_command();
    session.entered(&revoked.0, 0, NOW);
    assert_eq!(refusal(&mut session).reason, Reason::RevokedDevice);
    let mut session = active(0);
    session.on_event(Event::Revoked);
    assert_eq!(refusal(&mut session).reason, Reason::RevokedDevice);
}

#[test]
fn a_clock_that_is_far_off_is_told() {
    let mut session = new_session();
    let facts = HelloFacts { sent_at_ms: NOW.get() - 60_001, ..facts() };
    session.on_frame(&hello(facts, &key()), &world());
    session.poll_command();
    session.entered(&record(), 0, NOW);
    let notice = commands(&mut session).pop();
    assert_eq!(notice, Some(Command::Send(FromGateway::Notice(Notice::ClockSkew { skew_ms: -60_001 }))));
}

#[test]
fn a_batch_is_refused_for_each_thing_that_can_be_wrong_with_it() {
    let other = SigningKey::from_bytes(&[8; 32]);
    assert_eq!(refused_frame(&batch_of(7, 1, 3, &other)), (Scope::Batch, Reason::BadSignature));
    assert_eq!(refused_frame(&batch_of(8, 1, 3, &key())), (Scope::Batch, Reason::WrongDevice));
    assert_eq!(refused_frame(&batch(2, 1)), (Scope::Batch, Reason::SeqGap));
    assert_eq!(refused_frame(&batch(0, 1)), (Scope::Batch, Reason::SeqOverflow));
    assert_eq!(refused_frame(&batch(u64::MAX, 2)), (Scope::Batch, Reason::SeqOverflow));
    assert_eq!(refused_frame(&hello(facts(), &key())), (Scope::Session, Reason::UnexpectedFrame));
    assert_eq!(refused_frame(&Bytes::from_static(b"no frame at all")), (Scope::Session, Reason::Malformed));
    let signed = SignedBatch { batch: b"no batch", signature: sign_batch(&key(), b"no batch") };
    assert_eq!(refused_frame(&signed.encode().into()), (Scope::Batch, Reason::Malformed));
}

#[test]
fn no_flipped_byte_of_a_batch_is_taken() {
    let good = batch(1, 2);
    for at in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0x20;
        let mut session = active(0);
        session.on_frame(&bytes.into(), &world());
        for command in commands(&mut session) {
            // Outside the signed bytes a flip may do nothing; inside it is never taken.
            if let Command::Submit(batch) = command {
                assert_eq!(batch.bytes, FromDevice::parse(&good).map(signed_bytes).expect("good"));
            }
        }
    }
}

fn signed_bytes(frame: FromDevice<'_>) -> Bytes {
    let FromDevice::Batch(signed) = frame else { panic!("a batch") };
    Bytes::copy_from_slice(signed.batch)
}

#[test]
fn a_gap_tells_which_seq_is_next() {
    let mut session = active(41);
    session.on_frame(&batch(43, 1), &world());
    let refusal = refusal(&mut session);
    assert_eq!((refusal.scope, refusal.reason, refusal.expected_seq), (Scope::Batch, Reason::SeqGap, 42));
}

#[test]
fn batches_go_on_overlap_and_repeat() {
    let mut session = active(10);
    session.on_frame(&batch(11, 5), &world());
    session.on_frame(&batch(14, 5), &world());
    let submitted = commands(&mut session);
    assert!(
        matches!(&submitted[..], [Command::Submit(a), Command::Submit(b)] if a.scans == 5 && b.scans == 5)
    );
    session.on_frame(&batch(12, 3), &world());
    assert_eq!(commands(&mut session), [ack(10)], "wholly repeated: the seq as it stands");
    session.on_frame(&batch(20, 1), &world());
    assert_eq!(refusal(&mut session).expected_seq, 19);
}

#[test]
fn one_acknowledgement_tells_all_that_became_durable() {
    let mut session = active(0);
    for first in [1, 3, 5] {
        session.on_frame(&batch(first, 2), &world());
    }
    commands(&mut session);
    session.on_event(Event::Durable(2));
    session.on_event(Event::Durable(6));
    session.on_event(Event::Durable(4));
    assert_eq!(commands(&mut session), [ack(6)]);
    session.on_event(Event::Durable(6));
    assert_eq!(commands(&mut session), []);
    assert_eq!(session.in_flight_bytes, 0);
}

#[test]
fn refused_scans_are_told_before_they_are_acknowledged() {
    let mut session = active(0);
    session.on_frame(&batch(1, 2), &world());
    commands(&mut session);
    session.on_event(Event::Refused(Reason::WrongSite, vec![2]));
    session.on_event(Event::Durable(2));
    let told = commands(&mut session);
    let [Command::Send(FromGateway::Refusal(refusal)), last] = &told[..] else { panic!("{told:?}") };
    assert_eq!((refusal.scope, &refusal.seqs[..], last), (Scope::Scans, &[2][..], &ack(2)));
}

#[test]
fn reading_stops_at_the_window_and_goes_on_when_it_opens() {
    let mut session = active(0);
    let mut next = 1;
    while session.wants_frames() {
        session.on_frame(&batch(next, 4_096), &world());
        next += 4_096;
    }
    assert!(session.in_flight_bytes >= WINDOW_BYTES as usize);
    assert!(session.in_flight_bytes < WINDOW_BYTES as usize + FRAME_BYTES_MAX);
    session.on_event(Event::Durable(4_096));
    assert!(session.wants_frames());
}

#[test]
fn frames_of_unknown_kinds_are_passed_over() {
    let hello = hello(facts(), &key());
    let of_later_kind = |at: usize| {
        let mut bytes = hello.to_vec();
        bytes[at] = 200;
        matches!(FromDevice::parse(&bytes), Ok(FromDevice::Unknown)).then(|| Bytes::from(bytes))
    };
    let unknown = (0..hello.len()).find_map(of_later_kind).expect("one byte is the frame's kind");
    let mut session = active(0);
    session.on_frame(&unknown, &world());
    session.on_frame(&FromGateway::Ack { durable_seq: 1 }.encode().into(), &world());
    assert_eq!(commands(&mut session), []);
    assert!(session.wants_frames());
}

#[test]
fn lengths_beyond_the_limits_and_slow_peers_are_refused() {
    for (length, reason) in [(0, Reason::Malformed), (1 << 30, Reason::TooLarge)] {
        let mut session = new_session();
        session.on_bad_length(LengthError { length, bytes_max: session.frame_bytes_max() });
        assert_eq!(refusal(&mut session).reason, reason);
    }
    let mut session = active(0);
    session.on_timeout("a frame took too long");
    assert_eq!(refusal(&mut session).reason, Reason::TooSlow);
}

#[test]
fn draining_answers_what_is_in_flight_and_takes_nothing_more() {
    let mut session = active(0);
    session.on_frame(&batch(1, 2), &world());
    commands(&mut session);
    session.on_event(Event::Drain);
    session.on_event(Event::Drain);
    let notice = Command::Send(FromGateway::Notice(Notice::Draining { reconnect_after_ms: 1_000 }));
    assert_eq!(commands(&mut session), [notice]);
    assert!(!session.wants_frames());
    session.on_event(Event::Durable(2));
    assert_eq!(commands(&mut session), [ack(2), Command::Close(Close::Done)]);
}

#[test]
fn a_device_that_ends_its_stream_gets_its_last_acknowledgement() {
    let mut session = active(0);
    session.on_frame(&batch(1, 2), &world());
    session.on_end(false);
    assert!(matches!(&commands(&mut session)[..], [Command::Submit(_)]));
    session.on_event(Event::Durable(2));
    assert_eq!(commands(&mut session), [ack(2), Command::Close(Close::Done)]);
    let mut session = active(0);
    session.on_end(true);
    assert_eq!(refusal(&mut session).reason, Reason::Malformed);
}

#[test]
fn what_became_durable_is_acknowledged_before_the_session_is_refused() {
    let mut session = active(0);
    session.on_frame(&batch(1, 2), &world());
    commands(&mut session);
    session.on_event(Event::Durable(2));
    session.on_event(Event::Superseded);
    session.on_event(Event::Durable(9));
    let told = commands(&mut session);
    assert_eq!(told[0], ack(2));
    assert_eq!(told[2..], [Command::Close(Close::Refused(Reason::Superseded))]);
}

#[test]
fn a_full_disk_is_told_once_an_episode() {
    let mut session = active(0);
    let full = Command::Send(FromGateway::Notice(Notice::StorageFull));
    session.on_storage_full();
    session.on_storage_full();
    assert_eq!(commands(&mut session), std::slice::from_ref(&full));
    session.on_submitted();
    session.on_storage_full();
    assert_eq!(commands(&mut session), [full]);
}

#[test]
fn a_move_is_told_and_a_failure_ends_the_session() {
    let mut session = active(0);
    session.on_event(Event::SiteChanged("HN-02".into()));
    let moved = Command::Send(FromGateway::Notice(Notice::SiteChanged("HN-02".into())));
    assert_eq!(commands(&mut session), [moved]);
    session.on_event(Event::Failed);
    let refusal = refusal(&mut session);
    assert_eq!((refusal.scope, refusal.reason), (Scope::Batch, Reason::Unspecified));
    assert!(refusal.retry_after_ms > 0);
}
