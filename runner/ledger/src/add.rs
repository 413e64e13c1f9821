//! Writing: a run in one transaction, or none of it.

use std::collections::{BTreeMap, BTreeSet};

use coexist_model::{ArmCost, PartKind, PastCell, PastRun, RunId, Sha256};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::{Ledger, LedgerError};

/// No run has more cells: what is planned has at most half as many.
const MOST_CELLS_OF_A_RUN: usize = 20_000;
/// No cell has more parameters.
const MOST_PARAMETERS: usize = 500;
/// Bytes of the longest name, value or path.
const LONGEST: usize = 4096;

/// What came of adding a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was not there.
    New,
    /// An earlier state of it was there, of a time at which it had not ended.
    Updated,
    /// It was there.
    Known,
}

impl Ledger {
    /// Remembers a run. Adding it once more changes nothing.
    ///
    /// # Errors
    /// When the run is larger than any that is planned, or the file cannot be written.
    pub fn add(&mut self, run: &PastRun) -> Result<Added, LedgerError> {
        check(run)?;
        let path = self.path.clone();
        add(&mut self.connection, run).map_err(|error| LedgerError::of(&path, error))
    }

    /// Forgets a run. Whether it was there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&mut self, run: &RunId) -> Result<bool, LedgerError> {
        let path = self.path.clone();
        forget(&mut self.connection, run).map_err(|error| LedgerError::of(&path, error))
    }
}

/// Refuses what no plan makes, before anything is written.
fn check(run: &PastRun) -> Result<(), LedgerError> {
    let refuse = |what: String| Err(LedgerError::Run { run: run.run.as_str().chars().take(100).collect(), what });
    if run.cells.len() > MOST_CELLS_OF_A_RUN {
        return refuse(format!("it has {} cells, and no run has more than {MOST_CELLS_OF_A_RUN}", run.cells.len()));
    }
    let of_run = [
        run.run.as_str(),
        run.matrix.name.as_str(),
        run.matrix.title.as_deref().unwrap_or_default(),
        run.matrix.path.as_str(),
        run.candidate.version.as_str(),
        run.candidate.vendor.as_str(),
    ];
    let too_long = |text: &str| text.len() > LONGEST;
    if of_run.into_iter().any(too_long) {
        return refuse(format!("a name in it is longer than {LONGEST} bytes"));
    }
    for cell in &run.cells {
        let settings = cell.settings.iter().flat_map(|(setting, value)| [setting.as_str(), value.as_str()]);
        let agents = cell.agents.iter().flat_map(|agent| [agent.id.as_str(), agent.version.as_str()]);
        let mut texts = [cell.id.as_str(), cell.image.as_str()].into_iter().chain(settings).chain(agents);
        if texts.any(too_long) {
            return refuse(format!("a name in one of its cells is longer than {LONGEST} bytes"));
        }
        if cell.settings.len() + cell.agents.len() >= MOST_PARAMETERS {
            return refuse(format!("one of its cells has more than {MOST_PARAMETERS} settings and agents"));
        }
        let agents: BTreeSet<_> = cell.agents.iter().map(|agent| &agent.id).collect();
        if agents.len() < cell.agents.len() {
            return refuse("an agent stands twice in one of its cells".to_owned());
        }
    }
    Ok(())
}

fn add(connection: &mut Connection, run: &PastRun) -> rusqlite::Result<Added> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let at = run.at.as_microsecond();
    let before: Option<i64> =
        transaction.query_row("SELECT at FROM runs WHERE run = ?1", [run.run.as_str()], |row| row.get(0)).optional()?;
    let added = match before {
        Some(before) if before >= at => return Ok(Added::Known),
        Some(_) => {
            remove(&transaction, &run.run)?;
            Added::Updated
        }
        None => Added::New,
    };
    let candidate = &run.candidate;
    transaction.execute(
        "INSERT INTO runs (run, at, matrix, title, path, matrix_digest, candidate, vendor, kind, version, digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            run.run.as_str(),
            at,
            run.matrix.name,
            run.matrix.title,
            run.matrix.path,
            run.matrix.sha256.as_str(),
            candidate.agent.as_str(),
            candidate.vendor,
            candidate.kind.as_str(),
            candidate.version,
            candidate.sha256.as_ref().map(Sha256::as_str),
        ],
    )?;
    let id = transaction.last_insert_rowid();
    let mut parts = Parts { transaction: &transaction, known: BTreeMap::new() };
    for (place, cell) in run.cells.iter().enumerate() {
        add_cell(&transaction, &mut parts, id, place, cell)?;
    }
    transaction.commit()?;
    Ok(added)
}

fn add_cell(
    transaction: &Transaction<'_>,
    parts: &mut Parts<'_>,
    run: i64,
    place: usize,
    cell: &PastCell,
) -> rusqlite::Result<()> {
    let took = |cost: Option<ArmCost>| cost.map(|it| bounded(it.took.as_millis()));
    let boots = |cost: Option<ArmCost>| cost.map(|it| it.boots);
    let disk = |cost: Option<ArmCost>| cost.and_then(|it| it.disk).map(bounded);
    let (baseline, candidate) = (cell.cost.baseline, cell.cost.candidate);
    transaction.execute(
        "INSERT INTO cells (run, place, cell, verdict, standing, candidate, baseline_took, baseline_boots,
             baseline_disk, candidate_took, candidate_boots, candidate_disk)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            run,
            bounded(place as u64),
            cell.id.as_str(),
            cell.verdict.as_str(),
            cell.standing.as_str(),
            cell.candidate.as_ref().map(Sha256::as_str),
            took(baseline),
            boots(baseline),
            disk(baseline),
            took(candidate),
            boots(candidate),
            disk(candidate),
        ],
    )?;
    let id = transaction.last_insert_rowid();
    let mut insert = transaction.prepare("INSERT INTO stood (cell, parameter, part, place) VALUES (?1, ?2, ?3, ?4)")?;
    let mut stood = |kind: PartKind, name: &str, value: &str, digest: Option<&Sha256>, place: Option<usize>| {
        let (parameter, part) = parts.id(kind, name, value, digest)?;
        insert.execute(params![id, parameter, part, place.map(|it| bounded(it as u64))])
    };
    stood(PartKind::Image, "", cell.image.as_str(), cell.digests.image.as_ref(), None)?;
    for (setting, value) in &cell.settings {
        stood(PartKind::Setting, setting, value, None, None)?;
    }
    for (place, agent) in cell.agents.iter().enumerate() {
        let digest = cell.digests.agents.get(&agent.id);
        stood(PartKind::Agent, agent.id.as_str(), &agent.version, digest, Some(place))?;
    }
    Ok(())
}

/// Parameters and parts, each written once.
struct Parts<'a> {
    transaction: &'a Transaction<'a>,
    /// PartKind, name, value and digest to parameter and part.
    known: BTreeMap<(PartKind, String, String, String), (i64, i64)>,
}

impl Parts<'_> {
    fn id(&mut self, kind: PartKind, name: &str, value: &str, digest: Option<&Sha256>) -> rusqlite::Result<(i64, i64)> {
        let digest = digest.map_or("", Sha256::as_str);
        let key = (kind, name.to_owned(), value.to_owned(), digest.to_owned());
        if let Some(ids) = self.known.get(&key) {
            return Ok(*ids);
        }
        let parameter = self.find_or_insert(
            "SELECT id FROM parameters WHERE kind = ?1 AND name = ?2",
            "INSERT INTO parameters (kind, name) VALUES (?1, ?2)",
            params![kind.as_str(), name],
        )?;
        let part = self.find_or_insert(
            "SELECT id FROM parts WHERE parameter = ?1 AND value = ?2 AND digest = ?3",
            "INSERT INTO parts (parameter, value, digest) VALUES (?1, ?2, ?3)",
            params![parameter, value, digest],
        )?;
        self.known.insert(key, (parameter, part));
        Ok((parameter, part))
    }

    fn find_or_insert(&self, find: &str, insert: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<i64> {
        let found = self.transaction.query_row(find, values, |row| row.get(0)).optional()?;
        match found {
            Some(id) => Ok(id),
            None => {
                self.transaction.execute(insert, values)?;
                Ok(self.transaction.last_insert_rowid())
            }
        }
    }
}

fn forget(connection: &mut Connection, run: &RunId) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let there = remove(&transaction, run)?;
    // What stood in no other run's cells goes too: a forgotten product leaves no name behind.
    transaction.execute_batch(
        "DELETE FROM parts WHERE NOT EXISTS (SELECT 1 FROM stood WHERE stood.part = parts.id);
         DELETE FROM parameters WHERE NOT EXISTS (SELECT 1 FROM parts WHERE parts.parameter = parameters.id);",
    )?;
    transaction.commit()?;
    Ok(there)
}

/// A run with its cells and what stood in them.
fn remove(transaction: &Transaction<'_>, run: &RunId) -> rusqlite::Result<bool> {
    Ok(transaction.execute("DELETE FROM runs WHERE run = ?1", [run.as_str()])? > 0)
}

/// A count as SQLite has numbers.
fn bounded(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
