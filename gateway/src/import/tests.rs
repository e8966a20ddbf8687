//! Whole files into a real engine.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use truyvet_engine::{Engine, EngineConfig};

use super::*;

/// An engine and a folder for files.
struct Bench {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let engine =
            Engine::open(&folder.path().join("data"), EngineConfig::default()).expect("a new engine");
        Self { folder, engine }
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a small file");
        path
    }

    /// What became of it, and the bad lines.
    fn import(
        &self,
        what: What,
        path: &std::path::Path,
        on_error: OnError,
    ) -> (Result<Totals, ImportError>, Vec<u64>) {
        let mut bad = Vec::new();
        let mut watch = |event| {
            if let Event::BadLine { line, .. } = event {
                bad.push(line);
            }
            ControlFlow::Continue(())
        };
        let options = Options { on_error, kept: None };
        let totals = run(&self.engine, what, &Source::new(path), &options, &mut watch);
        (totals, bad)
    }

    fn scans(&self) -> u64 {
        self.engine.status().scans
    }
}

fn totals(rows: u64, rows_before: u64, bad: u64) -> Totals {
    Totals { rows, rows_before, bad, left_out: 0 }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .expect("columns are equally long");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a plain schema");
    writer.write(&batch).expect("memory");
    writer.close().expect("memory");
    bytes
}

const SCANS: &str = "\u{FEFF}unix_ms,site,note,subject\r\n1000,\"s,1\",x,a\r\n2000,s2,,b\r\n";

#[test]
fn the_same_content_adds_nothing_twice_gzipped_or_not() {
    let bench = Bench::new();
    let plain = bench.file("scans.csv", SCANS.as_bytes());
    let gz = bench.file("other.csv.gz", &gzip(SCANS.as_bytes()));
    let first = bench.import(What::Scans, &plain, OnError::Stop).0.expect("good rows");
    assert_eq!(first, totals(2, 0, 0));
    let again = bench.import(What::Scans, &gz, OnError::Stop).0.expect("good rows");
    assert_eq!((again, bench.scans()), (totals(0, 2, 0), 2));
}

#[test]
fn a_bad_line_stops_or_is_skipped_and_what_stands_before_it_is_kept() {
    let bench = Bench::new();
    let text = "subject,site,unix_ms,direction\na,s,1,in\n\nb,s,never,\nc,s,3\nd,s\ne,s,5,sideways\nf,s,6,out,7\ng,s,7,pass\n";
    let path = bench.file("scans.csv", text.as_bytes());
    let (stopped, bad) = bench.import(What::Scans, &path, OnError::Stop);
    let Err(ImportError::Stopped { line: 4, totals: kept, .. }) = stopped else { panic!("{stopped:?}") };
    assert_eq!((kept, bad, bench.scans()), (totals(1, 0, 1), vec![4], 1));
    let (skipped, bad) = bench.import(What::Scans, &path, OnError::Skip);
    assert_eq!((skipped.expect("skipped"), bad), (totals(2, 1, 4), vec![4, 6, 7, 8]));
    let (again, bad) = bench.import(What::Scans, &path, OnError::Stop);
    assert_eq!((again.expect("all is done"), bad.len(), bench.scans()), (totals(0, 7, 0), 0, 3));
}

#[test]
fn parquet_scans_come_in_every_type_of_column() {
    let dictionary: DictionaryArray<Int32Type> = ["s1", "s1", "s2"].into_iter().collect();
    let times = TimestampMicrosecondArray::from(vec![1_000_999, 2_000_000, 3_000_000]).with_timezone("UTC");
    let bytes = parquet(vec![
        ("site", Arc::new(dictionary)),
        ("ignored", Arc::new(Int64Array::from(vec![7, 7, 7]))),
        ("unix_ms", Arc::new(times)),
        ("subject", Arc::new(Int64Array::from(vec![11, -12, 13]))),
        ("direction", Arc::new(StringArray::from(vec![Some("in"), None, Some("out")]))),
    ]);
    let bench = Bench::new();
    let path = bench.file("scans.parquet", &bytes);
    assert_eq!(bench.import(What::Scans, &path, OnError::Stop).0.expect("good rows"), totals(3, 0, 0));
    let interval = truyvet_engine::Interval::new(TimeMs::new(0), TimeMs::new(9000)).expect("forward");
    let trail = truyvet_engine::Trail { subject: "11".into(), interval };
    let scans = bench.engine.trail(&trail).expect("an answer").scans;
    assert_eq!((scans.len(), scans[0].at, &*scans[0].site, &*scans[0].direction), (1, 1000, "s1", "in"));
}

#[test]
fn nulls_in_parquet_are_bad_rows() {
    let bytes = parquet(vec![
        ("subject", Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("d")]))),
        ("site", Arc::new(StringArray::from(vec![Some("s"); 4]))),
        ("unix_ms", Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(3), None]))),
    ]);
    let bench = Bench::new();
    let path = bench.file("scans.parquet", &bytes);
    let (done, bad) = bench.import(What::Scans, &path, OnError::Skip);
    assert_eq!((done.expect("skipped"), bad), (totals(1, 0, 3), vec![2, 3, 4]));
    assert_eq!(bench.import(What::Scans, &path, OnError::Stop).0.expect("done"), totals(0, 4, 0));
}

#[test]
fn files_that_are_none_say_so() {
    let bench = Bench::new();
    let said = |name: &str, content: &[u8]| {
        bench.import(What::Scans, &bench.file(name, content), OnError::Stop).0.expect_err("wrong").to_string()
    };
    assert!(said("a.csv", b"").contains("the file is empty"));
    assert!(said("b.csv", b"subject,unix_ms\na,1\n").contains("the column `site` is missing"));
    assert!(said("c.csv", b"site,site,subject,unix_ms\n").contains("twice"));
    assert!(said("d.parquet", b"PAR1").contains("not a readable Parquet file"));
    assert!(said("e.csv.gz", b"subject,site,unix_ms\n").contains("gzip"));
    let header_only = bench.file("f.csv", b"subject,site,unix_ms\n");
    assert_eq!(bench.import(What::Scans, &header_only, OnError::Stop).0.expect("nothing"), totals(0, 0, 0));
    let folder = bench.import(What::Scans, bench.folder.path(), OnError::Stop).0;
    assert!(matches!(folder, Err(ImportError::NotAFile(_))));
}

#[test]
fn rows_outside_the_retention_are_left_out_but_numbered() {
    let bench = Bench::new();
    let path = bench.file("scans.csv", b"subject,site,unix_ms\na,s,5\nb,s,50\nc,s,500\n");
    let options = Options { on_error: OnError::Stop, kept: Some(10..100) };
    let mut watch = |_| ControlFlow::Continue(());
    let done = run(&bench.engine, What::Scans, &Source::new(&path), &options, &mut watch).expect("good rows");
    assert_eq!(done, Totals { rows: 1, rows_before: 0, bad: 0, left_out: 2 });
    assert_eq!(bench.import(What::Scans, &path, OnError::Stop).0.expect("done"), totals(0, 3, 0));
}

#[test]
fn areas_sites_and_people_come_from_text_and_parquet() {
    let bench = Bench::new();
    let areas = bench.file("areas.csv", b"area,parent,name\nw1,d1,Ward\nd1,,District\n");
    let sites =
        bench.file("sites.csv", b"site,name,lat,lon,area\ns1,Gate,21.0,105.8,w1\ns2,,91,0,\ns3,,,,\n");
    let people = bench.file(
        "people.parquet",
        &parquet(vec![
            ("subject", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("area", Arc::new(StringArray::from(vec!["w1", "w1"]))),
        ]),
    );
    assert_eq!(bench.import(What::Areas, &areas, OnError::Stop).0.expect("good"), totals(2, 0, 0));
    let (done, bad) = bench.import(What::Sites, &sites, OnError::Skip);
    assert_eq!((done.expect("skipped"), bad), (totals(2, 0, 1), vec![3]));
    assert_eq!(bench.import(What::People, &people, OnError::Stop).0.expect("good"), totals(2, 0, 0));
    let site = bench.engine.catalog().site("s1").expect("imported");
    assert_eq!((site.area.as_deref(), site.lat), (Some("w1"), Some(21.0)));
    let unknown = bench.file("more.csv", b"site,area\ns9,nowhere\n");
    let said = bench.import(What::Sites, &unknown, OnError::Stop).0.expect_err("no such area").to_string();
    assert!(said.contains("nowhere"), "{said}");
}
