//! The ledger: which combinations were tested when, on which digests, with which verdict. One SQLite file.
//!
//! ```text
//! coexist run, ledger add ─► PastRun ─► add ─► runs, cells, what stood in them
//!                                              ├─► cells         to planners: PastCell, oldest first
//!                                              └─► combinations  pairs and triples, as joins
//! ```
//! **Two coordinators, a crash.** A run is one transaction (`BEGIN IMMEDIATE`, on the disk before it is told as done): it is
//! there whole or not at all, and another writer waits for its end, [`WAIT`] at most. The journal is SQLite's rollback
//! journal and not a write-ahead log: a ledger is written once a run and carried about as one file, and a write-ahead log
//! adds two files that must travel with it and does not work on network file systems. The next opening rolls back what a
//! crash left half done.
//!
//! **Idempotent.** A run is known by its id. What is there already is left; a later state of a run that was cut off, or
//! added while it ran, takes the place of the earlier one.
//!
//! **Foreign and damaged files** are told apart and told of ([`LedgerError`]); no file is ever deleted or overwritten.
//! Everything can be built again from the folders of the runs.

mod add;
mod ask;
mod error;
mod open;
mod past;
mod schema;

pub use add::Added;
pub use ask::{Ask, MOST_COMBINATIONS};
pub use error::LedgerError;
pub use past::{MOST_CELLS, Summary};

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

/// How long another writer is waited for.
pub const WAIT: Duration = Duration::from_secs(10);

/// How large the file may become: some millions of cells.
pub const MOST_BYTES: u64 = 1 << 30;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> LedgerError {
        |error| LedgerError::of(&self.path, error)
    }
}
