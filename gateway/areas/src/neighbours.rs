//! Which areas border on which, and through which others a way by land would lead.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Areas of one level, each with those that it borders on.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    of: BTreeMap<String, Vec<(String, u32)>>,
}

impl Neighbours {
    /// Those that come with the program: Vietnam's provinces since July 2025.
    pub fn builtin() -> Self {
        Self::read(include_str!("../data/vn-neighbours.csv"))
    }

    /// Reads lines `area,neighbour,km` below a header; others are passed over.
    fn read(text: &str) -> Self {
        let mut of: BTreeMap<String, Vec<(String, u32)>> = BTreeMap::new();
        for line in text.lines().skip(1) {
            let mut fields = line.split(',');
            let (Some(area), Some(neighbour), Some(km)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let Ok(km) = km.parse() else { continue };
            of.entry(area.to_owned()).or_default().push((neighbour.to_owned(), km));
        }
        Self { of }
    }

    /// Whether the area has neighbours here.
    pub fn knows(&self, area: &str) -> bool {
        self.of.contains_key(area)
    }

    /// Codes of the areas between these two on the shortest way from middle to middle, in the order in
    /// which one comes through them. It knows no roads: a hint of what lies between, not a route. None
    /// where one of the two is not known here.
    pub fn between<'s>(&'s self, from: &str, to: &str) -> Vec<&'s str> {
        let Some((from, _)) = self.of.get_key_value(from) else { return Vec::new() };
        let mut before: BTreeMap<&str, (u32, &str)> = BTreeMap::from([(from.as_str(), (0, ""))]);
        let mut reached = BinaryHeap::from([Reverse((0, from.as_str()))]);
        while let Some(Reverse((km, area))) = reached.pop() {
            if area == to {
                return way_to(area, &before);
            }
            for (next, further) in self.of.get(area).into_iter().flatten() {
                let km = km + further;
                if before.get(next.as_str()).is_none_or(|(known, _)| km < *known) {
                    before.insert(next, (km, area));
                    reached.push(Reverse((km, next)));
                }
            }
        }
        Vec::new()
    }
}

/// Back from the end, without both ends.
fn way_to<'s>(to: &'s str, before: &BTreeMap<&'s str, (u32, &'s str)>) -> Vec<&'s str> {
    let earlier = |area: &&str| before.get(area).map(|(_, area)| *area).filter(|area| !area.is_empty());
    let mut way: Vec<&str> = std::iter::successors(Some(to), earlier).skip(1).collect();
    way.pop();
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_told_without_its_ends() {
        let lines = "area,neighbour,km\na,b,1\nb,a,1\nb,c,1\nc,b,1\nc,d,1\nd,c,1\na,d,9\nd,a,9\na,e,1\n";
        let neighbours = Neighbours::read(lines);
        assert_eq!(neighbours.between("a", "d"), ["b", "c"]);
        assert_eq!(neighbours.between("d", "a"), ["c", "b"]);
        assert_eq!(neighbours.between("a", "b"), [""; 0]);
        assert_eq!(neighbours.between("a", "a"), [""; 0]);
        assert_eq!(neighbours.between("a", "nowhere"), [""; 0]);
        assert_eq!(neighbours.between("nowhere", "a"), [""; 0]);
    }

    #[test]
    fn every_province_of_vietnam_is_reached_from_every_other_and_each_border_has_two_sides() {
        let neighbours = Neighbours::builtin();
        assert_eq!(neighbours.of.len(), 34);
        for (area, borders) in &neighbours.of {
            for (other, km) in borders {
                assert!(neighbours.of[other].contains(&(area.clone(), *km)), "{area} {other}");
            }
        }
        let through = neighbours.between("VN25-04", "VN25-96");
        assert!((5..20).contains(&through.len()), "from Cao Bằng to Cà Mau: {through:?}");
        assert!(through.contains(&"VN25-42"), "all ways south lead through Hà Tĩnh: {through:?}");
    }
}
