//! Many devices connect at once while others stream: does everybody get in, and does nobody fall out?

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use truyvet_schemas::TimeMs;
use truyvet_schemas::key_file::KeyFile;

use super::RunError;
use super::device::{Clock, Device, Flight, Outcome, Pace, Plan};
use super::drive::{
    FAREWELL, GRACE, finish, keys, latencies, memory_peak, nation, plans, promises, runtime, sites,
    stop_on_ctrl_c, totals, wait_for_all,
};
use super::gauge::Gauge;
use super::schedule::Schedule;
use super::server::Server;
use super::source::Source;
use super::verify;
use super::watch::watch as watch_gauge;
use crate::cli::ConnectArgs;
use crate::nation::Nation;
use crate::report::{Check, Latency, Parameter, Report, Second};

/// Runs the storm and tells what was seen.
///
/// # Errors
/// The run could not begin: see [`RunError`].
pub fn connect(args: &ConnectArgs) -> Result<Report, RunError> {
    let storm = Storm::new(args)?;
    let runtime = runtime(args.server.threads)?;
    let seen = runtime.block_on(storm.drive())?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(storm.report(seen))
}

struct Storm<'a> {
    args: &'a ConnectArgs,
    nation: Nation,
    sites: Vec<u32>,
    keys: Vec<KeyFile>,
    /// Of those that stream.
    steady: Arc<Gauge>,
    /// Of those that connect.
    arriving: Arc<Gauge>,
}

struct Seen {
    clock: Clock,
    all_in: Option<Duration>,
    steady: Vec<Outcome>,
    arriving: Vec<Outcome>,
    timeline: Vec<Second>,
}

impl<'a> Storm<'a> {
    fn new(args: &'a ConnectArgs) -> Result<Self, RunError> {
        let nation = nation(&args.nation);
        let server = Server::new(&args.server.url);
        server.ready()?;
        let sites = sites(&nation, args.streaming + args.devices);
        let keys = keys(&args.server, &server, &nation, &sites)?;
        let gauge = || Arc::new(Gauge::new(u64::MAX));
        Ok(Self { args, nation, sites, keys, steady: gauge(), arriving: gauge() })
    }

    async fn drive(&self) -> Result<Seen, RunError> {
        stop_on_ctrl_c(&self.steady);
        let (go, start) = watch::channel(None);
        let begin = Instant::now();
        let deadline = begin + SETTLE + CALM + self.args.within + CALM + GRACE;
        let schedule = Schedule::new(self.args.streaming, STEADY_BATCH, self.args.rate);
        let plans = |gauge: &Arc<Gauge>, pace| {
            plans(&self.args.server, &self.keys, |options| Plan {
                gateway: self.args.server.gateway,
                options,
                gauge: Arc::clone(gauge),
                pace,
                batch_scans: STEADY_BATCH,
                window: 64,
                start: start.clone(),
                deadline,
            })
        };
        let streaming = self.args.streaming as usize;
        let mut steady = self.devices(&plans(&self.steady, Pace::Open(schedule))?, 0..streaming);
        wait_for_all(&self.steady, self.args.streaming, begin + SETTLE).await;
        let clock = Clock { start: Instant::now(), start_ms: TimeMs::now().get() };
        go.send_replace(Some(clock));
        let mut timeline = Vec::new();
        let storm = async {
            self.steady.sleep_until(clock.start + CALM).await;
            let storm_began = Instant::now();
            let mut arriving = self.devices(&plans(&self.arriving, Pace::Idle)?, streaming..self.keys.len());
            wait_for_all(&self.arriving, self.args.devices, storm_began + self.args.within).await;
            let all_in =
                (self.arriving.ready() == u64::from(self.args.devices)).then(|| storm_began.elapsed());
            self.steady.sleep_until(Instant::now() + CALM).await;
            self.arriving.stop();
            let arrived = finish(&mut arriving, &self.arriving, Instant::now()).await;
            let streamed = finish(&mut steady, &self.steady, Instant::now()).await;
            Ok::<_, RunError>((all_in, arrived, streamed))
        };
        let (all_in, arriving, steady) = tokio::select! {
            seen = storm => seen?,
            () = watch_gauge(&self.steady, clock.start, &mut timeline) => (None, Vec::new(), Vec::new()),
        };
        tokio::time::sleep(FAREWELL).await;
        Ok(Seen { clock, all_in, steady, arriving, timeline })
    }

    fn devices(&self, plans: &[Arc<Plan>], which: std::ops::Range<usize>) -> JoinSet<Outcome> {
        let mut devices = JoinSet::new();
        let connect_at = Instant::now();
        for (index, number) in (0..).zip(which) {
            let (site, key) = (self.sites[number], self.keys[number].clone());
            let source = Source::new(&self.nation, site, key.device, key.site.clone(), u32::MAX);
            let plan = Arc::clone(&plans[number % plans.len()]);
            let flight = Flight::default();
            devices.spawn(Device { key, plan, index, connect_at, site, source, flight }.run());
        }
        devices
    }

    fn report(&self, seen: Seen) -> Report {
        let args = self.args;
        let mut report = Report::new("Connection storm", seen.clock.start_ms);
        report.parameters = vec![
            Parameter::new("connecting", args.devices),
            Parameter::new("within", format!("{} s", args.within.as_secs())),
            Parameter::new("streaming", args.streaming),
            Parameter::new("pace", format!("{} scans/s", args.rate)),
        ];
        report.totals = totals(&self.steady, seen.clock.start);
        report.latencies = latencies(&self.steady);
        report.latencies.retain(|latency| latency.name != "connect");
        report.latencies.push(Latency::of("connect, in the storm", &self.arriving.latencies().connect));
        report.timeline = seen.timeline;
        report.server_memory_bytes = args.server.server_pid.and_then(memory_peak);
        report.problems = [self.steady.problems(), self.arriving.problems()].concat();
        let took = seen.all_in.map_or_else(
            || format!("{} of {} in time", self.arriving.ready(), args.devices),
            |took| format!("{} in {:.1} s", args.devices, took.as_secs_f64()),
        );
        let arriving = totals(&self.arriving, seen.clock.start);
        report.totals.failed_connects += arriving.failed_connects;
        report.totals.dropped_streams += arriving.dropped_streams;
        report.checks = vec![Check::new("all devices connected in time", seen.all_in.is_some(), took)];
        report.checks.push(verify::acknowledged(&seen.steady));
        report.checks.push(verify::connected(&seen.arriving));
        report.checks.extend(promises(&report.totals));
        report
    }
}

/// Before and after the storm, so that it shows in the timeline.
const CALM: Duration = Duration::from_secs(5);

/// For the streaming devices to connect.
const SETTLE: Duration = Duration::from_secs(30);

const STEADY_BATCH: u32 = 50;
