//! The search held against a scan of all names that compares texts, with neither index nor numbers.

use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::*;
use crate::Area;
use crate::text::words;
use crate::tree::split_name;

proptest! {
    #[test]
    fn finds_what_a_scan_finds(search in trees(), typed in texts(), within: Option<Pick>, at_ms in times(), kinds in kinds()) {
        let within = within.map(|pick| AreaIndex::new(pick.index(search.tree.len())));
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        let query = Query { text: &typed, kinds: &kinds, within, at_ms, limit: LIMIT_MAX };
        let found = search.find(&query);
        let mut sorted = found.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, scan(&search.tree, &query));
        for limit in 0..found.len() {
            prop_assert_eq!(&search.find(&Query { limit, ..query }), &found[..limit]);
        }
    }
}

/// Areas that a slow and obvious reading of the rules finds, in the order of the walk.
fn scan(tree: &Tree, query: &Query<'_>) -> Vec<AreaIndex> {
    let typed = Typed::parse(query.text);
    tree.areas()
        .filter(|(area, record)| {
            let of_name = own_words(tree, *area);
            let of_path: Vec<String> = tree
                .ancestors(*area)
                .filter(|above| !tree.is_nation(*above))
                .chain([*area])
                .flat_map(|above| own_words(tree, above).into_iter().chain(kind_words(tree, above)))
                .collect();
            let meets = |needle: &TypedWord, word: &String| match needle.open {
                true => word.starts_with(&needle.plain),
                false => *word == needle.plain,
            };
            let in_path = typed.needles().all(|needle| of_path.iter().any(|word| meets(needle, word)));
            let in_name = typed.needles().any(|needle| of_name.iter().any(|word| meets(needle, word)));
            in_path
                && (in_name || typed.words.is_empty())
                && query.at_ms.is_none_or(|at_ms| record.is_valid_at(at_ms))
                && query.within.is_none_or(|within| tree.ancestors(*area).any(|above| above == within))
                && (query.kinds.is_empty() || query.kinds.contains(&record.kind.as_str()))
        })
        .map(|(area, _)| area)
        .collect()
}

/// The words of the name behind its kind, glued too, as a number with its kind, and its initials.
fn own_words(tree: &Tree, area: AreaIndex) -> Vec<String> {
    let all = words(&tree.area(area).name);
    let (kind, bare) = split_name(&all);
    let kind = kind.map(|kind| &KINDS[kind]);
    let bare: Vec<String> = bare.iter().map(|word| word.plain.clone()).collect();
    let mut own = bare.clone();
    own.push(bare.concat());
    own.extend(kind.filter(|_| bare[0].parse::<u32>().is_ok()).map(|kind| kind.plain.concat() + &bare[0]));
    let is_topmost = !tree.is_nation(area) && tree.ancestors(area).all(|above| tree.is_nation(above));
    if is_topmost && bare.len() > 1 {
        let initials: String = bare.iter().map(|word| &word[..1]).collect();
        own.extend(kind.map(|kind| kind.abbreviation.to_owned() + &initials));
        own.push(initials);
    }
    own
}

fn kind_words(tree: &Tree, area: AreaIndex) -> Vec<String> {
    let all = words(&tree.area(area).name);
    let length = all.len() - split_name(&all).1.len();
    all[..length].iter().map(|word| word.plain.clone()).collect()
}

/// Few words, so that names share them, and begin with each other and with kinds.
const SYLLABLES: [&str; 14] =
    ["an", "ân", "ang", "bến", "ben", "bèn", "phường", "phương", "xã", "tân", "thanh", "phố", "1", "10"];
const KIND_WORDS: [&str; 6] = ["", "Phường ", "Xã ", "Quận ", "Thị trấn ", "Thành phố "];

fn trees() -> impl Strategy<Value = Search> {
    let area = (any::<Pick>(), name(), times(), times(), 0..3u8);
    (prop::collection::vec(area, 1..30), any::<bool>()).prop_map(|(given, has_nation)| {
        let mut areas: Vec<Area> = Vec::new();
        for (place, (pick, name, valid_from, valid_to, kind)) in given.into_iter().enumerate() {
            let parent = (place > 0).then(|| pick.index(place).to_string());
            let kind = if place == 0 && has_nation { crate::NATION.to_owned() } else { kind.to_string() };
            areas.push(Area {
                code: place.to_string(),
                parent,
                name,
                kind,
                valid_from,
                valid_to,
                merged_into: None,
            });
        }
        Search::new(Tree::new(areas).expect("parents stand before children"))
    })
}

fn name() -> impl Strategy<Value = String> {
    let bare = prop::collection::vec(prop::sample::select(&SYLLABLES), 1..4);
    (prop::sample::select(&KIND_WORDS), bare).prop_map(|(kind, bare)| format!("{kind}{}", bare.join(" ")))
}

fn texts() -> impl Strategy<Value = String> {
    let typed =
        ["a", "b", "p", "x", "tt", "tp", "ph", "q1", "phuong", "xa", "thanh pho", "quan", "tanan", "ta", ""];
    let word = prop::sample::select([&SYLLABLES[..], &typed[..]].concat());
    prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "))
}

fn times() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(0..4i64)
}

fn kinds() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((0..3u8).prop_map(|kind| kind.to_string()), 0..3)
}
