//! Vietnam's two trees are whole, and say what they should.

mod vn;

use std::collections::{BTreeMap, HashSet};

use truyvet_areas::citizen_id::citizen_id_facts;
use truyvet_areas::{AreaIndex, Tree, builtin, builtins, parse_date};

#[test]
fn every_built_in_tree_can_be_read() {
    assert_eq!(builtins().collect::<Vec<_>>(), ["vn"]);
    assert!(builtins().all(|name| builtin(name).is_some()));
    assert!(builtin("VN").is_none() && builtin("").is_none());
}

#[test]
fn each_tree_has_its_number_of_areas_of_each_kind() {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let areas = vn::areas();
    for area in &areas {
        *counts.entry((&area.code[..area.code.len().min(4)], &area.kind)).or_default() += 1;
    }
    let expected = [
        (("VN", "nation"), 1),
        (("VN21", "city"), 5),
        (("VN21", "commune"), 8_255),
        (("VN21", "district"), 528),
        (("VN21", "province"), 58),
        (("VN21", "provincial_city"), 82),
        (("VN21", "town"), 49),
        (("VN21", "township"), 612),
        (("VN21", "urban_district"), 46),
        (("VN21", "ward"), 1_732),
        (("VN25", "city"), 6),
        (("VN25", "commune"), 2_621),
        (("VN25", "province"), 28),
        (("VN25", "special_zone"), 13),
        (("VN25", "ward"), 687),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_tops_of_a_day_are_its_provinces() {
    let (tree, _) = world();
    let tops = |day: &str| -> Vec<&str> {
        let at = parse_date(day).expect("a day");
        tree.tops(at).map(|area| tree.area(area).code.as_str()).collect()
    };
    let (before, after) = (tops("2021-08-20"), tops("2026-01-01"));
    assert_eq!((before.len(), after.len()), (63, 34));
    assert!(before.iter().all(|code| code.starts_with("VN21-")));
    assert!(after.iter().all(|code| code.starts_with("VN25-")));
}

#[test]
fn codes_are_unique_and_parents_stand_before_their_children() {
    let mut seen = HashSet::new();
    for area in vn::areas() {
        assert!(area.parent.as_ref().is_none_or(|parent| seen.contains(parent)), "{}", area.code);
        assert_eq!(area.parent.is_none(), area.code == "VN");
        assert!(!area.name.is_empty() && area.name.trim() == area.name, "{}", area.code);
        assert!(seen.insert(area.code));
    }
}

#[test]
fn the_levels_are_those_of_each_time() {
    let (tree, reform) = world();
    for (index, area) in tree.areas().filter(|(_, area)| area.code != "VN") {
        let (year, digits) = area.code.split_once('-').expect("has a dash");
        let above: Vec<&str> = tree.ancestors(index).map(|above| tree.area(above).code.as_str()).collect();
        let levels = match (year, digits.len()) {
            ("VN21" | "VN25", 2) => 1,
            ("VN21", 3) | ("VN25", 5) => 2,
            ("VN21", 5) => 3,
            _ => panic!("{} is of neither tree", area.code),
        };
        assert_eq!(above.len(), levels, "{}", area.code);
        assert!(above[..levels - 1].iter().all(|code| code.starts_with(year)), "{}", area.code);
        let is_new = year == "VN25";
        assert_eq!(
            (area.is_valid_at(reform - 1), area.is_valid_at(reform)),
            (!is_new, is_new),
            "{}",
            area.code
        );
    }
}

#[test]
fn what_was_merged_has_its_successor_in_the_province_that_its_own_became() {
    let (tree, reform) = world();
    let mut untold = 0;
    for (index, area) in tree.areas().filter(|(_, area)| area.code.starts_with("VN21")) {
        let Some(successor) = tree.successor(index) else {
            assert_eq!(area.merged_into, None, "{}", area.code);
            untold += usize::from(area.code.len() == "VN21-00001".len());
            continue;
        };
        assert_eq!(tree.valid_at(index, reform), Some(successor));
        assert_eq!(tree.successor(province(&tree, index)), Some(province(&tree, successor)), "{}", area.code);
    }
    assert_eq!(untold, 4);
}

#[test]
fn well_known_areas_are_where_they_should_be() {
    let (tree, _) = world();
    for (code, name, path, successor) in [
        ("VN21-01", "Thành phố Hà Nội", "", "VN25-01"),
        ("VN21-79", "Thành phố Hồ Chí Minh", "", "VN25-79"),
        ("VN21-74", "Tỉnh Bình Dương", "", "VN25-79"),
        ("VN25-46", "Thành phố Huế", "", ""),
        ("VN21-760", "Quận 1", "Thành phố Hồ Chí Minh", ""),
        ("VN21-769", "Thành phố Thủ Đức", "Thành phố Hồ Chí Minh", ""),
        ("VN21-26740", "Phường Bến Nghé", "Quận 1, Thành phố Hồ Chí Minh", "VN25-26740"),
        ("VN25-26740", "Phường Sài Gòn", "Thành phố Hồ Chí Minh", ""),
        ("VN21-00010", "Phường Nguyễn Trung Trực", "Quận Ba Đình, Thành phố Hà Nội", "VN25-00004"),
        ("VN21-498", "Huyện Hoàng Sa", "Thành phố Đà Nẵng", "VN25-20333"),
        ("VN25-23737", "Xã Ia Mơ", "Tỉnh Gia Lai", ""),
        ("VN25-20333", "Đặc khu Hoàng Sa", "Thành phố Đà Nẵng", ""),
    ] {
        let index = tree.find(code).expect(code);
        assert_eq!((tree.area(index).name.as_str(), tree.path(index).as_str()), (name, path), "{code}");
        let told = tree.successor(index).map_or("", |successor| &tree.area(successor).code);
        assert_eq!(told, successor, "{code}");
    }
}

#[test]
fn the_provinces_of_citizen_ids_are_those_of_2021() {
    let (tree, _) = world();
    let known: Vec<String> = (0..1_000)
        .filter_map(|code| citizen_id_facts(&format!("{code:03}090123456")).ok())
        .map(|facts| facts.province_code())
        .collect();
    assert_eq!(known.len(), 63);
    assert!(known.iter().all(|code| tree.find(code).is_some()));
}

fn world() -> (Tree, i64) {
    (Tree::new(vn::areas()).expect("is a tree"), parse_date("2025-07-01").expect("is a day"))
}

/// The province that the area is or lies in.
fn province(tree: &Tree, area: AreaIndex) -> AreaIndex {
    let nation = tree.find("VN").expect("is there");
    std::iter::once(area)
        .chain(tree.ancestors(area))
        .take_while(|above| *above != nation)
        .last()
        .expect("lies in one")
}
