//! Orders in the shape in which they are told.

use truyvet_engine::Incomplete;
use truyvet_engine::registry::{DiaryRecord, Ending, NotOrdered};
use truyvet_schemas::quarantine::{DiaryEntry, OrderReason, PlaceKind};
use utoipa::ToSchema;

use super::super::areas::AreaName;
use super::super::notices::LastPassage;
use super::super::sites::Facility;

/// What became of an order for many.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct BulkOrdered {
    /// Whether it was only tried: nothing was written then.
    pub tried: bool,
    /// Whether the answer to the question was cut, so that there are others whom it does not name.
    #[serde(rename = "cut")]
    pub is_cut: bool,
    /// Codes in the questions that nothing is known of: mistyped, perhaps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone: there may be others whom no answer names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
    /// For how many it was ordered.
    pub ordered: usize,
    /// For how many the same request had ordered it before.
    pub ordered_before: usize,
    /// In how many areas these orders are to be kept.
    pub areas: usize,
    /// For whom it was not ordered, by reason.
    pub not_ordered: Vec<NotOrderedFor>,
}

/// Those for whom nothing was ordered, for one reason.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct NotOrderedFor {
    /// Why.
    pub why: NotOrdered,
    /// How many.
    pub subjects: usize,
    /// Their codes.
    pub list: Vec<String>,
}

/// How far an order is, and whether it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderWord {
    /// Not begun.
    Planned,
    /// In force, and kept as far as is known.
    Open,
    /// In force, and broken.
    Breached,
    /// Over; `breaches` says whether it was kept.
    Ended,
}

/// An order in a list, without whose it is.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct OrderRow {
    /// Its number.
    pub order: String,
    /// Code of whom it is for, as trace answers have it.
    pub subject: String,
    /// How far it is, and whether it was kept.
    pub state: OrderWord,
    /// At home, or in a facility.
    pub kind: PlaceKind,
    /// Where it is to be kept.
    pub area: AreaName,
    /// Code of the facility's site.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub site: Option<String>,
    /// Its name; the code where none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub site_name: Option<String>,
    /// Why.
    pub reason: OrderReason,
    /// Scans elsewhere break it from here on, unix milliseconds.
    pub from: i64,
    /// When it ends, unix milliseconds: before its time where it was ended.
    pub until: i64,
    /// Where it was ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended: Option<EndShown>,
    /// The account that made it.
    pub by: String,
    /// When it was made, unix milliseconds.
    pub made_at: i64,
    /// Number of scans elsewhere.
    pub breaches: usize,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_breach: Option<LastPassage>,
    /// Days of the order of which scans are gone: what broke it then nobody knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
    /// Number of entries of its diary.
    pub entries: u32,
}

/// The end of an order before its time.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = OrderEnded)]
pub struct EndShown {
    /// Unix milliseconds.
    pub at: i64,
    /// The account that ended it.
    pub by: String,
    /// How.
    pub how: Ending,
    /// Number of the order that goes on in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
    /// What was said then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// An order with its diary and what broke it.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = ShownOrder)]
pub struct OrderShown {
    /// As in the list.
    #[serde(flatten)]
    pub row: OrderRow,
    /// House and street; for those alone whose area it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// Sites that one may be seen at all the same.
    pub permitted: Vec<Facility>,
    /// The question that led to it, which names others by their codes; for officials alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin: Option<String>,
    /// Its diary, the first entry first.
    pub diary: Vec<EntryShown>,
    /// Scans elsewhere, the first first; at most 100.
    pub broken_by: Vec<LastPassage>,
}

/// An entry of a diary.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
#[schema(as = WrittenEntry)]
pub struct EntryShown {
    /// Its number, from 1.
    pub number: u32,
    /// When it was written, unix milliseconds.
    pub written_at: i64,
    /// Who wrote it: an account, or `citizen`.
    pub by: String,
    /// What it says.
    #[serde(flatten)]
    pub entry: DiaryEntry,
}

impl From<DiaryRecord> for EntryShown {
    fn from(DiaryRecord { number, written_at, by, entry }: DiaryRecord) -> Self {
        Self { number, written_at, by, entry }
    }
}

/// Which orders are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrdersWanted {
    /// Not begun.
    Planned,
    /// All that are not over.
    Open,
    /// Those that were broken, over or not.
    Breached,
    /// Those that were broken and are not over.
    OpenBreached,
    /// Over.
    Ended,
}

/// Which orders are asked for.
#[derive(Clone, Debug)]
pub struct OrdersAsked {
    /// Code of the area; those below it belong to it.
    pub area: String,
    /// All unless given.
    pub state: Option<OrdersWanted>,
    /// Made before the order of this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl OrdersWanted {
    /// Whether it is one by the clock alone; asked before the trail.
    pub(super) fn may_be(self, is_over: bool) -> bool {
        match self {
            Self::Breached => true,
            Self::Planned | Self::Open | Self::OpenBreached => !is_over,
            Self::Ended => is_over,
        }
    }

    pub(super) fn is(self, row: &OrderRow) -> bool {
        match self {
            Self::Planned => row.state == OrderWord::Planned,
            Self::Open | Self::Ended => true,
            Self::Breached | Self::OpenBreached => row.breaches > 0,
        }
    }
}

/// A page of orders.
#[derive(Clone, Debug, Default)]
pub struct OrdersFound {
    /// The newest first.
    pub orders: Vec<OrderRow>,
    /// Number of the order before which it goes on; none at the end.
    pub next: Option<u64>,
}
