//! A sheet for people: counts first, times that can be read.

use comfy_table::{Cell, CellAlignment, Table, TableComponent, presets};
use truyvet_schemas::TimeMs;

use super::{Sheet, Values};

impl Sheet {
    /// The table.
    pub fn to_table(&self) -> String {
        let mut text: String = self.summary.iter().map(|line| printable(line) + "\n").collect();
        if self.rows() == 0 {
            return text;
        }
        let mut table = plain_table();
        table.set_header(self.columns.iter().map(|column| column.name));
        for row in 0..self.rows() {
            table.add_row(self.columns.iter().map(|column| cell(&column.values, row)));
        }
        text.push_str(&table.to_string());
        text.push('\n');
        text
    }
}

/// A table with a line below its header and no others.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.remove_style(TableComponent::HorizontalLines).remove_style(TableComponent::MiddleIntersections);
    table
}

fn cell(values: &Values, row: usize) -> Cell {
    match values {
        Values::Text(values) => Cell::new(printable(values[row].as_deref().unwrap_or("-"))),
        Values::Time(values) => Cell::new(TimeMs::new(values[row]).rfc3339()),
        Values::Number(values) => Cell::new(values[row]).set_alignment(CellAlignment::Right),
    }
}

/// A code may hold what would steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
