//! The checkpoint's own program and its server are both killed again and again, and the device is
//! moved to another site, while an officer's file grows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use truyvet_schemas::TimeMs;

use crate::support::server::{Server, eventually, program, truyvet_ok};

#[test]
fn every_line_of_a_followed_file_arrives_once_whoever_is_killed() {
    let mut server = Server::start(CONFIG);
    server.put_sites(&["before", "after"]);
    let path = |name: &str| server.place().join(name).to_str().unwrap().to_owned();
    let (key, input) = (path("device.json"), path("scans.ndjson"));
    truyvet_ok(&["device", "add", "--site", "before", "--key-file", &key, "--url", server.url()]);
    let mut file = File::options().create(true).append(true).open(&input).unwrap();
    let mut agent = Agent::start(&key, &input, &server);
    let mut dice = ChaCha8Rng::seed_from_u64(20);
    let mut lines = Lines { start_ms: TimeMs::now().get() - 86_400_000, sent: BTreeMap::new(), count: 0 };
    for round in 0..ROUNDS {
        for _ in 0..dice.random_range(1..8) {
            lines.write(&mut file, dice.random_range(1..400));
            std::thread::sleep(Duration::from_millis(dice.random_range(0..60)));
        }
        if round % 3 != 0 {
            agent.restart(&key, &input, &server);
        }
        if round % 3 != 1 {
            server.restart();
        }
        if round == ROUNDS / 2 {
            truyvet_ok(&["device", "move", "1", "--site", "after", "--url", server.url()]);
        }
    }
    let count = lines.count as u64;
    eventually("every line is there", Duration::from_secs(60), || server.scans() >= count);
    assert_eq!(server.scans(), count);
    for (subject, sent) in &lines.sent {
        let told: Vec<i64> = server.trail(subject).into_iter().map(|(at, _, _)| at).collect();
        assert!(told == *sent, "{subject}: {} lines written, {} in the trail", sent.len(), told.len());
    }
    let letters = truyvet_ok(&["dead-letters", "--url", server.url()]);
    assert_eq!(letters.trim(), "[]", "the move refused nothing");
}

/// What the officer wrote.
struct Lines {
    start_ms: i64,
    /// Each subject's instants in order.
    sent: BTreeMap<String, Vec<i64>>,
    count: usize,
}

impl Lines {
    fn write(&mut self, file: &mut File, count: usize) {
        let mut text = String::new();
        for _ in 0..count {
            let (subject, at) = (format!("p{}", self.count % 101), self.start_ms + self.count as i64);
            text += &format!("{{\"subject\":\"{subject}\",\"unix_ms\":{at}}}\n");
            self.sent.entry(subject).or_default().push(at);
            self.count += 1;
        }
        // In two writes, so that at times the file ends in half a line.
        let (front, back) = text.split_at(text.len() / 2);
        file.write_all(front.as_bytes()).unwrap();
        file.write_all(back.as_bytes()).unwrap();
    }
}

/// A process that ends with the test.
struct Agent(Child);

impl Agent {
    fn start(key: &str, input: &str, server: &Server) -> Self {
        let log = File::options().create(true).append(true).open(Path::new(key).with_extension("log"));
        let child = Command::new(program("truyvet-device"))
            .args(["run", "--key", key, "--input", input, "--follow", "--batch-delay", "20ms"])
            .args(["--gateway", &server.quic().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn();
        Self(child.unwrap())
    }

    fn restart(&mut self, key: &str, input: &str, server: &Server) {
        self.kill();
        *self = Self::start(key, input, server);
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs between the kills; and so short a silence that an agent soon sees its server gone.
const CONFIG: &str = "[engine]\nlive_scans_max = 10_000\nruns_max = 2\nfree_bytes_min = 0\n\
                      [gateway]\nidle_timeout_ms = 1_000\n";

/// Two kills in three rounds for each, 40 in all.
const ROUNDS: usize = 30;
