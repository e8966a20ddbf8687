//! Figures as a table for a terminal.

use super::Figure;

/// A head and a line for each figure.
pub(super) fn render(figures: &[Figure]) -> String {
    let mut rows = vec![["figure", "target", "reached", "of bare", "", "command"].map(String::from)];
    rows.extend(figures.iter().map(|figure| {
        let ratio = figure.ratio.map_or_else(String::new, |ratio| format!("{:.0} %", ratio * 100.0));
        let verdict = if figure.holds { "ok" } else { "MISSED" };
        let Figure { name, target, reached, command, .. } = figure.clone();
        [name, target, reached, ratio, verdict.into(), command]
    }));
    let widths: [usize; 6] =
        std::array::from_fn(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; 6]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let figure = Figure {
            name: "bare".into(),
            target: "-".into(),
            reached: "5,000,000 scans/s".into(),
            ratio: Some(0.315),
            holds: false,
            command: "run --max".into(),
        };
        let text = render(&[figure]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].find("command"), lines[1].find("run"));
        assert!(lines[1].contains("32 %") && lines[1].contains("MISSED"), "{text}");
    }
}
