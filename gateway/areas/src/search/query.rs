//! What was typed, taken apart: words that must be found, and words for kinds that help to choose.
//!
//! ```text
//! "p bến nghé q1"  ->  kind ward; needles "bến", "nghé", "quan1"
//! "ben ngh"        ->  needles "ben", "ngh..." (the last word may go on)
//! ```
//! A kind only helps, since people mistake them and they change: yesterday's commune is a ward. With a
//! number behind it, it is part of the name: "quan 1" must not find ward 1 of district 3. Where
//! nothing but words for kinds was typed they are searched like any word ("Xã Thanh Phong"). Text with
//! diacritics anywhere means all its words as they are: "quan" is then not "quận".

use super::index::numbered;
use crate::text::{Word, typed_kind, words};

/// Typed text, ready to be compared with names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// Its words in the order typed.
    pub words: Vec<TypedWord>,
    /// The kinds that its words for kinds stand for, as places in `KINDS`.
    pub kinds: Vec<usize>,
}

/// One word as typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TypedWord {
    /// Without diacritics.
    pub plain: String,
    /// With them, where the text has any.
    pub marked: Option<String>,
    /// Whether it must be found: a word for a kind need not, but may be part of a name ("Phương Mai").
    pub is_needle: bool,
    /// Whether a longer word that begins so is found too.
    pub open: bool,
}

impl Typed {
    pub(super) fn parse(text: &str) -> Self {
        let typed: String = text.chars().take(CHARS_MAX).collect();
        let mut words = words(&typed);
        words.truncate(WORDS_MAX);
        let mut parsed = Self::read(&words);
        if !parsed.words.iter().any(|word| word.is_needle) {
            parsed.words.iter_mut().for_each(|word| word.is_needle = true);
            parsed.kinds.clear();
        }
        if let Some(last) = parsed.words.last_mut() {
            last.open = true;
        }
        parsed
    }

    /// The words that must be found.
    pub(super) fn needles(&self) -> impl Iterator<Item = &TypedWord> {
        self.words.iter().filter(|word| word.is_needle)
    }

    fn read(words: &[Word]) -> Self {
        let exact = words.iter().any(Word::is_marked);
        let mut read = Self::default();
        let mut rest = words;
        while let [first, behind @ ..] = rest {
            let Some((kind, length)) = typed_kind(rest, exact) else {
                read.words.push(TypedWord::of(first, exact, true));
                rest = behind;
                continue;
            };
            let (phrase, behind) = rest.split_at(length);
            rest = match behind {
                [number, behind @ ..] if number.is_number() => {
                    let plain = numbered(kind, number);
                    read.words.push(TypedWord { plain, marked: None, is_needle: true, open: false });
                    behind
                }
                _ => {
                    read.kinds.push(kind);
                    read.words.extend(phrase.iter().map(|word| TypedWord::of(word, exact, false)));
                    behind
                }
            };
        }
        read
    }
}

impl TypedWord {
    fn of(word: &Word, exact: bool, is_needle: bool) -> Self {
        let marked = exact.then(|| word.marked.clone());
        Self { plain: word.plain.clone(), marked, is_needle, open: false }
    }
}

/// No name with its path is longer.
const CHARS_MAX: usize = 200;
const WORDS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::KINDS;

    /// Words and kinds as text: an open word ends with an asterisk, one that need not be found is in
    /// brackets.
    fn parse(text: &str) -> String {
        let typed = Typed::parse(text);
        let word = |word: &TypedWord| {
            let text = format!("{}{}", word.plain, if word.open { "*" } else { "" });
            if word.is_needle { text } else { format!("({text})") }
        };
        let words: Vec<String> = typed.words.iter().map(word).collect();
        let kinds: Vec<String> = typed.kinds.iter().map(|kind| KINDS[*kind].plain.join(" ")).collect();
        format!("{} | {}", words.join(" "), kinds.join(", "))
    }

    #[test]
    fn kinds_help_numbers_bind_and_the_last_word_is_open() {
        for (text, expected) in [
            ("ben ngh", "ben ngh* | "),
            ("P. Bến Nghé, Q.1", "(p) ben nghe quan1* | phuong"),
            ("phuong 05 quan 3", "phuong5 quan3* | "),
            ("tp hcm", "(tp) hcm* | thanh pho"),
            ("thi xa kinh mon", "(thi) (xa) kinh mon* | thi xa"),
            ("kinh mon tx", "kinh mon (tx*) | thi xa"),
            ("phuong mai", "(phuong) mai* | phuong"),
            ("phương mai", "phuong mai* | "),
            ("xa thanh pho", "xa thanh pho* | "),
            ("Xã Văn Quan", "(xa) van quan* | xa"),
            ("q", "q* | "),
            ("3", "3* | "),
            ("  ,;", " | "),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn text_without_end_is_cut() {
        assert_eq!(Typed::parse(&"a ".repeat(100_000)).words.len(), WORDS_MAX);
        assert_eq!(Typed::parse(&"a".repeat(100_000)).words[0].plain.len(), CHARS_MAX);
    }
}
