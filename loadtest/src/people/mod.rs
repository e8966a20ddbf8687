//! Load of people on a running server: citizens who declare, officers who check passes, tables that officials
//! upload; in `wards` officials who are told, in `orders` quarantine for all whom a case met.
//!
//! ```text
//! phones   each citizen: one-time code, session        (not measured)
//! declare  at a fixed rate, by the clock               declaration accepted and pass issued
//! check    at a fixed rate, by the clock               a pass checked online
//! ```
//! Each request is due at its own time, whatever became of those before, and its latency counts from then:
//! a server that stops for a second is told by thousands of late answers, not by one.

mod browser;
mod orders;
mod paced;
mod table;
mod wards;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use truyvet_schemas::TimeMs;
use truyvet_schemas::time::parse_duration;

use browser::Browser;
use paced::{Paced, paced};

pub use orders::{OrderedAll, OrdersArgs, run as run_orders};
pub use table::{PaperArgs, Uploaded, upload};
pub use wards::{WardsArgs, run as run_wards};

/// Arguments of `people`.
#[derive(Clone, Debug, Args)]
pub struct PeopleArgs {
    /// Address of a running server
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The file that the server writes one-time codes into: DATA/codes.log
    #[arg(long, value_name = "FILE")]
    pub codes: PathBuf,
    /// Code of an area that people leave from, and live in
    #[arg(long, value_name = "CODE")]
    pub from: String,
    /// Code of an area that they go to
    #[arg(long, value_name = "CODE")]
    pub to: String,
    /// Account of an officer, whose password stands in TRUYVET_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub officer: String,
    /// Number of citizens
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub citizens: u32,
    /// Declarations a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub declare_rate: u32,
    /// Checks a second
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub check_rate: u32,
    /// How long each of the two goes on
    #[arg(long, value_parser = parse_duration, default_value = "20s")]
    pub duration: Duration,
    /// Requests under way at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub at_once: u32,
}

/// What was seen of one kind of request.
pub struct Seen {
    what: &'static str,
    rate: u32,
    failed: u64,
    latencies: Histogram<u64>,
}

/// Runs the load and tells what was seen.
///
/// # Errors
/// The server cannot be reached, or refuses somebody's session.
pub fn run(args: &PeopleArgs) -> Result<Vec<Seen>, Box<dyn Error>> {
    let citizens = sign_in(args)?;
    let paced_at = |rate| Paced { rate, duration: args.duration, at_once: args.at_once };
    let (declared, latencies) = paced(&paced_at(args.declare_rate), |number| {
        let citizen = &citizens[number as usize % citizens.len()];
        let made = citizen
            .browser
            .post("/api/v1/declarations", &citizen.declaration(&args.from, &args.from, &args.to))?;
        made["pass"]["token"].as_str().map(str::to_owned)
    });
    let declare = Seen::of("declared", args.declare_rate, &declared, latencies);
    let tokens: Vec<String> = declared.into_iter().flatten().collect();
    let officer = Browser::new(&args.url);
    let password = std::env::var("TRUYVET_PASSWORD").map_err(|_| "set TRUYVET_PASSWORD to the officer's")?;
    officer.must_post("/api/v1/session", &json!({"account": args.officer, "password": password}))?;
    if tokens.is_empty() {
        return Err("no declaration was accepted, so there is no pass to check".into());
    }
    let (checked, latencies) = paced(&paced_at(args.check_rate), |number| {
        let token = &tokens[number as usize % tokens.len()];
        let checked = officer.post("/api/v1/checkpoint/check", &json!({"token": token}))?;
        (checked["facts"]["name"] == NAME).then_some(())
    });
    Ok(vec![declare, Seen::of("checked", args.check_rate, &checked, latencies)])
}

/// What was seen, as a table.
pub fn text(seen: &[Seen]) -> String {
    let mut text = format!(
        "{:<16}{:>10}{:>10}{:>8}{:>10}{:>10}{:>10}\n",
        "", "a second", "answered", "failed", "p50 ms", "p99 ms", "max ms"
    );
    for Seen { what, rate, failed, latencies } in seen {
        let ms = |us: u64| us as f64 / 1e3;
        text += &format!(
            "{what:<16}{rate:>10}{:>10}{failed:>8}{:>10.2}{:>10.2}{:>10.2}\n",
            latencies.len(),
            ms(latencies.value_at_quantile(0.5)),
            ms(latencies.value_at_quantile(0.99)),
            ms(latencies.max()),
        );
    }
    text
}

impl Seen {
    fn of<T>(what: &'static str, rate: u32, answers: &[Option<T>], latencies: Histogram<u64>) -> Self {
        let failed = answers.iter().filter(|answer| answer.is_none()).count() as u64;
        Self { what, rate, failed, latencies }
    }

    /// Whether every request was answered as it should be.
    pub fn passed(&self) -> bool {
        self.failed == 0
    }
}

/// A citizen at a browser.
struct Citizen {
    browser: Browser,
    number: String,
}

impl Citizen {
    /// Begins a session with a one-time code, which the server writes into a file.
    fn sign_in(
        browser: Browser,
        codes: &Path,
        number: String,
        phone: String,
    ) -> Result<Self, Box<dyn Error>> {
        let mut whose = json!({"document": {"kind": "citizen_id", "number": number}, "phone": phone});
        browser.must_post("/api/v1/codes", &whose)?;
        let written = std::fs::read_to_string(codes)
            .map_err(|error| format!("{}: {error}; name the server's DATA/codes.log", codes.display()))?;
        whose["code"] = json!(written.trim_end().rsplit(' ').next().unwrap_or_default());
        browser.must_post("/api/v1/codes/redeem", &whose)?;
        Ok(Self { browser, number })
    }

    fn declaration(&self, home: &str, from: &str, to: &str) -> Value {
        json!({"accept_unverified": true, "declaration": {
            "person": {"name": NAME, "birth_date": "1990", "sex": "male",
                "documents": [{"kind": "citizen_id", "number": self.number}], "permanent": {"area": home}},
            "journey": {"from": from, "to": to, "departs_at": TimeMs::now().get(), "purpose": "work",
                "vehicle": {"kind": "motorbike", "plate": "59X1-123.45"}},
            "health": {"symptoms": [], "exposure": "none", "vaccine_doses": 2},
        }})
    }
}

fn sign_in(args: &PeopleArgs) -> Result<Vec<Citizen>, Box<dyn Error>> {
    // Other numbers and phones at each run: a phone gets few codes an hour.
    let first = Browser::new(&args.url);
    let run = TimeMs::now().get() / 1_000 % 10_000;
    let citizen = |at: u32| {
        let number = format!("0010900{:05}", (u64::from(at) + run.unsigned_abs() * 7) % 100_000);
        Citizen::sign_in(first.another(), &args.codes, number, format!("09{run:04}{at:04}"))
    };
    (0..args.citizens).map(citizen).collect()
}

const NAME: &str = "Nguyễn Văn An";
