//! Codes as a camera sees them: turned, small, out of focus, dirty, in bad light.
//!
//! Each reader gets what it manages with a margin: where it begins to fail is told beside it, measured
//! with rqrr 0.11 and zbar 0.23.92. A picture has eight pixels a module before it is degraded.

use crate::degrade::{
    blurred, in_perspective, requantised, rotated, scaled, shaded, speckled, with_contrast, with_glare,
};
use crate::grey::Grey;
use crate::readers::{rqrr, zbar};
use crate::tokens::{picture, tokens};

/// zbar fails at 1.6 pixels, rqrr now and then below 3.75.
#[test]
fn few_pixels_a_module_are_enough() {
    rqrr_reads(|code| scaled(code, 5.0 / PIXELS_PER_MODULE));
    zbar_reads(|code| scaled(code, 2.5 / PIXELS_PER_MODULE));
}

/// No angle is too much for either.
#[test]
fn a_code_may_be_turned() {
    for degrees in [5.0, 15.0, 30.0, 180.0] {
        both_read(|code| scaled(&rotated(code, degrees), 0.5));
    }
}

/// zbar fails where the top is narrower than the bottom by 0.3, rqrr beyond 0.5.
#[test]
fn a_code_may_be_seen_from_below_and_from_the_side() {
    both_read(|code| in_perspective(code, 0.0, 0.3));
    both_read(|code| in_perspective(code, 0.15, 0.2));
    rqrr_reads(|code| in_perspective(code, 0.35, 0.2));
}

/// In modules: zbar fails at 0.5, rqrr at 0.375.
#[test]
fn a_code_may_be_out_of_focus() {
    rqrr_reads(|code| blurred(code, 0.22 * PIXELS_PER_MODULE));
    zbar_reads(|code| blurred(code, 0.33 * PIXELS_PER_MODULE));
}

/// Fine noise: zbar fails at 5 %, rqrr already at 1 %, since it cleans nothing. Seen from afar, which
/// evens it out: zbar fails at 10 %, rqrr now and then from 3 % on.
#[test]
fn a_code_may_be_dirty() {
    zbar_reads(|code| speckled(code, 0.015));
    zbar_reads(|code| scaled(&speckled(code, 0.05), 0.5));
    rqrr_reads(|code| scaled(&speckled(code, 0.015), 0.5));
}

/// Of 255 shades: rqrr fails at 24 between black and white, zbar manages 8.
#[test]
fn a_code_may_be_pale() {
    rqrr_reads(|code| with_contrast(code, 104, 152));
    zbar_reads(|code| with_contrast(code, 120, 136));
}

/// Both fail where the disc's radius is 0.2 of the picture.
#[test]
fn a_lamp_may_hide_what_error_correction_gives_back() {
    for place in [(0.5, 0.5), (0.7, 0.55)] {
        both_read(|code| with_glare(code, place, 0.12));
    }
}

/// rqrr fails where the shadow leaves 0.3 of the light, zbar manages 0.1.
#[test]
fn a_code_may_lie_half_in_the_shadow() {
    rqrr_reads(|code| shaded(code, 0.5));
    zbar_reads(|code| shaded(code, 0.2));
}

/// zbar fails at steps of 180; rqrr now and then from 45 on, where a module has 4 pixels.
#[test]
fn a_code_may_come_as_a_bad_jpeg() {
    rqrr_reads(|code| requantised(&scaled(code, 0.75), 25.0));
    zbar_reads(|code| requantised(&scaled(code, 0.5), 80.0));
}

/// With twice the dirt and two thirds more of a JPEG's errors zbar fails now and then; rqrr fails with
/// twice the blur.
#[test]
fn a_code_may_have_a_little_of_everything() {
    rqrr_reads(|code| seen(code, 0.75, 0.4, 0.0, 10.0));
    zbar_reads(|code| seen(code, 0.5, 0.8, 0.002, 25.0));
}

/// The tests can fail: this is more than any reader makes good.
#[test]
fn a_code_that_a_lamp_hides_is_not_read() {
    let hidden = with_glare(&picture(tokens()["valid"], PIXELS_PER_MODULE as usize), (0.5, 0.5), 0.25);
    assert_eq!(rqrr(&hidden), [""; 0]);
    assert!(zbar(&[hidden]).is_none_or(|read| read.is_empty()));
}

fn both_read(degraded: impl Fn(&Grey) -> Grey) {
    rqrr_reads(&degraded);
    zbar_reads(&degraded);
}

fn rqrr_reads(degraded: impl Fn(&Grey) -> Grey) {
    for (name, token) in tokens() {
        let code = picture(token, PIXELS_PER_MODULE as usize);
        assert_eq!(rqrr(&degraded(&code)), [token], "rqrr, {name}");
    }
}

fn zbar_reads(degraded: impl Fn(&Grey) -> Grey) {
    let tokens: Vec<&str> = tokens().into_values().collect();
    let codes = tokens.iter().map(|token| picture(token, PIXELS_PER_MODULE as usize));
    let pictures: Vec<Grey> = codes.map(|code| degraded(&code)).collect();
    if let Some(read) = zbar(&pictures) {
        assert_eq!(read, tokens, "zbar");
    }
}

/// From the side, out of focus, in half-light, dirty, and kept as a JPEG.
fn seen(code: &Grey, scale: f64, blur_pixels: f64, dirt: f64, jpeg_step: f64) -> Grey {
    let placed = scaled(&in_perspective(&rotated(code, 8.0), 0.1, 0.1), scale);
    let lit = shaded(&with_contrast(&blurred(&placed, blur_pixels), 50, 200), 0.8);
    requantised(&speckled(&lit, dirt), jpeg_step)
}

const PIXELS_PER_MODULE: f64 = 8.0;
