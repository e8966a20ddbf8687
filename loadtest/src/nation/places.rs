//! Names and coordinates of areas and sites. The names sound Vietnamese and are put together by
//! chance; the country is nowhere.

use super::dice::{Dice, Purpose};
use super::land::{Land, Scope, SiteKind};

impl Land {
    /// The nation's name.
    pub fn nation_name(&self) -> &'static str {
        "Lạc Vân"
    }

    /// A province's name.
    pub fn province_name(&self, province: u32) -> String {
        format!("Tỉnh {}", self.name(1, province))
    }

    /// A district's name.
    pub fn district_name(&self, district: u32) -> String {
        format!("Huyện {}", self.name(2, district))
    }

    /// A ward's name.
    pub fn ward_name(&self, ward: u32) -> String {
        format!("Xã {}", self.name(3, ward))
    }

    /// A site's name: its kind, its place, and a number where the ward has several.
    pub fn site_name(&self, site: u32) -> String {
        let ward = self.ward_of_site(site);
        let place = self.name(3, ward);
        let kind = match self.kind(site) {
            SiteKind::Checkpoint => "Chốt",
            SiteKind::Market => "Chợ",
            SiteKind::BusStation => "Bến xe",
            SiteKind::Supermarket => "Siêu thị",
            SiteKind::Port => "Cảng",
            SiteKind::BorderGate => "Cửa khẩu",
        };
        let sites = self.sites_of(self.wards_around(ward, Scope::Ward));
        match sites.len() {
            0 | 1 => format!("{kind} {place}"),
            _ => format!("{kind} {place} {}", site.saturating_sub(sites.start) + 1),
        }
    }

    /// Latitude and longitude of a site, in degrees.
    pub fn site_position(&self, site: u32) -> (f64, f64) {
        let ward = self.ward_of_site(site);
        let province = self.wards_around(ward, Scope::Province);
        let district = self.wards_around(ward, Scope::District);
        let (lat, lon) = self.province_position(ward);
        // Golden-angle spirals: districts around the province's centre, wards around the district's.
        let (north, east) = spiral((district.start - province.start) / 12, 0.13);
        let (ward_north, ward_east) = spiral(ward - district.start, 0.026);
        let mut dice = Dice::new(self.seed(), Purpose::Place, u64::from(site), 0);
        let jitter = |dice: &mut Dice| f64::from(dice.unit() - 0.5) * 0.03;
        let lat = lat + north + ward_north + jitter(&mut dice);
        (lat, lon + east + ward_east + jitter(&mut dice))
    }

    /// Provinces lie along a coast in the shape of an S, from north to south.
    fn province_position(&self, ward: u32) -> (f64, f64) {
        let provinces = self.provinces();
        let number = self.wards_around(ward, Scope::Province).start / (12 * 8);
        let along = (f64::from(number) + 0.5) / f64::from(provinces);
        let reach = (f64::from(provinces) * 0.8).min(12.0);
        let lat = 15.8 + reach * (0.5 - along);
        let coast = 107.2 + 1.8 * ((0.5 - along) * reach / 12.0 * -4.0).sin();
        (lat, coast - if number.is_multiple_of(2) { 0.0 } else { 0.4 })
    }

    fn name(&self, level: u64, number: u32) -> String {
        // Every pair once before one comes again: the tables' sizes are powers of two.
        let pairs = (FIRST.len() * SECOND.len()) as u64;
        let offset = Dice::new(self.seed(), Purpose::Place, level << 32, 1).roll();
        let pair = (u64::from(number).wrapping_mul(89).wrapping_add(offset) % pairs) as usize;
        format!("{} {}", FIRST[pair % FIRST.len()], SECOND[pair / FIRST.len()])
    }
}

fn spiral(number: u32, step_degrees: f64) -> (f64, f64) {
    let radius = step_degrees * f64::from(number).sqrt();
    let (sin, cos) = (f64::from(number) * 2.399_963).sin_cos();
    (radius * sin, radius * cos)
}

const FIRST: [&str; 16] = [
    "Lâm", "Vân", "Hạc", "Trúc", "Sa", "Ngà", "Mộc", "Tùng", "Bạch", "Lệ", "Dã", "Thạch", "Hồ", "Quế",
    "Nhạn", "Liên",
];

const SECOND: [&str; 16] = [
    "Khê", "Xuyên", "Lĩnh", "Phố", "Cốc", "Đình", "Trạch", "Bãi", "Thôn", "Đài", "Vũ", "Kha", "Nham", "Lư",
    "Châu", "Diệp",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn wards_of_a_district_have_different_names() {
        let land = Land::new(3, 1_000_000, 2_000);
        let names: HashSet<_> = (0..12).map(|ward| land.ward_name(ward)).collect();
        assert_eq!(names.len(), 12);
    }

    #[test]
    fn sites_lie_near_the_others_of_their_ward() {
        let land = Land::new(3, 5_000_000, 10_000);
        for site in (0..10_000).step_by(97) {
            let (lat, lon) = land.site_position(site);
            assert!((8.0..24.0).contains(&lat) && (102.0..110.5).contains(&lon), "{lat} {lon}");
        }
        let (a, b) = (land.site_position(0), land.site_position(1));
        assert!((a.0 - b.0).abs() < 0.1 && (a.1 - b.1).abs() < 0.1);
    }
}
