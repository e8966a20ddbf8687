//! People, declarations, passes, and who looked at them. The rest of the engine knows a person only by
//! the pseudonym that is given out here.
//!
//! ```text
//! DATA/registry/   a store of its own          KEYS/   outside the data directory
//!
//! declaration -> whose documents? -> person, found or new -> sealed with the person's own key
//!             -> pass                                        -> one write, with its act in the audit log
//! ```
//!
//! - One person is one subject: any of the documents finds the person again.
//! - Personal data is sealed (`vault`); documents and names are found by blind indexes.
//! - Everything that reads or changes personal data says who does it: the act is on disk before the data
//!   is handed out.

mod accounts;
mod arrivals;
#[cfg(test)]
mod arrivals_tests;
mod audit;
mod hooks;
#[cfg(test)]
mod hooks_tests;
mod issuer;
mod keys;
mod newest;
mod notices;
mod orders;
#[cfg(test)]
mod orders_tests;
mod paper;
mod people;
mod reach;
mod records;
mod rotation;
mod sessions;
mod situation;
#[cfg(test)]
mod situation_tests;
mod sweep;
#[cfg(test)]
mod tests;
mod vault;
mod vehicles;
#[cfg(test)]
mod vehicles_tests;
mod visits;
mod watch;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{PassId, SubjectCode};

pub use accounts::{Account, Role};
pub use arrivals::{Arrived, Arriving, BORDER_PAGE_MAX, CARRIAGE_MAX, Crossed};
pub use audit::{Act, AuditBreak, AuditEntry, AuditTip};
pub use hooks::{Due, HOOKS_MAX, Hook, NewHook, Told};
pub use issuer::Issuer;
pub use notices::{Arrival, Leg, Side, Travelling};
pub use orders::{
    Asked, DIARY_MAX, DiaryRecord, Ended, Ending, Left, Made, NewOrder, NotOrdered, OpenOrder, OrderEnd,
    OrderRecord, OrderState, Ordered, OrderedAll, Refusal, Whither, WholeOrder,
};
pub use paper::TABLES_REMEMBERED_MAX;
pub use people::{Declared, Declaring, first_declaration_at};
pub use records::{DeclarationRecord, DeclarationState, PassRecord, Revoked};
pub use sessions::{Bearer, Session};
pub use situation::{LevelEnded, LevelSet, NewLevel, OPEN_LEVELS_MAX, Standing};
pub use vault::VaultError;
pub use vehicles::{
    Decided, DeclaringTrip, MANIFESTS_MAX, Manifest, Newcomer, TripDeclared, TripPlace, TripRecord,
    TripState, WholeTrip,
};
pub use watch::Watched;

use crate::catalog::json;
use crate::error::EngineError;
use crate::store::BackupStore;
use crate::store::table::Table;
use vault::{Blind, Vault};
use writer::{Changes, Writer};

/// People, declarations, passes, and who looked at them.
pub struct Registry {
    table: Arc<Table>,
    vault: RwLock<Vault>,
    writer: Writer,
    last_declaration: AtomicU64,
    lists_revision: AtomicU64,
    /// One for each stretch of blind documents: held from looking a person up until the person is stored,
    /// so that two declarations at once make one person.
    finding: [Mutex<()>; FINDING],
    /// Held while a level is set or ended.
    levels: Mutex<()>,
    /// Held while quarantine orders are made, ended, and written about.
    orders: Mutex<()>,
    /// Held while hooks change, and what is due to them.
    hooks: Mutex<()>,
}

/// The registry's store without its keys: what is sealed stays sealed.
pub struct RegistryStore(Arc<Table>);

impl RegistryStore {
    /// Opens the store of a registry that no server has open; none where there is no registry.
    ///
    /// # Errors
    /// It cannot be read, or somebody has it open.
    pub fn open(dir: &Path) -> Result<Option<Self>, EngineError> {
        if !dir.is_dir() {
            return Ok(None);
        }
        Ok(Some(Self(Arc::new(Table::open(dir, STORE_CACHE_BYTES)?))))
    }

    pub(crate) fn back_up(&self, target: &mut BackupStore) -> Result<u32, EngineError> {
        self.0.back_up(target)
    }
}

/// Why the registry could not do something.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// As the inner error says.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// As the inner error says.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Look at the number again.
    #[error("no pass has this number")]
    UnknownPass,
    /// Have an official compare the documents; declare with those of one person meanwhile.
    #[error(
        "the documents belong to two people; declare with those of one, and have an official compare them"
    )]
    TwoPeople,
    /// Compare the fields with the passport; whoever is sure keeps it aside, to be confirmed by an officer.
    #[error("the passport is known with another {}; compare it with the passport", .0.join(", "))]
    OtherPerson(Vec<&'static str>),
    /// Send what is new with a key of its own.
    #[error("this Idempotency-Key was used for something else; send what is new with a new key")]
    KeyReused,
    /// Look at the number again.
    #[error("no declaration has this number")]
    UnknownDeclaration,
    /// Look at the number again.
    #[error("no level of this area has this number")]
    UnknownLevel,
    /// Look at the number again.
    #[error("no trip has this number")]
    UnknownTrip,
    /// Read the trip again: somebody has decided, or its time is over.
    #[error("the trip is in a state that does not allow it; read it again")]
    TripState,
    /// Declare a new trip.
    #[error("those aboard changed {MANIFESTS_MAX} times on this trip; declare a new one")]
    TooManyManifests,
    /// End levels that are no longer meant.
    #[error(
        "{OPEN_LEVELS_MAX} levels of this area hold now or later; end those that are no longer meant first"
    )]
    TooManyLevels,
    /// Look at the number again.
    #[error("no quarantine order has this number")]
    UnknownOrder,
    /// Read the order again: it is over.
    #[error("the quarantine order is over; read it again")]
    OrderOver,
    /// Order anew; the diary goes on there.
    #[error("the diary of a quarantine order has {DIARY_MAX} entries at most; order anew to go on")]
    DiaryFull,
    /// Look at the number again.
    #[error("no hook has this number")]
    UnknownHook,
    /// Remove hooks that nobody needs any more.
    #[error("there are {HOOKS_MAX} hooks; remove some that nobody needs any more first")]
    TooManyHooks,
}

impl Registry {
    /// Opens the registry in `dir`, or makes one, with the keys in `keys_dir`.
    ///
    /// # Errors
    /// The keys do not belong to it, or it cannot be read.
    pub fn open(dir: &Path, keys_dir: &Path, cache_bytes: usize) -> Result<Self, RegistryError> {
        let table = Arc::new(Table::open(dir, cache_bytes)?);
        let place = keys::vault_mark();
        let mark = table.get(&place)?;
        let vault = Vault::open(keys_dir, mark.is_none())?;
        match mark {
            Some(mark) => vault.fits(&mark, &place)?,
            None => table.write(&[(place.clone(), vault.mark(&place))], &[], &[])?,
        }
        let last_declaration = last_declaration(&table)?.into();
        let writer = Writer::start(table.clone(), audit_tip(&table)?)?;
        let finding = std::array::from_fn(|_| Mutex::default());
        let (vault, lists_revision) = (RwLock::new(vault), AtomicU64::default());
        let (levels, orders, hooks) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { table, vault, writer, last_declaration, lists_revision, finding, levels, orders, hooks })
    }

    /// The store, for backups.
    pub fn store(&self) -> RegistryStore {
        RegistryStore(Arc::clone(&self.table))
    }

    /// The pass with this number.
    ///
    /// # Errors
    /// The store fails, or the record is damaged.
    pub fn pass(&self, pass: PassId) -> Result<Option<PassRecord>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::pass(pass))? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes).map_err(|_| damaged("a pass"))?))
    }

    /// Takes a pass back; once is as good as twice.
    ///
    /// # Errors
    /// There is no such pass, or the store fails.
    pub fn revoke(&self, pass: PassId, reason: &str, act: Act) -> Result<PassRecord, RegistryError> {
        let _alone = self.finding_at(pass.get() as usize);
        let mut record = self.pass(pass)?.ok_or(RegistryError::UnknownPass)?;
        let mut changes = Changes { acts: vec![act.clone()], ..Changes::default() };
        if record.revoked.is_none() {
            record.revoked = Some(Revoked { at: act.at, reason: reason.to_owned() });
            changes.puts.push((keys::pass(pass), json(&record)));
            changes.puts.push((keys::revoked(record.valid_until_s, pass), Vec::new()));
        }
        self.writer.write(changes)?;
        self.lists_changed();
        Ok(record)
    }

    /// Counts the changes of what checkpoints are told: revoked passes, the watch list and quarantine. While it stays the
    /// same both are as they were, but for what time has ended.
    pub fn lists_revision(&self) -> u64 {
        self.lists_revision.load(Ordering::Acquire)
    }

    fn lists_changed(&self) {
        self.lists_revision.fetch_add(1, Ordering::Release);
    }

    /// Numbers of the passes that were taken back and have not expired by `now`, the first to expire
    /// first; at most `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub fn revoked(&self, now: TimeMs, limit: usize) -> Result<Vec<PassId>, RegistryError> {
        let now_s = u32::try_from(now.get() / 1_000).unwrap_or_default();
        let (tag, start) = ([keys::Tag::Revoked as u8], keys::revoked_from(now_s));
        let found = self.table.scan(&tag, &start).take(limit);
        let pass = |entry: Result<crate::store::Entry, EngineError>| {
            let (key, _) = entry?;
            let number = key.last_chunk().ok_or_else(|| damaged("the list of revoked passes"))?;
            Ok(PassId::new(u64::from_be_bytes(*number)))
        };
        found.map(pass).collect()
    }

    /// Puts an act into the audit log that goes with no change, and returns when it is on disk.
    ///
    /// # Errors
    /// The store fails: what the act is about must not happen then.
    pub fn note(&self, act: Act) -> Result<(), RegistryError> {
        Ok(self.writer.write(Changes { acts: vec![act], ..Changes::default() })?)
    }

    /// Entries of the audit log from number `from` on; at most `limit`.
    ///
    /// # Errors
    /// The store fails, or an entry is damaged.
    pub fn audit(&self, from: u64, limit: usize) -> Result<Vec<AuditEntry>, RegistryError> {
        let (tag, start) = ([keys::Tag::Audit as u8], keys::audit(from));
        let read = |entry: Result<crate::store::Entry, EngineError>| {
            Ok(serde_json::from_slice(&entry?.1).map_err(|_| damaged("an entry of the audit log"))?)
        };
        self.table.scan(&tag, &start).take(limit).map(read).collect()
    }

    /// Follows the audit log's chain from its beginning: its end, or where it breaks first.
    ///
    /// # Errors
    /// The store fails.
    pub fn verify_audit(&self) -> Result<Result<AuditTip, AuditBreak>, RegistryError> {
        let (tag, mut tip) = ([keys::Tag::Audit as u8], AuditTip::none());
        for entry in self.table.scan(&tag, &tag) {
            let (key, bytes) = entry?;
            let seq = keys::number(keys::Tag::Audit, &key).unwrap_or_default();
            if let Err(broken) = tip.follow(seq, &bytes) {
                return Ok(Err(broken));
            }
        }
        Ok(Ok(tip))
    }

    fn finding_at(&self, place: usize) -> MutexGuard<'_, ()> {
        self.finding[place % FINDING].lock()
    }

    /// Holds all people and accounts, which are changed by being read, changed and stored again.
    fn all_finding(&self) -> Vec<MutexGuard<'_, ()>> {
        self.finding.iter().map(Mutex::lock).collect()
    }

    fn finding_of(&self, subject: SubjectCode) -> MutexGuard<'_, ()> {
        self.finding_at(usize::from(subject.bytes()[0]))
    }

    /// Holds all that these documents' people could be found by, in one order, so that nobody waits for
    /// each other.
    fn finding(&self, documents: &[Blind]) -> Vec<MutexGuard<'_, ()>> {
        self.hold(documents.iter().map(|blind| usize::from(blind.bytes()[0])))
    }

    fn hold(&self, places: impl Iterator<Item = usize>) -> Vec<MutexGuard<'_, ()>> {
        let mut places: Vec<usize> = places.map(|place| place % FINDING).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| self.finding[place].lock()).collect()
    }
}

/// The largest number of a declaration, a trip or an order in the store; 0: there is none.
fn last_declaration(table: &Table) -> Result<u64, EngineError> {
    let last = |tag: keys::Tag, key: &[u8]| {
        let number = table.last(&[tag as u8], key)?.map(|(key, _)| keys::number(tag, &key));
        number.map_or(Ok(0), |number| number.ok_or_else(|| damaged("the last declaration")))
    };
    let declaration = last(keys::Tag::Declaration, &keys::declaration(u64::MAX))?;
    let trip = last(keys::Tag::Trip, &keys::trip(u64::MAX))?;
    Ok(declaration.max(trip).max(last(keys::Tag::Order, &keys::order(u64::MAX))?))
}

/// The end of the audit log as it lies in the store.
fn audit_tip(table: &Table) -> Result<AuditTip, EngineError> {
    let Some((_, bytes)) = table.last(&[keys::Tag::Audit as u8], &keys::audit(u64::MAX))? else {
        return Ok(AuditTip::none());
    };
    let last: AuditEntry = serde_json::from_slice(&bytes).map_err(|_| damaged("the end of the audit log"))?;
    Ok(AuditTip { seq: last.seq, hash: last.hash })
}

fn damaged(what: &str) -> EngineError {
    EngineError::Corrupt { what: format!("{what} of the registry") }
}

/// A person's place in the store, for which everything of the person is sealed.
fn place_of(subject: SubjectCode) -> Vec<u8> {
    keys::person(subject)
}

/// The registry's store, in a data directory and among backups.
pub const REGISTRY_FOLDER: &str = "registry";

/// A store that is only copied reads each block once.
const STORE_CACHE_BYTES: usize = 8 << 20;

/// Locks; more than there are callers at once.
const FINDING: usize = 64;
