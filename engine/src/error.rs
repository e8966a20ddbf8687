//! What can go wrong, each with what to do about it.

use std::path::PathBuf;

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Ask the process that has it, or stop it.
    #[error("{} is in use by another process; ask that one (`--url`), or stop it first", .0.display())]
    InUse(PathBuf),
    /// Run the newer program.
    #[error("{} was written by a newer version (format {found}; this program reads up to {known}); run the newer program", .dir.display())]
    NewerVersion {
        /// The data directory.
        dir: PathBuf,
        /// Format on disk.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// Import its files anew into an empty directory.
    #[error("{} was written by an older version (format {found}; this program reads {known}); import its files into an empty directory", .dir.display())]
    OlderVersion {
        /// The data directory.
        dir: PathBuf,
        /// Format on disk.
        found: u32,
        /// Format known here.
        known: u32,
    },
    /// Choose an empty directory, or one that this program made.
    #[error("{} holds other files and is no data directory of Truyvet; choose an empty one", .0.display())]
    Foreign(PathBuf),
    /// Restore into it again, which begins anew.
    #[error("{} holds an unfinished restore; run `truyvet restore` into it again, which begins anew", .0.display())]
    Unfinished(PathBuf),
    /// Correct the setting.
    #[error("setting {0}")]
    Config(String),
    /// Check the file system and its permissions.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was being opened.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Restore the data directory from a backup: without this file nothing can be trusted.
    #[error("{} is damaged or missing ({what}); restore the data directory from a backup", .file.display())]
    Damaged {
        /// What is damaged.
        file: PathBuf,
        /// How.
        what: String,
    },
    /// As the inner error says.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why the engine could not do something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// Free space, check the disk; the message is the store's own.
    #[error("the store failed: {0}")]
    Store(String),
    /// Restore from a backup; questions about other days still work. An import's file brings nothing back:
    /// its rows count as taken.
    #[error("damaged data in {what}: restore it from a backup")]
    Corrupt {
        /// Which part.
        what: String,
    },
    /// Free space; what waits is tried again.
    #[error("the data directory's file system is full; free some space")]
    NoSpace,
    /// Raise `subjects_max`.
    #[error("the limit of {0} subjects is reached; raise `subjects_max`")]
    SubjectLimit(u32),
    /// Name every day of the partition.
    #[error("sparse days share a partition, here {from} to {to}; only all of it can be dropped")]
    SharedPartition {
        /// Its first instant.
        from: String,
        /// The first instant after it.
        to: String,
    },
    /// The engine is being closed.
    #[error("the engine is stopping; ask again after it has started")]
    Stopped,
}

impl From<rocksdb::Error> for EngineError {
    fn from(error: rocksdb::Error) -> Self {
        match error.kind() {
            // The store's own words name the file.
            rocksdb::ErrorKind::Corruption => Self::Corrupt { what: error.into_string() },
            _ => Self::Store(error.into_string()),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Correct the question as the message says.
    #[error("{0}")]
    Question(String),
    /// Ask a narrower question: fewer sites or subjects, a shorter time.
    #[error(
        "the answer would need {needed} {what}, more than the {limit} allowed at once; ask for a shorter time or fewer codes"
    )]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        needed: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// Ask a narrower question, or raise `query_leaves_max`.
    #[error(
        "the question would read more than {limit} leaves of the index; ask for a shorter time, fewer codes or fewer generations, or raise `query_leaves_max`"
    )]
    TooCostly {
        /// How many are allowed.
        limit: u64,
    },
    /// Ask a narrower question, or allow more time.
    #[error("the question took longer than {} ms and was given up; ask for a shorter time, fewer codes or fewer generations, or allow more time with `timeout`", .max.as_millis())]
    Deadline {
        /// How long it may take.
        max: std::time::Duration,
    },
    /// Ask again a little later.
    #[error(
        "too many long questions are waiting; ask again in a few seconds, or for a shorter time or fewer codes"
    )]
    Busy,
    /// Ask again, if it was not you who stopped it.
    #[error("the question was stopped before it was answered")]
    Stopped,
    /// As the inner error says.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an entry of the catalog cannot be changed as asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Import the site first.
    #[error("no site has the code `{0}`; import it first (`truyvet import --sites FILE`)")]
    UnknownSite(String),
    /// Import the area first.
    #[error("no area has the code `{0}`; import it first (`truyvet import --areas FILE`)")]
    UnknownArea(String),
    /// Correct the parents.
    #[error("area `{0}` lies below itself; correct its parent")]
    AreaCycle(String),
    /// Look at the list of devices.
    #[error("no device has the number {0}; `truyvet device list` shows them")]
    UnknownDevice(u32),
    /// Enrol a new device instead.
    #[error("device {0} was revoked; enrol a new one (`truyvet device add`)")]
    RevokedDevice(u32),
    /// Correct the code.
    #[error("{0}")]
    Code(#[from] truyvet_schemas::CodeError),
    /// Raise `subjects_max`, or import fewer people.
    #[error("the limit of {0} subjects is reached; raise `subjects_max`")]
    SubjectLimit(u32),
    /// As the inner error says.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
