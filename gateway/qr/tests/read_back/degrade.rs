//! What a printer, a camera and the weather do to a picture, the same at every run.

use std::f64::consts::PI;
use std::sync::LazyLock;

use crate::grey::Grey;

/// Larger or smaller by this factor.
pub(crate) fn scaled(picture: &Grey, factor: f64) -> Grey {
    let side = |length: usize| (length as f64 * factor).round() as usize;
    warped(picture, side(picture.width), side(picture.height), |x, y| (x / factor, y / factor))
}

/// Turned about its middle, on a canvas that holds all of it.
pub(crate) fn rotated(picture: &Grey, degrees: f64) -> Grey {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (picture.width as f64, picture.height as f64);
    let side = (width * cos.abs() + height * sin.abs()).ceil();
    warped(picture, side as usize, side as usize, |x, y| {
        let (x, y) = (x - side / 2.0, y - side / 2.0);
        (x * cos + y * sin + width / 2.0, y * cos - x * sin + height / 2.0)
    })
}

/// Seen from below and from the side: the top is narrower by `tilt` (0 to 1) than the bottom, and
/// shifted by `shear` times the height.
pub(crate) fn in_perspective(picture: &Grey, tilt: f64, shear: f64) -> Grey {
    let (width, height) = (picture.width as f64, picture.height as f64);
    let canvas = width * (1.0 + shear.abs());
    warped(picture, canvas as usize, picture.height, |x, y| {
        let from_bottom = 1.0 - y / height;
        let scale = 1.0 / (1.0 - tilt * from_bottom);
        let across = (x - canvas / 2.0 - shear * width * (from_bottom - 0.5)) * scale;
        (across + width / 2.0, height - (height - y) * scale * (1.0 - tilt))
    })
}

/// Out of focus: a Gaussian blur of this standard deviation.
pub(crate) fn blurred(picture: &Grey, sigma_pixels: f64) -> Grey {
    let reach = (3.0 * sigma_pixels).ceil() as isize;
    let weight = |step: isize| (-0.5 * (step as f64 / sigma_pixels).powi(2)).exp();
    let sum: f64 = (-reach..=reach).map(weight).sum();
    let along = |picture: &Grey, right: isize, down: isize| {
        Grey::from_fn(picture.width, picture.height, |x, y| {
            let shade = |step| f64::from(picture.at(x as isize + step * right, y as isize + step * down));
            (-reach..=reach).map(|step| weight(step) * shade(step)).sum::<f64>() / sum
        })
    };
    along(&along(picture, 1, 0), 0, 1)
}

/// This share of the pixels, chosen by chance, is black or white.
pub(crate) fn speckled(picture: &Grey, share: f64) -> Grey {
    let mut chance = Chance(7);
    let mut speckled = picture.clone();
    for pixel in &mut speckled.pixels {
        if chance.next() < share {
            *pixel = if chance.next() < 0.5 { 0 } else { 255 };
        }
    }
    speckled
}

/// Black becomes `dark`, white becomes `light`.
pub(crate) fn with_contrast(picture: &Grey, dark: u8, light: u8) -> Grey {
    let range = f64::from(light) - f64::from(dark);
    Grey::from_fn(picture.width, picture.height, |x, y| {
        f64::from(dark) + range * f64::from(picture.at(x as isize, y as isize)) / 255.0
    })
}

/// A lamp's reflection: a white disc with a soft edge. Place and radius are shares of the width.
pub(crate) fn with_glare(picture: &Grey, (x, y): (f64, f64), radius: f64) -> Grey {
    let unit = picture.width as f64;
    Grey::from_fn(picture.width, picture.height, |column, row| {
        let distance = (column as f64 / unit - x).hypot(row as f64 / unit - y) / radius;
        let light = ((1.2 - distance) / 0.4).clamp(0.0, 1.0);
        let shade = f64::from(picture.at(column as isize, row as isize));
        shade + (255.0 - shade) * light
    })
}

/// One side in the shadow: the shades fall off from left to right, down to this share.
pub(crate) fn shaded(picture: &Grey, darkest: f64) -> Grey {
    Grey::from_fn(picture.width, picture.height, |x, y| {
        let light = 1.0 - (1.0 - darkest) * x as f64 / picture.width as f64;
        f64::from(picture.at(x as isize, y as isize)) * light
    })
}

/// As a JPEG keeps it: cosine coefficients of blocks of 8 x 8 pixels, rounded to `step` for the
/// slowest and to ever more for faster ones, as the standard's table does.
pub(crate) fn requantised(picture: &Grey, step: f64) -> Grey {
    let mut after = picture.clone();
    for top in (0..picture.height).step_by(8) {
        for left in (0..picture.width).step_by(8) {
            let block = rounded_block(picture, left, top, step);
            for (y, row) in block.iter().enumerate().take(picture.height - top) {
                for (x, shade) in row.iter().enumerate().take(picture.width - left) {
                    after.pixels[(top + y) * picture.width + left + x] =
                        shade.round().clamp(0.0, 255.0) as u8;
                }
            }
        }
    }
    after
}

type Block = [[f64; 8]; 8];

fn rounded_block(picture: &Grey, left: usize, top: usize, step: f64) -> Block {
    let shades = block(|y, x| f64::from(picture.at((left + x) as isize, (top + y) as isize)));
    let cosines = &*COSINES;
    let coefficients = block(|v, u| sum(|y, x| shades[y][x] * cosines[v][y] * cosines[u][x]));
    let rounded = block(|v, u| {
        let step = step * (1.0 + (u + v) as f64 / 2.0);
        (coefficients[v][u] / step).round() * step
    });
    block(|y, x| sum(|v, u| rounded[v][u] * cosines[v][y] * cosines[u][x]))
}

fn block(value: impl Fn(usize, usize) -> f64) -> Block {
    std::array::from_fn(|row| std::array::from_fn(|column| value(row, column)))
}

fn sum(term: impl Fn(usize, usize) -> f64) -> f64 {
    (0..64).map(|index| term(index / 8, index % 8)).sum()
}

/// Base functions of the cosine transform, of length 1: by frequency, then by place.
static COSINES: LazyLock<Block> = LazyLock::new(|| {
    block(|frequency, place| {
        let length = if frequency == 0 { 0.125_f64 } else { 0.25 };
        length.sqrt() * ((2 * place + 1) as f64 * frequency as f64 * PI / 16.0).cos()
    })
});

/// A picture of this size, whose every point is found in the given one by `source`; each pixel is the
/// mean of its sub-pixels.
fn warped(picture: &Grey, width: usize, height: usize, source: impl Fn(f64, f64) -> (f64, f64)) -> Grey {
    Grey::from_fn(width, height, |x, y| {
        let shade = |index: usize| {
            let offset = |step: usize| (step as f64 + 0.5) / SUB_PIXELS as f64;
            let (x, y) = source(x as f64 + offset(index % SUB_PIXELS), y as f64 + offset(index / SUB_PIXELS));
            f64::from(picture.at(x.floor() as isize, y.floor() as isize))
        };
        (0..SUB_PIXELS * SUB_PIXELS).map(shade).sum::<f64>() / (SUB_PIXELS * SUB_PIXELS) as f64
    })
}

/// On each side of a pixel.
const SUB_PIXELS: usize = 4;

/// The same numbers from 0 up to 1 at each run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
