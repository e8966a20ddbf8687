//! Texts by section and name, one JSON file a language: `{"section": {"name": "text"}}`.

use std::collections::BTreeMap;
use std::ops::Index;

use crate::language::Language;

/// All texts of one language.
pub(crate) struct Texts(BTreeMap<String, BTreeMap<String, String>>);

impl Texts {
    pub(crate) fn of(language: Language) -> Self {
        let json = match language {
            Language::Vietnamese => include_str!("../texts/vi.json"),
            Language::English => include_str!("../texts/en.json"),
        };
        Self(serde_json::from_str(json).expect("a test reads these texts"))
    }

    /// The texts of these sections as one JSON object that may stand in an HTML script element.
    pub(crate) fn json_of(&self, sections: &[&str]) -> String {
        let texts = sections.iter().filter_map(|section| self.0.get(*section)).flatten();
        let texts: BTreeMap<&String, &String> = texts.collect();
        let json = serde_json::to_string(&texts).expect("texts are JSON");
        json.replace('<', "\\u003c")
    }
}

/// The text with the name `section.name`.
///
/// # Panics
/// There is none; a test renders every page.
impl Index<&str> for Texts {
    type Output = str;

    fn index(&self, name: &str) -> &str {
        let text = name.split_once('.').and_then(|(section, name)| self.0.get(section)?.get(name));
        text.unwrap_or_else(|| panic!("there is no text {name}"))
    }
}

#[cfg(test)]
impl Texts {
    pub(crate) fn sections(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.0
    }
}
