//! Names and typed text as words: without diacritics, with them, and by the kind they begin with.
//!
//! A word is compared in two forms. `plain` has no diacritics and no case; `marked` keeps them, the
//! tone first, since Vietnamese is written with the tone on either of two vowels (`hoà`, `hòa`):
//! ```text
//! Hòa  -> plain "hoa",  marked "`hoa"        Đường -> plain "duong", marked "`đu+o+ng"
//! ```
//! Apostrophes join (`H'Leo`), a letter beside a digit parts (`q1`), leading zeros go (`05`).

use unicode_normalization::UnicodeNormalization;

/// One word of a name or of what was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without diacritics.
    pub plain: String,
    /// With them.
    pub marked: String,
}

impl Word {
    pub(crate) fn is_marked(&self) -> bool {
        self.plain != self.marked
    }

    pub(crate) fn is_number(&self) -> bool {
        self.plain.bytes().all(|b| b.is_ascii_digit())
    }

    fn push(&mut self, letter: char) {
        self.marked.push(letter);
        self.plain.push(if letter == 'đ' { 'd' } else { letter });
    }

    fn mark(&mut self, mark: char) {
        if TONES.contains(&mark) {
            self.marked.insert(0, mark);
        } else {
            self.marked.push(mark);
        }
    }

    fn finish(mut self) -> Self {
        if self.is_number() {
            self.plain.drain(..self.plain.len() - self.plain.trim_start_matches('0').len().max(1));
            self.marked.clone_from(&self.plain);
        }
        self
    }
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    let mut end = |word: &mut Word| {
        if !word.plain.is_empty() {
            words.push(std::mem::take(word).finish());
        }
    };
    for letter in text.chars().flat_map(char::to_lowercase).nfd() {
        if MARKS.contains(&letter) {
            if !word.plain.is_empty() {
                word.mark(letter);
            }
        } else if letter.is_alphanumeric() {
            if word.plain.ends_with(|last: char| last.is_ascii_digit() != letter.is_ascii_digit()) {
                end(&mut word);
            }
            word.push(letter);
        } else if !APOSTROPHES.contains(&letter) {
            end(&mut word);
        }
    }
    end(&mut word);
    words
}

/// A word for a kind of area that may stand before its name, with the abbreviations people type.
pub(crate) struct Kind {
    /// Its words without diacritics.
    pub plain: &'static [&'static str],
    marked: &'static [&'static str],
    pub abbreviation: &'static str,
}

/// The kind with whose words a text begins, and how many words those are. Where it is `exact`, words
/// without diacritics are not taken for the kind; `phương` never is `phường`.
pub(crate) fn leading_kind(text: &[Word], exact: bool) -> Option<(usize, usize)> {
    let is = |word: &Word, plain: &str, marked: &str| {
        word.marked == marked || (!exact && !word.is_marked() && word.plain == plain)
    };
    KINDS.iter().enumerate().find_map(|(index, kind)| {
        let length = kind.plain.len();
        let mut pairs = text.iter().zip(kind.plain.iter().zip(kind.marked));
        let begins = text.len() >= length && pairs.all(|(word, (plain, marked))| is(word, plain, marked));
        begins.then_some((index, length))
    })
}

/// The same in typed text, where abbreviations count too.
pub(crate) fn typed_kind(text: &[Word], exact: bool) -> Option<(usize, usize)> {
    let first = text.first()?;
    let abbreviated = KINDS.iter().position(|kind| first.marked == kind.abbreviation);
    abbreviated.map(|kind| (kind, 1)).or_else(|| leading_kind(text, exact))
}

/// Vietnam's kinds. In other countries' names these words hardly begin one.
pub(crate) const KINDS: [Kind; 9] = [
    Kind { plain: &["phuong"], marked: &["\u{300}phu\u{31b}o\u{31b}ng"], abbreviation: "p" },
    Kind { plain: &["xa"], marked: &["\u{303}xa"], abbreviation: "x" },
    Kind { plain: &["thi", "tran"], marked: &["\u{323}thi", "\u{301}tra\u{302}n"], abbreviation: "tt" },
    Kind { plain: &["quan"], marked: &["\u{323}qua\u{302}n"], abbreviation: "q" },
    Kind { plain: &["huyen"], marked: &["\u{323}huye\u{302}n"], abbreviation: "h" },
    Kind { plain: &["thi", "xa"], marked: &["\u{323}thi", "\u{303}xa"], abbreviation: "tx" },
    Kind { plain: &["thanh", "pho"], marked: &["\u{300}thanh", "\u{301}pho\u{302}"], abbreviation: "tp" },
    Kind { plain: &["tinh"], marked: &["\u{309}tinh"], abbreviation: "t" },
    Kind { plain: &["dac", "khu"], marked: &["\u{323}đa\u{306}c", "khu"], abbreviation: "dk" },
];

/// Grave, acute, tilde, hook above, dot below.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];
/// The combining marks of Latin script; those of other scripts are letters to their readers.
const MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36f}';
const APOSTROPHES: [char; 4] = ['\'', '’', '‘', 'ʼ'];

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.plain).collect()
    }

    #[test]
    fn words_lose_case_diacritics_and_signs() {
        assert_eq!(plain("Phường Bến Nghé, Quận 1"), ["phuong", "ben", "nghe", "quan", "1"]);
        assert_eq!(plain("ĐẮK LẮK"), ["dak", "lak"]);
        assert_eq!(plain("Bà Rịa - Vũng Tàu"), ["ba", "ria", "vung", "tau"]);
        assert_eq!(plain("Ea H'Leo, Cư M’gar"), ["ea", "hleo", "cu", "mgar"]);
        assert_eq!(plain("q1 p.05 TP.HCM 00"), ["q", "1", "p", "5", "tp", "hcm", "0"]);
        assert_eq!(plain(" \u{301} <b>-'"), ["b"]);
    }

    #[test]
    fn the_tone_may_stand_on_either_vowel_and_composed_or_not() {
        assert_eq!(words("Hoà Thuỷ"), words("Hòa Thủy"));
        assert_eq!(words("Bến Nghé"), words("be\u{302}\u{301}n nghe\u{301}"));
        assert_ne!(words("bến"), words("bền"));
        assert!(words("bến")[0].is_marked() && words("đa")[0].is_marked() && !words("ben 05")[1].is_marked());
    }

    #[test]
    fn other_scripts_keep_their_letters() {
        assert_eq!(plain("กรุงเทพ"), ["กรุงเทพ"]);
        assert_eq!(plain("Zürich Île-de-France"), ["zurich", "ile", "de", "france"]);
    }

    #[test]
    fn kinds_are_known_by_their_words_and_abbreviations() {
        let kind = |text: &str| {
            typed_kind(&words(text), false).map(|(kind, length)| (KINDS[kind].plain.join(" "), length))
        };
        for (text, expected, length) in [
            ("Phường 5", "phuong", 1),
            ("P5", "phuong", 1),
            ("thi xa kinh mon", "thi xa", 2),
            ("Thị trấn X", "thi tran", 2),
            ("tp hcm", "thanh pho", 1),
            ("Đặc khu Côn Đảo", "dac khu", 2),
            ("tỉnh", "tinh", 1),
            ("Quận", "quan", 1),
            ("Huyện", "huyen", 1),
            ("Thành phố", "thanh pho", 2),
            ("Xã", "xa", 1),
        ] {
            assert_eq!(kind(text), Some((expected.to_owned(), length)), "{text}");
        }
        for text in ["Phương Mai", "Xà Phiên", "thanh xuan", "thi", "", "Quán Triều"] {
            assert_eq!(kind(text), None, "{text}");
        }
        assert_eq!(typed_kind(&words("quan son"), true), None);
        assert_eq!(leading_kind(&words("P 5"), false), None, "a name is not abbreviated");
    }
}
