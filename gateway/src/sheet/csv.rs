//! A sheet as CSV: LF, times as unix milliseconds, texts quoted only where they must be.

use super::{Sheet, Values};

impl Sheet {
    /// The text of the file.
    pub fn to_csv(&self) -> String {
        self.csv_header() + &self.csv_rows()
    }

    /// The first line.
    pub(super) fn csv_header(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        names.join(",") + "\n"
    }

    /// The lines after the first.
    pub(super) fn csv_rows(&self) -> String {
        let mut text = String::new();
        for row in 0..self.rows() {
            for (at, column) in self.columns.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                match &column.values {
                    Values::Text(values) => push_quoted(&mut text, values[row].as_deref().unwrap_or("")),
                    Values::Time(values) | Values::Number(values) => text.push_str(&values[row].to_string()),
                }
            }
            text.push('\n');
        }
        text
    }
}

fn push_quoted(text: &mut String, value: &str) {
    if value.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&value.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(value);
    }
}
