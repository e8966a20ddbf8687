//! A code as a picture of its own: SVG for pages, PNG for what shows no SVG.

use std::fmt::Write as _;

use crate::code::{MODULES, QUIET_MODULES, QrCode};
use crate::xml::Escaped;

/// Modules on each side of a picture: the code and its quiet zone.
pub(crate) const PICTURE_MODULES: usize = MODULES + 2 * QUIET_MODULES;

/// More would be a picture of over 2,000 pixels on each side, which no screen shows.
pub const PIXELS_PER_MODULE_MAX: usize = 40;

/// A picture of this size is not made: ask for 1 to [`PIXELS_PER_MODULE_MAX`] pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a module can have 1 to {PIXELS_PER_MODULE_MAX} pixels, not {0}")]
pub struct ScaleError(pub usize);

impl QrCode {
    /// An SVG that fills whatever box it is put into; `title` is what a screen reader says of it.
    pub fn svg(&self, title: &str) -> String {
        self.placed_svg(title, "")
    }

    /// The same with a place in another SVG: `place` holds attributes.
    pub(crate) fn placed_svg(&self, title: &str, place: &str) -> String {
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg"{place} viewBox="0 0 {side} {side}" role="img" "#,
                r##"shape-rendering="crispEdges"><title>{title}</title><path fill="#fff" d="M0 0h{side}v{side}H0z"/>"##,
                r##"<path fill="#000" d="{runs}"/></svg>"##
            ),
            place = place,
            side = PICTURE_MODULES,
            title = Escaped(title),
            runs = self.runs()
        )
    }

    /// Each horizontal run of dark modules as a rectangle: fewer and larger shapes than one for each
    /// module, and no seams between them.
    fn runs(&self) -> String {
        let mut path = String::with_capacity(PATH_BYTES);
        for row in 0..MODULES {
            let mut column = 0;
            while column < MODULES {
                let length = (column..MODULES).take_while(|&column| self.is_dark(column, row)).count();
                if length > 0 {
                    let (x, y) = (QUIET_MODULES + column, QUIET_MODULES + row);
                    write!(path, "M{x} {y}h{length}v1h-{length}z").expect("a string takes all");
                }
                column += length + 1;
            }
        }
        path
    }

    /// A PNG with one bit a pixel and square modules, its quiet zone included.
    pub fn png(&self, pixels_per_module: usize) -> Result<Vec<u8>, ScaleError> {
        if !(1..=PIXELS_PER_MODULE_MAX).contains(&pixels_per_module) {
            return Err(ScaleError(pixels_per_module));
        }
        let side = (PICTURE_MODULES * pixels_per_module) as u32;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.pixels(pixels_per_module)))
            .expect("memory takes all, and the pixels are as many as the header says");
        Ok(bytes)
    }

    /// Rows of pixels from the top, eight a byte from the left, 1 for white; each row begins a byte.
    fn pixels(&self, pixels_per_module: usize) -> Vec<u8> {
        let side = PICTURE_MODULES * pixels_per_module;
        let mut pixels = Vec::with_capacity(side * side.div_ceil(8));
        for row in 0..PICTURE_MODULES {
            let mut line = vec![0xff; side.div_ceil(8)];
            for x in (0..side).filter(|x| self.is_dark_in_picture(x / pixels_per_module, row)) {
                line[x / 8] &= !(0x80 >> (x % 8));
            }
            (0..pixels_per_module).for_each(|_| pixels.extend_from_slice(&line));
        }
        pixels
    }

    /// As [`QrCode::is_dark`], counted from the corner of the quiet zone.
    fn is_dark_in_picture(&self, column: usize, row: usize) -> bool {
        let code = QUIET_MODULES..QUIET_MODULES + MODULES;
        code.contains(&column)
            && code.contains(&row)
            && self.is_dark(column - QUIET_MODULES, row - QUIET_MODULES)
    }
}

/// About 530 runs of up to 18 characters.
const PATH_BYTES: usize = 10_240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_covers_the_dark_modules_and_no_other() {
        let code = code();
        let mut painted = [[false; PICTURE_MODULES]; PICTURE_MODULES];
        for run in code.runs().split_terminator('z') {
            let (x, rest) = run.strip_prefix('M').and_then(|run| run.split_once(' ')).expect("a place");
            let (y, rest) = rest.split_once('h').expect("a length");
            let (length, back) = rest.split_once("v1h-").expect("a way back");
            let [x, y, length, back] =
                [x, y, length, back].map(|text| text.parse::<usize>().expect("a number"));
            assert_eq!(length, back);
            painted[y][x..x + length].fill(true);
        }
        for (row, modules) in painted.iter().enumerate() {
            for (column, is_painted) in modules.iter().enumerate() {
                assert_eq!(*is_painted, code.is_dark_in_picture(column, row), "{column} {row}");
            }
        }
    }

    #[test]
    fn an_svg_is_small() {
        assert!(code().svg("").len() < PATH_BYTES);
    }

    #[test]
    fn a_title_is_text_and_never_markup() {
        let svg = code().svg("<script>\"'&\u{0}]]>");
        assert!(svg.contains("<title>&lt;script&gt;&quot;&#39;&amp;]]&gt;</title>"), "{svg}");
    }

    #[test]
    fn a_png_has_one_bit_a_pixel_and_the_size_asked_for() {
        for pixels_per_module in [1, 7, PIXELS_PER_MODULE_MAX] {
            let bytes = code().png(pixels_per_module).expect("a size that is made");
            let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
            let side = (53 * pixels_per_module) as u32;
            assert_eq!((reader.info().width, reader.info().height), (side, side));
            assert_eq!(reader.info().color_type, png::ColorType::Grayscale);
            assert_eq!(reader.info().bit_depth, png::BitDepth::One);
        }
    }

    #[test]
    fn a_png_of_no_size_or_of_too_large_a_one_is_not_made() {
        assert_eq!(code().png(0), Err(ScaleError(0)));
        assert_eq!(code().png(41), Err(ScaleError(41)));
        assert_eq!(ScaleError(41).to_string(), "a module can have 1 to 40 pixels, not 41");
    }

    fn code() -> QrCode {
        QrCode::new(&"TVP1:AEAAC".repeat(17)).expect("fits")
    }
}
