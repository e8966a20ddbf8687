//! What is kept of quarantine orders, and how it is told.

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::quarantine::{DiaryEntry, OrderPlace, OrderReason, PlaceKind};
use truyvet_schemas::utoipa::{self, ToSchema};

use super::super::records::text;

/// An order without what is personal in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Its number, of the same row as those of declarations.
    pub order: u64,
    /// Code of whom it is for.
    #[serde(with = "text")]
    pub subject: SubjectCode,
    /// At home, or in a facility.
    pub kind: PlaceKind,
    /// Why.
    pub reason: OrderReason,
    /// Scans elsewhere break it from here on, unix milliseconds.
    pub from: i64,
    /// When it ends unless it was ended before, unix milliseconds.
    pub until: i64,
    /// The account that made it.
    pub by: String,
    /// When it was made, unix milliseconds.
    pub made_at: i64,
    /// Where it was ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<OrderEnd>,
}

/// The end of an order before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEnd {
    /// When it ends, unix milliseconds.
    pub at: i64,
    /// The account that ended it.
    pub by: String,
    /// How.
    pub how: Ending,
    /// Number of the order that goes on in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// How an order ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All that it asked was done.
    Completed,
    /// It was no longer needed, or should never have been.
    Lifted,
    /// Another goes on in its place: moved, or for longer.
    Replaced,
}

/// How far an order is, by the clock alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Not begun.
    Planned,
    /// In force.
    Open,
    /// Over.
    Ended,
}

impl OrderRecord {
    /// When it is over, unix milliseconds; before its beginning where it was ended before that.
    pub fn over_at(&self) -> i64 {
        self.ended.as_ref().map_or(self.until, |end| end.at.min(self.until))
    }

    /// How far it is at an instant.
    pub fn state(&self, now: TimeMs) -> OrderState {
        match now.get() {
            // Also what was ended before it began.
            now if self.over_at() <= now.max(self.from) => OrderState::Ended,
            now if now < self.from => OrderState::Planned,
            _ => OrderState::Open,
        }
    }

    /// Whether it holds at an instant, unix milliseconds.
    pub fn holds_at(&self, at_ms: i64) -> bool {
        (self.from..self.over_at()).contains(&at_ms)
    }
}

/// An order with all that was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeOrder {
    /// What is open.
    pub record: OrderRecord,
    /// Where one is to stay.
    pub place: OrderPlace,
    /// Codes of sites that one may be seen at all the same.
    pub permitted: Vec<String>,
    /// Facilities that one was moved from.
    pub left: Vec<Left>,
    /// The question that led to it.
    pub origin: Option<String>,
    /// What was said when it was ended.
    pub end_note: Option<String>,
}

impl WholeOrder {
    /// Whether one may be seen at a site and an instant: the facility's own, a permitted one, or for a while the
    /// one that one was moved from.
    pub fn permits(&self, site: &str, at_ms: i64) -> bool {
        self.place.site.as_deref() == Some(site)
            || self.permitted.iter().any(|permitted| permitted == site)
            || self.left.iter().any(|left| left.site == site && at_ms < left.until)
    }

    /// Whether a scan at a site and an instant breaks it.
    pub fn is_broken_by(&self, site: &str, at_ms: i64) -> bool {
        self.record.holds_at(at_ms) && !self.permits(site, at_ms)
    }
}

/// A facility that somebody was moved from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Code of its site.
    pub site: String,
    /// One may be seen there before this instant, unix milliseconds.
    pub until: i64,
}

/// An entry of a diary.
#[derive(Clone, Debug, PartialEq)]
pub struct DiaryRecord {
    /// Its number among those of the order, from 1.
    pub number: u32,
    /// When it was written, unix milliseconds.
    pub written_at: i64,
    /// Who wrote it: an account, or `citizen`.
    pub by: String,
    /// What it says.
    pub entry: DiaryEntry,
}

/// The sealed part of an order.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) place: OrderPlace,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) permitted: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left: Vec<Left>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end_note: Option<String>,
}

/// The open part of an entry of a diary.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) number: u32,
    pub(super) at: i64,
    pub(super) by: String,
}
