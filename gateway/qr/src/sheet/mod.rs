//! Sheets to print: A4 pages with one pass or eight, each as an SVG of its own, sized in millimetres.
//!
//! ```text
//! one to a page            eight to a page, 2 x 4
//! +-------heading-------+  +---heading--------+
//! |      the code       |  | the     field    |
//! |       number        |  | code    field    |
//! |  field      field   |  |      number      |
//! |  field      field   |  +------------------+
//! +---------------------+
//! ```
//! Lengths are whole hundredths of a millimetre: codes keep even edges, and nothing is rounded. Every
//! text is measured generously, since the printing machine's letters are not known here, and sits in
//! a box that cuts off what still stands out.

mod layout;
mod text;

use layout::{Area, EIGHT, Layout, ONE, PAGE_HEIGHT, PAGE_WIDTH};
use text::{Fitted, fitted, fitted_monospaced};

use crate::code::QrCode;
use crate::picture::PICTURE_MODULES;
use crate::xml::Escaped;

/// A pass as it is printed. Texts are of any script and length, and are shortened where they must.
#[derive(Clone, Copy)]
pub struct Card<'a> {
    /// The code of the pass's token.
    pub code: &'a QrCode,
    /// What this is, in a few words.
    pub heading: &'a str,
    /// The number of the pass as people read and type it; also what a screen reader says of the code.
    pub number: &'a str,
    /// What else is told, the weightiest first: a page of one has room for 8, a card of eight for 4.
    pub fields: &'a [Field<'a>],
}

/// A fact on a card.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// What it is, small above it.
    pub label: &'a str,
    /// The fact, on two lines, or on three in smaller letters.
    pub text: &'a str,
}

/// How many passes share an A4 page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One, with a code of 108 mm, to be put behind a windscreen.
    One,
    /// Eight with codes of 37.8 mm, to be cut apart along the marks.
    Eight,
}

/// The pages that hold the cards in their order: none when there is no card.
pub fn pages<'a>(cards: &'a [Card<'a>], format: Format) -> impl Iterator<Item = String> + 'a {
    let layout = match format {
        Format::One => &ONE,
        Format::Eight => &EIGHT,
    };
    cards.chunks(layout.cards()).map(|cards| page(cards, layout))
}

fn page(cards: &[Card<'_>], layout: &Layout) -> String {
    let mut page = format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}mm" height="{}mm" viewBox="0 0 {} {}">"#,
            r##"<path fill="#fff" d="M0 0h{}v{}H0z"/>"##
        ),
        PAGE_WIDTH / 100,
        PAGE_HEIGHT / 100,
        PAGE_WIDTH,
        PAGE_HEIGHT,
        PAGE_WIDTH,
        PAGE_HEIGHT
    );
    if layout.has_cut_marks {
        page += &cut_marks(layout);
    }
    for (card, area) in cards.iter().zip(layout.card_areas()) {
        page += &boxed(area, &drawn(card, layout));
    }
    page + "</svg>"
}

fn drawn(card: &Card<'_>, layout: &Layout) -> String {
    let mut parts = code(card, layout);
    parts += &heading(card.heading, layout);
    parts += &number(card.number, layout);
    for (told, area) in card.fields.iter().zip(layout.field_areas()) {
        parts += &field(told, area, layout);
    }
    parts
}

fn code(card: &Card<'_>, layout: &Layout) -> String {
    let (x, y) = layout.code;
    let side = layout.module * PICTURE_MODULES;
    card.code.placed_svg(card.number, &format!(r#" x="{x}" y="{y}" width="{side}" height="{side}""#))
}

fn heading(text: &str, layout: &Layout) -> String {
    let (area, size) = (layout.heading, layout.heading_size);
    let Fitted { size: fitting_size, lines } = fitted(text, area.width, [(size, 1), (small(size), 1)]);
    boxed(area, &centred(&lines.concat(), area.width, size * ASCENT / 100, fitting_size, BOLD))
}

fn number(text: &str, layout: &Layout) -> String {
    let (area, size) = (layout.number, layout.number_size);
    let (line, fitting_size) = fitted_monospaced(text, area.width, size);
    boxed(area, &centred(&line, area.width, size, fitting_size, MONOSPACED))
}

fn field(field: &Field<'_>, area: Area, layout: &Layout) -> String {
    let (label, text) = area.split(layout.label_size * (ASCENT + DESCENT) / 100);
    boxed(label, &lines(field.label, label.width, [(layout.label_size, 1); 2], REGULAR))
        + &boxed(text, &lines(field.text, text.width, field_sizes(layout.text_size), BOLD))
}

/// A text that is long is told in smaller letters before it is shortened.
const fn field_sizes(size: usize) -> [(usize, usize); 2] {
    [(size, 2), (small(size), 3)]
}

const fn small(size: usize) -> usize {
    size * 72 / 100
}

fn lines(text: &str, width: usize, sizes: [(usize, usize); 2], style: &str) -> String {
    let Fitted { size, lines } = fitted(text, width, sizes);
    let baseline = |index: usize| size * ASCENT / 100 + index * size * LINE / 100;
    lines.iter().enumerate().map(|(index, text)| line(text, 0, baseline(index), size, style)).collect()
}

fn centred(text: &str, width: usize, baseline: usize, size: usize, style: &str) -> String {
    line(text, width / 2, baseline, size, &format!(r#"{style} text-anchor="middle""#))
}

fn line(text: &str, x: usize, baseline: usize, size: usize, style: &str) -> String {
    format!(r#"<text x="{x}" y="{baseline}" font-size="{size}" {style}>{}</text>"#, Escaped(text))
}

/// What leaves the area is cut off: letters wider than measured, marks piled upon marks.
fn boxed(area: Area, contents: &str) -> String {
    let Area { x, y, width, height } = area;
    format!(r#"<svg x="{x}" y="{y}" width="{width}" height="{height}" overflow="hidden">{contents}</svg>"#)
}

/// Ticks in the margins at both ends of every cut, and crosses where two cuts meet.
fn cut_marks(layout: &Layout) -> String {
    let Area { x, y, width, height } = layout.card;
    let (right, bottom) = (x + layout.columns * width, y + layout.rows * height);
    let mut path = String::new();
    for cut in (x..=right).step_by(width) {
        path += &format!("M{cut} {}v{TICK}M{cut} {}v{TICK}", y - GAP - TICK, bottom + GAP);
    }
    for cut in (y..=bottom).step_by(height) {
        path += &format!("M{} {cut}h{TICK}M{} {cut}h{TICK}", x - GAP - TICK, right + GAP);
    }
    for cut_x in (x + width..right).step_by(width) {
        for cut_y in (y + height..bottom).step_by(height) {
            path += &format!("M{} {cut_y}h{TICK}M{cut_x} {}v{TICK}", cut_x - TICK / 2, cut_y - TICK / 2);
        }
    }
    format!(r##"<path fill="none" stroke="#000" stroke-width="15" d="{path}"/>"##)
}

const REGULAR: &str = r#"font-family="Arial, Helvetica, 'Noto Sans', sans-serif""#;
const BOLD: &str = r#"font-family="Arial, Helvetica, 'Noto Sans', sans-serif" font-weight="700""#;
const MONOSPACED: &str =
    r#"font-family="Consolas, Menlo, 'DejaVu Sans Mono', 'Noto Sans Mono', monospace" font-weight="700""#;

/// From the top of a line to its baseline, in hundredths of its size: capitals carry two marks.
const ASCENT: usize = 105;

/// From the last baseline to what the lowest letters reach, in hundredths of the size.
const DESCENT: usize = 30;

/// From one baseline to the next, in hundredths of the size.
const LINE: usize = 122;

/// Length of a cut mark, and from a card to it.
const TICK: usize = 400;
const GAP: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_high_enough_for_its_lines() {
        for layout in [&ONE, &EIGHT] {
            for (size, lines) in field_sizes(layout.text_size) {
                let label = layout.label_size * (ASCENT + DESCENT);
                let text = size * (ASCENT + (lines - 1) * LINE + DESCENT);
                assert!(label + text <= layout.field.height * 100, "{lines} lines of {size}");
            }
        }
    }

    #[test]
    fn a_heading_and_a_number_are_within_their_heights() {
        for layout in [&ONE, &EIGHT] {
            assert!(layout.heading_size * (ASCENT + DESCENT) <= layout.heading.height * 100);
            assert!(layout.number_size <= layout.number.height);
        }
    }
}
