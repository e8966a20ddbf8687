//! What people type, and the areas they mean.

mod vn;

use std::sync::LazyLock;

use truyvet_areas::{LIMIT_MAX, Query, Search, Tree, parse_date};

static VIETNAM: LazyLock<Search> = LazyLock::new(|| Search::new(Tree::new(vn::areas()).expect("is a tree")));

#[test]
fn what_one_types_finds_first_what_one_means() {
    for (typed, first) in [
        ("ben nghe", "VN21-26740"),
        ("Bến Nghé", "VN21-26740"),
        ("BẾN NGHÉ", "VN21-26740"),
        ("be\u{302}\u{301}n nghe\u{301}", "VN21-26740"),
        ("ben ngh", "VN21-26740"),
        ("nghe ben", "VN21-26740"),
        ("p ben nghe", "VN21-26740"),
        ("P. Bến Nghé, Q.1, TP.HCM", "VN21-26740"),
        ("ben nghe quan 1", "VN21-26740"),
        ("bennghe", "VN21-26740"),
        ("xa ben nghe", "VN21-26740"),
        ("sài gòn", "VN25-26740"),
        ("q1", "VN21-760"),
        ("quan 1", "VN21-760"),
        ("quan 10", "VN21-771"),
        ("phuong 1 quan 3", "VN21-27160"),
        ("p1 q3", "VN21-27160"),
        ("p.05 q.3", "VN21-27151"),
        ("phường 5 gò vấp", "VN21-26887"),
        ("tp hcm", "VN25-79"),
        ("tphcm", "VN25-79"),
        ("hcm", "VN25-79"),
        ("hanoi", "VN25-01"),
        ("hà nội", "VN25-01"),
        ("brvt", "VN21-77"),
        ("ba ria vung tau", "VN21-77"),
        ("tx kinh mon", "VN21-292"),
        ("thành phố thủ đức", "VN21-769"),
        ("phuong thu duc", "VN25-26824"),
        ("dac khu con dao", "VN25-26732"),
        ("huyen con dao", "VN21-755"),
        ("phuong mai", "VN21-00232"),
        ("phương mai", "VN21-00232"),
        ("xa tra my", "VN25-20900"),
        ("thi tran tra my", "VN21-20899"),
        ("ea h'leo", "VN25-24184"),
        ("huyen ea hleo", "VN21-645"),
        ("dak lak", "VN25-66"),
        ("hoà bình", "VN21-17"),
        ("hòa bình", "VN21-17"),
        ("bình tân hcm", "VN25-27442"),
        ("thanh ho", "VN25-38"),
        ("tan phu d", "VN25-28696"),
        ("tân bình hcm", "VN25-27004"),
        ("vinh nghe an", "VN21-412"),
        ("nghe an vinh", "VN21-412"),
        ("cau giay dich vong hau", "VN21-00167"),
        ("viet nam", "VN"),
    ] {
        let found = codes(&Query::new(typed));
        assert_eq!(found.first().map(String::as_str), Some(first), "{typed}: {found:?}");
    }
}

#[test]
fn every_area_is_found_first_by_its_name_and_path() {
    let tree = VIETNAM.tree();
    let mut others: Vec<String> = Vec::new();
    for (index, area) in tree.areas() {
        let at_ms = Some(area.valid_from.unwrap_or(0));
        let typed = format!("{}, {}", area.name, tree.path(index));
        let found = VIETNAM.find(&Query { at_ms, limit: 1, ..Query::new(&typed) });
        if found != [index] {
            others.push(typed);
        }
    }
    // The one is in "Long Điền Đông Hải" too, the other has a namesake in another city of the province.
    let ambiguous = [
        "Xã Long Điền, Huyện Đông Hải, Tỉnh Bạc Liêu",
        "Phường Trung Thành, Thành phố Thái Nguyên, Tỉnh Thái Nguyên",
    ];
    assert_eq!(others, ambiguous);
}

#[test]
fn at_a_date_only_the_areas_of_that_time_are_found() {
    let day = |text: &str| Some(parse_date(text).expect("is a day"));
    let of_2021 = |typed| codes(&Query { at_ms: day("2021-08-15"), ..Query::new(typed) });
    let of_2025 = |typed| codes(&Query { at_ms: day("2025-07-01"), ..Query::new(typed) });
    assert_eq!(of_2021("tp hcm")[0], "VN21-79");
    assert_eq!(of_2025("tp hcm")[0], "VN25-79");
    assert_eq!(of_2021("tan binh hcm")[0], "VN21-766");
    assert!(of_2025("ben nghe").is_empty() && of_2021("sai gon").is_empty());
}

#[test]
fn typed_diacritics_rank_what_has_them_first() {
    let first = |typed: &str| names(&Query { limit: 1, ..Query::new(typed) }).remove(0);
    assert_eq!(first("yên bài"), "Xã Yên Bài");
    assert_eq!(first("yên bái"), "Tỉnh Yên Bái");
    assert_eq!(first("trấn biên"), "Phường Trấn Biên");
    assert_eq!(first("tràn biên"), "Phường Trấn Biên", "mistaken ones still find");
    let found = names(&Query { limit: 100, ..Query::new("thạnh") });
    let with = found.iter().take_while(|name| name.to_lowercase().contains("thạnh")).count();
    assert_eq!(with, 100);
    assert_eq!(first("thanh ho"), "Tỉnh Thanh Hóa");
}

#[test]
fn kinds_and_the_area_above_narrow_the_answer() {
    let tree = VIETNAM.tree();
    let hanoi = tree.find("VN21-01");
    let query =
        Query { kinds: &["ward", "commune"], within: hanoi, limit: LIMIT_MAX, ..Query::new("thanh xuan") };
    let found = VIETNAM.find(&query);
    assert!(found.len() > 10);
    for area in found {
        assert!(["ward", "commune"].contains(&tree.area(area).kind.as_str()));
        assert!(tree.ancestors(area).any(|above| Some(above) == hanoi));
    }
    let districts = Query { kinds: &["urban_district", "district", "town"], limit: 99, ..Query::new("") };
    assert_eq!(VIETNAM.find(&Query { within: hanoi, ..districts }).len(), 30);
}

#[test]
fn nothing_typed_lists_all_by_level_and_name() {
    let nation = VIETNAM.tree().find("VN");
    let at_ms = Some(parse_date("2026-01-01").expect("is a day"));
    let found = names(&Query { within: nation, at_ms, limit: 36, ..Query::new("") });
    assert_eq!(found[..3], ["Tỉnh An Giang", "Tỉnh Bắc Ninh", "Tỉnh Cà Mau"]);
    assert_eq!(found[33..35], ["Tỉnh Vĩnh Long", "Phường 1 Bảo Lộc"]);
}

#[test]
fn what_is_nowhere_finds_nothing_and_what_is_everywhere_is_limited() {
    for typed in ["qqqq", "ben nghe qqqq", "<script>", "💥 zz", "quan 99", "p5 q1 q3 q5"] {
        assert_eq!(codes(&Query::new(typed)), [""; 0], "{typed}");
    }
    assert_eq!(VIETNAM.find(&Query { limit: usize::MAX, ..Query::new("") }).len(), LIMIT_MAX);
    assert_eq!(VIETNAM.find(&Query { limit: 0, ..Query::new("ha noi") }), []);
}

#[test]
fn a_written_address_means_one_area_or_is_told_to_be_unclear() {
    let meant = |text: &str, at_ms| {
        let found = VIETNAM.meant(&Query { at_ms, ..Query::new(text) });
        found.map(|area| VIETNAM.tree().area(area).code.clone()).map_err(|several| several.len())
    };
    let now = Some(parse_date("2026-01-01").expect("a date"));
    for (text, code) in [
        ("Phường Bến Nghé, Quận 1, TP.HCM", "VN21-26740"),
        ("p ben nghe, q1, tp hcm", "VN21-26740"),
        ("Phường 5, Quận 3, Thành phố Hồ Chí Minh", "VN21-27151"),
        ("TP.HCM", "VN25-79"),
    ] {
        let at_ms = if code.starts_with("VN25") { now } else { None };
        assert_eq!(meant(text, at_ms).as_deref(), Ok(code), "{text}");
    }
    assert_eq!(meant("Phường Sài Gòn, TP.HCM", now).as_deref(), Ok("VN25-26740"));
    assert_eq!(meant("Phường Bến Nghé, Quận 1, TP.HCM", now), Err(0), "it is no more");
    assert!(meant("Xã Tân Phú", now).is_err_and(|several| several > 1), "there are several");
    assert!(meant("Phường Sài G, TP.HCM", now).is_err(), "a name that is only begun is none");
    assert!(meant("Phường Tân Định, TP.HCM", now).is_ok());
    assert_eq!(meant("", now), Err(10), "nothing written means nothing");
}

fn codes(query: &Query<'_>) -> Vec<String> {
    VIETNAM.find(query).into_iter().map(|area| VIETNAM.tree().area(area).code.clone()).collect()
}

fn names(query: &Query<'_>) -> Vec<String> {
    VIETNAM.find(query).into_iter().map(|area| VIETNAM.tree().area(area).name.clone()).collect()
}
