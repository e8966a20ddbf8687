//! Every page in every language: complete, without anything inline or foreign.

use super::*;
use crate::assets::all;

fn pages() -> impl Iterator<Item = (Page, &'static str)> {
    Page::ALL
        .into_iter()
        .flat_map(|which| Language::ALL.map(|language| (which, page(which, language).text.as_str())))
}

/// What follows each `marker` in `text`, up to the next `end`.
fn each_after<'a>(text: &'a str, marker: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(marker).skip(1).filter_map(move |rest| rest.split(end).next())
}

#[test]
fn every_page_is_rendered_in_its_language_and_holds_no_unfilled_place() {
    for language in Language::ALL {
        for which in Page::ALL {
            let html = &page(which, language).text;
            assert!(html.contains(&format!("<html lang=\"{}\">", language.code())), "{which:?}");
            assert!(html.contains("<h1>"), "{which:?} has no heading");
            assert!(!html.contains("{{") && !html.contains("{%"), "{which:?}");
        }
    }
}

#[test]
fn no_page_names_a_foreign_address() {
    for (which, html) in pages() {
        assert!(
            !html.contains("http://") && !html.contains("https://") && !html.contains("\"//"),
            "{which:?}"
        );
    }
}

#[test]
fn no_page_has_an_inline_script_style_or_handler() {
    for (which, html) in pages() {
        assert!(!html.contains("<style") && !html.contains(" style="), "{which:?}: a style");
        assert!(!html.contains("javascript:"), "{which:?}: a script in a link");
        for tag in each_after(html, "<", '>') {
            let mut names = tag.split('"').step_by(2);
            assert!(!names.any(|name| name.contains(" on")), "{which:?}: a handler in <{tag}>");
        }
        for tag in each_after(html, "<script", '>') {
            let runs = tag.starts_with(" type=\"module\" src=\"/assets/");
            assert!(runs || tag == " type=\"application/json\" id=\"texts\"", "{which:?}: <script{tag}>");
        }
    }
}

#[test]
fn every_asset_that_a_page_names_is_there() {
    for (which, html) in pages() {
        for name in each_after(html, "\"/assets/", '"') {
            assert!(crate::asset(name).is_some(), "{which:?}: {name}");
        }
    }
    assert!(crate::asset("declare.js").is_none(), "only the name with its hash may be kept for ever");
}

#[test]
fn every_field_has_a_label_of_its_own() {
    for (which, html) in pages() {
        let ids: Vec<&str> = each_after(html, " id=\"", '"').collect();
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{which:?}: #{id} twice");
        }
        for label in each_after(html, "<label class=\"label\" for=\"", '"') {
            assert!(ids.contains(&label), "{which:?}: a label for #{label}");
        }
    }
}

#[test]
fn a_page_and_what_it_loads_stay_light() {
    for (which, _) in pages() {
        for language in Language::ALL {
            let html = page(which, language);
            let named = each_after(&html.text, "\"/assets/", '"').filter_map(crate::asset);
            let loaded: usize = named.map(|asset| asset.gzip.unwrap_or(asset.bytes).len()).sum();
            let total = loaded + html.gzip.len();
            assert!(total < BYTES_MAX, "{which:?} takes {total} bytes");
        }
    }
}

/// Compressed, everything that a page loads at once: a second on a 3G phone.
const BYTES_MAX: usize = 60_000;

#[test]
fn both_languages_have_the_same_texts_with_the_same_places() {
    let [vietnamese, english] = Language::ALL.map(places_by_name);
    assert_eq!(vietnamese, english);
}

/// Each text's name, and the values that stand in it.
fn places_by_name(language: Language) -> Vec<(String, Vec<String>)> {
    let texts = Texts::of(language);
    let named =
        texts.sections().iter().flat_map(|(section, texts)| texts.iter().map(move |text| (section, text)));
    named
        .map(|(section, (name, text))| {
            assert!(!text.trim().is_empty() && !text.contains(['<', '>']), "{section}.{name}");
            let mut places: Vec<String> = each_after(text, "{", '}').map(str::to_owned).collect();
            places.sort();
            (format!("{section}.{name}"), places)
        })
        .collect()
}

#[test]
fn every_text_is_used_and_every_text_asked_for_is_there() {
    let templates = read_all("templates", "html");
    let scripts = read_all("web/src", "ts");
    let texts = Texts::of(Language::English);
    for (section, texts) in texts.sections() {
        for name in texts.keys() {
            let in_template = templates.contains(&format!("t[\"{section}.{name}\"]")) || name == "title";
            let in_script = scripts.contains(&format!("\"{name}\""))
                || FAMILIES.iter().any(|family| name.starts_with(family));
            assert!(in_template || in_script, "nothing uses {section}.{name}");
        }
    }
    for name in each_after(&scripts, "text(\"", '"') {
        assert!(
            texts.sections().values().any(|section| section.contains_key(name)),
            "a script asks for {name}"
        );
    }
}

/// Texts whose names scripts put together from a word of the contract.
const FAMILIES: &[&str] = &[
    "about_",
    "advice_",
    "also",
    "before_",
    "camera_",
    "cargo_",
    "decision_",
    "document_",
    "done_",
    "duty_",
    "exposure_",
    "field_",
    "flaw_",
    "inside_",
    "journey_",
    "n_",
    "not_one_",
    "not_ordered_",
    "need_",
    "one_",
    "order_",
    "own_",
    "purpose_",
    "result_",
    "review_",
    "role_",
    "room_",
    "server_",
    "sex_",
    "side_",
    "state_",
    "symptom_",
    "tag_",
    "test_",
    "trip_",
    "trouble_",
    "upload_",
    "vehicle_",
    "verdict_",
    "visit_",
    "wrong_",
];

/// All files of this kind in the folder and those within, one after the other.
fn read_all(folder: &str, kind: &str) -> String {
    let mut all = String::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of this crate") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == kind) {
                all.push_str(&std::fs::read_to_string(path).expect("a text"));
            }
        }
    }
    all
}

#[test]
fn markup_in_a_text_for_scripts_cannot_end_the_element_it_stands_in() {
    for (_, html) in pages() {
        let json = html.split("id=\"texts\">").nth(1).and_then(|rest| rest.split("</script>").next());
        let texts: std::collections::BTreeMap<String, String> =
            serde_json::from_str(json.expect("each page has texts")).expect("texts are JSON");
        assert!(texts.contains_key("lang"));
    }
    assert!(all().iter().any(|asset| asset.source == "service-worker.js"));
}
