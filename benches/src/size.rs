//! How large a benchmark is.

/// Environment variable with the number of scans, for a run in seconds.
pub const SCANS_VARIABLE: &str = "TRUYVET_BENCH_SCANS";

/// The number of scans: the variable's, or else `usual`.
///
/// # Panics
/// When the variable is no number above 0.
pub fn scans_or(usual: usize) -> usize {
    let Ok(text) = std::env::var(SCANS_VARIABLE) else { return usual };
    let scans = text.parse().ok().filter(|scans| *scans > 0);
    scans.unwrap_or_else(|| panic!("{SCANS_VARIABLE} must be a number above 0, not `{text}`"))
}
