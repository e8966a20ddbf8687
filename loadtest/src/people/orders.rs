//! Quarantine for thousands whom one question finds: how long until each has an order, and whether the same
//! request again orders nothing twice.
//!
//! ```text
//! declare   people of many wards, verified by the register       (not measured)
//! import    a scan of each beside the case's                      (not measured)
//! order     one request: whom did the case meet? -> an order each
//! again     the same request                                      -> nothing new
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use truyvet_schemas::TimeMs;
use truyvet_schemas::time::MS_PER_DAY;

use super::Citizen;
use super::browser::Browser;
use super::wards::{journey, number, subjects, write_register};
use crate::nation::Land;
use crate::run::Server;

/// Arguments of `orders`.
#[derive(Clone, Debug, Args)]
pub struct OrdersArgs {
    /// Write the population register that the server must have been started with, and do nothing else
    #[arg(long, value_name = "FILE")]
    pub write_register: Option<PathBuf>,
    /// Address of a running server
    #[arg(long, value_name = "URL", required_unless_present = "write_register", default_value = "")]
    pub url: String,
    /// The file that the server writes one-time codes into: DATA/codes.log
    #[arg(long, value_name = "FILE", default_value = "codes.log")]
    pub codes: PathBuf,
    /// Account of an epidemiologist of the nation, whose password stands in TRUYVET_PASSWORD
    #[arg(long, value_name = "NAME", default_value = "epidemiologist")]
    pub account: String,
    /// Number of wards
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub wards: u32,
    /// How many the case met
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub people: u32,
    /// Longest time that the request may take, in seconds
    #[arg(long, default_value_t = 10)]
    pub within_s: u64,
}

/// What was seen of a request for many.
pub struct OrderedAll {
    people: u64,
    /// Until it was told for how many it would be.
    tried: Duration,
    /// Until every order was on disk.
    ordered: Duration,
    /// Until the same request, sent again, was recognised.
    again: Duration,
    is_whole: bool,
    is_nothing_twice: bool,
    within: Duration,
}

impl OrderedAll {
    /// Whether everybody has one order, in time.
    pub fn passed(&self) -> bool {
        self.is_whole && self.is_nothing_twice && self.ordered <= self.within
    }

    /// What was seen, in words.
    pub fn text(&self) -> String {
        let yes = |is_so| if is_so { "yes" } else { "NO" };
        format!(
            "{} orders from one question in {:.2} s (tried before in {:.2} s)\neverybody has one: {}\n\
             the same request again: {:.2} s, nothing twice: {}\n",
            self.people,
            self.ordered.as_secs_f64(),
            self.tried.as_secs_f64(),
            yes(self.is_whole),
            self.again.as_secs_f64(),
            yes(self.is_nothing_twice),
        )
    }
}

/// Has people declare and be scanned beside a case, and orders quarantine for all whom it met.
///
/// # Errors
/// The server cannot be reached, refuses, or knows nothing of the register.
pub fn run(args: &OrdersArgs) -> Result<Option<OrderedAll>, Box<dyn Error>> {
    let land = Land::new(1, args.wards * PEOPLE_PER_WARD, 1);
    let wards: Vec<String> = (0..land.wards()).map(|ward| land.ward_code(ward)).collect();
    if let Some(file) = &args.write_register {
        write_register(file, args.people, &wards)?;
        return Ok(None);
    }
    Server::new(&args.url).import_sites(&land, &[0])?;
    let official = Browser::new(&args.url);
    let password = std::env::var("TRUYVET_PASSWORD").map_err(|_| "set TRUYVET_PASSWORD to the account's")?;
    official.must_post("/api/v1/session", &json!({"account": args.account, "password": password}))?;
    for at in 0..args.people {
        let citizen = Citizen::sign_in(official.another(), &args.codes, number(at), format!("0912{at:06}"))?;
        citizen.browser.must_post("/api/v1/declarations", &journey(&citizen, u64::from(at), &wards))?;
    }
    let people = subjects(&official, args.people as usize)?;
    if people.len() < args.people as usize {
        return Err(
            "not all declarations are verified; start the server with the file of --write-register as \
                    `register_file`"
                .into(),
        );
    }
    let met_at = meet(args, &land.site_code(0), &people)?;
    let until = TimeMs::now().get() + 14 * MS_PER_DAY;
    let question = json!({"subject": [CASE], "from": met_at - 1_000, "to": met_at + 1_000, "window": "15m"});
    let mut body = json!({"contacts": question, "tried": true,
        "terms": {"kind": "home", "reason": "contact", "until": until}});
    let key = format!("orders-{met_at}");
    let order = |body: &Value| -> Result<(Value, Duration), Box<dyn Error>> {
        let started = Instant::now();
        Ok((official.must_post_once("/api/v1/orders/bulk", body, &key)?, started.elapsed()))
    };
    let (_, tried) = order(&body)?;
    body["tried"] = json!(false);
    let (first, ordered) = order(&body)?;
    let (second, again) = order(&body)?;
    let count = |told: &Value, name: &str| told[name].as_u64().unwrap_or_default();
    let people = u64::from(args.people);
    Ok(Some(OrderedAll {
        people,
        tried,
        ordered,
        again,
        is_whole: count(&first, "ordered") == people,
        is_nothing_twice: count(&second, "ordered") == 0 && count(&second, "ordered_before") == people,
        within: Duration::from_secs(args.within_s),
    }))
}

/// A scan of each in the same moment as the case's; when that was. As operators do, without a session.
fn meet(args: &OrdersArgs, site: &str, people: &[String]) -> Result<i64, Box<dyn Error>> {
    let at = TimeMs::now().get();
    let mut scans = format!("subject,site,unix_ms\n{CASE},{site},{at}\n");
    for subject in people {
        writeln!(scans, "{subject},{site},{at}")?;
    }
    let path = format!("/api/v1/import/scans?format=csv&name=met-{at}.csv");
    Browser::new(&args.url).must_send(&path, scans.as_bytes())?;
    Ok(at)
}

const PEOPLE_PER_WARD: u32 = 5_000;
/// An index case of an import: the registry does not know it.
const CASE: &str = "index-case";
