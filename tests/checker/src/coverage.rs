//! Which combinations there are, and which of them stand in the rows.

use std::collections::BTreeMap;

use crate::check::CheckError;
use crate::demand::sets;
use crate::model::Model;
use crate::search::{Cell, Search, TooHard};

/// Combinations of one set of parameters.
pub(crate) const MOST_OF_A_SET: usize = 1 << 26;
/// Missing combinations that are told.
const TOLD: usize = 10;

pub(crate) struct Coverage {
    pub(crate) feasible: u64,
    pub(crate) missing: u64,
    pub(crate) examples: Vec<String>,
    pub(crate) bound: usize,
}

/// Counts what valid rows cover.
pub(crate) fn cover(
    model: &Model,
    strength: usize,
    rows: &[Vec<usize>],
    search: &mut Search<'_>,
) -> Result<Coverage, CheckError> {
    let mut counted = Coverage { feasible: 0, missing: 0, examples: Vec::new(), bound: 0 };
    let mut known = Known { search, witnesses: Vec::new(), pairs: BTreeMap::new() };
    let negatives: Vec<Option<usize>> = rows.iter().map(|row| model.negatives(row).first().copied()).collect();
    let (mut most_usual, mut most_negative) = (0, 0);
    for set in sets(model, strength) {
        let sizes: Vec<usize> = set.iter().map(|&parameter| model.parameters[parameter].values.len()).collect();
        let size =
            sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size).filter(|&all| all <= MOST_OF_A_SET));
        let size = size.ok_or_else(|| CheckError::TooLarge(names(model, &set)))?;
        let here = mark(&set, &sizes, size, rows.iter().map(Vec::as_slice).zip(negatives.iter().copied()));
        let elsewhere = known.witnesses.iter().map(|(row, negative)| (row.as_slice(), *negative));
        let found = mark(&set, &sizes, size, elsewhere);
        let (mut usual, mut negative) = (0, 0);
        for at in 0..size {
            let combination = cells(&set, &sizes, at);
            let out_of_range = combination.iter().filter(|&&(p, v)| model.parameters[p].values[v].negative).count();
            if out_of_range > 1 {
                continue;
            }
            if !here[at] && !found[at] && !known.possible(model, &combination)? {
                continue;
            }
            *(if out_of_range == 0 { &mut usual } else { &mut negative }) += 1;
            counted.feasible += 1;
            if !here[at] {
                counted.missing += 1;
                if counted.examples.len() < TOLD {
                    counted.examples.push(told(model, &combination));
                }
            }
        }
        most_usual = most_usual.max(usual);
        most_negative = most_negative.max(negative);
    }
    // A row has one combination of each set, and is with or without a negative value.
    counted.bound = most_usual + most_negative;
    Ok(counted)
}

/// Combinations of a set that rows cover. A row with a negative value covers only those that have it.
fn mark<'r>(
    set: &[usize],
    sizes: &[usize],
    size: usize,
    rows: impl Iterator<Item = (&'r [usize], Option<usize>)>,
) -> Vec<bool> {
    let mut covered = vec![false; size];
    for (row, negative) in rows {
        if negative.is_none_or(|parameter| set.contains(&parameter)) {
            covered[set.iter().zip(sizes).fold(0, |at, (&parameter, size)| at * size + row[parameter])] = true;
        }
    }
    covered
}

fn cells(set: &[usize], sizes: &[usize], mut at: usize) -> Vec<Cell> {
    let mut cells: Vec<Cell> = set.iter().map(|&parameter| (parameter, 0)).collect();
    for (cell, size) in cells.iter_mut().zip(sizes).rev() {
        cell.1 = at % size;
        at /= size;
    }
    cells
}

fn names(model: &Model, set: &[usize]) -> String {
    set.iter().map(|&parameter| model.parameters[parameter].name.as_str()).collect::<Vec<_>>().join(", ")
}

fn told(model: &Model, combination: &[Cell]) -> String {
    let cell = |&(parameter, value): &Cell| {
        let parameter = &model.parameters[parameter];
        format!("{} = {}", parameter.name, parameter.values[value].names[0])
    };
    combination.iter().map(cell).collect::<Vec<_>>().join(", ")
}

/// What was found out by searching.
struct Known<'s, 'm> {
    search: &'s mut Search<'m>,
    /// Valid rows, with the parameter that has a negative value.
    witnesses: Vec<(Vec<usize>, Option<usize>)>,
    /// Pairs that stand in a row whose only negative value is theirs, and those that do not.
    pairs: BTreeMap<(Cell, Cell), bool>,
}

impl Known<'_, '_> {
    /// Whether the combination can stand in a valid row whose only negative value, if any, is its own.
    fn possible(&mut self, model: &Model, combination: &[Cell]) -> Result<bool, TooHard> {
        let negative = |&(parameter, value): &Cell| model.parameters[parameter].values[value].negative;
        let own = combination.iter().find(|cell| negative(cell)).copied();
        if combination.len() > 2 {
            // Most of what is impossible holds an impossible pair, and there are far fewer of those.
            for (at, &one) in combination.iter().enumerate() {
                for &other in &combination[at + 1..] {
                    let same_kind = own.is_none_or(|own| own == one || own == other);
                    if same_kind && !self.pair(one, other)? {
                        return Ok(false);
                    }
                }
            }
        }
        let row = self.search.row_with(combination)?;
        let possible = row.is_some();
        self.witnesses.extend(row.map(|row| (row, own.map(|(parameter, _)| parameter))));
        Ok(possible)
    }

    fn pair(&mut self, one: Cell, other: Cell) -> Result<bool, TooHard> {
        if let Some(&known) = self.pairs.get(&(one, other)) {
            return Ok(known);
        }
        let possible = self.search.row_with(&[one, other])?.is_some();
        self.pairs.insert((one, other), possible);
        Ok(possible)
    }
}
