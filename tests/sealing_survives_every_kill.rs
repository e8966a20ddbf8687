//! The server is killed while it seals closed days and while it drops one, at moments that nobody chose:
//! every scan stays, once, and a dropped day is there whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::support::server::{Server, program, truyvet_ok};

#[test]
fn a_server_killed_while_it_seals_and_drops_keeps_every_scan_once() {
    let mut server = Server::start("[engine]\nfree_bytes_min = 0\nwal_bytes_max = 16_777_216\n");
    put_areas(&server);
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let mut twin = Twin::default();
    for round in 0..ROUNDS {
        import(&server, round, &mut dice, &mut twin);
        let mut seal = start(&server, &["seal"]);
        std::thread::sleep(Duration::from_millis(dice.random_range(0..120)));
        server.kill();
        seal.wait().unwrap();
        server.launch();
        server.wait();
        assert_eq!(server.scans(), twin.scans, "round {round}");
    }
    truyvet_ok(&["seal", "--url", server.url()]);
    twin.assert_same(&server);
    let status = server.json("/api/v1/status", &[]);
    let partitions = status["engine"]["partitions"].as_array().unwrap();
    assert!(partitions.iter().all(|partition| partition["runs"] == 1), "{partitions:?}");
    drop_days(&mut server, &mut dice, &mut twin);
}

/// Each day is asked to be dropped and the server killed; asked again, it is gone.
fn drop_days(server: &mut Server, dice: &mut ChaCha8Rng, twin: &mut Twin) {
    // All days are sparse, so they share a partition, which goes as one.
    let (first, last) = (day_text(0), day_text(DAYS - 1));
    let mut dropping = start(server, &["drop", &first, "--through", &last]);
    std::thread::sleep(Duration::from_millis(dice.random_range(0..40)));
    server.kill();
    dropping.wait().unwrap();
    server.launch();
    server.wait();
    let left = server.scans();
    assert!(left == 0 || left == twin.scans, "{left} of {}", twin.scans);
    truyvet_ok(&["drop", &first, "--through", &last, "--url", server.url()]);
    assert_eq!(server.scans(), 0);
    // What was imported before is known to have been, and stays away; what is new comes in.
    *twin = Twin::default();
    import(server, ROUNDS, dice, twin);
    server.restart();
    twin.assert_same(server);
}

/// What was imported, by site and day: subjects and numbers of scans.
#[derive(Default)]
struct Twin {
    scans: u64,
    by_site: BTreeMap<(u32, i64), BTreeMap<u32, u64>>,
}

impl Twin {
    fn assert_same(&self, server: &Server) {
        for day in 0..DAYS {
            let (from, to) = (START_MS + day * DAY_MS, START_MS + (day + 1) * DAY_MS);
            let (from, to) = (from.to_string(), to.to_string());
            let mut everybody: BTreeMap<u32, u64> = BTreeMap::new();
            for site in 0..SITES {
                let expected = self.by_site.get(&(site, day)).cloned().unwrap_or_default();
                let answer = server.json(
                    "/api/v1/trace/passed",
                    &[("site", &site_code(site)), ("from", &from), ("to", &to)],
                );
                let found: BTreeMap<u32, u64> = answer["list"].as_array().unwrap().iter().map(told).collect();
                assert_eq!(found, expected, "site {site}, day {day}");
                expected.into_iter().for_each(|(who, scans)| *everybody.entry(who).or_default() += scans);
            }
            let count = server.json(
                "/api/v1/trace/passed",
                &[("area", "LAND"), ("from", &from), ("to", &to), ("count", "true")],
            );
            assert_eq!(count["subjects"], everybody.len() as u64, "day {day}");
            assert_eq!(count["scans"], everybody.values().sum::<u64>(), "day {day}");
            for (who, scans) in everybody.iter().take(20) {
                let trail = server.json(
                    "/api/v1/trace/trail",
                    &[("subject", &format!("P{who}")), ("from", &from), ("to", &to)],
                );
                assert_eq!(trail["scans"].as_array().unwrap().len() as u64, *scans, "P{who}, day {day}");
            }
        }
    }
}

fn told(entry: &Value) -> (u32, u64) {
    let subject = entry["subject"].as_str().unwrap().trim_start_matches('P').parse().unwrap();
    (subject, entry["scans"].as_u64().unwrap())
}

fn put_areas(server: &Server) {
    let (areas, sites) = (server.place().join("areas.csv"), server.place().join("sites.csv"));
    std::fs::write(&areas, "area,parent,name\nLAND,,Land\n").unwrap();
    let rows: String = (0..SITES).fold("site,area\n".into(), |mut text, site| {
        writeln!(text, "{},LAND", site_code(site)).unwrap();
        text
    });
    std::fs::write(&sites, rows).unwrap();
    let (areas, sites) = (areas.to_str().unwrap(), sites.to_str().unwrap());
    truyvet_ok(&["import", "--areas", areas, "--sites", sites, "--url", server.url()]);
}

fn import(server: &Server, round: u32, dice: &mut ChaCha8Rng, twin: &mut Twin) {
    let mut text = String::from("subject,site,unix_ms\n");
    for _ in 0..SCANS {
        let (who, site, day) =
            (dice.random_range(0..500u32), dice.random_range(0..SITES), dice.random_range(0..DAYS));
        let at_ms = START_MS + day * DAY_MS + dice.random_range(0..DAY_MS);
        writeln!(text, "P{who},{},{at_ms}", site_code(site)).unwrap();
        *twin.by_site.entry((site, day)).or_default().entry(who).or_default() += 1;
        twin.scans += 1;
    }
    let file = server.place().join(format!("scans-{round}.csv"));
    std::fs::write(&file, text).unwrap();
    truyvet_ok(&["import", "--scans", file.to_str().unwrap(), "--url", server.url()]);
}

fn start(server: &Server, args: &[&str]) -> std::process::Child {
    let mut command = Command::new(program("truyvet"));
    command.args(args).args(["--url", server.url()]).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn site_code(site: u32) -> String {
    format!("S-{site:02}")
}

fn day_text(day: i64) -> String {
    let at = truyvet_schemas::TimeMs::new(START_MS + day * DAY_MS).rfc3339();
    at[..10].to_owned()
}

const ROUNDS: u32 = 25;
const SCANS: u32 = 2_000;
/// Enough for a rollup of their area.
const SITES: u32 = 30;
const DAYS: i64 = 4;
const DAY_MS: i64 = 86_400_000;
/// 2021-08-02, long closed.
const START_MS: i64 = 1_627_862_400_000;
