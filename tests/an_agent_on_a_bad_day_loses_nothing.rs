//! The checkpoint's own program and its server are both killed again and again, and the device is
//! moved to another site, while an officer's file grows.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use truyvet_schemas::TimeMs;

use crate::support::checkpoint::Checkpoint;
use crate::support::server::{Server, eventually, truyvet_ok};

#[test]
fn every_line_of_a_followed_file_arrives_once_whoever_is_killed() {
    let mut server = Server::start(CONFIG);
    server.put_sites(&["before", "after"]);
    let mut checkpoint = Checkpoint::start(&server, "before");
    let mut dice = ChaCha8Rng::seed_from_u64(20);
    let start_ms = TimeMs::now().get() - 86_400_000;
    for round in 0..ROUNDS {
        for _ in 0..dice.random_range(1..8) {
            let first = checkpoint.count();
            let scans = first..first + dice.random_range(1..400);
            checkpoint.write(scans.map(|n| (format!("p{}", n % 101), start_ms + n as i64)));
            std::thread::sleep(Duration::from_millis(dice.random_range(0..60)));
        }
        if round % 3 != 0 {
            checkpoint.restart(&server);
        }
        if round % 3 != 1 {
            server.restart();
        }
        if round == ROUNDS / 2 {
            truyvet_ok(&["device", "move", "1", "--site", "after", "--url", server.url()]);
        }
    }
    let count = checkpoint.count();
    eventually("every line is there", Duration::from_secs(60), || server.scans() >= count);
    assert_eq!(server.scans(), count);
    checkpoint.assert_exactly_once(&server);
    let letters = truyvet_ok(&["dead-letters", "--url", server.url()]);
    assert_eq!(letters.trim(), "[]", "the move refused nothing");
}

/// Runs between the kills; and so short a silence that an agent soon sees its server gone.
const CONFIG: &str = "[engine]\nlive_scans_max = 10_000\nruns_max = 2\nfree_bytes_min = 0\n\
                      [gateway]\nidle_timeout_ms = 1_000\n";

/// Two kills in three rounds for each: 50 of the agent, and 50 of the server.
const ROUNDS: usize = 75;
