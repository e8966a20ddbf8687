//! The pages, each rendered once in each language.

use std::io::Write as _;
use std::sync::LazyLock;

use askama::Template;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::assets::by_source;
use crate::language::Language;
use crate::texts::Texts;

/// A page of the front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// `/`: what one can do here.
    Home,
    /// `/declare`: a citizen's declaration, step by step.
    Declare,
    /// `/passes`: a citizen's own passes.
    Passes,
    /// `/pass/{id}`: one pass, to be shown or printed. The script reads the id from the address.
    Pass,
    /// `/vehicle`: a driver declares a trip with everyone aboard.
    Vehicle,
    /// `/quarantine/own`: one's own quarantine, and one's diary.
    OwnQuarantine,
    /// `/situation`: which epidemic level holds where.
    Situation,
    /// `/venue`: a visitor who has scanned a venue's poster goes in or out. The script reads the poster from the address.
    Venue,
    /// `/sign-in`: officials.
    SignIn,
    /// `/checkpoint`: passes are read and people waved through.
    Checkpoint,
    /// `/depot`: vehicles are sealed before they leave.
    Depot,
    /// `/desk`: looking people up.
    Desk,
    /// `/paper`: what citizens declared on paper.
    Paper,
    /// `/arrivals`: who crosses the border.
    Arrivals,
    /// `/ward`: who leaves an area and who comes to it.
    Ward,
    /// `/quarantine`: who is to stay where, and who was seen elsewhere.
    Quarantine,
    /// `/occupancy`: how many are inside venues.
    Occupancy,
    /// `/accounts`: who may do what.
    Accounts,
    /// `/hooks`: which systems elsewhere are told of journeys.
    Hooks,
    /// `/trace`: questions to the engine.
    Trace,
    /// `/api/docs`: the API, to be read and tried out.
    Docs,
}

/// A rendered page.
#[derive(Debug)]
pub struct Html {
    /// The whole document.
    pub text: String,
    /// The same, compressed with gzip.
    pub gzip: Vec<u8>,
}

/// The page in this language; the same for everybody, `text/html; charset=utf-8`.
pub fn page(page: Page, language: Language) -> &'static Html {
    &RENDERED[page as usize][language as usize]
}

/// The header `Content-Security-Policy` of every page: nothing from elsewhere, nothing inline that runs.
pub const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
    img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// The same for a page that also connects to the gateway at `origin`, `https://NAME:PORT`.
pub fn policy_connecting_to(origin: &str) -> String {
    format!("{POLICY}; connect-src 'self' {origin}")
}

impl Page {
    /// All of them, in their order.
    pub const ALL: [Self; 21] = [
        Self::Home,
        Self::Declare,
        Self::Passes,
        Self::Pass,
        Self::Vehicle,
        Self::OwnQuarantine,
        Self::Situation,
        Self::Venue,
        Self::SignIn,
        Self::Checkpoint,
        Self::Depot,
        Self::Desk,
        Self::Paper,
        Self::Arrivals,
        Self::Ward,
        Self::Quarantine,
        Self::Occupancy,
        Self::Accounts,
        Self::Hooks,
        Self::Trace,
        Self::Docs,
    ];

    /// Its name among templates and texts.
    const fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Declare => "declare",
            Self::Passes => "passes",
            Self::Pass => "pass",
            Self::Vehicle => "vehicle",
            Self::OwnQuarantine => "own-quarantine",
            Self::Situation => "situation",
            Self::Venue => "venue",
            Self::SignIn => "sign-in",
            Self::Checkpoint => "checkpoint",
            Self::Depot => "depot",
            Self::Desk => "desk",
            Self::Paper => "paper",
            Self::Arrivals => "arrivals",
            Self::Ward => "ward",
            Self::Quarantine => "quarantine",
            Self::Occupancy => "occupancy",
            Self::Accounts => "accounts",
            Self::Hooks => "hooks",
            Self::Trace => "trace",
            Self::Docs => "docs",
        }
    }
}

static RENDERED: LazyLock<Vec<[Html; 2]>> = LazyLock::new(|| {
    Page::ALL.iter().map(|page| Language::ALL.map(|language| render(*page, language))).collect()
});

fn render(page: Page, language: Language) -> Html {
    let shell = Shell { page, language, t: Texts::of(language) };
    let text = shell.render().expect("a test renders every page");
    let gzip = compress(&text);
    Html { text, gzip }
}

fn compress(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// What every template can use: the page, its language, its texts.
#[derive(Template)]
#[template(path = "shell.html")]
struct Shell {
    page: Page,
    language: Language,
    t: Texts,
}

impl Shell {
    /// The title of the page.
    fn title(&self) -> &str {
        &self.t[&format!("{}.title", self.page.name())]
    }

    /// The address of the asset made of this source.
    fn asset(&self, source: &str) -> String {
        format!("/assets/{}", by_source(source).name)
    }

    /// The address of another page in the same language.
    fn link(&self, path: &str) -> String {
        format!("{path}?lang={}", self.language.code())
    }

    /// The texts of the page's script.
    fn script_texts(&self) -> String {
        let own = format!("{}_script", self.page.name());
        let shared = match self.page {
            Page::Paper | Page::Arrivals => "entering",
            Page::Trace | Page::Quarantine => "ordering",
            _ => "",
        };
        self.t.json_of(&["script", shared, &own])
    }
}

#[cfg(test)]
mod tests;
