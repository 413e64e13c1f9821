//! What one more value costs at the least.

use crate::model::Model;
use crate::search::{Cell, Search, TooHard};

/// What a value costs that stands in no row yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Values that it can meet.
    pub pairs: usize,
    /// Rows without which it does not meet them all: at least one for each of a set of values of which no two can stand
    /// in a row with it.
    pub rows: usize,
}

/// What a new value of a parameter costs at strength 2.
///
/// The values of another parameter need a row each, and so do the versions of agents that exclude each other. The set of
/// such values is looked for greedily, so a larger one may exist: the bound holds, and may be low.
///
/// # Errors
/// When the rules are too hard to decide.
pub fn cost_of_new_value(model: &Model, parameter: usize, value: usize) -> Result<Cost, TooHard> {
    let new = (parameter, value);
    let mut search = Search::new(model);
    let mut cells: Vec<Cell> = Vec::new();
    for (other, of) in model.parameters.iter().enumerate().filter(|&(other, _)| other != parameter) {
        for cell in (0..of.values.len()).map(|at| (other, at)) {
            if search.row_with(&[new, cell])?.is_some() {
                cells.push(cell);
            }
        }
    }
    let mut apart = vec![vec![false; cells.len()]; cells.len()];
    for one in 0..cells.len() {
        for other in 0..one {
            let never = cells[one].0 == cells[other].0 || search.row_with(&[new, cells[one], cells[other]])?.is_none();
            (apart[one][other], apart[other][one]) = (never, never);
        }
    }
    let rows = (0..cells.len()).map(|first| all_apart(&apart, first)).max().unwrap_or(0);
    Ok(Cost { pairs: cells.len(), rows })
}

/// How many cells, the first among them, never stand together.
fn all_apart(apart: &[Vec<bool>], first: usize) -> usize {
    let mut left: Vec<usize> = (0..apart.len()).filter(|&other| apart[first][other]).collect();
    let mut many = 1;
    while !left.is_empty() {
        let friends = |cell: usize| left.iter().filter(|&&other| apart[cell][other]).count();
        let Some(next) = left.iter().copied().max_by_key(|&cell| (friends(cell), std::cmp::Reverse(cell))) else {
            break;
        };
        left.retain(|&other| apart[next][other]);
        many += 1;
    }
    many
}
