//! Two weeks of a nation as rows for import, in chunks as large as those read from a file.

use std::collections::HashMap;
use std::hash::Hash;

use truyvet_engine::{CodeColumn, RowChunk};
use truyvet_loadtest::nation::{History, ModelScan, Nation};

/// How codes are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Every row's own code, as from CSV.
    Plain,
    /// Places in a list of codes, as from Parquet.
    Dictionary,
}

/// All scans of the history, day by day, in time order within a day, as files have them.
pub fn chunks<'n>(
    nation: &'n Nation,
    history: &'n History<'n>,
    coding: Coding,
) -> impl Iterator<Item = RowChunk> + 'n {
    let mut first_row = 1;
    let day_chunks = move |day| {
        let mut scans: Vec<ModelScan> = history.scans_of_day(day).collect();
        scans.sort_unstable();
        scans.chunks(CHUNK_ROWS).map(<[ModelScan]>::to_vec).collect::<Vec<_>>()
    };
    history.days().flat_map(day_chunks).map(move |scans| {
        let chunk = chunk(nation, &scans, first_row, coding);
        first_row += chunk.rows;
        chunk
    })
}

fn chunk(nation: &Nation, scans: &[ModelScan], first_row: u64, coding: Coding) -> RowChunk {
    let subjects = scans.iter().map(|scan| scan.person);
    let sites = scans.iter().map(|scan| scan.site);
    RowChunk {
        first_row,
        rows: scans.len() as u64,
        subjects: column(subjects, coding, |person| nation.codes.text(person)),
        sites: column(sites, coding, |site| nation.land.site_code(site)),
        at_ms: scans.iter().map(|scan| scan.at_ms).collect(),
        directions: scans.iter().map(|scan| scan.direction as u8).collect(),
    }
}

fn column<K: Copy + Eq + Hash>(
    numbers: impl Iterator<Item = K>,
    coding: Coding,
    code: impl Fn(K) -> String,
) -> CodeColumn {
    let mut column = CodeColumn::plain();
    if coding == Coding::Plain {
        numbers.for_each(|number| column.push(&code(number)));
        return column;
    }
    let mut places = HashMap::new();
    let keys = numbers.map(|number| {
        *places.entry(number).or_insert_with(|| {
            column.push(&code(number));
            column.len() as u32 - 1
        })
    });
    let keys = keys.collect();
    match column {
        CodeColumn::Plain { ends, bytes } | CodeColumn::Dictionary { ends, bytes, .. } => {
            CodeColumn::Dictionary { keys, ends, bytes }
        }
    }
}

/// As many as the gateway reads from a file at once.
const CHUNK_ROWS: usize = 65_536;
