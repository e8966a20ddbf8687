//! Scripts, styles and pictures: embedded, compressed, found by the name in their address.

/// A file that pages load from `/assets/NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// What it is called among the sources, such as `declare.js`.
    pub source: &'static str,
    /// What it is called in its address: with a hash of its content, so it never changes under a name.
    pub name: &'static str,
    /// For the header of that name.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// Its content compressed with gzip, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The asset with this name in its address, hash and all. It may be kept for ever.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The service worker, for the address `/service-worker.js`. It must not be kept: `no-cache`.
pub fn service_worker() -> &'static Asset {
    by_source("service-worker.js")
}

/// The asset made of this source.
///
/// # Panics
/// There is none; a test renders every page.
pub(crate) fn by_source(source: &str) -> &'static Asset {
    let found = ASSETS.iter().find(|asset| asset.source == source);
    found.unwrap_or_else(|| panic!("no asset is made of {source}"))
}

#[cfg(test)]
pub(crate) fn all() -> &'static [Asset] {
    ASSETS
}
