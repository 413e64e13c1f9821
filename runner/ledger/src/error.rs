//! Why a ledger could not be used.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// What stands in the way, and what to do. A ledger's file is never deleted or overwritten because of one of these.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not a database at all, another program's, or one with tables that nobody here made.
    #[error("{} is no ledger of coexist: name another file, or move this one away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Made by another version of coexist.
    #[error(
        "{} has tables of version {found}, and this program knows version {known}: use the program that made it, or move \
         it away and build a new one with `coexist ledger add RUN…`",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: i32,
        /// What is known.
        known: i32,
    },
    /// It was a ledger, and its bytes contradict each other.
    #[error(
        "{} is damaged ({what}): move it away and build a new one with `coexist ledger add RUN…`; what it holds of runs \
         whose folders are gone is lost",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// Somebody else writes into it, and did not end in time.
    #[error("{} is in use: another program did not end writing into it within {waited_s} s; try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        waited_s: u64,
    },
    /// It is as large as it may become.
    #[error(
        "{} is full, or its disk is: a ledger takes at most {most_mib} MiB; forget old runs with `coexist ledger forget \
         RUN`, or make room on the disk",
        path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// The bound.
        most_mib: u64,
    },
    /// The file or its folder cannot be used.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What the database says beyond that.
    #[error("{} cannot be used", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// More combinations than are told at once.
    #[error("{} holds more than {most} combinations of this kind: ask for those since a day", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The bound.
        most: usize,
    },
    /// A run too large to be remembered.
    #[error("the run {run} is not remembered: {what}")]
    Run {
        /// The run.
        run: String,
        /// What is wrong with it.
        what: String,
    },
}

impl LedgerError {
    /// What an answer of the database means.
    pub(crate) fn of(path: &std::path::Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match &source {
            rusqlite::Error::SqliteFailure(failure, said) => match failure.code {
                ErrorCode::NotADatabase => Self::Foreign { path },
                ErrorCode::DatabaseCorrupt => {
                    let what = said.clone().unwrap_or_else(|| failure.to_string());
                    Self::Damaged { path, what }
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    Self::Busy { path, waited_s: crate::WAIT.as_secs() }
                }
                ErrorCode::DiskFull => Self::Full { path, most_mib: crate::MOST_BYTES >> 20 },
                _ => Self::Database { path, source },
            },
            // A value that the tables cannot hold: they are STRICT, so somebody wrote past them.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Damaged { path, what: source.to_string() },
            _ => Self::Database { path, source },
        }
    }
}
