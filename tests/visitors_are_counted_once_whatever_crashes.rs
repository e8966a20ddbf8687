//! A visitor's scan of a venue's poster that was answered is in the trail once, at the instant that was told,
//! wherever the server was killed; and how many are inside is right at once when it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::people::{Browser, declaration};
use crate::support::server::{Server, truyvet_ok};

#[test]
fn visits_are_kept_once_through_kills_in_the_middle_of_writing() {
    let mut server = served();
    let address = Browser::new().get(&server, "/api/v1/venues/M1/poster")["address"].clone();
    let seal = address.as_str().unwrap().rsplit_once('.').unwrap().1.to_owned();
    let mut visitors: Vec<Visitor> = (0..4).map(|at| Visitor::new(&server, at, &seal)).collect();
    for round in 0..12 {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for visitor in &mut visitors {
                scope.spawn(|| visitor.come_and_go_until(&server, &is_over));
            }
            std::thread::sleep(Duration::from_millis(30 + 17 * round));
            server.signal_kill();
            is_over.store(true, Ordering::Relaxed);
        });
        server.kill();
        server.restart();
        for visitor in &mut visitors {
            visitor.send_the_last_again(&server);
            assert_eq!(visitor.trail(&server), visitor.told(), "each once, at its instant");
        }
        let venue = Browser::new().get(&server, "/api/v1/venues/M1");
        let inside = visitors.iter().filter(|visitor| visitor.is_inside()).count();
        assert_eq!(venue["inside"], inside, "round {round}");
    }
    let made: usize = visitors.iter().map(|visitor| visitor.sent.len()).sum();
    assert!(made > 40, "there was something to lose: {made}");
    let report = truyvet_ok(&["verify", "--url", server.url()]);
    assert!(report.contains("\"damaged\":0"), "no number was left out or given twice: {report}");
}

/// Somebody who goes in and out again and again.
struct Visitor {
    browser: Browser,
    subject: String,
    token: String,
    seal: String,
    sent: Vec<Sent>,
}

/// A scan on its way, and the instant that was told, if one was.
struct Sent {
    is_in: bool,
    told: Option<i64>,
}

impl Visitor {
    fn new(server: &Server, at: usize, seal: &str) -> Self {
        let number = format!("00109000000{at}");
        let browser = Browser::citizen(server, &number);
        let (_, made) = browser.post(server, "/api/v1/declarations", "-", &declaration(&number)).unwrap();
        let token = made["pass"]["token"].as_str().unwrap().to_owned();
        let subject = subject_of(&token);
        Self { browser, subject, token, seal: seal.to_owned(), sent: Vec::new() }
    }

    fn come_and_go_until(&mut self, server: &Server, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let is_in = self.sent.len().is_multiple_of(2);
            let told = self.post(server, self.sent.len(), is_in);
            self.sent.push(Sent { is_in, told });
            std::thread::sleep(Duration::from_millis(2)); // nobody goes in and out at one instant
            if told.is_none() {
                return;
            }
        }
    }

    /// As a phone does that heard no answer; whether it was kept before or not, it is kept once now.
    fn send_the_last_again(&mut self, server: &Server) {
        let Some(Sent { is_in, told }) = self.sent.pop() else { return };
        let again = self.post(server, self.sent.len(), is_in);
        assert!(again.is_some() && (told.is_none() || told == again), "told {told:?}, then {again:?}");
        self.sent.push(Sent { is_in, told: again });
    }

    fn post(&self, server: &Server, nth: usize, is_in: bool) -> Option<i64> {
        let direction = if is_in { "in" } else { "out" };
        let visit = json!({"site": "M1", "seal": self.seal, "direction": direction, "token": self.token});
        let (status, visited) = self.browser.post(server, "/api/v1/visits", &nth.to_string(), &visit)?;
        // What the server says while it stops is no answer.
        if status == 503 {
            return None;
        }
        assert_eq!(status, 201, "{visited}");
        visited["at"].as_i64()
    }

    fn told(&self) -> Vec<(i64, bool)> {
        self.sent.iter().map(|sent| (sent.told.unwrap(), sent.is_in)).collect()
    }

    fn trail(&self, server: &Server) -> Vec<(i64, bool)> {
        let span = format!("subject={}&from=0&to=2199-01-01T00:00:00Z", self.subject);
        let answer = Browser::new().get(server, &format!("/api/v1/trace/trail?{span}"));
        let scan = |scan: &Value| (scan["at"].as_i64().unwrap(), scan["direction"] == "in");
        answer["scans"].as_array().unwrap().iter().map(scan).collect()
    }

    fn is_inside(&self) -> bool {
        self.sent.last().is_some_and(|sent| sent.is_in)
    }
}

/// The subject that a token names.
fn subject_of(token: &str) -> String {
    let letters = token.strip_prefix(truyvet_schemas::pass::PREFIX).unwrap();
    let mut bits = letters.bytes().flat_map(|letter| {
        let value = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let bytes: Vec<u8> =
        (0..21).map(|_| bits.by_ref().take(8).fold(0, |byte, bit| byte << 1 | bit)).collect();
    let subject: [u8; 10] = bytes[11..].try_into().unwrap();
    truyvet_schemas::pass::SubjectCode::new(subject).to_string()
}

fn served() -> Server {
    let server = Server::start("[people]\nvisit_gap_ms = 1\n");
    let areas = server.place().join("areas.csv");
    std::fs::write(&areas, "area,parent,name\nP1,,Tỉnh Một\nW1,P1,Phường Một\nW2,P1,Xã Hai\n").unwrap();
    let sites = server.place().join("sites.csv");
    std::fs::write(&sites, "site,area,kind\nM1,W1,market\n").unwrap();
    let file = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    truyvet_ok(&["import", "--url", server.url(), "--areas", &file(&areas), "--sites", &file(&sites)]);
    server
}
