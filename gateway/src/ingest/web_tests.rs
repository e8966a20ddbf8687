//! Browsers over real HTTP/3 on loopback, in bare mode.

use std::net::SocketAddr;

use quinn::{Endpoint, crypto::rustls::QuicClientConfig};
use truyvet_schemas::wire::SignedBatch;
use url::Url;
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::{Client, ClientBuilder};

use super::super::tests::{Setup, batch, key, quick, start};
use super::*;
use crate::ingest::GatewayConfig;
use crate::tls::TlsIdentity;

/// The only ticket that holds in these tests.
pub(in crate::ingest) struct OneTicket;

const TICKET: [u8; TICKET_BYTES] = [7; TICKET_BYTES];

impl Admits for OneTicket {
    fn admits(&self, ticket: &[u8; TICKET_BYTES], _: TimeMs) -> bool {
        *ticket == TICKET
    }
}

fn request(ticket: [u8; TICKET_BYTES], device: u32, frame: &[u8]) -> Vec<u8> {
    [&ticket[..], &device.to_le_bytes(), frame].concat()
}

/// What a page does.
struct Page {
    session: Session,
}

impl Page {
    async fn open(setup: &Setup) -> Self {
        Self::open_at(setup, WEB_PATH).await.expect("a session")
    }

    async fn open_at(setup: &Setup, path: &str) -> Option<Self> {
        let (origin, offer) = setup.gateway.offer("localhost:8080").expect("browsers may connect");
        let hashes = offer.hashes().iter().map(|hash| hash.to_vec()).collect();
        let client = ClientBuilder::new().with_server_certificate_hashes(hashes).expect("hashes");
        Self::connect(&client, &format!("{origin}{path}")).await
    }

    async fn connect(client: &Client, url: &str) -> Option<Self> {
        let session = timeout(Duration::from_secs(10), client.connect(connect_request(url)))
            .await
            .expect("in time")
            .ok()?;
        Some(Self { session })
    }

    /// The frames of an answer.
    async fn send(&self, bytes: &[u8]) -> Vec<FromGateway> {
        let (mut send, mut recv) = self.session.open_bi().await.expect("a stream");
        // A gateway that refuses does not read to the end.
        send.write_all(bytes).await.ok();
        send.finish().ok();
        read(&mut recv).await
    }

    async fn acked(&self, first_seq: u64, scans: usize) -> u64 {
        match &self.send(&request(TICKET, 1, &batch(1, first_seq, scans))).await[..] {
            [FromGateway::Ack { durable_seq }] => *durable_seq,
            other => panic!("no acknowledgement: {other:?}"),
        }
    }

    async fn refused(&self, bytes: &[u8]) -> Refusal {
        match self.send(bytes).await.pop() {
            Some(FromGateway::Refusal(refusal)) => refusal,
            other => panic!("no refusal: {other:?}"),
        }
    }

    async fn closed(&self, reason: Reason) {
        let closed = timeout(Duration::from_secs(5), self.session.closed()).await.expect("closed");
        assert!(closed.to_string().contains(reason.as_str()), "{closed} for {}", reason.as_str());
    }
}

fn connect_request(url: &str) -> ConnectRequest {
    ConnectRequest::new(url.parse::<Url>().expect("a URL"))
}

async fn read(recv: &mut RecvStream) -> Vec<FromGateway> {
    let whole = timeout(Duration::from_secs(10), recv.read_to_end(1 << 20)).await.expect("in time");
    let (bytes, mut frames, mut at) = (whole.expect("an answer"), Vec::new(), 0);
    while let Some(length) = bytes[at..].first_chunk::<4>() {
        let end = at + 4 + u32::from_le_bytes(*length) as usize;
        frames.push(FromGateway::parse(&bytes[at + 4..end]).expect("a frame"));
        at = end;
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_of_a_browser_arrive_once_and_on_one_connection() {
    let setup = start(quick(), 1);
    let page = Page::open(&setup).await;
    for first_seq in (1..=1_001).step_by(100) {
        assert_eq!(page.acked(first_seq, 100).await, first_seq + 99);
    }
    assert_eq!(page.acked(1_001, 100).await, 1_100, "sent again, it is there once");
    let metrics = setup.gateway.metrics();
    assert_eq!(
        (metrics.scans_webtransport.get(), metrics.scans.get(), metrics.scans_quic.get()),
        (1_100, 1_100, 0)
    );
    assert_eq!((metrics.handshakes.get(), metrics.web_connections_open.get()), (1, 1));
    page.session.close(0, b"");
    page.session.closed().await;
    timeout(Duration::from_secs(5), async {
        while metrics.web_connections_open.get() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("its place is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_the_worst_ends_the_connection() {
    let setup = start(quick(), 2);
    setup.enrolled.change(2, |record| record.revoked_at = Some(1));
    let of_other_key = {
        let whole = batch(1, 1, 1);
        let Ok(truyvet_schemas::wire::FromDevice::Batch(signed)) =
            truyvet_schemas::wire::FromDevice::parse(&whole[4..])
        else {
            panic!("a batch")
        };
        let signature = truyvet_schemas::signing::sign_batch(&key(2), signed.batch);
        prefixed(&SignedBatch { batch: signed.batch, signature }.encode())
    };
    let twice = [batch(1, 1, 1), batch(1, 2, 1)].concat();
    let good = batch(1, 1, 1);
    let cases: [(u32, &[u8], Reason, Scope); 8] = [
        (1, &of_other_key, Reason::BadSignature, Scope::Batch),
        (2, &good, Reason::RevokedDevice, Scope::Session),
        (9, &good, Reason::UnknownDevice, Scope::Session),
        (1, &prefixed(b"no frame"), Reason::Malformed, Scope::Session),
        (1, &good[..good.len() - 1], Reason::Malformed, Scope::Session),
        (1, &twice, Reason::Malformed, Scope::Session),
        (1, &0u32.to_le_bytes(), Reason::Malformed, Scope::Session),
        (1, &(FRAME_BYTES_MAX as u32 + 1).to_le_bytes(), Reason::TooLarge, Scope::Session),
    ];
    for (device, frame, reason, scope) in cases {
        let page = Page::open(&setup).await;
        let refusal = page.refused(&request(TICKET, device, frame)).await;
        assert_eq!((refusal.reason, refusal.scope), (reason, scope));
        match scope {
            Scope::Session => page.closed(reason).await,
            _ => assert!(page.acked(1, 1).await >= 1, "the connection goes on"),
        }
    }
    assert_eq!(setup.gateway.sink().durable_seq(DeviceId::new(1)), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ticket_that_holds_nothing_is_read() {
    let setup = start(quick(), 1);
    let page = Page::open(&setup).await;
    let refusal = page.refused(&request([8; TICKET_BYTES], 1, &batch(1, 1, 1))).await;
    assert_eq!((refusal.reason, refusal.scope), (Reason::NotSignedIn, Scope::Session));
    page.closed(Reason::NotSignedIn).await;
    // One that ends while the connection stands ends it.
    let page = Page::open(&setup).await;
    assert_eq!(page.acked(1, 1).await, 1);
    assert_eq!(
        page.refused(&request([8; TICKET_BYTES], 1, &batch(1, 2, 1))).await.reason,
        Reason::NotSignedIn
    );
    page.closed(Reason::NotSignedIn).await;
    assert_eq!(setup.gateway.sink().durable_seq(DeviceId::new(1)), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_has_shown_its_ticket_may_be_silent() {
    let setup = start(GatewayConfig { idle_timeout_ms: 30_000, ..quick() }, 1);
    let page = Page::open(&setup).await;
    assert_eq!(page.send(&TICKET).await, []);
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    assert_eq!(page.acked(1, 1).await, 1);
    assert_eq!(page.refused(&request(TICKET, 1, b"")[..34]).await.reason, Reason::Malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_that_are_silent_or_drip_are_dropped() {
    let setup = start(quick(), 1);
    Page::open(&setup).await.closed(Reason::TooSlow).await;
    let page = Page::open(&setup).await;
    let (mut send, mut recv) = page.session.open_bi().await.expect("a stream");
    for byte in request(TICKET, 1, &batch(1, 1, 10)) {
        if send.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(&read(&mut recv).await[..], [FromGateway::Refusal(r)] if r.reason == Reason::TooSlow));
    page.closed(Reason::TooSlow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_may_send_little_and_streams_are_few() {
    let setup = start(quick(), 1);
    let page = Page::open(&setup).await;
    let (mut send, _recv) = page.session.open_bi().await.expect("a stream");
    // Without the last byte of its ticket, nothing is read but what the window holds.
    send.write_all(&TICKET[1..]).await.expect("taken");
    let mut streams = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), page.session.open_bi()).await {
        streams.push(stream);
    }
    assert_eq!(streams.len(), 2, "beside the first");
    let flood = vec![0; 64 << 10];
    let stuck = timeout(Duration::from_millis(500), streams[0].0.write_all(&flood)).await;
    assert!(!matches!(stuck, Ok(Ok(()))), "the window is 16 KiB");
    page.closed(Reason::TooSlow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_bounded_and_take_no_place_of_a_device() {
    let setup = start(GatewayConfig { web_connections_max: 2, connections_max: 1, ..quick() }, 1);
    let (one, other) = (Page::open(&setup).await, Page::open(&setup).await);
    assert_eq!((one.acked(1, 1).await, other.acked(2, 1).await), (1, 2));
    assert!(Page::open_at(&setup, WEB_PATH).await.is_none(), "a third");
    let (mut device, welcome) = super::super::tests::Device::welcomed(&setup, 1).await;
    assert_eq!(welcome.durable_seq, 2);
    device.write(&batch(1, 3, 1)).await;
    device.acked(3).await;
    assert_eq!(setup.gateway.metrics().scans_quic.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_address_of_scans_and_only_the_hashes_that_are_told_open_a_session() {
    let setup = start(quick(), 1);
    assert!(Page::open_at(&setup, "/").await.is_none());
    let (origin, _) = setup.gateway.offer("localhost").expect("offered");
    let other = ClientBuilder::new().with_server_certificate_hashes(vec![vec![0; 32]]).expect("a hash");
    assert!(Page::connect(&other, &format!("{origin}{WEB_PATH}")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_answers_what_it_has_read_and_tells_browsers_why_it_goes() {
    let setup = start(quick(), 1);
    let page = Page::open(&setup).await;
    assert_eq!(page.acked(1, 100).await, 100);
    let (all_answered, ()) =
        tokio::join!(setup.gateway.drain(Duration::from_secs(5)), page.closed(Reason::Busy));
    assert!(all_answered);
    assert!(page.session.open_bi().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_own_certificate_is_shown_to_browsers_and_checked_by_them() {
    let data = tempfile::tempdir().expect("a directory");
    let made = TlsIdentity::development(data.path()).expect("made");
    let of = |name: &str| data.path().join("tls").join(name);
    let own = TlsIdentity::from_files(&of("gateway.pem"), &of("gateway.key")).expect("read");
    let setup = super::super::tests::start_with(data, quick(), 1, own);
    let (origin, offer) = setup.gateway.offer("localhost:8080").expect("offered");
    assert!(offer.hashes().is_empty() && origin.starts_with("https://localhost:"));
    let tls = super::super::tests::client_tls(made.authority_pem().expect("PEM"), web_transport_quinn::ALPN);
    let tls = QuicClientConfig::try_from(tls).expect("TLS 1.3");
    let endpoint = Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback is free");
    // By the loopback that the gateway has, whatever `localhost` is first.
    let address = setup.gateway.web_addr().expect("listens");
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let connection = endpoint.connect_with(config, address, "localhost").expect("an address").await;
    let request = connect_request(&format!("{origin}{WEB_PATH}"));
    let session = Session::connect(connection.expect("a good certificate"), request).await;
    let page = Page { session: session.expect("a session") };
    assert_eq!(page.acked(1, 1).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_be_off_and_a_chosen_address_that_is_taken_is_told() {
    let off = start(GatewayConfig { web_listen: crate::ingest::WebListen::Off, ..quick() }, 1);
    assert!(off.gateway.offer("localhost").is_none());
    let (_, welcome) = super::super::tests::Device::welcomed(&off, 1).await;
    assert_eq!(welcome.durable_seq, 0);
    let taken = start(quick(), 1).gateway.web_addr();
    let listening = start(quick(), 1);
    let at = listening.gateway.web_addr().expect("listens");
    let chosen = GatewayConfig { web_listen: crate::ingest::WebListen::At(at), ..quick() };
    let refused = super::super::tests::try_start(chosen).err().expect("it is taken").to_string();
    assert!(taken.is_some() && refused.contains("web_listen"), "{refused}");
}

#[test]
fn seqs_that_are_put_aside_are_told_by_reason_before_the_acknowledgement() {
    let refused = vec![(1, Reason::BadCode), (2, Reason::BadCode), (4, Reason::WrongSite)];
    let frames = delivered_frames(Delivered { durable_seq: 5, refused });
    let told: Vec<_> = frames
        .iter()
        .map(|frame| match frame {
            FromGateway::Refusal(r) => (Some((r.scope, r.reason)), r.seqs.clone()),
            _ => (None, Vec::new()),
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some((Scope::Scans, Reason::BadCode)), vec![1, 2]),
            (Some((Scope::Scans, Reason::WrongSite)), vec![4]),
            (None, vec![])
        ]
    );
}
