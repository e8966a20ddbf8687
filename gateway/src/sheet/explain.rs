//! What a question took, for people: what it touched, then each step with its time.

use comfy_table::{Cell, CellAlignment};
use truyvet_engine::Explained;

use super::plain_table;

/// The table.
pub fn explain_table(explained: &Explained) -> String {
    let e = explained;
    let mut table = plain_table();
    table.set_header(["step", "ms"]);
    for step in &e.steps {
        table.add_row([Cell::new(step.way.as_str()), number(&millis(step.us))]);
    }
    table.add_row([Cell::new("total"), number(&millis(e.total_us))]);
    format!(
        "{} partitions, {} runs; leaves: {} of postings, {} of trails, {} rollups; {} reads in memory\n\
         cache: {} hits, {} misses, {} leaves beside it; {} bytes read\n{table}\n",
        e.partitions,
        e.runs,
        e.posting_leaves,
        e.trail_leaves,
        e.rollups,
        e.live_reads,
        e.cache_hits,
        e.cache_misses,
        e.cache_passed,
        e.bytes_read,
    )
}

fn number(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn millis(us: u64) -> String {
    format!("{}.{:03}", us / 1_000, us % 1_000)
}
