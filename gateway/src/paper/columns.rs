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
        ["ho va ten", "ho ten", "ten", "ten hanh khach", "name", "full name", "fullname", "passenger name",
         "passenger", "given name", "given names", "first name"];
    /// The family name, where it stands by itself.
    Surname = "surname", "person.name", ["ho dem", "ho va dem", "surname", "family name", "last name"];
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
        ["nuoc cap", "noi cap ho chieu", "document country", "issued by", "issuing country", "issuing state",
         "country of issue", "passport country"];
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
    /// Seat or cabin.
    Seat = "seat", "crossing.seat",
        ["so ghe", "ghe", "ghe ngoi", "cho ngoi", "buong", "seat", "seat number", "cabin"];
    /// Place of quarantine: a facility's code or name, or an area and an address.
    Quarantine = "quarantine", "crossing.quarantine",
        ["noi cach ly", "co so cach ly", "khu cach ly", "dia diem cach ly", "cach ly tai", "cach ly", "quarantine",
         "quarantine place", "quarantine facility", "place of quarantine"];
    /// Days of quarantine from the arrival on.
    QuarantineDays = "quarantine_days", "crossing.quarantine.until",
        ["so ngay cach ly", "quarantine days", "days of quarantine"];
    /// The last day of quarantine.
    QuarantineUntil = "quarantine_until", "crossing.quarantine.until",
        ["cach ly den", "cach ly den ngay", "quarantine until", "until"];
}

/// What a table is of: which fields it has, and what they become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Declarations that citizens made on paper.
    #[default]
    Declarations,
    /// Passengers who arrive on one carriage.
    Arrivals,
}

impl Form {
    /// Its fields, in the order in which people fill them in.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| match self {
            Self::Declarations => !OF_ARRIVALS.contains(field),
            Self::Arrivals => OF_BOTH.contains(field) || OF_ARRIVALS.contains(field),
        })
    }

    /// What it needs from every row.
    pub const fn required(self) -> &'static [Field] {
        match self {
            Self::Declarations => &[
                Field::Name,
                Field::BirthDate,
                Field::Document,
                Field::Permanent,
                Field::To,
                Field::DepartsAt,
            ],
            Self::Arrivals => &[Field::Name, Field::BirthDate, Field::Document],
        }
    }

    /// The path of what a field becomes, as flaws name it.
    pub const fn path(self, field: Field) -> &'static str {
        match (self, field) {
            (Self::Arrivals, Field::Name | Field::Surname) => "traveller.name",
            (Self::Arrivals, Field::BirthDate) => "traveller.birth_date",
            (Self::Arrivals, Field::Sex) => "traveller.sex",
            (Self::Arrivals, Field::Document) => "traveller.passport.number",
            (Self::Arrivals, Field::DocumentCountry) => "traveller.passport.country",
            (Self::Arrivals, Field::Nationality) => "traveller.nationality",
            (Self::Arrivals, Field::Phone) => "traveller.phone",
            (Self::Arrivals, Field::Permanent) => "traveller.home",
            (Self::Arrivals, Field::TestKind) => "test.kind",
            (Self::Arrivals, Field::TestResult) => "test.result",
            (Self::Arrivals, Field::TestAt) => "test.taken_at",
            _ => field.path(),
        }
    }

    /// The field that a path comes from: the longest that it begins with, of equal ones the first.
    pub fn field_of(self, path: &str) -> Option<Field> {
        let begins = |field: &Field| {
            path.strip_prefix(self.path(*field)).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let fields: Vec<Field> = self.fields().filter(begins).collect();
        fields.into_iter().rev().max_by_key(|field| self.path(*field).len())
    }

    /// So that each form remembers columns of its own, though headers are the same.
    pub fn header_line(self, header: &Header) -> String {
        match self {
            Self::Declarations => header.line(),
            Self::Arrivals => format!("arrivals|{}", header.line()),
        }
    }
}

/// Fields that passengers have and citizens' declarations have not.
const OF_ARRIVALS: [Field; 5] =
    [Field::Surname, Field::Seat, Field::Quarantine, Field::QuarantineDays, Field::QuarantineUntil];

/// Fields that both have.
const OF_BOTH: [Field; 11] = [
    Field::Name,
    Field::BirthDate,
    Field::Sex,
    Field::Document,
    Field::DocumentCountry,
    Field::Nationality,
    Field::Phone,
    Field::Permanent,
    Field::TestKind,
    Field::TestResult,
    Field::TestAt,
];

/// Which column, from 0, holds each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// What the table is of.
    pub form: Form,
    columns: BTreeMap<Field, u16>,
}

/// The line that names the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The place of the first row below it among the table's rows.
    pub below: usize,
    /// The number that a spreadsheet shows for it; 0 where no row names a column, so that all are of people.
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
    #[error("columns are missing that every row needs; choose them, or add them to the table")]
    Missing(Vec<Field>),
}

impl Field {
    /// The field of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.as_str() == name)
    }
}

impl Header {
    /// The header of a table: of the first rows the one that names most fields, the first of several; titles
    /// above it are passed over. Where none names any and the first is one of people, there is no header. A row with dates or numbers of documents is none, though a place in it may be
    /// called like a field.
    pub fn of(table: &Table, form: Form) -> Self {
        let is_of_data = |name: &String| name.chars().filter(char::is_ascii_digit).count() >= DIGITS_OF_DATA;
        let named = |row: &Row| {
            let names = names(row);
            if names.iter().any(is_of_data) { 0 } else { Mapping::guess(form, &names).columns.len() }
        };
        let candidates = table.rows.iter().take(HEADER_WITHIN_ROWS).enumerate();
        // `max_by_key` takes the last of several, so the order is turned round.
        let best = candidates.rev().max_by_key(|(_, row)| named(row));
        // One in another language names nothing that is known, and is no row of people either.
        let is_header = |row: &Row| named(row) > 0 || !names(row).iter().any(is_of_data);
        best.filter(|(_, row)| is_header(row)).map_or_else(
            || Self::none(table),
            |(at, row)| Self {
                below: at + 1,
                row: row.number,
                names: names(row),
                own: (0..row.cells.len()).filter(|column| is_own(&row.cells[*column])).collect(),
            },
        )
    }

    /// Of a table without a header: its columns have no names.
    fn none(table: &Table) -> Self {
        let widest = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
        Self { names: vec![String::new(); widest], ..Self::default() }
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
    pub fn guess(form: Form, names: &[String]) -> Self {
        let headers: Vec<Vec<String>> = names.iter().map(|name| words(name)).collect();
        let mut found: Vec<(usize, usize, Field)> = Vec::new();
        for (column, header) in headers.iter().enumerate() {
            found.extend(form.fields().filter_map(|field| Some((agreement(header, field)?, column, field))));
        }
        // The best agreements first, of equal ones the column further left.
        found.sort_by_key(|(agreement, column, field)| (std::cmp::Reverse(*agreement), *column, *field));
        let (mut mapping, mut taken) = (Self { form, ..Self::default() }, BTreeSet::new());
        for (_, column, field) in found {
            if !mapping.columns.contains_key(&field) && taken.insert(column) {
                mapping.columns.insert(field, column as u16);
            }
        }
        mapping
    }

    /// Reads `name:A,birth_date:B`.
    ///
    /// # Errors
    /// It is not written so, or a field or column stands there twice.
    pub fn parse(form: Form, text: &str) -> Result<Self, MappingError> {
        let mut mapping = Self { form, ..Self::default() };
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (field, letters) = part.split_once(':').ok_or(MappingError::Form)?;
            let (field, column) = Field::parse(field).zip(column_of(letters)).ok_or(MappingError::Form)?;
            let is_its = form.fields().any(|its| its == field);
            let is_taken = mapping.columns.values().any(|taken| *taken == column);
            if !is_its || is_taken || mapping.columns.insert(field, column).is_some() {
                return Err(MappingError::Form);
            }
        }
        Ok(mapping)
    }

    /// Every field that a row needs must have a column.
    ///
    /// # Errors
    /// These have none.
    pub fn check(&self) -> Result<(), MappingError> {
        let has_none = |field: &Field| !self.columns.contains_key(field);
        let missing: Vec<Field> = self.form.required().iter().copied().filter(has_none).collect();
        if missing.is_empty() { Ok(()) } else { Err(MappingError::Missing(missing)) }
    }

    /// The column of a field.
    pub fn column(&self, field: Field) -> Option<u16> {
        self.columns.get(&field).copied()
    }

    /// The fields by the letters of their columns.
    pub fn letters(&self) -> BTreeMap<Field, String> {
        self.columns.iter().map(|(field, column)| (*field, column_letters(*column))).collect()
    }

    /// As it is remembered.
    pub fn numbers(&self) -> BTreeMap<String, u16> {
        self.columns.iter().map(|(field, column)| (field.as_str().to_owned(), *column)).collect()
    }

    /// As it was remembered; fields that are no more are left out.
    pub fn of_numbers(form: Form, numbers: &BTreeMap<String, u16>) -> Self {
        let fields = numbers.iter().filter_map(|(name, column)| Some((Field::parse(name)?, *column)));
        let is_its = |(field, column): &(Field, u16)| {
            usize::from(*column) < COLUMNS_MAX && form.fields().any(|its| its == *field)
        };
        Self { form, columns: fields.filter(is_its).collect() }
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

/// So many digits in one cell are a date or a number, and no name of a column.
const DIGITS_OF_DATA: usize = 6;

/// Titles, dates and signatures stand above a header, but not more.
const HEADER_WITHIN_ROWS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(names: &[&str]) -> String {
        guessed_as(Form::Declarations, names)
    }

    fn guessed_as(form: Form, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let letters = Mapping::guess(form, &names).letters();
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
    fn headers_of_passenger_lists_are_understood_in_both_languages() {
        let vietnamese = [
            "STT",
            "Họ tên hành khách",
            "Số ghế",
            "Số hộ chiếu",
            "Quốc tịch",
            "Giới tính",
            "Ngày sinh",
            "Nơi cách ly",
            "Cách ly đến ngày",
        ];
        assert_eq!(
            guessed_as(Form::Arrivals, &vietnamese),
            "name:B,birth_date:G,sex:F,document:D,nationality:E,seat:C,quarantine:H,quarantine_until:I"
        );
        let english = [
            "Seat No.",
            "Surname",
            "Given names",
            "Sex",
            "DOB",
            "Passport No.",
            "Issuing state",
            "Nationality",
            "Quarantine place",
            "Quarantine days",
        ];
        assert_eq!(
            guessed_as(Form::Arrivals, &english),
            "name:C,surname:B,birth_date:E,sex:D,document:F,document_country:G,nationality:H,seat:A,quarantine:I,\
             quarantine_days:J"
        );
    }

    #[test]
    fn a_path_leads_back_to_the_field_of_its_form() {
        for (form, path, field) in [
            (Form::Declarations, "person.permanent.area", Some(Field::Permanent)),
            (Form::Declarations, "journey.departs_at", Some(Field::DepartsAt)),
            (Form::Declarations, "crossing.seat", None),
            (Form::Arrivals, "traveller.name", Some(Field::Name)),
            (Form::Arrivals, "traveller.passport.country", Some(Field::DocumentCountry)),
            (Form::Arrivals, "crossing.quarantine.until", Some(Field::QuarantineDays)),
            (Form::Arrivals, "crossing.site", None),
        ] {
            assert_eq!(form.field_of(path), field, "{path}");
        }
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
        let header = Header::of(&Table { rows, ..Table::default() }, Form::Declarations);
        assert_eq!((header.below, header.row, header.line().as_str()), (2, 3, "ho va ten|ngay sinh|cccd"));
        assert_eq!(header.names[3], "");
    }

    #[test]
    fn a_table_without_a_header_is_of_people_from_its_first_row_on() {
        let row = |number, name: &str| Row {
            number,
            cells: [name, "2/3/1990", "001090000001"].iter().map(|cell| Cell::text(cell)).collect(),
        };
        let table =
            Table { rows: vec![row(1, "Trần Thị Mai"), row(2, "Lê Văn Ba")], ..Table::default() };
        let header = Header::of(&table, Form::Declarations);
        assert_eq!((header.below, header.row, header.line().as_str()), (0, 0, ""));
        assert_eq!(header.names, ["", "", ""], "columns to choose from");
        assert_eq!(Header::of(&Table::default(), Form::Declarations), Header::default());
    }

    #[test]
    fn a_mapping_is_read_as_it_is_written_and_tells_what_is_missing() {
        let text = "name:A,birth_date:C,document:AB,permanent:D,to:E,departs_at:F";
        let form = Form::Declarations;
        let mapping = Mapping::parse(form, text).expect("a mapping");
        assert_eq!((mapping.column(Field::Document), mapping.check()), (Some(27), Ok(())));
        assert_eq!(Mapping::of_numbers(form, &mapping.numbers()), mapping);
        assert_eq!(Mapping::parse(form, "seat:A"), Err(MappingError::Form), "of another form");
        for wrong in ["name", "name:", "name:a", "nobody:A", "name:A,name:B", "name:A,to:A", "name:ZZZ"] {
            assert_eq!(Mapping::parse(form, wrong), Err(MappingError::Form), "{wrong}");
        }
        let missing = Mapping::parse(form, "name:A,birth_date:B,document:C,permanent:D");
        let missing = missing.expect("written well").check();
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
