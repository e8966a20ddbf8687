//! Line charts as inline SVG: axes with ticks, series as lines, colours from the page's style.

use std::fmt::Write;

/// One chart. Positions are parts of the axes, from 0 to 1.
pub(super) struct Chart<'a> {
    /// Said by screen readers.
    pub(super) label: &'a str,
    /// Below.
    pub(super) x: Vec<Tick>,
    /// On the left.
    pub(super) y: Vec<Tick>,
    /// Lines; the first in the first colour.
    pub(super) series: Vec<Series>,
}

/// A mark on an axis.
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

/// A line.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
    /// Whether the area below is tinted.
    pub(super) filled: bool,
}

impl Chart<'_> {
    /// The chart's element.
    pub(super) fn render(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out).expect("a String is always writable");
        out
    }

    fn write_to(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#, self.label)?;
        for tick in &self.y {
            let y = y_of(tick.at);
            writeln!(out, r#"<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1}" y2="{y:.1}"/>"#)?;
            let (x, y) = (LEFT - 6.0, y + 4.0);
            writeln!(out, r#"<text class="tick" text-anchor="end" x="{x}" y="{y:.1}">{}</text>"#, tick.text)?;
        }
        for tick in &self.x {
            let (x, y) = (x_of(tick.at), BOTTOM + 16.0);
            let (top, text) = (BOTTOM + 4.0, &tick.text);
            writeln!(out, r#"<line class="axis" x1="{x:.1}" x2="{x:.1}" y1="{BOTTOM}" y2="{top}"/>"#)?;
            writeln!(out, r#"<text class="tick" text-anchor="middle" x="{x:.1}" y="{y}">{text}</text>"#)?;
        }
        writeln!(out, r#"<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{BOTTOM}" y2="{BOTTOM}"/>"#)?;
        for (number, series) in (1..).zip(&self.series) {
            series.write_to(out, number)?;
        }
        writeln!(out, "</svg>")
    }
}

impl Series {
    fn write_to(&self, out: &mut String, number: usize) -> std::fmt::Result {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return Ok(());
        };
        let place = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", x_of(*x), y_of(*y));
        let line: Vec<_> = self.points.iter().map(place).collect();
        let line = line.join(" ");
        if self.filled {
            let (from, to) = (x_of(first.0), x_of(last.0));
            let area = format!("{from:.1},{BOTTOM} {line} {to:.1},{BOTTOM}");
            writeln!(out, r#"<polygon class="area s{number}" points="{area}"/>"#)?;
        }
        writeln!(
            out,
            r#"<polyline class="line s{number}" points="{line}"><title>{}</title></polyline>"#,
            self.name
        )
    }
}

/// Marks at 0 and at round values up to at least `max`, and the value of the axis' end.
pub(super) fn linear_ticks(max: f64, text: impl Fn(f64) -> String) -> (Vec<Tick>, f64) {
    let max = max.max(1.0);
    let decade = 10f64.powf((max / 4.0).log10().floor());
    let fits = |step: &f64| (max / step).ceil() <= 5.0;
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|n| n * decade).find(fits).unwrap_or(max);
    let steps = (max / step).ceil();
    let tick = |i: u32| Tick { at: f64::from(i) / steps, text: text(f64::from(i) * step) };
    ((0..=steps as u32).map(tick).collect(), steps * step)
}

/// A logarithmic axis from `min` to `max`, widened to whole decades.
pub(super) struct LogAxis {
    low: f64,
    high: f64,
}

impl LogAxis {
    pub(super) fn new(min: u64, max: u64) -> Self {
        let low = (min.max(1) as f64).log10().floor();
        Self { low, high: (max.max(1) as f64).log10().ceil().max(low + 1.0) }
    }

    pub(super) fn place(&self, value: u64) -> f64 {
        (((value.max(1) as f64).log10() - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    pub(super) fn ticks(&self, text: impl Fn(u64) -> String) -> Vec<Tick> {
        let (low, high) = (self.low as u32, self.high as u32);
        let between: &[u64] = if high - low <= 2 { &[1, 2, 5] } else { &[1] };
        let values = (low..high).flat_map(|decade| between.iter().map(move |n| n * 10u64.pow(decade)));
        values.chain([10u64.pow(high)]).map(|v| Tick { at: self.place(v), text: text(v) }).collect()
    }
}

fn x_of(part: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * part
}

fn y_of(part: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * part
}

/// Small enough that 12 units of text stay readable on a phone.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 236.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 374.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 208.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_axes_end_at_round_values() {
        let (ticks, end) = linear_ticks(1_730_000.0, |value| format!("{value:.0}"));
        let texts: Vec<_> = ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(texts, ["0", "500000", "1000000", "1500000", "2000000"]);
        assert_eq!(end, 2_000_000.0);
        assert_eq!(linear_ticks(0.0, |v| v.to_string()).0.first().map(|tick| tick.at), Some(0.0));
    }

    #[test]
    fn logarithmic_axes_span_whole_decades() {
        let axis = LogAxis::new(250, 40_000);
        let values: Vec<_> =
            axis.ticks(|value| value.to_string()).into_iter().map(|tick| tick.text).collect();
        assert_eq!(values, ["100", "1000", "10000", "100000"]);
        assert!((axis.place(1_000) - 1.0 / 3.0).abs() < 1e-9);
    }
}
