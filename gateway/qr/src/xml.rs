//! Texts of others in an SVG: shown as they are, never markup, never a file that cannot be read.

use std::fmt::{self, Display, Formatter, Write as _};

/// A text with what XML gives a meaning written out, and what XML forbids left out.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars().filter(|letter| is_allowed(*letter)) {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                _ => out.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// What XML 1.0 takes, without control characters.
fn is_allowed(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_written_out_and_what_xml_forbids_is_left_out() {
        let hostile = "a<b>&\"'\u{0}\u{8}\n\u{7f}\u{9f}\u{fffe}\u{ffff}]]>Ẫ😀";
        assert_eq!(Escaped(hostile).to_string(), "a&lt;b&gt;&amp;&quot;&#39;]]&gt;Ẫ😀");
    }
}
