//! Opening: what a file is, before anything is asked of it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::schema::{self, Found, VERSION};
use crate::{Ledger, LedgerError, MOST_BYTES, WAIT};

/// No text of a ledger is longer, nor any statement.
const LONGEST: i32 = 1 << 20;

impl Ledger {
    /// Opens a ledger to write into it; makes it, and the folder it lies in, where there is none.
    ///
    /// # Errors
    /// When the file is not a ledger of this version, is damaged, or cannot be written.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let path = absolute(path)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| LedgerError::File { path: path.clone(), source })?;
        }
        let mut ledger = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        if ledger.found()? == Found::Empty {
            ledger.create()?;
        }
        ledger.expect_ours()?;
        Ok(ledger)
    }

    /// Opens a ledger to ask it; nothing when there is none.
    ///
    /// # Errors
    /// When the file is not a ledger of this version, is damaged, or cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, LedgerError> {
        let path = absolute(path)?;
        if absent(&path) {
            return Ok(None);
        }
        // To write as well, where that may be: what a crash left half done has to be rolled back first.
        let ledger = connect(path, OpenFlags::empty())?;
        ledger.connection.pragma_update(None, "query_only", true).map_err(ledger.failed())?;
        if ledger.found()? == Found::Empty {
            return Ok(None);
        }
        ledger.expect_ours()?;
        Ok(Some(ledger))
    }

    fn found(&self) -> Result<Found, LedgerError> {
        schema::look(&self.connection).map_err(self.failed())
    }

    fn expect_ours(&self) -> Result<(), LedgerError> {
        let path = self.path.clone();
        match self.found()? {
            Found::Ours => Ok(()),
            Found::OfVersion(found) => Err(LedgerError::Version { path, found, known: VERSION }),
            Found::Foreign | Found::Empty => Err(LedgerError::Foreign { path }),
        }
    }

    /// Makes the tables, unless another program did meanwhile.
    fn create(&mut self) -> Result<(), LedgerError> {
        let path = self.path.clone();
        let create = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if schema::look(&transaction)? == Found::Empty {
                schema::create(&transaction)?;
            }
            transaction.commit()
        };
        create(&mut self.connection).map_err(|error| LedgerError::of(&path, error))
    }
}

/// Whether there is certainly nothing at the path: neither a file, nor the folder it would lie in.
fn absent(path: &Path) -> bool {
    let missing = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
    fs::symlink_metadata(path).is_err_and(|error| missing(error.kind()))
}

/// A path that SQLite takes for nothing but a file: `:memory:` and the empty name mean something else to it.
fn absolute(path: &Path) -> Result<PathBuf, LedgerError> {
    std::path::absolute(path).map_err(|source| LedgerError::File { path: path.to_owned(), source })
}

fn connect(path: PathBuf, more: OpenFlags) -> Result<Ledger, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(&path, flags).map_err(|error| cannot_open(&path, error))?;
    prepare(&connection).map_err(|error| cannot_open(&path, error))?;
    Ok(Ledger { connection, path })
}

/// The system says more of a file that cannot be opened than SQLite does.
fn cannot_open(path: &Path, error: rusqlite::Error) -> LedgerError {
    if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) {
        let opened = fs::OpenOptions::new().read(true).write(true).open(path);
        if let Err(source) = opened {
            return LedgerError::File { path: path.to_owned(), source };
        }
    }
    LedgerError::of(path, error)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(WAIT)?;
    // The file may be anybody's: no code of its own runs, and nothing in it is larger than ours.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, LONGEST)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The folder's entry of a finished journal too: a run that was told as remembered is.
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_query_value(None, "journal_mode", |_| Ok(()))?;
    connection.query_row(&format!("PRAGMA max_page_count = {}", MOST_BYTES / page.max(512)), [], |_| Ok(()))
}
