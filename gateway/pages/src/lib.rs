//! What people see in a browser: templates, texts in two languages, scripts.
//!
//! Everything is made before the first request, and the same for everybody: what is personal comes
//! through the API, asked by the page's own script.
//!
//! ```text
//! templates/*.html + texts/{vi,en}.json  --askama, once-->  page(Page, Language)
//! web/src/entries/*  --build.rs: npm ci, esbuild, gzip-->   asset(name)
//! ```
//! * A **page** is a `Page`, a template `templates/NAME.html`, texts in the sections `NAME` and
//!   `NAME_script`, and mostly an entry `web/src/entries/NAME.ts`. All pages share `templates/shell.html`.
//! * **Texts** are looked up as `t["section.name"]` in templates and `text("name")` in scripts; a script
//!   has those of the sections `script` and `NAME_script`, and of one that several pages share (`entering`,
//!   `ordering`). No text stands in a script.
//! * **Assets** are named after their entry, `declare.ts` as `declare.js`; their address carries a hash of
//!   their content (`t.asset` gives it), so that browsers may keep them for ever. Modules next to
//!   `entries/` are bundled into whoever imports them; an imported `.wasm` becomes an asset of its own.
//! * The **service worker** alone has a fixed address, `/service-worker.js`: see `web/src/offline.ts`.
//!
//! `npm run types` and `npm test`, both run by this crate's tests in the copy under `OUT_DIR`, check the
//! scripts. To work on them with an editor, run `npm ci` in `web/`; git ignores what it installs.

mod assets;
mod language;
mod page;
mod texts;

pub use assets::{Asset, asset, service_worker};
pub use language::Language;
pub use page::{Html, POLICY, Page, page, policy_connecting_to};
