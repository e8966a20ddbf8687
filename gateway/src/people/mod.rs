//! People at the front: who may do what, what a declaration must be, which pass is good. Between HTTP
//! and the engine's registry; no sockets but those of an outer register.
//!
//! ```text
//! citizen    codes -> session -> declaring -> register says: agrees? -> registry, issuer -> pass
//! officer    accounts -> session -> checking -> verdict
//!                                -> tickets, to send scans past HTTP
//!            paper: what citizens declared on paper, one by one or as a table
//! border     arrivals: who arrives, one by one or as a list of passengers; the pass leads to quarantine
//! visitor    visits: scans a poster; venues: how many are inside
//! driver     vehicles: declared, sealed at the depot by an officer, scanned with everyone aboard
//! health     orders: quarantine, for one or for all that a trace question finds; the ward keeps the diary
//! ward       notices: who leaves and who comes; live: as it happens; hooks: told to other systems
//! ```
//!
//! - `access` is the one place that says who may do what.
//! - What is personal leaves here only to whoever may see it, and an act in the audit log goes before.

mod access;
mod accounts;
mod areas;
mod arrivals;
mod checking;
mod codes;
mod config;
mod declaring;
mod homes;
mod hooks;
mod live;
mod notices;
mod orders;
mod paper;
mod quota;
mod reach;
mod register;
mod sites;
mod situation;
mod tickets;
mod vehicles;
mod venues;
mod visits;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use truyvet_areas::Neighbours;
use truyvet_engine::Engine;
use truyvet_engine::registry::{
    Act, HOOKS_MAX, Issuer, REGISTRY_FOLDER, Registry, RegistryError, VaultError,
};
use truyvet_schemas::TimeMs;

pub use access::{Caller, Permission};
pub use accounts::{AccountError, NewAccount, SignInError};
pub use areas::{AreaName, Areas, Found};
pub use arrivals::{ArrivalShown, ArrivalsFound, BORDER_KINDS, Part};
pub use checking::{Asked, Card, Checked};
pub use codes::{CodeError, CodeSent, Codes};
pub use config::PeopleConfig;
pub use declaring::{DeclareError, Made, PassView};
pub use hooks::{HookConfigError, HookError, HookState, HookTrouble, Hooks};
pub use live::{Happened, Heard, Live};
pub use notices::{DIGEST_MAX, JourneyState, Notice, NoticesAsked, NoticesError};
pub use orders::{
    BulkOrdered, FACILITY_KINDS, OrderError, OrderRow, OrderShown, OrderWord, Ordering, OrdersAsked,
    OrdersFound, OrdersWanted,
};
pub use paper::{Entered, OnPaper, PaperError};
pub use quota::TooMany;
pub use reach::Person;
pub use register::{PopulationRegister, RegisterError};
pub use sites::Facility;
pub use situation::{
    AREAS_MAX as SITUATION_AREAS_MAX, AreaSituation, Arrivals, JourneySituation, Level, Scale, ScaleError,
    SetLevel, Situation, SituationError, Words,
};
pub use tickets::{Issued, Ticket, Tickets};
pub use vehicles::{TripError, TripRow, TripShown, TripsAsked, TripsFound};
pub use venues::{Venue, VenuesAsked};
pub use visits::{VisitAdmitted, VisitAsked, VisitRefused, Way};

use accounts::Passwords;
use checking::RecentChecks;
use homes::Homes;
use quota::Quota;
use visits::LastVisits;

/// Everything that serves people.
pub struct People {
    /// People, declarations, passes, accounts, and who looked at them.
    pub registry: Registry,
    /// Signs passes.
    pub issuer: Issuer,
    /// Areas with their names.
    pub areas: Areas,
    /// One-time codes.
    pub codes: Codes,
    /// What officers' browsers show at the gateway.
    pub tickets: Arc<Tickets>,
    /// Tells wards what happens.
    pub live: Live,
    /// Told of journeys, outside.
    pub hooks: Hooks,
    /// The epidemic levels there are.
    pub scale: Scale,
    neighbours: Neighbours,
    engine: Engine,
    config: PeopleConfig,
    passwords: Passwords,
    register: Box<dyn PopulationRegister>,
    homes: Homes,
    quota: Quota,
    recent: RecentChecks,
    last_visits: LastVisits,
}

/// Why people cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// As the inner error says.
    #[error(transparent)]
    Keys(#[from] VaultError),
    /// As the inner error says.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// As the inner error says.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// As the inner error says.
    #[error(transparent)]
    Hooks(#[from] HookConfigError),
    /// Check the process's limits.
    #[error("no thread for homes: {0}")]
    Thread(std::io::Error),
    /// Name a directory elsewhere.
    #[error("{}: the keys must not lie within the data directory; name another with --keys", .0.display())]
    KeysWithin(PathBuf),
    /// Check the path.
    #[error("the data directory or that of the keys has no whole path: {0}")]
    Path(#[from] std::io::Error),
}

impl People {
    /// Opens the registry of a data directory, or makes one.
    ///
    /// # Errors
    /// The keys do not belong to it, it cannot be read, or the register's file cannot.
    pub fn open(data: &Path, engine: &Engine, config: &PeopleConfig) -> Result<Self, PeopleError> {
        let keys = keys_dir(data, config);
        let (whole, within) = (std::path::absolute(data)?, std::path::absolute(&keys)?);
        if within.starts_with(&whole) {
            return Err(PeopleError::KeysWithin(keys));
        }
        let registry = Registry::open(&registry_dir(data), &keys, config.cache_bytes)?;
        let first_wait = Duration::from_millis(config.hook_retry_ms);
        Ok(Self {
            hooks: Hooks::new(registry.hooks(None, HOOKS_MAX)?, hooks::agent(config)?, first_wait),
            registry,
            issuer: Issuer::open(&keys)?,
            areas: Areas::of(engine.clone()),
            passwords: Passwords::default(),
            codes: Codes::new(codes::sender(data, config)),
            live: Live::default(),
            tickets: Arc::default(),
            register: register::open(config)?,
            scale: Scale::open(config.situation_file.as_deref())?,
            neighbours: Neighbours::builtin(),
            homes: Homes::start(engine.clone()).map_err(PeopleError::Thread)?,
            quota: Quota::default(),
            recent: RecentChecks::default(),
            last_visits: LastVisits::default(),
            engine: engine.clone(),
            config: config.clone(),
        })
    }
}

/// Where the registry of a data directory lies.
pub fn registry_dir(data: &Path) -> PathBuf {
    data.join(REGISTRY_FOLDER)
}

/// Where its keys lie: beside the data directory unless set otherwise, never within it.
pub fn keys_dir(data: &Path, config: &PeopleConfig) -> PathBuf {
    config.keys.clone().unwrap_or_else(|| {
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        let mut name = data.file_name().unwrap_or_default().to_owned();
        name.push(".keys");
        data.with_file_name(name)
    })
}

/// An act for the audit log that ended well.
pub(crate) fn act(at: TimeMs, actor: &str, action: &str, object: &str) -> Act {
    act_with(at, actor, action, object, "ok")
}

pub(crate) fn act_with(at: TimeMs, actor: &str, action: &str, object: &str, result: &str) -> Act {
    Act {
        at: at.get(),
        actor: actor.to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        result: result.to_owned(),
    }
}
