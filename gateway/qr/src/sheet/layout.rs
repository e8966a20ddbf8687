//! Where things stand on an A4 page. All lengths are hundredths of a millimetre.

use crate::code::MODULES;

/// A rectangle, from its upper left corner.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// How cards fill a page, and what stands where on each. Areas on a card are counted from its corner.
pub(super) struct Layout {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// The first card.
    pub(super) card: Area,
    pub(super) has_cut_marks: bool,
    /// Upper left corner of the code's quiet zone.
    pub(super) code: (usize, usize),
    /// Side of a module.
    pub(super) module: usize,
    pub(super) heading: Area,
    pub(super) heading_size: usize,
    pub(super) number: Area,
    pub(super) number_size: usize,
    /// The first field.
    pub(super) field: Area,
    pub(super) field_columns: usize,
    pub(super) field_rows: usize,
    /// From one column of fields to the next.
    pub(super) field_pitch: usize,
    pub(super) label_size: usize,
    pub(super) text_size: usize,
}

impl Area {
    /// Its upper part of this height, and what is left below.
    pub(super) const fn split(self, height: usize) -> (Self, Self) {
        let below = Self { y: self.y + height, height: self.height - height, ..self };
        (Self { height, ..self }, below)
    }
}

impl Layout {
    pub(super) const fn cards(&self) -> usize {
        self.columns * self.rows
    }

    /// The areas of the cards, row by row.
    pub(super) fn card_areas(&self) -> impl Iterator<Item = Area> {
        grid(self.card, self.columns, self.rows, self.card.width)
    }

    /// The areas of the fields on a card, row by row.
    pub(super) fn field_areas(&self) -> impl Iterator<Item = Area> {
        grid(self.field, self.field_columns, self.field_rows, self.field_pitch)
    }
}

fn grid(first: Area, columns: usize, rows: usize, pitch: usize) -> impl Iterator<Item = Area> {
    (0..columns * rows).map(move |index| Area {
        x: first.x + index % columns * pitch,
        y: first.y + index / columns * first.height,
        ..first
    })
}

pub(super) const PAGE_WIDTH: usize = 21_000;
pub(super) const PAGE_HEIGHT: usize = 29_700;

/// A code of 108 mm; margins of 20 mm.
pub(super) const ONE: Layout = Layout {
    columns: 1,
    rows: 1,
    card: Area { x: 0, y: 0, width: PAGE_WIDTH, height: PAGE_HEIGHT },
    has_cut_marks: false,
    code: (4_140, 3_000),
    module: 240,
    heading: Area { x: 2_000, y: 1_900, width: 17_000, height: 1_100 },
    heading_size: 800,
    number: Area { x: 2_000, y: 15_750, width: 17_000, height: 1_900 },
    number_size: 1_500,
    field: Area { x: 2_000, y: 18_500, width: 8_250, height: 2_250 },
    field_columns: 2,
    field_rows: 4,
    field_pitch: 8_750,
    label_size: 400,
    text_size: 580,
};

/// Codes of 37.8 mm; margins of 10 mm, which every printer leaves.
pub(super) const EIGHT: Layout = Layout {
    columns: 2,
    rows: 4,
    card: Area { x: 1_000, y: 1_000, width: 9_500, height: 6_925 },
    has_cut_marks: true,
    code: (150, 950),
    module: 84,
    heading: Area { x: 400, y: 350, width: 8_700, height: 520 },
    heading_size: 380,
    number: Area { x: 400, y: 5_480, width: 8_700, height: 1_045 },
    number_size: 850,
    field: Area { x: 4_650, y: 930, width: 4_450, height: 1_130 },
    field_columns: 1,
    field_rows: 4,
    field_pitch: 0,
    label_size: 220,
    text_size: 300,
};

/// Codes can be read at arm's length, and without being aimed at.
const _: () = assert!(ONE.module * MODULES >= 10_000 && EIGHT.module * MODULES >= 3_500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::PICTURE_MODULES;

    #[test]
    fn nothing_overlaps_or_leaves_its_card() {
        for layout in [&ONE, &EIGHT] {
            let side = layout.module * PICTURE_MODULES;
            let code = Area { x: layout.code.0, y: layout.code.1, width: side, height: side };
            let areas: Vec<Area> =
                [code, layout.heading, layout.number].into_iter().chain(layout.field_areas()).collect();
            let card = Area { x: 0, y: 0, ..layout.card };
            assert!(areas.iter().all(|area| is_within(area, &card)));
            assert_apart(&areas);
        }
    }

    #[test]
    fn cards_are_apart_and_within_the_page() {
        let page = Area { x: 0, y: 0, width: PAGE_WIDTH, height: PAGE_HEIGHT };
        for layout in [&ONE, &EIGHT] {
            let cards: Vec<Area> = layout.card_areas().collect();
            assert_eq!(cards.len(), layout.cards());
            assert!(cards.iter().all(|card| is_within(card, &page)));
            assert_apart(&cards);
        }
    }

    fn is_within(inner: &Area, outer: &Area) -> bool {
        inner.x >= outer.x
            && inner.y >= outer.y
            && inner.x + inner.width <= outer.x + outer.width
            && inner.y + inner.height <= outer.y + outer.height
    }

    fn assert_apart(areas: &[Area]) {
        for (index, a) in areas.iter().enumerate() {
            for b in &areas[..index] {
                let apart = a.x >= b.x + b.width
                    || b.x >= a.x + a.width
                    || a.y >= b.y + b.height
                    || b.y >= a.y + a.height;
                assert!(apart, "({}, {}) and ({}, {})", a.x, a.y, b.x, b.y);
            }
        }
    }
}
