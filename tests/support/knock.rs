//! Handshakes that are begun and never gone on with: real packets of clients that believe to speak to
//! the gateway, carried over by hand.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use truyvet_device::client::ConnectOptions;

use super::peer::Peer;

/// Begins this many handshakes with first packets alone, and tells how many went out.
pub(crate) fn with_first_packets(peer: &Peer, handshakes: usize) -> usize {
    let catcher = UdpSocket::bind("127.0.0.1:0").unwrap();
    catcher.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = catcher.local_addr().unwrap();
    let doors: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let (mut knocked, mut packet) = (0, [0; PACKET_BYTES]);
    in_rounds(peer, |connect| {
        let connecting: Vec<_> = (0..AT_ONCE).map(|_| connect(address)).collect();
        while let Ok(length) = catcher.recv(&mut packet) {
            doors[knocked % doors.len()].send_to(&packet[..length], peer.gateway).unwrap();
            knocked += 1;
            if knocked.is_multiple_of(AT_ONCE) {
                break;
            }
        }
        drop(connecting);
        knocked < handshakes
    });
    knocked
}

/// Begins this many handshakes that answer the gateway's Retry, so that it knows their address to be
/// theirs, and tells how many did.
pub(crate) fn from_proved_addresses(peer: &Peer, handshakes: usize) -> usize {
    let relays: Vec<Relay> =
        (2..6).map(|n| Relay::start(Ipv4Addr::new(127, 0, 0, n), peer.gateway)).collect();
    let proved = || relays.iter().map(Relay::proved).sum::<usize>();
    let mut turns = relays.iter().cycle();
    in_rounds(peer, |connect| {
        let (relay, wanted) = (turns.next().unwrap(), proved() + AT_ONCE);
        let connecting: Vec<_> = (0..AT_ONCE).map(|_| connect(relay.address)).collect();
        // While the gateway has slots free it asks for no proof: those of them never come.
        let deadline = Instant::now() + PATIENCE;
        while proved() < wanted && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(connecting);
        proved() < handshakes
    });
    proved()
}

/// Hands a way to connect to `round`, from new sockets each time, until it has had enough.
fn in_rounds(peer: &Peer, mut round: impl FnMut(&dyn Fn(SocketAddr) -> quinn::Connecting) -> bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    for _ in 0..ROUNDS_MAX {
        let ConnectOptions { endpoint, config, .. } = peer.options();
        if !round(&|address| endpoint.connect_with(config.clone(), address, "localhost").unwrap()) {
            return;
        }
    }
}

/// Stands between clients and the gateway, and lets pass of each handshake the first packet, the
/// gateway's Retry, and the packet that answers it.
struct Relay {
    /// Where clients connect to.
    address: SocketAddr,
    proved: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// The gateway sees its packets come from this address.
    fn start(from: Ipv4Addr, gateway: SocketAddr) -> Self {
        let inside = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let outside = Arc::new(UdpSocket::bind((from, 0)).unwrap());
        let address = inside.local_addr().unwrap();
        let (proved, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let client = Arc::new(Mutex::new(address));

        let (to_gateway, counter, last_client) = (outside.clone(), proved.clone(), client.clone());
        let mut seen = HashSet::new();
        let outward = carry(inside.clone(), over.clone(), move |packet, sender| {
            *last_client.lock() = sender;
            let Some((source, answers_retry)) = initial(packet) else { return };
            if seen.insert((source.to_vec(), answers_retry)) {
                to_gateway.send_to(packet, gateway).unwrap();
                counter.fetch_add(usize::from(answers_retry), Ordering::Relaxed);
            }
        });
        let inward = carry(outside, over.clone(), move |packet, _| {
            if is_retry(packet) {
                inside.send_to(packet, *client.lock()).unwrap();
            }
        });
        Self { address, proved, over, threads: vec![outward, inward] }
    }

    fn proved(&self) -> usize {
        self.proved.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// Hands every packet that comes with its sender to `pass`, in a thread of its own.
fn carry(
    from: Arc<UdpSocket>,
    over: Arc<AtomicBool>,
    mut pass: impl FnMut(&[u8], SocketAddr) + Send + 'static,
) -> JoinHandle<()> {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; PACKET_BYTES];
        while !over.load(Ordering::Relaxed) {
            if let Ok((length, sender)) = from.recv_from(&mut packet) {
                pass(&packet[..length], sender);
            }
        }
    })
}

/// Of an Initial packet (RFC 9000, 17.2.2), the client's connection id, and whether it has a token.
fn initial(packet: &[u8]) -> Option<(&[u8], bool)> {
    let (first, rest) = packet.split_first()?;
    if first & 0xb0 != 0x80 {
        return None;
    }
    let (_version, rest) = rest.split_at_checked(4)?;
    let (_destination, rest) = connection_id(rest)?;
    let (source, rest) = connection_id(rest)?;
    Some((source, *rest.first()? != 0))
}

fn connection_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// RFC 9000, 17.2.5.
fn is_retry(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0xb0 == 0xb0)
}

/// Few enough for a socket's buffer.
const AT_ONCE: usize = 100;
const ROUNDS_MAX: usize = 400;
const PACKET_BYTES: usize = 2_000;
const PATIENCE: Duration = Duration::from_millis(200);
