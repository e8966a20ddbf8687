//! A whole run: prepare the server, start everything, let it run, end it, verify, report.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use truyvet_device::client::{ConnectOptions, client_config, endpoint_towards};
use truyvet_schemas::TimeMs;
use truyvet_schemas::key_file::KeyFile;

use super::RunError;
use super::device::{Clock, Device, Flight, Outcome, Pace, Plan};
use super::gauge::Gauge;
use super::probe::Probe;
use super::questions::Questions;
use super::schedule::{Schedule, spread};
use super::server::Server;
use super::source::Source;
use super::verify::{self, Verify};
use super::watch::watch;
use crate::cli::{NationArgs, RunArgs, ServerArgs};
use crate::nation::{CROWD, Nation};
use crate::report::{Check, Latency, Parameter, Report, Second, Totals};

/// Runs the load and tells what was seen.
///
/// # Errors
/// The run could not begin: see [`RunError`].
pub fn run(args: &RunArgs) -> Result<Report, RunError> {
    let plan = Load::new(args)?;
    let runtime = runtime(args.server.threads)?;
    let seen = runtime.block_on(plan.drive())?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(plan.report(seen))
}

/// A run that is ready to begin.
struct Load<'a> {
    args: &'a RunArgs,
    nation: Arc<Nation>,
    server: Server,
    sites: Vec<u32>,
    keys: Vec<KeyFile>,
    scans_before: u64,
    gauge: Arc<Gauge>,
    pace: Pace,
}

/// What a run left behind.
struct Seen {
    clock: Clock,
    outcomes: Vec<Outcome>,
    probes: u64,
    timeline: Vec<Second>,
}

impl<'a> Load<'a> {
    fn new(args: &'a RunArgs) -> Result<Self, RunError> {
        let nation = Arc::new(nation(&args.nation));
        let server = Server::new(&args.server.url);
        server.ready()?;
        let sites = sites(&nation, args.devices);
        // One more for the probe.
        let keys = keys(&args.server, &server, &nation, &[&sites[..], &sites[..1]].concat())?;
        let pace = match args.rate {
            Some(rate) => Pace::Open(Schedule::new(args.devices, args.batch, rate)),
            None => Pace::Closed,
        };
        let scans_before = server.scans()?;
        let gauge = Arc::new(Gauge::new(args.scans.unwrap_or(u64::MAX)));
        Ok(Self { args, nation, server, sites, keys, scans_before, gauge, pace })
    }

    async fn drive(&self) -> Result<Seen, RunError> {
        let (args, gauge) = (self.args, &self.gauge);
        stop_on_ctrl_c(gauge);
        let (go, start) = watch::channel(None);
        let begin = Instant::now();
        let settle = args.ramp + SETTLE;
        let plans = plans(&args.server, &self.keys, |options| Plan {
            gateway: args.server.gateway,
            options,
            gauge: Arc::clone(gauge),
            pace: self.pace,
            batch_scans: args.batch,
            window: args.window as usize,
            start: start.clone(),
            deadline: begin + settle + self.length_max() + GRACE,
        })?;
        let mut devices = self.devices(&plans, begin);
        wait_for_all(gauge, args.devices, begin + settle).await;
        let clock = Clock { start: Instant::now(), start_ms: TimeMs::now().get() };
        go.send_replace(Some(clock));
        let probe = self.probe(&plans[0]);
        let askers = self.questions().start(clock);
        let mut timeline = Vec::new();
        let outcomes = tokio::select! {
            outcomes = finish(&mut devices, gauge, clock.start + self.length_max()) => outcomes,
            () = watch(gauge, clock.start, &mut timeline) => Vec::new(),
        };
        gauge.stop();
        let probes = match probe {
            Some(probe) => probe.await.unwrap_or(0),
            None => 0,
        };
        for asker in askers {
            asker.join().ok();
        }
        tokio::time::sleep(FAREWELL).await;
        Ok(Seen { clock, outcomes, probes, timeline })
    }

    fn devices(&self, plans: &[Arc<Plan>], begin: Instant) -> JoinSet<Outcome> {
        let mut devices = JoinSet::new();
        let passers = self.args.devices.saturating_mul(CROWD).min(self.nation.land.people());
        let sample_every = (passers / SAMPLE).max(1);
        for (index, (site, key)) in (0..).zip(self.sites.iter().zip(&self.keys)) {
            let source = Source::new(&self.nation, *site, key.device, key.site.clone(), sample_every);
            let device = Device {
                key: key.clone(),
                plan: Arc::clone(&plans[index as usize % plans.len()]),
                index,
                connect_at: begin + spread(index, self.args.devices, self.args.ramp),
                site: *site,
                source,
                flight: Flight::default(),
            };
            devices.spawn(device.run());
        }
        devices
    }

    fn probe(&self, plan: &Arc<Plan>) -> Option<tokio::task::JoinHandle<u64>> {
        let wanted = !self.args.server.bare && self.args.probe_rate > 0.0;
        let key = self.keys.last().filter(|_| wanted)?.clone();
        let every = Duration::from_secs_f64(1.0 / self.args.probe_rate);
        let probe = Probe { key, plan: Arc::clone(plan), server: self.server.clone(), every };
        Some(tokio::spawn(probe.run()))
    }

    fn questions(&self) -> Questions {
        Questions {
            nation: Arc::clone(&self.nation),
            sites: self.sites.clone(),
            server: self.server.clone(),
            gauge: Arc::clone(&self.gauge),
            rate: if self.args.server.bare { 0.0 } else { self.args.query_rate },
        }
    }

    /// Longest that sending may take: as asked, or what the slowest acceptable server would need.
    fn length_max(&self) -> Duration {
        let by_scans = self.args.scans.map(|scans| {
            let rate = self.args.rate.unwrap_or(SLOWEST_RATE).max(1);
            Duration::from_secs(scans / rate) + Duration::from_secs(60)
        });
        self.args.duration.or(by_scans).unwrap_or(GRACE)
    }

    fn report(&self, seen: Seen) -> Report {
        let mut report = Report::new("Load on the ingest path", seen.clock.start_ms);
        report.parameters = self.parameters();
        report.totals = totals(&self.gauge, seen.clock.start);
        report.latencies = latencies(&self.gauge);
        report.timeline = seen.timeline;
        report.bare_rate = self.args.bare_rate;
        report.server_memory_bytes = self.args.server.server_pid.and_then(memory_peak);
        report.problems = self.gauge.problems();
        report.checks = vec![verify::connected(&seen.outcomes), verify::acknowledged(&seen.outcomes)];
        report.checks.extend(promises(&report.totals));
        report.checks.extend(self.punctual(seen.clock, report.totals.sent));
        if !self.args.server.bare {
            let verify = Verify {
                nation: &self.nation,
                server: &self.server,
                clock: seen.clock,
                scans_before: self.scans_before,
                scans_sent: report.totals.sent + seen.probes - report.totals.refused,
            };
            report.checks.push(verify.total());
            report.checks.push(verify.trails(&seen.outcomes));
        }
        report
    }

    /// Batches that were due but never sent have no latency; a server that holds up the schedule must
    /// not look fast for that.
    fn punctual(&self, clock: Clock, sent: u64) -> Option<Check> {
        let rate = self.args.rate.filter(|_| self.args.scans.is_none_or(|scans| sent < scans))?;
        let sending = self.gauge.stopped_at()?.saturating_duration_since(clock.start);
        let due = (rate as f64 * sending.as_secs_f64()) as u64;
        let behind = due.saturating_sub(sent);
        let tolerated = due / 100 + u64::from(self.args.batch) * u64::from(self.args.devices);
        Some(Check::new(
            "the schedule was kept",
            behind <= tolerated,
            format!("{due} scans due, {sent} sent"),
        ))
    }

    fn parameters(&self) -> Vec<Parameter> {
        let args = self.args;
        let pace = args.rate.map_or_else(|| "as fast as acknowledged".into(), |r| format!("{r} scans/s"));
        let mode = if args.server.bare { "bare" } else { "stored" };
        vec![
            Parameter::new("server", mode),
            Parameter::new("devices", args.devices),
            Parameter::new("batch", format!("{} scans", args.batch)),
            Parameter::new("pace", pace),
            Parameter::new("window", format!("{} batches", args.window)),
            Parameter::new("queries", format!("{} a second", args.query_rate)),
            Parameter::new("people", args.nation.people),
            Parameter::new("sites", args.nation.sites),
            Parameter::new("seed", args.nation.seed),
        ]
    }
}

/// The threads that send.
pub(super) fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads.max(1)).enable_all().build()
}

/// The nation that the arguments describe.
pub(super) fn nation(args: &NationArgs) -> Nation {
    Nation::new(args.seed, args.people, args.sites)
}

/// One site a device, spread over the nation.
pub(super) fn sites(nation: &Nation, devices: u32) -> Vec<u32> {
    let sites = u64::from(nation.land.sites());
    (0..u64::from(devices)).map(|i| (i * sites / u64::from(devices) % sites) as u32).collect()
}

/// Key files for devices at these sites: enrolled, or read from a folder.
pub(super) fn keys(
    args: &ServerArgs,
    server: &Server,
    nation: &Nation,
    sites: &[u32],
) -> Result<Vec<KeyFile>, RunError> {
    if let Some(folder) = &args.keys {
        return read_keys(folder, sites.len());
    }
    let all: Vec<u32> = (0..nation.land.sites()).collect();
    server.import_sites(&nation.land, &all)?;
    let codes: Vec<_> = sites.iter().map(|site| nation.land.site_code(*site)).collect();
    Ok(server.enrol(&codes)?)
}

fn read_keys(folder: &Path, count: usize) -> Result<Vec<KeyFile>, RunError> {
    let wrong =
        |path: &Path, why: &dyn std::fmt::Display| RunError::Keys(format!("{}: {why}", path.display()));
    let entries = std::fs::read_dir(folder).map_err(|e| wrong(folder, &e))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    if paths.len() < count {
        return Err(wrong(folder, &format!("{count} key files are needed, {} are there", paths.len())));
    }
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|e| wrong(path, &e))?;
        KeyFile::parse(&text).map_err(|e| wrong(path, &e))
    };
    paths[..count].iter().map(read).collect()
}

/// Plans that devices share in turn, each with a socket of its own. Real devices have one each; a
/// single one would funnel every acknowledgement through one receive buffer, and land on one of the
/// server's sockets.
pub(super) fn plans(
    args: &ServerArgs,
    keys: &[KeyFile],
    plan: impl Fn(ConnectOptions) -> Plan,
) -> Result<Vec<Arc<Plan>>, RunError> {
    let authority = keys.first().and_then(|key| key.authority.clone()).unwrap_or_default();
    let config = client_config(&authority)?;
    let make = |_| {
        let endpoint = endpoint_towards(args.gateway)?;
        let agent = concat!("truyvet-loadtest ", env!("CARGO_PKG_VERSION")).to_owned();
        let options =
            ConnectOptions { endpoint, config: config.clone(), agent, timeout: Duration::from_secs(15) };
        Ok(Arc::new(plan(options)))
    };
    let sockets = keys.len().div_ceil(DEVICES_PER_SOCKET).clamp(1, SOCKETS_MAX);
    (0..sockets).map(make).collect()
}

/// Ends sending when somebody presses Ctrl-C; the report tells what was reached.
pub(super) fn stop_on_ctrl_c(gauge: &Arc<Gauge>) {
    let gauge = Arc::clone(gauge);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            gauge.problem("stopped by Ctrl-C");
            gauge.stop();
        }
    });
}

/// Until all devices are connected, somebody stops the run, or it takes too long.
pub(super) async fn wait_for_all(gauge: &Gauge, devices: u32, latest: Instant) {
    while gauge.ready() < u64::from(devices) && Instant::now() < latest && !gauge.is_stopped() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Stops sending at the end, and collects what became of the devices.
pub(super) async fn finish(devices: &mut JoinSet<Outcome>, gauge: &Gauge, end: Instant) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(devices.len());
    let mut sending = true;
    while !devices.is_empty() {
        tokio::select! {
            Some(outcome) = devices.join_next() => outcomes.extend(outcome),
            () = gauge.sleep_until(end), if sending => {
                gauge.stop();
                sending = false;
            }
        }
    }
    outcomes
}

pub(super) fn totals(gauge: &Gauge, start: Instant) -> Totals {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed);
    let last_ack = gauge.latencies().last_ack.unwrap_or(start);
    let seconds = last_ack.saturating_duration_since(start).as_secs_f64();
    let acknowledged = count(&gauge.acknowledged);
    Totals {
        sent: count(&gauge.sent),
        acknowledged,
        refused: count(&gauge.refused),
        dropped_streams: count(&gauge.dropped),
        failed_connects: count(&gauge.failed_connects),
        late: count(&gauge.late),
        seconds,
        scans_per_second: if seconds > 0.0 { acknowledged as f64 / seconds } else { 0.0 },
    }
}

pub(super) fn latencies(gauge: &Gauge) -> Vec<Latency> {
    let latencies = gauge.latencies();
    let named = [
        ("sent to acknowledged", &latencies.ack),
        ("sent to visible in a query", &latencies.visible),
        ("background question", &latencies.question),
        ("connect", &latencies.connect),
    ];
    named.iter().filter(|(_, h)| !h.is_empty()).map(|(name, h)| Latency::of(name, h)).collect()
}

/// What must hold on every run.
pub(super) fn promises(totals: &Totals) -> Vec<Check> {
    let none = |what, count: u64| Check::new(what, count == 0, format!("{count}"));
    vec![
        none("no scan was refused", totals.refused),
        none("no established stream was lost", totals.dropped_streams),
        none("no acknowledged scan was missing from an answer", totals.late),
    ]
}

/// The most memory that a process ever held, in bytes.
pub(super) fn memory_peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// A receive buffer of Linux's default size holds some 200 packets.
const DEVICES_PER_SOCKET: usize = 16;

/// Files that may be open are often limited to 1,024.
const SOCKETS_MAX: usize = 256;

/// For the last devices to connect after the ramp.
const SETTLE: Duration = Duration::from_secs(30);

/// For what is in flight when sending ends.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// For the last packets of closing connections, so that the server need not wait for them to time out.
pub(super) const FAREWELL: Duration = Duration::from_millis(200);

/// Where no duration and no rate is given, a server is given up below this many scans a second.
const SLOWEST_RATE: u64 = 50_000;

/// Subjects whose trails are checked, about.
const SAMPLE: u32 = 256;
