//! An answer as a sheet of rows, for people (table), spreadsheets (CSV) and analysis (Parquet). The
//! columns are named as the fields of the JSON answer; counts that are no column stand above.

mod csv;
mod explain;
pub mod listed;
mod parquet;
mod table;

use truyvet_engine::{
    ChainAnswer, Code, CommonAnswer, ContactsAnswer, Incomplete, OccupancyAnswer, PassedAnswer,
    PassedSubject, SetAnswer, SetHead, StaysAnswer, TrailAnswer, Why,
};
use truyvet_schemas::TimeMs;

use crate::question::Answer;
pub use explain::explain_table;
pub(crate) use table::plain_table;

/// Columns, equally long, and what stands above them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Counts and remarks; for people alone.
    pub summary: Vec<String>,
    /// The columns.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the JSON field's.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// Values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Codes and words; none where the answer has null.
    Text(Vec<Option<Code>>),
    /// Instants, unix milliseconds.
    Time(Vec<i64>),
    /// Numbers.
    Number(Vec<i64>),
}

impl Sheet {
    /// The answer's rows.
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Passed(answer) => passed(answer),
            Answer::Trail(answer) => trail(answer),
            Answer::Contacts(answer) => contacts(answer),
            Answer::Chain(answer) => chain(answer),
            Answer::Common(answer) => common(answer),
            Answer::Set(answer) => set(answer),
            Answer::Stays(answer) => stays(answer),
            Answer::Occupancy(answer) => occupancy(answer),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    fn remark(mut self, unknown: &[String], incomplete: &[Incomplete]) -> Self {
        if !unknown.is_empty() {
            self.summary.push(format!("unknown: {}", unknown.join(", ")));
        }
        self.summary.extend(incomplete.iter().map(|days| {
            let (from, to) = (TimeMs::new(days.from), TimeMs::new(days.to));
            let why = match days.why {
                Why::Dropped => "dropped",
                Why::Lost => "lost",
            };
            format!("incomplete: scans of {from} to {to} were {why}")
        }));
        self
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Time(values) | Self::Number(values) => values.len(),
        }
    }
}

/// The field of each row as a column.
macro_rules! column {
    ($rows:expr, $name:literal, text $field:ident) => {
        Column { name: $name, values: Values::Text($rows.iter().map(|r| Some(r.$field.clone())).collect()) }
    };
    ($rows:expr, $name:literal, maybe $field:ident) => {
        Column { name: $name, values: Values::Text($rows.iter().map(|r| r.$field.clone()).collect()) }
    };
    ($rows:expr, $name:literal, time $field:ident) => {
        Column { name: $name, values: Values::Time($rows.iter().map(|r| r.$field).collect()) }
    };
    ($rows:expr, $name:literal, number $field:ident) => {
        Column { name: $name, values: Values::Number($rows.iter().map(|r| r.$field as i64).collect()) }
    };
}

fn passed(answer: &PassedAnswer) -> Sheet {
    let counted_only = answer.list.is_empty() && answer.subjects > 0;
    let columns = if counted_only {
        let number = |name, value: u64| Column { name, values: Values::Number(vec![value as i64]) };
        vec![number("subjects", answer.subjects), number("scans", answer.scans)]
    } else {
        passed_columns(&answer.list)
    };
    let summary = passed_summary(answer.subjects, answer.scans);
    Sheet { columns, ..summary.remark(&answer.unknown, &answer.incomplete) }
}

fn passed_columns(rows: &[PassedSubject]) -> Vec<Column> {
    vec![
        column!(rows, "subject", text subject),
        column!(rows, "first", time first),
        column!(rows, "last", time last),
        column!(rows, "scans", number scans),
    ]
}

fn passed_summary(subjects: u64, scans: u64) -> Sheet {
    Sheet { summary: vec![format!("{subjects} subjects, {scans} scans")], columns: Vec::new() }
}

fn trail(answer: &TrailAnswer) -> Sheet {
    let rows = &answer.scans;
    let columns = vec![
        column!(rows, "at", time at),
        column!(rows, "site", text site),
        column!(rows, "direction", text direction),
        column!(rows, "verdict", text verdict),
    ];
    Sheet { summary: vec![format!("{} scans", rows.len())], columns }
        .remark(&answer.unknown, &answer.incomplete)
}

fn contacts(answer: &ContactsAnswer) -> Sheet {
    let events: u64 = answer.contacts.iter().map(|contact| contact.events).sum();
    let mut summary = vec![format!("{} contacts, {events} contact events", answer.contacts.len())];
    if let Some(cut) = &answer.cut {
        summary.push(format!("cut: {} left out; {}", cut.left_out, cut.reason));
    }
    if !answer.inside.is_empty() {
        summary.push(format!("{} subjects were inside with them: see trace stays", answer.inside.len()));
    }
    let columns = match &answer.pairs {
        Some(rows) => vec![
            column!(rows, "given", text given),
            column!(rows, "subject", text subject),
            column!(rows, "site", text site),
            column!(rows, "given_at", time given_at),
            column!(rows, "at", time at),
        ],
        None => vec![
            column!(answer.contacts, "subject", text subject),
            column!(answer.contacts, "events", number events),
            column!(answer.contacts, "min_gap_ms", number min_gap_ms),
            column!(answer.contacts, "first", time first),
            column!(answer.contacts, "last", time last),
        ],
    };
    Sheet { summary, columns }.remark(&answer.unknown, &answer.incomplete)
}

fn chain(answer: &ChainAnswer) -> Sheet {
    let counts = answer.generations.iter().map(|g| format!("F{}: {} subjects", g.generation, g.subjects));
    let summary = vec![counts.collect::<Vec<_>>().join(", ")];
    let numbers = answer.generations.iter().flat_map(|g| g.list.iter().map(|_| i64::from(g.generation)));
    let generation = Column { name: "generation", values: Values::Number(numbers.collect()) };
    let rows: Vec<_> = answer.generations.iter().flat_map(|g| &g.list).collect();
    let columns = vec![
        generation,
        column!(rows, "subject", text subject),
        column!(rows, "exposed_at", time exposed_at),
        column!(rows, "from", maybe from),
        column!(rows, "site", maybe site),
    ];
    Sheet { summary, columns }.remark(&answer.unknown, &answer.incomplete)
}

fn common(answer: &CommonAnswer) -> Sheet {
    let rows = &answer.cells;
    let columns = vec![
        column!(rows, "site", text site),
        column!(rows, "from", time from),
        column!(rows, "to", time to),
        column!(rows, "given", number given),
        column!(rows, "all", number all),
    ];
    Sheet { summary: vec![format!("{} cells", rows.len())], columns }
        .remark(&answer.unknown, &answer.incomplete)
}

/// Who was inside with them; their own stays stand above.
fn stays(answer: &StaysAnswer) -> Sheet {
    let mut summary = vec![format!("{} stays, {} subjects met", answer.stays.len(), answer.met.len())];
    summary.extend(answer.stays.iter().take(STAYS_SHOWN).map(|stay| {
        let (from, to) = (TimeMs::new(stay.from), TimeMs::new(stay.to));
        format!("{} at {} from {} to {}", stay.subject, stay.site, from.rfc3339(), to.rfc3339())
    }));
    if answer.stays.len() > STAYS_SHOWN {
        summary.push(format!("and {} stays more: see --format json", answer.stays.len() - STAYS_SHOWN));
    }
    let rows = &answer.met;
    let columns = vec![
        column!(rows, "subject", text subject),
        column!(rows, "overlaps", number overlaps),
        column!(rows, "overlap_ms", number overlap_ms),
        column!(rows, "longest_ms", number longest_ms),
        column!(rows, "first", time first),
        column!(rows, "last", time last),
    ];
    Sheet { summary, columns }.remark(&answer.unknown, &answer.incomplete)
}

fn occupancy(answer: &OccupancyAnswer) -> Sheet {
    let rows = &answer.cells;
    let inside = rows.last().map_or(0, |cell| cell.inside);
    let most = rows.iter().map(|cell| cell.most).max().unwrap_or_default();
    let capacity = answer.capacity.map(|capacity| format!(", of {capacity}")).unwrap_or_default();
    let columns = vec![
        column!(rows, "from", time from),
        column!(rows, "to", time to),
        column!(rows, "entered", number entered),
        column!(rows, "left", number left),
        column!(rows, "most", number most),
        column!(rows, "inside", number inside),
    ];
    let summary = vec![format!("{inside} inside at the end, {most} at most{capacity}")];
    Sheet { summary, columns }.remark(&answer.unknown, &answer.incomplete)
}

fn set(answer: &SetAnswer) -> Sheet {
    let counted_only = answer.list.is_empty() && answer.head.subjects > 0;
    let columns = if counted_only {
        vec![Column { name: "subjects", values: Values::Number(vec![answer.head.subjects as i64]) }]
    } else {
        set_columns(&answer.list)
    };
    Sheet { columns, ..set_summary(&answer.head) }
}

fn set_columns(list: &[Code]) -> Vec<Column> {
    let codes = list.iter().cloned().map(Some).collect();
    vec![Column { name: "subject", values: Values::Text(codes) }]
}

/// What stands above the list of a set, without the list.
fn set_summary(head: &SetHead) -> Sheet {
    let mut summary = vec![format!("{} subjects", head.subjects)];
    summary.extend(head.operands.iter().map(|operand| match operand.subjects {
        Some(subjects) => format!("{subjects:>9}  {}", operand.expression),
        None => format!("{:>9}  {}", "not read", operand.expression),
    }));
    Sheet { summary, columns: Vec::new() }.remark(&head.unknown, &head.incomplete)
}

/// Own stays that stand above the table.
const STAYS_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let text =
            |values: &[Option<&str>]| Values::Text(values.iter().map(|value| value.map(Code::new)).collect());
        let columns = vec![
            Column { name: "subject", values: text(&[Some("a,\"b\""), None]) },
            Column { name: "at", values: Values::Time(vec![0, 1500]) },
            Column { name: "scans", values: Values::Number(vec![7, -1]) },
        ];
        Sheet { summary: vec!["2 rows".into()], columns }
    }

    #[test]
    fn csv_quotes_what_needs_it_and_keeps_unix_ms() {
        assert_eq!(sheet().to_csv(), "subject,at,scans\n\"a,\"\"b\"\"\",0,7\n,1500,-1\n");
    }

    #[test]
    fn a_table_has_counts_first_and_readable_times() {
        let table = sheet().to_table();
        assert!(table.starts_with("2 rows\n"), "{table}");
        assert!(table.contains("1970-01-01T00:00:01.500Z"), "{table}");
    }

    #[test]
    fn parquet_is_read_back() {
        use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
        let bytes = sheet().to_parquet().expect("memory suffices");
        let mut batches = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
            .and_then(|builder| builder.build())
            .expect("just written");
        let batch = batches.next().expect("one batch").expect("just written");
        assert_eq!((batch.num_rows(), batch.num_columns()), (2, 3));
        assert_eq!(batch.schema().field(1).data_type().to_string(), "Timestamp(ms, \"UTC\")");
    }
}
