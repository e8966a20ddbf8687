//! Bundles `web/` into the assets that `src/assets.rs` embeds.
//!
//! ```text
//! web/  --copy-->  OUT_DIR/web  --npm ci, once per lock file-->  node_modules
//!                       |
//!                       +--npm run bundle (esbuild)-->  dist/name-HASH.js  --gzip-->  .gz
//!                                                            |
//!                                                   OUT_DIR/assets.rs, the table
//! ```
//! Nothing is written into the source tree, and nothing but the npm registry is asked.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web");
    if let Err(why) = build() {
        println!("cargo::error={}", why.to_string().replace('\n', " | "));
        std::process::exit(1);
    }
}

fn build() -> Outcome<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo gives no OUT_DIR")?);
    let web = out.join("web");
    copy_sources(Path::new("web"), &web)?;
    install(&web)?;
    npm(&web, &["run", "--silent", "bundle"])?;
    fs::write(out.join("assets.rs"), table(&web.join("dist"))?)?;
    Ok(())
}

/// Makes `to` equal to `from`, but for what npm has installed there.
fn copy_sources(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == NODE_MODULES => {}
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    copy_folder(from, to)
}

fn copy_folder(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_name() == NODE_MODULES {
            // An editor's own installation stays where it is.
        } else if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Installs what the lock file names, unless that very file was installed before.
fn install(web: &Path) -> Outcome<()> {
    let lock = fs::read(web.join("package-lock.json"))?;
    let installed = web.join(NODE_MODULES).join(".truyvet-installed");
    if fs::read(&installed).is_ok_and(|before| before == lock) {
        return Ok(());
    }
    npm(web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])?;
    fs::write(installed, lock)?;
    Ok(())
}

fn npm(web: &Path, arguments: &[&str]) -> Outcome<()> {
    let output =
        Command::new("npm").args(arguments).current_dir(web).output().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                "npm is missing: install Node.js 18 or newer with npm (Debian: nodejs npm)".into()
            }
            _ => format!("npm cannot be started: {e}"),
        })?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(format!("npm {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&told)).into())
}

/// The Rust text of the table of assets: `name-HASH.ext` is found as `name.ext`.
fn table(dist: &Path) -> Outcome<String> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dist)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    let mut table =
        String::from("/// Every asset, by the name of its source.\nstatic ASSETS: &[Asset] = &[\n");
    for file in files {
        let name = file.file_name().and_then(OsStr::to_str).ok_or("the name of an asset is no text")?;
        let (stem, hash_and_kind) = name.rsplit_once('-').ok_or("an asset has no hash in its name")?;
        let (_, kind) = hash_and_kind.split_once('.').ok_or("an asset has no kind")?;
        writeln!(
            table,
            "    Asset {{ source: \"{stem}.{kind}\", name: {name:?}, content_type: {:?}, \
             bytes: include_bytes!({file:?}), gzip: {} }},",
            content_type(kind)?,
            compressed(&file)?
        )?;
    }
    table.push_str("];\n");
    Ok(table)
}

fn content_type(kind: &str) -> Outcome<&'static str> {
    match kind {
        "js" => Ok("text/javascript; charset=utf-8"),
        "css" => Ok("text/css; charset=utf-8"),
        "svg" => Ok("image/svg+xml"),
        "wasm" => Ok("application/wasm"),
        _ => Err(format!("say in build.rs what content type an asset .{kind} has").into()),
    }
}

/// The Rust expression of the asset's compressed form, where that is smaller.
fn compressed(file: &Path) -> Outcome<String> {
    let bytes = fs::read(file)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    let gzip = encoder.finish()?;
    if gzip.len() >= bytes.len() {
        return Ok("None".to_owned());
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".gz");
    fs::write(&name, gzip)?;
    Ok(format!("Some(include_bytes!({name:?}))"))
}

const NODE_MODULES: &str = "node_modules";
