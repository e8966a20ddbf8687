//! The rows of an upload that were not taken, as CSV to correct and send again: as they were, with two columns
//! more that say which row it was and what is wrong.
//!
//! No cell makes a spreadsheet do anything: what begins like a formula gets an apostrophe, which is taken away
//! again when the file is read.

use super::columns::OWN_MARK;
use super::table::{Cell, MEANS_MORE, column_letters};
use super::{Ended, RowFlaw, Why};

/// The language that the reasons are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Vietnamese.
    Vietnamese,
    /// English.
    English,
}

impl Ended {
    /// The refused rows as CSV, UTF-8 with a mark that spreadsheets need.
    pub fn refused_csv(&self, language: Language) -> String {
        let words = match language {
            Language::Vietnamese => &VIETNAMESE,
            Language::English => &ENGLISH,
        };
        let widest = self.refused.iter().map(|(row, _)| row.cells.len()).max().unwrap_or_default();
        let columns = self.own_columns(widest);
        let mut text = String::from("\u{feff}");
        let name = |column: &usize| self.header.names.get(*column).map_or("", String::as_str);
        let own = [format!("{} {OWN_MARK}", words.row), format!("{} {OWN_MARK}", words.flaws)];
        push_line(&mut text, columns.iter().map(name).chain(own.iter().map(String::as_str)));
        for (row, flaws) in &self.refused {
            let said = |column: &usize| row.cell(*column as u16).said().unwrap_or_default().into_owned();
            let cells: Vec<String> = columns.iter().map(said).collect();
            let reasons: Vec<String> = flaws.iter().map(|flaw| self.reason(flaw, words)).collect();
            let told = [row.number.to_string(), reasons.join("; ")];
            push_line(&mut text, cells.iter().chain(&told).map(String::as_str));
        }
        text
    }

    /// All columns but those that lists of ours added before.
    fn own_columns(&self, widest: usize) -> Vec<usize> {
        let is_named = |column: &usize| self.header.names.get(*column).is_some_and(|name| !name.is_empty());
        let has_value = |column: &usize| {
            let cell = |row: &super::table::Row| !matches!(row.cell(*column as u16), Cell::Empty);
            !self.header.is_own(*column) && self.refused.iter().any(|(row, _)| cell(row))
        };
        (0..widest.max(self.header.names.len()))
            .filter(|column| is_named(column) || has_value(column))
            .collect()
    }

    fn reason(&self, flaw: &RowFlaw, words: &Words) -> String {
        let name = flaw.column.and_then(|column| self.header.names.get(usize::from(column)));
        let place = match (flaw.column, name) {
            (Some(column), Some(name)) => format!("{} ({name}): ", column_letters(column)),
            (Some(column), None) => format!("{}: ", column_letters(column)),
            (None, _) => flaw.field.map(|field| format!("{}: ", field.as_str())).unwrap_or_default(),
        };
        let areas = flaw.candidates.iter().flat_map(|areas| areas.iter());
        let areas: Vec<String> =
            areas.map(|area| format!("{}, {} = {}", area.name, area.path, area.code)).collect();
        let areas = if areas.is_empty() { String::new() } else { format!(" [{}]", areas.join(" | ")) };
        format!("{place}{}{areas}", (words.why)(flaw.why))
    }
}

fn push_line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        let apostrophe = if cell.starts_with(MEANS_MORE) { "'" } else { "" };
        if cell.contains([',', ';', '"', '\n', '\r', '\t']) {
            text.push_str(&format!("\"{apostrophe}{}\"", cell.replace('"', "\"\"")));
        } else {
            text.push_str(apostrophe);
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

struct Words {
    row: &'static str,
    flaws: &'static str,
    why: fn(Why) -> &'static str,
}

static VIETNAMESE: Words = Words {
    row: "Dòng",
    flaws: "Lỗi",
    why: |why| match why {
        Why::Missing => "còn thiếu",
        Why::TooLong => "quá dài",
        Why::Form => "viết không đúng dạng",
        Why::Characters => "có ký tự không dùng được",
        Why::Count => "quá ít hoặc quá nhiều",
        Why::Time => "ngoài khoảng thời gian hợp lệ",
        Why::Unknown => "không nhận ra",
        Why::Disagrees => "không khớp với số giấy tờ hoặc cơ sở dữ liệu dân cư",
        Why::NoLongerValid => "không còn tồn tại",
        Why::Ambiguous => "có nhiều nơi cùng tên; ghi rõ tỉnh, huyện hoặc ghi mã",
        Why::YearAlone => "chỉ có năm; ghi đủ ngày, tháng, năm",
        Why::Formula => "công thức không có giá trị hoặc bị lỗi",
        Why::Merged => "ô đã gộp; ghi giá trị vào từng dòng",
        Why::TwoPeople => "giấy tờ của hai người khác nhau",
        Why::OutOfReach => "người này không ở, không đi và không đến địa bàn của bạn",
        Why::TooMany => "hôm nay đã quá số lượt cho phép; gửi lại vào ngày mai",
    },
};

static ENGLISH: Words = Words {
    row: "Row",
    flaws: "Errors",
    why: |why| match why {
        Why::Missing => "is missing",
        Why::TooLong => "is too long",
        Why::Form => "is not written as it must be",
        Why::Characters => "has characters that cannot be used",
        Why::Count => "too few or too many",
        Why::Time => "lies outside the times that make sense",
        Why::Unknown => "is not known",
        Why::Disagrees => "does not agree with the document's number or the register",
        Why::NoLongerValid => "exists no more",
        Why::Ambiguous => "could be several places; write the province and district, or the code",
        Why::YearAlone => "is a year alone; write day, month and year",
        Why::Formula => "is a formula without a value, or with an error",
        Why::Merged => "is part of merged cells; write the value into each row",
        Why::TwoPeople => "is a document known as another person's",
        Why::OutOfReach => "this person neither lives in your area nor travels from it or to it",
        Why::TooMany => "too many today; send it again tomorrow",
    },
};

#[cfg(test)]
mod tests {
    use super::super::columns::{Field, Form, Header};
    use super::super::table::{Row, Table};
    use super::*;

    fn ended(rows: &[(u32, &[&str])]) -> Ended {
        let row = |(number, cells): &(u32, &[&str])| Row {
            number: *number,
            cells: cells.iter().map(|cell| Cell::text(cell)).collect(),
        };
        let flaw = |row: &Row| RowFlaw {
            row: row.number,
            column: Some(1),
            field: Some(Field::BirthDate),
            why: Why::YearAlone,
            candidates: None,
        };
        let mut rows: Vec<Row> = rows.iter().map(row).collect();
        let header = Header::of(&Table { rows: rows.clone(), ..Table::default() }, Form::Declarations);
        rows.remove(0);
        let refused = rows.into_iter().map(|row| (row.clone(), vec![flaw(&row)])).collect();
        Ended { is_whole: true, accepted: Vec::new(), refused, header }
    }

    #[test]
    fn refused_rows_say_what_is_wrong_and_can_be_sent_again() {
        let head: &[&str] = &["Họ tên", "Ngày sinh", "Nơi đến"];
        let first = ended(&[(1, head), (7, &["Mai, \"Mơ\"", "1990", "W1"])]);
        let csv = first.refused_csv(Language::Vietnamese);
        let expected = "\u{feff}Họ tên,Ngày sinh,Nơi đến,Dòng (Truyvet),Lỗi (Truyvet)\r\n\
                        \"Mai, \"\"Mơ\"\"\",1990,W1,7,\"B (Ngày sinh): chỉ có năm; ghi đủ ngày, tháng, năm\"\r\n";
        assert_eq!(csv, expected);
        let again = Table::read(csv.as_bytes(), 0).expect("a table");
        let header = Header::of(&again, Form::Declarations);
        assert_eq!(header.line(), first.header.line(), "so its columns are remembered");
        let cells: Vec<&Cell> = (0..3).map(|at| again.rows[1].cell(at)).collect();
        let text = |text: &str| Cell::Text(text.into());
        assert_eq!(cells, [&text("Mai, \"Mơ\""), &text("1990"), &text("W1")]);
        let flaws = again.rows[1..].iter().map(|row| (row.clone(), Vec::new())).collect();
        let twice = Ended { is_whole: true, accepted: Vec::new(), refused: flaws, header };
        assert_eq!(
            twice.refused_csv(Language::English).lines().next(),
            Some("\u{feff}Họ tên,Ngày sinh,Nơi đến,Row (Truyvet),Errors (Truyvet)")
        );
    }

    #[test]
    fn no_cell_is_a_formula_and_none_is_changed_by_that() {
        for dangerous in ["=1+1", "+84901234567", "-5", "@SUM(A1)", "=HYPERLINK(\"x\",\"y\")"] {
            let csv = ended(&[(1, &["Họ tên", "Ngày sinh"]), (2, &[dangerous, "1990"])])
                .refused_csv(Language::English);
            let line = csv.lines().nth(1).expect("a row");
            assert!(line.starts_with('\'') || line.starts_with("\"'"), "{line}");
            let again = Table::read(csv.as_bytes(), 0).expect("a table");
            assert_eq!(again.rows[1].cell(0), &Cell::Text(dangerous.into()));
        }
    }
}
