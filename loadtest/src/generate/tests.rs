use super::*;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use flate2::read::GzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use truyvet_schemas::Direction;

type Row = (String, String, i64, String);

fn generate(format: Format, out: &Path) -> Examples {
    let out = out.to_owned();
    let options = Generate {
        people: 12_000,
        sites: 40,
        days: 7,
        scans: 30_000,
        seed: 3,
        last_day: 18_850,
        out,
        format,
    };
    options.run(&ProgressBar::hidden()).expect("the folder is writable")
}

fn expected() -> Vec<Row> {
    let nation = Nation::new(3, 12_000, 40);
    let history = History::new(&nation, 18_844, 7, 30_000);
    let mut rows = Vec::new();
    for day in history.days() {
        let mut scans: Vec<_> = history.scans_of_day(day).collect();
        scans.sort_unstable();
        rows.extend(scans.iter().map(|scan| {
            let word = scan.direction.as_str().to_owned();
            (nation.codes.text(scan.person), nation.land.site_code(scan.site), scan.at_ms, word)
        }));
    }
    rows
}

fn read_csv(input: impl Read) -> Vec<Row> {
    csv::Reader::from_reader(input).deserialize().collect::<Result<_, _>>().expect("CSV as written")
}

fn read_parquet(path: &Path) -> Vec<Row> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("as written")).expect("as written");
    let mut rows = Vec::new();
    for batch in reader.build().expect("as written") {
        let batch = batch.expect("as written");
        let subjects = batch.column(0).as_string::<i32>();
        let sites = batch.column(1).as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>();
        let times = batch.column(2).as_primitive::<Int64Type>();
        let words = batch.column(3).as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>();
        let (sites, words) = (sites.expect("as written"), words.expect("as written"));
        for i in 0..batch.num_rows() {
            let text = |array: &arrow_array::StringArray| array.value(i).to_owned();
            let key = |d: &arrow_array::TypedDictionaryArray<'_, Int32Type, arrow_array::StringArray>| {
                d.values().value(d.keys().value(i) as usize).to_owned()
            };
            rows.push((text(subjects), key(&sites), times.value(i), key(&words)));
        }
    }
    rows
}

#[test]
fn every_format_is_read_back_as_the_model_made_it() {
    let folder = tempfile::tempdir().expect("as written");
    let expected = expected();
    for format in [Format::Csv, Format::CsvGz, Format::Parquet] {
        generate(format, folder.path());
        let path = folder.path().join(format.file_name());
        let rows = match format {
            Format::Csv => read_csv(File::open(path).expect("as written")),
            Format::CsvGz => read_csv(GzDecoder::new(File::open(path).expect("as written"))),
            Format::Parquet => read_parquet(&path),
        };
        assert_eq!(rows.len(), 30_000);
        assert!(rows == expected, "{format:?} differs");
        assert!(rows.iter().any(|row| row.3 == Direction::In.as_str()));
    }
}

#[test]
fn tables_name_every_code_that_scans_use() {
    let folder = tempfile::tempdir().expect("as written");
    let examples = generate(Format::Csv, folder.path());
    let column = |file: &str, column: usize| -> HashSet<String> {
        let mut reader = csv::Reader::from_path(folder.path().join(file)).expect("as written");
        reader.records().map(|record| record.expect("as written")[column].to_owned()).collect()
    };
    let (areas, sites, people) = (column("areas.csv", 0), column("sites.csv", 0), column("people.csv", 0));
    assert_eq!((sites.len(), people.len()), (40, 12_000));
    assert!(column("scans.csv", 0).is_subset(&people) && column("scans.csv", 1).is_subset(&sites));
    assert!(column("sites.csv", 1).is_subset(&areas) && column("people.csv", 1).is_subset(&areas));
    assert!(areas.contains(&examples.area) && sites.contains(&examples.site));
    assert!(people.contains(&examples.subject) && sites.contains(&examples.market));
}

#[test]
fn the_example_subject_was_at_the_market_in_its_hour() {
    let folder = tempfile::tempdir().expect("as written");
    let examples = generate(Format::Csv, folder.path());
    let time = |text: &str| truyvet_schemas::TimeMs::parse(text).expect("as written").get();
    let hour = time(&examples.hour_from)..time(&examples.hour_to);
    let there = expected()
        .iter()
        .filter(|row| row.1 == examples.market && hour.contains(&row.2) && row.0 == examples.subject)
        .count();
    assert!(there > 0);
    let cluster = std::fs::read_to_string(&examples.cluster_file).expect("as written");
    assert!(cluster.lines().any(|line| line == examples.subject));
}
