//! Vietnam's built-in tree, read as an import reads it.

use truyvet_areas::{Area, builtin, parse_date};

/// The areas of the built-in file.
pub(crate) fn areas() -> Vec<Area> {
    let mut reader = csv::Reader::from_reader(builtin("vn").expect("is built in"));
    let header = ["area", "parent", "name", "kind", "valid_from", "valid_to", "merged_into"];
    assert_eq!(reader.headers().expect("has a header"), header.as_slice());
    reader.records().map(|row| area(&row.expect("is CSV"))).collect()
}

fn area(row: &csv::StringRecord) -> Area {
    let some = |column: usize| Some(row[column].to_owned()).filter(|text| !text.is_empty());
    let date = |column: usize| some(column).map(|text| parse_date(&text).expect("is a day"));
    Area {
        code: row[0].to_owned(),
        parent: some(1),
        name: row[2].to_owned(),
        kind: row[3].to_owned(),
        valid_from: date(4),
        valid_to: date(5),
        merged_into: some(6),
    }
}
