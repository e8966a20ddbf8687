//! Areas, sites and people as CSV, in the columns of the import contract. No field needs quotes:
//! codes and names have neither commas nor quotes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::GenerateError;
use crate::nation::{Land, Nation};

/// Writes `area,parent,name,kind`: the nation, its provinces, districts and wards.
///
/// # Errors
/// The file cannot be written.
pub fn write_areas(land: &Land, path: &Path) -> Result<(), GenerateError> {
    write(path, |out| areas_csv(land, out))
}

/// Writes `site,area,name,kind,lat,lon`.
///
/// # Errors
/// The file cannot be written.
pub fn write_sites(land: &Land, path: &Path) -> Result<(), GenerateError> {
    write(path, |out| sites_csv(land, 0..land.sites(), out))
}

/// Writes `subject,area`: everybody's home, in order of code's number, ward by ward.
///
/// # Errors
/// The file cannot be written.
pub fn write_people(nation: &Nation, path: &Path) -> Result<(), GenerateError> {
    write(path, |out| {
        writeln!(out, "subject,area")?;
        for ward in 0..nation.land.wards() {
            let area = nation.land.ward_code(ward);
            for person in nation.land.people_of(ward..ward + 1) {
                out.write_all(&nation.codes.encode(person))?;
                writeln!(out, ",{area}")?;
            }
        }
        Ok(())
    })
}

pub(crate) fn areas_csv(land: &Land, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "area,parent,name,kind")?;
    writeln!(out, "N1,,{},nation", land.nation_name())?;
    for province in 0..land.provinces() {
        writeln!(out, "{},N1,{},province", land.province_code(province), land.province_name(province))?;
    }
    for district in 0..land.districts() {
        let code = land.district_code(district);
        writeln!(out, "{code},{},{},district", parent(&code), land.district_name(district))?;
    }
    for ward in 0..land.wards() {
        let code = land.ward_code(ward);
        writeln!(out, "{code},{},{},ward", parent(&code), land.ward_name(ward))?;
    }
    Ok(())
}

pub(crate) fn sites_csv(
    land: &Land,
    sites: impl IntoIterator<Item = u32>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "site,area,name,kind,lat,lon")?;
    for site in sites {
        let area = land.ward_code(land.ward_of_site(site));
        let (lat, lon) = land.site_position(site);
        let (code, name, kind) = (land.site_code(site), land.site_name(site), land.kind(site).as_str());
        writeln!(out, "{code},{area},{name},{kind},{lat:.5},{lon:.5}")?;
    }
    Ok(())
}

/// A code without its last part.
fn parent(code: &str) -> &str {
    code.rsplit_once('-').map_or(code, |(parent, _)| parent)
}

fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), GenerateError> {
    let write = || {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        content(&mut out)?;
        out.flush()
    };
    write().map_err(|e| GenerateError::write(path, e))
}
