//! Numbers for Prometheus: questions as they are asked, and at each look the engine's, the gateway's
//! and the process's own.

use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use serde_json::Value;
use truyvet_engine::MemoryStatus;

use super::app::App;
use super::error::Problem;
use crate::ingest;
use crate::question::Kind;

/// Latencies of questions.
#[derive(Debug)]
pub(super) struct Metrics {
    questions: Family<Labels, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    question: &'static str,
    answered: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { questions: Family::new_with_constructor(|| Histogram::new(BUCKETS_SECONDS)) }
    }
}

impl Metrics {
    /// Counts a question.
    pub(super) fn asked(&self, kind: Kind, took: Duration, answered: bool) {
        let answered = if answered { "yes" } else { "no" };
        let labels = Labels { question: kind.as_str(), answered };
        self.questions.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Everything, in the text format.
    pub(super) fn text(&self, app: &App) -> Result<String, Problem> {
        let mut registry = Registry::with_prefix("truyvet");
        let help = "Time from a question's turn to its answer";
        registry.register("question_seconds", help, self.questions.clone());
        registry.register_collector(Box::new(Snapshot { numbers: snapshot(app) }));
        let mut text = String::new();
        encode(&mut text, &registry)
            .map_err(|e| Problem::Failed(format!("the metrics cannot be written: {e}")))?;
        Ok(text)
    }
}

/// One number, as it is at this look.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) name: &'static str,
    help: &'static str,
    grows: bool,
    pub(super) value: u64,
}

const fn grows(name: &'static str, help: &'static str, value: u64) -> Number {
    Number { name, help, grows: true, value }
}

const fn now(name: &'static str, help: &'static str, value: u64) -> Number {
    Number { name, help, grows: false, value }
}

/// The gateway's numbers.
pub(super) fn gateway_numbers(metrics: &ingest::Metrics) -> Vec<Number> {
    let m = metrics;
    vec![
        now("handshakes_open", "Half-open connections", m.handshakes_open.get()),
        now("connections_open", "Established connections", m.connections_open.get()),
        now("web_connections_open", "Browsers connected over WebTransport", m.web_connections_open.get()),
        now("handshakes_waiting", "Connections that wait for a handshake's turn", m.handshakes_waiting.get()),
        grows("handshakes", "Handshakes begun", m.handshakes.get()),
        grows("retries", "Connections asked to prove their address", m.retries.get()),
        grows("turned_away", "Connections turned away for want of room", m.turned_away.get()),
        grows("handshakes_failed", "Connections that ended before a good hello", m.handshakes_failed.get()),
        grows("sessions", "Sessions begun", m.sessions.get()),
        grows("frames", "Frames read", m.frames.get()),
        grows("bytes", "Bytes of frames read", m.bytes.get()),
        grows("batches", "Verified batches given to the engine", m.batches.get()),
        grows("scans", "Scans in verified batches", m.scans.get()),
        grows("scans_quic", "Of these, from devices", m.scans_quic.get()),
        grows("scans_webtransport", "Of these, from browsers over WebTransport", m.scans_webtransport.get()),
        grows("scans_https", "Of these, from browsers over HTTPS", m.scans_https.get()),
        grows("scans_refused", "Scans put aside as dead letters", m.scans_refused.get()),
        grows("acks", "Acknowledgements sent", m.acks.get()),
        grows("waits", "Times that a batch had to wait for room", m.waits.get()),
        grows("refusals", "Sessions ended with a refusal", m.refusals().map(|(_, count)| count).sum()),
    ]
}

fn engine_numbers(app: &App) -> Vec<Number> {
    let status = app.engine.status();
    let mut numbers = vec![
        now("scans_kept", "Scans that answers include", status.scans),
        now("live_scans", "Scans in memory that are in no run yet", status.live_scans),
        now("subjects", "Subjects", status.subjects),
        now("sites", "Sites", status.sites),
        now("devices", "Enrolled devices", status.devices),
        now("dead_letters", "Refused scans kept, about", status.dead_letters),
        now("lost_scans", "Scans acknowledged before a restore that are gone", status.lost_scans),
        now("partitions", "Partitions", status.partitions.len() as u64),
        now("run_bytes", "Bytes of sorted runs", status.run_bytes),
        grows("scans_taken", "Scans taken from devices", status.scans_taken),
        grows("scans_refused", "Scans refused", status.scans_refused),
        grows("scans_imported", "Scans imported", status.scans_imported),
        grows("runs_written", "Runs written", status.runs_written),
        now("ready", "1 when scans are taken, else 0", u64::from(app.not_ready().is_none())),
    ];
    numbers.extend(memory_numbers(&status.memory));
    numbers
}

fn memory_numbers(memory: &MemoryStatus) -> [Number; 10] {
    let m = memory;
    [
        now("memory_limit_bytes", "The setting memory_bytes", m.limit_bytes),
        now("memory_live_tables_bytes", "Set aside for scans in no run yet", m.live_tables_bytes),
        now("memory_writing_bytes", "Set aside for writing and merging runs", m.writing_bytes),
        now(
            "memory_importing_bytes",
            "Set aside for the rows of imports that are going on",
            m.importing_bytes,
        ),
        now("memory_journal_bytes", "Set aside for the store's write buffers", m.journal_bytes),
        now("memory_store_cache_bytes", "Set aside for the store's own cache", m.store_cache_bytes),
        now("memory_subjects_bytes", "In use for codes of subjects", m.subjects_bytes),
        now("memory_directories_bytes", "In use for directories of runs", m.directories_bytes),
        now("memory_block_cache_bytes", "Left for blocks read from disk", m.block_cache_bytes),
        now("memory_block_cache_used_bytes", "Of this, in use", m.block_cache_used_bytes),
    ]
}

fn process_numbers() -> Vec<Number> {
    vec![
        now("resident_memory_bytes", "Memory of the process", resident_bytes().unwrap_or(0)),
        now("open_fds", "Open file descriptors", open_files().unwrap_or(0)),
    ]
}

fn snapshot(app: &App) -> Vec<(&'static str, Vec<Number>)> {
    let gateway = app.gateway.as_ref().map_or_else(Vec::new, |gateway| gateway_numbers(&gateway.metrics()));
    let (taken, failed) = app.people.hooks.counted();
    let hooks = vec![
        grows("taken", "Messages that hooks took", taken),
        grows("failed", "Messages that hooks did not take; they are sent again", failed),
    ];
    vec![
        ("engine", engine_numbers(app)),
        ("gateway", gateway),
        ("hooks", hooks),
        ("process", process_numbers()),
    ]
}

/// Pages of memory in use, from the kernel; nothing where it does not tell.
fn resident_bytes() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn open_files() -> Option<u64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

#[derive(Debug)]
struct Snapshot {
    numbers: Vec<(&'static str, Vec<Number>)>,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (part, numbers) in &self.numbers {
            for number in numbers {
                let name = format!("{part}_{}", number.name);
                let kind = if number.grows { MetricType::Counter } else { MetricType::Gauge };
                let metric = encoder.encode_descriptor(&name, number.help, None, kind)?;
                number.encode(metric)?;
            }
        }
        Ok(())
    }
}

impl Number {
    fn encode(&self, metric: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        if self.grows {
            ConstCounter::new(self.value).encode(metric)
        } else {
            ConstGauge::new(self.value as i64).encode(metric)
        }
    }
}

/// The gateway's numbers as a JSON object.
pub(super) fn gateway_json(metrics: &ingest::Metrics) -> Value {
    let members = gateway_numbers(metrics).into_iter().map(|n| (n.name.to_owned(), Value::from(n.value)));
    Value::Object(members.collect())
}

/// From an answer out of memory to one that reads every day.
const BUCKETS_SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
