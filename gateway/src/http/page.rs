//! The page: one HTML, one style sheet, one script, all from this binary; no request goes elsewhere.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::RawQuery;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use super::extract::Named;
use super::problems::problems;

/// The page in the language asked, or the one that the browser prefers.
#[utoipa::path(get, path = "/", operation_id = "show_page", tag = "pages",
    params(
        ("lang" = Option<String>, Query, description = "`vi` or `en`; others count as none", example = "vi"),
        ("accept-language" = Option<String>, Header, description = "Counts where `lang` is none of the two")
    ),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub(super) async fn page(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let html = match Language::choose(query.as_deref().unwrap_or_default(), accepts.unwrap_or_default()) {
        Language::Vietnamese => &*VIETNAMESE,
        Language::English => &*ENGLISH,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-language"),
    ];
    (headers, html.as_str()).into_response()
}

problems!(NoFile: WRONG_USAGE, NOT_FOUND);

/// A file that the page needs.
#[utoipa::path(get, path = "/assets/{file}", operation_id = "read_asset", tag = "pages",
    params(("file" = String, Path, description = "Its name", example = "style.css")),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/css"), (String = "text/javascript"), (String = "image/svg+xml")
        )),
        NoFile
    ))]
pub(super) async fn asset(Named(file): Named<String>) -> Result<Response, Problem> {
    let (kind, text) = match file.as_str() {
        "style.css" => ("text/css; charset=utf-8", include_str!("../../web/style.css")),
        "app.js" => ("text/javascript; charset=utf-8", include_str!("../../web/app.js")),
        "icon.svg" => ("image/svg+xml", include_str!("../../web/icon.svg")),
        _ => return Err(Problem::NotFound("there is no such file".to_owned())),
    };
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Vietnamese,
    English,
}

impl Language {
    /// The one asked by `?lang=`, else the first known one that the browser names, else Vietnamese.
    fn choose(query: &str, accepts: &str) -> Self {
        let asked = query.split('&').filter_map(|pair| pair.strip_prefix("lang="));
        let accepted = accepts.split(',').filter_map(|range| range.split([';', '-']).next());
        asked.chain(accepted).find_map(|code| Self::of(code.trim())).unwrap_or(Self::Vietnamese)
    }

    fn of(code: &str) -> Option<Self> {
        match code {
            "vi" => Some(Self::Vietnamese),
            "en" => Some(Self::English),
            _ => None,
        }
    }
}

static VIETNAMESE: LazyLock<String> = LazyLock::new(|| render(VIETNAMESE_TEXTS));
static ENGLISH: LazyLock<String> = LazyLock::new(|| render(ENGLISH_TEXTS));

type Texts = BTreeMap<String, String>;

/// Puts the texts into the places that name them. The script's own texts go along as JSON.
fn render(texts: &str) -> String {
    let texts: Texts = serde_json::from_str(texts).expect("a test reads these texts");
    let mut html = TEMPLATE.replace("{{texts}}", &serde_json::to_string(&texts).unwrap_or_default());
    for (name, text) in &texts {
        html = html.replace(&format!("{{{{{name}}}}}"), text);
    }
    html
}

const TEMPLATE: &str = include_str!("../../web/index.html");
const VIETNAMESE_TEXTS: &str = include_str!("../../web/texts.vi.json");
const ENGLISH_TEXTS: &str = include_str!("../../web/texts.en.json");

/// Nothing from elsewhere, nothing inline that runs.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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

    #[test]
    fn both_languages_are_complete_and_nothing_stays_unnamed() {
        let names = |texts: &str| -> Vec<String> {
            let texts: Texts = serde_json::from_str(texts).expect("texts are JSON");
            assert!(texts.values().all(|text| !text.is_empty() && !text.contains(['<', '&', '"'])));
            texts.into_keys().collect()
        };
        assert_eq!(names(VIETNAMESE_TEXTS), names(ENGLISH_TEXTS));
        for html in [&*VIETNAMESE, &*ENGLISH] {
            assert!(!html.contains("{{"), "a text is missing");
            assert!(!html.contains("http://") && !html.contains("https://"), "a foreign address");
        }
        let script = include_str!("../../web/app.js");
        let asked = script.split("text(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let known = names(ENGLISH_TEXTS);
        for name in asked {
            assert!(known.iter().any(|k| k == name), "the script asks for the text {name}");
        }
    }
}
