//! What is known of areas, sites, people and devices, as it is imported, stored and shown.

use serde::{Deserialize, Serialize};
use truyvet_schemas::utoipa::{self, ToSchema};

/// A node of the administrative tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Area)]
pub struct AreaRecord {
    /// Its code.
    pub area: String,
    /// Code of the area that it lies in; none for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// Ward, district, province, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// First day on which it exists, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// First day on which it no longer exists, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// Code of the area that took it in when it ended, where one is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
}

/// A place where passes are scanned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Site)]
pub struct SiteRecord {
    /// Its code.
    pub site: String,
    /// Code of the area that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `checkpoint`, `market`, `bus_station`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Degrees north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// Most people at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

impl SiteRecord {
    /// Whether people go in and come out here, so that it is known how many are inside: a supermarket, a market, a
    /// port, a bus station, and whatever else the list of sites names. Not where one only passes, where vehicles
    /// are sealed, or where one stays for days; nor a site of which no kind is told.
    pub fn is_venue(&self) -> bool {
        // Lists are written by hand: "Border gate" is a border gate.
        let kind = self.kind.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        !kind.is_empty() && !NO_VENUES.iter().any(|no_venue| kind.starts_with(no_venue))
    }

    /// What people call it: its name, or its code.
    pub fn shown_name(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.site)
    }
}

/// What the kinds begin with that are no venues.
const NO_VENUES: [&str; 6] = ["checkpoint", "border", "airport", "depot", "quarantine", "facility"];

/// Where a subject lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The subject's code.
    pub subject: String,
    /// Code of the home area.
    pub area: String,
}

/// What sends scans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Device)]
pub struct DeviceRecord {
    /// Its number.
    pub device: u32,
    /// Code of the site that it belongs to.
    pub site: String,
    /// Its Ed25519 public key.
    #[serde(with = "hex_key")]
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub public_key: [u8; 32],
    /// Unix milliseconds.
    pub enrolled_at: i64,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// Where it was before, the earliest first.
    #[serde(default)]
    pub former_sites: Vec<FormerSite>,
    /// Every scan up to and including this seq is durable, or lost.
    #[serde(default)]
    pub durable_seq: u64,
    /// Scans that were acknowledged and are gone, in the order in which that was found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostScans>,
}

/// Scans of a device that a backup did not have, and that the device had deleted as acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostScans {
    /// The first seq.
    pub first_seq: u64,
    /// The last seq.
    pub last_seq: u64,
    /// When the device said so, unix milliseconds.
    pub at: i64,
}

impl LostScans {
    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        (self.last_seq - self.first_seq).saturating_add(1)
    }
}

/// A site that a device belonged to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FormerSite {
    /// The site's code.
    pub site: String,
    /// When it was moved away, unix milliseconds.
    pub until: i64,
}

/// An import: a device of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportRecord {
    pub(crate) device: u32,
    pub(crate) name: String,
}

/// A refused scan, kept aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// The device that sent it.
    pub device: u32,
    /// Its number with that device.
    pub seq: u64,
    /// The site that its batch named.
    pub site: String,
    /// The subject's code, as far as it is text.
    pub subject: String,
    /// Device time, unix milliseconds.
    pub at: i64,
    /// `pass`, `in` or `out`.
    pub direction: String,
    /// When it arrived, unix milliseconds.
    pub received_at: i64,
    /// Why it was refused.
    pub reason: String,
}

mod hex_key {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(key: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |i: usize| text.get(i * 2..i * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        bytes
            .filter(|_| text.len() == 64)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| D::Error::custom("a public key is 64 hexadecimal digits"))
    }
}
