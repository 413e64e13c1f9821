//! How much of a model an existing suite covers.

use crate::coverage::Coverage;
use crate::error::CoverError;
use crate::model::Model;
use crate::parts;
use crate::space::Space;
use crate::strength::Strength;

/// What a suite covers, row by row and in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Feasible combinations that were asked for.
    pub feasible: u64,
    /// How many of them stand in a valid row.
    pub covered: u64,
    /// Rows that break rules, which cover nothing.
    pub invalid: Vec<InvalidRow>,
    /// For each row how many combinations it is the first to cover.
    pub first: Vec<u64>,
    /// For each row how many combinations stand in it alone.
    pub only: Vec<u64>,
    /// Combinations that stand in no row, each as parameters and values, the first so many of them.
    pub missing: Vec<Vec<(usize, usize)>>,
}

/// A row that breaks rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRow {
    /// Its place, from 0.
    pub number: usize,
    /// Labels of the fewest rules found that it breaks together.
    pub rules: Vec<String>,
}

/// Measures rows at a strength; at most `listed` of the missing combinations are listed.
///
/// Combinations beside a value out of range are masked by it: only those with it count in such a row.
///
/// # Errors
/// As for [`plan`](crate::plan), and [`CoverError::Seed`] for a row that does not fit the model.
pub fn measure(model: &Model, strength: &Strength, rows: &[Vec<usize>], listed: usize) -> Result<Measure, CoverError> {
    if let Some(number) = rows.iter().position(|row| !model.fits(row)) {
        return Err(CoverError::Seed { number });
    }
    let strength = strength.check(model)?;
    let space = Space::new(model.parameters());
    crate::coverage::check_size(&space, &strength)?;
    let mut measure = Measure {
        feasible: 0,
        covered: 0,
        invalid: Vec::new(),
        first: vec![0; rows.len()],
        only: vec![0; rows.len()],
        missing: Vec::new(),
    };
    let mut parts = parts::of(model)?;
    let mut part_of: Vec<Option<usize>> = Vec::with_capacity(rows.len());
    for (number, row) in rows.iter().enumerate() {
        let cells = space.row(row);
        let part = parts.iter().position(|(ground, _)| ground.rules.valid(&cells, &ground.rules.counts(&cells)));
        if part.is_none() {
            let rules = parts::reasons(model, &parts, &cells);
            measure.invalid.push(InvalidRow { number, rules });
        }
        part_of.push(part);
    }
    for (part, (ground, oracle)) in parts.iter_mut().enumerate() {
        let mut coverage = Coverage::new(ground, oracle, &strength)?;
        let mine: Vec<usize> = (0..rows.len()).filter(|&number| part_of[number] == Some(part)).collect();
        for &number in &mine {
            let before = coverage.uncovered();
            coverage.add(&space.row(&rows[number]));
            measure.first[number] = before - coverage.uncovered();
        }
        for &number in &mine {
            let cells = space.row(&rows[number]);
            measure.only[number] = coverage.unique(&cells, &crate::ground::bits_of(&cells, space.words()));
        }
        measure.feasible += coverage.wanted();
        measure.covered += coverage.wanted() - coverage.uncovered();
        let room = listed.saturating_sub(measure.missing.len());
        let missing = coverage.missing(room).into_iter();
        measure.missing.extend(
            missing
                .map(|cells| cells.into_iter().map(|cell| (space.owner(cell), space.value(cell))).collect::<Vec<_>>()),
        );
    }
    Ok(measure)
}

/// Why some values cannot stand in one row: labels of the fewest rules found that forbid it, or nothing when they can.
///
/// `values` are parameters with a value each.
///
/// # Errors
/// [`CoverError::UnknownValue`] for a parameter or value that the model does not have.
pub fn explain(model: &Model, values: &[(usize, usize)]) -> Result<Option<Vec<String>>, CoverError> {
    let known = |(parameter, value): (usize, usize)| {
        model.parameters().get(parameter).is_some_and(|parameter| value < parameter.values.len())
    };
    if let Some(&(parameter, value)) = values.iter().find(|&&pair| !known(pair)) {
        return Err(CoverError::UnknownValue { parameter, value });
    }
    let space = Space::new(model.parameters());
    let cells: Vec<_> = values.iter().map(|&(parameter, value)| space.cell(parameter, value)).collect();
    Ok(parts::why_not(model, &cells))
}
