//! Every page in every language: complete, without anything inline or foreign.

use super::*;
use crate::assets::all;

fn pages() -> impl Iterator<Item = (Page, Language, &'static str)> {
    let each = Page::ALL.into_iter().flat_map(|page| Language::ALL.map(|language| (page, language)));
    each.map(|(which, language)| (which, language, page(which, language).text.as_str()))
}

#[test]
fn both_languages_have_the_same_texts_and_none_is_empty() {
    let names = |language| -> Vec<String> {
        let texts = Texts::of(language);
        let of = |(section, texts): (&String, &std::collections::BTreeMap<String, String>)| {
            texts.iter().map(|(name, text)| {
                assert!(!text.trim().is_empty(), "{section}.{name} is empty");
                format!("{section}.{name}")
            }).collect::<Vec<_>>()
        };
        texts.sections().iter().flat_map(of).collect()
    };
    assert_eq!(names(Language::Vietnamese), names(Language::English));
}

#[test]
fn pages_name_neither_foreign_addresses_nor_anything_inline() {
    for (page, _, html) in pages() {
        assert!(!html.contains("{{"), "{page:?}: a text is missing");
        assert!(!html.contains("http://") && !html.contains("https://"), "{page:?}: a foreign address");
        assert!(!html.contains("<style") && !html.contains(" style="), "{page:?}: an inline style");
        assert!(!html.contains(" on"), "{page:?}: an inline handler") ;
        let scripts = html.split("<script").skip(1);
        for script in scripts {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/") || script.starts_with(" type=\"application/json\""));
        }
    }
}

#[test]
fn every_asset_that_a_page_names_is_there() {
    for (_, _, html) in pages() {
        for name in html.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(all().iter().any(|asset| asset.name == name), "{name}");
        }
    }
}
