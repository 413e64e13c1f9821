//! Reading cells back: what planners take, and what there is in all.

use std::collections::BTreeMap;

use coexist_model::{
    AgentChoice, ArmCost, Arms, Digests, PartKind, PastCell, RunId, Seconds, Sha256, Standing, Verdict,
};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Statement, params};

use crate::ask::word;
use crate::{Ledger, LedgerError};

/// No more cells are read at once: the newest.
pub const MOST_CELLS: usize = 200_000;

/// A remembered run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub run: RunId,
    /// When it ended.
    pub at: Timestamp,
    /// Name of its matrix.
    pub matrix: String,
    /// The candidate's product and version.
    pub candidate: (String, String),
    /// Cells of which the combinations were tested.
    pub tested: u64,
    /// Cells that mask theirs.
    pub masked: u64,
}

impl Ledger {
    /// The runs, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn runs(&self) -> Result<Vec<Summary>, LedgerError> {
        runs(&self.connection).map_err(self.failed())
    }

    /// What planners take: the cells of runs that ended at or after a moment, oldest first, each run's in its plan's order.
    /// Of more than [`MOST_CELLS`], the newest.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn cells(&self, since: Option<Timestamp>) -> Result<Vec<PastCell>, LedgerError> {
        cells(&self.connection, since).map_err(self.failed())
    }
}

fn runs(connection: &Connection) -> rusqlite::Result<Vec<Summary>> {
    let mut statement = connection.prepare(
        "SELECT r.run, r.at, r.matrix, r.candidate, r.version,
             count(c.id) FILTER (WHERE c.standing = 'tested'), count(c.id) FILTER (WHERE c.standing <> 'tested')
         FROM runs AS r LEFT JOIN cells AS c ON c.run = r.id GROUP BY r.id ORDER BY r.at, r.run",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Summary {
            run: row.get::<_, String>(0)?.into(),
            at: moment(row, 1)?,
            matrix: row.get(2)?,
            candidate: (row.get(3)?, row.get(4)?),
            tested: row.get(5)?,
            masked: row.get(6)?,
        })
    })?;
    rows.collect()
}

fn cells(connection: &Connection, since: Option<Timestamp>) -> rusqlite::Result<Vec<PastCell>> {
    // One state of the file for both statements.
    let transaction = connection.unchecked_transaction()?;
    let mut stood = transaction.prepare(
        "SELECT p.kind, p.name, v.value, v.digest FROM stood AS s
         JOIN parts AS v ON v.id = s.part JOIN parameters AS p ON p.id = v.parameter
         WHERE s.cell = ?1 ORDER BY s.place, p.kind, p.name",
    )?;
    let mut statement = transaction.prepare(
        "SELECT c.id, r.run, r.at, c.cell, c.verdict, c.standing, c.candidate, c.baseline_took, c.baseline_boots,
             c.baseline_disk, c.candidate_took, c.candidate_boots, c.candidate_disk
         FROM runs AS r JOIN cells AS c ON c.run = r.id
         WHERE r.at >= ?1 ORDER BY r.at DESC, r.run DESC, c.place DESC LIMIT ?2",
    )?;
    let since = since.map_or(i64::MIN, Timestamp::as_microsecond);
    let mut rows = statement.query(params![since, MOST_CELLS as i64])?;
    let mut cells = Vec::new();
    while let Some(row) = rows.next()? {
        cells.push(cell(row, &mut stood)?);
    }
    cells.reverse();
    Ok(cells)
}

fn cell(row: &Row<'_>, stood: &mut Statement<'_>) -> rusqlite::Result<PastCell> {
    let mut cell = PastCell {
        run: row.get::<_, String>(1)?.into(),
        at: moment(row, 2)?,
        id: row.get::<_, String>(3)?.into(),
        image: "".into(),
        settings: BTreeMap::new(),
        agents: Vec::new(),
        verdict: verdict(row, 4)?,
        standing: standing(row, 5)?,
        candidate: row.get::<_, Option<String>>(6)?.map(Sha256::from),
        digests: Digests::default(),
        cost: Arms { baseline: cost(row, 7)?, candidate: cost(row, 10)? },
    };
    let mut parts = stood.query([row.get::<_, i64>(0)?])?;
    while let Some(part) = parts.next()? {
        let (name, value): (String, String) = (part.get(1)?, part.get(2)?);
        let digest = Some(part.get::<_, String>(3)?).filter(|it| !it.is_empty()).map(Sha256::from);
        match kind(part, 0)? {
            PartKind::Image => {
                cell.image = value.into();
                cell.digests.image = digest;
            }
            PartKind::Setting => {
                cell.settings.insert(name, value);
            }
            PartKind::Agent => {
                cell.digests.agents.extend(digest.map(|digest| (name.as_str().into(), digest)));
                cell.agents.push(AgentChoice { id: name.into(), version: value });
            }
        }
    }
    Ok(cell)
}

fn cost(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<ArmCost>> {
    let (took, boots): (Option<u64>, Option<u32>) = (row.get(first)?, row.get(first + 1)?);
    let disk = row.get(first + 2)?;
    Ok(took.zip(boots).map(|(took, boots)| ArmCost { took: Seconds::from_millis(took), boots, disk }))
}

pub(crate) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let at: i64 = row.get(column)?;
    Timestamp::from_microsecond(at).map_err(|error| odd(column, Type::Integer, Box::new(error)))
}

pub(crate) fn verdict(row: &Row<'_>, column: usize) -> rusqlite::Result<Verdict> {
    word(row, column, &Verdict::ALL, |it| it.as_str())
}

pub(crate) fn standing(row: &Row<'_>, column: usize) -> rusqlite::Result<Standing> {
    word(row, column, &Standing::ALL, |it| it.as_str())
}

pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<PartKind> {
    word(row, column, &PartKind::ALL, |it| it.as_str())
}

/// A value that no ledger of ours holds.
pub(crate) fn odd(
    column: usize,
    of: Type,
    error: Box<dyn std::error::Error + Send + Sync + 'static>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, of, error)
}
