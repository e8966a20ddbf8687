//! Texts of any script made to fit their lines, without knowing the letters of the machine that prints.
//!
//! Widths are thousandths of the letters' size, and generous: those of DejaVu Sans Bold, the widest of
//! the fonts that are likely to be there. A sheet so shortens now and then what would just have fitted.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Lines of a text, and the size at which they are to be set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) size: usize,
    pub(super) lines: Vec<String>,
}

/// The text in the first of the sizes in which it fits its width and its number of lines, parted at
/// spaces where there are any. What fits in none ends in an ellipsis.
pub(super) fn fitted(text: &str, width: usize, sizes: [(usize, usize); 2]) -> Fitted {
    let text = plain(text);
    let [usual, small] = sizes.map(|(size, lines_max)| {
        let (lines, rest) = wrapped(&text, width * 1_000 / size, lines_max);
        (Fitted { size, lines }, rest)
    });
    match (usual, small) {
        ((usual, None), _) => usual,
        (_, (small, None)) => small,
        (_, (mut small, Some(rest))) => {
            small.lines.pop();
            small.lines.push(shortened(rest, width * 1_000 / small.size));
            small
        }
    }
}

/// The beginning of the text on at most `lines_max` lines; what is told beside it is where the last of
/// them begins, when the text does not end there.
fn wrapped(text: &str, width_max: usize, lines_max: usize) -> (Vec<String>, Option<&str>) {
    let (mut lines, mut rest, mut last) = (Vec::new(), text, text);
    while !rest.is_empty() && lines.len() < lines_max {
        let line = whole_words(rest, fitting(rest, width_max));
        lines.push(line.trim_end().to_owned());
        (last, rest) = (rest, rest[line.len()..].trim_start());
    }
    (lines, (!rest.is_empty()).then_some(last))
}

/// One line of letters that all have the same width, and the size at which it fits: at most `size`.
pub(super) fn fitted_monospaced(text: &str, width: usize, size: usize) -> (String, usize) {
    let text = plain(text);
    let fitting_size = width * 1_000 / (text.width() * MONOSPACED_WIDTH).max(1);
    (text, size.min(fitting_size))
}

/// The text as a line: what would break it, end it or turn its direction is a space or gone.
fn plain(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !turns_direction(*letter))
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that make text run the other way: a name could show another one.
fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As much of the beginning as fits, in whole letters with their marks.
fn fitting(text: &str, width_max: usize) -> &str {
    let mut width = 0;
    let end = text.grapheme_indices(true).find(|(_, letter)| {
        width += width_of(letter);
        width > width_max
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// The beginning up to its last space, unless it ends with a word or has no space.
fn whole_words<'a>(text: &str, beginning: &'a str) -> &'a str {
    let rest = &text[beginning.len()..];
    if rest.is_empty() || rest.starts_with(' ') {
        return beginning;
    }
    beginning.rfind(' ').map_or(beginning, |space| &beginning[..space])
}

fn shortened(text: &str, width_max: usize) -> String {
    let fits = fitting(text, width_max - width_of(ELLIPSIS));
    format!("{}{ELLIPSIS}", fits.trim_end())
}

/// The width of one letter with its marks.
fn width_of(letter: &str) -> usize {
    let columns = letter.width();
    let Some(first) = letter.chars().next().filter(|_| columns == 1) else {
        return columns * HALF_IDEOGRAPH_WIDTH;
    };
    match first {
        ' ' | '!' | '\'' | '(' | ')' | ',' | '-' | '.' | '/' | ':' | ';' | 'I' | 'J' | '[' | ']' | 'f'
        | 'i' | 'j' | 'l' | 't' | '|' => 480,
        '%' | '@' | 'M' | 'W' | 'm' | 'w' | 'Æ' | 'Œ' | 'Ж' | 'М' | 'Ф' | 'Ш' | 'Щ' | 'Ю' | '…' => {
            1_110
        }
        _ if first.is_uppercase() => 850,
        _ => 730,
    }
}

const ELLIPSIS: &str = "…";

/// Ideographs, and most letters that take two columns on a terminal, are as wide as they are high.
const HALF_IDEOGRAPH_WIDTH: usize = 550;

/// The same in nearly every font: 600, and 602 in DejaVu Sans Mono.
const MONOSPACED_WIDTH: usize = 605;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_has_the_usual_size() {
        assert_eq!(lines("Nguyễn Thị Ánh", 20_000, 2), ["Nguyễn Thị Ánh"]);
        assert!(lines("", 20_000, 2).is_empty());
        assert!(lines(" \n\u{0} ", 20_000, 2).is_empty());
        let fitted = fitted("aaaa bbbb", 80, [(10, 1), (5, 1)]);
        assert_eq!(fitted, Fitted { size: 10, lines: vec!["aaaa bbbb".into()] });
    }

    #[test]
    fn what_fits_only_when_it_is_small_is_small() {
        let fitted = fitted("aaaa bbbb", 40, [(10, 1), (5, 1)]);
        assert_eq!(fitted, Fitted { size: 5, lines: vec!["aaaa bbbb".into()] });
    }

    #[test]
    fn lines_part_at_spaces() {
        assert_eq!(lines("aaaa bbbb cccc", 8_000, 2), ["aaaa bbbb", "cccc"]);
        assert_eq!(lines("aaaaaa bbbbbb", 4_600, 2), ["aaaaaa", "bbbbbb"]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_parted_within() {
        assert_eq!(lines("aaaaaaaaaa", 3_700, 2), ["aaaaa", "aaaaa"]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(lines("aaaaa bbbbb ccccc", 4_400, 2), ["aaaaa", "bbbb…"]);
        assert_eq!(lines("aaaaa bbbbb", 4_400, 1), ["aaaa…"]);
    }

    #[test]
    fn a_letter_keeps_its_marks() {
        let decomposed = "e\u{302}\u{301}".repeat(20);
        assert_eq!(lines(&decomposed, 5_000, 1), [format!("{}…", "e\u{302}\u{301}".repeat(5))]);
        assert_eq!(lines(&"👨‍👩‍👧".repeat(20), 5_000, 1), ["👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧…"]);
    }

    #[test]
    fn two_hundred_characters_of_any_script_never_pass_their_lines() {
        for letters in
            ["a", "W", "Ễ", "漢", "ก", "ดี", "मि", "ش", "Щ", "😀", "e\u{301}", "\u{301}", "한", "b "]
        {
            let text: String = letters.chars().cycle().take(200).collect();
            for lines_max in 1..=3 {
                let lines = lines(&text, 13_500, lines_max);
                assert!(lines.len() <= lines_max, "{letters}");
                for line in &lines {
                    let width: usize = line.graphemes(true).map(width_of).sum();
                    assert!(width <= 13_500, "{letters}: {width}");
                }
            }
        }
    }

    #[test]
    fn a_text_cannot_turn_its_direction_or_break_its_line() {
        assert_eq!(lines("A\u{202e}B\r\nC\tD\u{2028}E\u{85}F", 20_000, 1), ["AB C D E F"]);
    }

    #[test]
    fn a_number_has_its_size_until_it_is_too_long_for_it() {
        assert_eq!(fitted_monospaced("04HMA-SW9NF-6YYA", 8_700, 850), ("04HMA-SW9NF-6YYA".into(), 850));
        assert_eq!(fitted_monospaced(&"0".repeat(200), 8_700, 850).1, 71);
        assert_eq!(fitted_monospaced("", 8_700, 850), (String::new(), 850));
    }

    /// The lines of a text when there is but one size, and a width in thousandths of it.
    fn lines(text: &str, width_max: usize, lines_max: usize) -> Vec<String> {
        fitted(text, width_max, [(1_000, lines_max); 2]).lines
    }
}
