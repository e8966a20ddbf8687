use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use truyvet_schemas::DeviceId;

use super::*;

struct Setup {
    dir: tempfile::TempDir,
    spool: Arc<Spool>,
    status: Arc<Status>,
}

fn setup() -> Setup {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = Spool::open(&dir.path().join("spool"), DeviceId::new(1), 64 << 20).expect("opens");
    spool.bind(0).expect("binds");
    let status = Status::new(Arc::clone(&spool));
    Setup { dir, spool, status }
}

impl Setup {
    fn feeder(&self, format: Format) -> Feeder {
        Feeder::new(Arc::clone(&self.spool), Arc::clone(&self.status), "S".into(), format)
    }

    fn pipe(&self, format: Format, text: &str) -> Result<(), InputError> {
        self.feeder(format).run_pipe(&mut text.as_bytes())
    }

    fn scans(&self) -> Vec<Scan> {
        let mut cursor = self.spool.cursor();
        let mut scans = Vec::new();
        while let Some(run) = cursor.read(1_000).expect("reads") {
            assert_eq!(run.site, "S");
            scans.extend(run.scans);
        }
        scans
    }

    fn subjects(&self) -> Vec<String> {
        self.scans().into_iter().map(|scan| scan.subject).collect()
    }

    fn wait_for(&self, scans: u64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.spool.stats().numbered_seq < scans {
            assert!(Instant::now() < deadline, "only {} scans came", self.spool.stats().numbered_seq);
            sleep(Duration::from_millis(5));
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("opens");
    file.write_all(text.as_bytes()).expect("writes");
}

#[test]
fn ndjson_lines_become_scans_and_bad_ones_are_counted() {
    let s = setup();
    let text = concat!(
        "{\"subject\":\"a\",\"unix_ms\":5,\"direction\":\"in\",\"verdict\":\"refused\",\"other\":[1]}\n",
        "{\"subject\":\"b\",\"at\":\"1970-01-01T00:00:01Z\"}\r\n\n",
        "{\"subject\":\"c\",\"at\":7}\n",
        "not json\n{\"subject\":\"\"}\n{\"unix_ms\":5}\n{\"subject\":\"x\",\"unix_ms\":-1}\n",
        "{\"subject\":\"x\",\"direction\":\"up\"}\n{\"subject\":\"x\",\"verdict\":\"?\"}\n",
        "{\"subject\":\"x\",\"at\":1,\"unix_ms\":1}\n{\"subject\":\"x\",\"at\":\"today\"}\n",
        "{\"subject\":\"last\"}",
    );
    s.pipe(Format::Ndjson, text).expect("ends");
    let scans = s.scans();
    let first = &scans[0];
    assert_eq!((first.at.get(), first.direction, first.verdict), (5, Direction::In, Verdict::Refused));
    assert_eq!((scans[1].at.get(), scans[2].at.get()), (1_000, 7));
    assert!(scans[3].at.get() > 1_700_000_000_000, "now");
    assert_eq!(s.subjects(), ["a", "b", "c", "last"]);
    assert_eq!(s.status.report().bad_lines, 8);
}

#[test]
fn csv_columns_are_found_by_their_header() {
    let s = setup();
    let text = "\u{feff}verdict,unix_ms,lane,subject\n,5,1,\"a,b\"\ncorrected,6,1,c\n,7\n,x,1,d\n";
    s.pipe(Format::Csv, text).expect("ends");
    assert_eq!(s.subjects(), ["a,b", "c"]);
    assert_eq!(s.scans()[1].verdict, Verdict::Corrected);
    assert_eq!(s.status.report().bad_lines, 2);
    let headless = setup().pipe(Format::Csv, "a,5\nb,6\n");
    assert!(matches!(headless, Err(InputError::Header)));
}

#[test]
fn reasons_never_repeat_what_stands_in_a_line() {
    for line in [
        "{\"subject\":5}",
        "{\"subject\":\"x\",\"unix_ms\":\"079123\"}",
        "{\"subject\":\"x\",\"at\":\"079123x\"}",
    ] {
        let mut parser = Parser { format: Format::Ndjson, columns: None };
        let reason = parser.parse(Ok(line.as_bytes())).expect_err("is bad").to_string();
        assert!(!reason.contains("079123"), "{reason}");
    }
}

#[test]
fn a_file_is_taken_up_where_the_spool_stands() {
    let s = setup();
    let path = s.dir.path().join("scans.csv");
    let source = Source::File { path: path.clone(), follow: false };
    fs::write(&path, "subject,unix_ms\na,1\nb,2\n").expect("writes");
    for (more, expected) in [("", "ab"), ("", "ab"), ("c,3\nd,4", "abcd"), ("", "abcd"), ("\ne,5\n", "abcde")]
    {
        append(&path, more);
        s.feeder(Format::Csv).run(&source).expect("ends");
        assert_eq!(s.subjects().concat(), expected);
    }
}

#[test]
fn a_file_rotated_while_nobody_looked_is_finished_first() {
    let s = setup();
    let path = s.dir.path().join("scans.csv");
    let source = Source::File { path: path.clone(), follow: false };
    fs::write(&path, "subject,unix_ms\na,1\n").expect("writes");
    s.feeder(Format::Csv).run(&source).expect("ends");
    append(&path, "b,2\n");
    fs::rename(&path, s.dir.path().join("scans.csv.1")).expect("renames");
    fs::write(&path, "subject,unix_ms\nc,3\n").expect("writes");
    s.feeder(Format::Csv).run(&source).expect("ends");
    assert_eq!(s.subjects().concat(), "abc");
}

#[test]
fn a_file_cut_short_is_read_from_its_start() {
    let s = setup();
    let path = s.dir.path().join("scans.csv");
    let source = Source::File { path: path.clone(), follow: false };
    fs::write(&path, "subject,unix_ms\na,1\nb,2\n").expect("writes");
    s.feeder(Format::Csv).run(&source).expect("ends");
    // The same inode, longer than before, with other content.
    fs::write(&path, "unix_ms,subject\n3,c\n4,d\n5,e\n6,f\n").expect("writes");
    s.feeder(Format::Csv).run(&source).expect("ends");
    assert_eq!(s.subjects().concat(), "abcdef");
}

#[test]
fn a_followed_file_is_read_through_rotation_and_truncation() {
    let s = setup();
    let path = s.dir.path().join("scans.ndjson");
    let source = Source::File { path: path.clone(), follow: true };
    let feeder = s.feeder(Format::Ndjson);
    // Never ends; the thread goes with the test's process.
    std::thread::spawn(move || feeder.run(&source));
    let line = |subject: &str| format!("{{\"subject\":\"{subject}\"}}\n");
    append(&path, &line("a"));
    s.wait_for(1);
    append(&path, "{\"subject\":");
    sleep(POLL * 2);
    append(&path, "\"b\"}\n{\"subject\":\"c\"}");
    s.wait_for(2);
    fs::rename(&path, s.dir.path().join("scans.1")).expect("renames");
    append(&path, &line("d"));
    s.wait_for(4);
    fs::write(&path, line("e").repeat(3)).expect("writes");
    s.wait_for(7);
    assert_eq!(s.subjects().concat(), "abcdeee");
}
