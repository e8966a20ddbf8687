//! What officials enter from paper: which declarations they entered, and how they read their tables.
//!
//! Nothing personal is kept here: a declaration's number under the blind index of an account, and of a
//! table the blind index of its header line with the column of each field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;

/// The column of each field, counted from 0, by the field's name.
type Columns = BTreeMap<String, u16>;

/// How a table was read.
#[derive(Serialize, Deserialize)]
struct TableRead {
    /// Blind index of its header line, hexadecimal.
    header: String,
    columns: Columns,
}

impl Registry {
    /// Numbers of the declarations that this account entered, those below `before`, the newest first; at most
    /// `limit`.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn entered_by(
        &self,
        account: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let blind = self.vault.read().blind("account", account);
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        let prefix = keys::all_entered(blind);
        let found = self.table.scan(&prefix, &keys::entered(blind, last)).take(limit);
        let number = |entry: Result<crate::store::Entry, crate::error::EngineError>| {
            let (key, _) = entry?;
            let number = key.last_chunk().ok_or_else(|| damaged("a list of entered declarations"))?;
            Ok(!u64::from_be_bytes(*number))
        };
        found.map(number).collect()
    }

    /// Whether this account entered the declaration.
    ///
    /// # Errors
    /// The store fails.
    pub fn has_entered(&self, account: &str, declaration: u64) -> Result<bool, RegistryError> {
        let (place, _) = self.entered_mark(account, declaration);
        Ok(self.table.get(&place)?.is_some())
    }

    /// Which columns of a table with this header line the account chose last; none where it read none such.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn table_columns(&self, account: &str, header: &str) -> Result<Option<Columns>, RegistryError> {
        let header = self.header_index(header);
        let read = self.tables_read(account)?;
        Ok(read.into_iter().find(|table| table.header == header).map(|table| table.columns))
    }

    /// Remembers the columns for tables with this header line; the [`TABLES_REMEMBERED_MAX`] used last are
    /// kept.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn remember_table_columns(
        &self,
        account: &str,
        header: &str,
        columns: &Columns,
    ) -> Result<(), RegistryError> {
        let header = self.header_index(header);
        let _alone = self.finding_at(1); // two tables at once must not forget each other
        let mut read = self.tables_read(account)?;
        if read.first().is_some_and(|newest| newest.header == header && newest.columns == *columns) {
            return Ok(());
        }
        read.retain(|table| table.header != header);
        read.insert(0, TableRead { header, columns: columns.clone() });
        read.truncate(TABLES_REMEMBERED_MAX);
        let place = keys::table_columns(self.vault.read().blind("account", account));
        Ok(self.writer.write(Changes { puts: vec![(place, json(&read))], ..Changes::default() })?)
    }

    /// What goes with a declaration that this account enters.
    pub(super) fn entered_mark(&self, account: &str, declaration: u64) -> (Vec<u8>, Vec<u8>) {
        (keys::entered(self.vault.read().blind("account", account), declaration), Vec::new())
    }

    fn tables_read(&self, account: &str) -> Result<Vec<TableRead>, RegistryError> {
        let place = keys::table_columns(self.vault.read().blind("account", account));
        let Some(bytes) = self.table.get(&place)? else { return Ok(Vec::new()) };
        Ok(serde_json::from_slice(&bytes).map_err(|_| damaged("the columns of an account's tables"))?)
    }

    fn header_index(&self, header: &str) -> String {
        data_encoding::HEXLOWER.encode(&self.vault.read().blind("header", header).bytes())
    }
}

/// Header lines remembered for an account: forms of many offices, in a few kilobytes.
pub const TABLES_REMEMBERED_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use truyvet_schemas::pass::UnixSeconds;

    use super::super::tests::{NOW, Place, act, declaration};
    use super::super::{DeclarationState, Declaring};
    use super::*;

    fn enter(place: &Place, account: Option<&str>, person: u8) -> u64 {
        let how = Declaring {
            state: DeclarationState::Unverified,
            issued: UnixSeconds::new((NOW / 1_000) as u32),
            valid_until: UnixSeconds::new((NOW / 1_000) as u32 + 1),
            phone: "",
            request: None,
            entered_by: account,
        };
        let declared = place.registry().declare(&declaration("Mai", &[person]), how, act("declaration.make"));
        declared.expect("room").record.declaration
    }

    #[test]
    fn what_an_official_entered_is_listed_the_newest_first_and_nobody_elses() {
        let mut place = Place::new();
        let own =
            [enter(&place, Some("mai"), 1), enter(&place, Some("mai"), 2), enter(&place, Some("mai"), 1)];
        let other = enter(&place, Some("lan"), 3);
        enter(&place, None, 4);
        place.reopen();
        let listed = |account: &str, before, limit| {
            place.registry().entered_by(account, before, limit).expect("readable")
        };
        assert_eq!(listed("mai", None, 9), [own[2], own[1], own[0]]);
        assert_eq!(listed("mai", Some(own[2]), 1), [own[1]]);
        assert_eq!((listed("lan", None, 9), listed("nobody", None, 9)), (vec![other], vec![]));
    }

    #[test]
    fn columns_are_remembered_by_account_and_header_and_the_oldest_are_forgotten() {
        let mut place = Place::new();
        let columns = |at: u16| Columns::from([("name".to_owned(), at)]);
        for at in 0..=TABLES_REMEMBERED_MAX as u16 {
            let header = format!("Họ tên|{at}");
            place.registry().remember_table_columns("mai", &header, &columns(at)).expect("room");
        }
        place.registry().remember_table_columns("mai", "Họ tên|1", &columns(7)).expect("room");
        place.reopen();
        let known =
            |account: &str, header: &str| place.registry().table_columns(account, header).expect("readable");
        assert_eq!(known("mai", "Họ tên|1"), Some(columns(7)), "the last choice counts");
        assert_eq!(known("mai", "Họ tên|50"), Some(columns(50)));
        assert_eq!(known("mai", "Họ tên|0"), None, "so many are kept");
        assert_eq!(known("lan", "Họ tên|1"), None, "each account has its own");
    }
}
