//! The whole check, and what it found.

use std::fmt;

use crate::coverage::{Coverage, cover};
use crate::model::Model;
use crate::reader::ReadError;
use crate::rows::{self, Foreign, Read, Row};
use crate::search::{Search, TooHard};

/// What is right and wrong with rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Rows that were read.
    pub rows: usize,
    /// Those that no row may be. They cover nothing.
    pub invalid: Vec<Invalid>,
    /// Combinations that were asked for and stand in some valid row, of this plan or not.
    pub feasible: u64,
    /// Those of them that stand in no row of this plan.
    pub missing: u64,
    /// The first few that are missing.
    pub examples: Vec<String>,
    /// Rows that no plan can do without.
    pub bound: usize,
    /// Seeds that a valid row can have.
    pub seeds: usize,
    /// Lines, from 1, of those seeds that are not at their place, or not as they were.
    pub lost_seeds: Vec<usize>,
}

/// A row that may not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Its line, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

impl Findings {
    /// Whether there is nothing wrong.
    pub fn all_good(&self) -> bool {
        self.invalid.is_empty() && self.missing == 0 && self.lost_seeds.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, invalid, feasible, missing, bound, .. } = self;
        write!(
            f,
            "rows {rows}  invalid {}  feasible {feasible}  missing {missing}  lower-bound {bound}",
            invalid.len()
        )?;
        if self.seeds > 0 {
            write!(f, "  seeds {}  lost {}", self.seeds, self.lost_seeds.len())?;
        }
        for Invalid { line, why } in self.invalid.iter().take(10) {
            write!(f, "\n  row on line {line}: {why}")?;
        }
        for line in self.lost_seeds.iter().take(10) {
            write!(f, "\n  seed on line {line} is not at its place, or not as it was")?;
        }
        self.examples.iter().try_for_each(|example| write!(f, "\n  missing: {example}"))
    }
}

/// Why nothing could be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The rows are not rows of this model.
    #[error("rows, {0}")]
    Rows(#[source] ReadError),
    /// The seeds are not rows of this model.
    #[error("seeds, {0}")]
    Seeds(#[source] ReadError),
    /// The search gave up.
    #[error(transparent)]
    TooHard(#[from] TooHard),
    /// More than this program has memory for.
    #[error("parameters {0} have more than {most} combinations", most = crate::coverage::MOST_OF_A_SET)]
    TooLarge(String),
}

/// Checks rows for a model at a strength; sub-models have their own.
///
/// Seeds that a valid row can have come first in the rows, in their order, each with all the values it gives. What the
/// model does not know is open in a seed: a value there makes a row of a plan invalid, and a column is refused.
///
/// # Errors
/// See [`CheckError`].
pub fn check(model: &Model, strength: usize, rows: &str, seeds: Option<&str>) -> Result<Findings, CheckError> {
    let read = rows::read(model, rows, Foreign::Refused).map_err(CheckError::Rows)?;
    let mut search = Search::new(model);
    let (mut valid, mut invalid) = (Vec::new(), Vec::new());
    for row in &read {
        match complete(model, row) {
            Ok(row) => valid.push(row),
            Err(why) => invalid.push(Invalid { line: row.line, why }),
        }
    }
    let seeds =
        seeds.map(|text| rows::read(model, text, Foreign::PassedOver)).transpose().map_err(CheckError::Seeds)?;
    let seeds = seeds.unwrap_or_default();
    let (mut kept, mut lost_seeds) = (0, Vec::new());
    for seed in &seeds {
        let given = given(seed);
        if can_stand(model, &given, &mut search)? {
            let there = read.get(kept).is_some_and(|row| given.iter().all(|&(p, v)| row.cells[p] == Read::Value(v)));
            kept += 1;
            lost_seeds.extend((!there).then_some(seed.line));
        }
    }
    let Coverage { feasible, missing, examples, bound } = cover(model, strength, &valid, &mut search)?;
    Ok(Findings { rows: read.len(), invalid, feasible, missing, examples, bound, seeds: kept, lost_seeds })
}

/// A row's values, or why it may not be.
fn complete(model: &Model, row: &Row) -> Result<Vec<usize>, String> {
    let value = |(cell, parameter): (&Read, &crate::model::Parameter)| match cell {
        Read::Value(value) => Ok(*value),
        Read::Unknown(name) => Err(format!("{} has no value {name:?}", parameter.name)),
        Read::Nothing => Err(format!("{} has no value here", parameter.name)),
    };
    let values = row.cells.iter().zip(&model.parameters).map(value).collect::<Result<Vec<_>, _>>()?;
    if let Some(rule) = model.rules.iter().find(|rule| !rule.formula.holds(&values)) {
        return Err(format!("it breaks the constraint on line {} of the model", rule.line));
    }
    let negatives = model.negatives(&values).len();
    if negatives > 1 { Err(format!("it has {negatives} negative values")) } else { Ok(values) }
}

fn given(seed: &Row) -> Vec<(usize, usize)> {
    let value = |(parameter, cell): (usize, &Read)| match cell {
        Read::Value(value) => Some((parameter, *value)),
        Read::Unknown(_) | Read::Nothing => None,
    };
    seed.cells.iter().enumerate().filter_map(value).collect()
}

/// Whether a valid row can have the cells: without a negative value of its own, or with one that the seed leaves open.
fn can_stand(model: &Model, given: &[(usize, usize)], search: &mut Search<'_>) -> Result<bool, TooHard> {
    let negative = |&&(parameter, value): &&(usize, usize)| model.parameters[parameter].values[value].negative;
    match given.iter().filter(negative).count() {
        0 if search.row_with(given)?.is_some() => return Ok(true),
        0 => {}
        1 => return Ok(search.row_with(given)?.is_some()),
        _ => return Ok(false),
    }
    for (parameter, of) in model.parameters.iter().enumerate() {
        if given.iter().any(|&(taken, _)| taken == parameter) {
            continue;
        }
        for (value, _) in of.values.iter().enumerate().filter(|(_, value)| value.negative) {
            if search.row_with(&[given, &[(parameter, value)]].concat())?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
