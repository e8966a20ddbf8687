//! Which column of a table is which field: guessed from the header, or said by whoever sends it. Pure.
//!
//! Headers are compared without diacritics, case and signs: `Họ và tên (*)` is `ho va ten`. A header that is
//! just one of a field's names is that field; otherwise the longest name within it counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use truyvet_schemas::person::folded_name;
use utoipa::ToSchema;

use super::table::{COLUMNS_MAX, Cell, Row, Table, column_letters, column_of};

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $path:literal, [$($alias:literal),*];)*) => {
        /// A field that a column can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = PaperField)]
        pub enum Field { $($(#[$doc])* $field),* }

        impl Field {
            /// Every field, in the order in which people fill them in.
            pub const ALL: &[Self] = &[$(Self::$field),*];

            /// Its name in a mapping.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$field => $name),* }
            }

            /// The path of what it becomes in a declaration, as flaws name it.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$field => $path),* }
            }

            /// What headers call it, folded.
            const fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$field => &[$($alias),*]),* }
            }
        }
    };
}

fields! {
    /// The whole name.
    Name = "name", "person.name",
        ["ho va ten", "ho ten", "ten", "name", "full name", "fullname"];
    /// The day of birth.
    BirthDate = "birth_date", "person.birth_date",
        ["ngay sinh", "ngay thang nam sinh", "nam sinh", "birth date", "birthdate", "date of birth", "dob", "born"];
    /// Sex; a citizen id tells it too.
    Sex = "sex", "person.sex", ["gioi tinh", "gioi", "phai", "nam nu", "sex", "gender"];
    /// Number of the document.
    Document = "document", "person.documents[0].number",
        ["so giay to", "so cccd", "cccd", "so can cuoc", "can cuoc cong dan", "cmnd", "so cmnd", "cmnd cccd",
         "cccd cmnd", "so ho chieu", "ho chieu", "so dinh danh", "so dinh danh ca nhan", "document",
         "document number", "id number", "citizen id", "passport", "passport number"];
    /// Kind of the document; its number's form tells it too.
    DocumentKind = "document_kind", "person.documents[0].kind",
        ["loai giay to", "document kind", "document type", "id type", "kind of document"];
    /// Who issued the document, ISO 3166 alpha-2.
    DocumentCountry = "document_country", "person.documents[0].country",
        ["nuoc cap", "noi cap ho chieu", "document country", "issued by", "issuing country"];
    /// ISO 3166 alpha-2.
    Nationality = "nationality", "person.nationality", ["quoc tich", "nationality"];
    /// Telephone.
    Phone = "phone", "phone",
        ["so dien thoai", "dien thoai", "sdt", "so dt", "dt", "phone", "phone number", "telephone", "mobile"];
    /// Permanent residence: an area's code or name.
    Permanent = "permanent", "person.permanent.area",
        ["thuong tru", "noi thuong tru", "dia chi thuong tru", "ho khau thuong tru", "ho khau", "xa phuong thuong tru",
         "dia chi", "permanent residence", "permanent", "residence", "home", "address"];
    /// House and street of it.
    PermanentAddress = "permanent_address", "person.permanent.address",
        ["so nha", "so nha duong", "dia chi chi tiet", "house and street", "street", "street address"];
    /// Present residence, where it is another.
    Present = "present", "person.present.area",
        ["luu tru", "noi o hien nay", "noi o", "cho o hien nay", "tam tru", "noi tam tru", "dia chi tam tru",
         "present residence", "present address", "current address"];
    /// The area that is left; permanent or present residence unless told.
    From = "from", "journey.from",
        ["noi di", "diem di", "di tu", "xuat phat", "noi xuat phat", "from", "origin", "departure place"];
    /// The area that is gone to.
    To = "to", "journey.to",
        ["noi den", "diem den", "den", "to", "destination"];
    /// Day of departure, or day and time.
    DepartsAt = "departs_at", "journey.departs_at",
        ["ngay di", "ngay khoi hanh", "khoi hanh", "thoi gian di", "thoi gian khoi hanh", "ngay gio di", "departure",
         "departure date", "departs", "departs at", "date of departure", "travel date"];
    /// Time of departure, where it stands by itself.
    DepartsTime = "departs_time", "journey.departs_at",
        ["gio di", "gio khoi hanh", "departure time", "time of departure"];
    /// Why.
    Purpose = "purpose", "journey.purpose", ["muc dich", "ly do", "ly do di", "muc dich di", "purpose", "reason"];
    /// Roads, or the number of a flight or train.
    Route = "route", "journey.route",
        ["lo trinh", "tuyen", "tuyen duong", "so hieu chuyen", "chuyen bay", "route", "flight", "train"];
    /// With what.
    Vehicle = "vehicle", "journey.vehicle.kind", ["phuong tien", "loai xe", "vehicle", "means of transport"];
    /// Number plate.
    Plate = "plate", "journey.vehicle.plate",
        ["bien so", "bien so xe", "bien kiem soat", "bks", "so xe", "plate", "number plate", "license plate"];
    /// Symptoms of the last 14 days.
    Symptoms = "symptoms", "health.symptoms", ["trieu chung", "trieu chung 14 ngay", "symptoms"];
    /// Exposure in the last 14 days.
    Exposure = "exposure", "health.exposure", ["tiep xuc", "yeu to dich te", "dich te", "exposure", "contact with case"];
    /// Doses of a vaccine.
    VaccineDoses = "vaccine_doses", "health.vaccine_doses",
        ["so mui", "so mui tiem", "so mui vac xin", "so mui vaccine", "mui tiem", "tiem chung", "vac xin", "vaccine",
         "doses", "vaccine doses"];
    /// How the last test was made.
    TestKind = "test_kind", "health.test.kind", ["loai xet nghiem", "test kind", "test type"];
    /// What came out of it.
    TestResult = "test_result", "health.test.result",
        ["ket qua xet nghiem", "xet nghiem", "ket qua", "test result", "test"];
    /// When it was taken.
    TestAt = "test_at", "health.test.taken_at",
        ["ngay xet nghiem", "ngay lay mau", "test date", "date of test"];
}

/// Which column, from 0, holds each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<Field, u16>);

/// The line that names the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Its place among the table's rows.
    pub at: usize,
    /// The number that a spreadsheet shows for it.
    pub row: u32,
    /// What stands above each column, from A on; empty where nothing does, and where the column is one that our
    /// own lists of refused rows add.
    pub names: Vec<String>,
    /// Columns, from 0, that our own lists of refused rows added.
    own: BTreeSet<usize>,
}

/// Why a mapping cannot be used. Columns are named by their letters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Write it as the message says.
    #[error(
        "`columns` is written like name:A,birth_date:B, each field and each column once; /api/docs lists the fields"
    )]
    Form,
    /// Choose columns for these fields.
    #[error("columns are missing that every declaration needs; choose them, or add them to the table")]
    Missing(Vec<Field>),
}

impl Field {
    /// What every declaration needs from its row.
    pub const REQUIRED: &[Self] =
        &[Self::Name, Self::BirthDate, Self::Document, Self::Permanent, Self::To, Self::DepartsAt];

    /// The field of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.as_str() == name)
    }
}

impl Header {
    /// The header of a table: of the first rows the one that names most fields, the first of several; titles
    /// above it are passed over.
    pub fn of(table: &Table) -> Self {
        let named = |row: &Row| Mapping::guess(&names(row)).0.len();
        let candidates = table.rows.iter().take(HEADER_WITHIN_ROWS).enumerate();
        // `max_by_key` takes the last of several, so the order is turned round.
        let best = candidates.rev().max_by_key(|(_, row)| named(row));
        best.map_or_else(Self::default, |(at, row)| Self {
            at,
            row: row.number,
            names: names(row),
            own: (0..row.cells.len()).filter(|column| is_own(&row.cells[*column])).collect(),
        })
    }

    /// Whether the column is one that our own lists of refused rows add.
    pub fn is_own(&self, column: usize) -> bool {
        self.own.contains(&column)
    }

    /// The header as it is recognised again.
    pub fn line(&self) -> String {
        let end = self.names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let folded: Vec<String> = self.names[..end].iter().map(|name| words(name).join(" ")).collect();
        folded.join("|")
    }
}

impl Mapping {
    /// What a header says by itself.
    pub fn guess(names: &[String]) -> Self {
        let headers: Vec<Vec<String>> = names.iter().map(|name| words(name)).collect();
        let mut found: Vec<(usize, usize, Field)> = Vec::new();
        for (column, header) in headers.iter().enumerate() {
            found.extend(
                Field::ALL.iter().filter_map(|field| Some((agreement(header, *field)?, column, *field))),
            );
        }
        // The best agreements first, of equal ones the column further left.
        found.sort_by_key(|(agreement, column, field)| (std::cmp::Reverse(*agreement), *column, *field));
        let (mut mapping, mut taken) = (Self::default(), BTreeSet::new());
        for (_, column, field) in found {
            if !mapping.0.contains_key(&field) && taken.insert(column) {
                mapping.0.insert(field, column as u16);
            }
        }
        mapping
    }

    /// Reads `name:A,birth_date:B`.
    ///
    /// # Errors
    /// It is not written so, or a field or column stands there twice.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mut mapping = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (field, letters) = part.split_once(':').ok_or(MappingError::Form)?;
            let (field, column) = Field::parse(field).zip(column_of(letters)).ok_or(MappingError::Form)?;
            let is_taken = mapping.0.values().any(|taken| *taken == column);
            if is_taken || mapping.0.insert(field, column).is_some() {
                return Err(MappingError::Form);
            }
        }
        Ok(mapping)
    }

    /// Every field that a declaration needs must have a column.
    ///
    /// # Errors
    /// These have none.
    pub fn check(&self) -> Result<(), MappingError> {
        let missing: Vec<Field> =
            Field::REQUIRED.iter().copied().filter(|field| !self.0.contains_key(field)).collect();
        if missing.is_empty() { Ok(()) } else { Err(MappingError::Missing(missing)) }
    }

    /// The column of a field.
    pub fn column(&self, field: Field) -> Option<u16> {
        self.0.get(&field).copied()
    }

    /// The fields by the letters of their columns.
    pub fn letters(&self) -> BTreeMap<Field, String> {
        self.0.iter().map(|(field, column)| (*field, column_letters(*column))).collect()
    }

    /// As it is remembered.
    pub fn numbers(&self) -> BTreeMap<String, u16> {
        self.0.iter().map(|(field, column)| (field.as_str().to_owned(), *column)).collect()
    }

    /// As it was remembered; fields that are no more are left out.
    pub fn of_numbers(numbers: &BTreeMap<String, u16>) -> Self {
        let fields = numbers.iter().filter_map(|(name, column)| Some((Field::parse(name)?, *column)));
        Self(fields.filter(|(_, column)| usize::from(*column) < COLUMNS_MAX).collect())
    }
}

/// What stands above each column, without the columns that our own lists of refused rows add.
fn names(row: &Row) -> Vec<String> {
    let name = |cell: &Cell| if is_own(cell) { None } else { cell.said().map(|said| said.into_owned()) };
    row.cells.iter().map(|cell| name(cell).unwrap_or_default()).collect()
}

fn is_own(cell: &Cell) -> bool {
    cell.said().is_some_and(|said| said.ends_with(OWN_MARK))
}

/// How well a header agrees with a field: exactly, or by the number of words of the longest name in it. A name
/// of one word must begin it: `Ngày đến` is no place.
fn agreement(header: &[String], field: Field) -> Option<usize> {
    let within = |alias: &str| {
        let alias: Vec<&str> = alias.split(' ').collect();
        let mut places = header.windows(alias.len()).take(if alias.len() == 1 { 1 } else { header.len() });
        let is_there = places.any(|words| words.iter().eq(alias.iter()));
        is_there.then_some(if header.len() == alias.len() { EXACT } else { alias.len() })
    };
    field.aliases().iter().filter_map(|alias| within(alias)).max()
}

/// Words without diacritics, case and signs.
fn words(text: &str) -> Vec<String> {
    let folded = folded_name(text);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Stands in the headers of columns that our own lists of refused rows add.
pub(super) const OWN_MARK: &str = "(Truyvet)";

/// More than any name has words.
const EXACT: usize = 100;

/// Titles, dates and signatures stand above a header, but not more.
const HEADER_WITHIN_ROWS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let letters = Mapping::guess(&names).letters();
        letters
            .iter()
            .map(|(field, column)| format!("{}:{column}", field.as_str()))
            .collect::<Vec<_>>()
            .join(",")
    }

    #[test]
    fn headers_are_understood_in_both_languages_with_and_without_diacritics() {
        assert_eq!(
            guessed(&[
                "STT",
                "Họ và tên (*)",
                "Ngày sinh (dd/mm/yyyy)",
                "Giới tính",
                "Số CCCD/CMND",
                "SĐT",
                "Nơi thường trú",
                "Nơi đến",
                "Ngày đi",
                "Giờ đi"
            ]),
            "name:B,birth_date:C,sex:D,document:E,phone:F,permanent:G,to:H,departs_at:I,departs_time:J"
        );
        assert_eq!(
            guessed(&[
                "ho ten",
                "NGAY SINH",
                "so giay to",
                "thuong tru",
                "noi di",
                "noi den",
                "ngay khoi hanh",
                "bien so xe"
            ]),
            "name:A,birth_date:B,document:C,permanent:D,from:E,to:F,departs_at:G,plate:H"
        );
        assert_eq!(
            guessed(&[
                "Full name",
                "Date of birth",
                "Citizen ID",
                "Permanent residence",
                "Destination",
                "Departure date",
                "Phone number"
            ]),
            "name:A,birth_date:B,document:C,phone:G,permanent:D,to:E,departs_at:F"
        );
    }

    #[test]
    fn each_field_and_each_column_is_taken_once_and_the_best_wins() {
        assert_eq!(guessed(&["Tên cơ quan cấp", "Họ và tên", "Tên"]), "name:B", "the exact header");
        assert_eq!(guessed(&["Họ tên", "Họ tên"]), "name:A", "the first of two");
        assert_eq!(guessed(&["", "???", "Ghi chú"]), "");
    }

    #[test]
    fn a_header_below_titles_is_found_and_our_own_columns_are_no_part_of_it() {
        let row = |number, cells: &[&str]| Row {
            number,
            cells: cells.iter().map(|cell| Cell::text(cell)).collect(),
        };
        let rows = vec![
            row(1, &["DANH SÁCH NGƯỜI ĐẾN"]),
            row(3, &["Họ và tên", "Ngày sinh", "CCCD", "Lỗi (Truyvet)"]),
            row(4, &["Nguyễn Văn Nơi Đến", "2/3/1990", "001090000001"]),
        ];
        let header = Header::of(&Table { rows, ..Table::default() });
        assert_eq!((header.at, header.row, header.line().as_str()), (1, 3, "ho va ten|ngay sinh|cccd"));
        assert_eq!(header.names[3], "");
    }

    #[test]
    fn a_mapping_is_read_as_it_is_written_and_tells_what_is_missing() {
        let text = "name:A,birth_date:C,document:AB,permanent:D,to:E,departs_at:F";
        let mapping = Mapping::parse(text).expect("a mapping");
        assert_eq!((mapping.column(Field::Document), mapping.check()), (Some(27), Ok(())));
        assert_eq!(Mapping::of_numbers(&mapping.numbers()), mapping);
        for wrong in ["name", "name:", "name:a", "nobody:A", "name:A,name:B", "name:A,to:A", "name:ZZZ"] {
            assert_eq!(Mapping::parse(wrong), Err(MappingError::Form), "{wrong}");
        }
        let missing =
            Mapping::parse("name:A,birth_date:B,document:C,permanent:D").expect("written well").check();
        assert_eq!(missing, Err(MappingError::Missing(vec![Field::To, Field::DepartsAt])));
    }

    #[test]
    fn aliases_are_folded_and_no_two_fields_share_one() {
        let mut seen = BTreeSet::new();
        for alias in Field::ALL.iter().flat_map(|field| field.aliases()) {
            assert_eq!(words(alias).join(" "), **alias);
            assert!(seen.insert(*alias), "{alias} is the name of two fields");
        }
    }
}
