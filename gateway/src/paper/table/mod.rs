//! A table as people send it, CSV or XLSX, read into rows of cells in memory that is bounded beforehand.
//!
//! ```text
//! bytes -> CSV?  text, delimiter -> records   -+-> rows with the numbers that a spreadsheet shows
//!       -> XLSX? unpacked size   -> one sheet -+   cells: text, number, date, or why there is no value
//! ```
//! Formulas are never computed: what the program that wrote the file found is taken where it is plain. The
//! value of merged cells is that of the upper left one alone.

mod csv;
mod xlsx;

#[cfg(test)]
mod tests;

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names of all sheets of the file; none for CSV.
    pub sheets: Vec<String>,
    /// Whether its days are counted from 1904, as on old Macintoshes.
    pub is_1904: bool,
    /// Rows that have something, in their order.
    pub rows: Vec<Row>,
}

/// A row that has something.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The number that a spreadsheet shows for it, from 1.
    pub number: u32,
    /// From column A on, to the last that has something.
    pub cells: Vec<Cell>,
}

/// What stands in a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A text, trimmed.
    Text(Box<str>),
    /// A number.
    Number(f64),
    /// A date, a time or both, as `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM` or `HH:MM`.
    Date(Box<str>),
    /// A formula without a value, or whose value is an error.
    Formula,
    /// Part of merged cells, and not the upper left one.
    Merged,
}

/// Why a table cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Choose the file again.
    #[error("the file is empty; choose the one with the table")]
    Empty,
    /// Save it as another format.
    #[error("the file is neither CSV nor XLSX; save the table as one of them, and send that")]
    Format,
    /// Save it with another encoding.
    #[error("the file is not UTF-8; save it as \"CSV UTF-8\", or send the XLSX")]
    Encoding,
    /// Send it again.
    #[error("the spreadsheet is damaged or was cut off; save it anew, and send it again")]
    Damaged,
    /// Take the password away.
    #[error("the spreadsheet is protected by a password; save it without one")]
    Protected,
    /// Choose another sheet.
    #[error("the spreadsheet has no such sheet; choose one of those that it has")]
    NoSheet,
    /// Split it.
    #[error("the table has more than {ROWS_MAX} rows; split it, and send one part after the other")]
    Rows,
    /// Leave columns out.
    #[error("the table has more than {COLUMNS_MAX} columns; leave out those that are not needed")]
    Columns,
    /// Split it.
    #[error("the table is too large when it is unpacked; split it, or send it as CSV")]
    TooLarge,
    /// Look for a quotation mark that is not closed.
    #[error(
        "row {0} has a cell of more than {CELL_CHARS_MAX} characters; perhaps a quotation mark is not closed"
    )]
    Cell(u32),
}

impl Table {
    /// Reads a file; of a spreadsheet the sheet of this place, from 0.
    ///
    /// # Errors
    /// It is none, or beyond what is read; nothing of it is taken then.
    pub fn read(bytes: &[u8], sheet: usize) -> Result<Self, TableError> {
        match bytes {
            [] => Err(TableError::Empty),
            [b'P', b'K', 3, 4, ..] => xlsx::read(bytes, sheet),
            // The container of older spreadsheets, and of protected ones.
            [0xd0, 0xcf, 0x11, 0xe0, ..] if is_protected(bytes) => Err(TableError::Protected),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(TableError::Format),
            _ if sheet > 0 => Err(TableError::NoSheet),
            _ => csv::read(bytes),
        }
    }
}

impl Row {
    /// The cell of a column, from 0.
    pub fn cell(&self, column: u16) -> &Cell {
        self.cells.get(usize::from(column)).unwrap_or(&Cell::Empty)
    }
}

impl Cell {
    /// A text as it is kept: trimmed, and without the apostrophe by which spreadsheets and our own lists of
    /// refused rows say that what follows is a text, whatever it begins with.
    pub(super) fn text(text: &str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix('\'').filter(|rest| rest.starts_with(MEANS_MORE)).unwrap_or(text);
        if text.is_empty() { Self::Empty } else { Self::Text(text.into()) }
    }

    /// What it says, as a text; none where there is no value.
    pub fn said(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Text(text) | Self::Date(text) => Some(text.as_ref().into()),
            // Document numbers come as numbers: all their digits, no exponent.
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                Some((*number as i64).to_string().into())
            }
            Self::Number(number) => Some(number.to_string().into()),
            Self::Empty | Self::Formula | Self::Merged => None,
        }
    }
}

/// The name of a column as a spreadsheet shows it: `A` for 0, `AA` for 26.
pub fn column_letters(column: u16) -> String {
    let (mut letters, mut rest) = (Vec::new(), u32::from(column) + 1);
    while rest > 0 {
        letters.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

/// The place of a column, from 0, by its letters.
pub(super) fn column_of(letters: &str) -> Option<u16> {
    let fits = (1..=3).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_uppercase());
    let number = letters.bytes().fold(0u32, |number, b| number * 26 + u32::from(b - b'A') + 1);
    (fits && number as usize <= COLUMNS_MAX).then_some(number as u16 - 1)
}

/// A protected spreadsheet is a container with a stream of this name, in UTF-16.
fn is_protected(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}

/// Counts cells while they are read, so that no table grows beyond its bounds.
#[derive(Default)]
struct Room {
    cells: usize,
    text_bytes: usize,
}

impl Room {
    fn take(&mut self, row: u32, cell: &Cell) -> Result<(), TableError> {
        self.cells += 1;
        if let Cell::Text(text) = cell {
            if text.len() > CELL_CHARS_MAX && text.chars().nth(CELL_CHARS_MAX).is_some() {
                return Err(TableError::Cell(row));
            }
            self.text_bytes += text.len();
        }
        let fits = self.cells <= CELLS_MAX && self.text_bytes <= TEXT_BYTES_MAX;
        if fits { Ok(()) } else { Err(TableError::TooLarge) }
    }
}

/// What makes a spreadsheet take a text for more than that.
pub(super) const MEANS_MORE: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Longest file: 50,000 rows of all fields take 15 MiB as CSV, and less as XLSX.
pub const FILE_BYTES_MAX: usize = 32 << 20;

/// Most rows of a table.
pub(super) const ROWS_MAX: usize = 100_000;

/// Most columns of a table.
pub(super) const COLUMNS_MAX: usize = 100;

/// Most cells: 100,000 rows of 40 columns. A cell takes 24 bytes, so 96 MB.
const CELLS_MAX: usize = 4_000_000;

/// Most bytes of text in all cells.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// Longest text in a cell, as in spreadsheets.
const CELL_CHARS_MAX: usize = 32_767;
