//! The server is killed again and again while devices stream, at moments that nobody chose.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::support::server::Server;
use crate::support::stream::{Stream, assert_exactly_once};

#[test]
fn a_server_killed_fifty_times_under_load_loses_and_doubles_nothing() {
    let mut server = Server::start(CONFIG);
    let sites = ["north", "south", "east", "west", "harbour", "market"];
    server.put_sites(&sites);
    let stream = Stream::start(server.enrol(&sites), server.quic(), Duration::from_millis(2));
    let mut dice = ChaCha8Rng::seed_from_u64(50);
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(dice.random_range(50..400)));
        server.kill();
        server.launch();
        // A kill may also come while the last one is still being recovered from.
        if dice.random_ratio(1, 5) {
            std::thread::sleep(Duration::from_millis(dice.random_range(0..100)));
            server.kill();
            server.launch();
        }
        server.wait();
        stream.reconnect(server.quic());
    }
    std::thread::sleep(Duration::from_millis(500));
    let sent = stream.finish();
    assert!(sent.iter().all(|(_, record)| record.welcomes > 10), "devices streamed between the kills");
    assert!(sent.iter().all(|(_, record)| record.refused.is_empty()), "nothing was refused");
    assert_exactly_once(&server, &sent);
    server.restart();
    assert_exactly_once(&server, &sent);
    let runs = server.json("/api/v1/status", &[])["engine"]["partitions"].to_string();
    assert_ne!(runs, "[]", "runs were written between the kills");
}

/// Rotations, runs and merges between the kills.
const CONFIG: &str = "[engine]\nlive_scans_max = 10_000\nruns_max = 2\nfree_bytes_min = 0\n\
                      wal_bytes_max = 16_777_216\nmemory_bytes = 134_217_728\n";
const KILLS: usize = 50;
