//! Rows that were tested before: some count as coverage, others are masked and shall not come again.

use crate::coverage::Coverage;
use crate::error::CoverError;
use crate::ground::Ground;
use crate::logic::{Part, Rules};
use crate::model::{Expression, Model, Rule};
use crate::plan::{Fill, Request};
use crate::space::{Cell, Space};
use crate::strength::Strength;

/// Cells of all rules that masked rows become: bounds the memory that they take.
const MASKED_CELLS: usize = 4_000_000;

/// Whether all rows and parameters that a request names are of this model.
pub(crate) fn check(model: &Model, request: &Request) -> Result<(), CoverError> {
    for (what, rows) in [("counted row", &request.counted), ("masked row", &request.masked)] {
        fit(model, what, rows)?;
    }
    if let Fill::Alike(parameters) = &request.fill
        && let Some(&number) = parameters.iter().find(|&&parameter| parameter >= model.parameters().len())
    {
        return Err(CoverError::Unfit { what: "parameter to fill alike, number", number });
    }
    Ok(())
}

pub(crate) fn fit(model: &Model, what: &'static str, rows: &[Vec<usize>]) -> Result<(), CoverError> {
    match rows.iter().position(|row| !model.fits(row)) {
        Some(number) => Err(CoverError::Unfit { what, number }),
        None => Ok(()),
    }
}

/// The model with a rule against each masked row; nothing when there is none.
pub(crate) fn without(model: &Model, masked: &[Vec<usize>]) -> Result<Option<Model>, CoverError> {
    let rows: std::collections::BTreeSet<&Vec<usize>> = masked.iter().collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let values: usize = model.parameters().iter().map(|parameter| parameter.values.len()).sum();
    let most = MASKED_CELLS / values.max(1);
    if rows.len() > most {
        return Err(CoverError::TooManyMasked { rows: rows.len(), most });
    }
    let rules = rows.into_iter().map(|row| {
        let other = |(parameter, &value): (usize, &usize)| {
            let count = model.parameters()[parameter].values.len();
            Expression::one_of(parameter, (0..count).filter(|&other| other != value).collect())
        };
        let names = model.named(std::slice::from_ref(row)).concat().join(", ");
        Rule::holds(format!("masked row {names}"), Expression::Any(row.iter().enumerate().map(other).collect()))
    });
    Ok(Some(model.and(rules)))
}

/// Counts rows as covered, those that are valid and of this part.
pub(crate) fn count(ground: &Ground, coverage: &mut Coverage, rows: &[Vec<usize>]) {
    let rows: std::collections::BTreeSet<&Vec<usize>> = rows.iter().collect();
    for row in rows {
        let cells = ground.space.row(row);
        if ground.rules.valid(&cells, &ground.rules.counts(&cells)) {
            coverage.add(&cells);
        }
    }
}

/// Combinations of masked rows of one kind that no other row can hold; `coverage` is what other rows of it can, if any.
pub(crate) fn lost(
    model: &Model,
    part: Part,
    strength: &Strength,
    coverage: Option<&Coverage>,
    masked: &[Vec<usize>],
) -> Vec<Vec<(usize, usize)>> {
    if masked.is_empty() {
        return Vec::new();
    }
    let space = Space::new(model.parameters());
    let constraints = crate::logic::constraints(model, &space, part);
    let rules = Rules::new(constraints.iter().map(|(_, constraint)| constraint), &space);
    let negatives = |cells: &[Cell]| cells.iter().filter(|&&cell| crate::logic::negative(model, &space, cell)).count();
    let mut lost = std::collections::BTreeSet::new();
    for row in masked {
        let cells = space.row(row);
        if !rules.valid(&cells, &rules.counts(&cells)) {
            continue;
        }
        crate::coverage::each_wanted_set(strength, space.width(), &mut |set| {
            let combination: Vec<Cell> = set.iter().map(|&parameter| cells[parameter]).collect();
            // A value out of range masks the combinations beside it.
            let counts = negatives(&combination) == negatives(&cells);
            if counts && !coverage.is_some_and(|coverage| coverage.asks_for(&combination)) {
                lost.insert(combination);
            }
        });
    }
    let told = |cells: Vec<Cell>| cells.into_iter().map(|cell| (space.owner(cell), space.value(cell))).collect();
    lost.into_iter().map(told).collect()
}
