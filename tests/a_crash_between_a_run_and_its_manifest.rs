//! A crash after a run's file is in its partition, and before the manifest names it, leaves a file
//! that counts for nothing: neither at the next start, nor when later runs join it there.

use truyvet_engine::{CodeColumn, Interval, RowChunk, Trail};
use truyvet_schemas::TimeMs;

use crate::support::{House, START_MS};

#[test]
fn a_run_that_no_manifest_names_never_mixes_with_a_later_one() {
    let mut house = House::new();
    let (first, unnamed, later) =
        (File::new('a', 1_000, 2), File::new('b', 1_000, 3), File::new('c', 500, 1));
    first.import(&house);
    let mut import = unnamed.begin(&house);
    import.push(unnamed.rows()).unwrap();
    let before_publishing = house.log();
    import.commit().unwrap();
    house.crash_before(&before_publishing);
    let nothing = File { scans: 0, ..unnamed };
    assert_kept(&house, &[first, nothing]);
    // Its subjects get the numbers that the unnamed file holds, and its run goes to the same partition.
    later.import(&house);
    assert_kept(&house, &[first, nothing, later]);
    house.reopen();
    assert_kept(&house, &[first, nothing, later]);
    // The interrupted import knows nothing of its run, and brings its rows anew.
    unnamed.import(&house);
    assert_kept(&house, &[first, unnamed, later]);
    house.engine().seal().unwrap();
    assert_kept(&house, &[first, unnamed, later]);
}

/// A file of scans at one site, all of one day.
#[derive(Clone, Copy)]
struct File {
    name: char,
    subjects: usize,
    /// Scans of each subject.
    scans: usize,
}

impl File {
    fn new(name: char, subjects: usize, scans: usize) -> Self {
        Self { name, subjects, scans }
    }

    fn subject(&self, number: usize) -> String {
        format!("{}{number}", self.name)
    }

    fn begin(&self, house: &House) -> truyvet_engine::Import {
        house.engine().begin_import([self.name as u8; 32], "scans.csv").unwrap()
    }

    fn rows(&self) -> RowChunk {
        let (mut subjects, mut sites) = (CodeColumn::plain(), CodeColumn::plain());
        let rows = self.subjects * self.scans;
        for row in 0..rows {
            subjects.push(&self.subject(row % self.subjects));
            sites.push("gate");
        }
        RowChunk {
            first_row: 1,
            rows: rows as u64,
            subjects,
            sites,
            at_ms: (0..rows as i64).map(|row| START_MS + row).collect(),
            directions: Vec::new(),
        }
    }

    fn import(&self, house: &House) {
        let mut import = self.begin(house);
        assert_eq!(import.rows_done(), 0, "{} was imported before", self.name);
        import.push(self.rows()).unwrap();
        import.commit().unwrap();
    }
}

/// Every subject has the scans of its file, and there are no others.
fn assert_kept(house: &House, files: &[File]) {
    let interval = Interval::new(TimeMs::new(0), TimeMs::new(i64::MAX)).unwrap();
    for file in files {
        for number in 0..file.subjects {
            let trail = Trail { subject: file.subject(number), interval };
            let scans = house.engine().trail(&trail).unwrap().scans.len();
            assert_eq!(scans, file.scans, "{}", trail.subject);
        }
    }
    let total: usize = files.iter().map(|file| file.subjects * file.scans).sum();
    let site =
        truyvet_engine::Passed { sites: vec!["gate".into()], areas: Vec::new(), interval, list: false };
    assert_eq!(house.engine().passed(&site).unwrap().scans, total as u64);
}
