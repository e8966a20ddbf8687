//! The built-in trees are whole.

use std::collections::{HashMap, HashSet};

use truyvet_areas::{builtin, builtins};

struct Area {
    code: String,
    parent: String,
    name: String,
    kind: String,
    merged_into: String,
}

fn areas(tree: &str) -> Vec<Area> {
    let mut reader = csv::Reader::from_reader(builtin(tree).expect("is built in"));
    let header = ["area", "parent", "name", "kind", "valid_from", "valid_to", "merged_into"];
    assert_eq!(reader.headers().expect("has a header"), header.as_slice());
    let area = |row: csv::StringRecord| {
        let text = |column: usize| row[column].to_owned();
        Area { code: text(0), parent: text(1), name: text(2), kind: text(3), merged_into: text(6) }
    };
    reader.records().map(|row| area(row.expect("is CSV"))).collect()
}

#[test]
fn codes_are_unique_and_parents_stand_before_their_children() {
    for tree in builtins() {
        let areas = areas(tree);
        let all: HashSet<&str> = areas.iter().map(|area| area.code.as_str()).collect();
        let mut seen = HashSet::new();
        for area in &areas {
            assert!(area.parent.is_empty() || seen.contains(area.parent.as_str()), "{}", area.code);
            assert!(area.merged_into.is_empty() || all.contains(area.merged_into.as_str()), "{}", area.code);
            assert!(!area.name.is_empty() && !area.kind.is_empty(), "{}", area.code);
            assert!(seen.insert(area.code.as_str()), "{} twice", area.code);
        }
    }
    assert!(builtin("atlantis").is_none());
}

#[test]
fn vietnam_has_the_areas_of_both_times() {
    let areas = areas("vn");
    let children = |of: &str, era: &str| {
        areas.iter().filter(|area| area.parent == of && area.code.starts_with(era)).count()
    };
    assert_eq!((children("VN", "VN21-"), children("VN", "VN25-")), (63, 34));
    let digits = |era: &str, digits: usize| {
        areas
            .iter()
            .filter(|area| area.code.strip_prefix(era).is_some_and(|code| code.len() == digits))
            .count()
    };
    assert_eq!((digits("VN21-", 3), digits("VN25-", 3)), (705, 0), "no districts since July 2025");
    assert_eq!(digits("VN25-", 5), 3_321);
    let by_code: HashMap<&str, &Area> = areas.iter().map(|area| (area.code.as_str(), area)).collect();
    assert_eq!(by_code["VN21-26740"].name, "Phường Bến Nghé");
    assert_eq!(by_code[by_code["VN21-26740"].parent.as_str()].name, "Quận 1");
}
