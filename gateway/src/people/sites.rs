//! Sites of some kind, as those are shown them who choose one: borders, and facilities of quarantine.

use truyvet_engine::SiteRecord;
use utoipa::ToSchema;

use super::People;

/// A site that people arrive at, can be ordered into, or may be seen at.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct Facility {
    /// Its code.
    pub site: String,
    /// Its name; the code where none is known.
    pub name: String,
    /// Its kind; empty where none is known.
    pub kind: String,
    /// Name of the area that it lies in, and of those above; empty where none is known.
    pub area: String,
}

impl People {
    /// Sites of these kinds with an area, by name; at most 2,000.
    pub fn facilities(&self, kinds: &[&str]) -> Vec<Facility> {
        let mut sites = self.sites_of_kind(kinds);
        let name = |site: &SiteRecord| site.name.clone().unwrap_or_else(|| site.site.clone());
        sites.sort_by_cached_key(name);
        sites.truncate(FACILITIES_MAX);
        sites.into_iter().map(|site| self.facility_of(site)).collect()
    }

    /// Sites of these kinds with an area, by number.
    pub fn sites_of_kind(&self, kinds: &[&str]) -> Vec<SiteRecord> {
        self.engine.catalog().sites_where(|site| site.area.is_some() && is_of(site, kinds))
    }

    /// The area of a site that is of one of these kinds.
    pub(super) fn area_of_site(&self, site: &str, kinds: &[&str]) -> Option<String> {
        let record = self.engine.catalog().site(site)?;
        if is_of(&record, kinds) { record.area } else { None }
    }

    /// A site as it is shown, whatever it is.
    pub(super) fn facility(&self, site: &str) -> Facility {
        let unknown = || SiteRecord { site: site.to_owned(), ..SiteRecord::default() };
        self.facility_of(self.engine.catalog().site(site).unwrap_or_else(unknown))
    }

    fn facility_of(&self, SiteRecord { site, name, kind, area, .. }: SiteRecord) -> Facility {
        let area = area.map(|area| self.areas.name(&area));
        let parts = area.map(|area| [area.name, area.path]).unwrap_or_default();
        let area: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Facility {
            name: name.unwrap_or_else(|| site.clone()),
            kind: kind.unwrap_or_default(),
            site,
            area: area.join(", "),
        }
    }
}

fn is_of(site: &SiteRecord, kinds: &[&str]) -> bool {
    site.kind.as_deref().is_some_and(|kind| kinds.contains(&kind))
}

/// Sites that are told at once.
const FACILITIES_MAX: usize = 2_000;
