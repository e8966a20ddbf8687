//! A picture in shades of grey.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Encoder, Transformations};

/// Rows from the top, a byte for each pixel, 255 for white.
#[derive(Clone)]
pub(crate) struct Grey {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Grey {
    pub(crate) fn white(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![255; width * height] }
    }

    pub(crate) fn of_png(bytes: &[u8]) -> Self {
        let mut decoder = Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        assert_eq!(reader.output_color_type(), (ColorType::Grayscale, BitDepth::Eight));
        let mut pixels = vec![0; reader.output_buffer_size().expect("fits into memory")];
        let size = reader.next_frame(&mut pixels).expect("has pixels");
        Self { width: size.width as usize, height: size.height as usize, pixels }
    }

    pub(crate) fn to_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header().expect("memory takes all");
        writer.write_image_data(&self.pixels).expect("memory takes all");
        drop(writer);
        bytes
    }

    /// The shade at the pixel; white beyond the edges.
    pub(crate) fn at(&self, x: isize, y: isize) -> u8 {
        let is_inside = (0..self.width as isize).contains(&x) && (0..self.height as isize).contains(&y);
        if is_inside { self.pixels[y as usize * self.width + x as usize] } else { 255 }
    }

    /// A picture whose every pixel is made from its place.
    pub(crate) fn from_fn(width: usize, height: usize, shade: impl Fn(usize, usize) -> f64) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self {
            width,
            height,
            pixels: places.map(|(x, y)| shade(x, y).round().clamp(0.0, 255.0) as u8).collect(),
        }
    }
}
