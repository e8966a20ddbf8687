//! Trips in the shape in which they are told.

use truyvet_engine::registry::{Decided, TripState};
use truyvet_schemas::person::{Document, Sex};
use truyvet_schemas::vehicle::{Cargo, Duty, GreenVehicle};
use utoipa::ToSchema;

use super::super::areas::AreaName;
use super::super::declaring::PassView;
use super::super::notices::LastPassage;

/// A trip as its driver and officials see it.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = ShownTrip)]
pub struct TripShown {
    /// Its number.
    pub trip: String,
    /// What has become of it.
    pub state: TripState,
    /// The vehicle.
    pub vehicle: GreenVehicle,
    /// Code of the vehicle, as trace answers have it.
    pub subject: String,
    /// Code of the depot.
    pub depot: String,
    /// Its name; the code where none is known.
    pub depot_name: String,
    /// What it goes through.
    pub route: Vec<AreaName>,
    /// When it leaves, unix milliseconds.
    pub departs_at: i64,
    /// When it is over at the latest, unix milliseconds.
    pub until: i64,
    /// When it was declared, unix milliseconds.
    pub made_at: i64,
    /// What it carries.
    pub cargo: Cargo,
    /// Who is aboard now, the driver first.
    pub aboard: Vec<AboardShown>,
    /// Since when, unix milliseconds.
    pub aboard_since: i64,
    /// How often those aboard changed.
    pub changes: u32,
    /// What was decided at the depot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided: Option<Decided>,
    /// The vehicle's pass.
    pub pass: PassView,
}

/// Somebody aboard.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = SomebodyAboard)]
#[allow(missing_docs, reason = "each is the declaration's field of this name")]
pub struct AboardShown {
    /// Code of the person, as trace answers have it.
    pub subject: String,
    pub duty: Duty,
    pub name: String,
    pub birth_date: String,
    pub sex: Sex,
    pub document: Document,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<String>,
}

/// A trip in a list, without names of people.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct TripRow {
    /// Its number.
    pub trip: String,
    /// What has become of it.
    pub state: TripState,
    /// The vehicle.
    pub vehicle: GreenVehicle,
    /// Code of the depot.
    pub depot: String,
    /// Its name; the code where none is known.
    pub depot_name: String,
    /// What it goes through.
    pub route: Vec<AreaName>,
    /// When it leaves, unix milliseconds.
    pub departs_at: i64,
    /// When it is over at the latest, unix milliseconds.
    pub until: i64,
    /// How many are aboard now.
    pub aboard: usize,
    /// How often those aboard changed.
    pub changes: u32,
    /// Number of checks on the way.
    pub passages: usize,
    /// The last check on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last: Option<LastPassage>,
    /// Checks where the route does not lead, the first first; at most 100.
    pub off_route: Vec<LastPassage>,
}

/// Which trips are asked for.
#[derive(Clone, Debug)]
pub struct TripsAsked {
    /// In this state alone.
    pub state: Option<TripState>,
    /// Only those that were seen off their route.
    pub is_off_route: bool,
    /// Declared before the trip of this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A page of trips.
#[derive(Clone, Debug, Default)]
pub struct TripsFound {
    /// The newest first.
    pub trips: Vec<TripRow>,
    /// Number of the trip before which it goes on; none at the end.
    pub next: Option<u64>,
}
