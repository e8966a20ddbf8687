//! Load of wards on a running server: citizens declare, checkpoints scan them on their way, and some wards
//! listen. How long until a ward sees it?
//!
//! ```text
//! declare   at a fixed rate, between wards drawn at random  -> heard in a ward: declared
//! scan      at a fixed rate, devices over QUIC              -> heard in a ward: passed
//! inbox     asked beside it, of wards that listen           -> answered
//! ```
//! Heard is measured from the instant that the notice itself tells: when it was declared, when the scan was
//! made. Sender and server share a clock.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use serde_json::{Value, json};
use truyvet_device::client::{ConnectOptions, Connection, endpoint_towards};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::time::parse_duration;
use truyvet_schemas::wire::{BatchFacts, encode_batch};
use truyvet_schemas::{Direction, Scan, TimeMs, Verdict};

use super::browser::Browser;
use super::paced::{Paced, histogram, paced};
use super::{Citizen, NAME, Seen};
use crate::nation::Land;
use crate::run::Server;

/// Arguments of `wards`.
#[derive(Clone, Debug, Args)]
pub struct WardsArgs {
    /// Write the population register that the server must have been started with, and do nothing else
    #[arg(long, value_name = "FILE")]
    pub write_register: Option<PathBuf>,
    /// Address of a running server that nobody else sends to
    #[arg(long, value_name = "URL", required_unless_present = "write_register", default_value = "")]
    pub url: String,
    /// The server's QUIC address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4433")]
    pub gateway: SocketAddr,
    /// The file that the server writes one-time codes into: DATA/codes.log
    #[arg(long, value_name = "FILE", default_value = "codes.log")]
    pub codes: PathBuf,
    /// Account of an epidemiologist of the nation, whose password stands in TRUYVET_PASSWORD
    #[arg(long, value_name = "NAME", default_value = "epidemiologist")]
    pub account: String,
    /// Number of wards
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub wards: u32,
    /// Wards that listen
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=700))]
    pub listeners: u32,
    /// Number of citizens
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub citizens: u32,
    /// Number of checkpoints, each with a device
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub checkpoints: u32,
    /// Declarations a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub declare_rate: u32,
    /// Scans a second
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub scan_rate: u32,
    /// How long it goes on
    #[arg(long, value_parser = parse_duration, default_value = "20s")]
    pub duration: Duration,
}

/// Runs the load and tells what was seen.
///
/// # Errors
/// The server cannot be reached, refuses a session, or knows nothing of the register.
pub fn run(args: &WardsArgs) -> Result<Vec<Seen>, Box<dyn Error>> {
    let land = Land::new(1, args.wards * PEOPLE_PER_WARD, args.checkpoints);
    let wards: Vec<String> = (0..land.wards()).map(|ward| land.ward_code(ward)).collect();
    if let Some(file) = &args.write_register {
        write_register(file, args.citizens, &wards)?;
        return Ok(Vec::new());
    }
    let server = Server::new(&args.url);
    let sites: Vec<u32> = (0..args.checkpoints).collect();
    server.import_sites(&land, &sites)?;
    let keys = server.enrol(&sites.iter().map(|site| land.site_code(*site)).collect::<Vec<_>>())?;
    let official = Browser::new(&args.url);
    let password = std::env::var("TRUYVET_PASSWORD").map_err(|_| "set TRUYVET_PASSWORD to the account's")?;
    official.must_post("/api/v1/session", &json!({"account": args.account, "password": password}))?;
    let citizens: Vec<Citizen> = (0..args.citizens)
        .map(|at| Citizen::sign_in(official.another(), &args.codes, number(at), format!("0912{at:06}")))
        .collect::<Result<_, _>>()?;
    for (at, citizen) in citizens.iter().enumerate() {
        let made = citizen.browser.must_post("/api/v1/declarations", &journey(citizen, at as u64, &wards))?;
        if made["state"] != "verified" {
            return Err(
                "a declaration is not verified, so no ward is told of it; start the server with the \
                        file of --write-register as `register_file`"
                    .into(),
            );
        }
    }
    let subjects = subjects(&official, args.citizens as usize)?;
    let listening = Listening::default();
    let stops = AtomicBool::new(false);
    let heard_from = wards.iter().step_by(wards.len().div_ceil(args.listeners as usize));
    let heard_from: Vec<&String> = heard_from.collect();
    let shape = |rate| Paced { rate, duration: args.duration, at_once: AT_ONCE };
    let (listens, stopped) = (&listening, &stops);
    let mut seen = std::thread::scope(|scope| -> Result<Vec<Seen>, Box<dyn Error>> {
        for ward in &heard_from {
            let events = official.get(&format!("/api/v1/notices/live?area={ward}"))?;
            scope.spawn(move || listens.hear(events, stopped));
        }
        let scanning = scope.spawn(|| scan(args, &keys, &land, &subjects));
        let asking = scope.spawn(|| {
            paced(&shape(INBOXES_A_SECOND), |number| {
                let ward = heard_from[number as usize % heard_from.len()];
                official.get(&format!("/api/v1/notices?area={ward}")).ok().map(drop)
            })
        });
        let (declared, latencies) = paced(&shape(args.declare_rate), |number| {
            let citizen = &citizens[number as usize % citizens.len()];
            citizen.browser.post("/api/v1/declarations", &journey(citizen, number, &wards)).map(drop)
        });
        let scanned = scanning.join().expect("no panic")?;
        let (asked, asked_latencies) = asking.join().expect("no panic");
        std::thread::sleep(SETTLES);
        stops.store(true, Ordering::Relaxed);
        Ok(vec![
            Seen::of("declared", args.declare_rate, &declared, latencies),
            Seen { what: "scanned", rate: args.scan_rate, failed: 0, latencies: scanned },
            Seen::of("inbox read", INBOXES_A_SECOND, &asked, asked_latencies),
        ])
    })?;
    let missed = listening.missed.load(Ordering::Relaxed);
    let [declared, passed] = listening.heard.map(Mutex::into_inner);
    seen.push(Seen { what: "heard: declared", rate: 0, failed: missed, latencies: declared });
    seen.push(Seen { what: "heard: passed", rate: 0, failed: 0, latencies: passed });
    Ok(seen)
}

/// What listeners hear: microseconds until they did.
struct Listening {
    heard: [Mutex<Histogram<u64>>; 2],
    missed: AtomicU64,
}

impl Default for Listening {
    fn default() -> Self {
        Self { heard: [(); 2].map(|()| Mutex::new(histogram())), missed: AtomicU64::default() }
    }
}

impl Listening {
    /// Reads server-sent events; the server says something at least every 15 seconds.
    fn hear(&self, events: ureq::Body, stops: &AtomicBool) {
        let mut lines = BufReader::new(events.into_reader()).lines().map_while(Result::ok);
        let mut what = String::new();
        while let Some(line) = lines.next().filter(|_| !stops.load(Ordering::Relaxed)) {
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut what);
            }
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let now = TimeMs::now().get();
            let notice: Value = serde_json::from_str(data).unwrap_or_default();
            let (kind, since) = match what.as_str() {
                "declared" => (0, &notice["declared_at"]),
                "passed" => (1, &notice["last"]["at"]),
                "missed" => {
                    self.missed.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                _ => continue,
            };
            let since = since.as_i64().unwrap_or_default();
            self.heard[kind].lock().saturating_record((now - since).max(0) as u64 * 1_000);
        }
    }
}

/// Every device sends what is due ten times a second; microseconds from the scan to its acknowledgement.
fn scan(
    args: &WardsArgs,
    keys: &[KeyFile],
    land: &Land,
    subjects: &[String],
) -> Result<Histogram<u64>, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut devices = tokio::task::JoinSet::new();
        for (at, key) in keys.iter().enumerate() {
            let key = key.clone();
            let options = ConnectOptions::new(
                endpoint_towards(args.gateway).map_err(|error| error.to_string())?,
                key.authority.as_deref().unwrap_or_default(),
            )
            .map_err(|error| error.to_string())?;
            let site = land.site_code(at as u32);
            let mine: Vec<String> = subjects.iter().skip(at).step_by(keys.len()).cloned().collect();
            let a_turn = (args.scan_rate as usize).div_ceil(keys.len() * TURNS_A_SECOND);
            let (gateway, ends) = (args.gateway, Instant::now() + args.duration);
            devices.spawn(async move {
                let connection =
                    Connection::connect(&key, gateway, &options).await.map_err(|error| error.to_string())?;
                send(connection, &key, &site, &mine, a_turn, ends).await
            });
        }
        let mut all = histogram();
        while let Some(one) = devices.join_next().await {
            all.add(&one.map_err(|error| error.to_string())??).expect("the same bounds");
        }
        Ok(all)
    })
}

async fn send(
    mut connection: Connection,
    key: &KeyFile,
    site: &str,
    subjects: &[String],
    a_turn: usize,
    ends: Instant,
) -> Result<Histogram<u64>, String> {
    let (mut latencies, mut next) = (histogram(), 0);
    let mut seq = connection.welcome.durable_seq + 1;
    let mut turn = tokio::time::interval(Duration::from_secs(1) / TURNS_A_SECOND as u32);
    while Instant::now() < ends {
        turn.tick().await;
        let at = TimeMs::now();
        let scans: Vec<Scan> = (next..next + a_turn)
            .map(|place| Scan {
                subject: subjects[place % subjects.len()].clone(),
                at,
                direction: Direction::Pass,
                verdict: Verdict::Passed,
            })
            .collect();
        next += a_turn;
        let facts = BatchFacts { device: key.device, site, first_seq: seq, sent_at: at };
        let (batch, taken) = encode_batch(facts, &scans).ok_or("no scans")?;
        seq += taken as u64;
        let sent = Instant::now();
        connection.sender.send_batch(&batch).await.map_err(|error| error.to_string())?;
        connection.receiver.next().await.map_err(|error| error.to_string())?;
        latencies.saturating_record(sent.elapsed().as_micros() as u64);
    }
    Ok(latencies)
}

/// Codes of so many subjects, from the nation's inbox.
pub(super) fn subjects(official: &Browser, count: usize) -> Result<Vec<String>, Box<dyn Error>> {
    let (mut subjects, mut before) = (Vec::new(), String::new());
    while subjects.len() < count {
        let page = official.get(&format!("/api/v1/notices?area=N1&limit=200{before}"))?;
        let page: Value = serde_json::from_reader(page.into_reader())?;
        let notices = page["notices"].as_array().cloned().unwrap_or_default();
        subjects.extend(notices.iter().filter_map(|notice| notice["subject"].as_str().map(str::to_owned)));
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    subjects.sort_unstable();
    subjects.dedup();
    Ok(subjects)
}

pub(super) fn journey(citizen: &Citizen, number: u64, wards: &[String]) -> Value {
    // Spread over all wards, another pair each time.
    let ward = |salt: u64| &wards[(number.wrapping_mul(salt) % wards.len() as u64) as usize];
    citizen.declaration(home(citizen, wards), ward(2_654_435_761), ward(40_503))
}

fn home<'w>(citizen: &Citizen, wards: &'w [String]) -> &'w str {
    let at: usize = citizen.number[7..].parse().expect("digits");
    &wards[at % wards.len()]
}

/// Number of a citizen's document.
pub(super) fn number(at: u32) -> String {
    format!("0010900{at:05}")
}

pub(super) fn write_register(file: &Path, citizens: u32, wards: &[String]) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    writeln!(out, "kind,number,name,birth_date,sex,permanent")?;
    for at in 0..citizens {
        let ward = &wards[at as usize % wards.len()];
        writeln!(out, "citizen_id,{},{NAME},1990,male,{ward}", number(at))?;
    }
    out.flush()
}

const PEOPLE_PER_WARD: u32 = 5_000;
const AT_ONCE: u32 = 64;
const INBOXES_A_SECOND: u32 = 20;
const TURNS_A_SECOND: usize = 10;
/// What was sent last is heard by then.
const SETTLES: Duration = Duration::from_secs(2);
