//! In which order rows run: waves one after the other; where it matters, the rows that are worth most come first.

use coexist_cover::{CoverError, Strength};
use coexist_model::{PastCell, Standing};

use super::model::Space;
use super::{Chosen, id, rules};
use crate::checked::Checked;

/// Looks back at earlier runs: more are put together.
const MOST_AGES: usize = 6;

/// A row in the order of running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The row's number.
    pub(crate) row: usize,
    /// The wave it is in; `None` where the matrix has none.
    pub(crate) wave: Option<usize>,
    /// Whether a budget takes it before others: it is included, or of a wave that is not the last.
    pub(crate) first: bool,
}

/// The name of the last wave, of cells that are in no other.
pub(crate) const REST: &str = "rest";

/// Every row once. With `by_worth` the rows of each wave stand by what they add; else as they were chosen.
pub(crate) fn turns(
    checked: &Checked,
    chosen: &Chosen<'_>,
    by_worth: bool,
    history: &[PastCell],
) -> Result<Vec<Turn>, CoverError> {
    let limited = checked.waves.iter().any(|wave| wave.at_most.is_some());
    let places: Vec<usize> = (0..chosen.rows.len()).collect();
    let worth = if by_worth || limited { worth(chosen, history)? } else { places.clone() };
    let mut wave_of: Vec<Option<usize>> = vec![None; chosen.rows.len()];
    for (number, wave) in checked.waves.iter().enumerate() {
        let mut left = wave.at_most.unwrap_or(usize::MAX);
        for &row in &worth {
            let is = wave_of[row].is_none() && wave.of.as_ref().is_none_or(|of| rules::holds(of, &chosen.rows[row]));
            if is && left > 0 {
                wave_of[row] = Some(number);
                left -= 1;
            }
        }
    }
    let rest = checked.waves.len();
    let mut turns: Vec<Turn> = (if by_worth { worth } else { places })
        .into_iter()
        .map(|row| Turn {
            row,
            wave: (rest > 0).then(|| wave_of[row].unwrap_or(rest)),
            first: wave_of[row].is_some() || chosen.included.contains(&id(&chosen.rows[row])),
        })
        .collect();
    turns.sort_by_key(|turn| turn.wave);
    Ok(turns)
}

/// The rows by what they add to those before them: included rows first; then what was never tested, then what was not
/// tested for longest.
fn worth(chosen: &Chosen<'_>, history: &[PastCell]) -> Result<Vec<usize>, CoverError> {
    let is_included = |row: &usize| chosen.included.contains(&id(&chosen.rows[*row]));
    let (mut order, others): (Vec<usize>, Vec<usize>) = (0..chosen.rows.len()).partition(is_included);
    let Some(space) = &chosen.space else {
        order.extend(others);
        return Ok(order);
    };
    let values: Vec<Option<Vec<usize>>> = chosen.rows.iter().map(|row| space.values(row)).collect();
    let (mut left, beside): (Vec<usize>, Vec<usize>) = others.into_iter().partition(|row| values[*row].is_some());
    for counted in ages(space, history) {
        let mut counted = counted;
        counted.extend(order.iter().filter_map(|row| values[*row].clone()));
        let fresh = fresh(space, &chosen.strength, &values, &left, &counted)?;
        left.retain(|row| !fresh.contains(row));
        order.extend(fresh);
    }
    order.extend(left);
    order.extend(beside);
    Ok(order)
}

/// Of the rows that are left those that hold something that is not counted, the one that holds most first.
fn fresh(
    space: &Space<'_>,
    strength: &Strength,
    values: &[Option<Vec<usize>>],
    left: &[usize],
    counted: &[Vec<usize>],
) -> Result<Vec<usize>, CoverError> {
    let rows: Vec<Vec<usize>> = left.iter().filter_map(|row| values[*row].clone()).collect();
    let order = coexist_cover::most_first_after(&space.model, strength, &rows, counted)?;
    let in_order = order.iter().map(|&at| rows[at].clone());
    let all: Vec<Vec<usize>> = counted.iter().cloned().chain(in_order).collect();
    let measure = coexist_cover::measure(&space.model, strength, &all, 0)?;
    let firsts = measure.first.iter().skip(counted.len());
    Ok(order.iter().zip(firsts).filter(|(_, first)| **first > 0).map(|(&at, _)| left[at]).collect())
}

/// What counts as tested, look by look: everything at first, then without the oldest runs, at last nothing.
fn ages(space: &Space<'_>, history: &[PastCell]) -> Vec<Vec<Vec<usize>>> {
    let mut tested: Vec<(jiff::Timestamp, Vec<usize>)> = history
        .iter()
        .filter(|past| past.standing == Standing::Tested)
        .filter_map(|past| Some((past.at, space.values_of_past(past)?)))
        .collect();
    tested.sort();
    let mut times: Vec<jiff::Timestamp> = tested.iter().map(|(at, _)| *at).collect();
    times.dedup();
    let each = times.len().div_ceil(MOST_AGES).max(1);
    let mut ages = Vec::new();
    for since in times.iter().step_by(each) {
        let newer = tested.iter().filter(|(at, _)| at >= since);
        ages.push(newer.map(|(_, values)| values.clone()).collect());
    }
    ages.push(Vec::new());
    ages
}
