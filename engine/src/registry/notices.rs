//! What the wards at both ends of a journey are told: who leaves, who comes, who has arrived. A journey is
//! told of from the moment that its declaration is verified, in the same write.
//!
//! What happens on the way is not kept here: the engine knows each passage. Areas stand in keys as blind
//! indexes: who lies open to be read tells of nobody where they travel.

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::{Declaration, Journey};
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::utoipa::{self, ToSchema};

use super::audit::Act;
use super::newest::Newest;
use super::people::{first_declaration_at, lock_of, opened};
use super::records::{DeclarationRecord, DeclarationState, split_declaration};
use super::vault::Blind;
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;

/// Which end of a journey an area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The journey begins there.
    Leaving,
    /// It leads there.
    Coming,
    /// It begins and ends there.
    Within,
}

/// A verified journey, as one of its ends sees it: without names and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Travelling {
    /// The declaration without what is personal.
    pub record: DeclarationRecord,
    /// Which end the area is.
    pub side: Side,
    /// Where, and when.
    pub leg: Leg,
}

/// A journey without who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leg {
    /// Code of the area that is left.
    pub from: String,
    /// Code of the area that is gone to.
    pub to: String,
    /// When it begins, unix milliseconds.
    pub departs_at: i64,
    /// How many travel along on the same pass.
    pub companions: usize,
}

/// The ward of destination's word that somebody has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Arrival {
    /// When it was said, unix milliseconds.
    pub at: i64,
    /// The account that said it.
    pub by: String,
}

impl Registry {
    /// Verified journeys from and to these areas, declared before the one of this number, the newest first; at
    /// most `limit`. One that begins and ends among them is within.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn travelling(
        &self,
        areas: &[&str],
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Travelling>, RegistryError> {
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        let mut newest = Newest::new(limit);
        for area in areas {
            let area = self.area_index(area);
            let prefix = keys::all_travelling(area);
            newest.take(self.table.scan(&prefix, &keys::travelling(area, last)), |known, bytes| {
                let side = side_of(bytes).ok_or_else(|| damaged("a list of journeys"))?;
                Ok(if known.is_some() { Side::Within } else { side })
            })?;
        }
        let open = |(number, side)| {
            let (record, leg) = self.leg(number)?.ok_or_else(|| damaged("a declaration"))?;
            Ok(Travelling { record, side, leg })
        };
        newest.into_numbers().map(open).collect()
    }

    /// A declaration's journey without who makes it.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn leg(&self, number: u64) -> Result<Option<(DeclarationRecord, Leg)>, RegistryError> {
        let key = keys::declaration(number);
        let Some(bytes) = self.table.get(&key)? else { return Ok(None) };
        let (record, sealed) = split_declaration(&bytes).ok_or_else(|| damaged("a declaration"))?;
        let (own, _) = self.open_person(record.subject)?.ok_or_else(|| damaged("a person"))?;
        let Declaration { journey, companions, .. } = opened(&own, sealed, &key, "a declaration")?;
        let Journey { from, to, departs_at, .. } = journey;
        Ok(Some((record, Leg { from, to, departs_at, companions: companions.len() })))
    }

    /// Codes of those with a verified declaration of `since` or later, each as often as it was declared, as long
    /// as `declared` wants more.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn declared_since(
        &self,
        since: TimeMs,
        mut declared: impl FnMut(SubjectCode) -> bool,
    ) -> Result<(), RegistryError> {
        let (tag, start) = ([keys::Tag::Declaration as u8], keys::declaration(first_declaration_at(since)));
        for entry in self.table.scan(&tag, &start) {
            let (_, bytes) = entry?;
            let (record, _) = split_declaration(&bytes).ok_or_else(|| damaged("a declaration"))?;
            if record.state == DeclarationState::Verified && !declared(record.subject) {
                break;
            }
        }
        Ok(())
    }

    /// Whether the ward of destination said that the holder of this declaration's pass has arrived.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn arrival(&self, declaration: u64) -> Result<Option<Arrival>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::arrival(declaration))? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes).map_err(|_| damaged("an arrival"))?))
    }

    /// Notes that somebody has arrived; once is as good as twice, and the first word stays.
    ///
    /// # Errors
    /// There is no such verified declaration, or the store fails.
    pub fn arrived(&self, declaration: u64, act: Act) -> Result<Arrival, RegistryError> {
        let _alone = self.finding_at(lock_of(declaration));
        let record = self.declaration_record(declaration)?;
        if record.is_none_or(|record| record.state != DeclarationState::Verified) {
            return Err(RegistryError::UnknownDeclaration);
        }
        if let Some(known) = self.arrival(declaration)? {
            return Ok(known);
        }
        let arrival = Arrival { at: act.at, by: act.actor.clone() };
        let puts = vec![(keys::arrival(declaration), json(&arrival))];
        self.writer.write(Changes { puts, acts: vec![act], ..Changes::default() })?;
        Ok(arrival)
    }

    /// What is written for both ends of a verified journey.
    pub(crate) fn travelling_marks(&self, number: u64, journey: &Journey) -> [(Vec<u8>, Vec<u8>); 2] {
        let (from, to) = if journey.from == journey.to { (WITHIN, WITHIN) } else { (LEAVING, COMING) };
        [(&journey.from, from), (&journey.to, to)]
            .map(|(area, side)| (keys::travelling(self.area_index(area), number), vec![side]))
    }

    pub(super) fn area_index(&self, area: &str) -> Blind {
        self.vault.read().blind("area", area)
    }
}

fn side_of(bytes: &[u8]) -> Option<Side> {
    match bytes {
        [LEAVING] => Some(Side::Leaving),
        [COMING] => Some(Side::Coming),
        [WITHIN] => Some(Side::Within),
        _ => None,
    }
}

const LEAVING: u8 = 0;
const COMING: u8 = 1;
const WITHIN: u8 = 2;
