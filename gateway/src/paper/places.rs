//! Areas as people write them in tables: a code, or a name with what it lies in.
//!
//! ```text
//! "12 Hàng Bạc, Phường Bến Nghé, Quận 1, TP.HCM"
//!     |            +-- of today? none is -> of former times? just one -> what took it in
//!     +-- begins with a house or a street: the address
//! ```
//! Nothing is chosen between two areas that the text could mean: the row is told with those.

use std::collections::HashMap;
use std::sync::Arc;

use truyvet_areas::{AreaIndex, Query, Search};
use truyvet_schemas::person::folded_name;

use super::Why;
use crate::people::AreaName;

/// Looks places up, and remembers what it found: tables name the same few again and again.
pub struct Places {
    search: Arc<Search>,
    now_ms: i64,
    known: HashMap<String, Result<Place, Unclear>>,
}

/// A place that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Code of an area of today.
    pub(super) area: String,
    /// What stands before it.
    pub(super) address: Option<String>,
}

/// A place that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    pub(super) why: Why,
    /// What it could mean.
    pub(super) candidates: Arc<[AreaName]>,
}

impl Places {
    /// Looks up among these areas, those of this instant first.
    pub(crate) fn new(search: Arc<Search>, now_ms: i64) -> Self {
        Self { search, now_ms, known: HashMap::new() }
    }

    pub(super) fn find(&mut self, said: &str) -> Result<Place, Unclear> {
        if said.len() > PLACE_CHARS_MAX && said.chars().nth(PLACE_CHARS_MAX).is_some() {
            return Err(Unclear { why: Why::TooLong, candidates: Arc::default() });
        }
        if let Some(known) = self.known.get(said) {
            return known.clone();
        }
        let found = self.look_up(said);
        if self.known.len() < KNOWN_MAX {
            self.known.insert(said.to_owned(), found.clone());
        }
        found
    }

    /// What an area is called, with what it lies in.
    pub(super) fn path(&self, code: &str) -> String {
        let name = self.search.tree().find(code).map(|area| self.name(area));
        match name {
            Some(AreaName { name, path, .. }) if path.is_empty() => name,
            Some(AreaName { name, path, .. }) => format!("{name}, {path}"),
            None => code.to_owned(),
        }
    }

    fn look_up(&self, said: &str) -> Result<Place, Unclear> {
        if let Some(area) = self.search.tree().find(said) {
            return self.of_today(area).map(|area| self.place(area, None));
        }
        let mut first = None;
        for (address, rest) in splits(said) {
            let found = self.meant(rest);
            if let Ok(area) = found {
                return Ok(self.place(area, address));
            }
            first = first.or(found.err());
        }
        Err(first.unwrap_or(Unclear { why: Why::Unknown, candidates: Arc::default() }))
    }

    fn meant(&self, text: &str) -> Result<AreaIndex, Unclear> {
        let of_today = Query { at_ms: Some(self.now_ms), limit: CANDIDATES_MAX, ..Query::new(text) };
        let of_today = match self.search.meant(&of_today) {
            Err(none) if none.is_empty() => None,
            found => Some(found),
        };
        let found = of_today.unwrap_or_else(|| {
            let former = self.search.meant(&Query { limit: CANDIDATES_MAX, ..Query::new(text) });
            former.map_err(|several| self.today(several))
        });
        match found {
            Ok(area) => self.of_today(area),
            Err(several) => {
                let why = if several.is_empty() { Why::Unknown } else { Why::Ambiguous };
                Err(Unclear { why, candidates: self.names(several) })
            }
        }
    }

    /// An area as it is today: of one that was merged what took it in.
    fn of_today(&self, area: AreaIndex) -> Result<AreaIndex, Unclear> {
        let today = self.search.tree().valid_at(area, self.now_ms);
        today.ok_or_else(|| Unclear { why: Why::NoLongerValid, candidates: Arc::default() })
    }

    /// What these are today, each once.
    fn today(&self, areas: Vec<AreaIndex>) -> Vec<AreaIndex> {
        let mut today: Vec<AreaIndex> = Vec::new();
        for area in areas.into_iter().filter_map(|area| self.of_today(area).ok()) {
            if !today.contains(&area) {
                today.push(area);
            }
        }
        today
    }

    fn names(&self, areas: Vec<AreaIndex>) -> Arc<[AreaName]> {
        areas.into_iter().take(CANDIDATES_MAX).map(|area| self.name(area)).collect()
    }

    fn name(&self, area: AreaIndex) -> AreaName {
        let tree = self.search.tree();
        let known = tree.area(area);
        AreaName { code: known.code.clone(), name: known.name.clone(), path: tree.path(area) }
    }

    fn place(&self, area: AreaIndex, address: Option<String>) -> Place {
        Place { area: self.search.tree().area(area).code.clone(), address }
    }
}

/// The text as it is, and without the parts at its beginning that are no area's, a few at most.
fn splits(said: &str) -> impl Iterator<Item = (Option<String>, &str)> {
    let ends = said.match_indices([',', ';']).map(|(at, _)| at).take(ADDRESS_PARTS_MAX);
    let is_address = move |end: &usize| said[..*end].split([',', ';']).all(is_house_or_street);
    let behind =
        ends.take_while(is_address).map(|end| (Some(said[..end].trim().to_owned()), said[end + 1..].trim()));
    std::iter::once((None, said)).chain(behind)
}

fn is_house_or_street(part: &str) -> bool {
    let folded = folded_name(part);
    let first = folded.split([' ', '.']).next().unwrap_or_default();
    folded.starts_with(|c: char| c.is_ascii_digit())
        || NO_AREAS.contains(&first)
        || folded.starts_with("khu pho")
}

/// Words that what lies within a ward begins with.
const NO_AREAS: [&str; 14] =
    ["so", "nha", "ngo", "ngach", "hem", "kiet", "duong", "pho", "thon", "ap", "to", "xom", "ban", "kp"];

/// Most areas that are told as what a text could mean.
const CANDIDATES_MAX: usize = 5;

/// Longest text that is looked for: a whole address has some hundred characters.
const PLACE_CHARS_MAX: usize = 500;

/// Most parts of an address before its area, as in `Số 5, ngõ 3, tổ 2, khu phố 1`. Behind each the rest is
/// looked for, in some fifty microseconds.
const ADDRESS_PARTS_MAX: usize = 10;

/// Texts that are remembered: 100,000 rows name a few thousand places.
const KNOWN_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use truyvet_areas::{Area, Tree, parse_date};

    use super::*;

    fn area(code: &str, parent: &str, name: &str, kind: &str) -> Area {
        Area {
            code: code.to_owned(),
            parent: (!parent.is_empty()).then(|| parent.to_owned()),
            name: name.to_owned(),
            kind: kind.to_owned(),
            valid_from: None,
            valid_to: None,
            merged_into: None,
        }
    }

    fn places() -> Places {
        let ended = |code, parent, name, kind, into: Option<&str>| Area {
            valid_to: Some(parse_date("2025-07-01").expect("a date")),
            merged_into: into.map(str::to_owned),
            ..area(code, parent, name, kind)
        };
        let areas = vec![
            area("VN", "", "Việt Nam", "nation"),
            area("N79", "VN", "Thành phố Hồ Chí Minh", "city"),
            area("N1", "N79", "Phường Sài Gòn", "ward"),
            area("N2", "N79", "Xã Bình Chánh", "commune"),
            area("N38", "VN", "Tỉnh Thanh Hóa", "province"),
            area("N3", "N38", "Xã Bình Chánh", "commune"),
            ended("O79", "VN", "Thành phố Hồ Chí Minh", "city", Some("N79")),
            ended("O760", "O79", "Quận 1", "urban_district", None),
            ended("O1", "O760", "Phường Bến Nghé", "ward", Some("N1")),
            ended("O2", "O760", "Phường Đã Mất", "ward", None),
        ];
        let search = Search::new(Tree::new(areas).expect("a tree"));
        Places::new(Arc::new(search), 1_790_000_000_000)
    }

    #[test]
    fn a_code_a_name_and_a_former_name_find_the_area_of_today() {
        let mut places = places();
        for said in [
            "N1",
            "Phường Sài Gòn, TP.HCM",
            "phuong sai gon, tp hcm",
            "Phường Bến Nghé, Quận 1, TP.HCM",
            "P. Bến Nghé, Q.1, TP.HCM",
            "O1",
        ] {
            assert_eq!(places.find(said), Ok(Place { area: "N1".to_owned(), address: None }), "{said}");
        }
        assert_eq!(places.path("N1"), "Phường Sài Gòn, Thành phố Hồ Chí Minh");
    }

    #[test]
    fn what_stands_before_the_area_is_the_address() {
        let mut places = places();
        let found = |place: Result<Place, Unclear>| {
            place.map(|place| (place.area, place.address.unwrap_or_default()))
        };
        for (said, address) in [
            ("12 Lê Lợi, Phường Sài Gòn, TP.HCM", "12 Lê Lợi"),
            ("Số 5, ngõ 3, P. Bến Nghé, Q1, TP.HCM", "Số 5, ngõ 3"),
        ] {
            assert_eq!(found(places.find(said)), Ok(("N1".to_owned(), address.to_owned())), "{said}");
        }
        let unknown = places.find("Phường Không Có, Phường Sài Gòn, TP.HCM").expect_err("no area");
        assert_eq!(unknown.why, Why::Unknown, "a ward that is unknown is not passed over");
    }

    #[test]
    fn a_text_that_is_no_place_is_not_looked_for_at_every_comma() {
        let mut places = places();
        for at in 0..200 {
            let unclear = places.find(&format!("{at},{}", "1,".repeat(16_000))).expect_err("no place");
            assert_eq!(unclear.why, Why::TooLong);
        }
        assert!(places.known.is_empty(), "nor is it remembered");
        assert_eq!(splits(&"1,".repeat(250)).count(), 1 + ADDRESS_PARTS_MAX);
        let long = format!("{}, Phường Sài Gòn, TP.HCM", "ấ".repeat(PLACE_CHARS_MAX - 24));
        assert_eq!(places.find(&long).expect_err("an unknown street").why, Why::Unknown, "characters count");
    }

    #[test]
    fn between_two_areas_nobody_chooses() {
        let mut places = places();
        let unclear = places.find("Xã Bình Chánh").expect_err("two");
        let mut codes: Vec<&str> = unclear.candidates.iter().map(|area| area.code.as_str()).collect();
        codes.sort_unstable();
        assert_eq!((unclear.why, codes), (Why::Ambiguous, vec!["N2", "N3"]));
        let found = places.find("Xã Bình Chánh, Thanh Hóa").map(|place| place.area);
        assert_eq!(found.as_deref(), Ok("N3"));
        assert_eq!(places.find("Nơi Nào").expect_err("none").why, Why::Unknown);
        assert_eq!(places.find("O2").expect_err("no successor").why, Why::NoLongerValid);
        assert_eq!(places.find("Phường Đã Mất, Quận 1, TP.HCM").expect_err("none").why, Why::NoLongerValid);
    }
}
