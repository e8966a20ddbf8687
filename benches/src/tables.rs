//! A nation's areas, sites and people as records of the catalog.

use truyvet_engine::{AreaRecord, Catalog, CatalogError, PersonRecord, SiteRecord};
use truyvet_loadtest::nation::{Land, Nation};

/// Stores areas and sites.
///
/// # Errors
/// The catalog refuses them.
pub fn put_places(catalog: &Catalog, land: &Land) -> Result<(), CatalogError> {
    catalog.put_areas(areas(land))?;
    catalog.put_sites((0..land.sites()).map(|site| site_record(land, site)).collect())
}

/// Stores everybody with the ward of the home.
///
/// # Errors
/// The catalog refuses them.
pub fn put_people(catalog: &Catalog, nation: &Nation) -> Result<(), CatalogError> {
    for ward in 0..nation.land.wards() {
        let area = nation.land.ward_code(ward);
        let people = nation.land.people_of(ward..ward + 1);
        let record = |person| PersonRecord { subject: nation.codes.text(person), area: area.clone() };
        catalog.put_people(people.map(record).collect())?;
    }
    Ok(())
}

fn areas(land: &Land) -> Vec<AreaRecord> {
    let provinces = (0..land.provinces()).map(|n| land.province_code(n));
    let districts = (0..land.districts()).map(|n| land.district_code(n));
    let wards = (0..land.wards()).map(|n| land.ward_code(n));
    provinces.chain(districts).chain(wards).map(area_record).collect()
}

fn area_record(area: String) -> AreaRecord {
    let parent = area.rsplit_once('-').map(|(parent, _)| parent.to_owned());
    AreaRecord { name: area.clone(), area, parent, ..AreaRecord::default() }
}

fn site_record(land: &Land, site: u32) -> SiteRecord {
    SiteRecord {
        site: land.site_code(site),
        area: Some(land.ward_code(land.ward_of_site(site))),
        name: None,
        kind: Some(land.kind(site).as_str().to_owned()),
        lat: None,
        lon: None,
        capacity: None,
    }
}
