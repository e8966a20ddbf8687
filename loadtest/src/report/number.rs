//! Numbers as people read them.

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.5 M`, `320 k`, `12`.
pub(super) fn short(number: f64) -> String {
    let (scaled, unit) = match number.abs() {
        0.0..1e3 => (number, ""),
        1e3..1e6 => (number / 1e3, " k"),
        1e6..1e9 => (number / 1e6, " M"),
        _ => (number / 1e9, " G"),
    };
    format!("{}{unit}", three_digits(scaled))
}

/// `850 µs`, `12.3 ms`, `1.5 s`.
pub(crate) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", three_digits(us as f64 / 1e3)),
        _ => format!("{} s", three_digits(us as f64 / 1e6)),
    }
}

/// `812 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn three_digits(number: f64) -> String {
    let decimals = match number.abs() {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        assert_eq!((grouped(7), grouped(1_234_567)), ("7".into(), "1,234,567".into()));
        assert_eq!(
            (short(1_500_000.0), short(320_000.0), short(12.0)),
            ("1.5 M".into(), "320 k".into(), "12".into())
        );
        assert_eq!(
            (duration(850), duration(12_340), duration(1_500_000)),
            ("850 µs".into(), "12.3 ms".into(), "1.5 s".into())
        );
        assert_eq!(short(100.0), "100");
    }
}
