//! Rows as people fill them in, and what becomes of them.

use std::sync::Arc;

use truyvet_areas::{Area, Search, Tree};
use truyvet_schemas::person::DocumentKind;

use super::super::RowFlaw;
use super::super::columns::{Header, Mapping};
use super::super::reading::Converter;
use super::super::table::{Cell, Row, Table};
use super::*;

const NOW: i64 = 1_772_409_600_000; // 2026-03-02T00:00Z

fn search() -> Arc<Search> {
    let area = |code: &str, parent: &str, name: &str| Area {
        code: code.to_owned(),
        parent: (!parent.is_empty()).then(|| parent.to_owned()),
        name: name.to_owned(),
        kind: String::new(),
        valid_from: None,
        valid_to: None,
        merged_into: None,
    };
    let areas = vec![
        area("P1", "", "Tỉnh Một"),
        area("P2", "", "Tỉnh Hai"),
        area("W1", "P1", "Phường Bến Nghé"),
        area("W2", "P2", "Xã Đất Mũi"),
        area("W3", "P1", "Xã Tân Phú"),
        area("W4", "P2", "Xã Tân Phú"),
    ];
    Arc::new(Search::new(Tree::new(areas).expect("a tree")))
}

fn converter(header: &[&str]) -> Converter<'static, Declarations> {
    let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let mapping = Mapping::guess(Form::Declarations, &names);
    assert_eq!(mapping.check(), Ok(()), "the header has what is needed");
    Converter::new(&Declarations, mapping, Places::new(search(), NOW), false)
}

fn row(cells: Vec<Cell>) -> Row {
    Row { number: 7, cells }
}

fn texts(cells: &[&str]) -> Row {
    row(cells.iter().map(|cell| Cell::text(cell)).collect())
}

/// Column letters and what is wrong there.
fn flaws(header: &[&str], row: &Row) -> Vec<(String, Why)> {
    let found = converter(header).read(row).expect_err("flaws");
    assert!(found.iter().all(|flaw| flaw.row == 7));
    let place = |flaw: &RowFlaw| flaw.column.map(super::super::column_letters).unwrap_or_default();
    found.iter().map(|flaw| (place(flaw), flaw.why)).collect()
}

const NEEDED: [&str; 6] = ["Họ tên", "Ngày sinh", "CCCD", "Thường trú", "Nơi đến", "Ngày đi"];
const MAI: [&str; 6] = ["Trần Thị Mai", "2/3/1990", "079190000001", "Phường Bến Nghé", "W2", "2/3/2026"];

#[test]
fn a_row_with_what_is_needed_is_a_whole_declaration() {
    let mut converter = converter(&NEEDED);
    let understood = converter.read(&texts(&MAI)).expect("a declaration");
    let Understood { declaration, phone } = &understood;
    let Declaration { person, journey, .. } = declaration;
    assert_eq!(
        (person.birth_date.as_str(), person.sex),
        ("1990-03-02", Sex::Female),
        "the citizen id tells it"
    );
    assert_eq!(person.documents[0].kind, DocumentKind::CitizenId);
    assert_eq!((journey.from.as_str(), journey.to.as_str()), ("W1", "W2"), "it begins at home");
    assert_eq!(journey.departs_at, NOW - 7 * 3_600_000, "midnight of the nation's clock");
    assert_eq!((journey.purpose, phone), (Purpose::Other, &None));
    assert_eq!(declaration.check(NOW), []);
    let shown = converter.shown(&understood);
    assert!(shown.contains(&(Field::To, "Xã Đất Mũi, Tỉnh Hai".to_owned())), "{shown:?}");
    assert!(shown.contains(&(Field::DepartsAt, "2026-03-02T00:00".to_owned())), "{shown:?}");
}

#[test]
fn a_row_with_everything_is_understood() {
    let header = [
        "Họ tên",
        "Ngày sinh",
        "Giới tính",
        "Số hộ chiếu",
        "Nước cấp",
        "Quốc tịch",
        "SĐT",
        "Thường trú",
        "Số nhà",
        "Tạm trú",
        "Nơi đi",
        "Nơi đến",
        "Ngày đi",
        "Giờ đi",
        "Mục đích",
        "Biển số",
        "Phương tiện",
        "Triệu chứng",
        "Tiếp xúc",
        "Số mũi tiêm",
        "Loại xét nghiệm",
        "Kết quả xét nghiệm",
        "Ngày xét nghiệm",
    ];
    let cells = [
        "John Smith",
        "1980-01-31",
        "Nam",
        "B1234567",
        "GB",
        "GB",
        "0901 234 567",
        "W1",
        "12 Lê Lợi",
        "Xã Đất Mũi",
        "",
        "W1",
        "03-03-2026",
        "7h30",
        "Công tác",
        "51F-123.45",
        "Ô tô",
        "Ho; sốt",
        "F1",
        "2 mũi",
        "PCR",
        "Âm tính",
        "1/3/2026",
    ];
    let Understood { declaration, phone } = converter(&header).read(&texts(&cells)).expect("a declaration");
    assert_eq!(declaration.check(NOW), []);
    let json = serde_json::to_value(&declaration).expect("JSON");
    assert_eq!(
        json["person"]["documents"][0],
        serde_json::json!({"kind": "passport", "number": "B1234567", "country": "GB"})
    );
    assert_eq!(json["person"]["permanent"]["address"], "12 Lê Lợi");
    assert_eq!((&json["journey"]["from"], &json["person"]["present"]["area"]), (&"W2".into(), &"W2".into()));
    assert_eq!(json["journey"]["departs_at"], NOW + 24 * 3_600_000 + 1_800_000);
    assert_eq!(json["journey"]["vehicle"], serde_json::json!({"kind": "car", "plate": "51F-123.45"}));
    assert_eq!(json["health"]["symptoms"], serde_json::json!(["fever", "cough"]));
    assert_eq!(
        (&json["health"]["exposure"], &json["health"]["vaccine_doses"]),
        (&"contact".into(), &2.into())
    );
    assert_eq!(json["health"]["test"]["result"], "negative");
    assert_eq!(phone.as_deref(), Some("+84901234567"));
}

#[test]
fn three_ways_to_write_a_date_and_a_spreadsheets_day_make_the_same_declaration() {
    let of = |birth: Cell, departs: Cell| {
        let mut cells: Vec<Cell> = MAI.iter().map(|cell| Cell::text(cell)).collect();
        (cells[1], cells[5]) = (birth, departs);
        converter(&NEEDED).read(&row(cells)).expect("a declaration")
    };
    let expected = of(Cell::text("2/3/1990"), Cell::text("2/3/2026"));
    assert_eq!(of(Cell::text("02-03-1990"), Cell::text("02.03.2026")), expected);
    assert_eq!(of(Cell::text("1990-03-02"), Cell::Date("2026-03-02".into())), expected);
    assert_eq!(of(Cell::Number(32_934.0), Cell::Number(46_083.0)), expected);
}

#[test]
fn every_bad_cell_of_a_row_is_told_by_its_column() {
    let mut cells: Vec<Cell> = MAI.iter().map(|cell| Cell::text(cell)).collect();
    cells[0] = Cell::Empty;
    cells[1] = Cell::Number(1990.0);
    cells[3] = Cell::Merged;
    cells[4] = Cell::text("Xã Tân Phú");
    cells[5] = Cell::Formula;
    let mut found = flaws(&NEEDED, &row(cells));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("A", Why::Missing),
        ("B", Why::YearAlone),
        ("D", Why::Merged),
        ("E", Why::Ambiguous),
        ("F", Why::Formula),
    ];
    assert_eq!(found, expected.map(|(column, why)| (column.to_owned(), why)));
}

#[test]
fn a_place_that_could_be_two_is_told_with_both() {
    let mut cells = MAI;
    cells[4] = "Xã Tân Phú";
    let found = converter(&NEEDED).read(&texts(&cells)).expect_err("two areas");
    let candidates = found[0].candidates.as_ref().expect("candidates");
    let mut codes: Vec<&str> = candidates.iter().map(|area| area.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["W3", "W4"]);
    cells[4] = "Xã Tân Phú, Tỉnh Hai";
    let understood = converter(&NEEDED).read(&texts(&cells)).expect("one area");
    assert_eq!(understood.declaration.journey.to, "W4");
}

#[test]
fn what_a_declaration_finds_wrong_is_told_by_column_too() {
    let mut cells = MAI;
    (cells[1], cells[2]) = ("2/3/1890", "07919000");
    let header = [NEEDED.as_slice(), &["Giới tính"]].concat();
    let row = texts(&[cells.as_slice(), &["Nữ"]].concat());
    let mut converter = converter(&header);
    let understood = converter.read(&row).expect("as far as cells go");
    let found = converter.mapping.flaws(row.number, &understood.declaration.check(NOW));
    let told: Vec<_> = found.iter().map(|flaw| (flaw.column, flaw.field, flaw.why)).collect();
    let expected =
        [(Some(1), Some(Field::BirthDate), Why::Time), (Some(2), Some(Field::Document), Why::Form)];
    assert!(expected.iter().all(|flaw| told.contains(flaw)), "{told:?}");
    assert_eq!(Form::Declarations.field_of("person.present.area"), Some(Field::Present));
    assert_eq!(Form::Declarations.field_of("companions[0].name"), None);
}

#[test]
fn a_table_without_a_column_that_is_needed_says_which() {
    let table = Table::read("Họ tên,Ngày sinh,CCCD,Thường trú,Nơi đến\nMai,2/3/1990,1,W1,W2".as_bytes(), 0)
        .expect("a table");
    let form = Form::Declarations;
    let mapping = Mapping::guess(form, &Header::of(&table, form).names);
    assert_eq!(mapping.check(), Err(super::super::MappingError::Missing(vec![Field::DepartsAt])));
}
