//! A server that is told to stop while devices stream: it tells them, answers what it has, and ends by
//! itself.

use std::time::{Duration, Instant};

use truyvet_schemas::wire::Notice;

use crate::support::server::{Server, eventually};
use crate::support::stream::{Stream, assert_exactly_once};

#[test]
fn devices_are_told_and_go_on_at_the_next_start() {
    let mut server = Server::start(CONFIG);
    let sites = ["north", "south", "east"];
    server.put_sites(&sites);
    let stream = Stream::start(server.enrol(&sites), server.quic(), Duration::from_millis(2));
    for round in 1..=3 {
        let before = stream.acknowledged();
        eventually("scans are taken", PATIENCE, || stream.acknowledged() > before + 2_000);
        let asked_at = Instant::now();
        let ended = server.terminate();
        assert!(ended.success(), "round {round}: {ended}");
        // The grace that it gives to what is in flight is ten seconds; all was answered long before.
        assert!(asked_at.elapsed() < Duration::from_secs(8), "round {round}: {:?}", asked_at.elapsed());
        assert!(!server.data().join("server.json").exists(), "it says nowhere that it can be asked");
        server.launch();
        server.wait();
        stream.reconnect(server.quic());
    }
    assert!(stream.heard(&Notice::Draining { reconnect_after_ms: 700 }), "devices were told");
    let sent = stream.finish();
    assert!(sent.iter().all(|(_, record)| record.refused.is_empty()), "nothing was refused");
    assert_exactly_once(&server, &sent);
}

const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n[gateway]\nreconnect_after_ms = 700\n";
const PATIENCE: Duration = Duration::from_secs(20);
