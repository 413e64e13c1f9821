//! Combinations that stood in cells, counted by joins.

use coexist_model::{Met, Part, PartKind, Sha256, Verdict};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use crate::past::{kind, odd, standing};
use crate::{Ledger, LedgerError};

/// No more combinations are told at once.
pub const MOST_COMBINATIONS: usize = 1_000_000;

/// A question: which combinations stood in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// What a combination is made of, one to three parts: `[Agent, Agent]` are pairs of two different agents.
    pub of: &'a [PartKind],
    /// Whether the agents of a combination were installed in the order in which it names them. Without it, each set of
    /// parts is one combination.
    pub in_sequence: bool,
    /// Only runs that ended at or after this.
    pub since: Option<Timestamp>,
}

impl Ledger {
    /// The combinations that stood in cells, with those that tested and those that masked apart; in the order of their
    /// parts.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged, or holds more than [`MOST_COMBINATIONS`].
    pub fn combinations(&self, ask: Ask<'_>) -> Result<Vec<Met>, LedgerError> {
        let mut met = combinations(&self.connection, ask).map_err(self.failed())?;
        if met.len() > MOST_COMBINATIONS {
            return Err(LedgerError::TooMany { path: self.path.clone(), most: MOST_COMBINATIONS });
        }
        met.sort();
        Ok(met)
    }
}

fn combinations(connection: &Connection, ask: Ask<'_>) -> rusqlite::Result<Vec<Met>> {
    if ask.of.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&query(ask))?;
    let mut rows = statement.query([ask.since.map_or(i64::MIN, Timestamp::as_microsecond)])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(met(row, ask)?);
    }
    Ok(all)
}

/// The statement that asks. All of it is ours: nothing from a file or a user is in its text. Numbers are grouped first, and
/// names looked up for the few groups that are left.
fn query(ask: Ask<'_>) -> String {
    let (mut columns, mut names, mut keys, mut joins, mut group) =
        <(String, String, String, String, String)>::default();
    for (n, kind) in ask.of.iter().enumerate() {
        columns.push_str(&format!("p{n}.kind, p{n}.name, v{n}.value, v{n}.digest, "));
        names.push_str(&format!(
            " JOIN parts AS v{n} ON v{n}.id = g.part{n} JOIN parameters AS p{n} ON p{n}.id = v{n}.parameter"
        ));
        keys.push_str(&format!("s{n}.part AS part{n}, "));
        joins.push_str(&format!(
            " JOIN stood AS s{n} ON s{n}.cell = c.id{}
             AND s{n}.parameter IN (SELECT id FROM parameters WHERE kind = '{}')",
            after(ask, n),
            kind.as_str()
        ));
        group.push_str(&format!("s{n}.part, "));
    }
    // The last run and the worst verdict in it, in one number: eight verdicts at most fit below one microsecond.
    let ranks: String = Verdict::ALL
        .iter()
        .enumerate()
        .map(|(rank, verdict)| format!("WHEN '{}' THEN {} ", verdict.as_str(), WORST - rank as i64))
        .collect();
    format!(
        "SELECT {columns} g.standing, g.runs, g.cells, g.ranked FROM (
             SELECT {keys} c.standing AS standing, count(DISTINCT c.run) AS runs, count(*) AS cells,
                 max(r.at * {RANKS} + CASE c.verdict {ranks} END) AS ranked
             FROM runs AS r JOIN cells AS c ON c.run = r.id{joins}
             WHERE r.at >= ?1 GROUP BY {group} c.standing LIMIT {}
         ) AS g{names}",
        MOST_COMBINATIONS + 1
    )
}

/// Places for a verdict in the number that finds the last and worst.
const RANKS: i64 = 8;
/// Rank of the verdict that needs a reader most.
const WORST: i64 = Verdict::ALL.len() as i64 - 1;

/// How a part follows the one of its kind before it, so that each combination is met once.
fn after(ask: Ask<'_>, n: usize) -> String {
    let kind = ask.of.get(n);
    let Some(before) = (0..n).rev().find(|&before| ask.of.get(before) == kind) else { return String::new() };
    match kind {
        Some(PartKind::Agent) if ask.in_sequence => format!(" AND s{n}.place > s{before}.place"),
        _ => format!(" AND s{n}.parameter > s{before}.parameter"),
    }
}

fn met(row: &Row<'_>, ask: Ask<'_>) -> rusqlite::Result<Met> {
    let mut parts = Vec::with_capacity(ask.of.len());
    for n in 0..ask.of.len() {
        parts.push(part(row, 4 * n)?);
    }
    if !ask.in_sequence {
        parts.sort();
    }
    let next = 4 * ask.of.len();
    let ranked: Option<i64> = row.get(next + 3)?;
    let column = next + 3;
    let unknown = || odd(column, Type::Integer, "a verdict that nobody knows".into());
    let ranked = ranked.ok_or_else(unknown)?;
    let rank = usize::try_from(WORST - ranked.rem_euclid(RANKS)).map_err(|_| unknown())?;
    Ok(Met {
        parts,
        standing: standing(row, next)?,
        runs: row.get(next + 1)?,
        cells: row.get(next + 2)?,
        last: Timestamp::from_microsecond(ranked.div_euclid(RANKS))
            .map_err(|error| odd(column, Type::Integer, Box::new(error)))?,
        verdict: *Verdict::ALL.get(rank).ok_or_else(unknown)?,
    })
}

fn part(row: &Row<'_>, first: usize) -> rusqlite::Result<Part> {
    let digest = Some(row.get(first + 3)?).filter(|it: &String| !it.is_empty());
    Ok(Part {
        kind: kind(row, first)?,
        name: row.get(first + 1)?,
        value: row.get(first + 2)?,
        digest: digest.map(Sha256::from),
    })
}

/// One of our words.
pub(crate) fn word<T: Copy>(
    row: &Row<'_>,
    column: usize,
    all: &[T],
    name: impl Fn(&T) -> &'static str,
) -> rusqlite::Result<T> {
    let said: String = row.get(column)?;
    let known = all.iter().copied().find(|it| name(it) == said);
    known.ok_or_else(|| odd(column, Type::Text, format!("nobody knows the word `{said:.40}`").into()))
}
