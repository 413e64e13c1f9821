//! The tables, and whether a file has exactly these.
//!
//! ```text
//! runs ─< cells ─< stood >─ parts >─ parameters
//! ```
//! A *parameter* is the image, a setting or an agent; a *part* is one value of it on one digest (empty where it has none),
//! written once for all cells; a cell has one part for each parameter that *stood* in it.
//!
//! Combinations are not rows of their own: a pair is two rows of `stood` with the same cell, so that a cell of 14 values
//! costs 14 rows and not 91, and what counts can be asked anew in every way.

use rusqlite::Connection;

/// `CoEx`: which program's file this is, in the file's header.
pub(crate) const APPLICATION_ID: i32 = 0x436f_4578;

/// Of the tables below. A file of another version is refused, never changed.
pub(crate) const VERSION: i32 = 1;

/// Everything there is in a ledger; a file with anything else, such as a trigger, is not ours.
///
/// Times are microseconds since 1970 in UTC. `place` is the place in the plan, and of an agent among those installed, from 0.
const STATEMENTS: [&str; 7] = [
    "CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  matrix TEXT NOT NULL,
  title TEXT,
  path TEXT NOT NULL,
  matrix_digest TEXT NOT NULL,
  candidate TEXT NOT NULL,
  vendor TEXT NOT NULL,
  kind TEXT NOT NULL,
  version TEXT NOT NULL,
  digest TEXT
) STRICT",
    "CREATE INDEX runs_by_time ON runs (at, run)",
    "CREATE TABLE cells (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  place INTEGER NOT NULL,
  cell TEXT NOT NULL,
  verdict TEXT NOT NULL,
  standing TEXT NOT NULL,
  candidate TEXT,
  baseline_took INTEGER,
  baseline_boots INTEGER,
  baseline_disk INTEGER,
  candidate_took INTEGER,
  candidate_boots INTEGER,
  candidate_disk INTEGER,
  UNIQUE (run, place)
) STRICT",
    "CREATE TABLE parameters (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (kind, name)
) STRICT",
    "CREATE TABLE parts (
  id INTEGER PRIMARY KEY,
  parameter INTEGER NOT NULL REFERENCES parameters,
  value TEXT NOT NULL,
  digest TEXT NOT NULL,
  UNIQUE (parameter, value, digest)
) STRICT",
    "CREATE TABLE stood (
  cell INTEGER NOT NULL REFERENCES cells ON DELETE CASCADE,
  parameter INTEGER NOT NULL REFERENCES parameters,
  part INTEGER NOT NULL REFERENCES parts,
  place INTEGER,
  PRIMARY KEY (cell, parameter)
) STRICT, WITHOUT ROWID",
    "CREATE INDEX stood_by_part ON stood (part, cell)",
];

/// What a file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing in it yet.
    Empty,
    /// A ledger of this version.
    Ours,
    /// A ledger of another version.
    OfVersion(i32),
    /// Somebody else's database, or a ledger that somebody changed.
    Foreign,
}

/// Looks, without changing anything.
pub(crate) fn look(connection: &Connection) -> rusqlite::Result<Found> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let mut statement = connection
        .prepare("SELECT substr(sql, 1, 4000) FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid LIMIT 20")?;
    let there: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(match (application, version) {
        (0, 0) if there.is_empty() => Found::Empty,
        (APPLICATION_ID, VERSION) if there == STATEMENTS => Found::Ours,
        (APPLICATION_ID, VERSION) => Found::Foreign,
        (APPLICATION_ID, version) => Found::OfVersion(version),
        _ => Found::Foreign,
    })
}

/// Makes the tables, inside the caller's transaction.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    for statement in STATEMENTS {
        connection.execute_batch(statement)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}
