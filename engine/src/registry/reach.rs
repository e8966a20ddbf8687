//! What decides who may look at a person: the areas that are theirs, by whose word.

use std::collections::BTreeSet;

use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::SubjectCode;

use super::records::{DeclarationRecord, DeclarationState};
use super::{Registry, RegistryError, damaged};

impl Registry {
    /// Codes of the areas that a subject lives in and travels between, by the word of others than the account
    /// that asks: verified declarations that it did not enter itself, the newest `most` of them. What anybody
    /// may say of anybody would let everybody look. To decide who may look at the person, so no act goes with
    /// it.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn areas_of(
        &self,
        subject: SubjectCode,
        asking: &str,
        most: usize,
    ) -> Result<BTreeSet<String>, RegistryError> {
        let (mut areas, mut left) = (BTreeSet::new(), most);
        for record in self.declarations_of(subject, None, LOOKED_THROUGH_MAX)? {
            let is_verified = record.state == DeclarationState::Verified;
            if left == 0 || !is_verified || self.has_entered(asking, record.declaration)? {
                continue;
            }
            let (_, Declaration { person, journey, .. }) =
                self.read_declaration(record.declaration)?.ok_or_else(|| damaged("a declaration"))?;
            // At home they are where the newest says; they travelled wherever any does.
            if left == most {
                let residences = [Some(person.permanent), person.present, person.temporary];
                areas.extend(residences.into_iter().flatten().map(|residence| residence.area));
            }
            areas.extend([journey.from, journey.to]);
            left -= 1;
        }
        Ok(areas)
    }

    /// The newest declarations of a subject that this account entered, without what is personal; at most
    /// `limit`.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn entered_of(
        &self,
        subject: SubjectCode,
        account: &str,
        limit: usize,
    ) -> Result<Vec<DeclarationRecord>, RegistryError> {
        let mut entered = Vec::new();
        for record in self.declarations_of(subject, None, LOOKED_THROUGH_MAX)? {
            if entered.len() < limit && self.has_entered(account, record.declaration)? {
                entered.push(record);
            }
        }
        Ok(entered)
    }
}

/// Newest declarations of one subject among which those are looked for that count. Anybody may make some of
/// them, a few a day: so many that they keep nobody out.
const LOOKED_THROUGH_MAX: usize = 500;
