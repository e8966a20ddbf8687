//! The languages of the pages, and which of them a request asks for.

/// A language that all texts are there in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Tiếng Việt.
    Vietnamese,
    /// English.
    English,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    /// The one asked by `?lang=` in the `query`, else the first known one that the header
    /// `Accept-Language` names, else Vietnamese.
    pub fn choose(query: &str, accepts: &str) -> Self {
        let asked = query.split('&').filter_map(|pair| pair.strip_prefix("lang="));
        let accepted = accepts.split(',').filter_map(|range| range.split([';', '-']).next());
        asked.chain(accepted).find_map(|code| Self::of(code.trim())).unwrap_or(Self::Vietnamese)
    }

    /// Its code in HTML and in headers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_asked_goes_before_the_browsers() {
        assert_eq!(Language::choose("lang=en", "vi"), Language::English);
        assert_eq!(Language::choose("", "en-GB,en;q=0.9,vi;q=0.8"), Language::English);
        assert_eq!(Language::choose("a=b&lang=fr", "de, vi;q=0.5, en;q=0.4"), Language::Vietnamese);
        assert_eq!(Language::choose("", ""), Language::Vietnamese);
    }
}
