//! Tables as programs write them, and as nobody should.

use std::io::{Cursor, Write as _};

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn date(text: &str) -> Cell {
    Cell::Date(text.into())
}

fn read(bytes: impl AsRef<[u8]>) -> Result<Table, TableError> {
    Table::read(bytes.as_ref(), 0)
}

/// The cells by the rows' numbers.
fn rows(table: &Table) -> Vec<(u32, Vec<Cell>)> {
    table.rows.iter().map(|row| (row.number, row.cells.clone())).collect()
}

/// A spreadsheet of one sheet.
fn book(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().expect("memory takes all")
}

#[test]
fn csv_is_read_whatever_parts_its_cells_and_whatever_its_encoding() {
    let expected = vec![(1, vec![text("Họ tên"), text("Tuổi")]), (2, vec![text("Mai, Mơ"), text("3;1")])];
    let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect()
    };
    let comma = "Họ tên,Tuổi\r\n\"Mai, Mơ\",3;1\r\n";
    let semicolon = "Họ tên;Tuổi\nMai, Mơ;\"3;1\"";
    let tab = "Họ tên\tTuổi\nMai, Mơ\t3;1\n";
    for bytes in [
        comma.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", comma.as_bytes()].concat(),
        semicolon.as_bytes().to_vec(),
        tab.as_bytes().to_vec(),
        utf16(tab, u16::to_le_bytes),
        utf16(comma, u16::to_be_bytes),
    ] {
        assert_eq!(rows(&read(bytes).expect("a table")), expected);
    }
    let said = read("sep=;\na;b,c\n").expect("a table");
    assert_eq!(rows(&said), [(2, vec![text("a"), text("b,c")])], "Excel's own line is no row of data");
}

#[test]
fn rows_have_the_numbers_that_a_spreadsheet_shows() {
    let table = read("a,b\n\n\"x\ny\",1\n\n\n,\nz,2").expect("a table");
    let numbers: Vec<u32> = table.rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [1, 3, 7], "blank lines count, and lines within a cell do not");
    let table = read("\n\na\nb\n").expect("a table");
    assert_eq!(table.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_text_stays_a_text_whatever_it_begins_with() {
    let table = read("=1+1,+84901234567,-5,@x,'=2,'Mai\n").expect("a table");
    let expected = ["=1+1", "+84901234567", "-5", "@x", "=2", "'Mai"].map(text);
    assert_eq!(table.rows[0].cells, expected, "the apostrophe of our own lists is taken away");
    let bytes = book(|sheet| {
        sheet.write_string(0, 0, "=1+1").expect("room");
        sheet.write_string(0, 1, "@SUM(A1)").expect("room");
    });
    assert_eq!(read(bytes).expect("a table").rows[0].cells, [text("=1+1"), text("@SUM(A1)")]);
}

#[test]
fn what_is_no_csv_is_told() {
    assert_eq!(read("").map(|_| ()), Err(TableError::Empty));
    assert_eq!(read(" \n,,\n").map(|_| ()), Err(TableError::Empty));
    assert_eq!(read(b"H\xe0 N\xf4i,1").map(|_| ()), Err(TableError::Encoding), "a former code page");
    assert_eq!(read(b"\x00\x01\x02").map(|_| ()), Err(TableError::Format));
    assert_eq!(read(b"\xd0\xcf\x11\xe0\xa1\xb1").map(|_| ()), Err(TableError::Format), "an old spreadsheet");
    let unclosed = format!("a,b\n\"{}", "x,y\n".repeat(20_000));
    assert_eq!(read(unclosed).map(|_| ()), Err(TableError::Cell(2)), "a quotation mark that is not closed");
    assert_eq!(Table::read(b"a,b", 1).map(|_| ()), Err(TableError::NoSheet));
}

#[test]
fn a_table_beyond_its_bounds_is_refused() {
    assert_eq!(read("a\n".repeat(ROWS_MAX)).map(|table| table.rows.len()), Ok(ROWS_MAX));
    assert_eq!(read("a\n".repeat(ROWS_MAX + 1)).map(|_| ()), Err(TableError::Rows));
    assert_eq!(read(format!("{}x", ",".repeat(COLUMNS_MAX))).map(|_| ()), Err(TableError::Columns));
    assert!(read(format!("a{}", ",".repeat(500))).is_ok(), "empty columns are none");
    let wide = format!("{}\n", vec!["1"; COLUMNS_MAX].join(","));
    assert_eq!(read(wide.repeat(40_001)).map(|_| ()), Err(TableError::TooLarge));
}

#[test]
fn a_spreadsheet_has_texts_numbers_dates_and_times() {
    let bytes = book(|sheet| {
        let (day, moment, time) = (
            Format::new().set_num_format("dd/mm/yyyy"),
            Format::new().set_num_format("dd/mm/yyyy hh:mm"),
            Format::new().set_num_format("hh:mm"),
        );
        sheet.write_string(1, 0, " Nguyễn Văn An ").expect("room");
        sheet.write_number(1, 1, 79_190_000_001.0).expect("room");
        let born = ExcelDateTime::from_ymd(1990, 3, 2).expect("a day");
        sheet.write_datetime_with_format(1, 2, &born, &day).expect("room");
        let departs = ExcelDateTime::from_ymd(2026, 3, 2).expect("a day").and_hms(7, 30, 0).expect("a time");
        sheet.write_datetime_with_format(1, 3, &departs, &moment).expect("room");
        let at = ExcelDateTime::from_hms(23, 59, 0).expect("a time");
        sheet.write_datetime_with_format(1, 5, &at, &time).expect("room");
        sheet.write_boolean(3, 0, true).expect("room");
    });
    let table = read(&bytes).expect("a table");
    let number = Cell::Number(79_190_000_001.0);
    assert_eq!(number.said().as_deref(), Some("79190000001"), "without an exponent");
    let second = vec![
        text("Nguyễn Văn An"),
        number,
        date("1990-03-02"),
        date("2026-03-02T07:30"),
        Cell::Empty,
        date("23:59"),
    ];
    assert_eq!(rows(&table), [(2, second), (4, vec![text("true")])]);
    assert_eq!(table.sheets, ["Sheet1"]);
    assert_eq!(Table::read(&bytes, 1).map(|_| ()), Err(TableError::NoSheet));
}

#[test]
fn the_value_that_a_formula_had_is_taken_where_it_is_plain() {
    let bytes = book(|sheet| {
        let mut write = |column, formula: &str, result: &str| {
            sheet.write_formula(0, column, Formula::new(formula).set_result(result)).expect("room");
        };
        write(0, "=\"Nguyễn \"&\"An\"", "Nguyễn An");
        write(1, "=1/0", "#DIV/0!");
        write(2, "=B1", "7654321");
        write(3, "=40+2", "42");
        write(4, "=A1", "x");
    });
    // As a program writes it that has not computed it.
    let table = read(rewritten(bytes, |text| text.replace("<v>7654321</v>", ""))).expect("a table");
    let expected = [text("Nguyễn An"), Cell::Formula, Cell::Formula, Cell::Number(42.0), text("x")];
    assert_eq!(table.rows[0].cells, expected, "a value that is not there is a flaw");
}

#[test]
fn merged_cells_have_their_value_in_the_upper_left_one_alone() {
    let bytes = book(|sheet| {
        let plain = Format::new();
        sheet.merge_range(0, 0, 0, 2, "DANH SÁCH", &plain).expect("room");
        sheet.write_string(1, 0, "An").expect("room");
        sheet.merge_range(1, 1, 2, 1, "Phường Một", &plain).expect("room");
        sheet.write_string(2, 0, "Mai").expect("room");
    });
    let table = read(bytes).expect("a table");
    let expected = [
        (1, vec![text("DANH SÁCH"), Cell::Merged, Cell::Merged]),
        (2, vec![text("An"), text("Phường Một")]),
        (3, vec![text("Mai"), Cell::Merged]),
    ];
    assert_eq!(rows(&table), expected);
}

#[test]
fn merged_areas_that_lie_on_one_another_cost_no_more_than_a_table() {
    let bytes = book(|sheet| {
        sheet.merge_range(0, 0, 0, 1, "DANH SÁCH", &Format::new()).expect("room");
        for row in 1..10_000 {
            sheet.write_string(row, 0, "An").expect("room");
        }
    });
    let merged = |area: &str, times: usize| {
        let areas = format!("<mergeCell ref=\"{area}\"/>").repeat(times);
        rewritten(bytes.clone(), |text| text.replace("<mergeCell ref=\"A1:B1\"/>", &areas))
    };
    assert!(read(merged("A1:CV10000", 1)).is_ok());
    assert!(merged("A1:CV10000", MERGED).len() < 1 << 20, "it is small");
    assert_eq!(read(merged("A1:CV10000", MERGED)).map(|_| ()), Err(TableError::TooLarge));
    // Where no column is read nothing is looked at.
    let far = read(merged("DA1:DB10000", MERGED)).expect("a table");
    assert_eq!(far.rows.iter().map(|row| row.cells.len()).max(), Some(1));
}

#[test]
fn a_spreadsheet_of_libreoffice_is_read_with_its_formulas_merged_cells_and_dates() {
    let table = read(include_bytes!("libreoffice.xlsx")).expect("a table");
    let merged = std::iter::repeat_n(Cell::Merged, 5);
    let title: Vec<Cell> = std::iter::once(text("DANH SÁCH KHAI BÁO")).chain(merged).collect();
    let header = ["Họ và tên", "Ngày sinh", "Số CCCD", "Thường trú", "Nơi đến", "Ngày đi"].map(text).to_vec();
    let number = Cell::Number(1_090_000_001.0);
    let an =
        vec![text("Nguyễn Văn An"), date("1990-03-02"), number, text("W1"), text("W2"), date("2026-03-02")];
    let mai = [
        text("=Mai"),
        text("02-03-1990"),
        text("001190000002"),
        Cell::Formula,
        Cell::Merged,
        text("2026-03-02"),
    ];
    assert_eq!(rows(&table), [(1, title), (2, header), (3, an), (4, mai.to_vec())]);
    assert_eq!(table.sheets, ["Danh sách"]);
}

#[test]
fn a_spreadsheet_that_is_cut_off_or_none_is_told() {
    let whole = book(|sheet| {
        sheet.write_string(0, 0, "a").expect("room");
    });
    for length in [5, whole.len() / 2, whole.len() - 1] {
        assert_eq!(read(&whole[..length]).map(|_| ()), Err(TableError::Damaged), "{length}");
    }
    let empty = book(|_| {});
    assert_eq!(read(empty).map(|_| ()), Err(TableError::Empty));
    let other = zipped(&[("hello.txt", b"no spreadsheet".to_vec())]);
    assert!(matches!(read(other), Err(TableError::Format | TableError::Damaged)));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked_into_memory() {
    let strings = zipped(&[("xl/sharedStrings.xml", vec![b' '; (64 << 20) + 1])]);
    assert!(strings.len() < 1 << 20, "it is small: {}", strings.len());
    assert_eq!(read(strings).map(|_| ()), Err(TableError::TooLarge));
    let part = vec![b' '; 60 << 20];
    let names = ["a.xml", "b.xml", "c.xml", "d.xml", "e.xml"];
    let many: Vec<_> = names.iter().map(|name| (*name, part.clone())).collect();
    assert_eq!(read(zipped(&many)).map(|_| ()), Err(TableError::TooLarge));
    let crowd: Vec<String> = (0..=1_000).map(|at| format!("{at}.xml")).collect();
    let crowd: Vec<_> = crowd.iter().map(|name| (name.as_str(), Vec::new())).collect();
    assert_eq!(read(zipped(&crowd)).map(|_| ()), Err(TableError::TooLarge));
}

#[test]
fn a_sheet_whose_cells_lie_far_out_is_refused_and_costs_nothing() {
    let bytes = book(|sheet| {
        sheet.write_string(1_048_575, 0, "a").expect("room");
    });
    assert_eq!(rows(&read(bytes).expect("a table")), [(1_048_576, vec![text("a")])]);
    let bytes = book(|sheet| {
        sheet.write_string(0, 16_383, "a").expect("room");
    });
    assert_eq!(read(bytes).map(|_| ()), Err(TableError::Columns));
    let bytes = book(|sheet| {
        for row in 0..=ROWS_MAX as u32 {
            sheet.write_number(row, 0, 1.0).expect("room");
        }
    });
    assert_eq!(read(bytes).map(|_| ()), Err(TableError::Rows));
}

#[test]
fn columns_are_named_as_in_a_spreadsheet() {
    for (column, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (99, "CV")] {
        assert_eq!((column_letters(column).as_str(), column_of(letters)), (letters, Some(column)));
    }
    for wrong in ["", "a", "CW", "ZZZZ", "1", "É"] {
        assert_eq!(column_of(wrong), None, "{wrong}");
    }
}

/// The spreadsheet with the text of its parts changed.
fn rewritten(bytes: Vec<u8>, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut parts = Vec::new();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).expect("a part");
        let (name, mut text) = (part.name().expect("a name").into_owned(), String::new());
        std::io::Read::read_to_string(&mut part, &mut text).expect("text");
        parts.push((name, change(&text).into_bytes()));
    }
    let parts: Vec<_> = parts.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    zipped(&parts)
}

fn zipped(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let how = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in parts {
        archive.start_file(*name, how).expect("a part");
        archive.write_all(bytes).expect("memory takes all");
    }
    archive.finish().expect("whole").into_inner()
}

/// As many as are read: each cell in each of them would be work for an hour.
const MERGED: usize = 100_000;
